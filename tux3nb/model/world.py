"""The world that a case instantiates: tasks, mappings, holders, and the fields that a state consists of.

A field of the model that a case does not need is a `Constant`; rules read it all the same and fold.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from tux3nb.engine.fields import FLAG, SILENT, Constant, Field, Kind
from tux3nb.errors import ModelError, nearest
from tux3nb.model.operations import CELLS, PAGES, TRAITS, Holder, Mapping, Op

FLUSHER = "flusher"
FOLIO = Kind("folio", "ABCDEFGHIJKLMNOP".__getitem__)
VERSION = Kind("version of a cell", "v{}".format, content=True)
VERSIONS = Kind("set of versions of a cell", "v{}".format, many=True, content=True)
DELTA = Kind("delta", "d{}".format)
DELTAS = Kind("number of deltas", lambda n: f"d{n - 1}")  # told by the last of them

FOLIO_FLAGS = {  # field -> words for 0, words for 1
    "dirty": ("clean", "dirty"),
    "writeback": ("no longer under writeback", "under writeback"),
    "locked": ("unlocked", "locked"),
    "forked": ("no longer forked", "forked"),
    "own": ("without its own reference", "with its own reference"),
    "orphan": ("no orphan any more", "an orphan"),
    "snapshot": ("no snapshot any more", "a snapshot for the disk"),
    "frozen": ("count thawed", "count frozen"),
}
BIO_STAGES = ("none", "added", "submitted", "completed")
OOPS = (
    "none",
    "dirty call on a clean folio",
    "dirty call on a forked folio that is clean",
    "flusher met a folio that is not dirty",
    "write fault found no page",
    "forked folio was freed before it was listed",
    "truncate met a forked folio",
    "use of the mapping of a freed inode",
    "eviction met a dirty folio",
    "copy of a fork without memory",
)


ORDER = {"cpu": "overtaken", "holder": "reaped_before"}  # who writes -> the fields that remember the order of writes

PLACES = (  # in the routines of CPUs, forks and the flusher; a rule module lists further ones in ``PLACES``
    "idle walk fast_get fast_check look lock section decide wait wait_holder "
    "unmap restore write_protect refused copy copy_rest swap own redirect "
    "reverse_rest reverse_move data data_rest dirty install finish "
    "listing map_lock map_check cow_copy cow_rest cow_map "
    "flush_lock writeback protect bounce_rest clear submit fetch commit poll quiesce"
).split()


class World:
    """Fields, constants and structure for one case.

    tasks: names in column order. ops: all operations. folios: size of the pool, reverse-fork copies included.
    deltas: highest delta number that can be current. declare: functions that add the fields of rule modules.
    stable_device: the device asks that pages under writeback stay as they are. pages: how many the file has; of two,
    each has one of the cells. endless_disk: its write-out may never complete. tight_memory: there may be no memory for
    a copy. shmem: the file is one of tmpfs. known: the names of all operations, to find one that is misspelt (none: not
    looked for). places: the names of the places in the routines of this world.
    """

    default_actor = FLUSHER
    cells = CELLS

    def __init__(
        self,
        tasks: Iterable[str],
        ops: Iterable[Op],
        mappings: Iterable[Mapping],
        holders: Iterable[Holder],
        folios: int,
        deltas: int,
        declare: Iterable[Callable] = (),
        stable_device: bool = False,
        pages: int = 1,
        endless_disk: bool = False,
        tight_memory: bool = False,
        shmem: bool = False,
        known: Collection[str] = (),
        places: Iterable[str] = PLACES,
    ):
        self.tasks, self.ops, self.known = tuple(tasks), tuple(ops), known
        self.pages, self.places = tuple(range(pages)), tuple(places)
        self.cells_of = PAGES[pages]
        self.maps = {m.name: m for m in mappings}
        self.mappings = tuple(self.maps)
        self.holders = tuple(holders)
        self.siblings = tuple(m.name for m in self.maps.values() if m.sibling)
        self.secondary = tuple(dict.fromkeys((op.task, op.via) for op in self.ops if op.how.secondary))
        self.comes_and_goes = tuple(op.via for op in self.that("vma"))
        self.folios, self.last_delta = tuple(range(folios)), deltas
        self.nothing = folios  # the value of an empty slot
        self.empties = bool(self.that("empties"))
        self.stable_device, self.endless_disk, self.tight_memory = stable_device, endless_disk, tight_memory
        self.shmem = shmem
        self.versions = {c: 1 + sum(c in op.version for op in self.ops) for c in CELLS}
        self.last_version = max(self.versions.values()) - 1
        self.full = (1 << (self.last_version + 1)) - 1
        self.ordered = {(by, c): self._ordered(by, c) for by in ("cpu", "holder") for c in CELLS}
        self.holder_cells = tuple(c for c in CELLS if self.writing(c, "holder"))
        self.highest = {
            FLAG: 1,
            FOLIO: folios - 1,
            VERSION: self.last_version,
            VERSIONS: self.full,
            DELTA: deltas,
            DELTAS: deltas + 1,
        }
        self.fields: dict[str, Field] = {}
        self.constants: dict[str, Constant] = {}
        for function in (declare_pages, declare_tasks, declare_deltas, declare_ghosts, *declare):
            function(self)

    def of(self, *kinds: str) -> list[Op]:
        """The operations of these kinds. Raises ModelError for a name that no kind has."""
        for name in kinds:
            if self.known and name not in self.known:
                raise ModelError(f"no operation {name!r}{nearest(name, self.known)}")
        return [op for op in self.ops if op.kind in kinds]

    def that(self, trait: str) -> list[Op]:
        """The operations whose kind has a trait, an attribute of `Kind`. Raises ModelError if there is no such one."""
        if trait not in TRAITS:
            raise ModelError(f"no trait {trait!r} of an operation{nearest(trait, TRAITS)}")
        return [op for op in self.ops if getattr(op.how, trait)]

    def writing(self, c: int, *by: str) -> list[Op]:
        """The operations that write cell c; `by` "cpu", "holder" or both."""
        return [op for op in self.ops if op.how.writes in (by or ("cpu", "holder")) and c in op.version]

    def _ordered(self, by: str, c: int) -> tuple[int, ...]:
        """The versions of cell c that CPUs (or holders) write, if they write the other cell, too: these have an order.

        That of holders is kept account of where no CPU writes these cells, so that nothing else displaces their writes.
        """
        mine, other = self.writing(c, by), self.writing(1 - c, by)
        alone = by == "cpu" or not (self.writing(c, "cpu") or self.writing(1 - c, "cpu"))
        return tuple(sorted({op.version[c] for op in mine})) if other and alone else ()

    def may_be_absent(self, m: str) -> bool:
        """Mapping m may have no PTE though the file is mapped there and nobody is moving the page."""
        there = self.maps[m].present and self.maps[m].mapped
        return not there or self.empties or any(op.how.vma == "maps" and op.via == m for op in self.ops)

    def page_of(self, c: int) -> int:
        """The page that cell c belongs to."""
        return next(p for p in self.pages if c in self.cells_of[p])

    def maps_of(self, page: int) -> tuple[str, ...]:
        """The names of the mappings of a page."""
        return tuple(m.name for m in self.maps.values() if m.page == page)

    def holder(self, name: str) -> Holder:
        return next(h for h in self.holders if h.name == name)

    def of_kind(self, *kinds: str) -> tuple[str, ...]:
        """The names of the mappings of these kinds."""
        return tuple(m.name for m in self.maps.values() if m.kind in kinds)

    def field(self, name, *axes, kind=FLAG, hi=None, names=(), none=None, start=None, when=True, absent=0, **words):
        """Declare a field; where an axis is empty or `when` is false it is a constant that reads as `absent`.

        hi: its highest value; where that is not given, the kind's in this world. start: the value that all its cells
        start with, or values by label. `words` are those of `Field`.
        """
        if not when or not all(axes):
            self.constants[name] = Constant(name, tuple(axes), absent, none, tuple(names))
            return
        if hi is None:
            hi = len(names) - 1 if names else self.highest[kind] + (none == 0)
        by = tuple(FOLIO if axis is self.folios else None for axis in axes)
        f = self.fields[name] = Field(name, tuple(axes), hi, tuple(names), {}, kind, none, by=by, **words)
        f.start = {f.label(i): start for i in range(f.size)} if isinstance(start, int) else start or {}


def tasks_of(ops: Iterable[Op]) -> tuple[str, ...]:
    """The tasks of some operations, each once, in order."""
    return tuple(dict.fromkeys(op.task for op in ops))


def ops(*kinds: str):
    """A rule's domain: the operations of these kinds."""

    def domain(world):
        return world.of(*kinds)

    domain.asks = kinds  # type: ignore[attr-defined]  # a function may carry what it asks for
    return domain


