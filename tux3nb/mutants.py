"""Mutants: each condition of each rule is dropped in turn. Does a verdict that somebody wrote down change?

A condition is one argument of a `require` call, of the rule itself or of a helper that it calls; dropping it holds
for all bindings of the rule. A mutant is tried on the cases that can see it, the smallest first, for the policies of
which the case has a written verdict, until a verdict changes. What is not killed that way has its reason in
`SURVIVORS`.
"""

from __future__ import annotations

import ast
import copy
import csv
import functools
import io
import linecache
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from .backend.scalar import print_system
from .case import Case, named
from .errors import ModelError, UserError, nearest
from .explore import UNFINISHED, VIOLATED, Limits, explore, judge_progress
from .expr import every, lift
from .model.features import FEATURES
from .model.rules import all_rules
from .policy import Family
from .rule import Rule, State, bind
from .system import System
from .verdicts import Judged, judge

COLUMNS = ("rule", "line", "condition", "outcome", "case", "detail")
VERDICT, DEADLOCK, OVERFLOW, COUNT, SURVIVED = "verdict", "deadlock", "overflow", "count", "survived"
OUTCOMES = {
    VERDICT: "a written verdict changes",
    DEADLOCK: "a written verdict changes, by progress (I7) alone",
    OVERFLOW: "a read outside an array, a value outside its range, or a bound of the world is hit",
    COUNT: "only the number of states or edges changes",
    SURVIVED: "nothing changes in any case",
}
STRENGTH = (SURVIVED, COUNT, OVERFLOW, DEADLOCK, VERDICT)
ROOM = 10_000  # a mutant may reach so many states more than twice those of its case
PATIENCE = 8  # cases in which a mutant may go astray before it is given up

# rule -> condition -> why no case kills its mutant by a verdict.
SURVIVORS: dict[str, dict[str, str]] = {}


@dataclass(frozen=True)
class Condition:
    """One condition of a rule: `line` counts from the rule's decorator, `text` is the source.

    `place` is where it stands: the calls from the rule down to `require`, and its position there.
    """

    rule: str
    line: int
    text: str
    place: tuple

    def __str__(self):
        return f"{self.rule}, line {self.line}: {self.text}"


@dataclass(frozen=True)
class Outcome:
    """What became of one mutant: an outcome of `OUTCOMES`, the case that showed it, and how."""

    condition: Condition
    outcome: str
    case: str = ""
    detail: str = ""

    @property
    def reason(self) -> str:
        """The written reason why it is not killed, or nothing."""
        return SURVIVORS.get(self.condition.rule, {}).get(self.condition.text, "")

    @property
    def row(self) -> dict[str, str]:
        c = self.condition
        return dict(zip(COLUMNS, (c.rule, str(c.line), c.text, self.outcome, self.case, self.detail), strict=True))


# ---- the conditions of a rule ----------------------------------------------------------------------------
class Weakened(State):
    """The `s` of a rule that notes each condition in `found`, and puts a truism where the one at `drop` stands.

    `bites` tells afterwards whether what was dropped could have been false.
    """

    def __init__(self, s: State, rule: Rule, found: dict | None = None, drop: tuple | None = None):
        self.__dict__.update(s.__dict__, _rule=rule, _found={} if found is None else found, _drop=drop, bites=False)

    def require(self, *conditions):
        calls = _calls(sys._getframe(1), self._rule.function.__code__)
        kept = []
        for k, c in enumerate(map(lift, conditions)):
            self._found.setdefault((calls, k), None)
            if (calls, k) == self._drop:
                self.__dict__["bites"] |= not (c.is_const and c.value)
                c = self.cur >= 0
            kept.append(c)
        super().require(*kept)


