"""fork_folio: the copy, the swap of the slot, the redirected PTEs, the list of forked folios."""

from tux3nb.engine.rule import rule
from tux3nb.engine.terms import NONE, TRUE, some, where
from tux3nb.model.folio import free_folio
from tux3nb.model.ghosts import snapshot_taken
from tux3nb.model.mmu import protect, redirect_allowed
from tux3nb.model.routine import at
from tux3nb.model.rules.fork_decide import BLOCK, UNMAPPING, proceed
from tux3nb.model.world import each


def of_two_cells(world):
    """The operations that can fork a folio of two cells."""
    return [op for op in world.that("dirties") if len(world.cells_of[op.page]) > 1]


def takes_copy(s, op, new, due=TRUE):
    """Folio `new` is taken for a copy of the task's folio, and the first cell copied; `due` as in `snapshot_taken`."""
    t, first = op.task, s.world.cells_of[op.page][0]
    snapshot_taken(s, first, due)
    s.private[new] = 1
    s.index[new] = op.page
    s.cell[new, first] = s.cell[s.folio[t], first]
    s.copy[t] = new


def copies_rest(s, op, due=TRUE):
    """The second cell is copied."""
    t = op.task
    snapshot_taken(s, 1, due)
    s.cell[s.copy[t], 1] = s.cell[s.folio[t], 1]


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
    new, none_left = free_folio(s)
    s.require(at(s, op, "copy"))
    s.limit("folios", none_left)
    takes_copy(s, op, new, due(s, op.task))
    s.locked[new] = 1
    s.pc[op.task] = "copy_rest" if op in of_two_cells(s.world) else "swap"


def short_of_memory(world):
    """The operations that can find no memory for the copy of a fork."""
    return world.that("dirties") if world.tight_memory else ()


@rule(op=short_of_memory, kernel="fs/tux3/buffer_fork.c:clone_page (18a490ba), mm/rmap.c:cow_clone_page (acb71e58)")
def fork_gets_no_memory(s, policy, op):
    """There is no memory for B, and nobody looks at the result: the kernel follows a null pointer."""
    s.require(at(s, op, "copy"), policy.enomem == "oops")
    s.oops = "copy of a fork without memory"


@rule(op=short_of_memory, unmapped=(False, True), kernel="-ENOMEM, as a refused fork")
def fork_gives_up(s, policy, op, unmapped):
    """There is no memory for B: the count is thawed, PTEs that were unmapped are restored, the fork is refused."""
    t = op.task
    fork = policy.fork.one_of(*UNMAPPING)
    s.require(at(s, op, "copy"), policy.enomem == "refuse", fork if unmapped else ~fork)
    s.mark("refused")
    s.frozen[s.folio[t]] = 0
    s.pc[t] = "restore" if unmapped else "refused"


@rule(op=of_two_cells, kernel="fs/tux3/buffer_fork.c:clone_page")
def fork_copies_rest(s, policy, op):
    """The second cell of A is copied into B."""
    s.require(at(s, op, "copy_rest"))
    copies_rest(s, op, due(s, op.task))
    s.pc[op.task] = "swap"


@rule(op=BLOCK, kernel="fs/tux3/buffer_fork.c:tux3_replace_page_cache")
def fork_swaps_slot(s, policy, op):
    """B takes A's slot in the page cache; A keeps its mapping, its index and its dirty buffers."""
    t = op.task
    s.require(at(s, op, "swap"))
    s.slot[op.page] = s.copy[t]
    s.pc[t] = "own"


@rule(
    op=BLOCK,
    own=(True, False),
    kernel="fs/tux3/buffer_fork.c:pagefork_for_blockdirty (18a490ba), tux3_fork_page (489cb8dc)",
)
def fork_marks_forked(s, policy, op, own):
    """A gets its own reference and is marked forked (a frozen count is thawed); dirt of this delta goes with B."""
    t = op.task
    f = s.folio[t]
    s.require(at(s, op, "own"), policy.off != "own" if own else policy.off == "own")
    again = (s.dirty[f] == 1) & (s.tag[f] == s.section[t])  # re-dirtied for this very delta: B carries that
    s.own[f] = int(own)
    s.forked[f] = 1
    s.tag[f] = where(again, 0, s.tag[f])
    s.dirty[f] = where(again, 0, s.dirty[f])
    s.frozen[f] = 0
    s.pc[t] = "redirect"


@rule(op=BLOCK, m=each("mappings"), kernel="mm/rmap.c:page_cow_file (3.19 + Tux3)")
def fork_redirects_pte(s, policy, op, m):
    """One PTE of A is pointed at B, read-only; the faulting mapping's own is left to its fault (2015)."""
    t = op.task
    s.require(at(s, op, "redirect"), s.pte[m] == s.folio[t], redirect_allowed(s, policy, m))
    s.require(op.via != m or policy.redirect_orig == "yes")
    s.pte[m] = s.copy[t]
    protect(s, m)


@rule(op=BLOCK, m=each("mappings"), kernel="mm/migrate.c:remove_migration_pte")
def fork_remaps_pte(s, policy, op, m):
    """One waiting entry becomes a read-only PTE of B."""
    t = op.task
    s.require(at(s, op, "redirect"), m in s.world.maps_of(op.page), s.migrating[m] == 1)
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
    s.require(at(s, op, "redirect"), ~left)
    s.mark("forked")
    s.locked[f] = 0
    s.folio[t] = s.copy[t]
    if s.world.that("frees"):
        s.copy[t] = f
        s.pc[t] = "listing"
        return
    s.orphan[f] = 1
    s.copy[t] = NONE
    s.pc[t] = proceed(op)


def meeting_reclaim(world):
    """The operations that can fork a folio that reclaim may come across before it is listed."""
    return world.that("dirties") if world.that("frees") else ()


@rule(op=meeting_reclaim, kernel="fs/tux3/buffer_fork.c:forked_buffer_add (18a490ba)")
def fork_lists(s, policy, op):
    """A, unlocked by now, goes on the list of forked folios; from now on a count on its buffers keeps them."""
    t = op.task
    f = s.copy[t]
    s.require(at(s, op, "listing"), s.forked[f] == 1)
    s.orphan[f] = 1
    s.copy[t] = NONE
    s.pc[t] = proceed(op)


@rule(op=meeting_reclaim, kernel="fs/tux3/buffer_fork.c:forked_buffer_add (18a490ba): page_buffers")
def fork_lists_freed(s, policy, op):
    """A has been freed before it was listed: its buffers are gone."""
    s.require(at(s, op, "listing"), s.forked[s.copy[op.task]] == 0)
    s.oops = "forked folio was freed before it was listed"
