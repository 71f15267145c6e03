"""Mutants: each condition of each rule is dropped in turn. Does a verdict that somebody wrote down change?

A condition is one argument of a `require` call, of the rule itself or of a helper that it calls; dropping it holds
for all bindings of the rule. A mutant is tried on the cases that can see it, the smallest first, for the policies of
which the case has a written verdict, until a verdict changes. What is not killed that way has its reason in
`tux3nb.survivors`.
"""

from __future__ import annotations

import ast
import copy
import csv
import functools
import io
import linecache
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from .backend.scalar import Printed, print_system
from .case import Case, named
from .errors import ModelError, UserError, nearest
from .event import Event, explain
from .explore import UNFINISHED, VIOLATED, Limits
from .expr import lift
from .model.features import FEATURES
from .model.rules import all_rules
from .policy import Family, bits
from .rule import Rule, State, bind
from .survivors import reason
from .verdicts import Judged, judge

COLUMNS = ("rule", "line", "condition", "outcome", "case", "detail")
VERDICT, DEADLOCK, OVERFLOW, COUNT, SURVIVED = "verdict", "deadlock", "overflow", "count", "survived"
KILLED = (VERDICT, DEADLOCK, OVERFLOW)
OUTCOMES = {
    VERDICT: "a written verdict changes",
    DEADLOCK: "a written verdict changes, by progress (I7) alone",
    OVERFLOW: "a read outside an array, a value outside its range, or a bound of the world is hit",
    COUNT: "only the number of states or edges changes",
    SURVIVED: "nothing changes in any case",
}
STRENGTH = (SURVIVED, COUNT, OVERFLOW, DEADLOCK, VERDICT)
ROOM = 10_000  # new states that a mutant may reach in one case, before it is left to the next one
PATIENCE = 8  # cases in which a mutant may go astray before it is given up


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
        """The written reason why it is not killed; nothing for one that is killed, or that nobody explained."""
        c = self.condition
        return "" if self.outcome in KILLED else reason(c.rule, c.text, decides=self.outcome == COUNT)

    @classmethod
    def of(cls, row: Mapping[str, str]) -> Outcome:
        """The outcome that a row of the record tells of."""
        c = Condition(row["rule"], int(row["line"]), row["condition"], ())
        return cls(c, row["outcome"], row["case"], row["detail"])

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

    Dropping a condition only adds steps. So a policy that is broken stays broken, unless it was by progress alone
    (`waiting`); and for one that holds (`holding`) only what the new steps lead to is to be explored.
    `states` are those that the holding policies reach, `taken` how often each rule is taken from them.
    """

    def __init__(self, case: Case):
        self.case = case
        self.family = Family.listed(FEATURES, [named(n) for n in case.expect])
        self.merged, representative = self.family.merged(case.system.guards)
        judged = judge(case, self.family)
        self.names = {i: name for i, name in zip(reversed(representative), reversed(case.expect), strict=True)}
        broken = {i: _broken(case, judged, i) for i in self.names}
        self.holding = sum(1 << i for i, found in broken.items() if not found)
        self.waiting = [self.names[i] for i, found in broken.items() if found == ["I7"]]
        partners = {p.partner for p in case.properties if not p.advisory}
        reached = judged.run.reached
        self.unreached = {e: self.holding & ~reached.get(e, 0) for e in partners}
        arrivals = judged.run.arrivals.items()
        masks = {s: functools.reduce(int.__or__, (m for _, m in found)) & self.holding for s, found in arrivals}
        self.states = {s: mask for s, mask in masks.items() if mask}
        self.printed = judged.run.printed
        self.taken: Counter = Counter()
        for _, i, _, mask in judged.run.edges:
            self.taken[case.system.steps[i].rule.name] += (mask & self.holding).bit_count()
        judges = {p.id for p in case.properties if not p.advisory}
        self.clauses = {k: pid for k, (pid, _, _) in enumerate(case.system.clauses) if pid in judges}
        self.judges = judges

    def try_on(self, r: Rule, condition: Condition) -> Outcome | None:
        """What the mutant does to this case; None where the case does not see it."""
        name = self.case.name
        try:
            twin = mutate(self.case, r, condition)
            if twin is None:
                return None
            only = replace(twin.system, steps=[s for s in twin.system.steps if s.rule.name == r.name])
            found = Search(self, print_system(only, self.merged))
            found.run()
            if found.taken == self.taken[r.name] and not found.told:
                return None
            self.try_waiting(twin, found)
        except (ModelError, LookupError, TypeError, ValueError) as e:
            return Outcome(condition, OVERFLOW, name, " ".join(str(e).partition(", from state")[0].split()))
        for how in (VERDICT, DEADLOCK, OVERFLOW):
            if how in found.told:
                return Outcome(condition, how, name, found.told[how])
        return Outcome(condition, COUNT, name)

    def try_waiting(self, twin: Case, found: Search):
        """Judge the mutant for the policies that are broken by progress alone: with it they may hold."""
        if not self.waiting or VERDICT in found.told:
            return
        family = Family.listed(FEATURES, [named(n) for n in self.waiting])
        judged = judge(twin, family, Limits(states=2 * len(self.states) + ROOM))
        for i, policy in zip(judged.representative, self.waiting, strict=True):
            if not judged.run.stopped and not _broken(self.case, judged, i):
                found.told[VERDICT] = f"{policy}: {VIOLATED} -> {judged.of(i).verdict}"


class Search:
    """What the steps of a mutant rule add to a baseline: new states, explored until a verdict changes.

    `told` is outcome -> how. `taken` counts the steps of the mutant rule from the states of the baseline.
    """

    def __init__(self, base: Baseline, mutant: Printed):
        self.base, self.mutant = base, mutant
        self.told: dict[str, str] = {}
        self.taken = 0
        self.new: dict[int, int] = {}
        self.back: dict[int, list[tuple[int, int]]] = {}
        self.safe: list[tuple[int, int]] = []

    def run(self):
        """Fill `told` and `taken`; ends at the first violation, or after ROOM new states."""
        layer: dict[int, int] = {}
        for state, mask in self.base.states.items():
            self.expand(self.mutant, state, mask, layer, from_base=True)
            if VERDICT in self.told:
                return
        while layer and len(self.new) < ROOM:
            following: dict[int, int] = {}
            for state, mask in layer.items():
                self.new[state] = self.new.get(state, 0) | mask
                if self.judge(state, mask):
                    self.expand(self.base.printed, state, mask, following)
                    self.expand(self.mutant, state, mask, following)
                if VERDICT in self.told:
                    return
            layer = {s: m & ~self.new.get(s, 0) for s, m in following.items() if m & ~self.new.get(s, 0)}
        if not layer:
            self.judge_progress()

    def judge(self, state: int, mask: int) -> bool:
        """Whether a new state is sound; progress of those that stop the world or complete is settled."""
        broken = self.base.printed.judge(state)
        if broken < 0:
            self.told.setdefault(OVERFLOW, "a property reads outside an array")
            return False
        for k in bits(broken):
            if k in self.base.clauses:
                self.violated(self.base.clauses[k], mask)
        if self.base.printed.settled(state) or self.base.printed.halted(state):
            self.safe.append((state, mask))
        return True

    def expand(self, printed: Printed, state: int, mask: int, layer: dict[int, int], from_base=False):
        """Take the steps of `printed` from a state; what is reached for the first time comes into `layer`."""
        out: list = []
        printed.expand(state, mask, out)
        for i, after, k in out:
            if i < 0:
                self.happen(printed, printed.events[~i], state, k)
                continue
            if from_base:
                self.taken += k.bit_count()
            known = self.base.states.get(after, 0)
            if k & ~known:
                layer[after] = layer.get(after, 0) | k & ~known
            if not from_base and not printed.plan.system.steps[i].rule.release:
                self.back.setdefault(after, []).append((state, k))
                if k & known:
                    self.safe.append((state, k & known))

    def happen(self, printed: Printed, event: Event, state: int, mask: int):
        """An event on a step: a check that fails, a limit, a value astray, or what a property waited for."""
        if event.kind == "check":
            if event.name in self.base.judges:
                self.violated(event.name, mask)
        elif event.kind == "mark":
            if self.base.unreached.get(event.name, 0) & mask:
                self.told[VERDICT] = f"{self.name(mask & self.base.unreached[event.name])}: {event.name} is reached"
        elif event.kind == "limit":
            self.told.setdefault(OVERFLOW, f"{self.name(mask)}: HOLDS -> {UNFINISHED}({event.name})")
            self.safe.append((state, mask))
        else:
            said = str(explain(event, printed.plan.system, state)).partition(", from state")[0]
            self.told.setdefault(OVERFLOW, said)

    def violated(self, prop: str, mask: int):
        self.told[VERDICT] = f"{self.name(mask)}: HOLDS -> {VIOLATED} ({prop})"

    def name(self, mask: int) -> str:
        """The first policy of a set."""
        return self.base.names[next(bits(mask))]

    def judge_progress(self):
        """Whether every new state can still complete: through new states, or back to the baseline, where all can."""
        if "I7" not in self.base.judges:
            return
        can: dict[int, int] = {}
        work = []
        for state, mask in self.safe:
            can[state] = can.get(state, 0) | mask
            work.append(state)
        while work:
            state = work.pop()
            for source, k in self.back.get(state, ()):
                gained = k & can[state] & ~can.get(source, 0)
                if gained:
                    can[source] = can.get(source, 0) | gained
                    work.append(source)
        stuck = functools.reduce(int.__or__, (m & ~can.get(s, 0) for s, m in self.new.items()), 0)
        if stuck:
            self.told[DEADLOCK] = f"{self.name(stuck)}: HOLDS -> {VIOLATED} (I7)"


def _broken(case: Case, judged: Judged, i: int) -> list[str]:
    """The judged properties that representative `i` violates."""
    return [p.id for p in case.properties if not p.advisory and judged.run.first(i, p.id)]


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
