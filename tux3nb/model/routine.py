"""How a column's line and the place in a routine guard a rule, and how an operation begins and ends."""

from tux3nb.engine.terms import NONE, const, every
from tux3nb.model.operations import Op


def may_start(s, op: Op):
    """The operation may begin: its `turn` has come, and it is not one that the kernel refuses."""
    return const(False) if op.refused else turn(s, op)


def turn(s, op: Op):
    """The task is at this line, idle, and every line that must come before is behind.

    An operation that is one of several alternatives may also be chosen, from the number before the choice.
    """
    line = s.line[op.task]
    mine, idle = line == op.line, s.pc[op.task] == "idle"
    before = every(s.line[task] > line for task, line in op.after)
    if op.choice is None:
        return every([mine, idle]) & before
    return ((line == op.choice.start) & can_be_chosen(s, op) | mine) & idle & before


def can_be_chosen(s, op: Op):
    """What the operation is about is there: its mapping is mapped, and the hold that it makes is not made already."""
    mapped = s.vma[op.via] == 1 if op.how.maps and op.how.vma != "maps" else True
    free = s.hold[op.holder] == NONE if op.how.holder == "makes" else True
    return every([mapped, free])


def at(s, op: Op, place: str):
    """The task is at `place` of this operation's routine."""
    return every([s.line[op.task] == op.line, s.pc[op.task] == place])


def chooses(s, op: Op):
    """Of the alternatives of its line the task does this one."""
    if op.choice is not None:
        s.line[op.task] = op.line


def begins(s, op: Op, place: str):
    """The operation begins: it is chosen, and its task goes to `place`."""
    chooses(s, op)
    s.pc[op.task] = place


def returns(s, op: Op):
    """The operation ends; the task moves to its next line."""
    s.mark("completed")
    s.line[op.task] = op.next
    s.pc[op.task] = "idle"
