"""The lines of a case that never begin under a policy: a HOLDS says nothing of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tux3nb.engine.rule import Step
from tux3nb.engine.system import System
from tux3nb.model.operations import Op


def never_begin(system: System, ops: Sequence[Op], fired: Collection[int]) -> list[Op]:
    """The operations that no reachable state begins, in order.

    fired: the indexes in `system.steps` that fired somewhere under the policy, in an exploration that finished. An
    operation begins with a step that moves its task on, to a place of its routine or to its next line.
    """
    begun = {op for k in fired if (op := system.steps[k].args.get("op")) and _moves(system.steps[k], op)}
    return [op for op in ops if op not in begun]


def _moves(step: Step, op: Op) -> bool:
    """The step writes the place or the line of the operation's task."""
    return any(f.name in ("pc", "line") and flat.is_const and f.axes[0][flat.value] == op.task
               for f, flat, _ in step.writes)  # fmt: skip


def left_out(system: System, ops: Sequence[Op], fired: Collection[int], refusing: Collection[str]) -> list[Op]:
    """Those of `never_begin` that no refusal explains.

    refusing: names of the events by which a hold is refused. Explained are the operations that use or end a hold which
    was refused, and all lines that wait for such a line.
    """
    never = never_begin(system, ops, fired)
    steps = [system.steps[k] for k in fired]
    refused = {step.args["op"].holder for step in steps if any(name in refusing for name, _ in step.marks)}
    explained = {op for op in never if op.holder in refused}
    while more := {op for op in never if op not in explained and any(_waits(op, other) for other in explained)}:
        explained |= more
    return [op for op in never if op not in explained]


def _waits(op: Op, other: Op) -> bool:
    """`other` comes before `op`, by the column or by a label."""
    return (op.task == other.task and op.line > other.line) or (other.task, other.line) in op.after


def told(op: Op) -> str:
    """An operation that never begins, as a reader sees it: ``app: store p0:0``."""
    return f"{op.task}: {op}"
