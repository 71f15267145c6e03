"""Pages in a pipe: vmsplice(2) takes them through a mapping, splice(2) and sendfile(2) out of the page cache.

Both take plain references, and a pipe may stay full for ever. What comes out of a pipe differs: vmsplice lends memory,
whose reader should see what the process has stored; splice passes on some version of the file, and any that was
current at the splice or was written later will do.
"""

from tux3nb.engine.rule import rule
from tux3nb.engine.terms import NONE, const, has, some, union, where, without
from tux3nb.errors import UserError
from tux3nb.model.folio import empty, still_there, up_to_date
from tux3nb.model.ghosts import active, read_starts, used
from tux3nb.model.operations import CELLS, Kind
from tux3nb.model.routine import at, begins, may_start, returns
from tux3nb.model.rules.gup import allows, may_register
from tux3nb.model.world import VERSIONS, each, ops, tasks_of

PIPES = ("vmsplice", "splice")
KINDS = (
    Kind(
        "vmsplice",
        "lend the page to a pipe, through the task's mapping",
        maps=True,
        looks=True,
        walks="slow fast",
        holder="makes",
        pin=False,
        unbounded=True,
    ),
    Kind("splice", "put the page-cache folio into a pipe", holder="makes", pin=False, unbounded=True),
    Kind(
        "pipe_read",
        "read the page out of the pipe, which lets go of it",
        reads="holder",
        holder="uses",
        of=PIPES,
        lets_go=True,
    ),
    Kind("pipe_close", "close the pipe", page=False, holder="ends", of=PIPES),
)
PLACES = ("confirm", "pipe_copy", "pipe_rest", "pipe_done")
VMSPLICE = "fs/splice.c:vmsplice_to_pipe, get_iovec_page_array (3.x)"
SPLICE = "fs/splice.c:generic_file_splice_read (3.x)"
READ = "fs/pipe.c:pipe_read"
AGAIN = "pipe reader takes the folio lock and looks the index up again, in its confirm method"


def declare(w):
    """What a splice(2) may never deliver: versions that were overwritten before it."""
    if w.empties and w.of("splice"):
        raise UserError("the splice of a page that may leave its slot empty is not modelled")
    says = "may not deliver {value} of cell {1}"
    w.field("superseded_then", tasks_of(w.of("splice")), CELLS, kind=VERSIONS, ghost=True, of="{0}", says=says)


def makers(world, op):
    """The operations that fill the pipe that `op` reads or closes."""
    return [o for o in world.ops if o.how.holder == "makes" and o.holder == op.holder]


def lent(world, op) -> bool:
    """The pipe is filled by vmsplice(2)."""
    return any(o.kind == "vmsplice" for o in makers(world, op))


def filled_by(kind: str):
    """A rule's domain: the reads of pipes that `kind` fills."""
    return lambda world: [op for op in world.of("pipe_read") if any(o.kind == kind for o in makers(world, op))]


@rule(op=ops("vmsplice"), kernel=VMSPLICE)
def vmsplice_walks_slowly(s, policy, op):
    """The fast walk finds no PTE: the slow one takes over."""
    s.require(may_start(s, op), ~allows(s, op))
    begins(s, op, "walk")


@rule(op=ops("splice"), kernel=SPLICE)
def splice_takes(s, policy, op):
    """The folio in the slot is looked up, up to date, and the reference goes into the pipe."""
    s.require(may_start(s, op), s.hold[op.holder] == NONE, s.frozen[s.slot[op.page]] == 0, up_to_date(s))
    s.require(may_register(s, policy, s.slot[op.page]))
    s.hold[op.holder] = s.slot[op.page]
    for c in s.world.cells_of[op.page]:
        s.superseded_then[op.holder, c] = without(completed(s, c), s.cand[c])
    returns(s, op)


def completed(s, c):
    """The writes to cell c that are behind, the initial value included."""
    out = const(1)
    for op in s.world.writing(c):
        out = union(out, where(s.line[op.task] > op.line, 1 << op.version[c], 0))
    return out


@rule(op=ops("pipe_read"), kernel=READ, release=True)
def pipe_read_begins(s, policy, op):
    """A process reads the pipe."""
    s.require(may_start(s, op), s.hold[op.holder] != NONE)
    read_starts(s, op)
    begins(s, op, "confirm" if lent(s.world, op) else "pipe_copy")