def _calls(frame, outermost) -> tuple:
    """The calls under way, from the frame of code `outermost` down to `frame`: (file, end line, end column, ...)."""
    out = []
    while True:
        code = frame.f_code
        _, line, _, column = next(p for n, p in enumerate(code.co_positions()) if n == frame.f_lasti // 2)
        out.append((code.co_filename, line, column, code.co_name, code.co_argcount))
        if code is outermost:
            return tuple(reversed(out))
        frame = frame.f_back


def conditions(cases: Iterable[Case], rules: Iterable[Rule] | None = None) -> dict[str, list[Condition]]:
    """rule name -> its conditions, in the order of the source, of all rules that some of `cases` can use."""
    found: dict[str, dict] = {}
    rules = list(all_rules() if rules is None else rules)
    for case in cases:
        for r in rules:
            bind([_noting(r, found.setdefault(r.name, {}))], case.world, FEATURES)
    by_name = {r.name: r for r in rules}
    return {name: [_condition(by_name[name], p) for p in sorted(places)] for name, places in found.items() if places}


def _noting(r: Rule, found: dict) -> Rule:
    @functools.wraps(r.function)
    def function(s, policy, **args):
        r.function(Weakened(s, r, found), policy, **args)

    return replace(r, function=function)


def _condition(r: Rule, place: tuple) -> Condition:
    calls, k = place
    first = r.function.__code__.co_firstlineno
    text = _argument(calls, len(calls) - 1, k)
    within = "".join(f"{name}: " for _, _, _, name, _ in calls[1:])
    return Condition(r.name, _call(*calls[0][:3]).lineno - first + 1, within + text, place)


def _argument(calls: tuple, depth: int, k: int) -> str:
    """The source of argument `k` of a call; one that the caller handed on as ``*more`` is the caller's argument."""
    file, line, column, _, parameters = calls[depth]
    for n, argument in enumerate(_call(file, line, column).args):
        if isinstance(argument, ast.Starred) and depth:
            return _argument(calls, depth - 1, parameters + k - n)
        if n == k:
            return ast.unparse(argument)
    raise ModelError(f"{file}, line {line}: no argument {k}")


def _call(file: str, line: int, column: int) -> ast.Call:
    return _calls_of(file)[line, column]


@functools.cache
def _calls_of(file: str) -> dict[tuple[int, int], ast.Call]:
    """(end line, end column) -> call expression; each ends with a bracket of its own."""
    nodes = ast.walk(ast.parse("".join(linecache.getlines(file))))
    return {(n.end_lineno, n.end_col_offset): n for n in nodes if isinstance(n, ast.Call)}


# ---- a case with other rules -------------------------------------------------------------------------------
def with_rules(case: Case, replaced: Mapping[str, Sequence[Rule]]) -> Case:
    """The same case with each rule named in `replaced` replaced by other ones (by none: left out)."""
    twin = copy.copy(case)
    twin.system = replace(case.system, steps=_steps(case, replaced))
    return twin


def _steps(case: Case, replaced: Mapping[str, Sequence[Rule]]) -> list:
    new = {name: bind(rules, case.world, FEATURES) for name, rules in replaced.items()}
    kept = [s for s in case.system.steps if s.rule.name not in replaced]
    return kept + [s for steps in new.values() for s in steps]


def mutate(case: Case, r: Rule, condition: Condition) -> Case | None:
    """`case` with `condition` dropped from rule `r`; None where it always holds, so that nothing is dropped."""
    bites = []

    @functools.wraps(r.function)
    def function(s, policy, **args):
        weak = Weakened(s, r, drop=condition.place)
        try:
            r.function(weak, policy, **args)
        finally:
            bites.append(weak.bites)

    twin = with_rules(case, {r.name: [replace(r, function=function)]})
    return twin if any(bites) else None


# ---- trying a mutant -----------------------------------------------------------------------------------------
class Baseline:
    """A case as it is, for the policies of which a mutant can change the written verdict.

    Dropping a condition only adds steps, so a broken policy stays broken, unless it is by progress alone.
    `states` are those that these policies reach; `judged` is the exploration, without its graph.
    """

    def __init__(self, case: Case):
        self.case = case
        self.family = Family.listed(FEATURES, [named(n) for n in case.expect])
        judged = judge(case, self.family)
        self.policies = 0
        for i in judged.representative:
            if set(_broken(case, judged, i)) <= {"I7"}:
                self.policies |= 1 << i
        arrivals = judged.run.arrivals.items()
        reached = {s: functools.reduce(int.__or__, (m for _, m in found)) & self.policies for s, found in arrivals}
        self.states = {s: mask for s, mask in reached.items() if mask}
        self.counts = self.count(judged)

    def count(self, judged: Judged) -> list[tuple[int, int]]:
        """(states, edges) by policy."""
        return [(judged.run.states(i), judged.run.edge_count(i)) for i in self.watched(judged)]

    def watched(self, judged: Judged) -> list[int]:
        return [i for i in judged.representative if self.policies >> i & 1]

    def try_on(self, r: Rule, condition: Condition) -> Outcome | None:
        """What the mutant does to this case; None where the case does not see it."""
        name = self.case.name
        try:
            twin = mutate(self.case, r, condition)
            if twin is None or not self.fires_anew(twin, r):
                return None
            judged = self.explore(twin)
        except (ModelError, LookupError, TypeError, ValueError) as e:
            return Outcome(condition, OVERFLOW, name, " ".join(str(e).partition(", from state")[0].split()))
        found = dict((how, detail) for detail, how in self.changes(judged))
        for how in (VERDICT, DEADLOCK, OVERFLOW):
            if how in found:
                return Outcome(condition, how, name, found[how])
        return Outcome(condition, COUNT, name)

    def fires_anew(self, twin: Case, r: Rule) -> bool:
        """Whether a step of the mutant rule does, in some state of the case, what no step of the rule does."""
        merged = self.merged
        before, after = (print_system(_only(c, r), merged).expand for c in (self.case, twin))
        for state, mask in self.states.items():
            old: list = []
            new: list = []
            before(state, mask, old)
            after(state, mask, new)
            if len(old) != len(new) or [e[1:] for e in old] != [e[1:] for e in new]:
                return True
        return False

    @functools.cached_property
    def merged(self) -> Family:
        return self.family.merged(self.case.system.guards)[0]

    def explore(self, twin: Case) -> Judged:
        """Explore the mutant; behind a state that breaks a judged property nothing more is to be learnt."""
        ids = {p.id for p in twin.properties if not p.advisory}
        whole = every(good for pid, _, good in twin.system.clauses if pid in ids)
        twin.system = replace(twin.system, halted=twin.system.halted | ~whole)
        limits = Limits(states=2 * len(self.states) + ROOM)
        run = explore(twin.system, self.merged, limits, policies=self.policies)
        if "I7" in ids:
            judge_progress(run, "I7")
        return Judged(twin, run, self.family.merged(self.case.system.guards)[1])

    def changes(self, judged: Judged) -> Iterator[tuple[str, str]]:
        """(what changed, outcome) for every policy whose verdict is not the written one."""
        for i, (policy, expected) in zip(judged.representative, self.case.expect.items(), strict=True):
            broken = _broken(self.case, judged, i)
            if not self.policies >> i & 1:
                continue
            if broken and expected != VIOLATED:
                how = DEADLOCK if broken == ["I7"] else VERDICT
                yield f"{policy}: {expected} -> {VIOLATED} ({', '.join(broken)})", how
            elif not broken and not judged.run.stopped:
                found = judged.of(i).verdict
                if found != expected:
                    yield f"{policy}: {expected} -> {found}", OVERFLOW if found == UNFINISHED else VERDICT


def _broken(case: Case, judged: Judged, i: int) -> list[str]:
    """The judged properties that representative `i` violates."""
    return [p.id for p in case.properties if not p.advisory and judged.run.first(i, p.id)]


def _only(case: Case, r: Rule) -> System:
    """The system of a case with the steps of one rule alone."""
    return replace(case.system, steps=[s for s in case.system.steps if s.rule.name == r.name])


def try_all(cases: Iterable[Case], names: Iterable[str] = (), progress: Callable | None = None) -> list[Outcome]:
    """The outcome of every mutant of the rules `names` (none named: all), tried on `cases`, the smallest first.

    `progress` is called with (done, total, text) before each case is counted and before each mutant is tried.
    Raises UserError for an unknown rule.
    """
    rules = {r.name: r for r in all_rules()}
    for name in names:
        if name not in rules:
            raise UserError(f"no rule {name!r}{nearest(name, rules)}")
    cases, baselines = list(cases), []
    for n, case in enumerate(cases):
        if progress:
            progress(n, len(cases), f"counting {case.name}")
        baselines.append(Baseline(case))
    baselines.sort(key=lambda b: len(b.states))
    wanted = [rules[name] for name in dict.fromkeys(names)] or list(rules.values())
    mutants = [c for found in conditions(cases, wanted).values() for c in found]
    outcomes = []
    for n, c in enumerate(mutants):
        if progress:
            progress(n, len(mutants), str(c))
        outcomes.append(try_one(baselines, rules[c.rule], c))
    return outcomes


def try_one(baselines: Iterable[Baseline], r: Rule, condition: Condition) -> Outcome:
    """The strongest outcome of one mutant over some cases; the search ends at a changed verdict.

    A mutant that goes astray soon does so everywhere: after the first such case it has PATIENCE more.
    """
    best, left = Outcome(condition, SURVIVED), PATIENCE
    for b in baselines:
        found = b.try_on(r, condition)
        if found and STRENGTH.index(found.outcome) > STRENGTH.index(best.outcome):
            best = found
        left -= bool(found and found.outcome == OVERFLOW)
        if best.outcome == VERDICT or not left:
            break
    return best


def record(outcomes: Iterable[Outcome]) -> str:
    """The outcomes as CSV text, in the order of the rules."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(o.row for o in outcomes)
    return out.getvalue()
