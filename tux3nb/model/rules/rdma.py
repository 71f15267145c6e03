"""An RDMA memory region: registered (pinned), written and read by the device, deregistered (reported dirty).

vfio type1, iommufd, vdpa and AF_XDP are the same to a page fork: long-term pins of unbounded life, DMA both ways at
physical addresses, pages reported dirty at the end (vfio takes the slow walk only, which here is one of the two that a
registration may take).

A region that is only read was pinned for writing all the same before v6.2, by the slow walk (FOLL_WRITE always, and
FOLL_FORCE: umem.c at 0446cad9); since then it is pinned for reading. The word `forced` says the former of a region.

Two eras of release: a plain reference (the word `get`) is of 2015, when a writable region was reported dirty without a
look at the page (__ib_umem_release of 3.15 to 4.1: set_page_dirty_lock); a counted pin is released as in v5.3
(put_user_pages_dirty_lock, which leaves a dirty page alone) and later.
"""

from tux3nb.engine.rule import rule
from tux3nb.engine.terms import NONE, const, every, has, some, where
from tux3nb.model.dirty_call import KERNEL as DIRTY
from tux3nb.model.dirty_call import OUTCOMES, dirty_call, ends_in
from tux3nb.model.folio import may_write
from tux3nb.model.ghosts import active, dirty_call_returned, holder_write_ends, read_starts, used, write_starts
from tux3nb.model.operations import Kind
from tux3nb.model.routine import at, begins, may_start, returns
from tux3nb.model.rules.gup import permitted
from tux3nb.model.world import each, ops

UMEM = "drivers/infiniband/core/umem.c:ib_umem_get (0446cad9, v5.3)"
RELEASE = "drivers/infiniband/core/umem.c:__ib_umem_release (0446cad9, v5.3; 3.15 to 4.1)"
REGIONS = ("mr_register", "buffer_register")
KINDS = (
    Kind(
        "mr_register",
        "register an RDMA memory region (`readonly`: the device may only read; `forced`: as before v6.2)",
        maps=True,
        dirties=True,
        walks="slow fast",
        longterm=True,
        gup_write=True,
        holder="makes",
        unbounded=True,
        traits=("readonly", "forced", "get"),
    ),
    Kind("mr_deregister", "deregister it, reporting it dirty if writable", holder="ends", of=("mr_register",)),
    Kind(
        "device_write",
        "the device writes memory: post, DMA, completion reaped",
        writes="holder",
        holder="uses",
        of=REGIONS,
    ),
    Kind(
        "device_read",
        "the device reads memory: post, DMA, completion reaped",
        reads="holder",
        holder="uses",
        of=REGIONS,
    ),
)
PLACES = ("dma", "reap", "dirty_call", "put")
DEVICE = "DMA by the device, through the pinned physical address"


@rule(op=ops("mr_register"), kernel=UMEM)
def mr_register_walks(s, policy, op):
    """Registration starts, with the slow walk."""
    s.require(may_start(s, op), permitted(s.world, policy, op))
    begins(s, op, "walk")


@rule(op=ops("mr_register"), kernel="mm/gup.c:check_vma_flags, FOLL_LONGTERM (v6.5)")
def mr_register_refused(s, policy, op):
    """A long-term writable pin of a file folio is refused with EFAULT."""
    s.require(may_start(s, op), ~permitted(s.world, policy, op))
    s.mark("longterm_refused")
    returns(s, op)


def device_idle(s, op):
    """No operation of the device through this hold is under way."""
    using = [o for o in s.world.of("device_write", "device_read") if o.holder == op.holder]
    return every(s.pc[task] == "idle" for task in dict.fromkeys(o.task for o in using))


def registered(s, op):
    """The region is registered, and its deregistration has not begun."""
    ending = [active(s, o) for o in s.world.of("mr_deregister") if o.holder == op.holder]
    return (s.hold[op.holder] != NONE) & ~some(ending)


@rule(op=ops("mr_deregister"), kernel=RELEASE, release=True)
def mr_deregister_begins(s, policy, op):
    """Deregistration starts once the queue pair is drained."""
    s.require(may_start(s, op), s.hold[op.holder] != NONE, device_idle(s, op))
    begins(s, op, "dirty_call" if op.write else "put")


@rule(op=ops("mr_deregister"), kernel=RELEASE)
def mr_deregister_has_none(s, policy, op):
    """There is nothing to deregister (the registration was refused)."""
    s.require(may_start(s, op), s.hold[op.holder] == NONE)
    returns(s, op)


