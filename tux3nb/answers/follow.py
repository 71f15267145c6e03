"""Runs to show: one that breaks a property, to where the loss is seen; and its schedule under another policy.

A schedule is a run's actors in their order. Another policy follows it: each actor takes the same step where it can,
else what the policy has it do instead; an operation that is longer than the schedule's is ended before the others go
on. So both runs can be laid side by side, and the first step that is not the same is where the policies part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tux3nb.answers.judge import Judged
from tux3nb.answers.tours import Run
from tux3nb.cases.case import Case
from tux3nb.engine.rule import Step
from tux3nb.engine.runs import evaluate, find_path, possible_for
from tux3nb.engine.terms import Expr
from tux3nb.errors import UserError
from tux3nb.model.broken import FOUND, Place, broken, reads
from tux3nb.model.features import NAMED, named_policy
from tux3nb.model.look import Look

FAR = 3000  # states to look at for a quiet end, before a run is shown as it is
NEAR = 600  # states to look at for somebody who reads what is wrong
LONG = 60  # steps that an operation may take more than the schedule has


@dataclass(frozen=True)
class Shown:
    """A run to show. depth: steps of the shortest run that breaks the property, of which this one is a way on.

    reader: whoever reads the wrong bytes by the last step; empty: nobody does. mirrors: for each step the number of
    the schedule's step that it stands for, -1 for none; None: a schedule itself.
    """

    run: Run
    depth: int | None = None
    mirrors: tuple[int, ...] | None = field(default=None, hash=False)
    reader: str = ""

    def told(self, what: str) -> str:
        """``I2 is broken after 26 steps; shown on to step 31, where app reads what is wrong``."""
        said = f"{what} is broken after {self.depth} step{'s' if self.depth != 1 else ''}"
        if len(self.run) == self.depth:
            return said
        where = f"{self.reader} reads what is wrong" if self.reader else "no operation is under way"
        return f"{said}; shown on to step {len(self.run)}, where {where}"

    def parts(self, schedule: Run) -> int | None:
        """The first step that is not the schedule's; None: there is none."""
        mine, theirs = self.run.steps, schedule.steps
        longest = max(len(mine), len(theirs))
        return next((n for n in range(longest) if mine[n : n + 1] != theirs[n : n + 1]), None)


