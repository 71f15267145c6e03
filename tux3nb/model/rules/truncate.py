"""Truncation: a page is dropped from the file, with a page fork that makes no copy if an older delta still needs it.

`truncate` drops the page and lets the file grow again, so that the page reads as a hole; `truncate_tail` cuts within
the page: what is behind the cut becomes zeros, in a clone if need be. `punch` drops the page with i_size as it was
(fallocate(2), MADV_REMOVE). Tux3 has no such call; here its truncate_lock also keeps out what would fill the page
again, as invalidate_lock does in the mainline. Tux3 keeps the hole in memory ("hole extents"), where a refill looks
before it looks at the disk, until the backend applies it to the tree with the section's delta. In Tux3 the section
begins before the folio lock, under the inode's mutex and truncate_lock, which keep all other sections out;
`truncate_tail` takes the lock first here, which is the same as long as they do.
"""

from tux3nb.engine.rule import rule
from tux3nb.engine.terms import NONE, TRUE, every, some, where
from tux3nb.model.folio import empty, holds, must_fork, users
from tux3nb.model.ghosts import active, bonds_end, cpu_write_ends, section_begins, write_fails, write_starts
from tux3nb.model.mmu import folio_freed, zap
from tux3nb.model.operations import CELLS, Kind
from tux3nb.model.routine import at, begins, may_start, returns
from tux3nb.model.rules.cpu import admitted, evicting, mark_dirty
from tux3nb.model.rules.fork_decide import opted_out
from tux3nb.model.world import each, ops, that

KINDS = (
    Kind(
        "truncate",
        "truncate the page away and let the file grow again: it is a hole",
        writes="cpu",
        looks=True,
        cuts=True,
        empties=True,
        mutex=True,
        shrinks=True,
    ),
    Kind(
        "punch",
        "punch a hole where the page is (fallocate, MADV_REMOVE)",
        writes="cpu",
        looks=True,
        cuts=True,
        empties=True,
        mutex=True,
        punches=True,
    ),
    Kind(
        "truncate_tail",
        "truncate to the middle of the page: the cell becomes zeros",
        writes="cpu",
        dirties=True,
        cuts=True,
        mutex=True,
    ),
)
WHOLE = ("truncate", "punch")  # the whole page goes
PLACES = ("cut_section", "cut_look", "cut_lock", "cut_page", "cut_wait", "cut_holder", "cut_end")

SETATTR = "fs/tux3/inode.c:tux3_setattr, tux3_truncate (04752e70)"
INVALIDATE = "fs/tux3/buffer_fork.c:bufferfork_to_invalidate (18a490ba)"
DROP = "mm/truncate.c:truncate_inode_pages_range (3.19)"
PUNCH = "mm/filemap.c:filemap_invalidate_lock (v5.15), as ext4_punch_hole takes it"
HOLE = "user/kernel/filemap_hole.c:tux3_add_truncate_hole (0dd55b3f)"
LAYOUT = "fs/dax.c:dax_break_layout (6.15, recalled): DAX waits before it truncates"
INHIBIT = "QEMU system/physmem.c:ram_block_discard_disable (238e91728503): no discard while a device has guest memory"
TELL = "QEMU hw/vfio/listener.c: RamDiscardListener, vfio unmaps what is to be discarded"
PARTIAL = "fs/tux3/filemap_blocklib.c:tux3_truncate_partial_block"


@rule(op=that("cuts"), kernel=SETATTR + ": i_mutex, truncate_lock; " + PUNCH)
def truncate_begins(s, policy, op):
    """Truncation begins once no write(2), no other truncation and no page_mkwrite is under way."""
    others = [o for o in s.world.that("mutex") if o.task != op.task]
    s.require(may_start(s, op), ~some(active(s, o) for o in others), ~evicting(s))
    s.require((policy.off == "truncate_lock") | ~some(in_mkwrite(s, o) for o in s.world.that("faults")))
    write_starts(s, op)
    begins(s, op, "cut_section" if op.kind in WHOLE else "look")


