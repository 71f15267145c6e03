"""The world that a case instantiates: tasks, mappings, holders, and the fields that a state consists of.

A field of the model that a case does not need is a `Constant`; rules read it all the same and fold.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..layout import Constant, Field

CELLS = (0, 1)
GHOSTS = ("cand", "superseded", "legal", "ok_", "told_", "reaped_", "owed", "moved")  # only properties read these
FLUSHER = "flusher"

PLACES = (
    "idle walk fast_get fast_check look lock section decide wait wait_holder "
    "unmap restore clean refused copy copy_rest swap own redirect unlock_old "
    "reverse reverse_rest reverse_move "
    "data data_rest dirty install finish "
    "relock touch dirty_call put dma reap "
    "add flush_lock writeback protect bounce bounce_rest clear submit fetch commit poll"
).split()


class Places:
    """Names of the places in all routines, as numbers: ``PC.idle``."""

    names = tuple(PLACES)

    def __init__(self):
        for i, name in enumerate(PLACES):
            setattr(self, name, i)


PC = Places()


@dataclass(frozen=True)
class Op:
    """One operation that a task asks for: a line of its column.

    `cells` are the cells it touches, `version` the number that its write has in each of them. `via` is the mapping
    it works through, `holder` the one whose hold it makes, uses or ends. `after` lists (task, line) that must be
    behind.
    """

    task: str
    line: int
    kind: str
    cells: tuple[int, ...] = CELLS
    version: dict[int, int] = field(default_factory=dict, hash=False, compare=False)
    via: str | None = None
    holder: str | None = None
    write: bool = False
    after: tuple[tuple[str, int], ...] = ()
    text: str = ""

    def __str__(self):
        return self.text


@dataclass
class Holder:
    """Who has a hold: a counted pin (FOLL_PIN) or a plain reference; `unbounded` life or one call's."""

    name: str
    pin: bool
    unbounded: bool = False


CPU_WRITES = ("store", "write")
HOLDER_WRITES = ("device_write", "poke")
HOLDER_READS = ("device_read", "peek")
DIRTIERS = ("store", "write", "mr_register", "poke", "peek")


class World:
    """Fields, constants and structure for one case.

    tasks: names in column order. ops: all operations. mappings: names of the processes that map the page.
    folios: size of the pool, reverse-fork copies included. deltas: highest delta number that can be current.
    """

    default_actor = FLUSHER
    cells = CELLS

    def __init__(self, tasks, ops, mappings, holders, folios: int, deltas: int):
        self.tasks, self.ops = tuple(tasks), tuple(ops)
        self.mappings, self.holders = tuple(mappings), tuple(holders)
        self.folios, self.last_delta = tuple(range(folios)), deltas
        self.versions = {c: 1 + sum(c in op.version for op in self.ops) for c in CELLS}
        self.fields: dict[str, Field] = {}
        self.constants: dict[str, Constant] = {}
        _declare(self)

    def of(self, *kinds: str) -> list[Op]:
        """The operations of these kinds."""
        return [op for op in self.ops if op.kind in kinds]

    def holder(self, name: str) -> Holder:
        return next(h for h in self.holders if h.name == name)

    def writes_cell(self, c: int, *kinds: str) -> list[Op]:
        return [op for op in self.of(*kinds) if c in op.version]


def ops(*kinds: str):
    """A rule's domain: the operations of these kinds."""
    return lambda world: world.of(*kinds)


def each(name: str):
    """A rule's domain: ``each("mappings")``, ``each("folios")``."""
    return lambda world: tuple(getattr(world, name))


def _declare(w: World):
    """Declare every field of the model, as a field or as a constant."""
    f = len(w.folios)
    version = max(w.versions.values()) - 1
    full = (1 << (version + 1)) - 1
    lines = {t: max((op.line for op in w.ops if op.task == t), default=-1) + 1 for t in w.tasks}
    interval = tuple(dict.fromkeys(op.task for op in w.ops if op.version and op.kind != "store"))
    readers = tuple(dict.fromkeys(op.task for op in w.of(*HOLDER_READS)))
    movers = tuple(dict.fromkeys(op.task for op in w.of("device_write", "device_read") if len(op.cells) > 1))
    workers = tuple(dict.fromkeys(op.task for op in w.of(*DIRTIERS)))
    walkers = tuple(dict.fromkeys(op.task for op in w.of("store", "mr_register", "poke", "peek")))
    holder_cells = tuple(c for c in CELLS if w.writes_cell(c, *HOLDER_WRITES))

    def add(name, *axes, hi=1, names=(), start=None, when=True, absent=0):
        if when and all(axes):
            w.fields[name] = Field(name, tuple(axes), hi, tuple(names), start or {})
        else:
            w.constants[name] = Constant(name, tuple(axes), absent)

    add("slot", (0,), hi=f - 1)
    add("disk", CELLS, hi=version)
    add("image", CELLS, hi=version)
    add("cell", w.folios, CELLS, hi=version)
    for name in ("dirty", "writeback", "locked", "forked", "own", "orphan"):
        add(name, w.folios)
    add("private", w.folios, start={"private[0]": 1})
    add("tag", w.folios, hi=w.last_delta)
    add("snapshot", w.folios)
    add("frozen", w.folios)
    add("pte", w.mappings, hi=f, start={f"pte[{m}]": 1 for m in w.mappings})
    add("pte_write", w.mappings)
    add("pte_dirty", w.mappings)
    add("migrating", w.mappings)
    add("line", w.tasks, hi=max(lines.values()))
    add("pc", (*w.tasks, FLUSHER), hi=len(PLACES) - 1, names=PLACES)
    add("folio", workers, hi=f)
    add("copy", workers, hi=f)
    add("fault", walkers, hi=f)
    add("seen", tuple(dict.fromkeys(op.task for op in w.of("mr_register"))), hi=f)
    add("section", workers, hi=w.last_delta + 1)
    add("hold", tuple(h.name for h in w.holders), hi=f)
    add("cur", hi=w.last_delta)
    add("committed", hi=w.last_delta + 1)
    add("bio_stage", hi=3, names=("none", "added", "submitted", "done"))
    add("bio_folio", hi=f)
    add("bounced")
    add("fetched", hi=3)
    add("oops", hi=len(OOPS) - 1, names=OOPS)
    # ghosts: what the properties remember
    add("cand", CELLS, hi=full, start={f"cand[{c}]": 1 for c in CELLS})
    add("cand_cpu", CELLS, hi=full, start={f"cand_cpu[{c}]": 1 for c in CELLS})
    add("superseded", interval, CELLS, hi=full)
    add("legal", readers, CELLS, hi=full)
    add("moved", movers, hi=3)
    start_full = {f"ok_front[{c}]": full for c in CELLS}
    add("ok_front", CELLS, hi=full, start=start_full, absent=full)
    add("ok_back", CELLS, hi=full)
    for name in ("told_front", "reaped_front"):
        begin = {f"{name}[{c}]": full for c in holder_cells}
        add(name, holder_cells, hi=full, start=begin)
    add("told_back", holder_cells, hi=full)
    add("reaped_back", holder_cells, hi=full)
    add("owed", holder_cells, hi=full)
    w.full, w.holder_cells = full, holder_cells


OOPS = (
    "none",
    "dirty call on a clean folio",
    "dirty call on a forked folio that is clean",
    "flusher met a folio that is not dirty",
)
