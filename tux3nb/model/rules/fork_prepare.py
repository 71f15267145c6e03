"""Between the decision to fork and the copy: PTEs are write-protected or, by some policies, unmapped first."""

from tux3nb.engine.rule import rule
from tux3nb.engine.terms import every
from tux3nb.model.folio import extra_references, mapped_where, pinned, unmapped
from tux3nb.model.mmu import protect, writable, zap
from tux3nb.model.routine import at
from tux3nb.model.rules.fork_decide import BLOCK, UNMAPPING
from tux3nb.model.world import each

CLONE = "fs/tux3/buffer_fork.c:prepare_clone_page, mm/rmap.c:page_mkclean"


# ---- write-protecting ---------------------------------------------------------------------------------------
def protected(s, f):
    """No writable PTE of the folio is left; one that is only under writeback was protected by the flusher."""
    return (s.dirty[f] == 0) | ~mapped_where(s, f, lambda m: writable(s, m))


@rule(op=BLOCK, m=each("mappings"), kernel=CLONE)
def clone_protects_pte(s, policy, op, m):
    """page_mkclean: one PTE of the folio becomes read-only and clean, its TLB entries are flushed."""
    f = s.folio[op.task]
    s.require(at(s, op, "write_protect"), s.dirty[f] == 1, s.pte[m] == f, writable(s, m))
    protect(s, m)


@rule(op=BLOCK, kernel=CLONE)
def clone_prepared(s, policy, op):
    """No writable PTE is left (a folio that is only under writeback was protected by the flusher)."""
    t = op.task
    f = s.folio[t]
    s.require(at(s, op, "write_protect"), protected(s, f))
    s.require((policy.fork != "unless_pinned_sync") | ~pinned(s, f))
    s.pc[t] = "copy"


@rule(op=BLOCK, kernel="mm: folio_maybe_dma_pinned after the TLB flush")
def pin_found_after_protecting(s, policy, op):
    """The folio may be pinned, found after write-protect and flush: no new writing pin can come through a PTE."""
    t = op.task
    f = s.folio[t]
    s.require(at(s, op, "write_protect"), protected(s, f))
    s.require(policy.fork == "unless_pinned_sync", pinned(s, f))
    s.mark("refused")
    s.pc[t] = "refused"


# ---- unmapping ----------------------------------------------------------------------------------------------
@rule(op=BLOCK, m=each("mappings"), kernel="mm/rmap.c:try_to_migrate_one")
def fork_unmaps_pte(s, policy, op, m):
    """One PTE is replaced by a waiting entry, with TLB flush and notifier; accesses through it wait."""
    f = s.folio[op.task]
    s.require(at(s, op, "unmap"), s.pte[m] == f, policy.fork.one_of(*UNMAPPING))
    s.migrating[m] = 1
    zap(s, m)


@rule(op=BLOCK, kernel="mm/migrate.c:folio_migrate_mapping (folio_ref_freeze)")
def count_frozen(s, policy, op):
    """The reference count is exactly what is accounted for: it is frozen at zero."""
    f = s.folio[op.task]
    s.require(at(s, op, "unmap"), unmapped(s, f))
    s.require(policy.fork == "unless_refs_frozen", ~extra_references(s, f, op.task))
    s.frozen[f] = 1
    s.pc[op.task] = "copy"


@rule(op=BLOCK, kernel="mm: folio_maybe_dma_pinned with no PTE left")
def no_pin_found_unmapped(s, policy, op):
    """With no PTE left, the folio is not pinned."""
    f = s.folio[op.task]
    s.require(at(s, op, "unmap"), unmapped(s, f), policy.fork == "unless_pinned_unmapped", ~pinned(s, f))
    s.pc[op.task] = "copy"


@rule(op=BLOCK, kernel="mm/migrate.c:remove_migration_ptes")
def unmapped_fork_refused(s, policy, op):
    """An extra reference or a pin was found with no PTE left: the PTEs will be restored."""
    f = s.folio[op.task]
    s.require(at(s, op, "unmap"), unmapped(s, f))
    s.require(
        ((policy.fork == "unless_refs_frozen") & extra_references(s, f, op.task))
        | ((policy.fork == "unless_pinned_unmapped") & pinned(s, f))
    )
    s.mark("refused")
    s.pc[op.task] = "restore"


@rule(op=BLOCK, m=each("mappings"), kernel="mm/migrate.c:remove_migration_pte")
def fork_restores_pte(s, policy, op, m):
    """One waiting entry becomes a read-only PTE of the old folio again."""
    s.require(at(s, op, "restore"), m in s.world.maps_of(op.page), s.migrating[m] == 1)
    s.require(policy.fork.one_of(*UNMAPPING))
    s.pte[m] = s.folio[op.task]
    s.migrating[m] = 0


@rule(op=BLOCK, kernel="mm/migrate.c:remove_migration_ptes")
def ptes_restored(s, policy, op):
    """Every waiting entry is restored; now for what is done instead of the fork."""
    s.require(at(s, op, "restore"), every(s.migrating[m] == 0 for m in s.world.maps_of(op.page)))
    s.require(policy.fork.one_of(*UNMAPPING))
    s.pc[op.task] = "refused"
