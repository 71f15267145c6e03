"""Mutants of the rules: each condition of each rule is dropped in turn. Does anything that is written change?

A condition is one argument of ``s.require``, in the rule itself or in a helper that it calls; it is dropped for all
bindings of the rule. The mutant is explored whole, for the policies of which the case has a written expectation, the
smallest case first. It is killed by a verdict that changes, by a law of `tux3nb.model.laws` that is broken, or by a
state that the world has no room for. Why another one is not killed is written in the column `reason` of
``data/mutants.csv``, by hand.

A mutant is first tried on the case that the record names, whatever its size, and is done if that kills it. Every other
one is tried on the cases of at most `MOST` states, all policies with an expectation together. So the record tells of a
case that kills, and not of the worst that any case says; what it calls survived, a larger case or a free-running world
may kill.

    python -m tools.mutants                      try all, write data/mutants.csv
    python -m tools.mutants --most-states 1000   the same, on smaller cases
    python -m tools.mutants RULE...              only these rules, from scratch; writes nothing
"""

from __future__ import annotations

import argparse
import ast
import copy
import csv
import functools
import gc
import inspect
import io
import operator
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from tqdm import tqdm

from tux3nb.answers.judge import Judged, judge
from tux3nb.cases.case import Case, named
from tux3nb.catalogue import catalogue
from tux3nb.catalogue.free import free
from tux3nb.engine.compile import Compiled, Move
from tux3nb.engine.family import Listed
from tux3nb.engine.result import UNFINISHED, Limits
from tux3nb.engine.rule import Rule, State
from tux3nb.engine.system import System
from tux3nb.engine.terms import Expr, lift, shared, walk
from tux3nb.errors import ModelError, UserError, WorkerDied, nearest
from tux3nb.model.features import FEATURES
from tux3nb.model.laws import LAWS, MECHANISMS, held, lawful, run_laws
from tux3nb.model.rules import all_rules
from tux3nb.paths import data_dir, write_whole
from tux3nb.workers import each

COLUMNS = ("rule", "condition", "outcome", "case", "detail", "reason")
VERDICT, DEADLOCK, LAW, OVERFLOW = "verdict", "deadlock", "law", "overflow"
COUNT, SURVIVED, FOLDS = "count", "survived", "folds"
KILLED = (VERDICT, DEADLOCK, LAW, OVERFLOW)
OUTCOMES = {
    VERDICT: "a verdict changes, or which properties a policy violates",
    DEADLOCK: "a verdict changes, by progress (I7) alone",
    LAW: "a law that the case keeps is broken, or a mechanism at work under a policy that has not got it",
    OVERFLOW: "a read outside an array, a value outside its range, or a bound of the world is hit",
    COUNT: "only the number of states or edges changes",
    SURVIVED: "nothing changes in any case",
    FOLDS: "nothing changes, and it reads no state: the place in the routine implies it, the rule folds sooner",
}
WORST = tuple(OUTCOMES)
MOST = 6_000  # states of the cases on which a mutant is tried that the case of its row does not kill
ROOM = 10_000  # states that a mutant may have in a case beside twice the case's own
PATIENCE = 4  # cases in which a mutant that is killed otherwise is tried on, for a verdict that changes
FREE = ("uprobes", "aio", "mmap", "life", "evict", "migration")  # families whose free-running world is small
LOOKED = 20_000  # states of a case up to which the laws of every run are asked, which takes a while
JOBS = 2


@dataclass(frozen=True)
class Outcome:
    """What became of one mutant; the fields are the columns of the record. detail: what changes in the case."""

    rule: str
    condition: str
    outcome: str = SURVIVED
    case: str = ""
    detail: str = ""
    reason: str = ""

    @property
    def killed(self) -> bool:
        return self.outcome in KILLED


# ---- the conditions of a rule ----------------------------------------------------------------------------
class Weak(State):
    """The `s` of a rule that tells of each condition (text, condition), and has a truism where `dropped` stands."""

    def __init__(self, s: State, function, found: list, dropped: str | None):
        self.__dict__.update(s.__dict__, _function=function, _found=found, _dropped=dropped)

    def require(self, *conditions):
        frame = inspect.currentframe().f_back
        texts = arguments(frame.f_code, frame.f_lineno, len(conditions))
        if frame.f_code is not self._function.__code__:
            texts = [f"{frame.f_code.co_name}: {text}" for text in texts]
        found = list(zip(texts, map(lift, conditions), strict=True))
        self._found.extend(found)
        super().require(*(self.cur >= 0 if text == self._dropped else c for text, c in found))


