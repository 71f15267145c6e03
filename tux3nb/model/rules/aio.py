"""O_DIRECT and AIO on another file, with a mapping of ours as the memory: the I/O is short, its DMA is not a CPU's.

A `dio_read` writes memory. It reports the folio dirty twice: at submission, and after the DMA only if the folio is
no longer dirty then. An interrupt cannot take the folio lock, so that second call is left to a work item, and
io_getevents may return before it has run. A `dio_write` only reads memory and reports nothing. A `dio_write_sum` goes
to a device, or through a file system, that checks what it is sent: a CPU reads the memory for a checksum, and the
device reads it again.

The rules follow direct I/O of about v4.20 and v5.0, with one page a bio. Of one page 3.19 and 4.1 do the same: dirty at
submission if asynchronous, and again by a work item if it is clean at the end. Counted pins came with v6.3 (recalled);
`dio_read_get` and `dio_write_get` are the holders of 2015.
"""

from tux3nb.engine.fields import SILENT
from tux3nb.engine.rule import rule
from tux3nb.engine.terms import NONE, every, has
from tux3nb.model.dirty_call import KERNEL as DIRTY
from tux3nb.model.dirty_call import OUTCOMES, dirty_call, ends_in
from tux3nb.model.folio import may_write
from tux3nb.model.ghosts import begun, dirty_call_returned, holder_write_ends, read_starts, used, write_starts
from tux3nb.model.operations import Kind
from tux3nb.model.routine import at, begins, may_start, returns
from tux3nb.model.rules.gup import allows
from tux3nb.model.rules.rdma import moves, to_move
from tux3nb.model.world import VERSION, each, ops, tasks_of


def _read(name: str, says: str, pin: bool) -> Kind:
    return Kind(
        name,
        says,
        writes="holder",
        maps=True,
        dirties=True,
        walks="slow fast",
        gup_write=True,
        then="dio_dirty",
        holder="makes",
        pin=pin,
        unpinned=not pin,
    )


def _write(name: str, says: str, pin: bool, then: str = "dio_submit") -> Kind:
    return Kind(
        name,
        says,
        reads="holder",
        maps=True,
        dirties=True,
        walks="slow fast",
        then=then,
        holder="makes",
        pin=pin,
        unpinned=not pin,
    )


KINDS = (
    _read("dio_read", "O_DIRECT read into the mapping, counted (FOLL_PIN): the device writes memory", pin=True),
    _read("dio_read_get", "the same with a plain reference, as in 2015", pin=False),
    _write("dio_write", "O_DIRECT write from the mapping, counted (FOLL_PIN): the device reads memory", pin=True),
    _write("dio_write_get", "the same with a plain reference, as in 2015", pin=False),
    _write(
        "dio_write_sum", "O_DIRECT write to a device that checks a sum of what it is sent", pin=True, then="dio_sum"
    ),
)
SUMMED = ("dio_write_sum",)
READS, WRITES = ("dio_read", "dio_read_get"), ("dio_write", "dio_write_get", *SUMMED)
PLACES = ("fast_walk", "dio_dirty", "dio_sum", "dio_submit", "dma", "dio_end", "reap")

REFILL = "fs/direct-io.c:dio_refill_pages (00e23707, about v4.20)"
SUBMIT = "fs/direct-io.c:dio_bio_submit (00e23707, about v4.20)"
COMPLETE = "fs/direct-io.c:dio_bio_end_aio, dio_bio_complete (00e23707, about v4.20)"
SUM = "block/bio-integrity.c:bio_integrity_prep; fs/btrfs/file-item.c:btrfs_csum_one_bio"
BOUNCED = "fs/xfs/xfs_file.c: a bounce for direct I/O where the device asks for stable pages (v7.0, recalled)"
CHECK = "block/bio.c:bio_check_pages_dirty (v5.0)"
WORK = "block/bio.c:bio_dirty_fn (v5.0)"
DEVICE = "DMA by the block device, through the physical address that GUP returned"


