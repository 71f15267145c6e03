"""How a column's line and the place in a routine guard a rule; no rules of its own."""

from tux3nb.engine.terms import every
from tux3nb.model.operations import Op
from tux3nb.model.world import PC


def may_start(s, op: Op):
    """The task is at this line, idle, and every line that must come before is behind."""
    before = every(s.line[task] > line for task, line in op.after)
    return every([s.line[op.task] == op.line, s.pc[op.task] == PC.idle]) & before


def at(s, op: Op, place: int):
    """The task is at `place` of this operation's routine."""
    return every([s.line[op.task] == op.line, s.pc[op.task] == place])


def goes_on(s, op: Op, place: int):
    s.pc[op.task] = place


def returns(s, op: Op):
    """The operation ends; the task moves to its next line."""
    s.mark("completed")
    s.line[op.task] = op.line + 1
    s.pc[op.task] = PC.idle
