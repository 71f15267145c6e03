"""What may happen on a step or in a state besides the step itself, and the error for what must not."""

from __future__ import annotations

from dataclasses import dataclass

from tux3nb.engine.system import System
from tux3nb.engine.terms import Expr
from tux3nb.errors import ModelError


@dataclass(eq=False)
class Event:
    """Something to report: kind is "check", "mark", "limit", "overflow" or "index".

    step: index of the step, None for a predicate of the state. name: property, sometimes-event, limit, or the
    fields at fault. detail: the reason of a check. where: the condition, besides that of the move.
    """

    kind: str
    step: int | None
    name: str
    detail: str
    where: Expr


def explain(found: Event, system: System, state: int) -> ModelError:
    """The error for an "overflow" or "index" event, naming rule, fields and state."""
    pairs = zip(system.layout.labels, system.layout.unpack(state), strict=True)
    nonzero = {label: value for label, value in pairs if value}
    if found.step is None:
        return ModelError(f"{found.name} reads {found.detail} outside its array, in state {nonzero}")
    what = "writes {} outside its range" if found.kind == "overflow" else "reads {} outside its array"
    return ModelError(f"rule {system.steps[found.step].name} {what.format(found.name)}, from state {nonzero}")
