"""From an exploration to answers: a verdict per policy and property, with its reason and its shortest run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from tux3nb.cases.case import Case
from tux3nb.engine.explain import evaluate, failing, values
from tux3nb.engine.explore import (
    HOLDS,
    REFUSED,
    UNFINISHED,
    VIOLATED,
    Exploration,
    Limits,
    Violation,
    explore,
    judge_progress,
    replay,
    shortest_run,
    to_show,
)
from tux3nb.engine.policy import Family
from tux3nb.engine.rule import Step
from tux3nb.errors import ModelError

UNREACHED = "HOLDS(unreached)"
NOT_PROMISED = "NOT PROMISED"
REFUSING_EVENTS = ("longterm_refused",)


@dataclass(frozen=True)
class Row:
    """One property under one policy. depth, reason and run are those of a violation; `limit` of UNFINISHED.

    Reason and run are missing where they were not asked for."""

    property: str
    verdict: str
    depth: int | None = None
    reason: str = ""
    run: Run | None = None
    limit: str = ""

    def __str__(self):
        return f"{self.verdict}({self.limit})" if self.limit else self.verdict


@dataclass(frozen=True)
class Run:
    """A run as a value: the steps taken and the states passed (one more), as packed ints."""

    case: str
    steps: tuple[Step, ...] = field(hash=False)
    states: tuple[int, ...] = ()

    def __len__(self):
        return len(self.steps)


@dataclass
class Answer:
    """What one case says of one policy. states, edges: distinct ones; depth: the last layer."""

    case: Case
    policy: dict[str, str]
    rows: list[Row]
    states: int
    edges: int
    depth: int
    never_fired: list[str]

    @property
    def _counted(self) -> list[Row]:
        """The rows that make the verdict; advisory properties are reported apart."""
        advisory = {p.id for p in self.case.properties if p.advisory}
        return [r for r in self.rows if r.property not in advisory]

    @property
    def verdict(self) -> str:
        return worst(r.verdict for r in self._counted)

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


def worst(verdicts) -> str:
    """The verdict of a policy: VIOLATED before UNFINISHED before the qualified and the plain HOLDS."""
    order = (VIOLATED, UNFINISHED, UNREACHED, REFUSED, HOLDS)
    found = set(verdicts)
    return next((v for v in order if v in found), HOLDS)


class Judged:
    """One exploration of a case, judged: answers by policy, all from the same graph.

    tours: runs that other explorations of the case have shown; one that fits is shown again.
    """

    def __init__(self, case: Case, run: Exploration, representative: list[int]):
        self.case, self.run, self.representative = case, run, representative
        self._runs: list[tuple[tuple, int, Run]] = []
        self._showcases: list[tuple[tuple[str, ...], int, Run]] = []
        self._answers: dict[tuple[int, bool], Answer] = {}
        self.tours: list[Run] = []

    def answer(self, policy: int, policies: Family, runs: bool = True) -> Answer:
        """The answer for policy number `policy` of the unmerged family `policies`."""
        answer = self.of(self.representative[policy], runs)
        return replace(answer, policy=policies.policies[policy])

    def of(self, i: int, runs: bool = True) -> Answer:
        """The answer for representative `i` of the merged family, with or without runs and reasons."""
        if (i, runs) not in self._answers:
            run = self.run
            self._answers[i, runs] = Answer(
                self.case,
                run.family.policies[i],
                [self.row(i, p.id, runs) for p in self.case.properties],
                run.states(i),
                run.edge_count(i),
                run.depth(i),
                run.never_fired(i),
            )
        return self._answers[i, runs]

    def row(self, i: int, prop: str, runs: bool = True) -> Row:
        """Verdict of one property for representative `i`."""
        found = self.run.first(i, prop)
        if found and not runs:
            return Row(prop, VIOLATED, found.depth)
        if found:
            found = to_show(self.run, i, prop)
            run = self.shortest(i, found)
            at = run.states[-1] if found.step is None else found.state
            return Row(prop, VIOLATED, found.depth, found.reason + self.because(found, at), run)
        limit = self.limit(i)
        if limit:
            return Row(prop, UNFINISHED, limit=limit)
        partner = self.case.system.property(prop).partner
        if not self.run.reached.get(partner, 0) >> i & 1:
            refused = any(self.run.reached.get(e, 0) >> i & 1 for e in REFUSING_EVENTS)
            return Row(prop, REFUSED if refused else UNREACHED)
        return Row(prop, HOLDS)

    def because(self, found: Violation, state: int) -> str:
        """The conjunct that is false in `state`, by the values of the cells and sets of versions that it compares."""
        system = self.case.system
        if found.step is None:
            broken = [e for p, reason, e in system.clauses if (p, reason) == (found.property, found.reason)]
        else:
            checks = system.steps[found.step].checks
            broken = [e for p, e, reason in checks if (p, reason) == (found.property, found.reason)]
        if not broken:
            return ""
        at = failing(broken[0], system.layout, state)
        told = values(at, system.layout, state)
        return f" ({', '.join(told)})" if told else ""

    def limit(self, i: int) -> str:
        """What kept the exploration of representative `i` from finishing, or nothing."""
        if self.run.stopped:
            return self.run.stopped
        return ", ".join(sorted(name for name, mask in self.run.limits.items() if mask >> i & 1))

    def shortest(self, i: int, found: Violation) -> Run:
        """The shortest run to a violation; policies share a run wherever one run serves them all."""
        shown = found.property, found.depth, found.state, found.step
        for key, mask, run in self._runs:
            if key == shown and mask >> i & 1:
                return run
        path = shortest_run(self.run, i, found.state, found.step)
        run = self._as_run(self._holders_last(i, found, path))
        self._runs.append((shown, self._valid_for(run), run))
        return run

    def _holders_last(self, i: int, found: Violation, path: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """The same steps in another order, the holders' as late as they can go: a shortest run that ends in their loss.

        Only orders that replay, and that end in a state in which the same clause fails, are taken.
        """
        system, world = self.case.system, self.case.world
        holders = {op.task for op in world.ops if op.how.reads or op.how.writes == "holder"}
        steps = [k for k, _ in path]
        theirs = [n for n, k in enumerate(steps) if system.steps[k].actor in holders]
        if found.step is not None or not theirs or theirs[-1] == len(steps) - 1:
            return path
        broken = [e for p, reason, e in system.clauses if (p, reason) == (found.property, found.reason)]
        for count in range(len(theirs), 0, -1):
            late = set(theirs[-count:])
            order = [k for n, k in enumerate(steps) if n not in late] + [steps[n] for n in sorted(late)]
            try:
                states = replay(system, self.run.printed, i, order)
            except ModelError:
                continue
            if not all(evaluate(e, system.layout, states[-1]) for e in broken):
                return list(zip(order, states[1:], strict=True))
        return path

    def _as_run(self, path: list[tuple[int, int]]) -> Run:
        steps = tuple(self.case.system.steps[k] for k, _ in path)
        return Run(self.case.name, steps, (self.case.system.start, *(s for _, s in path)))

    def _valid_for(self, run: Run) -> int:
        """The policies under which every step of the run is possible."""
        mask, number = self.run.family.all, {id(s): k for k, s in enumerate(self.case.system.steps)}
        for step, before in zip(run.steps, run.states, strict=False):
            out: list = []
            self.run.printed.expand(before, self.run.family.all, out)
            mask &= next((k for n, _, k in out if n == number[id(step)]), mask)
        return mask

    # ---- a run that shows a policy at work -----------------------------------------------------------------
    def showcase(self, i: int, passing: tuple[str, ...]) -> Run:
        """A run to the end of all columns that passes, where it can, an event of each name in `passing`."""
        wanted = tuple(name for name in passing if self.run.reached.get(name, 0) >> i & 1)
        for events, mask, run in self._showcases:
            if events == wanted and mask >> i & 1:
                return run
        run = next((run for run in self.tours if self._fits(i, wanted, run)), None)
        if run is None:
            run = self._as_run(self._tour(i, wanted))
            self.tours.append(run)
        self._showcases.append((wanted, self._valid_for(run), run))
        return run

    def _fits(self, i: int, wanted: tuple[str, ...], run: Run) -> bool:
        """Whether policy i can take a run to the end that passes the events of these names."""
        marks, number = self._marks(), {id(s): k for k, s in enumerate(self.case.system.steps)}
        passed = {name for step in run.steps for name in marks[number[id(step)]]}
        return passed >= set(wanted) and bool(self._valid_for(run) >> i & 1) and self._finished()(run.states[-1])

    def _tour(self, i: int, wanted: tuple[str, ...]) -> list[tuple[int, int]]:
        """Legs from event to event, each a shortest one, then on to the end of all columns."""
        marks, done = self._marks(), self._finished()
        at, path = self.case.system.start, []
        for name in wanted:
            if any(name in marks[step] for step, _ in path):
                continue
            leg = self._search(i, at, lambda step, _, n=name: n in marks[step])
            if leg:
                path += leg
                at = leg[-1][1]
        if not done(at):
            path += self._search(i, at, lambda _, state: done(state)) or []
        return path

    def _search(self, i: int, start: int, wanted: Callable) -> list[tuple[int, int]] | None:
        """A shortest path [(step, state), ...] of policy i whose last step is `wanted(step, state)`, or None."""
        came: dict[int, tuple[int, int] | None] = {start: None}
        layer, out = [start], []
        while layer:
            following = []
            for state in layer:
                out.clear()
                self.run.printed.expand(state, 1 << i, out)
                for step, after, _ in sorted(out):  # so that the choice does not depend on the engine
                    if step < 0:  # an event on the way, not a step
                        continue
                    if wanted(step, after):
                        return [*_trace(came, state), (step, after)]
                    if after not in came:
                        came[after] = (state, step)
                        following.append(after)
            layer = following
        return None

    def _marks(self) -> dict[int, tuple[str, ...]]:
        """step -> names of its unconditional events."""
        steps = enumerate(self.case.system.steps)
        return {k: tuple(n for n, where in s.marks if where.is_const and where.value) for k, s in steps}

    def _finished(self) -> Callable[[int], bool]:
        layout, settled = self.case.system.layout, self.run.printed.settled
        line = layout.fields["line"]
        last = [max(op.line for op in self.case.world.ops if op.task == t) + 1 for t in line.axes[0]]

        def finished(state: int) -> bool:
            return settled(state) and all(layout.value(state, line, k) == n for k, n in enumerate(last))

        return finished


def _trace(came, state) -> list[tuple[int, int]]:
    path = []
    while came[state] is not None:
        before, step = came[state]
        path.append((step, state))
        state = before
    return path[::-1]


def judge(case: Case, family: Family, limits: Limits | None = None, progress: Callable | None = None) -> Judged:
    """Explore a case for a family (policies that no guard tells apart are merged first) and judge it."""
    merged, representative = family.merged(case.system.guards)
    run = explore(case.system, merged, limits, progress=progress)
    try:
        for p in case.properties:
            if p.needs_graph:
                judge_progress(run, p.id)
    except KeyboardInterrupt:
        run.stopped = "interrupted"
    return Judged(case, run, representative)


def check(case: Case, policy: Mapping[str, str], limits: Limits | None = None, progress=None) -> Answer:
    """The answer of one case for one policy."""
    family = case.one(policy)
    return judge(case, family, limits, progress).answer(0, family)