def declare(w):
    """The cells that a device has moved so far, and the work item that reports a folio dirty."""
    w.field("dio_moved", tasks_of(op for op in w.of(*READS, *WRITES) if len(op.cells) > 1), hi=3, says=SILENT)
    names = ("none", "queued", "reported")
    says = ("done", "queued", "has reported the folio dirty")
    summers = tasks_of(w.of(*SUMMED))
    w.field("summed", summers, w.cells, kind=VERSION, of="the sum of {0} for cell {1}", says="is of {value}")
    w.field("dirty_work", tasks_of(w.of(*READS)), names=names, of="work item of {0}", says=says)


# ---- submission -------------------------------------------------------------------------------------------------
@rule(op=ops(*READS, *WRITES), kernel=REFILL)
def dio_begins(s, policy, op):
    """The process asks for the I/O; the fast walk is tried first."""
    s.require(may_start(s, op), s.hold[op.holder] == NONE)
    if op.how.writes:
        write_starts(s, op)
    else:
        read_starts(s, op)
    begins(s, op, "fast_walk")


@rule(op=ops(*READS, *WRITES), kernel="mm/gup.c:get_user_pages_fast (0005d20b, about v4.12)")
def dio_walks_slowly(s, policy, op):
    """The PTE does not allow the access: the slow walk takes over."""
    s.require(at(s, op, "fast_walk"), ~allows(s, op))
    s.pc[op.task] = "walk"


@rule(op=ops(*READS), outcome=OUTCOMES, kernel=SUBMIT + ": bio_set_pages_dirty; " + DIRTY)
def dio_reports_dirty_early(s, policy, op, outcome):
    """The dirty call at submission, under the folio lock; nothing has been written yet, so no bytes to forward."""
    f = s.hold[op.holder]
    s.require(at(s, op, "dio_dirty"), s.locked[f] == 0, ends_in(s, policy, f, outcome))
    dirty_call(s, f, outcome, ())
    s.pc[op.task] = "dio_submit"


@rule(op=ops(*SUMMED), c=each("cells"), kernel=SUM)
def dio_sums(s, policy, op, c):
    """One cell is read for the checksum; with a bounce it is copied first, and that copy is read."""
    s.require(c in op.cells, at(s, op, "dio_sum"), to_move(op, c, s.dio_moved))
    moves(s, op, c, s.dio_moved, "dio_submit")
    s.summed[op.task, c] = s.cell[s.hold[op.holder], c]


@rule(op=ops(*READS, *WRITES), kernel=SUBMIT + ": submit_bio")
def dio_submits(s, policy, op):
    """The bio goes to the device."""
    s.require(at(s, op, "dio_submit"))
    s.pc[op.task] = "dma"


# ---- the device -------------------------------------------------------------------------------------------------
@rule(op=ops(*READS), c=each("cells"), kernel=DEVICE)
def dio_read_dma(s, policy, op, c):
    """The device stores one cell into the folio that GUP returned."""
    s.require(c in op.cells, at(s, op, "dma"), to_move(op, c, s.dio_moved), may_write(s, policy, op))
    moves(s, op, c, s.dio_moved, "dio_end")
    s.cell[s.hold[op.holder], c] = op.version.get(c, 0)


@rule(op=ops(*WRITES), c=each("cells"), kernel=DEVICE)
def dio_write_dma(s, policy, op, c):
    """The device loads one cell of the folio that GUP returned, and finds it as it was summed, if it was."""
    value = s.cell[s.hold[op.holder], c]
    if op.kind in SUMMED:
        s.require(policy.lend == "share")
        s.ensure("I3", value == s.summed[op.task, c], f"direct I/O sent cell {c} with the checksum of another value")
    sends(s, op, c, value)


@rule(op=ops(*SUMMED), c=each("cells"), kernel=BOUNCED)
def dio_write_dma_bounced(s, policy, op, c):
    """The device loads one cell of the copy that was summed."""
    s.require(policy.lend == "bounce")
    sends(s, op, c, s.summed[op.task, c])


