"""CPU paths: loads and stores through a PTE, the write fault, write(2)."""

from tux3nb.engine.rule import rule
from tux3nb.engine.terms import NONE, const, every, some, where
from tux3nb.model.folio import empty
from tux3nb.model.ghosts import active, cpu_write_ends, legal_now, section_begins, store_completes, write_starts
from tux3nb.model.mmu import flush_and_notify, flush_tlb, notify, secondary, zap
from tux3nb.model.operations import PRIVATE, Kind
from tux3nb.model.routine import at, begins, chooses, may_start, returns
from tux3nb.model.rules.fork_refuse import starts_over, tried_again
from tux3nb.model.world import each, ops, tasks_of, that

KINDS = (
    Kind(
        "store",
        "a CPU store through the task's mapping",
        one_cell=True,
        writes="cpu",
        at_once=True,
        maps=True,
        dirties=True,
        after_fault="idle",
    ),
    Kind("load", "a CPU load through the task's mapping", one_cell=True, maps=True, looks=True, read_fault="idle"),
    Kind(
        "sibling_load",
        "a load by another thread of the mapping's process, through its TLB",
        one_cell=True,
        maps=True,
        sibling=True,
    ),
    Kind(
        "sibling_store",
        "a store by another thread of the mapping's process, through its TLB",
        one_cell=True,
        writes="cpu",
        at_once=True,
        maps=True,
        sibling=True,
    ),
    Kind("mmap", "map the file", maps=True, page=False, vma="maps"),
    Kind("munmap", "unmap the file", maps=True, page=False, vma="unmaps"),
    Kind("write", "write(2)", writes="cpu", dirties=True, mutex=True),
)
DIRTIERS, FAULTERS = that("dirties"), that("faults")

FAULT = "mm/memory.c:do_wp_page (3.19 + Tux3)"
WRITE = "fs/tux3/filemap_blocklib.c:tux3_write_begin"


def without_pte(world):
    """The operations that can find no PTE and whose fault is not their own module's: stores and GUP walks."""
    faults = [op for op in world.ops if (op.how.walks or op.kind == "store") and not op.how.alone]
    return [op for op in faults if world.may_be_absent(op.via)]


def write_faulters(world):
    """Of those the ones whose fault is a write fault of the file: in a shared mapping, and to write."""
    return [op for op in without_pte(world) if op.how.faults and (op.write or not op.how.walks)]


def first_read_faulters(world):
    """Of those the ones that take a read fault first: to read, or for what is copied in a private mapping."""
    return [op for op in without_pte(world) if op not in write_faulters(world)]


def read_faulters(world):
    """The operations that can take a read fault."""
    return [*world.that("read_fault"), *first_read_faulters(world)]


def read_fault_ends(s, op):
    """The read fault's folio is unlocked and put; the operation tries its access again."""
    t = op.task
    s.locked[s.folio[t]] = 0
    s.folio[t] = NONE
    s.pc[t] = op.how.read_fault or op.how.after_fault


@rule(op=ops("load"), kernel="CPU load through a present PTE")
def load(s, policy, op):
    """The process loads a cell through its PTE."""
    c = op.cells[0]
    s.require(may_start(s, op), s.pte[op.via] != NONE)
    reads_file(s, op, s.pte[op.via], f"a load from cell {c} returned an old value")
    returns(s, op)


def reads_file(s, op, f, reason):
    """A CPU reads a cell of folio f through the operation's mapping: of the file, or of the process's own copy."""
    c = op.cells[0]
    good = legal_now(s, c, s.cell[f, c])
    if s.world.maps[op.via].kind != PRIVATE:
        s.ensure("I1", good, reason)
        s.mark("cpu_path")
        return
    s.ensure("I1p", (s.anonymous[f] == 1) | good, reason)
    s.mark("private_path", s.anonymous[f] == 0)


@rule(op=ops("load"), kernel="mm/filemap.c:filemap_fault, filemap_map_pages (find_get_page)")
def load_faults(s, policy, op):
    """The load finds no PTE; the read fault looks the folio up in the slot and takes a reference."""
    t = op.task
    s.require(may_start(s, op), s.pte[op.via] == NONE, s.migrating[op.via] == 0, s.vma[op.via] == 1)
    s.require(s.moving[op.via] == 0, ~empty(s), s.frozen[s.slot[op.page]] == 0)
    s.folio[t] = s.slot[op.page]
    begins(s, op, "map_lock")