def that(trait: str):
    """A rule's domain: the operations whose kind has a trait."""
    return lambda world: world.that(trait)


def each(name: str):
    """A rule's domain: ``each("mappings")``, ``each("folios")``."""
    return lambda world: tuple(getattr(world, name))


def declare_pages(w: World):
    """The page cache, the folios, the mappings, the disk."""
    present = [m for m in w.maps.values() if m.present and m.mapped]
    w.field(
        "slot",
        w.pages,
        kind=FOLIO,
        none=w.nothing,
        hi=w.nothing if w.empties else w.folios[-1],
        start={f"slot[{p}]": p for p in w.pages},
        of="the page" if len(w.pages) == 1 else "page {0}",
        says=("has no folio", "is folio {value}"),
    )
    w.field(
        "index",
        w.folios,
        hi=w.pages[-1],
        start={f"index[{p}]": p for p in w.pages},
        when=len(w.pages) > 1,
        of="{0}",
        says="of page {value}",
    )
    w.field("disk", CELLS, kind=VERSION, of="cell {0} on disk", says="is {value}")
    w.field("image", CELLS, kind=VERSION, of="cell {0} in the bio", says="is {value}")
    w.field("cell", w.folios, CELLS, kind=VERSION, of="cell {1} of {0}", says="is {value}")
    for name, says in FOLIO_FLAGS.items():
        w.field(name, w.folios, of="{0}", says=says)
    w.field("private", w.folios, start={f"private[{p}]": 1 for p in w.pages}, says=SILENT)
    w.field("stripped", w.folios, when=bool(w.that("strips")), of="{0}", says=("has buffers", "has no buffers"))
    copies = any(op.copies for op in w.ops)
    w.field("anonymous", w.folios, when=copies, of="{0}", says=("freed", "an anonymous copy"))
    detached = (SILENT, "without a mapping", "with the mapping of a freed inode")
    leaves = w.empties or bool(w.that("moves"))  # a folio may leave the file before its holder lets go
    w.field("detached", w.folios, hi=2 if w.that("evicts") else 1, when=leaves, of="{0}", says=detached)
    for name, delta in (("hole_front", "current"), ("hole_back", "closed")):
        says = (f"is no hole in the {delta} delta", f"is a hole in the {delta} delta")
        w.field(name, CELLS, kind=VERSION, when=bool(w.that("cuts")), of="cell {0}", says=says)
    w.field("tag", w.folios, kind=DELTA, of="{0}", says="of {value}")
    entries = {"start": {f"pte[{m.name}]": m.page + 1 for m in present}}
    declare_translation(w, "pte", "PTE of {0}", w.mappings, **entries)
    w.field("pte_dirty", w.mappings, of="PTE of {0}", says=("clean", "dirty"))
    w.field("migrating", w.mappings, of="PTE of {0}", says=("waits no longer", "waits"))
    for name, who, where in (
        ("tlb", "TLB of {0}", w.siblings),
        ("spte", "translation of {0}", tuple(dict.fromkeys(h for h, _ in w.secondary))),
    ):
        declare_translation(w, name, who, where)
        w.field(f"{name}_freed", where, of=who, says=(SILENT, "leads to a freed folio"))
    w.field("spte_seq", tuple(dict.fromkeys(h for h, _ in w.secondary)), says=SILENT)
    mapped = {f"vma[{m.name}]": 1 for m in w.maps.values() if m.mapped}
    comes = {"when": bool(w.comes_and_goes), "absent": 1}
    w.field("vma", w.mappings, start=mapped, **comes, of="{0}", says=("does not map the file", "maps the file"))
    once = {"ever_mapped": int(bool(mapped))}
    w.field("ever_mapped", start=once, **comes, of="the file", says=(SILENT, "has been mapped"))


