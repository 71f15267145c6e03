"""Page migration (compaction): every PTE becomes a migration entry, then the reference count must be what is expected.

A migrator takes any folio of the file that it comes across, a forked one too. It refuses a folio with a reference that
it cannot account for; then everything is put back. What it moves goes to a new folio, in the slot of the old one's
index, and the bytes follow: until they are there it is locked and not up to date (since about v6.11 the bytes come
first and the count is looked at again, recalled; that tells no two policies apart). These are the steps of v6.6; about
4.1 the slot was compared, too (the feature `migrate_recheck`). Tux3 itself never let its folios be
migrated while dirty (its ``migratepage`` is commented out): here the dirty bit, the delta tag and the buffers go along,
as with ``buffer_migrate_folio``.

The rules also stand for the collapse of small folios into a large one (khugepaged, MADV_COLLAPSE): there too every
PTE is unmapped, the count frozen at what is expected, one extra reference refuses it, and all is put back. That it
takes no dirty file folio (recalled) and moves many at once tells no two policies apart that migration does not.
"""

from tux3nb.engine.fields import SILENT
from tux3nb.engine.rule import rule
from tux3nb.engine.terms import NONE, as_int, every, where, without
from tux3nb.errors import UserError
from tux3nb.model.folio import buffers, empty, extra_references, free_folio, in_bio, refcount, unmapped, up_to_date
from tux3nb.model.ghosts import holder_write_ends, write_starts
from tux3nb.model.mmu import folio_freed, zap
from tux3nb.model.operations import CELLS, Kind
from tux3nb.model.routine import at, begins, may_start, returns
from tux3nb.model.rules.gup import may_register
from tux3nb.model.world import FOLIO, each, ops, tasks_of

MIGRATE, MIGRATE_RING = "migrate", "migrate_ring"
RING = ("ring_setup",)
KINDS = (
    Kind(MIGRATE, "compaction migrates a folio of the file", looks=True, moves=True, alone=True),
    Kind(
        MIGRATE_RING,
        "migration that accounts for the reference of an AIO ring",
        looks=True,
        moves=True,
        holder="uses",
        of=RING,
        alone=True,
    ),
    Kind(
        "ring_setup",
        "the kernel keeps a reference on the page, as on an AIO ring",
        holder="makes",
        pin=False,
        alone=True,
    ),
    Kind(
        "ring_event",
        "the kernel writes an event through that reference",
        writes="holder",
        one_cell=True,
        holder="uses",
        alone=True,
        of=RING,
    ),
)
PLACES = (
    "migrate_lock",
    "migrate_check",
    "migrate_unmap",
    "migrate_restore",
    "migrate_copy",
    "migrate_map",
    "ring_event",
)
READABLE, WRITABLE = 1, 2

UNMAP = "mm/rmap.c:try_to_migrate_one"
MOVE = "mm/migrate.c:folio_migrate_mapping (0003e2a4, about v6.6)"
RESTORE = "mm/migrate.c:remove_migration_pte"
BLIND = "switched off: the expected count, and telling the accounted holder"


def declare(w):
    """Where the migrator copies to, and the migration entries: which access each one restores. Raises UserError."""
    migrates = w.of(MIGRATE, MIGRATE_RING)
    if migrates and w.empties:
        raise UserError("the migration of a page that may leave its slot empty is not modelled")
    if len(tasks_of(migrates)) > 1:
        raise UserError(f"only one task can migrate folios in this model, not {', '.join(tasks_of(migrates))}")
    w.field("target", tasks_of(migrates), kind=FOLIO, none=0, of="{0}", says=(SILENT, "moves it to {value}"))
    entries = ("no migration entry", "read-only migration entry", "writable migration entry")
    w.field("to_copy", tasks_of(migrates), hi=3, says=SILENT)
    w.field("moving", w.mappings, hi=WRITABLE, when=bool(migrates), of="PTE of {0}", says=entries)


# ---- isolating and locking --------------------------------------------------------------------------------------
@rule(op=ops(MIGRATE, MIGRATE_RING), f=each("folios"), kernel="mm/vmscan.c:folio_isolate_lru, for compaction")
def migrate_isolates(s, policy, op, f):
    """The migrator comes across a folio of the file, in its slot or forked, and takes the isolation reference."""
    s.require(may_start(s, op), (s.slot[0] == f) | (s.forked[f] == 1), s.frozen[f] == 0)
    s.folio[op.task] = f
    begins(s, op, "migrate_lock")


@rule(op=ops(MIGRATE, MIGRATE_RING), kernel="mm/migrate.c:migrate_folio_unmap (folio_lock)")
def migrate_locks(s, policy, op):
    """The folio lock is taken."""
    f = s.folio[op.task]
    s.require(at(s, op, "migrate_lock"), s.locked[f] == 0)
    s.locked[f] = 1
    s.pc[op.task] = "migrate_check"