# ---- the holders of a page that is to be cut off ----------------------------------------------------------------
def busy_holds(s, f):
    """A hold of f that cannot be given up when its holder is told: short, or with an operation under way."""
    w = s.world
    using = {h.name: some(active(s, o) for o in w.ops if o.holder == h.name) for h in w.holders if h.unbounded}
    return some((s.hold[h.name] == f) & using.get(h.name, TRUE) for h in w.holders)


def waits_for_holder(s, policy, f):
    """The policies (and states) in which the truncation of f waits for those who hold it."""
    held = (policy.bond == "wait") & (holds(s, f) > 0)
    return held | ((policy.bond == "tell") & busy_holds(s, f))


def parts(s, policy, f):
    """The policies (and states) in which f may be cut off the file now."""
    return (policy.bond == "ends") | (holds(s, f) == 0)


@rule(op=ops(*WHOLE), kernel=LAYOUT + "; " + TELL)
def truncate_meets_holder(s, policy, op):
    """The locked folio is held and the policy waits for that: let go of everything."""
    f = s.folio[op.task]
    s.require(at(s, op, "cut_page"), zapped(s), s.forked[f] == 0, waits_for_holder(s, policy, f))
    s.mark("holder_met")
    steps_back(s, op, f, "cut_holder")


@rule(op=ops(*WHOLE), kernel=LAYOUT + "; " + TELL)
def truncate_finds_no_holder(s, policy, op):
    """Nobody holds the folio in the slot any more, as far as the policy asks: start over."""
    s.require(at(s, op, "cut_holder"), empty(s) | ~waits_for_holder(s, policy, s.slot[0]))
    s.pc[op.task] = "cut_section"


@rule(op=ops(*WHOLE), kernel=TELL)
def truncate_tells(s, policy, op):
    """Who holds the locked folio for long is told, and lets go."""
    f = s.folio[op.task]
    s.require(at(s, op, "cut_page"), zapped(s), s.forked[f] == 0, policy.bond == "tell")
    s.require(holds(s, f) > 0, ~busy_holds(s, f))
    s.mark("holder_met")
    for h in s.world.holders:
        s.hold[h.name] = s.hold[h.name].unless(s.hold[h.name] == f, NONE)


@rule(op=ops(*WHOLE), kernel=INHIBIT)
def truncate_refused(s, policy, op):
    """The locked folio is held, with no PTE left through which it could be pinned: the truncation fails."""
    f = s.folio[op.task]
    s.require(at(s, op, "cut_page"), zapped(s), s.forked[f] == 0, policy.bond == "refuse", holds(s, f) > 0)
    s.mark("discard_refused")
    write_fails(s, op)
    steps_back(s, op, f, "idle")
    returns(s, op)


def steps_back(s, op, f, place):
    """The folio is unlocked and put, and the section ends with nothing in it."""
    t = op.task
    s.locked[f] = 0
    s.section[t] = NONE
    s.folio[t] = NONE
    s.pc[t] = place


def in_mkwrite(s, op):
    """The write fault is in page_mkwrite, which holds truncate_lock from before the folio lock (or its second try)."""
    t = op.task
    second = (s.fault[t] != NONE) & (s.folio[t] != s.fault[t])
    again = (s.pc[t] == "look") | ((s.pc[t] == "lock") & second)
    return active(s, op) & (again | (s.pc[t] == "section") | (s.section[t] != NONE))


# ---- the whole page ---------------------------------------------------------------------------------------------
@rule(op=ops(*WHOLE), kernel=SETATTR + ": change_begin")
def truncate_begins_section(s, policy, op):
    """The section begins; i_size is changed."""
    s.require(at(s, op, "cut_section"), admitted(s, policy))
    section_begins(s, op)
    s.section[op.task] = s.cur
    s.pc[op.task] = "cut_look"