def arguments(code, line: int, count: int) -> list[str]:
    """The source of the `count` arguments of the call of ``require`` at a line; those of a ``*more`` are one text."""
    given = _requires(code)[line]
    return [ast.unparse(a) for a in given for _ in range(count - len(given) + 1 if isinstance(a, ast.Starred) else 1)]


@functools.cache
def _requires(code) -> dict[int, list[ast.expr]]:
    """Line -> arguments, for each call of ``require`` in a function."""
    nodes = ast.walk(ast.parse(textwrap.dedent(inspect.getsource(code))))
    calls = [n for n in nodes if isinstance(n, ast.Call) and getattr(n.func, "attr", "") == "require"]
    return {n.lineno + code.co_firstlineno - 1: n.args for n in calls}


def traced(case: Case, r: Rule, dropped: str | None = None) -> tuple[list, list[tuple]]:
    """(steps, conditions) of a rule in a case: its bound steps without the condition `dropped`, and every condition
    that was met, as (text, expression). Raises what tracing raises.
    """
    found: list[tuple[str, Expr]] = []

    @functools.wraps(r.function)
    def function(s, policy, **args):
        r.function(Weak(s, r.function, found, dropped), policy, **args)

    with shared():
        return case.bind([replace(r, function=function)]), found


def mutate(case: Case, system: System, r: Rule, condition: str) -> System | None:
    """The case's `system` under the laws, with a condition of one rule dropped; None where it always holds."""
    steps, found = traced(case, r, condition)
    if all(c.is_const and c.value for text, c in found if text == condition):
        return None
    view = State(case.world, None)
    kept = [s for s in system.steps if s.rule.name != r.name]
    return replace(system, steps=kept + [held(view, s) for s in steps])


# ---- what a case says ------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Said:
    """What a case says of one policy. laws: those that are broken, and the mechanisms that it has not got but that are
    at work. counts: (states, edges).
    """

    told: str
    violated: frozenset[str]
    laws: frozenset[str]
    counts: tuple[int, int]

    def change(self, new: Said, whole: bool) -> tuple[str, str]:
        """(outcome, detail) of what is worst in another answer, or nothing; `whole`: the search was not cut short."""
        gained, laws = new.violated - self.violated, sorted(new.laws - self.laws)
        if gained or (whole and new.told != self.told):
            how = VERDICT if new.violated ^ self.violated != {"I7"} else DEADLOCK
            if not gained and new.told.startswith(UNFINISHED):
                how = OVERFLOW
            return how, f"{self.told} -> {new.told}"
        if laws:
            return LAW, ", ".join(laws)
        return ("", "") if new.counts == self.counts else (COUNT, f"{self.counts[0]} states, then {new.counts[0]}")


@dataclass(frozen=True)
class Baseline:
    """A case as it is: its states with the policies that reach them, and what it says by policy."""

    name: str
    states: dict[int, int]
    said: dict[str, Said]


@functools.cache
def worlds() -> dict[str, Case]:
    """What mutants are tried on: every case, and what no script puts together."""
    cases = [*catalogue().values(), *map(free, FREE)]
    return {case.name: case for case in cases}


@functools.cache
def system_of(name: str) -> System:
    """A case's system under the laws, traced once a process."""
    with shared():
        return lawful(worlds()[name].system, worlds()[name].world)


def family_of(case: Case) -> Listed:
    """The policies of which a case has an expectation."""
    return Listed(FEATURES, map(named, case.expect))


def judged(case: Case, system: System, limits: Limits | None = None) -> Judged:
    """A case with another system in its place, judged for the policies of which it has an expectation."""
    twin = copy.copy(case)
    twin.system = system
    return judge(twin, family_of(case), limits)


def said(judged: Judged, deep: bool = True) -> dict[str, Said]:
    """Policy name -> what a case says. `deep`: ask for the laws of every run, too."""
    run, out = judged.run, {}
    numbers = {name: run.number(named(name)) for name in judged.case.expect}
    runs = run_laws(run, numbers.values()) if deep and run.shared_states < LOOKED else ()
    for name, number in numbers.items():
        policy = named(name)
        answer = judged.answer(policy, runs=False)
        laws = {f"{law.name} is broken" for law in LAWS if run.first(number, law.name)}
        laws |= {law for law, n in runs if n == number}
        for event, has in MECHANISMS.items():
            if run.has(run.reached.get(event, 0), number) and not any(policy[f] in has[f] for f in has):
                laws.add(f"{event} is reached")
        out[name] = Said(answer.told, frozenset(answer.violated), frozenset(laws), (answer.states, answer.edges))
    return out


