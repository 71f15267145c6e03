"""Mutants: each condition of each rule is dropped in turn. Does something that somebody wrote down change?

A condition is one argument of a `require` call, of the rule itself or of a helper that it calls; dropping it holds
for all bindings of the rule. A mutant is tried on the cases that can see it, the smallest first, for the policies of
which the case has a written expectation, until a verdict changes; a law that every case keeps (`tux3nb.model.laws`)
kills too. What is not killed has its reason in `tux3nb.survivors`.
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

from tux3nb.engine.event import Event, explain

from tools.survivors import folds, reason
from tux3nb.answers.judge import Judged, judge
from tux3nb.cases.case import Case, named
from tux3nb.catalogue import catalogue
from tux3nb.catalogue.free import free
from tux3nb.engine.compile import Printed, print_system
from tux3nb.engine.explore import UNFINISHED, VIOLATED, Limits
from tux3nb.engine.fields import Field
from tux3nb.engine.policy import Family, bits
from tux3nb.engine.rule import Rule, State, bind
from tux3nb.engine.terms import lift
from tux3nb.errors import ModelError, UserError, nearest
from tux3nb.model.features import FEATURES
from tux3nb.model.laws import ALONE, LAWS, MECHANISMS, held, lawful
from tux3nb.model.rules import all_rules

COLUMNS = ("rule", "line", "condition", "outcome", "case", "detail")
VERDICT, DEADLOCK, LAW, OVERFLOW = "verdict", "deadlock", "law", "overflow"
COUNT, SURVIVED, FOLDS = "count", "survived", "folds"
KILLED = (VERDICT, DEADLOCK, LAW, OVERFLOW)
OUTCOMES = {
    VERDICT: "a written verdict changes, or which properties a policy violates",
    DEADLOCK: "a written verdict changes, by progress (I7) alone",
    LAW: "a law that the case keeps is broken, or a mechanism at work under a policy that has not got it",
    OVERFLOW: "a read outside an array, a value outside its range, or a bound of the world is hit",
    COUNT: "only the number of states or edges changes",
    SURVIVED: "nothing changes in any case",
    FOLDS: "implied by the place in the routine; it only lets the rule fold away for other policies or operations",
}
STRENGTH = (SURVIVED, COUNT, OVERFLOW, LAW, DEADLOCK, VERDICT)
ROOM = 10_000  # new states that a mutant may reach in one case, before it is left to the next one
LAW_NAMES = {law.name for law in LAWS}
MOST_CIRCLED = 12_000  # states of a case in which circles are looked for
MOST_LOOKED = 300  # added steps, and states behind each, that are looked at for circles
FREE = ("uprobes", "evict", "life", "migration")  # families whose free-running world is small
PATIENCE = 4  # cases in which a mutant that is killed otherwise is tried on, for a verdict that changes


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
        return "" if self.outcome in KILLED else reason(c.rule, c.text, self.outcome)

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
    new = {name: case.bind(rules) for name, rules in replaced.items()}
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
    """A case as it is, for the policies of which a mutant can change what is written.

    Dropping a condition only adds steps. So what is broken stays broken, unless it was by progress (`waiting`); for
    the properties and laws that hold, only what the new steps lead to is to be explored. `spared` says for which
    policies each property is written to hold, each law is kept, and each event never happens. `states` are those that
    these policies reach, `taken` how often each rule is taken from them.
    """

    def __init__(self, case: Case):
        system = lawful(case.system, case.world)
        self.case = twin = copy.copy(case)
        twin.system = system
        self.family = Family.listed(FEATURES, [named(n) for n in case.expect])
        self.merged, representative = self.family.merged(twin.system.guards)
        judged = judge(twin, self.family)
        self.names = {i: name for i, name in zip(reversed(representative), reversed(case.expect), strict=True)}
        broken = {i: _broken(twin, judged, i) for i in self.names}
        exact = sum(1 << i for i, name in self.names.items() if case.expect[name] != VIOLATED)
        stuck = [i for i, found in broken.items() if "I7" in found and (exact >> i & 1 or len(found) == 1)]
        self.waiting = [self.names[i] for i in stuck]
        judges = [p for p in case.properties if not p.advisory]
        holds = {p: sum(1 << i for i, found in broken.items() if p not in found) for p in [j.id for j in judges]}
        self.spared = {p: mask & exact for p, mask in holds.items()}
        self.spared |= {law.name: self._keeping(judged, law.name) & exact for law in LAWS}
        reached = judged.run.reached
        self.unreached = {p.partner: exact & ~reached.get(p.partner, 0) for p in judges}
        self.unreached |= {e: exact & ~reached.get(e, 0) & self._without(has) for e, has in MECHANISMS.items()}
        arrivals = judged.run.arrivals.items()
        masks = {s: functools.reduce(int.__or__, (m for _, m in found)) & exact for s, found in arrivals}
        self.states = {s: mask for s, mask in masks.items() if mask}
        self.printed = judged.run.printed
        self.taken: Counter = Counter()
        for _, i, _, mask in judged.run.edges:
            self.taken[twin.system.steps[i].rule.name] += (mask & exact).bit_count()
        self.clauses = {k: pid for k, (pid, _, _) in enumerate(twin.system.clauses) if pid in self.spared}

    def where(self, mutant: Printed) -> dict[int, int]:
        """The states (and their policies) in which a step of `mutant` may be taken: by the place in its routine."""
        places = {(m.control, m.value) for m in mutant.plan.moves}
        if any(control is None for control, _ in places):
            return self.states
        return {s: self.states[s] for control, value in places for s in self._at(control).get(value, ())}

    @functools.cache  # noqa: B019 - a baseline lives as long as the run
    def _at(self, control: tuple[Field, int]) -> dict[int, list[int]]:
        """Value of one cell of a field -> the states that have it."""
        found: dict[int, list[int]] = {}
        field, flat = control
        for state in self.states:
            found.setdefault(self.case.system.layout.value(state, field, flat), []).append(state)
        return found

    @functools.cache  # noqa: B019 - a baseline lives as long as the run
    def circles(self, actor: str) -> bool:
        """Whether `actor`, alone, can come back to where he was under some policy: nothing is asked of mutants then."""
        colour: dict[int, int] = {}
        for start in self.states:
            if start in colour:
                continue
            colour[start] = 1
            path = [(start, iter(self.alone(actor, start)))]
            while path:
                state, following = path[-1]
                after = next((t for t in following if colour.get(t) != 2), None)
                if after is None:
                    colour[state] = 2
                    path.pop()
                elif after in colour:
                    return True
                else:
                    colour[after] = 1
                    path.append((after, iter(self.alone(actor, after))))
        return False

    def alone(self, actor: str, state: int) -> list[int]:
        """Where the steps of one actor lead from a state, under the policies that get there."""
        out: list = []
        self.printed.expand(state, self.states.get(state, 0), out)
        steps = self.printed.plan.system.steps
        return [t for i, t, _ in out if i >= 0 and steps[i].actor == actor]

    def _keeping(self, judged: Judged, law: str) -> int:
        """The policies under which a law is kept."""
        return sum(1 << i for i in self.names if not judged.run.first(i, law))

    def _without(self, has: Mapping[str, tuple[str, ...]]) -> int:
        """The policies that have none of the feature values `has`."""
        return sum(1 << i for i in self.names if not any(self.merged.policies[i][f] in v for f, v in has.items()))

    def try_on(self, r: Rule, condition: Condition) -> Outcome | None:
        """What the mutant does to this case; None where the case does not see it."""
        name = self.case.name
        try:
            twin = mutate(self.case, r, condition)
            if twin is None:
                return None
            view = State(twin.world, None)
            steps = [held(view, step) for step in twin.system.steps if step.rule.name == r.name]
            only = replace(twin.system, steps=steps)
            found = Search(self, print_system(only, self.merged))
            found.run()
            if found.taken == self.taken[r.name] and not found.told:
                return None
            found.look_for_circles()
            self.try_waiting(twin, found)
        except (ModelError, LookupError, TypeError, ValueError) as e:
            return Outcome(condition, OVERFLOW, name, " ".join(str(e).partition(", from state")[0].split()))
        for how in reversed(STRENGTH):
            if how in found.told:
                return Outcome(condition, how, name, found.told[how])
        return Outcome(condition, COUNT, name)

    def try_waiting(self, twin: Case, found: Search):
        """Judge the mutant for the policies that are broken by progress: with it they may make progress."""
        if not self.waiting or VERDICT in found.told:
            return
        family = Family.listed(FEATURES, [named(n) for n in self.waiting])
        judged = judge(twin, family, Limits(states=2 * len(self.states) + ROOM))
        for i, policy in zip(judged.representative, self.waiting, strict=True):
            if not judged.run.stopped and "I7" not in _broken(self.case, judged, i):
                found.told[VERDICT] = f"{policy}: I7 {VIOLATED} -> HOLDS"


class Search:
    """What the steps of a mutant rule add to a baseline: new states, explored until a written verdict changes.

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
        for state, mask in self.base.where(self.mutant).items():
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
        """An event on a step: a check that fails, a limit, a value astray, or what is written never to happen."""
        if event.kind == "check":
            self.violated(event.name, mask)
        elif event.kind == "mark":
            never = self.base.unreached.get(event.name, 0) & mask
            if never:
                self.told[LAW if event.name in MECHANISMS else VERDICT] = f"{self.name(never)}: {event.name} is reached"
        elif event.kind == "limit":
            self.told.setdefault(OVERFLOW, f"{self.name(mask)}: HOLDS -> {UNFINISHED}({event.name})")
            self.safe.append((state, mask))
        else:
            said = str(explain(event, printed.plan.system, state)).partition(", from state")[0]
            self.told.setdefault(OVERFLOW, said)

    def violated(self, prop: str, mask: int):
        spared = self.base.spared.get(prop, 0) & mask
        if spared and prop in LAW_NAMES:
            self.told.setdefault(LAW, f"{self.name(spared)}: {prop} is broken")
        elif spared:
            was = "HOLDS" if self.base.case.expect[self.name(spared)].startswith("HOLDS") else VIOLATED
            self.told[VERDICT] = f"{self.name(spared)}: {was} -> {VIOLATED} ({prop})"

    def look_for_circles(self):
        """Whether an added step lets its actor, alone, come back to where he was: he would go round for ever."""
        if {VERDICT, DEADLOCK, LAW} & self.told.keys() or len(self.base.states) > MOST_CIRCLED:
            return
        looked = 0
        for state, mask in self.base.where(self.mutant).items():
            for i, after, k in self._steps(self.mutant, state, mask):
                step = self.mutant.plan.system.steps[i]
                if self._known(step.rule.name, state, after, k) or self.base.circles(step.actor):
                    continue
                looked += 1
                if self._comes_back(step.actor, after, state, k):
                    self.told[LAW] = f"{self.name(k)}: {ALONE} is broken"
                if LAW in self.told or looked > MOST_LOOKED:
                    return

    def _steps(self, printed: Printed, state: int, mask: int) -> list[tuple[int, int, int]]:
        out: list = []
        printed.expand(state, mask, out)
        return [found for found in out if found[0] >= 0]

    def _known(self, rule: str, state: int, after: int, mask: int) -> bool:
        """The baseline takes this step too."""
        steps = self.base.printed.plan.system.steps
        same = self._steps(self.base.printed, state, mask)
        return any(t == after and steps[i].rule.name == rule and not mask & ~k for i, t, k in same)

    def _comes_back(self, actor: str, start: int, goal: int, mask: int) -> bool:
        """Whether steps of `actor` lead from `start` to `goal`, for some policy of `mask`."""
        seen, work = {start: mask}, [start]
        while work and len(seen) < MOST_LOOKED:
            state = work.pop()
            if state == goal:
                return True
            for printed in (self.base.printed, self.mutant):
                for i, after, k in self._steps(printed, state, seen[state]):
                    if printed.plan.system.steps[i].actor == actor and k & ~seen.get(after, 0):
                        seen[after] = seen.get(after, 0) | k
                        work.append(after)
        return False

    def name(self, mask: int) -> str:
        """The first policy of a set."""
        return self.base.names[next(bits(mask))]

    def judge_progress(self):
        """Whether every new state can still complete: through new states, or back to the baseline, where all can."""
        if "I7" not in self.base.spared:
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
        stuck &= self.base.spared["I7"]
        if stuck:
            self.told[DEADLOCK] = f"{self.name(stuck)}: I7 HOLDS -> {VIOLATED}"


