"""need_fork and fork_folio: the decision under the folio lock, the copy, the swap, the redirected PTEs.

Used by write(2) and by every write fault; operations that ``dirties`` can get here.
"""

from tux3nb.engine.rule import rule
from tux3nb.engine.terms import NONE, every, some, where
from tux3nb.model.folio import (
    empty,
    extra_references,
    free_folio,
    held,
    in_bio,
    mapped_where,
    must_fork,
    pinned,
    registered,
)
from tux3nb.model.ghosts import snapshot_taken
from tux3nb.model.mmu import flush_and_notify, redirect_allowed
from tux3nb.model.operations import PRIVATE, SHARED
from tux3nb.model.routine import at
from tux3nb.model.world import OOPS, PC, each, that

NEED_FORK = "fs/tux3/buffer_fork.c:need_fork"
FORK = "fs/tux3/buffer_fork.c:pagefork_for_blockdirty"
CLONE = "fs/tux3/buffer_fork.c:prepare_clone_page, mm/rmap.c:page_mkclean"
BLOCK = that("dirties")


def of_two_cells(world):
    """The operations that can fork a folio of two cells."""
    return [op for op in world.that("dirties") if len(world.cells_of[op.page]) > 1]


def decides(s, op, *more):
    """The guard that the decision rules share; returns the folio in question."""
    f = s.folio[op.task]
    s.require(at(s, op, PC.decide), *more)
    return f


def proceed(op):
    """Where a task goes on with a folio that may be dirtied."""
    return PC.dirty if op.how.maps else PC.data


def tried_again(op):
    """Where a task starts over after waiting."""
    return getattr(PC, op.how.after_fault) if op.how.maps else PC.look


def needs_fork(s, f, op):
    return (s.forked[f] == 0) & must_fork(s, f, s.section[op.task])


def lets_go(s, f, op):
    """End the section, unlock, put the lookup's reference."""
    t = op.task
    s.locked[f] = 0
    s.section[t] = NONE
    s.folio[t] = NONE


def starts_over(s, f, op, place):
    """Let go of everything, a fault's reference too, and wait at `place`."""
    lets_go(s, f, op)
    if op.via:
        s.fault[op.task] = NONE
    s.pc[op.task] = place


@rule(op=BLOCK, kernel=NEED_FORK)
def forked_meanwhile(s, policy, op):
    """FORKED: the folio left the slot before it was locked; end the section, unlock, look the index up again."""
    f = decides(s, op, s.forked[s.folio[op.task]] == 1)
    lets_go(s, f, op)
    s.pc[op.task] = PC.look


@rule(op=BLOCK, kernel=NEED_FORK)
def can_dirty(s, policy, op):
    """CAN_DIRTY or ALREADY_DIRTY: clean, or dirty for the same delta; no fork."""
    t = op.task
    f = s.folio[t]
    decides(s, op, s.forked[f] == 0, ~needs_fork(s, f, op))
    s.pc[t] = proceed(op)


def opted_out(s, policy, f):
    """The policies that never fork this file as it is mapped now."""
    w = s.world
    mapped = some(s.vma[m] == 1 for m in w.mappings)
    return (
        policy.optout.one_of("executable") & some(s.vma[m] == 1 for m in w.of_kind(PRIVATE))
        | policy.optout.one_of("shared_writable") & some(s.vma[m] == 1 for m in w.of_kind(SHARED))
        | policy.optout.one_of("mapped", "mapped_or_pinned") & mapped
        | policy.optout.one_of("ever_mapped") & (s.ever_mapped == 1)
        | policy.optout.one_of("mapped_or_pinned") & held(s, policy, f)
    )


def refused_at_once(s, policy, f, op):
    """The policies that refuse before any PTE is touched.

    With a holder index this is exact, although no PTE is write-protected yet: while the fork goes on nobody can
    register (see gup.py).
    """
    return (
        opted_out(s, policy, f)
        | (policy.fork == "never")
        | ((policy.fork == "unless_refs") & extra_references(s, f, op.task))
        | ((policy.fork == "unless_pinned") & pinned(s, f))
        | ((policy.fork == "unless_registered") & registered(s, f))
    )


UNMAPPING = ("unless_refs_frozen", "unless_pinned_unmapped")


@rule(op=BLOCK, kernel=FORK)
def fork_begins(s, policy, op):
    """NEED_FORK: the fork goes ahead; PTEs will be write-protected first."""
    t = op.task
    f = s.folio[t]
    decides(s, op, needs_fork(s, f, op), ~refused_at_once(s, policy, f, op), ~policy.fork.one_of(*UNMAPPING))
    s.require(policy.off != "mkclean")
    s.pc[t] = PC.write_protect


