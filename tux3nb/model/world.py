"""The world that a case instantiates: tasks, mappings, holders, and the fields that a state consists of.

A field of the model that a case does not need is a `Constant`; rules read it all the same and fold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tux3nb.engine.fields import Constant, Field
from tux3nb.model.operations import CELLS, PAGES, Holder, Mapping, Op

FLUSHER = "flusher"
GHOSTS = (
    "cand",
    "superseded",
    "legal",
    "ok_",
    "told_",
    "reaped_",
    "owed",
    "moved",
    "unbound",
    "overtaken",
)  # only properties read these

OOPS = (
    "none",
    "dirty call on a clean folio",
    "dirty call on a forked folio that is clean",
    "flusher met a folio that is not dirty",
    "write fault found no page",
    "forked folio was freed before it was listed",
    "truncate met a forked folio",
    "use of the mapping of a freed inode",
)


class Places:
    """Names of the places in all routines, as numbers: ``PC.idle``. A rule module adds its own with `add`."""

    def __init__(self, names: str):
        self.names: list[str] = []
        self.add(names)

    def add(self, names: str):
        """Add places (space-separated); a name that is known already keeps its number."""
        for name in names.split():
            if name not in self.names:
                setattr(self, name, len(self.names))
                self.names.append(name)


PC = Places(
    "idle walk fast_get fast_check look lock section decide wait wait_holder "
    "unmap restore write_protect refused copy copy_rest swap own redirect unlock_old "
    "reverse_rest reverse_move data data_rest dirty install finish "
    "listing map_lock map_check "
    "flush_lock writeback protect bounce_rest clear submit fetch commit poll"
)


class World:
    """Fields, constants and structure for one case.

    tasks: names in column order. ops: all operations. folios: size of the pool, reverse-fork copies included.
    deltas: highest delta number that can be current. declare: functions that add the fields of rule modules.
    stable_device: the device asks that pages under writeback stay as they are. pages: how many the file has; of two,
    each has one of the cells.
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
    ):
        self.tasks, self.ops = tuple(tasks), tuple(ops)
        self.pages = tuple(range(pages))
        self.cells_of = PAGES[pages]
        self.maps = {m.name: m for m in mappings}
        self.mappings = tuple(self.maps)
        self.holders = tuple(holders)
        self.siblings = tuple(m.name for m in self.maps.values() if m.sibling)
        self.secondary = tuple(dict.fromkeys((op.task, op.via) for op in self.ops if op.how.secondary))
        self.comes_and_goes = tuple(op.via for op in self.ops if op.kind in ("mmap", "munmap"))
        self.folios, self.last_delta = tuple(range(folios)), deltas
        self.nothing = folios  # the value of an empty slot
        self.empties = bool(self.that("empties"))
        self.stable_device = stable_device
        self.versions = {c: 1 + sum(c in op.version for op in self.ops) for c in CELLS}
        self.last_version = max(self.versions.values()) - 1
        self.full = (1 << (self.last_version + 1)) - 1
        self.holder_cells = tuple(c for c in CELLS if self.writing(c, "holder"))
        self.fields: dict[str, Field] = {}
        self.constants: dict[str, Constant] = {}
        for function in (declare_pages, declare_tasks, declare_deltas, declare_ghosts, *declare):
            function(self)

    def of(self, *kinds: str) -> list[Op]:
        """The operations of these kinds."""
        return [op for op in self.ops if op.kind in kinds]

    def that(self, trait: str) -> list[Op]:
        """The operations whose kind has a trait (an attribute of `Kind`)."""
        return [op for op in self.ops if getattr(op.how, trait)]

    def writing(self, c: int, *by: str) -> list[Op]:
        """The operations that write cell c; `by` "cpu", "holder" or both."""
        return [op for op in self.ops if op.how.writes in (by or ("cpu", "holder")) and c in op.version]

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

    def field(self, name, *axes, hi=1, names=(), start=None, when=True, absent=0):
        """Declare a field; where an axis is empty or `when` is false it is a constant that reads as `absent`."""
        if when and all(axes):
            self.fields[name] = Field(name, tuple(axes), hi, tuple(names), start or {})
        else:
            self.constants[name] = Constant(name, tuple(axes), absent)


def tasks_of(ops: Iterable[Op]) -> tuple[str, ...]:
    """The tasks of some operations, each once, in order."""
    return tuple(dict.fromkeys(op.task for op in ops))


def ops(*kinds: str):
    """A rule's domain: the operations of these kinds."""
    return lambda world: world.of(*kinds)


def that(trait: str):
    """A rule's domain: the operations whose kind has a trait."""
    return lambda world: world.that(trait)


def each(name: str):
    """A rule's domain: ``each("mappings")``, ``each("folios")``."""
    return lambda world: tuple(getattr(world, name))


