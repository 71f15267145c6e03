"""What follows a PTE change: TLB entries of sibling threads, entries of secondary MMUs. Used by the rules."""

from tux3nb.engine.terms import NONE, where
from tux3nb.model.operations import READONLY, SHARED

# Which mappings a page fork points at the new folio, by the value of the feature `redirect`.
REDIRECTED = {SHARED: ("shared", "mayshare", "all"), READONLY: ("mayshare", "all"), "private": ("all",)}


def secondary(w, m):
    """The secondary MMUs (their holders' names) that follow mapping m by notifier."""
    return [h for h, via in w.secondary if via == m]


def flush_tlb(s, m):
    """The TLB entries for mapping m are flushed on all CPUs."""
    if s.world.maps[m].sibling:
        s.tlb[m] = NONE
        s.tlb_write[m] = 0


def notify(s, m):
    """The MMU notifier of mapping m is called: secondary entries are torn down, and walks for new ones told."""
    for h in secondary(s.world, m):
        s.spte_seq[h] = 1
        s.spte[h] = NONE
        s.spte_write[h] = 0


def flush_and_notify(s, m):
    """The PTE was cleared with a flush, then the notifier called (ptep_clear_flush, invalidate_page)."""
    flush_tlb(s, m)
    notify(s, m)


def writable(s, m):
    """The PTE of mapping m lets a store through, or says that one has come."""
    return (s.pte_write[m] == 1) | (s.pte_dirty[m] == 1)


def protect(s, m):
    """page_mkclean: the PTE of mapping m becomes read-only and clean, with TLB flush and notifier."""
    s.pte_write[m] = 0
    s.pte_dirty[m] = 0
    flush_and_notify(s, m)


def zap(s, m):
    """The PTE of mapping m is cleared, with TLB flush and notifier."""
    s.pte[m] = NONE
    protect(s, m)


def folio_freed(s, f):
    """Remember which translations still lead to a folio that is being freed."""
    for m in s.world.siblings:
        s.tlb_freed[m] = where(s.tlb[m] == f, 1, s.tlb_freed[m])
    for h, _ in s.world.secondary:
        s.spte_freed[h] = where(s.spte[h] == f, 1, s.spte_freed[h])


def redirect_allowed(s, policy, m):
    """The policies that redirect the PTEs of mapping m's kind."""
    return policy.redirect.one_of(*REDIRECTED[s.world.maps[m].kind])