def finds_none(s, op):
    """A store, or a GUP walk on its way, finds no PTE, and a folio in the slot that its fault can look up."""
    m = op.via
    starts = at(s, op, "walk") if op.how.walks else may_start(s, op)
    here = [s.pte[m] == NONE, s.migrating[m] == 0, s.moving[m] == 0, s.vma[m] == 1]
    return starts & every(here) & ~empty(s) & (s.frozen[s.slot[op.page]] == 0)


@rule(op=first_read_faulters, kernel="mm/filemap.c:filemap_fault; mm/memory.c:do_read_fault, do_cow_fault")
def access_faults(s, policy, op):
    """A GUP walk that reads, or an access to private memory, finds no PTE: it takes a read fault first.

    do_cow_fault copies from the folio that it has locked and maps the copy at once; here that is a read fault, and then
    the copy of a write fault, as if another thread had read in between.
    """
    s.require(finds_none(s, op))
    s.folio[op.task] = s.slot[op.page]
    begins(s, op, "map_lock")


@rule(op=write_faulters, kernel="mm/memory.c:do_shared_fault (3.19), mm/filemap.c:filemap_fault")
def store_faults_absent(s, policy, op):
    """A store, or a GUP walk that writes, finds no PTE: the fault looks the folio up in the slot for page_mkwrite.

    filemap_fault locks the folio, checks it and unlocks it again before page_mkwrite does the same: that is merged.
    What the fault saw (`fault`) is no folio, and stays none.
    """
    t = op.task
    s.require(finds_none(s, op))
    s.folio[t] = s.slot[op.page]
    begins(s, op, "lock")


@rule(op=read_faulters, kernel="mm/filemap.c:lock_page_or_retry; filemap_map_pages (trylock_page)")
def read_fault_locks(s, policy, op):
    """The read fault locks the folio that it found (fault-around tries the lock: the same step, without waiting)."""
    t = op.task
    f = s.folio[t]
    s.require(at(s, op, "map_lock"), s.locked[f] == 0)
    s.locked[f] = 1
    s.pc[t] = "map_check"


def left_slot(s, f, page):
    """The folio is no longer the one in the page's slot."""
    return (s.forked[f] == 1) | (s.slot[page] != f)


def cutting(s):
    """A truncation is under way: it holds the inode's mutex and Tux3's truncate_lock, and i_size is small."""
    return some(active(s, op) for op in s.world.that("cuts"))


def shrunk(s):
    """The page lies beyond i_size, for as long as a truncation takes."""
    return some(active(s, op) for op in s.world.that("shrinks"))


def punching(s):
    """A hole is being punched: the page stays within i_size, and only a lock keeps it from being filled again."""
    return some(active(s, op) for op in s.world.that("punches"))


def off_the_end(s, f):
    """The folio has lost its mapping, or lies beyond i_size."""
    return (s.detached[f] != 0) | shrunk(s)


@rule(op=read_faulters, kernel="mm/filemap.c:filemap_fault; mm/memory.c:do_read_fault")
def read_fault_maps(s, policy, op):
    """The locked folio still has its mapping (a forked one too): it is mapped, read-only, if there is no PTE yet."""
    t, m = op.task, op.via
    f = s.folio[t]
    s.require(at(s, op, "map_check"), ~off_the_end(s, f), (policy.recheck == "no") | ~left_slot(s, f, op.page))
    s.pte[m] = s.pte[m].unless(s.pte[m] == NONE, f)
    read_fault_ends(s, op)


@rule(op=read_faulters, kernel="recheck after lock: slot or PG_forked, in filemap_fault and filemap_map_pages")
def read_fault_retries(s, policy, op):
    """The locked folio has left the slot meanwhile: unlock it, put it, fault again."""
    t = op.task
    f = s.folio[t]
    s.require(at(s, op, "map_check"), policy.recheck == "yes", left_slot(s, f, op.page), ~off_the_end(s, f))
    read_fault_ends(s, op)


