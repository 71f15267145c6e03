"""Page migration (compaction): every PTE becomes a migration entry, then the reference count must be what is expected.

A migrator takes any folio of the file that it comes across, a forked one too. It refuses a folio with a reference that
it cannot account for; then everything is put back. What it moves goes to a new folio, in the slot of the old one's
index. Tux3 itself never let its folios be migrated while dirty (its ``migratepage`` is commented out): here the dirty
bit, the delta tag and the buffers go along, as with ``buffer_migrate_folio``.
"""

from ...expr import every, where
from ...rule import rule
from ..ghost import holder_write_ends, write_starts
from ..mmu import flush_and_notify, folio_freed
from ..ops import CELLS, Kind
from ..page import free_folio, in_bio, mapped_where, refcount
from ..world import PC, each, ops, tasks_of
from .script import at, may_start, returns

MIGRATE, MIGRATE_RING = "migrate", "migrate_ring"
KINDS = (
    Kind(MIGRATE, "compaction migrates a folio of the file", looks=True),
    Kind(MIGRATE_RING, "migration that accounts for the reference of an AIO ring", looks=True, holder="uses"),
    Kind("ring_setup", "the kernel keeps a reference on the page, as on an AIO ring", holder="makes", pin=False),
    Kind("ring_event", "the kernel writes an event through that reference", writes="holder", one_cell=True, holder="uses"),
)
PC.add("migrate_lock migrate_check migrate_unmap migrate_restore migrate_map ring_event")
NONE, READABLE, WRITABLE = range(3)

UNMAP = "mm/rmap.c:try_to_migrate_one"
MOVE = "mm/migrate.c:folio_migrate_mapping (0003e2a4)"
RESTORE = "mm/migrate.c:remove_migration_pte"
BLIND = "switched off: the expected count, and telling the accounted holder"


def declare(w):
    """Where the migrator copies to, and the migration entries: which access each one restores."""
    migrates = w.of(MIGRATE, MIGRATE_RING)
    w.field("target", tasks_of(migrates), hi=len(w.folios))
    w.field("moving", w.mappings, hi=WRITABLE, names=("no", "readable", "writable"), when=bool(migrates))


# ---- isolating and locking --------------------------------------------------------------------------------------
@rule(op=ops(MIGRATE, MIGRATE_RING), f=each("folios"), kernel="mm/compaction.c:isolate_migratepages_block")
def migrate_isolates(s, policy, op, f):
    """The migrator comes across a folio of the file, in its slot or forked, and takes the isolation reference."""
    s.require(may_start(s, op), (s.slot[0] == f) | (s.forked[f] == 1), s.frozen[f] == 0)
    s.folio[op.task] = f + 1
    s.pc[op.task] = PC.migrate_lock


@rule(op=ops(MIGRATE, MIGRATE_RING), kernel="mm/migrate.c:migrate_folio_unmap (folio_lock)")
def migrate_locks(s, policy, op):
    """The folio lock is taken."""
    f = s.folio[op.task] - 1
    s.require(at(s, op, PC.migrate_lock), s.locked[f] == 0)
    s.locked[f] = 1
    s.pc[op.task] = PC.migrate_check


@rule(op=ops(MIGRATE, MIGRATE_RING), kernel="mm/migrate.c:migrate_folio_unmap (folio_wait_writeback)")
def migrate_begins(s, policy, op):
    """The folio is not under writeback (the migrator has waited), nor in a bio: it will be unmapped."""
    f = s.folio[op.task] - 1
    s.require(at(s, op, PC.migrate_check), s.writeback[f] == 0, ~in_bio(s, f))
    s.pc[op.task] = PC.migrate_unmap


@rule(op=ops(MIGRATE, MIGRATE_RING), kernel="mm/migrate.c:buffer_migrate_lock_buffers; -EAGAIN")
def migrate_finds_bio(s, policy, op):
    """The folio is in a bio that waits for its lock: the migrator backs off, or neither would get on."""
    f = s.folio[op.task] - 1
    s.require(at(s, op, PC.migrate_check), s.writeback[f] == 0, in_bio(s, f))
    s.pc[op.task] = PC.migrate_restore


# ---- unmapping and counting -------------------------------------------------------------------------------------
@rule(op=ops(MIGRATE, MIGRATE_RING), m=each("mappings"), kernel=UNMAP)
def migrate_unmaps_pte(s, policy, op, m):
    """One PTE is replaced by a migration entry, with TLB flush and notifier; accesses through it wait."""
    s.require(at(s, op, PC.migrate_unmap), s.pte[m] == s.folio[op.task])
    s.moving[m] = where(s.pte_write[m] == 1, WRITABLE, READABLE)
    s.pte[m] = 0
    s.pte_write[m] = 0
    s.pte_dirty[m] = 0
    flush_and_notify(s, m)


def accounted(s, op) -> int:
    """The expected count: cache, isolation and buffers, and the reference of an AIO ring where that is passed on."""
    f = s.folio[op.task] - 1
    ring = (s.hold[op.holder] == f + 1) if op.kind == MIGRATE_RING else s.slot[0] != s.slot[0]
    return s.private[f] + where(ring, 3, 2)


def unmapped(s, op):
    """No PTE maps the folio any more; returns the folio."""
    f = s.folio[op.task] - 1
    s.require(at(s, op, PC.migrate_unmap), ~mapped_where(s, f, lambda m: every([])))
    return f


@rule(op=ops(MIGRATE, MIGRATE_RING), kernel=MOVE + ": folio_ref_freeze; -EAGAIN")
def migrate_refused(s, policy, op):
    """There is a reference that is not accounted for: the mapping will be restored."""
    f = unmapped(s, op)
    s.require(policy.off != "accounting", refcount(s, f) != accounted(s, op))
    s.mark("migration_refused")
    s.pc[op.task] = PC.migrate_restore
