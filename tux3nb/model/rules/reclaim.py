"""Reclaim: an LRU scan frees a folio that is not needed. Refill: an access that finds the slot empty brings a new one.

The scan takes folios off the LRU, a forked one too, since a fork cannot take its old folio off (it may sit in a per-CPU
batch). It frees those that are clean, unmapped and not referenced otherwise, and then clears the slot of the folio's
index without comparing what is in it. Clean mapped ones are unmapped first, or left alone (used lately). Eviction of
the inode comes when no process has the file open or mapped; a pin does not keep it away. While the file system is
mounted a dirty inode stays; an unmount writes everything out first, and what is dirty after that, a folio that is re-
dirtied for a pin, is nobody's to write.
"""

from tux3nb.engine.rule import rule
from tux3nb.engine.terms import NONE, count, every, some, where
from tux3nb.model.folio import (
    buffers,
    empty,
    free_folio,
    holds,
    mapcount,
    pinned,
    refcount,
    refs_of_tasks,
)
from tux3nb.model.ghosts import active, bonds_end
from tux3nb.model.mmu import folio_freed, zap
from tux3nb.model.operations import CELLS, Kind
from tux3nb.model.routine import at, begins, chooses, may_start, returns
from tux3nb.model.rules.cpu import evicting, punching, shrunk
from tux3nb.model.rules.delta import next_delta
from tux3nb.model.rules.truncate import under_write_out
from tux3nb.model.world import FLUSHER, each, ops

KINDS = (
    Kind("reclaim", "an LRU scan comes across a folio of the file", looks=True, empties=True, frees=True, strips=True),
    Kind(
        "evict",
        "the inode is evicted, by an unmount after a sync if it is dirty: the file is neither open nor mapped",
        page=False,
        empties=True,
        evicts=True,
    ),
)
PLACES = ("scan_lock", "scan", "evict", "evict_sync", "evict_last")
SCAN = "mm/vmscan.c:shrink_page_list (3.19)"
EVICT = "fs/tux3/inode.c:tux3_evict_inode (04752e70)"
UNMOUNT = "fs/super.c:generic_shutdown_super (3.19)"
DROP_INODE = "fs/tux3/inode.c:tux3_drop_inode (0dd55b3f)"
REMOVE = "mm/vmscan.c:__remove_mapping (page_freeze_refs), mm/filemap.c:__delete_from_page_cache"


@rule(op=ops("reclaim"), f=each("folios"), kernel="mm/vmscan.c:isolate_lru_pages")
def reclaim_isolates(s, policy, op, f):
    """The scan comes across a folio of the file, in its slot or forked, and takes a reference."""
    s.require(may_start(s, op), (s.slot[0] == f) | (s.forked[f] == 1), s.frozen[f] == 0)
    s.folio[op.task] = f
    begins(s, op, "scan_lock")


@rule(op=ops("reclaim"), kernel=SCAN + " (trylock_page)")
def reclaim_locks(s, policy, op):
    """The folio is locked."""
    f = s.folio[op.task]
    s.require(at(s, op, "scan_lock"), s.locked[f] == 0)
    s.locked[f] = 1
    s.pc[op.task] = "scan"


@rule(op=ops("reclaim"), kernel=SCAN + " (trylock_page): keep")
def reclaim_finds_locked(s, policy, op):
    """The folio is locked: the scan goes on without it."""
    s.require(at(s, op, "scan_lock"), s.locked[s.folio[op.task]] == 1)
    s.folio[op.task] = NONE
    returns(s, op)


def needed(s, f):
    """The folio is dirty, under writeback, its buffers are counted (on the forked list), or it is referenced.

    What is accounted for: cache (a forked folio's too), buffers and the scan's own reference.
    """
    return in_use(s, f) | (refcount(s, f) != 2 + buffers(s, f))


def in_use(s, f):
    """What tells without a look at the count that a folio is needed."""
    busy = (s.dirty[f] == 1) | (s.writeback[f] == 1) | (s.orphan[f] == 1)
    return busy | (s.detached[f] != 0)