def declare_translation(w: World, name: str, of: str, where: tuple, **start):
    """An entry that leads to a folio, and whether it allows writing: a PTE, a TLB entry, an entry of a device."""
    w.field(name, where, kind=FOLIO, none=0, of=of, says=("empty", "-> {value}"), **start)
    w.field(f"{name}_write", where, of=of, says=("read-only", "writable"))


def declare_tasks(w: World):
    """Where each task is, and what it holds meanwhile."""
    faulting = [op for op in w.ops if op.how.walks and op.via and w.may_be_absent(op.via)]
    workers = tasks_of(op for op in w.ops if op.how.dirties or op.how.looks or op in faulting)
    walkers = tasks_of(op for op in w.ops if op.how.dirties and op.how.maps)
    folio = {"kind": FOLIO, "none": 0, "of": "{0}"}
    w.field("line", w.tasks, hi=max(op.next for op in w.ops), says=SILENT)
    w.field("pc", (*w.tasks, FLUSHER), names=w.places, says=SILENT)
    w.field("folio", workers, **folio, says=("refers to no folio", "refers to {value}"))
    w.field("copy", workers, **folio, says=(SILENT, "prepares {value}"))
    w.field("fault", walkers, **folio, says=SILENT)
    w.field("seen", tasks_of(op for op in w.ops if "fast" in op.how.walks), **folio, says=SILENT)
    w.field("section", workers, kind=DELTA, none=0, of="{0}", says=("in no section", "in a section of {value}"))
    w.field("hold", tuple(h.name for h in w.holders), **folio, says=("holds no folio", "holds {value}"))
    movers = tasks_of(op for op in w.ops if op.how.holder == "uses" and len(op.cells) > 1)
    w.field("moved", movers, hi=3, says=SILENT)