@rule(op=read_faulters, kernel="mm/filemap.c:filemap_fault (page->mapping, i_size)")
def read_fault_is_off_the_end(s, policy, op):
    """The locked folio has lost its mapping or is beyond the end of the file: unlock it, put it, fault again."""
    t = op.task
    f = s.folio[t]
    s.require(at(s, op, "map_check"), off_the_end(s, f))
    read_fault_ends(s, op)


@rule(op=ops("mmap"), kernel="mm/mmap.c:mmap_region")
def mmap(s, policy, op):
    """The file is mapped; where the decision not to fork is atomic with mmap, not while a fork is under way."""
    s.require(may_start(s, op), s.vma[op.via] == 0, ~evicting(s))
    s.require((policy.optout_atomic == "no") | ~fork_under_way(s))
    s.vma[op.via] = 1
    s.ever_mapped = 1
    returns(s, op)


def evicting(s):
    """The inode is being evicted: a task that opens the file again waits for that."""
    return some(active(s, op) for op in s.world.that("evicts"))


FORKING = ("write_protect", "copy", "copy_rest", "swap", "own", "redirect")


def fork_under_way(s):
    """Some task is between the decision to fork and the end of the fork."""
    places = (*FORKING, "listing", "unmap", "restore")
    tasks = tasks_of(s.world.that("dirties"))
    return some(s.pc[t] == place for t in tasks for place in places)


def being_forked(s, policy, f):
    """Some task is forking f, or f is its copy: it has decided to, and not all PTEs lead to the new folio yet."""
    marked = [(t, (s.folio[t] == f) | (s.copy[t] == f) & (policy.off != "index_of_copy")) for t in forkers(s.world)]
    return some(mine & some(s.pc[t] == place for place in FORKING) for t, mine in marked)


def forkers(world):
    """The tasks that can fork a folio."""
    return tasks_of(world.that("dirties"))


WRITE_FAULT = "look lock section decide wait wait_holder unmap restore write_protect refused copy copy_rest swap own \
redirect listing reverse_rest reverse_move dirty install finish"
READ_FAULT, COW_FAULT = "map_lock map_check", "cow_copy cow_rest cow_map"
UNDER_MMAP_SEM = f"walk {READ_FAULT} {COW_FAULT} {WRITE_FAULT}".split()


def walking(s, op):
    """A fault or a slow walk of `op` is under way, with mmap_sem for reading: the fast walk takes none.

    A debugger's access has it to the end.
    """
    if op.how.keeps_mm:
        return active(s, op)
    return active(s, op) & some(s.pc[op.task] == place for place in UNDER_MMAP_SEM)


@rule(op=ops("munmap"), kernel="mm/mmap.c:vm_munmap (mmap_sem for writing); mm/memory.c:zap_pte_range")
def munmap(s, policy, op):
    """The mapping goes away, its PTE with it; a pin stays. It waits for faults and slow walks of the same process."""
    m = op.via
    s.require(may_start(s, op), s.vma[m] == 1, s.migrating[m] == 0, s.moving[m] == 0)
    others = [o for o in s.world.ops if o.via == m and o.task != op.task and not o.how.vma]
    s.require(~some(walking(s, o) for o in others))
    s.vma[m] = 0
    zap(s, m)
    returns(s, op)


@rule(op=ops("sibling_load", "sibling_store"), kernel="TLB fill by another thread of the same mm")
def sibling_fills_tlb(s, policy, op):
    """Another thread of the process translates the address: its CPU caches the PTE."""
    m = op.via
    s.require(s.world.maps[m].sibling, s.line[op.task] == op.line, s.tlb[m] == NONE, s.pte[m] != NONE)
    s.tlb[m] = s.pte[m]
    s.tlb_write[m] = s.pte_write[m]


@rule(op=ops("sibling_load"), kernel="CPU load through a cached translation")
def sibling_loads(s, policy, op):
    """The other thread loads through its TLB entry."""
    c, m = op.cells[0], op.via
    s.require(may_start(s, op), s.tlb[m] != NONE)
    reads_file(s, op, s.tlb[m], f"a load from cell {c} through a stale TLB entry")
    returns(s, op)


@rule(op=ops("sibling_store"), kernel="CPU store through a cached translation")
def sibling_stores(s, policy, op):
    """The other thread stores through its writable TLB entry."""
    c, m = op.cells[0], op.via
    s.require(may_start(s, op), s.tlb[m] != NONE, s.tlb_write[m] == 1)
    store_completes(s, op)
    s.cell[s.tlb[m], c] = op.version[c]
    returns(s, op)