def declare_pages(w: World):
    """The page cache, the folios, the mappings, the disk."""
    f = len(w.folios)
    present = [m for m in w.maps.values() if m.present and m.mapped]
    w.field("slot", w.pages, hi=w.nothing if w.empties else f - 1, start={f"slot[{p}]": p for p in w.pages})
    w.field("index", w.folios, hi=w.pages[-1], start={f"index[{p}]": p for p in w.pages}, when=len(w.pages) > 1)
    w.field("disk", CELLS, hi=w.last_version)
    w.field("image", CELLS, hi=w.last_version)
    w.field("cell", w.folios, CELLS, hi=w.last_version)
    for name in ("dirty", "writeback", "locked", "forked", "own", "orphan", "snapshot", "frozen"):
        w.field(name, w.folios)
    w.field("private", w.folios, start={f"private[{p}]": 1 for p in w.pages})
    w.field("detached", w.folios, hi=2 if w.of("evict") else 1, when=w.empties)
    for name in ("hole_front", "hole_back"):
        w.field(name, CELLS, hi=w.last_version, when=bool(w.that("cuts")))
    w.field("tag", w.folios, hi=w.last_delta)
    w.field("pte", w.mappings, hi=f, start={f"pte[{m.name}]": m.page + 1 for m in present})
    for name in ("pte_write", "pte_dirty", "migrating"):
        w.field(name, w.mappings)
    for name in ("tlb", "tlb_write", "tlb_freed"):
        w.field(name, w.siblings, hi=f if name == "tlb" else 1)
    devices = tuple(dict.fromkeys(h for h, _ in w.secondary))
    for name in ("spte", "spte_write", "spte_freed"):
        w.field(name, devices, hi=f if name == "spte" else 1)
    mapped = {f"vma[{m.name}]": 1 for m in w.maps.values() if m.mapped}
    w.field("vma", w.mappings, start=mapped, when=bool(w.comes_and_goes), absent=1)
    w.field("ever_mapped", start={"ever_mapped": int(bool(mapped))}, when=bool(w.comes_and_goes), absent=1)


def declare_tasks(w: World):
    """Where each task is, and what it holds meanwhile."""
    f = len(w.folios)
    workers = tasks_of(op for op in w.ops if op.how.dirties or op.how.looks or (w.empties and op.how.walks))
    walkers = tasks_of(op for op in w.ops if op.how.dirties and op.how.maps)
    w.field("line", w.tasks, hi=max(op.line for op in w.ops) + 1)
    w.field("pc", (*w.tasks, FLUSHER), hi=len(PC.names) - 1, names=PC.names)
    w.field("folio", workers, hi=f)
    w.field("copy", workers, hi=f)
    w.field("fault", walkers, hi=f)
    w.field("seen", tasks_of(op for op in w.ops if "fast" in op.how.walks), hi=f)
    w.field("section", workers, hi=w.last_delta + 1)
    w.field("hold", tuple(h.name for h in w.holders), hi=f)


def declare_deltas(w: World):
    """The delta engine, the bio in flight (and what earlier bios of the delta have written), and a failed assertion."""
    w.field("cur", hi=w.last_delta)
    w.field("committed", hi=w.last_delta + 1)
    w.field("bio_stage", hi=3, names=("none", "added", "submitted", "done"))
    w.field("bio_folio", hi=len(w.folios))
    w.field("bounced")
    w.field("fetched", hi=3)
    w.field("written", hi=3, when=len(w.pages) > 1)
    w.field("ahead", when=bool(w.of("crash")))
    w.field("oops", hi=len(OOPS) - 1, names=OOPS)


def declare_ghosts(w: World):
    """What the properties must remember; see ghost.py."""
    full = w.full
    interval = tasks_of(op for op in w.ops if op.how.writes and not op.how.at_once)
    readers = tasks_of(op for op in w.ops if op.how.reads)
    movers = tasks_of(op for op in w.ops if op.how.holder == "uses" and len(op.cells) > 1)
    w.field("cand", CELLS, hi=full, start={f"cand[{c}]": 1 for c in CELLS})
    w.field("cand_cpu", CELLS, hi=full, start={f"cand_cpu[{c}]": 1 for c in CELLS})
    w.field("superseded", interval, CELLS, hi=full)
    w.field("legal", readers, CELLS, hi=full)
    w.field("moved", movers, hi=3)
    w.field("unbound", tuple(h.name for h in w.holders), when=w.empties)
    w.field("ok_front", CELLS, hi=full, start={f"ok_front[{c}]": full for c in CELLS}, absent=full)
    w.field("ok_back", CELLS, hi=full)
    w.field("overtaken", CELLS, range(w.last_version + 1), hi=full, when=len(w.pages) > 1)
    for name in ("told_front", "reaped_front"):
        w.field(name, w.holder_cells, hi=full, start={f"{name}[{c}]": full for c in w.holder_cells})
    for name in ("told_back", "reaped_back", "owed"):
        w.field(name, w.holder_cells, hi=full)
