"""Private mappings: what is written there makes a copy of the process's own first, an anonymous folio.

The copy is a folio of the pool in no slot: PTEs, pins and devices lead to it as to any other, and it is in no delta. It
is seen by nobody else, so an anonymous page that is mapped read-only does not occur: fork(2) is not modelled. Probed
mappings have a copy of their own kind, see uprobes.py.
"""

from tux3nb.engine.rule import rule
from tux3nb.engine.terms import NONE, some
from tux3nb.model.folio import free_folio, users
from tux3nb.model.mmu import flush_and_notify, folio_freed
from tux3nb.model.operations import CELLS
from tux3nb.model.routine import at, chooses, may_start
from tux3nb.model.rules.gup import takes, unshares_first

COW = "mm/memory.c:do_wp_page of a private mapping"
UNSHARE = "mm/gup.c:gup_must_unshare, FAULT_FLAG_UNSHARE (v6.2)"


def makers_of_copies(world):
    """The operations that make the process's own copy: stores, walks that write, long-term pins."""
    return [op for op in world.ops if op.copies]


def writers(world):
    """Those that make it in order to write."""
    return [op for op in makers_of_copies(world) if op.write or not op.how.walks]


def forced(world):
    """The walks that write, of which a debugger's asks no leave of the mapping (FOLL_FORCE)."""
    return [op for op in writers(world) if op.how.walks]


def sharers(world):
    """The long-term pins that only read."""
    return [op for op in makers_of_copies(world) if op.how.walks and not op.write]


def of_two_cells(world):
    """The operations that copy a page of two cells."""
    return [op for op in makers_of_copies(world) if len(world.cells_of[op.page]) > 1]


@rule(op=writers, kernel=COW)
def cow_begins(s, policy, op):
    """A store, or a walk that writes, finds the PTE read-only; the fault takes a reference on what it maps."""
    m = op.via
    s.require(at(s, op, "walk") if op.how.walks else may_start(s, op), s.pte[m] != NONE, s.pte_write[m] == 0)
    if op.how.walks:
        s.require(policy.off != "private_copy")
    chooses(s, op)
    copy_begins(s, op)


def copy_begins(s, op):
    """The first step of a copy: a reference on the folio that the PTE maps."""
    s.folio[op.task] = s.pte[op.via]
    s.pc[op.task] = "cow_copy"


@rule(op=sharers, kernel=UNSHARE)
def gup_unshares(s, policy, op):
    """A long-term pin that only reads finds a folio of the file: the process's own copy is made first."""
    s.require(at(s, op, "walk"), s.pte[op.via] != NONE, unshares_first(s, policy, op, s.pte[op.via]))
    copy_begins(s, op)


@rule(op=makers_of_copies, kernel="mm/memory.c:cow_user_page")
def cow_copies(s, policy, op):
    """A new folio is taken and the (first) cell copied into it; no lock is held."""
    t, first = op.task, s.world.cells_of[op.page][0]
    new, none_left = free_folio(s)
    s.require(at(s, op, "cow_copy"))
    s.limit("folios", none_left)
    s.private[new] = 1
    s.anonymous[new] = 1
    s.index[new] = op.page
    s.cell[new, first] = s.cell[s.folio[t], first]
    s.copy[t] = new
    s.pc[t] = "cow_rest" if op in of_two_cells(s.world) else "cow_map"


@rule(op=of_two_cells, kernel="mm/memory.c:cow_user_page")
def cow_copies_rest(s, policy, op):
    """The second cell is copied."""
    t = op.task
    s.require(at(s, op, "cow_rest"))
    s.cell[s.copy[t], CELLS[1]] = s.cell[s.folio[t], CELLS[1]]
    s.pc[t] = "cow_map"


@rule(op=makers_of_copies, kernel=COW + ": pte_same, ptep_clear_flush_notify")
def cow_maps(s, policy, op):
    """The PTE still maps what the fault saw: it leads to the copy now, writable, and the old folio is put."""
    t, m = op.task, op.via
    s.require(at(s, op, "cow_map"), s.pte[m] == s.folio[t])
    s.mark("private_copied")
    s.pte[m] = s.copy[t]
    s.pte_write[m] = 1
    flush_and_notify(s, m)
    ends(s, op)


def ends(s, op):
    """The fault has let go of everything, and the access is tried again."""
    t = op.task
    s.folio[t] = NONE
    s.copy[t] = NONE
    s.pc[t] = op.how.after_fault


@rule(op=makers_of_copies, kernel=COW + ": pte_same")
def copy_is_late(s, policy, op):
    """The PTE is not what the fault saw: the copy is freed, and the access tried again."""
    t = op.task
    s.require(at(s, op, "cow_map"), s.pte[op.via] != s.folio[t])
    frees(s, s.copy[t])
    ends(s, op)


def frees(s, f):
    """An anonymous folio is free again."""
    for name in ("private", "anonymous", "index"):
        getattr(s, name)[f] = 0
    for c in CELLS:
        s.cell[f, c] = 0


def of_copies(world):
    """The folios, where some operation makes a copy of the process's own."""
    return world.folios if makers_of_copies(world) else ()


@rule(f=of_copies, kernel="mm/swap.c:put_page", actor="kernel")
def anonymous_freed(s, policy, f):
    """The last user of an anonymous folio has gone: it is freed."""
    preparing = [s.copy[t] == f for t in dict.fromkeys(op.task for op in makers_of_copies(s.world))]
    s.require(s.anonymous[f] == 1, users(s, f) == 0, s.locked[f] == 0, ~some(preparing))
    folio_freed(s, f)
    frees(s, f)


@rule(op=forced, kernel="mm/gup.c:faultin_page, which drops FOLL_WRITE after the fault (CVE-2016-5195)")
def copy_is_skipped(s, policy, op):
    """With the private copy switched off, a walk that writes takes the folio of the file that the PTE maps."""
    f = s.pte[op.via]
    s.require(at(s, op, "walk"), policy.off == "private_copy", s.pte[op.via] != NONE, s.pte_write[op.via] == 0)
    takes(s, op, f)