def counts_alone(s, policy, f):
    """The policies (and states) in which only its count keeps the folio: a hold's reference, and no PTE's."""
    held = ~in_use(s, f) & (mapcount(s, f) == 0) & (holds(s, f) > 0) & (s.forked[f] == 0)
    return held & (policy.off == "reclaim_accounting")


def gives_buffers(s, policy, f):
    """The policies (and states) in which a clean folio that nobody maps is to lose its buffers, though it is needed.

    Any kernel takes them; since v6.4 (d824ec2a1546) not from a folio that may be pinned. Where a dirty call asks for
    none it changes nothing, and is not told.
    """
    idle = ~in_use(s, f) & needed(s, f) & (mapcount(s, f) == 0) & (s.forked[f] == 0) & ~pinned(s, f)
    return idle & (s.stripped[f] == 0) & (policy.dirty_clean == "lost")


@rule(op=ops("reclaim"), m=each("mappings"), kernel=SCAN + ": try_to_unmap (folio lock, i_mmap_rwsem)")
def reclaim_unmaps(s, policy, op, m):
    """A clean folio that was not used lately is unmapped, one PTE at a time; nobody's mmap_sem is asked."""
    f = s.folio[op.task]
    s.require(at(s, op, "scan"), ~in_use(s, f), s.forked[f] == 0, s.pte[m] == f)
    zap(s, m)


@rule(op=ops("reclaim"), kernel=SCAN + ": try_to_release_page; fs/buffer.c:drop_buffers")
def reclaim_strips(s, policy, op):
    """The folio is clean: its buffers go, before the scan looks at the count. They come back when it is written to."""
    f = s.folio[op.task]
    s.require(at(s, op, "scan"), gives_buffers(s, policy, f))
    s.stripped[f] = 1


@rule(op=ops("reclaim"), kernel=SCAN + ": keep; fs/buffer.c:try_to_free_buffers; " + REMOVE)
def reclaim_keeps(s, policy, op):
    """The folio is needed: it is unlocked and put back."""
    f = s.folio[op.task]
    s.require(at(s, op, "scan"), needed(s, f), ~counts_alone(s, policy, f), ~gives_buffers(s, policy, f))
    s.locked[f] = 0
    s.folio[op.task] = NONE
    returns(s, op)


@rule(op=ops("reclaim"), kernel=REMOVE)
def reclaim_frees(s, policy, op):
    """The count is frozen, the slot of the folio's index cleared whatever is in it, and the folio freed."""
    f = s.folio[op.task]
    s.require(at(s, op, "scan"), ~needed(s, f))
    s.mark("reclaimed")
    folio_freed(s, f)
    s.slot[0] = NONE
    for name in ("private", "stripped", "forked", "own", "tag", "locked"):
        getattr(s, name)[f] = 0
    for c in CELLS:
        s.cell[f, c] = 0
    s.folio[op.task] = NONE
    returns(s, op)


@rule(op=ops("reclaim"), kernel="switched off: the comparison of the count in " + REMOVE)
def reclaim_drops_held(s, policy, op):
    """With the account switched off the folio leaves the page cache although it is held; the holder keeps it."""
    f = s.folio[op.task]
    s.require(at(s, op, "scan"), counts_alone(s, policy, f))
    s.mark("reclaimed")
    s.slot[0] = NONE
    for name in ("private", "stripped", "tag", "locked"):
        getattr(s, name)[f] = 0
    s.detached[f] = 1
    s.folio[op.task] = NONE
    returns(s, op)


# ---- refill -----------------------------------------------------------------------------------------------------
def looking_up(world):
    """The operations that can find the slot empty and then allocate a folio."""
    reads = [op for op in world.ops if op.how.reads == "cpu"]
    looks = [op for op in world.ops if op in reads or op.how.read_fault or op.how.dirties or op.how.walks or op.copies]
    return looks if world.empties else ()