@rule(op=BLOCK, kernel=FORK + " without prepare_clone_page")
def fork_begins_unprotected(s, policy, op):
    """NEED_FORK, and the write-protect before the copy is switched off."""
    t = op.task
    f = s.folio[t]
    decides(s, op, needs_fork(s, f, op), ~refused_at_once(s, policy, f, op), ~policy.fork.one_of(*UNMAPPING))
    s.require(policy.off == "mkclean")
    s.pc[t] = PC.copy


@rule(op=BLOCK, kernel="mm/rmap.c:try_to_migrate (as in migration)")
def fork_begins_by_unmapping(s, policy, op):
    """NEED_FORK: every PTE will be unmapped before the decision."""
    t = op.task
    f = s.folio[t]
    decides(s, op, needs_fork(s, f, op), policy.fork.one_of(*UNMAPPING), ~opted_out(s, policy, f))
    s.pc[t] = PC.unmap


@rule(op=BLOCK, kernel=NEED_FORK)
def fork_refused(s, policy, op):
    """NEED_FORK, but the policy refuses to fork this folio."""
    t = op.task
    f = s.folio[t]
    decides(s, op, needs_fork(s, f, op), refused_at_once(s, policy, f, op))
    s.mark("refused")
    s.pc[t] = PC.refused


# ---- write-protecting before the copy ---------------------------------------------------------------------
def writable(s, m):
    return (s.pte_write[m] == 1) | (s.pte_dirty[m] == 1)


@rule(op=BLOCK, m=each("mappings"), kernel=CLONE)
def clone_protects_pte(s, policy, op, m):
    """page_mkclean: one PTE of the folio becomes read-only and clean, its TLB entries are flushed."""
    f = s.folio[op.task]
    s.require(at(s, op, PC.write_protect), s.dirty[f] == 1, s.pte[m] == f, writable(s, m))
    s.pte_write[m] = 0
    s.pte_dirty[m] = 0
    flush_and_notify(s, m)


@rule(op=BLOCK, kernel=CLONE)
def clone_prepared(s, policy, op):
    """No writable PTE is left (a folio that is only under writeback was protected by the flusher)."""
    t = op.task
    f = s.folio[t]
    s.require(at(s, op, PC.write_protect), (s.dirty[f] == 0) | ~mapped_where(s, f, lambda m: writable(s, m)))
    s.require((policy.fork != "unless_pinned_sync") | ~pinned(s, f))
    s.pc[t] = PC.copy


@rule(op=BLOCK, kernel="mm: folio_maybe_dma_pinned after the TLB flush")
def pin_found_after_protecting(s, policy, op):
    """The folio may be pinned, found after write-protect and flush: no new writing pin can come through a PTE."""
    t = op.task
    f = s.folio[t]
    s.require(at(s, op, PC.write_protect), (s.dirty[f] == 0) | ~mapped_where(s, f, lambda m: writable(s, m)))
    s.require(policy.fork == "unless_pinned_sync", pinned(s, f))
    s.mark("refused")
    s.pc[t] = PC.refused


# ---- unmapping before the decision --------------------------------------------------------------------------
@rule(op=BLOCK, m=each("mappings"), kernel="mm/rmap.c:try_to_migrate_one")
def fork_unmaps_pte(s, policy, op, m):
    """One PTE is replaced by a waiting entry, with TLB flush and notifier; accesses through it wait."""
    f = s.folio[op.task]
    s.require(at(s, op, PC.unmap), s.pte[m] == f, policy.fork.one_of(*UNMAPPING))
    s.pte[m] = NONE
    s.pte_write[m] = 0
    s.pte_dirty[m] = 0
    s.migrating[m] = 1
    flush_and_notify(s, m)


def unmapped(s, policy, op):
    """No PTE maps the folio any more; returns the folio."""
    f = s.folio[op.task]
    s.require(at(s, op, PC.unmap), ~mapped_where(s, f, lambda m: every([])))
    return f


@rule(op=BLOCK, kernel="mm/migrate.c:folio_migrate_mapping (folio_ref_freeze)")
def count_frozen(s, policy, op):
    """The reference count is exactly what is accounted for: it is frozen at zero."""
    f = unmapped(s, policy, op)
    s.require(policy.fork == "unless_refs_frozen", ~extra_references(s, f, op.task))
    s.frozen[f] = 1
    s.pc[op.task] = PC.copy


