"""A run as lanes: one column an actor, time downwards, what each step does, and where bytes and waiting come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tux3nb.answers.tours import Run
from tux3nb.cases.case import Case
from tux3nb.engine.compile import Compiled
from tux3nb.engine.rule import Step
from tux3nb.engine.runs import evaluate
from tux3nb.model.broken import Broken, Place
from tux3nb.model.look import Look
from tux3nb.model.world import FLUSHER
from tux3nb.show.steps import Flow, effect, flows, held_back, short


@dataclass(frozen=True)
class Arrow:
    """From step to step (numbers from 1): bytes copied or sent to the disk, or a wait that ends."""

    begin: int
    end: int
    kind: str
    text: str


class Told:
    """A run told: `steps` with their effects, `arrows` between them."""

    def __init__(self, case: Case, run: Run):
        self.case, self.run = case, run

    @cached_property
    def steps(self) -> list[tuple[Step, str]]:
        triples = zip(self.run.steps, self.run.states, self.run.states[1:], strict=False)
        return [(step, effect(self.case, step, before, after)) for step, before, after in triples]

    @cached_property
    def flows(self) -> list[list[Flow]]:
        """The bytes that each step moves."""
        return [flows(self.case, s, before) for s, before in zip(self.run.steps, self.run.states, strict=False)]

    @cached_property
    def arrows(self) -> list[Arrow]:
        written: dict[tuple[str, int], int] = {}  # place -> the step that wrote it last
        out: dict[tuple[int, int], Arrow] = {}
        for n, moved in enumerate(self.flows, 1):
            for m in moved:
                begin = written.get(m.source) if m.source else None
                if begin and self.run.steps[begin - 1].actor != self.run.steps[n - 1].actor:
                    kind = "disk" if m.to[0] in ("bio", "disk") else "copy"
                    out.setdefault((begin, n), Arrow(begin, n, kind, f"{short(m.source)} to {short(m.to)}"))
            written |= {m.to: n for m in moved}
        return [*out.values(), *self._waits()]

    def _waits(self) -> list[Arrow]:
        """Whoever could not go on in the middle of an operation, and the step that let him."""
        out, last = [], {}
        for n, step in enumerate(self.run.steps, 1):
            begin = last.get(step.actor)
            if begin and begin < n - 1 and self._at_work(step.actor, self.run.states[begin]):
                freed = self._freed(step, begin, n - 1)
                own = {step.actor, "disk"} if step.actor == FLUSHER else {step.actor}
                if freed and self.run.steps[freed - 1].actor not in own:
                    out.append(Arrow(freed, n, "wait", f"{step.actor} waited for {self.run.steps[freed - 1].actor}"))
            last[step.actor] = n
        return out

    def _at_work(self, actor: str, state: int) -> bool:
        at = actor in self.case.world.tasks or actor == FLUSHER
        return at and bool(Look(self.case.world, self.case.system.layout, state).at(actor))

    def _freed(self, step: Step, begin: int, end: int) -> int | None:
        """The step after which `step` first became possible, if it was not at once."""
        for n in range(end, begin - 1, -1):
            if not all(evaluate(g, self.case.system.layout, self.run.states[n]) for g in step.guard):
                return n + 1
        return None

    def window(self, places: Sequence[dict[str, Any]], at: int) -> dict[str, Any] | None:
        """The window of a race that a mark shows: {from, to, text}, steps from 1; None where it has none."""
        cells = [(p["row"], p["cell"]) for p in places if p.get("row") and p.get("cell") is not None]
        found = [w for cell in cells if (w := self._written(cell, at))]
        if len(found) == 1 and len(cells) == 1:
            found += self._origin(cells[0], found[0][0])
        if len(found) < 2 or found[0][0] == found[1][0]:
            return None
        (a, one), (b, two) = sorted(found)[:2]
        return {"from": a, "to": b, "text": f"{one} at {a}, {two} at {b}"}

    def _written(self, place: tuple[str, int], at: int) -> tuple[int, str] | None:
        """(the last step up to `at` that wrote a place, what it did)."""
        for n in range(min(at, len(self.flows)), 0, -1):
            for m in self.flows[n - 1]:
                if m.to == place:
                    return n, f"{short(place)} {'copied' if m.source else 'written'}"
        return None

    def _origin(self, place: tuple[str, int], at: int) -> list[tuple[int, str]]:
        """The step that wrote the bytes which a step copied to a place, through all copies between."""
        while True:
            source = next((m.source for m in self.flows[at - 1] if m.to == place), None)
            found = self._written(source, at - 1) if source else None
            if found is None:
                return []
            place, at = source, found[0]
            if not any(m.source for m in self.flows[at - 1] if m.to == place):
                return [found]


def stopped(case: Case, compiled: Compiled, policy: int, prop: str, run: Run) -> Broken:
    """How progress is broken at the end of a run: who cannot go on, and what says no."""
    end = run.states[-1]
    look = Look(case.world, case.system.layout, end)
    able = {case.system.steps[i].actor for i, t, _ in compiled.steps(end, policy) if t != end}
    waits = [t for t in (*case.world.tasks, FLUSHER) if look.at(t) and t not in able]
    told = [(t, why) for t in waits for _, why in held_back(case, t, end)[:1]]
    if told:
        said = "; ".join(f"{t} waits for ever: {why}" for t, why in told)
        return Broken(prop, f"{prop} is broken: {said}", (Place(actor=told[0][0]),))
    actor = waits[0] if waits else next((t for t in case.world.tasks if look.at(t)), run.steps[-1].actor)
    return Broken(
        prop, f"{prop} is broken: from here {actor} can never complete what it has begun", (Place(actor=actor),)
    )