def declare_deltas(w: World):
    """The delta engine, the bios in flight (and what earlier ones have written for the delta), a failed assertion."""
    w.field("cur", kind=DELTA, of="the current delta", says="is {value}")
    w.field("committed", kind=DELTAS, of="the delta on disk", says=(SILENT, "is {value}"))
    w.field("bio_folio", kind=FOLIO, none=0, of="bio", says=(SILENT, "of {value}"))
    w.field("bio_stage", names=BIO_STAGES, of="bio", says=("over", "{value}"))
    w.field("bounced", hi=2, of="bio", says=(SILENT, "of a bounce copy", "of a bounce copy, made while held"))
    two = {"when": len(w.pages) > 1, "of": "the other bio"}
    w.field("other_folio", kind=FOLIO, none=0, **two, says=(SILENT, "of {value}"))
    w.field("other_stage", names=BIO_STAGES, **two, says=("over", "{value}"))
    w.field("other_bounced", hi=2, **two, says=(SILENT, "of a bounce copy", "of a bounce copy, made while held"))
    w.field("fetched", hi=3, says=SILENT)
    w.field("written", hi=3, when=len(w.pages) > 1, says=SILENT)
    w.field("ahead", when=bool(w.that("crashes")), of="superblock", says=("with its data", "ahead of its data"))
    w.field("oops", names=OOPS, of="KERNEL BUG:", says=(SILENT, "{value}"))


def declare_ghosts(w: World):
    """What the properties must remember; see ghosts.py."""
    ghost = {"kind": VERSIONS, "ghost": True}
    interval = tasks_of(op for op in w.ops if op.how.writes in ("cpu", "holder") and not op.how.at_once)
    readers = tasks_of(op for op in w.ops if op.how.reads)
    should, current, closed = "should be {value}", "cell {0} of the current delta", "cell {0} of the closed delta"
    w.field("cand", CELLS, start=1, **ghost, of="cell {0}", says=should)
    w.field("cand_cpu", CELLS, start=1, **ghost, of="cell {0}, as CPUs wrote it,", says=should)
    w.field("superseded", interval, CELLS, **ghost, of="{0}", says="replaces {value} in cell {1}")
    w.field("legal", readers, CELLS, **ghost, of="{0}", says="may read {value} from cell {1}")
    w.field("unbound", tuple(h.name for h in w.holders), when=w.empties, ghost=True, says=SILENT)
    w.field("ok_front", CELLS, start=w.full, absent=w.full, **ghost, of=current, says=should)
    w.field("ok_back", CELLS, **ghost, of=closed, says=should)
    name = "page" if len(w.pages) > 1 else "cell"
    for (by, c), versions in w.ordered.items():
        after = f"comes after {{value}} of {name} {1 - c}"
        w.field(f"{ORDER[by]}_{c}", versions, **ghost, of=f"v{{0}} of {name} {c}", says=after)
    told, reaped = "as holders reported it,", "as holders finished it,"
    w.field("told_front", w.holder_cells, start=w.full, **ghost, of=f"{current}, {told}", says=should)
    w.field("reaped_front", w.holder_cells, start=w.full, **ghost, of=f"{current}, {reaped}", says=should)
    w.field("told_back", w.holder_cells, **ghost, of=f"{closed}, {told}", says=should)
    w.field("reaped_back", w.holder_cells, **ghost, of=f"{closed}, {reaped}", says=should)
    w.field("owed", w.holder_cells, **ghost, of="cell {0}", says="may be {value} until a holder reports it")