@functools.cache
def baseline(name: str) -> Baseline:
    """What a case says with the rules as they are."""
    return baseline_within(name, None)


def baseline_within(name: str, most: int | None) -> Baseline | None:
    """What a case says with the rules as they are; None if it has more than `most` states."""
    found = judged(worlds()[name], system_of(name), Limits(states=most) if most else None)
    if found.run.stopped:
        return None
    states = {s: found.run.numbers.join(k for _, k in some) for s, some in found.run.graph.arrivals.items()}
    return Baseline(name, states, said(found))


@functools.cache
def baselines(most: int) -> list[Baseline]:
    """All worlds of at most `most` states as they are, the smallest first."""
    every = (baseline_within(name, most) for name in worlds())
    found = sorted((b for b in every if b), key=lambda b: len(b.states))
    gc.collect()
    gc.freeze()  # what stays for good is not looked through again
    return found


# ---- trying a mutant -------------------------------------------------------------------------------------
def try_on(base: Baseline, r: Rule, condition: str) -> Outcome | None:
    """The worst that a mutant does to one case; None where the case does not see it."""
    case, found = worlds()[base.name], Outcome(r.name, condition, case=base.name)
    try:
        system = mutate(case, system_of(base.name), r, condition)
        if system is None or not differs(base, system, r):
            return None
        tried = judged(case, system, Limits(states=2 * len(base.states) + ROOM))
    except (ModelError, LookupError, TypeError, ValueError) as e:
        return replace(found, outcome=OVERFLOW, detail=" ".join(str(e).partition(", from state")[0].split()))
    gc.collect()  # an exploration holds itself, and may be large: the one before this goes
    whole = not tried.run.stopped
    for deep in (False, True):
        changes = [(p, base.said[p].change(new, whole)) for p, new in said(tried, deep and whole).items()]
        seen = [replace(found, outcome=how, detail=f"{p}: {told}") for p, (how, told) in changes if how]
        worst = min(seen, key=lambda o: WORST.index(o.outcome), default=None)
        if worst is None or worst.killed:
            break
    return worst


def differs(base: Baseline, mutant: System, r: Rule) -> bool:
    """Whether the mutant of a rule does anything that the rule does not do, in a state that the case reaches."""
    family, moves = family_of(worlds()[base.name]), []
    for system in (system_of(base.name), mutant):
        steps = [s for s in system.steps if s.rule.name == r.name]
        moves.append(Compiled(replace(system, steps=steps, clauses=[]), family).moves)
    reads = functools.reduce(operator.or_, (move.reads for some in moves for move in some), 0)
    reached: dict[int, int] = {}
    for state, policies in base.states.items():
        reached[state & reads] = reached.get(state & reads, 0) | policies

    def found(some: list[Move], state: int, policies: int) -> list[tuple]:
        return sorted((after, k, i < 0) for move in some for i, after, k in move.ask(state, policies))

    return any(found(moves[0], s, k) != found(moves[1], s, k) for s, k in reached.items())


def try_rule(name: str, most: int = MOST, known: tuple[Outcome, ...] = ()) -> list[Outcome]:
    """The outcome of every mutant of a rule: on the case of its row in `known`, or on all worlds within `most`."""
    r = next(r for r in all_rules() if r.name == name)
    found: dict[str, list[Expr]] = {}
    for case in worlds().values():
        for text, condition in traced(case, r)[1]:
            found.setdefault(text, []).append(condition)
    cases = {o.condition: o.case for o in known if o.rule == name and o.case in worlds()}
    outcomes = []
    for text, conditions in found.items():
        again = try_on(baseline(cases[text]), r, text) if text in cases else None
        told = again if again and again.killed else try_one(baselines(most), r, text)
        outcomes.append(replace(told, outcome=FOLDS) if told.outcome == SURVIVED and folds(conditions) else told)
    return outcomes


def folds(conditions: list[Expr]) -> bool:
    """Whether a condition reads no state in any binding, and leaves some binding or some policy out."""
    decides = [c for c in conditions if not (c.is_const and c.value)]
    return bool(decides) and not any(e.op == "get" for e in walk(*decides))


