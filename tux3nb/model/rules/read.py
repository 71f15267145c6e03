"""read(2): the folio in the slot is looked up, copied to the caller without its lock, and put.

Nothing keeps a fork, a write(2) or the write-out away meanwhile: what a read may return is what was current when it
began, or was written since. Its reference is one that a fork which counts references cannot account for.
"""

from tux3nb.engine.rule import rule
from tux3nb.engine.terms import NONE, has
from tux3nb.model.folio import empty, up_to_date
from tux3nb.model.ghosts import read_starts
from tux3nb.model.operations import Kind
from tux3nb.model.routine import at, begins, may_start, returns
from tux3nb.model.rules.cpu import evicting, shrunk
from tux3nb.model.world import each, ops

KINDS = (Kind("read", "read(2)", reads="cpu", looks=True),)
PLACES = ("read_copy", "read_rest", "read_put")
READ = "mm/filemap.c:do_generic_file_read (3.19), filemap_read (now)"


@rule(op=ops("read"), kernel="fs/read_write.c:vfs_read")
def read_begins(s, policy, op):
    """read(2) is entered: it must see every write that is behind."""
    s.require(may_start(s, op), ~evicting(s))
    read_starts(s, op)
    begins(s, op, "look")


@rule(op=ops("read"), kernel=READ + ": find_get_page, filemap_get_pages")
def read_looks_up(s, policy, op):
    """The folio in the slot is looked up and a reference taken; one that is not up to date is waited for."""
    f = s.slot[op.page]
    s.require(at(s, op, "look"), ~empty(s), s.frozen[f] == 0, up_to_date(s), ~shrunk(s))
    s.folio[op.task] = f
    s.pc[op.task] = "read_copy"


@rule(op=ops("read"), c=each("cells"), kernel=READ + ": copy_page_to_iter")
def read_copies(s, policy, op, c):
    """One cell is copied to the caller, with no lock held."""
    s.require(c in op.cells, at(s, op, "read_copy" if c == op.cells[0] else "read_rest"))
    s.mark("cpu_path")
    good = has(s.legal[op.task, c], s.cell[s.folio[op.task], c])
    s.ensure("I1", good, f"read(2) returned a value of cell {c} overwritten before it began")
    s.pc[op.task] = "read_put" if c == op.cells[-1] else "read_rest"


@rule(op=ops("read"), kernel=READ + ": put_page")
def read_returns(s, policy, op):
    """The reference is dropped, and read(2) returns."""
    s.require(at(s, op, "read_put"))
    for c in op.cells:
        s.legal[op.task, c] = 0
    s.folio[op.task] = NONE
    returns(s, op)