def _broken(case: Case, judged: Judged, i: int) -> list[str]:
    """The judged properties that representative `i` violates."""
    return [p.id for p in case.properties if not p.advisory and judged.run.first(i, p.id)]


def worlds() -> list[Case]:
    """What mutants are tried on: every case, and what no script puts together."""
    return [*catalogue().values(), *(_smallest(free(family)) for family in FREE)]


def _smallest(case: Case) -> Case:
    """A free-running world with the expectation for its first policy alone: the one that never forks."""
    case.expect = dict(list(case.expect.items())[:1])
    return case


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

    A mutant that is killed in another way is soon killed so everywhere: after the first such case it has PATIENCE more.
    """
    best, left = Outcome(condition, SURVIVED), PATIENCE
    for b in baselines:
        found = b.try_on(r, condition)
        if found and STRENGTH.index(found.outcome) > STRENGTH.index(best.outcome):
            best = found
        left -= bool(found and found.outcome in KILLED)
        if best.outcome == VERDICT or not left:
            break
    return replace(best, outcome=FOLDS) if best.outcome == SURVIVED and folds(r.name, condition.text) else best


def record(outcomes: Iterable[Outcome]) -> str:
    """The outcomes as CSV text, in the order of the rules."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(o.row for o in outcomes)
    return out.getvalue()
