"""Runs as values, and runs that show a policy at work where nothing is violated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tux3nb.cases.case import Case
from tux3nb.engine.result import Exploration
from tux3nb.engine.rule import Step
from tux3nb.engine.runs import Path, find_path, possible_for

SHOWN_EVENTS = ("forked", "snapshot_made", "bounced", "refused", "holder_op")


@dataclass(frozen=True)
class Run:
    """A run as a value: the steps taken and the states passed (one more), as packed ints."""

    case: str
    steps: tuple[Step, ...] = field(hash=False)
    states: tuple[int, ...] = ()

    def __len__(self):
        return len(self.steps)

    @classmethod
    def of(cls, case: Case, path: Path) -> Run:
        """The run of a path from the start."""
        steps = tuple(case.system.steps[k] for k, _ in path)
        return cls(case.name, steps, (case.system.start, *(s for _, s in path)))


class Tours:
    """Runs of an exploration to the end of all columns that pass events on their way; one that fits is shown again."""

    def __init__(self, case: Case, run: Exploration):
        self.case, self.run = case, run
        self.known: list[Run] = []

    def show(self, policy: int, passing: tuple[str, ...]) -> Run:
        """A run of a policy (by number) that passes, where it can, an event of each name in `passing`."""
        wanted = tuple(name for name in passing if self.run.has(self.run.reached.get(name, 0), policy))
        run = next((run for run in self.known if self._fits(policy, wanted, run)), None)
        if run is None:
            run = Run.of(self.case, self._tour(policy, wanted))
            self.known.append(run)
        return run

    def _fits(self, policy: int, wanted: tuple[str, ...], run: Run) -> bool:
        """Whether a policy can take a run to the end that passes the events of these names."""
        marks, number = self._marks(), {id(s): k for k, s in enumerate(self.case.system.steps)}
        steps = [number[id(step)] for step in run.steps]
        if not {name for k in steps for name in marks[k]} >= set(wanted):
            return False
        return self.run.has(possible_for(self.run.compiled, steps), policy) and self._finished()(run.states[-1])

    def _tour(self, policy: int, wanted: tuple[str, ...]) -> Path:
        """Legs from event to event, each a shortest one, then on to the end of all columns."""
        marks, done, compiled = self._marks(), self._finished(), self.run.compiled
        at, path = self.case.system.start, []
        for name in wanted:
            if any(name in marks[step] for step, _ in path):
                continue
            leg = find_path(compiled, policy, at, lambda step, _, n=name: n in marks[step])
            if leg:
                path += leg
                at = leg[-1][1]
        if not done(at):
            path += find_path(compiled, policy, at, lambda _, state: done(state)) or []
        return path

    def _marks(self) -> dict[int, tuple[str, ...]]:
        """step -> names of its unconditional events."""
        steps = enumerate(self.case.system.steps)
        return {k: tuple(n for n, where in s.marks if where.is_const and where.value) for k, s in steps}

    def _finished(self) -> Callable[[int], bool]:
        layout, settled = self.case.system.layout, self.run.compiled.settled
        line = layout.fields["line"]
        last = [max(op.line for op in self.case.world.ops if op.task == t) + 1 for t in line.axes[0]]

        def finished(state: int) -> bool:
            return settled(state) and all(layout.value(state, line, k) == n for k, n in enumerate(last))

        return finished
