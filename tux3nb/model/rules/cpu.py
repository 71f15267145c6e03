"""CPU paths: loads and stores through a PTE, the write fault, write(2)."""

from ...expr import where
from ...rule import rule
from ..ghost import cpu_write_ends, legal_now, section_begins, store_completes, write_starts
from ..ops import Kind
from ..world import PC, each, ops, that
from .script import at, goes_on, may_start, returns

KINDS = (
    Kind(
        "store",
        "a CPU store through the task's shared mapping",
        one_cell=True,
        writes="cpu",
        at_once=True,
        maps=True,
        dirties=True,
        after_fault="idle",
    ),
    Kind("load", "a CPU load through the task's mapping", one_cell=True, maps=True),
    Kind("write", "write(2)", writes="cpu", dirties=True),
)
DIRTIERS, FAULTERS = that("dirties"), that("faults")

FAULT = "mm/memory.c:do_wp_page (3.19 + Tux3)"
WRITE = "fs/tux3/filemap_blocklib.c:tux3_write_begin"


@rule(op=ops("load"), kernel="CPU load through a present PTE")
def load(s, policy, op):
    """The process loads a cell through its PTE."""
    c = op.cells[0]
    s.require(may_start(s, op), s.pte[op.via] != 0)
    s.ensure("I1", legal_now(s, c, s.cell[s.pte[op.via] - 1, c]), f"a load from cell {c} returned an old value")
    s.mark("cpu_path")
    returns(s, op)


@rule(op=ops("store"), kernel="CPU store through a writable PTE")
def store(s, policy, op):
    """The process stores through its writable PTE."""
    c = op.cells[0]
    s.require(may_start(s, op), s.pte[op.via] != 0, s.pte_write[op.via] == 1)
    s.mark("cpu_path")
    store_completes(s, op)
    s.cell[s.pte[op.via] - 1, c] = op.version[c]
    s.pte_dirty[op.via] = 1
    returns(s, op)


@rule(op=ops("store"), kernel=FAULT)
def store_faults(s, policy, op):
    """The store finds its PTE read-only; the fault takes a reference on the folio mapped there."""
    s.require(may_start(s, op), s.pte[op.via] != 0, s.pte_write[op.via] == 0)
    fault_takes_reference(s, op)


def fault_takes_reference(s, op):
    """The first step of a write fault, for a store or on behalf of GUP."""
    s.folio[op.task] = s.pte[op.via]
    s.fault[op.task] = s.pte[op.via]
    s.pc[op.task] = PC.lock


@rule(op=ops("write"), kernel="fs/read_write.c:vfs_write")
def write_begins(s, policy, op):
    """write(2) is entered."""
    s.require(may_start(s, op))
    write_starts(s, op)
    goes_on(s, op, PC.look)


@rule(op=DIRTIERS, kernel="mm/filemap.c:pagecache_get_page")
def looks_up(s, policy, op):
    """The folio in the slot is looked up and a reference taken."""
    t = op.task
    s.require(at(s, op, PC.look), s.frozen[s.slot[0]] == 0)
    s.folio[t] = s.slot[0] + 1
    s.pc[t] = PC.lock


@rule(op=DIRTIERS, kernel="mm/filemap.c:lock_page")
def locks_folio(s, policy, op):
    """The folio lock is taken."""
    t = op.task
    f = s.folio[t] - 1
    s.require(at(s, op, PC.lock), s.locked[f] == 0)
    s.locked[f] = 1
    s.pc[t] = PC.section


@rule(op=DIRTIERS, kernel="fs/tux3/commit.c:change_begin")
def begins_section(s, policy, op):
    """A section of the current delta begins, under the folio lock."""
    t = op.task
    s.require(at(s, op, PC.section))
    if op.how.writes == "cpu" and not op.how.at_once:
        section_begins(s, op)
    s.section[t] = s.cur + 1
    s.pc[t] = PC.decide


@rule(op=ops("write"), c=each("cells"), kernel="mm/filemap.c:iov_iter_copy_from_user")
def write_copies_user_data(s, policy, op, c):
    """write(2) copies one cell of user data into the locked folio."""
    t = op.task
    last = op.cells[-1]
    place = PC.data if c == op.cells[0] else PC.data_rest
    s.require(c in op.cells, at(s, op, place))
    s.cell[s.folio[t] - 1, c] = op.version[c] if c in op.version else 0
    s.pc[t] = PC.finish if c == last else PC.data_rest


@rule(op=ops("write"), kernel="fs/tux3/filemap_blocklib.c:tux3_write_end; fs/tux3/commit.c:change_end")
def write_returns(s, policy, op):
    """The buffers are marked dirty for the section's delta, the folio unlocked, the section ended; write(2) returns."""
    t = op.task
    f = s.folio[t] - 1
    s.require(at(s, op, PC.finish))
    s.mark("cpu_path")
    cpu_write_ends(s, op, s.section[t])
    mark_dirty(s, f, s.section[t] - 1)
    s.locked[f] = 0
    s.section[t] = 0
    s.folio[t] = 0
    returns(s, op)


def mark_dirty(s, f, delta):
    """Mark the folio dirty for `delta`; a folio that is dirty already (written in place) keeps its delta."""
    s.tag[f] = where(s.dirty[f] == 1, s.tag[f], delta)
    s.dirty[f] = 1


@rule(op=FAULTERS, kernel="fs/tux3/filemap_mmap.c:tux3_page_mkwrite")
def mkwrite_marks_dirty(s, policy, op):
    """page_mkwrite marks the buffers dirty, ends its section and returns the folio locked."""
    t = op.task
    f = s.folio[t] - 1
    s.require(at(s, op, PC.dirty))
    mark_dirty(s, f, s.section[t] - 1)
    s.section[t] = 0
    s.pc[t] = PC.install


@rule(op=FAULTERS, kernel=FAULT)
def fault_installs_pte(s, policy, op):
    """The PTE still maps what the fault saw: it is pointed at the (new) folio, writable and dirty."""
    t, m = op.task, op.via
    s.require(at(s, op, PC.install), s.pte[m] == s.fault[t])
    s.pte[m] = s.folio[t]
    s.pte_write[m] = 1
    s.pte_dirty[m] = 1
    s.fault[t] = 0
    s.pc[t] = PC.finish


@rule(op=FAULTERS, kernel=FAULT)
def fault_finds_pte_changed(s, policy, op):
    """The PTE is not what the fault saw: leave it, the access will fault again."""
    t, m = op.task, op.via
    s.require(at(s, op, PC.install), s.pte[m] != s.fault[t])
    s.fault[t] = 0
    s.pc[t] = PC.finish


@rule(op=FAULTERS, kernel=FAULT)
def fault_ends(s, policy, op):
    """set_page_dirty finds the folio dirty; it is unlocked and the access tried again."""
    t = op.task
    f = s.folio[t] - 1
    s.require(at(s, op, PC.finish))
    s.mark("assert_passed", s.dirty[f] == 1)
    s.locked[f] = 0
    s.folio[t] = 0
    s.pc[t] = getattr(PC, op.how.after_fault)
