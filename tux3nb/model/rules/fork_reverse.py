"""Reverse fork: instead of a refused fork the disk gets a copy, and the folio stays with its users.

The copy is a snapshot only if no store can come while it is made: PTEs are write-protected first, as before the copy of
a fork.
"""

from tux3nb.engine.rule import rule
from tux3nb.engine.terms import NONE
from tux3nb.model.folio import free_folio, in_bio, must_fork
from tux3nb.model.mmu import protect, writable
from tux3nb.model.routine import at
from tux3nb.model.rules.fork_decide import BLOCK, proceed
from tux3nb.model.rules.fork_prepare import CLONE, protected
from tux3nb.model.rules.fork_refuse import starts_over
from tux3nb.model.rules.fork_swap import copies_rest, of_two_cells, short_of_memory, takes_copy
from tux3nb.model.world import each


def snapshot_due(s, policy, op):
    """Conditions: the older delta of the folio has yet to be written, so the disk gets a copy of it."""
    f = s.folio[op.task]
    return at(s, op, "refused"), policy.refuse == "reverse", ~in_bio(s, f), must_fork(s, f, s.section[op.task])


@rule(op=BLOCK, kernel="reverse fork: need_fork asked again, under the same folio lock")
def reverse_fork_not_needed(s, policy, op):
    """The write-out has ended since the decision, and the folio is dirty for this delta only: no snapshot is due."""
    t = op.task
    f = s.folio[t]
    s.require(at(s, op, "refused"), policy.refuse == "reverse", ~in_bio(s, f), ~must_fork(s, f, s.section[t]))
    s.pc[t] = proceed(op)


@rule(op=BLOCK, m=each("mappings"), kernel="reverse fork: as " + CLONE)
def reverse_protects_pte(s, policy, op, m):
    """One PTE of the folio becomes read-only and clean, its TLB entries are flushed; the folio itself stays dirty."""
    f = s.folio[op.task]
    s.require(*snapshot_due(s, policy, op), policy.off != "snapshot_protect", s.pte[m] == f, writable(s, m))
    protect(s, m)


@rule(op=BLOCK, kernel="reverse fork: after MS_SNAP_STABLE (v3.9) and fork(2)'s copy for the child")
def reverse_fork_copies(s, policy, op):
    """Reverse fork: a new folio S is taken for the disk and the (first) cell copied into it."""
    t = op.task
    f = s.folio[t]
    new, none_left = free_folio(s)
    s.require(*snapshot_due(s, policy, op), (policy.off == "snapshot_protect") | protected(s, f))
    s.limit("folios", none_left)
    takes_copy(s, op, new)
    s.snapshot[new] = 1
    s.pc[t] = "reverse_rest" if op in of_two_cells(s.world) else "reverse_move"


@rule(op=short_of_memory, kernel="reverse fork: -ENOMEM, as a snapshot that comes too late")
def reverse_gets_no_memory(s, policy, op):
    """There is no memory for S: drop the lock, end the section, and wait until the older delta is written."""
    s.require(*snapshot_due(s, policy, op))
    starts_over(s, s.folio[op.task], op, "wait")


@rule(op=of_two_cells, kernel="reverse fork: copy, second half")
def reverse_fork_copies_rest(s, policy, op):
    """The second cell is copied into S."""
    s.require(at(s, op, "reverse_rest"), policy.refuse == "reverse")
    copies_rest(s, op)
    s.pc[op.task] = "reverse_move"


@rule(op=BLOCK, kernel="reverse fork: the dirty buffers move to S")
def reverse_fork_moves_delta(s, policy, op):
    """S takes over the dirty buffers of the older delta; the original stays with its users, free to be dirtied."""
    t = op.task
    f, new = s.folio[t], s.copy[t]
    s.require(at(s, op, "reverse_move"), policy.refuse == "reverse")
    s.mark("snapshot_made")
    s.tag[new] = s.tag[f]
    s.dirty[new] = 1
    s.tag[f] = s.section[t]
    s.copy[t] = NONE
    s.pc[t] = proceed(op)
