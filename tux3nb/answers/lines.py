"""The lines of a case that never begin under a policy: a HOLDS says nothing of them."""

from __future__ import annotations

from collections.abc import Collection
from functools import reduce
from operator import or_
from typing import Any

from tux3nb.cases.case import Case
from tux3nb.engine.result import Exploration
from tux3nb.engine.rule import Step
from tux3nb.model.operations import Op


def never_begin(case: Case, run: Exploration) -> dict[Op, Any]:
    """Operation -> the policies under which no reachable state begins it, in an exploration that finished.

    An operation begins with a step that moves its task on, to a place of its routine or to its next line.
    """
    begun = dict.fromkeys(case.world.ops, run.family.none)
    for k, policies in run.fired.items():
        step = case.system.steps[k]
        op = step.args.get("op")
        if op in begun and _moves(step, op):
            begun[op] = begun[op] | run.numbers[policies]
    finished = run.family.all & ~run.unfinished()
    return {op: finished & ~policies for op, policies in begun.items()}


def _moves(step: Step, op: Op) -> bool:
    """The step writes the place or the line of the operation's task."""
    places = ((f, flat) for f, flat, _ in step.writes if f.name in ("pc", "line") and flat.is_const)
    return any(f.axes[0][flat.value] == op.task for f, flat in places)


def left_out(case: Case, run: Exploration, refusing: Collection[str]) -> dict[Op, Any]:
    """Those of `never_begin` that no refusal explains; operations that always begin are not named.

    refusing: names of the events by which a hold is refused. Explained are the operations that use or end a hold which
    was refused, and all lines that wait for such a line.
    """
    never = never_begin(case, run)
    fired = [(case.system.steps[k], run.numbers[policies]) for k, policies in run.fired.items()]
    refusals = [(s.args["op"].holder, p) for s, p in fired if any(name in refusing for name, _ in s.marks)]
    none = run.family.none
    explained = {
        op: reduce(or_, (p for holder, p in refusals if holder == op.holder), none) & policies
        for op, policies in never.items()
    }
    changed = True
    while changed:
        changed = False
        for op, policies in never.items():
            waits = (explained[other] for other in never if _waits(op, other))
            more = reduce(or_, waits, none) & policies & ~explained[op]
            if more:
                explained[op], changed = explained[op] | more, True
    left = {op: policies & ~explained[op] for op, policies in never.items()}
    return {op: policies for op, policies in left.items() if policies}


def _waits(op: Op, other: Op) -> bool:
    """`other` comes before `op`, by the column or by a label."""
    return (op.task == other.task and op.line > other.line) or (other.task, other.line) in op.after


def told(op: Op) -> str:
    """An operation that never begins, as a reader sees it: ``app: store p0:0``."""
    return f"{op.task}: {op}"
