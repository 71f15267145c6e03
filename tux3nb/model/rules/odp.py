"""A secondary MMU (RDMA on-demand paging, KVM): translations kept by notifier, with no reference on the folio.

One set of rules covers both. A guest's load and store go through the second-level page table as a device's DMA goes
through its translation: faulted in by GUP, the reference dropped at once (x86 KVM did so before 2015), torn down by the
notifier. What differs is when the page is reported dirty: KVM marks the folio when it maps it writable or tears that
down (kvm_set_pfn_dirty; recalled), ODP when it is invalidated. Either way the process's PTE was writable then, so the
folio is dirty already and the call changes nothing (derived); a read-only translation makes no call. Guest memory that
*is* pinned (SEV, nested page maps) is a long-term pin like an RDMA region.
"""

from typing import Any

from tux3nb.engine.rule import rule
from tux3nb.engine.terms import NONE, has
from tux3nb.model.folio import may_write
from tux3nb.model.ghosts import holder_write_ends, read_starts, used, write_starts
from tux3nb.model.operations import Kind
from tux3nb.model.routine import at, begins, may_start, returns
from tux3nb.model.world import ops

UMEM_ODP = "drivers/infiniband/core/umem_odp.c:ib_umem_odp_map_dma_pages (03b22057, about v5.0)"
SEQUENCE = UMEM_ODP + ": mmu_notifier_seq, or mmu_interval_read_retry since 5.5"
DEVICE = "DMA by the device, through its own translation"
COMMON: dict[str, Any] = dict(
    one_cell=True, maps=True, walks="slow", then="spte_install", holder="makes", pin=False, secondary=True, dirties=True
)
KINDS = (
    Kind(
        "odp_write", "a device writes through a translation kept by notifier", writes="holder", gup_write=True, **COMMON
    ),
    Kind("odp_read", "a device reads through a translation kept by notifier", reads="holder", **COMMON),
)
PLACES = ("spte_install", "odp_dma", "reap")


@rule(op=ops("odp_write"), kernel=DEVICE)
def odp_write_begins(s, policy, op):
    """The device starts a write; it needs a writable translation."""
    s.require(may_start(s, op))
    write_starts(s, op)
    begins(s, op, "odp_dma")


@rule(op=ops("odp_read"), kernel=DEVICE)
def odp_read_begins(s, policy, op):
    """The device starts a read; it needs a translation."""
    s.require(may_start(s, op))
    read_starts(s, op)
    begins(s, op, "odp_dma")


def translated(s, op):
    """The device has a translation that allows this access."""
    present = s.spte[op.task] != NONE
    return present & (s.spte_write[op.task] == 1) if op.write else present


@rule(op=ops("odp_write", "odp_read"), kernel=UMEM_ODP)
def odp_faults(s, policy, op):
    """There is no such translation: the device's page fault walks the process's page table with GUP."""
    s.require(at(s, op, "odp_dma"), ~translated(s, op))
    walks(s, op)


def walks(s, op):
    """The walk begins: invalidations are counted from here."""
    s.spte_seq[op.task] = 0
    s.pc[op.task] = "walk"


@rule(op=ops("odp_write", "odp_read"), kernel=SEQUENCE)
def odp_installs(s, policy, op):
    """No invalidation came between: the translation is installed and the reference dropped; no PTE is looked at."""
    t = op.task
    s.require(at(s, op, "spte_install"), s.spte_seq[t] == 0)
    s.spte[t] = s.hold[op.holder]
    s.spte_write[t] = int(op.write)
    s.hold[op.holder] = NONE
    s.pc[t] = "odp_dma"


@rule(op=ops("odp_write", "odp_read"), kernel=SEQUENCE + ": -EAGAIN")
def odp_retries(s, policy, op):
    """An invalidation came between: drop the reference and walk again."""
    s.require(at(s, op, "spte_install"), s.spte_seq[op.task] == 1)
    s.hold[op.holder] = NONE
    walks(s, op)


@rule(op=ops("odp_write"), kernel=DEVICE)
def odp_write_dma(s, policy, op):
    """The device stores a cell through its translation."""
    c = op.cells[0]
    s.require(at(s, op, "odp_dma"), translated(s, op), may_write(s, policy, op))
    s.cell[s.spte[op.task], c] = op.version[c]
    s.pc[op.task] = "reap"


@rule(op=ops("odp_write"), kernel="completion polled (ib_poll_cq)")
def odp_write_reap(s, policy, op):
    """A CPU task reaps the completion."""
    s.require(at(s, op, "reap"))
    used(s, op)
    holder_write_ends(s, op, pinned=False, told=True)
    returns(s, op)


@rule(op=ops("odp_read"), kernel=DEVICE)
def odp_read_dma(s, policy, op):
    """The device loads a cell through its translation."""
    c = op.cells[0]
    s.require(at(s, op, "odp_dma"), translated(s, op))
    s.ensure("I2", has(s.legal[op.task, c], s.cell[s.spte[op.task], c]), f"the device read an old value of cell {c}")
    used(s, op)
    s.legal[op.task, c] = 0
    returns(s, op)