@rule(op=ops("store"), kernel="CPU store through a writable PTE")
def store(s, policy, op):
    """The process stores through its writable PTE."""
    c = op.cells[0]
    s.require(may_start(s, op), s.pte_write[op.via] == 1)
    store_completes(s, op)
    s.cell[s.pte[op.via], c] = op.version[c]
    s.pte_dirty[op.via] = 1
    returns(s, op)


def stores_to_file(world):
    """The stores that go through a shared mapping."""
    return [op for op in world.of("store") if op.how.faults]


@rule(op=stores_to_file, kernel=FAULT)
def store_faults(s, policy, op):
    """The store finds its PTE read-only; the fault takes a reference on the folio mapped there."""
    s.require(may_start(s, op), s.pte[op.via] != NONE, s.pte_write[op.via] == 0)
    chooses(s, op)
    fault_takes_reference(s, op)


def fault_takes_reference(s, op):
    """The first step of a write fault, for a store or on behalf of GUP."""
    s.folio[op.task] = s.pte[op.via]
    s.fault[op.task] = s.pte[op.via]
    s.pc[op.task] = "lock"


@rule(op=ops("write"), kernel="fs/read_write.c:vfs_write")
def write_begins(s, policy, op):
    """write(2) is entered; the inode's mutex keeps other write(2) calls out until it returns."""
    others = [o for o in s.world.that("mutex") if o.task != op.task]
    s.require(may_start(s, op), ~some(active(s, o) for o in others), ~evicting(s))
    write_starts(s, op)
    begins(s, op, "look")


@rule(op=DIRTIERS, kernel="mm/filemap.c:pagecache_get_page")
def looks_up(s, policy, op):
    """The folio in the slot is looked up and a reference taken."""
    t = op.task
    s.require(at(s, op, "look"), ~empty(s), s.frozen[s.slot[op.page]] == 0)
    s.require((policy.off != "lock_order") | (s.section[t] != NONE))
    s.folio[t] = s.slot[op.page]
    s.pc[t] = "lock"


@rule(op=FAULTERS, kernel="fs/tux3/filemap_mmap.c:tux3_page_mkwrite: assert(page) after find_get_page")
def fault_finds_no_page(s, policy, op):
    """A write fault met a forked folio, looks its index up, and asserts that a folio is there: there is none."""
    s.require(at(s, op, "look"), empty(s), policy.recheck == "no")
    s.mark("assert_passed", False)
    s.oops = "write fault found no page"


@rule(op=FAULTERS, kernel="recheck after lock: VM_FAULT_NOPAGE instead of assert(page)")
def fault_gives_up(s, policy, op):
    """A write fault met a forked folio and finds no folio at its index: the access is tried again."""
    s.require(at(s, op, "look"), empty(s), policy.recheck == "yes")
    s.fault[op.task] = NONE
    s.pc[op.task] = op.how.after_fault


@rule(op=DIRTIERS, kernel="include/linux/pagemap.h:lock_page, mm/filemap.c:__lock_page")
def locks_folio(s, policy, op):
    """The folio lock is taken, unless a barrier keeps the task out."""
    t = op.task
    f = s.folio[t]
    s.require(at(s, op, "lock"), s.locked[f] == 0, admitted(s, policy) | (s.section[t] != NONE))
    s.require((policy.off == "truncate_lock") | ~cutting(s) if op.how.maps else const(True))
    s.locked[f] = 1
    s.pc[t] = "section"


@rule(op=DIRTIERS, kernel="fs/tux3/filemap_mmap.c:tux3_page_mkwrite; mm/filemap.c:pagecache_get_page (page->mapping)")
def folio_lost_mapping(s, policy, op):
    """The folio has left the page cache before it was locked: unlock it, put it, start over."""
    t = op.task
    f = s.folio[t]
    s.require(at(s, op, "section"), s.detached[f] != 0)
    s.locked[f] = 0
    s.folio[t] = NONE
    s.section[t] = NONE
    if op.how.maps:
        s.fault[t] = NONE
    s.pc[t] = op.how.after_fault if op.how.maps else "look"