@rule(op=filled_by("vmsplice"), kernel="fs/splice.c:user_page_pipe_buf_ops (no confirm method that checks)")
def pipe_takes_what_it_has(s, policy, op):
    """The folio that was lent is read, whatever has become of it."""
    s.require(at(s, op, "confirm"), policy.retranslate == "no")
    s.pc[op.task] = "pipe_copy"


@rule(op=filled_by("vmsplice"), kernel=AGAIN)
def pipe_confirms(s, policy, op):
    """The folio is locked and still in the slot, or nothing else is; the lock is held over the copy."""
    f = s.hold[op.holder]
    s.require(at(s, op, "confirm"), policy.retranslate != "no", s.locked[f] == 0, still_there(s, op, f) | empty(s))
    s.locked[f] = 1
    s.pc[op.task] = "pipe_copy"


@rule(op=filled_by("vmsplice"), kernel=AGAIN)
def pipe_looks_again(s, policy, op):
    """The folio is no longer in the slot: the pipe takes the one that is, and drops its own."""
    f = s.hold[op.holder]
    s.require(at(s, op, "confirm"), policy.retranslate != "no", s.locked[f] == 0, ~still_there(s, op, f))
    s.require(~empty(s))
    s.require(s.frozen[s.slot[op.page]] == 0, may_register(s, policy, s.slot[op.page]))
    s.hold[op.holder] = s.slot[op.page]


def before(op, c):
    """The place from which cell c is copied: the cells are, in order."""
    return "pipe_copy" if c == op.cells[0] else "pipe_rest"


def copied(s, op, c):
    """Cell c has been copied; the next one comes, or the end."""
    used(s, op)
    s.pc[op.task] = "pipe_done" if c == op.cells[-1] else "pipe_rest"


@rule(op=filled_by("vmsplice"), c=each("cells"), kernel=READ + ": copy_page_to_iter")
def pipe_copies_lent(s, policy, op, c):
    """One cell of lent memory is copied out of the pipe."""
    s.require(c in op.cells, at(s, op, before(op, c)))
    value = s.cell[s.hold[op.holder], c]
    s.ensure("I2", has(s.legal[op.task, c], value), f"the pipe delivered a value of cell {c} overwritten before")
    copied(s, op, c)


@rule(op=filled_by("splice"), c=each("cells"), kernel=READ + ": copy_page_to_iter")
def pipe_copies_file(s, policy, op, c):
    """One cell of file data is copied out of the pipe, perhaps older than a write(2) that finished before the read."""
    s.require(c in op.cells, at(s, op, before(op, c)))
    value = s.cell[s.hold[op.holder], c]
    old = has(s.superseded_then[op.holder, c], value)
    s.mark("old_bytes_published", ~has(s.legal[op.task, c], value))
    s.ensure("I2", ~old, f"the pipe delivered a value of cell {c} overwritten before the splice")
    copied(s, op, c)


@rule(op=ops("pipe_read"), locked=(False, True), kernel="fs/splice.c:page_cache_pipe_buf_release")
def pipe_read_returns(s, policy, op, locked):
    """The buffer is used up: its folio is put (and unlocked, if it was locked over the copy)."""
    f = s.hold[op.holder]
    s.require(at(s, op, "pipe_done"), unlocks(s.world, policy, op, locked))
    for c in op.cells:
        s.legal[op.task, c] = 0
    if locked:
        s.locked[f] = 0
    s.hold[op.holder] = NONE
    returns(s, op)


def unlocks(world, policy, op, locked: bool):
    """The policies under which the copy was made with the folio locked (or not)."""
    if not lent(world, op):
        return not locked
    return policy.retranslate != "no" if locked else policy.retranslate == "no"


@rule(op=ops("pipe_close"), kernel="fs/pipe.c:pipe_release", release=True)
def pipe_closes(s, policy, op):
    """The pipe is closed once it has been filled and no process reads it; what is still in it is put."""
    filled = [s.line[o.task] > o.line for o in makers(s.world, op)]
    reading = [active(s, o) for o in s.world.of("pipe_read") if o.holder == op.holder]
    s.require(may_start(s, op), *filled, ~some(reading))
    s.hold[op.holder] = NONE
    returns(s, op)
