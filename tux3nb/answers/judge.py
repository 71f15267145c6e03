"""From an exploration to answers: a verdict per policy and property, with its reason and its shortest run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from tux3nb.answers.lines import left_out, told
from tux3nb.answers.tours import Run, Tours
from tux3nb.cases.case import Case
from tux3nb.engine.explore import explore
from tux3nb.engine.family import Family
from tux3nb.engine.result import (
    HOLDS,
    NOT_PROMISED,
    REFUSED,
    UNFINISHED,
    UNREACHED,
    VIOLATED,
    Exploration,
    Limits,
    Stopped,
    Violation,
)
from tux3nb.engine.runs import Path, covers, evaluate, failing, judge_progress, possible_for, replay, run_of, values
from tux3nb.errors import ModelError
from tux3nb.model.features import not_promised
from tux3nb.model.operations import Op

if TYPE_CHECKING:
    from tux3nb.cluster.connect import Connection

REFUSING_EVENTS = ("longterm_refused", "access_refused", "discard_refused")
WORST_FIRST = (VIOLATED, UNFINISHED, UNREACHED, REFUSED, HOLDS)


@dataclass(frozen=True)
class Row:
    """One property under one policy. depth, reason and run are those of a violation; `limit` of UNFINISHED.

    Reason and run are missing where they were not asked for.
    """

    property: str
    verdict: str
    depth: int | None = None
    reason: str = ""
    run: Run | None = None
    limit: str = ""

    def __str__(self):
        return f"{self.verdict}({self.limit})" if self.limit else self.verdict


@dataclass
class Verdicts:
    """The rows of one policy in one case, and its verdict."""

    case: Case
    policy: dict[str, str]
    rows: list[Row]

    @property
    def _counted(self) -> list[Row]:
        """The rows that make the verdict; advisory properties, and those not promised, are reported apart."""
        advisory = {p.id for p in self.case.properties if p.advisory}
        return [r for r in self.rows if r.property not in advisory and r.verdict != NOT_PROMISED]

    @property
    def verdict(self) -> str:
        """The worst of the rows that count; NOT PROMISED where none does."""
        return worst(r.verdict for r in self._counted) if self._counted else NOT_PROMISED

    @property
    def violated(self) -> tuple[str, ...]:
        """The properties that make the policy VIOLATED."""
        return tuple(r.property for r in self._counted if r.verdict == VIOLATED)

    @property
    def told(self) -> str:
        """The verdict, with the properties that are violated."""
        return f"{self.verdict}({', '.join(self.violated)})" if self.violated else self.verdict

    def meets(self, expected: str) -> bool:
        """Whether this is the expected verdict, with just the properties that it names (none named: any)."""
        verdict, _, named = expected.partition("(")
        if verdict != VIOLATED or not named:
            return self.verdict == expected
        return set(self.violated) == set(named.rstrip(")").replace(",", " ").split())

    def row(self, prop: str) -> Row:
        """The row of one property; KeyError if the case does not judge it."""
        for r in self.rows:
            if r.property == prop:
                return r
        raise KeyError(prop)


@dataclass
class Answer(Verdicts):
    """What one case says of one policy.

    states, edges: distinct ones; depth: the last layer. never_begin: the lines that no reachable state begins, but for
    those that a refusal explains; then nothing holds plainly.
    """

    states: int
    edges: int
    depth: int
    never_fired: list[str]
    never_begin: list[str] = field(default_factory=list)


def worst(verdicts: Iterable[str]) -> str:
    """The verdict of a policy: VIOLATED before UNFINISHED before the qualified and the plain HOLDS."""
    found = set(verdicts)
    return next((v for v in WORST_FIRST if v in found), HOLDS)


@dataclass(eq=False)
class Judged:
    """One exploration of a case, judged: answers by policy and for the whole family, all look-ups.

    A policy is a dict that names every feature; UserError where it is not in the family that was explored. What a named
    policy does not promise (`tux3nb.model.features.NOT_PROMISED`) is judged in sets of policies all the same: there two
    policies that no rule of the case tells apart are one.
    """

    case: Case
    run: Exploration
    _runs: list[tuple[tuple, int, Run]] = field(default_factory=list)
    _answers: dict[tuple[int, bool], Answer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tours = Tours(self.case, self.run)

    # ---- one policy ----------------------------------------------------------------------------------------
    def answer(self, policy: Mapping[str, str], runs: bool = True) -> Answer:
        """The answer for one policy, with or without runs and reasons."""
        i = self.run.number(policy)
        if (i, runs) not in self._answers:
            run = self.run
            self._answers[i, runs] = Answer(
                **vars(self.told(policy, runs)),
                states=run.states(i),
                edges=run.edge_count(i),
                depth=run.depth(i),
                never_fired=run.never_fired(i),
                never_begin=[told(op) for op, policies in self.left_out.items() if self._in(policies, i)],
            )
        return self._answers[i, runs]

    def told(self, policy: Mapping[str, str], runs: bool = False) -> Verdicts:
        """The rows for one policy alone, which is quick in a large family: nothing is counted."""
        i, spared = self.run.number(policy), not_promised(policy)
        judged = [p.id for p in self.case.properties]
        rows = [Row(p, NOT_PROMISED) if p in spared else self._row(i, p, runs) for p in judged]
        return Verdicts(self.case, dict(policy), rows)

    @property
    def only(self) -> Answer:
        """The answer for the first policy of the family: that of a family of one."""
        return self.answer(self.run.family.pick(self.run.family.all))

    def row(self, policy: Mapping[str, str], prop: str) -> Row:
        """The verdict of one policy on one property, with its run."""
        return self._row(self.run.number(policy), prop, True)

    def _row(self, i: int, prop: str, runs: bool) -> Row:
        """The verdict on one property for the policy of number `i`."""
        first = self.run.first(i, prop)
        if first and not runs:
            return Row(prop, VIOLATED, first.depth)
        if first:
            return self._violated(i, prop)
        if self.run.stopped:
            return Row(prop, UNFINISHED, limit=self.run.stopped)
        limits = ", ".join(sorted(name for name, k in self.run.limits.items() if self.run.has(k, i)))
        if limits:
            return Row(prop, UNFINISHED, limit=limits)
        if not self._passed(i, [self.case.system.property(prop).partner]):
            return Row(prop, REFUSED if self._passed(i, REFUSING_EVENTS) else UNREACHED)
        return Row(prop, UNREACHED if any(self._in(policies, i) for policies in self.left_out.values()) else HOLDS)

    @cached_property
    def left_out(self) -> dict[Op, Any]:
        """Operation -> the policies under which it never begins, though nothing that it needs was refused."""
        return left_out(self.case, self.run, REFUSING_EVENTS)

    def _in(self, policies: Any, i: int) -> bool:
        """Whether a set has the policy of number `i`."""
        return bool(policies & self.run.numbers[i])

    def _passed(self, i: int, events: Iterable[str]) -> bool:
        return any(self.run.has(self.run.reached.get(e, 0), i) for e in events)

    def _violated(self, i: int, prop: str) -> Row:
        """The row of a violated property, with its shortest run; policies share a run wherever one serves them all."""
        shown = run_of(self.run, i, prop)
        assert shown is not None  # noqa: S101  (for the type checker: the property is violated under this policy)
        found, path = shown
        key = prop, found.depth, found.state, found.step
        run = next((run for known, k, run in self._runs if known == key and self.run.has(k, i)), None)
        if run is None:
            run = Run.of(self.case, self._holders_last(i, found, path))
            numbers = {id(s): n for n, s in enumerate(self.case.system.steps)}
            mine = possible_for(self.run.compiled, [numbers[id(s)] for s in run.steps])
            self._runs.append((key, mine, run))
        at = run.states[-1] if found.step is None else found.state
        return Row(prop, VIOLATED, found.depth, found.reason + self._because(found, at), run)

    def _because(self, found: Violation, state: int) -> str:
        """The conjunct that is false in `state`, by the values of the cells and sets of versions that it compares."""
        system = self.case.system
        broken = self._broken(found)
        if not broken:
            return ""
        at = failing(broken[0], system.layout, state)
        told = values(at, system.layout, state)
        return f" ({', '.join(told)})" if told else ""

    def _broken(self, found: Violation) -> list:
        """The expressions that should have held."""
        system = self.case.system
        if found.step is None:
            return [e for p, reason, e in system.clauses if (p, reason) == (found.property, found.reason)]
        checks = system.steps[found.step].checks
        return [e for p, e, reason in checks if (p, reason) == (found.property, found.reason)]

    def _holders_last(self, i: int, found: Violation, path: Path) -> Path:
        """The same steps in another order, the holders' as late as they can go: a shortest run that ends in their loss.

        Only orders that replay, and that end in a state in which the same clause fails, are taken.
        """
        system, world = self.case.system, self.case.world
        holders = {op.task for op in world.ops if op.how.reads not in ("", "cpu") or op.how.writes == "holder"}
        steps = [k for k, _ in path]
        theirs = [n for n, k in enumerate(steps) if system.steps[k].actor in holders]
        if found.step is not None or not theirs or theirs[-1] == len(steps) - 1:
            return path
        broken = self._broken(found)
        for count in range(len(theirs), 0, -1):
            late = set(theirs[-count:])
            order = [k for n, k in enumerate(steps) if n not in late] + [steps[n] for n in sorted(late)]
            try:
                states = replay(self.run.compiled, i, order)
            except ModelError:
                continue
            if not all(evaluate(e, system.layout, states[-1]) for e in broken):
                return list(zip(order, states[1:], strict=True))
        return path

    # ---- the whole family ----------------------------------------------------------------------------------
    def verdicts(self, prop: str) -> dict[str, Any]:
        """Verdict -> the set of policies that have it on one property; together they are the whole family."""
        run, everyone = self.run, self.run.family.all
        violated = run.violated(prop)
        unfinished = run.unfinished() & ~violated
        rest = everyone & ~violated & ~unfinished
        happened = run.passed([self.case.system.property(prop).partner])
        refused = run.passed(REFUSING_EVENTS) & ~happened
        reached = happened & ~reduce(or_, self.left_out.values(), run.family.none)
        return {
            VIOLATED: violated,
            UNFINISHED: unfinished,
            UNREACHED: rest & ~reached & ~refused,
            REFUSED: rest & refused,
            HOLDS: rest & reached,
        }

    def overall(self) -> dict[str, Any]:
        """Verdict -> the set of policies that have it on the case: their worst on any property that counts."""
        rows = [self.verdicts(p.id) for p in self.case.properties if not p.advisory]
        out, left = {}, self.run.family.all
        for verdict in WORST_FIRST[:-1]:
            out[verdict] = reduce(or_, (row[verdict] for row in rows), self.run.family.none) & left
            left = left & ~out[verdict]
        return {**out, HOLDS: left}

    def safe(self) -> Any:
        """The policies that violate nothing that counts, in an exploration that finished."""
        found = self.overall()
        return found[HOLDS] | found[REFUSED] | found[UNREACHED]

    def covers(self, prop: str, most: int | None = None) -> list[tuple[Row, Any]]:
        """Rows with shortest runs that break a property, each with the policies whose shortest run it is."""
        out = []
        for found, path, policies in covers(self.run, prop, most):
            run = Run.of(self.case, path)
            reason = found.reason + self._because(found, run.states[-1] if found.step is None else found.state)
            out.append((Row(prop, VIOLATED, found.depth, reason, run), policies))
        return out


def judge(
    case: Case,
    family: Family,
    limits: Limits | None = None,
    progress: Callable | None = None,
    interruptible: bool = False,
    at: Connection | None = None,
    policies: Any = None,
) -> Judged:
    """Explore a case for a family (in this process: or some of its policies) and judge it.

    `at`: on these workers, see `tux3nb.cluster.worlds.explore_on`.

    Ctrl-C raises KeyboardInterrupt; with `interruptible` it makes what is not yet known UNFINISHED.
    """
    if at is not None:
        from tux3nb.cluster.worlds import explore_on

        run = explore_on(at, case, family, limits, progress)
    else:
        run = explore(case.system, family, limits, policies, progress)
    try:
        for p in case.properties:
            if p.needs_graph:
                judge_progress(run, p.id)
    except KeyboardInterrupt:
        run.stopped = "interrupted"
    except Stopped as limit:
        run.stopped = str(limit)
    if run.stopped == "interrupted" and not interruptible:
        raise KeyboardInterrupt
    return Judged(case, run)


def check(case: Case, policy: Mapping[str, str], limits: Limits | None = None, progress=None) -> Answer:
    """The answer of one case for one policy."""
    return judge(case, case.one(policy), limits, progress).only