def of_2015(s, op):
    """The region was taken by plain references, and is released as they were."""
    return const(not s.world.holder(op.holder).pin)


@rule(op=ops("mr_deregister"), outcome=OUTCOMES, kernel=RELEASE + "; " + DIRTY)
def mr_reports_dirty(s, policy, op, outcome):
    """The dirty call of a writable region, under the folio lock; of a dirty folio only that of 2015 makes one."""
    f = s.hold[op.holder]
    s.require(op.write, at(s, op, "dirty_call"), (s.dirty[f] == 0) | of_2015(s, op))
    s.require(s.locked[f] == 0, ends_in(s, policy, f, outcome))
    written = {c for o in s.world.of("device_write") if o.holder == op.holder for c in o.cells}
    dirty_call(s, f, outcome, sorted(written))
    dirty_call_returned(s, op)
    s.pc[op.task] = "put"


@rule(op=ops("mr_deregister"), kernel=RELEASE + ", mm/gup.c:put_user_pages_dirty_lock")
def mr_finds_dirty(s, policy, op):
    """The folio of a writable region is dirty already: no call is made."""
    s.require(op.write, at(s, op, "dirty_call"), s.dirty[s.hold[op.holder]] == 1, ~of_2015(s, op))
    dirty_call_returned(s, op)
    s.pc[op.task] = "put"


@rule(op=ops("mr_deregister"), kernel="mm/gup.c:put_user_pages_dirty_lock, include/linux/mm.h:put_user_page")
def mr_unpins(s, policy, op):
    """The pin is dropped."""
    s.require(at(s, op, "put"))
    s.hold[op.holder] = NONE
    returns(s, op)


def to_move(op, c, moved):
    """Cell c has not been moved by the task's DMA yet. `moved`: the field that remembers, of tasks that move two."""
    return True if len(op.cells) == 1 else moved[op.task] != 1 << c


def moves(s, op, c, moved, end):
    """Cells move one at a time, in any order; after the last the task is at place `end`."""
    t = op.task
    if len(op.cells) == 1:
        s.pc[t] = end
        return
    last = moved[t] == 2 >> c  # the bit of the other cell
    s.pc[t] = s.pc[t].unless(last, end)
    moved[t] = where(last, 0, 1 << c)


@rule(op=ops("device_write"), kernel="RDMA write posted (doorbell)")
def device_write_post(s, policy, op):
    """The device write is posted."""
    s.require(may_start(s, op), registered(s, op))
    write_starts(s, op)
    begins(s, op, "dma")


@rule(op=ops("device_write"), c=each("cells"), kernel=DEVICE)
def device_write_dma(s, policy, op, c):
    """The device stores one cell into the folio that is held for it."""
    s.require(c in op.cells, at(s, op, "dma"), to_move(op, c, s.moved), may_write(s, policy, op))
    moves(s, op, c, s.moved, "reap")
    s.cell[s.hold[op.holder], c] = op.version.get(c, 0)


@rule(op=ops("device_write"), kernel="completion polled (ib_poll_cq)")
def device_write_reap(s, policy, op):
    """A CPU task reaps the completion: from now on every reader must see the device's data."""
    s.require(at(s, op, "reap"))
    used(s, op)
    holder_write_ends(s, op, pinned=True, told=False)
    returns(s, op)


@rule(op=ops("device_read"), kernel="RDMA send posted (doorbell)")
def device_read_post(s, policy, op):
    """The device read is posted: it must see every CPU write completed before."""
    s.require(may_start(s, op), registered(s, op))
    read_starts(s, op)
    begins(s, op, "dma")


@rule(op=ops("device_read"), c=each("cells"), kernel=DEVICE)
def device_read_dma(s, policy, op, c):
    """The device loads one cell from the folio that is held for it."""
    s.require(c in op.cells, at(s, op, "dma"), to_move(op, c, s.moved))
    moves(s, op, c, s.moved, "reap")
    value = s.cell[s.hold[op.holder], c]
    s.ensure("I2", has(s.legal[op.task, c], value), f"the device read an old value of cell {c}")
    used(s, op)


@rule(op=ops("device_read"), kernel="completion polled (ib_poll_cq)")
def device_read_reap(s, policy, op):
    """The completion of the device read is reaped."""
    s.require(at(s, op, "reap"))
    for c in op.cells:
        s.legal[op.task, c] = 0
    returns(s, op)
