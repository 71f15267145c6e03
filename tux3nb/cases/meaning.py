"""Whether the lines of a case make sense together: what a mapping's kind forbids, holds taken twice or ended twice,
mappings that come and go, lines that wait for themselves. Every error is a ColumnError of the line that is wrong.

What only an interleaving can tell, such as a line that never begins, is no error but part of the answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from tux3nb.cases.place import ColumnError
from tux3nb.model.operations import READONLY, Kind, Op
from tux3nb.model.operations import Mapping as Mapped
from tux3nb.model.rules import kinds

Line = tuple[str, int]  # a task and the number of its line
Places = Mapping[Line, str]  # where each line is written


def key(op: Op) -> Line:
    """The line of the columns that an operation stands in."""
    return op.task, op.line


def check(ops: Sequence[Op], at: Places, mappings: Mapping[str, Mapped], labels: Mapping[str, Line]):
    """Raise ColumnError for a line that makes no sense where it is; `at` is where each one is written."""
    _can_come(ops, at, {line: label for label, line in labels.items()})
    before = order(ops)
    _holds(ops, at, before)
    for via in dict.fromkeys(op.via for op in ops if op.how.vma):
        changes = [op for op in ops if op.via == via and op.how.vma]
        _maps(sorted(changes, key=lambda op: len(before[key(op)])), at, before, mappings[via])


def forbidden(kind: Kind, mapping: Mapped) -> str:
    """Why an operation cannot work through a mapping, and what to write instead; empty if it can, or is refused."""
    if mapping.kind != READONLY or kind.writes != "cpu":
        return ""
    instead = f"write the mapping without :{READONLY}, or let the line only read"
    return f"{mapping.name} maps a file opened for reading, and the kernel's answer is SIGSEGV; {instead}"


# ---- what comes before what ------------------------------------------------------------------------------------
def _direct(op: Op) -> set[Line]:
    """The lines that an operation waits for itself."""
    return {*op.after, *([(op.task, op.line - 1)] if op.line else [])}


def _can_come(ops: Sequence[Op], at: Places, labels: Mapping[Line, str]):
    """Lines that wait for each other in a circle never come; who uses or ends a hold waits for one to be made."""
    makers = {op.holder: [o for o in ops if o.holder == op.holder and o.how.holder == "makes"] for op in ops}
    done: set[Line] = set()
    left = {key(op): op for op in ops}

    def waits(op: Op) -> Op | None:
        """A line not behind that keeps `op` from coming."""
        for line in (*op.after, (op.task, op.line - 1)):
            if line in left:
                return left[line]
        made = makers[op.holder] if _needs(op) else []
        return made[0] if made and not any(key(m) in done for m in made) else None

    while ready := [op for op in left.values() if waits(op) is None]:
        for op in ready:
            del left[key(op)]
        done |= set(map(key, ready))
    if left:
        circle = [next(iter(left.values()))]
        while (nxt := waits(circle[-1])) not in circle:
            circle.append(nxt)
        circle = circle[circle.index(nxt) :]
        pairs = list(zip(circle, [*circle[1:], nxt], strict=True))
        op, other = next(((a, b) for a, b in pairs if key(b) in a.after), None) or next(
            (a, b) for a, b in pairs if b.line >= a.line or a.task != b.task
        )
        if key(other) in op.after:
            said = f"'after {labels[key(other)]}' waits for a line that waits for this one: {line_of(other, at)}"
        else:
            said = f"{op.kind} needs the hold of {line_of(other, at)}, which waits for this line; write it after that"
        raise ColumnError(f"{at[key(op)]}: {said}")


def _needs(op: Op) -> bool:
    return op.how.holder in ("uses", "ends")


def order(ops: Sequence[Op]) -> dict[Line, set[Line]]:
    """Each line -> all lines that are behind when it begins, by its column and by what it waits for."""
    direct = {key(op): _direct(op) for op in ops}
    found: dict[Line, set[Line]] = {}

    def behind(line: Line) -> set[Line]:
        if line not in found:
            found[line] = direct[line].union(*map(behind, direct[line]))
        return found[line]

    return {line: behind(line) for line in direct}


# ---- holds -----------------------------------------------------------------------------------------------------
def keeps(kind: Kind) -> bool:
    """The hold that such an operation makes stays until another operation ends it."""
    return kind.holder == "makes" and any(kind.name in other.of for other in kinds().values())


def _enders(kind: Kind) -> str:
    """The operations that end a hold made by `kind`."""
    able = [k.name for k in kinds().values() if kind.name in k.of and (k.holder == "ends" or k.lets_go)]
    return " or ".join(able)


def line_of(op: Op, at: Places) -> str:
    """``mr_register (line 5)``."""
    return f"{op.kind} ({at[key(op)].rpartition(', column ')[0].rpartition(', ')[2]})"


def _holds(ops: Sequence[Op], at: Places, before: Mapping[Line, set[Line]]):
    """A hold that would replace another one, and an end that has none to end."""
    for holder in dict.fromkeys(op.holder for op in ops if op.holder):
        mine = [op for op in ops if op.holder == holder]
        made = [op for op in mine if op.how.holder == "makes"]
        ended = [op for op in mine if op.how.holder == "ends"]
        gone = [op for op in mine if op in ended or op.how.lets_go]
        for first, second in pairwise(made):
            between = [op for op in gone if key(first) in before[key(op)] and key(op) in before[key(second)]]
            if keeps(first.how) and not between:
                _second_hold(first, second, gone, at)
        for op in ended:
            _end(op, made, ended, at, before)


def _second_hold(first: Op, second: Op, gone: Sequence[Op], at: Places):
    """Raise ColumnError: `second` would take the place of the hold of `first`."""
    if gone:
        instead = f"nothing says that {line_of(gone[0], at)} comes between: give it a label and write 'after LABEL'"
    else:
        ends = f"write {found} before it, or " if (found := _enders(first.how)) else ""
        named = f", naming the mapping {second.via}" if second.via else ""
        instead = f"{ends}make this line another actor's{named}"
    held = f"{second.task} still holds p{first.page} by {line_of(first, at)}, and an actor has one hold"
    raise ColumnError(f"{at[key(second)]}: {second.kind}: {held}; {instead}")


def _end(op: Op, made: Sequence[Op], ended: Sequence[Op], at: Places, before: Mapping[Line, set[Line]]):
    """Raise ColumnError if `op` may find nothing to end."""
    able = [m for m in made if m.kind in op.how.of and key(op) not in before[key(m)]]
    earlier = [e for e in ended if e is not op and key(op) not in before[key(e)]]
    if len(earlier) >= len(able):
        raise ColumnError(f"{at[key(op)]}: {op.kind}: {line_of(earlier[-1], at)} ends that hold; leave one out")
    if not any(key(m) in before[key(op)] for m in able):
        instead = f"give {line_of(able[0], at)} a label, and write 'after LABEL' here"
        raise ColumnError(f"{at[key(op)]}: {op.kind} may come before there is anything to end; {instead}")


# ---- mappings that come and go ---------------------------------------------------------------------------------
def _maps(changes: Sequence[Op], at: Places, before: Mapping[Line, set[Line]], mapping: Mapped):
    """munmap of what is not mapped, and mmap of what is, where the order of the lines says so."""
    first = changes[0]
    if (first.how.vma == "maps") == mapping.mapped and all(key(first) in before[key(op)] for op in changes[1:]):
        how = f"{mapping.name} is mapped" if mapping.mapped else f"{mapping.name}:unmapped is not mapped"
        instead = f"write the mapping as {mapping.name}:unmapped" if mapping.mapped else "write mmap before it"
        raise ColumnError(f"{at[key(first)]}: {first.kind}: {how} at the start; {instead}")
    for op, then in pairwise(changes):
        if op.kind == then.kind and key(op) in before[key(then)]:
            between = "munmap" if op.how.vma == "maps" else "mmap"
            said = f"{line_of(op, at)} has done that; write {between} between them, or leave one out"
            raise ColumnError(f"{at[key(then)]}: {then.kind}: {said}")