class Schedules:
    """The runs of one exploration as they are shown, for one policy or, as covers, for all."""

    def __init__(self, judged: Judged):
        self.judged, self.case, self.run = judged, judged.case, judged.run
        self.numbers = {id(s): k for k, s in enumerate(self.case.system.steps)}
        self._references: dict[str, tuple[dict[str, str], Shown] | None] = {}

    # ---- runs that break a property ---------------------------------------------------------------------------------
    def broken(self, policy: dict[str, str], prop: str) -> Shown | None:
        """The run that breaks a property under a policy: the shortest, on to where nobody is under way, and on to
        where somebody reads the bytes that are wrong; each as far as there is a way with the loss still there.
        """
        row = self.judged.row(policy, prop)
        if row.run is None:
            return None
        number = self.run.number(policy)
        end, layout = row.run.states[-1], self.case.system.layout
        failing = [e for p, _, e in self.case.system.clauses if p == prop and not evaluate(e, layout, end)]
        if not failing or evaluate(self.case.system.halted, layout, end):
            return Shown(row.run, row.depth)
        rest = self._to_rest(number, row.run, failing)
        if len(rest) > len(row.run) and self._sees(prop, failing, rest.states[-2], rest.steps[-1], end=rest.states[-1]):
            return Shown(rest, row.depth, reader=rest.steps[-1].actor)
        for run in dict.fromkeys((rest, row.run)):
            path = self._to_reader(number, run.states[-1], prop, failing)
            if path:
                return Shown(self._extended(run, path), row.depth, reader=self.case.system.steps[path[-1][0]].actor)
        return Shown(rest, row.depth)

    def _lost(self, failing: list[Expr], state: int) -> bool:
        """Whether what a run has broken is still broken."""
        return not all(evaluate(e, self.case.system.layout, state) for e in failing)

    def _to_rest(self, number: int, run: Run, failing: list[Expr]) -> Run:
        """A run that has left a state broken goes on until all tasks are idle, if it is still broken there."""

        def rest(state: int) -> bool:
            return idle(self.case, state) and self._lost(failing, state)

        if rest(run.states[-1]):
            return run
        found = find_path(self.run.compiled, number, run.states[-1], lambda _, state: rest(state), FAR)
        return self._extended(run, found) if found else run

    def _to_reader(self, number: int, start: int, prop: str, failing: list[Expr]) -> list[tuple[int, int]] | None:
        """A shortest path whose last step reads the bytes that are wrong, and leaves them so."""
        if prop not in FOUND or not self._readers_ahead(start):
            return None
        steps = self.case.system.steps
        return self._way(number, start, lambda s, i, after: self._sees(prop, failing, s, steps[i], after), NEAR)

    def _sees(self, prop: str, failing: list[Expr], state: int, step: Step, end: int) -> bool:
        """Whether a step from a state reads what is wrong there, and leaves it wrong."""
        system, world = self.case.system, self.case.world
        if prop not in FOUND or step.actor not in world.tasks or not self._lost(failing, state):
            return False
        seen = [place for place, _ in reads(system.layout, step, state)]
        found = broken(world, system, prop, state) if seen else None
        wrong = found.places[-1] if found else Place()
        return (wrong.row, wrong.cell) in seen and self._lost(failing, end)

    @cached_property
    def _readers(self) -> set[tuple[str, int]]:
        """(task, line) of the operations that may read bytes."""
        checked = (s for s in self.case.system.steps if reads(self.case.system.layout, s, self.case.system.start))
        return {(s.actor, s.args["op"].line) for s in checked if s.args.get("op")}

    def _readers_ahead(self, state: int) -> bool:
        look = Look(self.case.world, self.case.system.layout, state)
        return any(look.line(task) <= line for task, line in self._readers if task in self.case.world.tasks)

    def _extended(self, run: Run, path: list[tuple[int, int]]) -> Run:
        steps = self.case.system.steps
        return Run(run.case, (*run.steps, *(steps[k] for k, _ in path)), (*run.states, *(s for _, s in path)))

    def covers(self, prop: str, whom: Any) -> Iterator[tuple[Shown, Any]]:
        """Runs that break a property, each with the policies that it is for; together they serve all of `whom`."""
        violated = self.run.violated(prop)
        left = violated & whom
        while left:
            policy = self.run.family.pick(left)
            shown = self.broken(policy, prop)
            mine = self.possible(shown.run) & violated & self._first_at(prop, shown.depth)
            if not mine & left:  # a last step that is an event only
                mine = self.run.family.single(policy)
            yield shown, mine
            left = left & ~mine

    def _first_at(self, prop: str, depth: int) -> Any:
        """The policies that break a property first at a depth."""
        numbers, spared = self.run.numbers, self.run.spared
        return numbers[numbers.minus[spared(prop, depth - 1)][spared(prop, depth)]]

    def possible(self, run: Run) -> Any:
        """The policies under which a run is possible."""
        return self.run.numbers[possible_for(self.run.compiled, self.indexes(run))]

    def indexes(self, run: Run) -> list[int]:
        """A run as numbers of steps."""
        return [self.numbers[id(s)] for s in run.steps]

    # ---- one schedule under other policies --------------------------------------------------------------------------
    def reference(self, prop: str) -> tuple[dict[str, str], Shown] | None:
        """The policy and the run that others are compared with: what breaks Tux3, else the nearest named policy, else
        any. None: nothing breaks the property.
        """
        if prop not in self._references:
            self._references[prop] = self._reference(prop)
        return self._references[prop]

    def _reference(self, prop: str) -> tuple[dict[str, str], Shown] | None:
        violated = self.run.violated(prop)
        if not violated:
            return None
        base, family = self.case.policy, self.run.family
        named = [named_policy(n) for n in NAMED if n in self.case.expect]
        named.sort(key=lambda p: sum(p[f] != base[f] for f in self.case.features_read))
        chosen = next((p for p in (base, *named) if self._has(p, violated)), None) or family.pick(violated)
        shown = self.broken(chosen, prop)
        return None if shown is None else (chosen, shown)

    def _has(self, policy: dict[str, str], policies: Any) -> bool:
        try:
            return bool(self.run.family.single(policy) & policies)
        except UserError:
            return False

    def plain(self) -> Shown:
        """A run to the end of all columns, for a case that nothing breaks."""
        number = self.run.number(self.run.family.pick(self.run.family.all))
        run = Run.of(self.case, [])
        return Shown(self._completed(number, run))

    def follow(self, policy: dict[str, str], schedule: Run, number: int | None = None) -> Shown:
        """The schedule of another policy's run, followed as far as this policy's rules allow, and completed."""
        number = self.run.number(policy) if number is None else number
        steps, mirrors, states = _Follower(self, number, schedule).run()
        run = Run(self.case.name, tuple(steps), tuple(states))
        same = len(mirrors) == len(schedule) and all(m >= 0 for m in mirrors)
        if not (same and all(a is b for a, b in zip(steps, schedule.steps, strict=True))):
            run = self._completed(number, run)
        return Shown(run, None, (*mirrors, *[-1] * (len(run) - len(mirrors))))

    def _completed(self, number: int, run: Run) -> Run:
        """The run, on to the end of all columns, or at least until nobody is under way."""
        done, compiled = finished(self.case, self.run.compiled.settled), self.run.compiled
        end = run.states[-1]
        for wanted in (done, lambda s: idle(self.case, s)):
            if wanted(end):
                return run
            path = find_path(compiled, number, end, lambda _, s, w=wanted: w(s), FAR)
            if path:
                return self._extended(run, path)
        return run

    def goes_on(self, number: int, run: Run, prop: str | None) -> Run:
        """A run gone on to the nearest state or step that breaks a property; where none is near, to the end of all."""
        path = self._loss(number, run.states[-1], prop) if prop else None
        return self._extended(run, path) if path else self._completed(number, run)

    def _loss(self, number: int, start: int, prop: str) -> list[tuple[int, int]] | None:
        """A shortest path to where a property is broken, by a step or in a state."""
        clauses = [e for p, _, e in self.case.system.clauses if p == prop]
        checks = [[e for p, e, _ in s.checks if p == prop] for s in self.case.system.steps]
        return self._way(
            number,
            start,
            lambda state, step, after: self._lost(checks[step], state) or self._lost(clauses, after),
            FAR,
        )

    def _way(
        self, number: int, start: int, wanted: Callable[[int, int, int], bool], most: int
    ) -> list[tuple[int, int]] | None:
        """A shortest path whose last step is ``wanted(state, step, state after it)``; `most` states are looked at."""
        came: dict[int, tuple[int, int] | None] = {start: None}
        for state in (queue := [start]):
            for step, after, _ in sorted(self.run.compiled.steps(state, number)):
                if wanted(state, step, after):
                    path, at = [(step, after)], state
                    while (before := came[at]) is not None:
                        path.append((before[1], at))
                        at = before[0]
                    return path[::-1]
                if after not in came and len(came) < most:
                    came[after] = (state, step)
                    queue.append(after)
        return None

    def follows(self, schedule: Run, whom: Any) -> Iterator[tuple[Shown, Any]]:
        """The same for a set of policies: runs, each with the policies that it is for, others than `whom` too."""
        left = whom
        while left:
            policy = self.run.family.pick(left)
            shown = self.follow(policy, schedule)
            mine = self.possible(shown.run)
            if not mine & left:
                mine = self.run.family.single(policy)
            yield shown, mine
            left = left & ~mine