def may_go_on(s, policy, op, f):
    """The locked folio is still in the file and, where the device asks for stable pages, not under writeback.

    write(2) waits for that (mm/page-writeback.c:folio_wait_stable); whether a store does is up to the file system.
    """
    in_file = s.detached[f] == 0
    if not s.world.stable_device:
        return in_file
    stable = s.writeback[f] == 0
    return in_file & (stable | (policy.stable_stores == "no") if op.how.maps else stable)


@rule(op=DIRTIERS, kernel="fs/tux3/commit.c:change_begin")
def begins_section(s, policy, op):
    """A section of the current delta begins, under the folio lock."""
    t = op.task
    s.require(at(s, op, "section"), s.section[t] == NONE, may_go_on(s, policy, op, s.folio[t]), admitted(s, policy))
    if op.how.writes == "cpu" and not op.how.at_once:
        section_begins(s, op)
    s.section[t] = s.cur
    s.pc[t] = "decide"


@rule(op=DIRTIERS, kernel="barrier: a second look, under the folio lock")
def section_meets_barrier(s, policy, op):
    """The delta has closed since the folio was locked: unlock it, put it, start over and wait with empty hands."""
    t = op.task
    s.require(bool(s.world.mappings), at(s, op, "section"), s.section[t] == NONE)
    s.require(policy.protect == "barrier", ~swept(s))
    starts_over(s, s.folio[t], op, tried_again(op))


def admitted(s, policy):
    """Under a barrier no section begins before the closed delta is swept (without mappings nothing has to be)."""
    return const(True) if not s.world.mappings else (policy.protect != "barrier") | swept(s)


def swept(s):
    """No store can get into the closed delta any more: no section of it is open, no fault and no PTE leads there."""
    writers = tasks_of(s.world.that("dirties"))
    inside = some(s.section[t] == s.committed for t in writers)
    late = some((s.pc[t] == "install") & of_closed_delta(s, s.folio[t]) for t in tasks_of(s.world.that("faults")))
    return (s.cur == s.committed) | ~(inside | late | some(unswept(s, m) for m in s.world.mappings))


def of_closed_delta(s, f):
    """Folio f is dirty for the delta that has closed last."""
    return (s.dirty[f] == 1) & (s.tag[f] == s.committed)


def unswept(s, m):
    """Mapping m could still store into a folio that the closed delta has."""
    writable = (s.pte[m] != NONE) & (s.pte_write[m] == 1)
    return (s.cur > s.committed) & writable & of_closed_delta(s, s.pte[m])


@rule(m=each("mappings"), kernel="write-protect at the delta transition, by mm/rmap.c:page_mkclean", actor="flusher")
def sweep_protects_pte(s, policy, m):
    """After the transition, a folio of the closed delta is locked, and one PTE of it protected, flushed and notified.

    page_mkclean asks for the lock (BUG_ON(!PageLocked)); locking, write-protecting and unlocking are one step here.
    """
    s.require(policy.protect != "no", unswept(s, m), s.locked[s.pte[m]] == 0)
    s.pte_write[m] = 0
    flush_and_notify(s, m)


@rule(op=DIRTIERS, kernel="fs/tux3/commit.c:change_begin, before lock_page (order switched)")
def begins_section_early(s, policy, op):
    """With the lock order switched off, the section begins before the folio is looked up and locked."""
    t = op.task
    s.require(at(s, op, "look"), policy.off == "lock_order", s.section[t] == NONE)
    if op.how.writes == "cpu" and not op.how.at_once:
        section_begins(s, op)
    s.section[t] = s.cur


@rule(op=DIRTIERS, kernel="fs/tux3/commit.c:change_begin, before lock_page (order switched)")
def has_section_already(s, policy, op):
    """The section was begun before the lock."""
    s.require(at(s, op, "section"), may_go_on(s, policy, op, s.folio[op.task]))
    s.require(policy.off == "lock_order", s.section[op.task] != NONE)
    s.pc[op.task] = "decide"


@rule(op=ops("write"), c=each("cells"), kernel="mm/iov_iter.c:iov_iter_copy_from_user_atomic (recalled)")
def write_copies_user_data(s, policy, op, c):
    """write(2) copies one cell of user data into the locked folio."""
    t = op.task
    last = op.cells[-1]
    place = "data" if c == op.cells[0] else "data_rest"
    s.require(c in op.cells, at(s, op, place))
    s.cell[s.folio[t], c] = op.version.get(c, 0)
    s.pc[t] = "finish" if c == last else "data_rest"