@rule(op=ops(MIGRATE, MIGRATE_RING), kernel="mm/migrate.c:migrate_folio_unmap (folio_wait_writeback)")
def migrate_begins(s, policy, op):
    """The folio is not under writeback (the migrator has waited for that): it will be unmapped."""
    s.require(at(s, op, "migrate_check"), s.writeback[s.folio[op.task]] == 0)
    s.pc[op.task] = "migrate_unmap"


@rule(op=ops(MIGRATE, MIGRATE_RING), kernel="mm/migrate.c:migrate_folio_unmap: -EBUSY for MIGRATE_SYNC_LIGHT")
def migrate_skips(s, policy, op):
    """The folio is under writeback, and compaction does not wait for that: unlock it, put it."""
    f = s.folio[op.task]
    s.require(at(s, op, "migrate_check"), s.writeback[f] == 1)
    s.mark("migration_refused")
    s.locked[f] = 0
    s.folio[op.task] = NONE
    returns(s, op)


# ---- unmapping and counting -------------------------------------------------------------------------------------
@rule(op=ops(MIGRATE, MIGRATE_RING), m=each("mappings"), kernel=UNMAP)
def migrate_unmaps_pte(s, policy, op, m):
    """One PTE is replaced by a migration entry, with TLB flush and notifier; accesses through it wait."""
    s.require(at(s, op, "migrate_unmap"), s.pte[m] == s.folio[op.task])
    s.moving[m] = where(s.pte_write[m] == 1, WRITABLE, READABLE)
    zap(s, m)


def accounted(s, op):
    """The expected count: cache, isolation and buffers, and the reference of an AIO ring where that is passed on."""
    f = s.folio[op.task]
    expected = buffers(s, f) + 2
    return expected + as_int(s.hold[op.holder] == f) if op.kind == MIGRATE_RING else expected


def stays(s, policy, op, f):
    """The policies (and states) in which f may not move: a reference too many, a bio, another slot."""
    other = (policy.migrate_recheck == "yes") & (s.slot[0] != f)
    return (refcount(s, f) != accounted(s, op)) | in_bio(s, f) | other


@rule(op=ops(MIGRATE, MIGRATE_RING), kernel=MOVE + ", buffer_migrate_folio_norefs: -EAGAIN")
def migrate_refuses(s, policy, op):
    """A reference is not accounted for, or a bio has the buffers (or, if it looks, the slot has another folio)."""
    f = s.folio[op.task]
    s.require(at(s, op, "migrate_unmap"), unmapped(s, f), policy.off != "accounting", stays(s, policy, op, f))
    s.mark("migration_refused")
    s.pc[op.task] = "migrate_restore"


@rule(op=ops(MIGRATE, MIGRATE_RING), m=each("mappings"), kernel=RESTORE)
def migrate_restores_pte(s, policy, op, m):
    """One migration entry leads to the old folio again."""
    s.require(at(s, op, "migrate_restore"), s.moving[m] != 0)
    replaces_entry(s, m, s.folio[op.task])


def replaces_entry(s, m, pte):
    """A migration entry becomes a PTE again, writable if it was."""
    s.pte[m] = pte
    s.pte_write[m] = s.moving[m] == WRITABLE
    s.moving[m] = 0


@rule(op=ops(MIGRATE, MIGRATE_RING), kernel="mm/migrate.c:migrate_folio_undo_src")
def migrate_gives_up(s, policy, op):
    """Every entry is restored: the folio is unlocked and put, and nothing has happened."""
    s.require(at(s, op, "migrate_restore"), no_entry(s))
    s.locked[s.folio[op.task]] = 0
    s.folio[op.task] = NONE
    returns(s, op)


def no_entry(s):
    """Whether no PTE is a migration entry."""
    return every(s.moving[m] == 0 for m in s.world.mappings)


# ---- moving -----------------------------------------------------------------------------------------------------
@rule(op=ops(MIGRATE, MIGRATE_RING), kernel=MOVE + "; fs/aio.c:aio_migrate_folio")
def migrate_moves(s, policy, op):
    """Every reference is accounted for: the count is frozen, and the new folio put in the slot.

    A ring's bytes and its pointer go along in the same step: the new folio has the ring's reference from the start, and
    the completion lock keeps events out.
    """
    f = s.folio[op.task]
    s.require(at(s, op, "migrate_unmap"), unmapped(s, f), policy.off != "accounting", ~stays(s, policy, op, f))
    if op.kind == MIGRATE:
        moves(s, op, f)
        s.to_copy[op.task] = 3
        s.pc[op.task] = "migrate_copy"
        return
    hold, cells = s.hold[op.holder], [s.cell[f, c] for c in CELLS]
    s.mark("moved_with_ring", hold == f)
    new = moves(s, op, f)
    s.hold[op.holder] = hold.unless(hold == f, new)
    for c in CELLS:
        s.cell[new, c] = cells[c]
    s.pc[op.task] = "migrate_map"