def sends(s, op, c, value):
    """The device has loaded `value` for cell c: it is of a write that was current while the I/O lasted."""
    s.require(c in op.cells, at(s, op, "dma"), to_move(op, c, s.dio_moved))
    moves(s, op, c, s.dio_moved, "dio_end")
    s.ensure("I2", has(s.legal[op.task, c], value), f"direct I/O wrote an old value of cell {c} to the other file")
    used(s, op)
    if op.kind in SUMMED:
        s.mark("submitted")


# ---- completion -------------------------------------------------------------------------------------------------
@rule(op=ops(*READS), kernel=COMPLETE + "; " + CHECK)
def dio_completes(s, policy, op):
    """The completion finds PG_dirty still set, which is all that it tests: the folio is put without another word."""
    f = s.hold[op.holder]
    s.require(at(s, op, "dio_end"), s.dirty[f] == 1)
    s.mark("completed_dirty")
    s.hold[op.holder] = NONE
    s.pc[op.task] = "reap"


@rule(op=ops(*READS), kernel=COMPLETE + "; " + CHECK)
def dio_completes_clean(s, policy, op):
    """The completion finds the folio clean: the dirty call and the put are left to a work item."""
    f = s.hold[op.holder]
    s.require(at(s, op, "dio_end"), s.dirty[f] == 0)
    s.mark("completed_clean")
    s.dirty_work[op.task] = "queued"
    s.pc[op.task] = "reap"


@rule(op=ops(*WRITES), kernel=COMPLETE + ": bio_release_pages")
def dio_write_completes(s, policy, op):
    """The folio is put."""
    s.require(at(s, op, "dio_end"))
    s.hold[op.holder] = NONE
    s.pc[op.task] = "reap"


def latest(s, op):
    """`op` is the task's latest read: the work item is its work."""
    later = [o for o in s.world.of(*READS) if o.task == op.task and o.line > op.line]
    return begun(s, op) & every(s.line[op.task] <= o.line for o in later)


@rule(op=ops(*READS), outcome=OUTCOMES, actor="kworker", kernel=WORK + ": bio_set_pages_dirty; " + DIRTY)
def dio_reports_dirty_late(s, policy, op, outcome):
    """The work item takes the folio lock and calls set_page_dirty."""
    f = s.hold[op.holder]
    s.require(latest(s, op), s.dirty_work[op.task] == "queued", s.locked[f] == 0, ends_in(s, policy, f, outcome))
    dirty_call(s, f, outcome, op.cells)
    dirty_call_returned(s, op)
    s.dirty_work[op.task] = "reported"


@rule(op=ops(*READS), actor="kworker", kernel=WORK + ": bio_release_pages")
def dio_puts_late(s, policy, op):
    """The work item puts the folio."""
    s.require(latest(s, op), s.dirty_work[op.task] == "reported")
    s.hold[op.holder] = NONE
    s.dirty_work[op.task] = "none"


@rule(op=ops(*READS), late=(False, True), kernel="fs/aio.c:io_getevents")
def dio_read_reaps(s, policy, op, late):
    """io_getevents returns the completion, perhaps before the work item has run (`late`): every CPU must see the data.

    The data are owed to the delta whether the hold is gone already or not: the caller was told that they arrived.
    """
    s.require(at(s, op, "reap"), s.dirty_work[op.task] == "queued" if late else s.dirty_work[op.task] != "queued")
    used(s, op)
    holder_write_ends(s, op, pinned=True, told=not late)
    returns(s, op)


@rule(op=ops(*WRITES), kernel="fs/aio.c:io_getevents")
def dio_write_reaps(s, policy, op):
    """io_getevents returns the completion."""
    s.require(at(s, op, "reap"))
    for c in op.cells:
        s.legal[op.task, c] = 0
        if op.kind in SUMMED:
            s.summed[op.task, c] = 0
    returns(s, op)