class _Follower:
    """One policy on another's schedule."""

    def __init__(self, schedules: Schedules, number: int, schedule: Run):
        self.case, self.compiled, self.number = schedules.case, schedules.run.compiled, number
        self.schedule, self.indexes = schedule, schedules.indexes(schedule)
        self.steps, self.mirrors, self.states = [], [], [self.case.system.start]

    def run(self):
        """(steps, mirrors, states)."""
        for n, step in enumerate(self.schedule.steps):
            actor, theirs = step.actor, self._look(self.schedule.states[n])
            if actor in self.case.world.tasks:
                line = theirs.line(actor)
                self._work(actor, lambda look, line=line, actor=actor: look.line(actor) < line)
                if self._now.line(actor) > line:
                    continue
            self._take(actor, n, self.indexes[n])
            if actor in self.case.world.tasks and self._ends(n, actor, line):
                self._work(actor, lambda look, line=line, actor=actor: look.line(actor) == line and look.at(actor))
        return self.steps, self.mirrors, self.states

    def _ends(self, n: int, actor: str, line: int) -> bool:
        """Whether the schedule's step n is its last one of this actor's operation."""
        later = (k for k in range(n + 1, len(self.schedule)) if self.schedule.steps[k].actor == actor)
        k = next(later, None)
        return k is None or self._look(self.schedule.states[k]).line(actor) != line

    def _look(self, state: int) -> Look:
        return Look(self.case.world, self.case.system.layout, state)

    @property
    def _now(self) -> Look:
        return self._look(self.states[-1])

    def _take(self, actor: str, mirror: int, wanted: int | None = None) -> bool:
        """The wanted step, else another one of the actor, the same rule's before others'; False: it can take none."""
        steps = self.case.system.steps
        mine = {i: t for i, t, _ in self.compiled.steps(self.states[-1], self.number) if steps[i].actor == actor}
        if not mine:
            return False
        rule = steps[wanted].rule if wanted is not None else None
        chosen = wanted if wanted in mine else min(mine, key=lambda i: (steps[i].rule is not rule, i))
        self.steps.append(steps[chosen])
        self.mirrors.append(mirror)
        self.states.append(mine[chosen])
        return True

    def _work(self, actor: str, on: Callable[[Look], Any]) -> None:
        """The actor goes on by itself while it should and can, not for ever."""
        seen = set()
        while on(self._now) and self.states[-1] not in seen and len(seen) < LONG:
            seen.add(self.states[-1])
            if not self._take(actor, -1):
                return


def idle(case: Case, state: int) -> bool:
    """No task is under way with an operation."""
    look = Look(case.world, case.system.layout, state)
    return not any(look.at(t) for t in case.world.tasks)


def finished(case: Case, settled: Callable[[int], bool]) -> Callable[[int], bool]:
    """Whether all columns are at their end and no closed delta is left, as a test of a state."""
    last = {t: max(op.line for op in case.world.ops if op.task == t) + 1 for t in case.world.tasks}

    def test(state: int) -> bool:
        look = Look(case.world, case.system.layout, state)
        return settled(state) and all(look.line(t) == n for t, n in last.items())

    return test