@rule(op=BLOCK, kernel="mm: folio_maybe_dma_pinned with no PTE left")
def no_pin_found_unmapped(s, policy, op):
    """With no PTE left, the folio is not pinned."""
    f = unmapped(s, policy, op)
    s.require(policy.fork == "unless_pinned_unmapped", ~pinned(s, f))
    s.pc[op.task] = PC.copy


@rule(op=BLOCK, kernel="mm/migrate.c:remove_migration_ptes")
def unmapped_fork_refused(s, policy, op):
    """An extra reference or a pin was found with no PTE left: the PTEs will be restored."""
    f = unmapped(s, policy, op)
    s.require(
        ((policy.fork == "unless_refs_frozen") & extra_references(s, f, op.task))
        | ((policy.fork == "unless_pinned_unmapped") & pinned(s, f))
    )
    s.mark("refused")
    s.pc[op.task] = PC.restore


@rule(op=BLOCK, m=each("mappings"), kernel="mm/migrate.c:remove_migration_pte")
def fork_restores_pte(s, policy, op, m):
    """One waiting entry becomes a read-only PTE of the old folio again."""
    s.require(at(s, op, PC.restore), m in s.world.maps_of(op.page), s.migrating[m] == 1)
    s.require(policy.fork.one_of(*UNMAPPING))
    s.pte[m] = s.folio[op.task]
    s.migrating[m] = 0


@rule(op=BLOCK, kernel="mm/migrate.c:remove_migration_ptes")
def ptes_restored(s, policy, op):
    """Every waiting entry is restored; now for what is done instead of the fork."""
    s.require(at(s, op, PC.restore), every(s.migrating[m] == 0 for m in s.world.maps_of(op.page)))
    s.require(policy.fork.one_of(*UNMAPPING))
    s.pc[op.task] = PC.refused


# ---- what is done instead of a refused fork ------------------------------------------------------------------
def submitted(s, policy, f):
    """The policies (and states) for which a reverse fork comes too late."""
    return (policy.refuse == "reverse") & in_bio(s, f)


@rule(op=BLOCK, kernel="refusal: wait, as for stable pages (mm/filemap.c:folio_wait_stable)")
def waits_for_delta(s, policy, op):
    """Drop the lock, end the section, and wait until the older delta has written the folio."""
    t = op.task
    f = s.folio[t]
    s.require(at(s, op, PC.refused))
    s.require((policy.refuse == "wait_writeback") | (submitted(s, policy, f) & (policy.busy == "wait")))
    starts_over(s, f, op, PC.wait)


@rule(op=BLOCK, kernel="refusal: wait_event on the commit of the older delta")
def older_delta_written(s, policy, op):
    """The folio in the slot needs no fork any more: start over."""
    t = op.task
    s.require(at(s, op, PC.wait), empty(s) | ~must_fork(s, s.slot[op.page], s.cur))
    s.require(policy.refuse.one_of("wait_writeback", "reverse"))
    s.pc[t] = tried_again(op)


@rule(op=BLOCK, kernel="refusal: wait for the pin count to drop")
def waits_for_holder(s, policy, op):
    """Drop the lock, end the section, and wait until nobody holds the folio."""
    t = op.task
    f = s.folio[t]
    s.require(at(s, op, PC.refused), policy.refuse == "wait_holder")
    starts_over(s, f, op, PC.wait_holder)


@rule(op=BLOCK, kernel="refusal: wait for the pin count to drop")
def holder_let_go(s, policy, op):
    """Nobody holds the folio in the slot any more, as far as the policy can see: start over."""
    t = op.task
    f = s.slot[op.page]
    by_pin = policy.fork.one_of("unless_pinned", "unless_pinned_sync", "unless_pinned_unmapped")
    indexed = policy.fork == "unless_registered"
    counted = ~(by_pin | indexed) & extra_references(s, f, t)
    s.require(at(s, op, PC.wait_holder), policy.refuse == "wait_holder")
    s.require(~((by_pin & pinned(s, f)) | (indexed & registered(s, f)) | counted))
    s.pc[t] = tried_again(op)


@rule(op=BLOCK, kernel="refusal: write in place (kernels before 3.0)")
def writes_in_place(s, policy, op):
    """Write into the folio although an older delta has it."""
    t = op.task
    f = s.folio[t]
    s.require(at(s, op, PC.refused))
    s.require((policy.refuse == "in_place") | (submitted(s, policy, f) & (policy.busy == "in_place")))
    s.pc[t] = proceed(op)