def wants_folio(s, op):
    """A write(2), a read(2) or a cut is about to look the folio up, or an access through a mapping has no PTE."""
    if not op.how.maps:
        return at(s, op, "look")
    starts = at(s, op, "walk") if op.how.walks else may_start(s, op)
    return starts & (s.pte[op.via] == NONE) & (s.vma[op.via] == 1)


def reachable(s, c):
    """What the file has in cell c apart from the page cache.

    A hole not yet applied; what the closed delta has written, once that I/O is done; its hole; what is committed.
    """
    behind = where(s.hole_back[c] != 0, s.hole_back[c], s.disk[c])
    return where(s.hole_front[c] != 0, s.hole_front[c], where(s.bio_stage == "completed", s.image[c], behind))


@rule(op=looking_up, kernel="mm/filemap.c:pagecache_get_page (FGP_CREAT), filemap_fault (page_cache_read)")
def refills(s, policy, op):
    """The slot is empty: a folio is put in, locked until it is read from where the file's content is now."""
    new, none_left = free_folio(s)
    s.require(wants_folio(s, op), empty(s), ~evicting(s))
    if op.how.maps or op.how.reads:  # writes and cuts have the inode's mutex
        s.require(~shrunk(s), (policy.off == "truncate_lock") | ~punching(s))
    s.limit("folios", none_left)
    s.mark("refilled")
    found = [reachable(s, c) for c in CELLS]
    chooses(s, op)
    s.private[new] = 1
    s.slot[0] = new
    for c in CELLS:
        s.cell[new, c] = found[c]


# ---- eviction of the inode --------------------------------------------------------------------------------------
def unused(s):
    """No process has the file open or mapped, and nothing of it is under write-out."""
    w = s.world
    busy = some(active(s, op) for op in w.ops if op.how.mutex or op.how.reads == "cpu")
    idle = every((s.writeback[f] == 0) & (refs_of_tasks(s, f) == 0) for f in w.folios)
    return every(s.vma[m] == 0 for m in w.mappings) & (s.pc[FLUSHER] == "idle") & ~busy & idle


def clean(s):
    """No folio of the inode is dirty."""
    return every(s.dirty[f] == 0 for f in s.world.folios)


@rule(op=ops("evict"), kernel="fs/inode.c:evict; " + EVICT)
def evict_begins(s, policy, op):
    """No process uses the file and it is clean: the inode is evicted, in spite of pins on its folios."""
    s.require(may_start(s, op), unused(s), clean(s))
    bonds_end(s)
    begins(s, op, "evict")


@rule(op=ops("evict"), kernel=UNMOUNT + ": sync_filesystem; fs/tux3/super.c:tux3_sync_fs (0dd55b3f)")
def evict_syncs(s, policy, op):
    """No process uses the file and it is dirty: the unmount closes the delta, which is written out first."""
    s.require(may_start(s, op), unused(s), ~clean(s), s.cur == s.committed)
    next_delta(s)
    begins(s, op, "evict_sync")


@rule(op=ops("evict"), kernel=UNMOUNT + ": evict_inodes; " + EVICT)
def evict_synced(s, policy, op):
    """That delta is on disk: the inode is evicted, dirty again or not, unless the policy waits for a clean one."""
    s.require(at(s, op, "evict_sync"), unused(s), s.cur == s.committed)
    s.require(clean(s) | ~waits(policy))
    bonds_end(s)
    s.pc[op.task] = "evict"


def waits(policy):
    """The policies under which an eviction waits for who may still write."""
    return policy.evict_dirty.one_of("wait", "wait_writing")


def waited_for(s, policy, f):
    """f has a holder who makes an eviction wait, as far as the policy can see.

    The registry of an index tells who writes, and pins do where they are counted apart; else every pin counts.
    """
    w, indexed = s.world, policy.fork == "unless_registered"

    def held_by(holders):
        return count(s.hold[h.name] == f for h in holders) > 0

    writing = [h for h in w.holders if h.write]
    pins_ = held_by(h for h in writing if h.pin) | (policy.evict_dirty == "wait") & pinned(s, f)
    return (indexed & held_by(writing)) | (~indexed & pins_)


