"""What tasks can ask for: kinds of operations, the operations of a case, mappings and holders."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

CELLS = (0, 1)
PAGES = {1: (CELLS,), 2: ((0,), (1,))}  # how many pages -> the cells of each: two pages have one each
SHARED, READONLY, PRIVATE = "shared", "readonly", "private"


@dataclass(frozen=True)
class Kind:
    """A kind of operation. A rule module lists its own in ``KINDS``; the word in a column is its name.

    page: it names a page (``p0`` or ``p0:1``). one_cell: it touches just one cell.
    writes: "cpu" or "holder" if it writes cells, each with a version of its own; "private" if that must never get
    into the file. reads: an interval read, "holder" or "cpu" by whose it is, or "instruction" if it is that of uprobes.
    at_once: the write is one step, so it is never in flight.
    maps: it works through a mapping (its task's, or the one named). dirties: it can get to need_fork.
    looks: it may keep a looked-up folio without dirtying it. moves: it may put another folio into the slot.
    secondary: it sets up a secondary MMU (a notifier user). walks: "slow" or "slow fast" if it is a GUP walk.
    gup_write: the walk asks to write. then: the place where a walk's routine goes on with the folio in hand, nothing
    if the operation is done with it.
    after_fault: the place after a write fault. read_fault: the place after a read fault, nothing if it takes
    none. longterm: a FOLL_LONGTERM pin.
    holder: "makes" a hold of its own, "uses" one, "ends" one, or nothing. of: the operations whose holds it uses or
    ends. sibling: it is another thread's, through a TLB of its own. pin: the hold is a counted FOLL_PIN.
    unpinned: a plain reference, where kernels of today pin. unbounded: the hold may stay for ever. cuts: it drops the
    page's content from the file. empties: it can take the folio out of the slot and leave that empty. alone: its rules
    know of one page only (so do those of what cuts or empties). lets_go: it uses a hold, and ends it. traits: the words
    of `columns.TRAITS` that may say more of its hold. mutex: it holds the inode's mutex. vma: "maps" or "unmaps" if it
    makes its mapping or takes it away. shrinks: the page lies beyond i_size meanwhile. punches: it does not, so that a
    lock has to keep out what would fill the page again. frees: it may free a forked folio that is not on the list yet.
    strips: it may take the buffers of a clean one. evicts: it is the end of the inode. crashes: it is the end of all
    memory. own: it works on memory of the process's own, through a private mapping or a hold got through one; no kind
    of the table does, see `through_private`.

    Another module's operations are asked for by such a trait, never by name.
    """

    name: str
    says: str
    page: bool = True
    one_cell: bool = False
    writes: str = ""
    reads: str = ""
    at_once: bool = False
    maps: bool = False
    dirties: bool = False
    looks: bool = False
    moves: bool = False
    secondary: bool = False
    walks: str = ""
    gup_write: bool = False
    then: str = ""
    after_fault: str = "walk"
    read_fault: str = ""
    longterm: bool = False
    holder: str = ""
    of: tuple[str, ...] = ()
    sibling: bool = False
    pin: bool = True
    unpinned: bool = False
    unbounded: bool = False
    cuts: bool = False
    empties: bool = False
    alone: bool = False
    lets_go: bool = False
    traits: tuple[str, ...] = ()
    mutex: bool = False
    vma: str = ""
    shrinks: bool = False
    punches: bool = False
    frees: bool = False
    strips: bool = False
    keeps_mm: bool = False
    evicts: bool = False
    crashes: bool = False
    own: bool = False

    @property
    def one_page(self) -> bool:
        """Its rules are written for a world of one page."""
        return self.alone or self.cuts or self.empties

    @property
    def faults(self) -> bool:
        """It can take a write fault."""
        return self.dirties and self.maps

    def through_private(self) -> Kind:
        """The same kind of operation through a private mapping: what it writes is not the file's, nor is it forked."""
        writes = "private" if self.writes else ""
        return replace(self, own=True, writes=writes, dirties=False, looks=self.looks or self.dirties)

    def slowly(self) -> Kind:
        """The same kind of operation with the slow walk alone."""
        return replace(self, walks="slow")


TRAITS = (*(f.name for f in fields(Kind)), "one_page", "faults")


@dataclass(frozen=True)
class Choice:
    """That an operation is one of several alternatives: the number of the task's line before the choice and after."""

    start: int
    end: int


@dataclass(frozen=True)
class Op:
    """One operation that a task asks for: a line of its column.

    `cells` are the cells it touches, `version` the number that its write has in each of them. `via` is the mapping
    it works through, `holder` the one whose hold it makes, uses or ends; `write` whether that hold is for writing.
    `after` lists (task, line) that must be behind. `page` is the page that it names, or that its mapping maps.
    `choice`: it is one of several alternatives, each with a line of its own. `refused`: it asks to write through a
    mapping that forbids it, and the kernel's answer is an error.
    """

    task: str
    line: int
    kind: str
    how: Kind = field(compare=False)
    cells: tuple[int, ...] = CELLS
    version: dict[int, int] = field(default_factory=dict, hash=False, compare=False)
    via: str | None = None
    holder: str | None = None
    write: bool = False
    after: tuple[tuple[str, int], ...] = ()
    text: str = ""
    page: int = 0
    choice: Choice | None = None
    refused: bool = False

    @property
    def own(self) -> bool:
        """It works on memory of the process's own: through a private mapping, or a hold got through one."""
        return self.how.own

    @property
    def copies(self) -> bool:
        """It makes the process's own copy of a page: a store, a walk that writes, a long-term pin; not uprobes'."""
        if not (self.own and self.how.maps) or self.how.sibling:
            return False
        return self.write or self.how.longterm if self.how.walks else bool(self.how.writes)

    @property
    def next(self) -> int:
        """The number of the task's line when the operation has ended."""
        return self.line + 1 if self.choice is None else self.choice.end

    def __str__(self):
        return self.text


@dataclass(frozen=True)
class Mapping:
    """A process's mapping of one page.

    kind: "shared" (writable), "readonly" (MAP_SHARED of an O_RDONLY file: VM_SHARED cleared, VM_MAYSHARE left) or
    "private". present: its PTE is there at the start. mapped: the process has mapped the file at the start.
    sibling: another thread of the process has a TLB of its own. young: the accessed bit of its PTE may change at any
    time (hardware, reclaim), so that a fault finds another PTE than it saw. page: the page that it maps.
    """

    name: str
    kind: str = SHARED
    present: bool = True
    mapped: bool = True
    sibling: bool = False
    young: bool = False
    page: int = 0


@dataclass(frozen=True)
class Holder:
    """A holder of a page: by a counted pin (FOLL_PIN) or a plain reference, for one call or without bound.

    unpinned: a plain reference as in 2015, where kernels of today pin. write: it may write through it.
    """

    name: str
    pin: bool
    unbounded: bool = False
    unpinned: bool = False
    write: bool = False