@rule(op=ops("write"), kernel="fs/tux3/filemap_blocklib.c:tux3_write_end; fs/tux3/commit.c:change_end")
def write_returns(s, policy, op):
    """The buffers are marked dirty for the section's delta, the folio unlocked, the section ended; write(2) returns."""
    t = op.task
    f = s.folio[t]
    s.require(at(s, op, "finish"))
    s.mark("cpu_path")
    cpu_write_ends(s, op, s.section[t])
    mark_dirty(s, f, s.section[t])
    s.locked[f] = 0
    s.section[t] = NONE
    s.folio[t] = NONE
    returns(s, op)


def mark_dirty(s, f, delta):
    """Mark the folio dirty for `delta`; one that is dirty already keeps its delta. Buffers come back."""
    s.tag[f] = where(s.dirty[f] == 1, s.tag[f], delta)
    s.dirty[f] = 1
    s.stripped[f] = 0


@rule(op=FAULTERS, kernel="fs/tux3/filemap_mmap.c:tux3_page_mkwrite")
def mkwrite_marks_dirty(s, policy, op):
    """page_mkwrite marks the buffers dirty, ends its section and returns the folio locked."""
    t = op.task
    f = s.folio[t]
    s.require(at(s, op, "dirty"))
    mark_dirty(s, f, s.section[t])
    s.section[t] = NONE
    s.pc[t] = "install"


def unchanged(s, op):
    """The PTE is what the fault saw; where it saw none there is still none, and no waiting or migration entry."""
    t, m = op.task, op.via
    same = s.pte[m] == s.fault[t]
    if op not in write_faulters(s.world):
        return same
    return same & ((s.fault[t] != NONE) | (s.migrating[m] == 0) & (s.moving[m] == 0))


@rule(op=FAULTERS, flush=(False, True), tell=(False, True), kernel=FAULT)
def fault_installs_pte(s, policy, op, flush, tell):
    """The PTE still maps what the fault saw: it is pointed at the (new) folio, writable and dirty."""
    t, m = op.task, op.via
    s.require(at(s, op, "install"), unchanged(s, op))
    s.require(chosen(policy.flush_orig, flush, s.world.maps[m].sibling))
    s.require(chosen(policy.notify_orig, tell, bool(secondary(s.world, m))))
    if flush:
        flush_tlb(s, m)
    if tell:
        notify(s, m)
    s.pte[m] = s.folio[t]
    s.pte_write[m] = 1
    s.pte_dirty[m] = 1
    s.fault[t] = NONE
    s.pc[t] = "finish"


@rule(op=FAULTERS, kernel=FAULT + ": pte_same")
def fault_finds_pte_touched(s, policy, op):
    """A bit of the PTE has changed meanwhile (the accessed bit): it is left alone, on the old folio."""
    t, m = op.task, op.via
    s.require(s.world.maps[m].young, at(s, op, "install"), unchanged(s, op), s.pte[m] != NONE)
    s.require(s.pte[m] != s.folio[t])
    s.fault[t] = NONE
    s.pc[t] = "finish"


def chosen(choice, yes: bool, matters: bool):
    """The policies that choose `yes` or not, where it matters; elsewhere just one of the two is possible."""
    if not matters:
        return not yes
    return choice == ("yes" if yes else "no")


@rule(op=FAULTERS, kernel=FAULT)
def fault_finds_pte_changed(s, policy, op):
    """The PTE is not what the fault saw: leave it, the access will fault again."""
    t = op.task
    s.require(at(s, op, "install"), ~unchanged(s, op))
    s.fault[t] = NONE
    s.pc[t] = "finish"


@rule(op=FAULTERS, kernel=FAULT)
def fault_ends(s, policy, op):
    """set_page_dirty finds the folio dirty; it is unlocked and the access tried again."""
    t = op.task
    f = s.folio[t]
    s.require(at(s, op, "finish"))
    s.mark("assert_passed", s.dirty[f] == 1)
    s.locked[f] = 0
    s.folio[t] = NONE
    s.pc[t] = op.how.after_fault