@rule(op=ops(MIGRATE, MIGRATE_RING), kernel=BLIND)
def migrate_moves_blindly(s, policy, op):
    """With the accounting switched off the folio is moved in spite of its holders, and none of them is told."""
    f = s.folio[op.task]
    s.require(at(s, op, "migrate_unmap"), unmapped(s, f), policy.off == "accounting")
    moves(s, op, f)
    s.to_copy[op.task] = 3
    s.pc[op.task] = "migrate_copy"


def moves(s, op, f):
    """The new folio takes the slot of f's index, whatever is in it; flags and buffers go along, the bytes come next."""
    new, none_left = free_folio(s)
    s.limit("folios", none_left)
    s.mark("migrated")
    moved = {name: getattr(s, name)[f] for name in ("dirty", "tag", "stripped", "forked", "orphan")}
    for name, value in moved.items():
        getattr(s, name)[new] = value
        getattr(s, name)[f] = 0
    s.private[new] = 1
    s.locked[new] = 1
    s.slot[0] = new
    s.target[op.task] = new
    return new


@rule(op=ops(MIGRATE, MIGRATE_RING), c=each("cells"), kernel="mm/migrate.c:folio_migrate_copy")
def migrate_copies(s, policy, op, c):
    """One cell is copied, the first one first. A device that has not been told may write the while."""
    t = op.task
    s.require(at(s, op, "migrate_copy"), s.to_copy[t] == sum(1 << k for k in CELLS if k >= c))
    if op.kind == MIGRATE_RING:
        s.require(policy.off == "accounting")
    s.cell[s.target[t], c] = s.cell[s.folio[t], c]
    s.to_copy[t] = without(s.to_copy[t], 1 << c)
    s.pc[t] = "migrate_map" if c == CELLS[-1] else "migrate_copy"


@rule(op=ops(MIGRATE, MIGRATE_RING), m=each("mappings"), kernel=RESTORE)
def migrate_maps_target(s, policy, op, m):
    """One migration entry leads to the new folio."""
    s.require(at(s, op, "migrate_map"), s.moving[m] != 0)
    replaces_entry(s, m, s.target[op.task])


@rule(op=ops(MIGRATE, MIGRATE_RING), kernel="mm/migrate.c:migrate_folio_done")
def migrate_ends(s, policy, op):
    """No entry is left: the new folio is unlocked, the old one freed."""
    f = s.folio[op.task]
    s.require(at(s, op, "migrate_map"), no_entry(s), ~extra_references(s, f, op.task))
    folio_freed(s, f)
    for c in CELLS:
        s.cell[f, c] = 0
    leaves(s, op, f)


@rule(op=ops(MIGRATE, MIGRATE_RING), kernel="mm/migrate.c:migrate_folio_done (folio_put: not the last)")
def migrate_ends_with_reference(s, policy, op):
    """No entry is left: the new folio is unlocked; somebody refers to the old one, which keeps its bytes till then."""
    f = s.folio[op.task]
    s.require(at(s, op, "migrate_map"), no_entry(s), extra_references(s, f, op.task))
    s.detached[f] = 1
    leaves(s, op, f)


def leaves(s, op, f):
    """The migrator is done with both folios."""
    t = op.task
    for name in ("private", "own", "locked"):
        getattr(s, name)[f] = 0
    s.locked[s.target[t]] = 0
    s.folio[t] = NONE
    s.target[t] = NONE
    returns(s, op)


# ---- an AIO ring ------------------------------------------------------------------------------------------------
@rule(op=ops("ring_setup"), kernel="fs/aio.c:aio_setup_ring")
def ring_is_set_up(s, policy, op):
    """The kernel keeps a reference on the page, and a pointer to it."""
    s.require(may_start(s, op), s.hold[op.holder] == NONE, ~empty(s), s.frozen[s.slot[0]] == 0, up_to_date(s))
    s.require(may_register(s, policy, s.slot[0]))
    s.hold[op.holder] = s.slot[0]
    returns(s, op)


@rule(op=ops("ring_event"), kernel="fs/aio.c:aio_complete")
def ring_event_begins(s, policy, op):
    """A request has completed; its event is to be written."""
    s.require(may_start(s, op), s.hold[op.holder] != NONE)
    write_starts(s, op)
    begins(s, op, "ring_event")


@rule(op=ops("ring_event"), kernel="fs/aio.c:aio_complete")
def ring_event_written(s, policy, op):
    """Under the completion lock the event is written through the kernel's pointer: the process must see it."""
    c = op.cells[0]
    s.require(at(s, op, "ring_event"))
    s.mark("holder_op")
    holder_write_ends(s, op, pinned=True, told=True)
    s.cell[s.hold[op.holder], c] = op.version[c]
    returns(s, op)