@rule(op=ops(*WHOLE), m=each("mappings"), kernel="mm/memory.c:unmap_mapping_range, zap_pte_range")
def truncate_zaps_pte(s, policy, op, m):
    """A PTE of this page, whichever folio it maps, is zapped, with TLB flush and notifier; a pin stays."""
    s.require(at(s, op, "cut_look") | at(s, op, "cut_page"), s.pte[m] != NONE)
    zap(s, m)


def zapped(s):
    """Whether no PTE maps the folio."""
    return every(s.pte[m] == NONE for m in s.world.mappings)


@rule(op=ops(*WHOLE), kernel=DROP + " (pagevec_lookup)")
def truncate_looks_up(s, policy, op):
    """With every PTE zapped, the folio in the slot is looked up."""
    s.require(at(s, op, "cut_look"), zapped(s), ~empty(s), s.frozen[s.slot[0]] == 0)
    s.folio[op.task] = s.slot[0]
    s.pc[op.task] = "cut_lock"


@rule(op=ops(*WHOLE), kernel=DROP + " (pagevec_lookup)")
def truncate_finds_none(s, policy, op):
    """There is no folio in the slot: only the hole is left to record."""
    s.require(at(s, op, "cut_look"), zapped(s), empty(s))
    bonds_end(s)
    s.pc[op.task] = "cut_end"


@rule(op=ops(*WHOLE), kernel=DROP + " (lock_page)")
def truncate_locks(s, policy, op):
    """The folio lock is taken; a PTE that a fault has brought back meanwhile will be zapped again."""
    f = s.folio[op.task]
    s.require(at(s, op, "cut_lock"), s.locked[f] == 0)
    s.locked[f] = 1
    s.pc[op.task] = "cut_page"


@rule(op=ops(*WHOLE), kernel=INVALIDATE + ": RET_FORKED is a BUG")
def truncate_meets_forked(s, policy, op):
    """The locked folio has been forked since the look-up: a kernel assertion fails."""
    f = s.folio[op.task]
    s.require(at(s, op, "cut_page"), zapped(s), s.forked[f] == 1)
    s.oops = "truncate met a forked folio"


@rule(op=ops(*WHOLE), own=(True, False), kernel=INVALIDATE)
def truncate_forks(s, policy, op, own):
    """NEED_FORK: the folio leaves the slot without a clone, keeps its mapping, and is queued as forked."""
    t = op.task
    f = s.folio[op.task]
    s.require(at(s, op, "cut_page"), zapped(s), s.forked[f] == 0, must_fork(s, f, s.section[t]))
    s.require(policy.fork != "never", ~opted_out(s, policy, f), policy.off != "own" if own else policy.off == "own")
    s.require(parts(s, policy, f))
    s.mark("forked")
    again = (s.dirty[f] == 1) & (s.tag[f] == s.section[t])
    bonds_end(s)
    s.slot[0] = NONE
    s.tag[f] = where(again, 0, s.tag[f])
    s.dirty[f] = where(again, 0, s.dirty[f])
    s.own[f] = int(own)
    s.forked[f] = 1
    s.orphan[f] = 1
    lets_go(s, op, f)


def lets_go(s, op, f):
    """The folio is unlocked and put, and the hole comes next."""
    s.locked[f] = 0
    s.folio[op.task] = NONE
    s.pc[op.task] = "cut_end"


def may_delete(s, policy, op, f):
    """The policies (and states) in which the folio is simply deleted.

    No older delta needs it, or the policy does not ask.
    """
    refused = (policy.fork == "never") | opted_out(s, policy, f)
    return ~must_fork(s, f, s.section[op.task]) | (refused & (policy.refuse == "in_place") & ~under_write_out(s, f))


def under_write_out(s, f):
    """The flusher has taken the folio up; mainline's flusher has it locked by then, and Tux3's is about to lock it."""
    return (s.writeback[f] == 1) | ((s.bio_folio == f) & (s.bio_stage == "added"))