def try_one(baselines: Iterable[Baseline], r: Rule, condition: str) -> Outcome:
    """The worst outcome of one mutant over some cases; it ends at a changed verdict.

    A mutant that is killed in another way is soon killed so everywhere: after the first such case it has PATIENCE more.
    """
    best, left = Outcome(r.name, condition), PATIENCE
    for b in baselines:
        found = try_on(b, r, condition)
        if found and WORST.index(found.outcome) < WORST.index(best.outcome):
            best = found
        left -= bool(found and found.killed)
        if best.outcome == VERDICT or not left:
            break
    return best


def try_all(
    names: Iterable[str] = (), jobs: int = JOBS, most: int = MOST, known: Iterable[Outcome] = ()
) -> Iterator[list[Outcome]]:
    """The outcomes of the mutants of each of the rules `names` (none named: all). UserError for an unknown rule.

    most: states of the largest case on which a mutant is tried that the case of its row in `known` does not kill.
    """
    rules = [r.name for r in all_rules()]
    for name in names:
        if name not in rules:
            raise UserError(f"no rule {name!r}{nearest(name, rules)}")
    wanted = list(dict.fromkeys(names)) or rules
    work = functools.partial(try_rule, most=most, known=tuple(known))
    yield from tqdm(each(work, wanted, jobs), total=len(wanted), unit="rule", file=sys.stderr, disable=None)


# ---- the record ------------------------------------------------------------------------------------------
def recorded() -> list[Outcome]:
    """The rows of data/mutants.csv; none where there is no such file."""
    path = data_dir() / "mutants.csv"
    if not path.exists():
        return []
    with path.open(newline="") as f:
        return [Outcome(**row) for row in csv.DictReader(f)]


def explained(outcomes: Iterable[Outcome], before: Iterable[Outcome]) -> list[Outcome]:
    """The outcomes; what is not killed has the reason that was written for the same rule, condition and outcome."""
    reasons = {(o.rule, o.condition, o.outcome): o.reason for o in before}
    return [o if o.killed else replace(o, reason=reasons.get((o.rule, o.condition, o.outcome), "")) for o in outcomes]


def record(outcomes: Iterable[Outcome]) -> str:
    """The outcomes as CSV text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([getattr(o, column) for column in COLUMNS] for o in outcomes)
    return out.getvalue()


def show(outcomes: list[Outcome]):
    """The mutants that nothing kills, with their reasons, and the figure."""
    for o in outcomes:
        if not o.killed:
            print(f"{o.outcome:9} {o.rule}: {o.condition}\n          {o.reason or 'NO REASON IS WRITTEN'}")
    found = Counter(o.outcome for o in outcomes)
    for name, says in OUTCOMES.items():
        print(f"{found[name]:5} {name:9} {says}")
    killed, counted = sum(o.killed for o in outcomes), len(outcomes) - found[FOLDS]
    missing = sum(not (o.killed or o.reason) for o in outcomes)
    share = f" ({killed / counted:.1%})" if counted else ""
    print(
        f"{killed} of {counted} mutants killed{share}, not counting {found[FOLDS]} that fold; {missing} lack a reason"
    )


def main(argv: list[str] | None = None) -> int:
    """Exit code: 0 if every mutant is killed or has a written reason, 1 if not, 2 for a mistake."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", description=__doc__.partition("\n")[0])
    parser.add_argument("rules", nargs="*", metavar="RULE", help="only these rules, and write nothing (default: all)")
    parser.add_argument("--jobs", type=int, default=JOBS, help=f"processes (default: {JOBS})")
    told = f"states of the largest case on which a mutant is tried that the record names no case for (default: {MOST})"
    parser.add_argument("--most-states", type=int, default=MOST, metavar="N", help=told)
    args = parser.parse_args(argv)
    try:
        before = recorded()
        found = try_all(args.rules, args.jobs, args.most_states, () if args.rules else before)
        outcomes = explained((o for some in found for o in some), before)
        show(outcomes)
        print(f"cases of at most {args.most_states} states, and larger ones that the record names")
        if not args.rules:
            write_whole(data_dir() / "mutants.csv", record(outcomes))
    except (UserError, OSError) as e:
        print(e, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except WorkerDied as died:
        print(f"{died}: nothing is written", file=sys.stderr)
        return 3
    return 0 if all(o.killed or o.reason for o in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