@rule(op=BLOCK, kernel="reverse fork: need_fork asked again, under the same folio lock")
def reverse_fork_not_needed(s, policy, op):
    """The write-out has ended since the decision, and the folio is dirty for this delta only: no snapshot is due."""
    t = op.task
    f = s.folio[t]
    s.require(at(s, op, PC.refused), policy.refuse == "reverse", ~in_bio(s, f), ~must_fork(s, f, s.section[t]))
    s.pc[t] = proceed(op)


@rule(op=BLOCK, kernel="reverse fork: after MS_SNAP_STABLE (v3.9) and fork(2)'s copy for the child")
def reverse_fork_copies(s, policy, op):
    """Reverse fork: a new folio S is taken for the disk and the (first) cell copied into it."""
    t = op.task
    f = s.folio[t]
    cells = s.world.cells_of[op.page]
    new, none_left = free_folio(s)
    s.require(at(s, op, PC.refused), policy.refuse == "reverse", ~in_bio(s, f), must_fork(s, f, s.section[t]))
    s.limit("folios", none_left)
    snapshot_taken(s, cells[0])
    s.private[new] = 1
    s.snapshot[new] = 1
    s.index[new] = op.page
    s.cell[new, cells[0]] = s.cell[f, cells[0]]
    s.copy[t] = new
    s.pc[t] = PC.reverse_rest if cells[1:] else PC.reverse_move


@rule(op=of_two_cells, kernel="reverse fork: copy, second half")
def reverse_fork_copies_rest(s, policy, op):
    """The second cell is copied into S."""
    t = op.task
    s.require(at(s, op, PC.reverse_rest), policy.refuse == "reverse")
    snapshot_taken(s, 1)
    s.cell[s.copy[t], 1] = s.cell[s.folio[t], 1]
    s.pc[t] = PC.reverse_move


@rule(op=BLOCK, kernel="reverse fork: the dirty buffers move to S")
def reverse_fork_moves_delta(s, policy, op):
    """S takes over the dirty buffers of the older delta; the original stays with its users, free to be dirtied."""
    t = op.task
    f, new = s.folio[t], s.copy[t]
    s.require(at(s, op, PC.reverse_move), policy.refuse == "reverse")
    s.mark("snapshot_made")
    s.tag[new] = s.tag[f]
    s.dirty[new] = 1
    s.tag[f] = s.section[t]
    s.copy[t] = NONE
    s.pc[t] = proceed(op)


# ---- fork_folio -----------------------------------------------------------------------------------------------
def due(s, t):
    """The copy is A's snapshot for the closed delta (I6): what begins to write A from now on comes too late for it.

    So it is while that delta has yet to take A: A is dirty for it and in no bio. Once the flusher has A, the snapshot
    is the submission, and behind if the write-out has ended since the decision. And if A's dirt is of the section's own
    delta, which may have closed since, then it goes along with B, whose snapshot is yet to come.
    """
    f = s.folio[t]
    older = (s.dirty[f] == 1) & (s.tag[f] == s.committed) & (s.tag[f] != s.section[t])
    return (s.cur > s.committed) & older


@rule(op=BLOCK, kernel="fs/tux3/buffer_fork.c:clone_page")
def fork_copies(s, policy, op):
    """A new folio B is taken, locked, and the (first) cell of A copied into it."""
    t = op.task
    f = s.folio[t]
    cells = s.world.cells_of[op.page]
    new, none_left = free_folio(s)
    s.require(at(s, op, PC.copy))
    s.limit("folios", none_left)
    snapshot_taken(s, cells[0], due(s, t))
    s.private[new] = 1
    s.locked[new] = 1
    s.index[new] = op.page
    s.cell[new, cells[0]] = s.cell[f, cells[0]]
    s.copy[t] = new
    s.pc[t] = PC.copy_rest if cells[1:] else PC.swap


@rule(op=of_two_cells, kernel="fs/tux3/buffer_fork.c:clone_page")
def fork_copies_rest(s, policy, op):
    """The second cell of A is copied into B."""
    t = op.task
    s.require(at(s, op, PC.copy_rest))
    snapshot_taken(s, 1, due(s, t))
    s.cell[s.copy[t], 1] = s.cell[s.folio[t], 1]
    s.pc[t] = PC.swap


