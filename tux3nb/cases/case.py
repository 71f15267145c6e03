"""A case: a question about page forking as data. Actors in columns, a world, what is expected of named policies."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Iterable, Mapping
from dataclasses import InitVar, dataclass, field
from functools import cached_property

from tux3nb.cases.columns import mappings_of, operations, parse
from tux3nb.cases.place import ColumnError, Place
from tux3nb.engine.family import Listed, Product
from tux3nb.engine.fields import WORD
from tux3nb.engine.result import HOLDS, NOT_PROMISED, REFUSED, UNFINISHED, UNREACHED, VIOLATED
from tux3nb.engine.rule import Rule, Step, bind
from tux3nb.engine.system import Property, System, build
from tux3nb.errors import ModelError, UserError, nearest
from tux3nb.model.features import FEATURES, NAMED, TUX3, named_policy
from tux3nb.model.operations import PAGES, Holder, Op
from tux3nb.model.properties import PROPERTIES, halted, settled
from tux3nb.model.rules import all_rules, declarations, kinds, places
from tux3nb.model.world import World

VERDICTS = (HOLDS, REFUSED, UNREACHED, VIOLATED, UNFINISHED, NOT_PROMISED)
MOST = {"folios": 16, "deltas": 15}
TEXTS = ("family", "title", "asks", "base", "bounds")
FLAGS = ("stable_device", "endless_disk", "tight_memory", "shmem")


@dataclass(frozen=True)
class Source:
    """Where a fact comes from: a text, and an address where there is one."""

    text: str
    url: str | None = None

    def __post_init__(self):
        for name, value in (("text", self.text), ("url", self.url)):
            if not isinstance(value, str) and (name == "text" or value is not None):
                raise ModelError(f"a source's {name} is a text, not {_shown(value)}")
        if self.url is not None and not re.match(r"https?://", self.url):
            raise ModelError(f"source {self.text!r}: {self.url!r} is no address of the web (https://...)")


@dataclass(eq=False)
class Case:
    """One scenario and its question.

    name: mechanisms joined with ``+``. family: the group it belongs to (a notebook each). asks: the question.
    columns: the actors, see `tux3nb.cases.columns`. mappings: which processes map the page, see `columns.mappings_of`.
    folios, deltas: the bounds of the world.
    judges: the properties it judges (none named: all but the optional ones). stable_device: the disk asks for stable
    pages. pages: how many pages the file has; of two, each is one cell. endless_disk: the write-out goes to a server
    that may never answer (FUSE, NFS). tight_memory: there may be no memory for the copy of a fork. shmem: the file is
    one of tmpfs, with no write-out, so no delta closes.
    expect: policy name -> verdict, written by hand with its reason before the first run; of a policy that is VIOLATED
    the judged properties that it violates, all of them, may be given: ``VIOLATED(I2, I5)``. bounds: what the world is
    limited to, in words. place: where the case is written, if in a file of its own. vary: taken, and read no more:
    `check --all` explores every policy, and its own --vary says which features are to vary.
    """

    scripted = True  # each line of a column happens once, in order

    name: str
    family: str
    title: str
    asks: str
    columns: str
    mappings: tuple[str, ...]
    folios: int = 3
    deltas: int = 1
    base: str = "tux3"
    judges: tuple[str, ...] = ()
    stable_device: bool = False
    pages: int = 1
    endless_disk: bool = False
    tight_memory: bool = False
    shmem: bool = False
    expect: Mapping[str, str] = field(default_factory=dict)
    bounds: str = ""
    sources: tuple[Source, ...] = ()
    place: Place | None = None
    vary: InitVar[tuple[str, ...] | None] = None

    def __post_init__(self, vary):
        """Raises UserError for a value of a wrong type, and a bound, a policy or a verdict that there is not."""
        where = self._typed()
        if self.pages not in PAGES:
            raise UserError(f"{where}: {self.pages} pages; a world has {' or '.join(map(str, PAGES))}")
        for name, least in (("folios", self.pages), ("deltas", 0)):
            value = getattr(self, name)
            if not least <= value <= MOST[name]:
                raise UserError(f"{where}: {name}={value} is outside {least}..{MOST[name]}")
        for name in (self.base, *self.expect):
            if name not in NAMED:
                raise UserError(f"{where}: no policy {name!r}{nearest(name, NAMED)}")
        known = [p.id for p in PROPERTIES]
        for name, verdict in self.expect.items():
            said = f"{where}: {name} is expected to be {verdict!r}"
            broken = re.fullmatch(rf"{VIOLATED}\((.*)\)", verdict)
            if not broken and verdict not in VERDICTS:
                raise UserError(f"{said}; a verdict is {', '.join(VERDICTS)}")
            for pid in re.split(r",\s*", broken[1]) if broken else ():
                if pid not in known:
                    raise UserError(f"{said}: no property {pid!r}{nearest(pid, known)}")

    def _typed(self) -> str:
        """The words that an error begins with; UserError for a field that is of another type than its own."""
        if not isinstance(self.name, str) or not self.name.strip():
            raise UserError(f"a case is named by a text, not by {_shown(self.name)}")
        if not self.name.isprintable():
            raise UserError(f"a case is named by one line of letters that can be printed, not by {_shown(self.name)}")
        where = f"case {self.name}"

        def need(name: str, right: bool, kind: str):
            if not right:
                raise UserError(f"{where}: {name} {kind}, not {_shown(getattr(self, name))}")

        need("columns", isinstance(self.columns, str), "are one text, a row a line")
        for name in TEXTS:
            need(name, isinstance(getattr(self, name), str), "is a text")
        for name in FLAGS:
            need(name, isinstance(getattr(self, name), bool), "is True or False")
        for name in ("pages", *MOST):
            need(name, type(getattr(self, name)) is int, "is a whole number")
        for name, example in (("mappings", "('app', 'peer:private')"), ("judges", "('I1', 'I2')")):
            value = getattr(self, name)
            texts = isinstance(value, list | tuple) and all(isinstance(word, str) for word in value)
            need(name, texts, f"are a sequence of texts, as {example}")
        sources = isinstance(self.sources, list | tuple) and all(isinstance(s, Source) for s in self.sources)
        need("sources", sources, "are a sequence of Source(text, url)")
        pairs = isinstance(self.expect, Mapping) and [*self.expect, *self.expect.values()]
        texts = isinstance(pairs, list) and all(isinstance(word, str) for word in pairs)
        need("expect", texts, "is a mapping of policies to verdicts, as {'tux3': 'HOLDS'}")
        need("place", self.place is None or isinstance(self.place, Place), "is where the case was found")
        return where

    @property
    def where(self) -> Place:
        """Where the case is written, for errors."""
        return self.place or Place(f"case {self.name}")

    @cached_property
    def world(self) -> World:
        """The world that the columns need. Raises ColumnError."""
        where = self.where
        tasks, cells = parse(self.columns, where, self.pages)
        only_reads = {"readonly", "forced"}
        readonly = {c.task for c in cells if c.kind.holder == "makes" and only_reads & set(c.words)}
        if self.shmem and (closing := [c for c in cells if c.kind.name == "transition"]):
            at = f"{where.row(closing[0].row)}, column {closing[0].task}"
            raise ColumnError(f"{at}: transition: a file of tmpfs is not written out (shmem=True); leave it out")
        mappings = mappings_of(self.mappings, where, self.pages)
        found = operations(tasks, cells, {m.name: m for m in mappings}, readonly, where, self.scripted)
        ops = self.arranged(found)
        makers = {op.holder: op for op in ops if op.how.holder == "makes"}
        plain = {c.task for c in cells if c.kind.holder == "makes" and "get" in c.words}
        holders = [
            Holder(name, op.how.pin and name not in plain, op.how.unbounded, op.how.unpinned or name in plain, op.write)
            for name, op in makers.items()
        ]
        bounds, device = (self.folios, self.deltas), (self.stable_device, self.pages)
        traits = (self.endless_disk, self.tight_memory, self.shmem)
        world = World(tasks, ops, mappings, holders, *bounds, declarations(), *device, *traits, kinds(), places(ops))
        for f in world.fields.values():
            if f.size * f.width > WORD:
                bits = f"{f.name} needs {f.size * f.width} bits and has {WORD}"
                raise UserError(f"{where}: too large: {bits}; take fewer writes to a cell, operations or folios")
        return world

    def arranged(self, ops: list[Op]) -> list[Op]:
        """The operations of the columns as they are to be done: one after the other."""
        return ops

    @cached_property
    def system(self) -> System:
        """The traced system: this case's fields, steps and properties."""
        return build(self.world, all_rules(), FEATURES, PROPERTIES, None, halted, settled)

    def bind(self, rules: Iterable[Rule]) -> list[Step]:
        """Some rules traced for this case's world."""
        return bind(rules, self.world, FEATURES)

    @cached_property
    def properties(self) -> tuple[Property, ...]:
        """The properties that this case judges: those it names, or all that apply to its world and are not optional.

        Raises UserError for a property that there is not, or that this world has nothing for.
        """
        known = {p.id: p for p in PROPERTIES}
        at = self.where.of("judges")
        for pid in self.judges:
            if pid not in known:
                raise UserError(f"{at}: no property {pid!r}{nearest(pid, known)}")
            if not known[pid].applies(self.world):
                raise UserError(f"{at}: {pid} is about {known[pid].applies.__doc__}; this world has none")
        here = [p.id for p in PROPERTIES if p.applies(self.world) and not p.optional]
        judged = tuple(p for p in PROPERTIES if p.id in (self.judges or here))
        counted = [p.id for p in judged if not p.advisory]
        if not counted:
            only = ", ".join(p.id for p in judged)
            raise UserError(f"{at}: {only} is advisory and makes no verdict; judge another property too")
        for name, verdict in self.expect.items():
            for pid in re.findall(r"\w+", verdict.removeprefix(VIOLATED)) if verdict.startswith(VIOLATED) else ():
                if pid not in counted:
                    why = "is advisory" if pid in self.judges else "is not judged by this case"
                    raise UserError(f"{self.where.of('expect')}: {name} is expected to violate {pid}, which {why}")
        return judged

    @cached_property
    def features_read(self) -> tuple[str, ...]:
        """The features that some rule of this case reads, in the order of the table."""
        read = self.system.features_read()
        return tuple(f.id for f in FEATURES if f.id in read)

    @property
    def policy(self) -> dict[str, str]:
        """The base policy."""
        return named_policy(self.base)

    def product(self, vary: Iterable[str] | None = None) -> Product:
        """Every combination of the features that this case reads, or just of those in `vary`.

        Raises UserError for a feature that no rule of this case reads: it could not change an answer.
        """
        read = [f for f in self.features_read if not FEATURES[f].control]
        chosen = read if vary is None else list(vary)
        for fid in chosen:
            if FEATURES[fid].id not in read:
                raise UserError(f"case {self.name} never reads the feature {fid}{nearest(fid, read)}")
        return Product(FEATURES, self.policy, chosen, [f for f in read if f not in chosen])

    def one(self, policy: Mapping[str, str]) -> Listed:
        """The family of a single policy."""
        return Listed(FEATURES, [policy])


def _shown(value: object) -> str:
    """A value in an error: one short line, whatever it is."""
    try:
        return " ".join(reprlib.repr(value).split())
    except Exception:  # noqa: BLE001  (an object's own code)
        return f"something of type {type(value).__name__}"


def named(name: str) -> dict[str, str]:
    """A named policy, or UserError with the nearest name."""
    if name not in NAMED:
        raise UserError(f"no policy {name!r}{nearest(name, NAMED)}")
    return named_policy(name)


__all__ = ["TUX3", "Case", "Source", "named"]