@rule(op=ops(*WHOLE), kernel=DROP + ", truncate_inode_page, mm/filemap.c:delete_from_page_cache")
def truncate_deletes(s, policy, op):
    """The folio's buffers are dropped and it leaves the page cache and its mapping; a holder keeps it."""
    f = s.folio[op.task]
    s.require(at(s, op, "cut_page"), zapped(s), s.forked[f] == 0, may_delete(s, policy, op, f), parts(s, policy, f))
    bonds_end(s)
    s.slot[0] = NONE
    for name in ("dirty", "tag", "private", "stripped"):
        getattr(s, name)[f] = 0
    s.detached[f] = 1
    lets_go(s, op, f)


@rule(op=ops(*WHOLE), kernel="refusal: wait, as mainline's truncate_inode_pages_range waits for writeback")
def truncate_waits(s, policy, op):
    """An older delta needs the folio, and the policy does not fork it: let go of everything and wait for that delta."""
    t = op.task
    f = s.folio[op.task]
    s.require(at(s, op, "cut_page"), zapped(s), s.forked[f] == 0, must_fork(s, f, s.section[t]))
    s.require((policy.fork == "never") | opted_out(s, policy, f))
    s.require((policy.refuse != "in_place") | under_write_out(s, f), parts(s, policy, f))
    s.mark("refused")
    steps_back(s, op, f, "cut_wait")


@rule(op=ops(*WHOLE), kernel="refusal: wait_event on the commit of the older delta")
def truncate_goes_on(s, policy, op):
    """No older delta needs the folio in the slot any more: start over."""
    s.require(at(s, op, "cut_wait"), empty(s) | ~must_fork(s, s.slot[0], s.cur) | (policy.refuse == "in_place"))
    s.require(empty(s) | ~under_write_out(s, s.slot[0]))
    s.pc[op.task] = "cut_section"


@rule(op=ops(*WHOLE), kernel=HOLE + "; fs/tux3/commit.c:change_end")
def truncate_returns(s, policy, op):
    """The hole is recorded for the section's delta, the section ended; the file grows again."""
    s.require(at(s, op, "cut_end"))
    s.mark("cpu_path")
    s.mark("page_cut")
    cuts(s, op)
    returns(s, op)


def cuts(s, op):
    """The hole is recorded, and the section ends."""
    t = op.task
    cpu_write_ends(s, op, s.section[t])
    front = s.section[t] == s.cur
    for c, v in op.version.items():
        s.hole_front[c] = where(front, v, s.hole_front[c])
        s.hole_back[c] = where(front, s.hole_back[c], v)
    s.section[t] = NONE


# ---- part of the page -------------------------------------------------------------------------------------------
@rule(op=ops("truncate_tail"), kernel=PARTIAL + ": zero_user_segment")
def tail_zeroes(s, policy, op):
    """What is behind the cut becomes zeros, in the locked folio (a clone, if the old one was needed)."""
    t = op.task
    s.require(at(s, op, "data"))
    for c, v in op.version.items():
        s.cell[s.folio[t], c] = v
    s.pc[op.task] = "finish"


@rule(op=ops("truncate_tail"), dirty=(True, False), kernel=PARTIAL + ": dirty the buffer to pin the page")
def tail_returns(s, policy, op, dirty):
    """The folio is dirtied for the section's delta, so that it stays until the old folio's data are on disk."""
    t = op.task
    f = s.folio[t]
    s.require(at(s, op, "finish"), policy.off != "clone_dirty" if dirty else policy.off == "clone_dirty")
    s.mark("cpu_path")
    if dirty:
        mark_dirty(s, f, s.section[t])
    cuts(s, op)
    s.locked[f] = 0
    s.folio[t] = NONE
    returns(s, op)


# ---- the end of a deleted folio ---------------------------------------------------------------------------------
@rule(f=each("folios"), kernel="mm/swap.c:put_page (__page_cache_release)", actor="kernel")
def last_reference_put(s, policy, f):
    """A folio that has lost its mapping is freed with the last reference to it."""
    s.require(s.detached[f] == 1, users(s, f) == 0, s.locked[f] == 0)
    folio_freed(s, f)
    s.detached[f] = 0
    for c in CELLS:
        s.cell[f, c] = 0