@rule(op=BLOCK, kernel="fs/tux3/buffer_fork.c:tux3_replace_page_cache")
def fork_swaps_slot(s, policy, op):
    """B takes A's slot in the page cache; A keeps its mapping, its index and its dirty buffers."""
    t = op.task
    s.require(at(s, op, PC.swap))
    s.slot[op.page] = s.copy[t]
    s.pc[t] = PC.own


@rule(
    op=BLOCK,
    own=(True, False),
    kernel="fs/tux3/buffer_fork.c:pagefork_for_blockdirty (18a490ba), tux3_fork_page (489cb8dc)",
)
def fork_marks_forked(s, policy, op, own):
    """A gets its own reference and is marked forked (a frozen count is thawed); dirt of this delta goes with B."""
    t = op.task
    f = s.folio[t]
    s.require(at(s, op, PC.own), policy.off != "own" if own else policy.off == "own")
    again = (s.dirty[f] == 1) & (s.tag[f] == s.section[t])  # re-dirtied for this very delta: B carries that
    s.own[f] = int(own)
    s.forked[f] = 1
    s.tag[f] = where(again, 0, s.tag[f])
    s.dirty[f] = where(again, 0, s.dirty[f])
    s.frozen[f] = 0
    s.pc[t] = PC.redirect


@rule(op=BLOCK, m=each("mappings"), kernel="mm/rmap.c:page_cow_file (3.19 + Tux3)")
def fork_redirects_pte(s, policy, op, m):
    """One PTE of A is pointed at B, read-only; the faulting mapping's own is left to its fault (2015)."""
    t = op.task
    s.require(at(s, op, PC.redirect), s.pte[m] == s.folio[t], redirect_allowed(s, policy, m))
    s.require(op.via != m or policy.redirect_orig == "yes")
    s.pte[m] = s.copy[t]
    s.pte_write[m] = 0
    s.pte_dirty[m] = 0
    flush_and_notify(s, m)


@rule(op=BLOCK, m=each("mappings"), kernel="mm/migrate.c:remove_migration_pte")
def fork_remaps_pte(s, policy, op, m):
    """One waiting entry becomes a read-only PTE of B."""
    t = op.task
    s.require(at(s, op, PC.redirect), m in s.world.maps_of(op.page), s.migrating[m] == 1)
    s.require(policy.fork.one_of(*UNMAPPING))
    s.pte[m] = s.copy[t]
    s.migrating[m] = 0


@rule(
    op=BLOCK,
    kernel="fs/tux3/buffer_fork.c:pagefork_for_blockdirty (18a490ba), tux3_fork_page (489cb8dc): unlock, forked list",
)
def fork_ends(s, policy, op):
    """A is unlocked and put on the list of forked folios; the task goes on with B, which is locked."""
    t = op.task
    f = s.folio[t]
    left = some((s.pte[m] == f) & redirect_allowed(s, policy, m) for m in s.world.mappings if m != op.via)
    if op.via:
        left |= (s.pte[op.via] == f) & (policy.redirect_orig == "yes")
    left |= some(s.migrating[m] == 1 for m in s.world.maps_of(op.page))
    s.require(at(s, op, PC.redirect), ~left)
    s.mark("forked")
    s.locked[f] = 0
    s.folio[t] = s.copy[t]
    if s.world.of("reclaim"):
        s.copy[t] = f
        s.pc[t] = PC.listing
        return
    s.orphan[f] = 1
    s.copy[t] = NONE
    s.pc[t] = proceed(op)


def meeting_reclaim(world):
    """The operations that can fork a folio that reclaim may come across before it is listed."""
    return world.that("dirties") if world.of("reclaim") else ()


@rule(op=meeting_reclaim, kernel="fs/tux3/buffer_fork.c:forked_buffer_add (18a490ba)")
def fork_lists(s, policy, op):
    """A, unlocked by now, goes on the list of forked folios; from now on a count on its buffers keeps them."""
    t = op.task
    f = s.copy[t]
    s.require(at(s, op, PC.listing), s.forked[f] == 1)
    s.orphan[f] = 1
    s.copy[t] = NONE
    s.pc[t] = proceed(op)


@rule(op=meeting_reclaim, kernel="fs/tux3/buffer_fork.c:forked_buffer_add (18a490ba): page_buffers")
def fork_lists_freed(s, policy, op):
    """A has been freed before it was listed: its buffers are gone."""
    s.require(at(s, op, PC.listing), s.forked[s.copy[op.task]] == 0)
    s.oops = OOPS.index("forked folio was freed before it was listed")