@rule(op=ops("evict"), kernel="a proposal: unmount waits for the last who may write")
def evict_syncs_again(s, policy, op):
    """The policy waits: once nobody whom it waits for holds what is dirty, that is written out for good."""
    s.require(at(s, op, "evict_sync") | at(s, op, "evict"), unused(s), s.cur == s.committed)
    s.require(waits(policy), ~clean(s))
    s.require(every((s.dirty[f] == 0) | ~waited_for(s, policy, f) for f in s.world.folios))
    next_delta(s)
    s.pc[op.task] = "evict_last"


@rule(op=ops("evict"), kernel="a proposal: unmount waits for the last who may write")
def evict_synced_last(s, policy, op):
    """That delta is on disk: what is dirty again, for somebody who only reads, has nothing new in it."""
    s.require(at(s, op, "evict_last"), unused(s), s.cur == s.committed)
    s.require(every(s.locked[f] == 0 for f in s.world.folios))
    for f in s.world.folios:
        s.tag[f] = where(s.dirty[f] == 1, 0, s.tag[f])
        s.dirty[f] = 0
    bonds_end(s)
    s.pc[op.task] = "evict"


@rule(op=ops("evict"), kernel=DROP_INODE + ": assert(MS_ACTIVE)")
def evict_meets_dirty(s, policy, op):
    """The inode is dirty although everything has been written out: the assertion of an unmount fails."""
    s.require(at(s, op, "evict"), ~clean(s), policy.evict_dirty == "assert")
    s.oops = "eviction met a dirty folio"


@rule(op=ops("evict"), f=each("folios"), kernel=EVICT + " (truncate_inode_pages, tux3_invalidate_buffer)")
def evict_drops(s, policy, op, f):
    """The folio in the slot leaves the page cache and its mapping, with its dirt; a holder keeps it."""
    s.require(at(s, op, "evict"), s.slot[0] == f, s.locked[f] == 0, ~under_write_out(s, f))
    s.require(clean(s) | (policy.evict_dirty == "drop"))
    s.slot[0] = NONE
    for name in ("private", "stripped", "dirty", "tag"):
        getattr(s, name)[f] = 0
    s.detached[f] = 1


@rule(op=ops("evict"), f=each("folios"), kernel=EVICT + " (free_forked_buffers, by force)")
def evict_frees_forked(s, policy, op, f):
    """A forked folio is freed by force: buffers, cache and own references go, its mapping is cleared."""
    s.require(at(s, op, "evict"), s.orphan[f] == 1, s.locked[f] == 0, policy.off != "forced_free")
    s.mark("forced_free")
    for name in ("private", "own", "forked", "orphan", "tag"):
        getattr(s, name)[f] = 0
    s.detached[f] = 1


@rule(op=ops("evict"), f=each("folios"), kernel=EVICT + " without free_forked_buffers")
def evict_leaves_forked(s, policy, op, f):
    """With the forced free switched off, a forked folio's mapping leads to an inode that is about to be freed."""
    s.require(at(s, op, "evict"), s.orphan[f] == 1, s.detached[f] == 0, policy.off == "forced_free")
    s.detached[f] = 2


@rule(op=ops("evict"), kernel="fs/inode.c:destroy_inode")
def evict_ends(s, policy, op):
    """No folio of the inode is left: it is freed. The file can be opened again."""
    s.require(at(s, op, "evict"), empty(s), every((s.orphan[f] == 0) | (s.detached[f] != 0) for f in s.world.folios))
    s.mark("page_cut")
    returns(s, op)


def left_alone(world):
    """The folios whose inode may be freed under them."""
    return world.folios if world.of("evict") else ()


@rule(f=left_alone, kernel="fs/tux3/buffer_fork.c:free_forked_page (mapping->tree_lock)", actor=FLUSHER)
def poll_meets_freed_inode(s, policy, f):
    """The poll after a commit takes a lock in the mapping of an inode that has been freed."""
    s.require(s.pc[FLUSHER] == "poll", s.orphan[f] == 1, s.detached[f] == 2)
    s.oops = "use of the mapping of a freed inode"
