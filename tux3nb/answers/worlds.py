"""Which policies do what in which world: every world explored once for all policies, and the record of that.

A world is a case or the free-running world of a family. What an exploration says of it is kept as sets of policies in
their text form, so that a process can send it and a file can keep it: ``data/sets.csv`` has a row for each property,
verdict and depth, ``data/worlds.csv`` a row for each world with its bounds. What is in no row of a world HOLDS.
"""

from __future__ import annotations

import csv
import gc
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path

from tux3nb.answers.judge import Judged, judge
from tux3nb.cases.case import Case
from tux3nb.catalogue import catalogue, find
from tux3nb.catalogue.free import FAMILIES, free
from tux3nb.engine.family import PolicySet, Product
from tux3nb.engine.result import REFUSED, UNFINISHED, UNREACHED, VIOLATED, Limits
from tux3nb.errors import UserError, nearest
from tux3nb.model.features import FEATURES, TUX3
from tux3nb.paths import data_dir, read_record
from tux3nb.workers import each

SETS, WORLDS = "sets.csv", "worlds.csv"
ROWS = ("world", "property", "verdict", "depth", "policies", "diagram")
TOLD = (VIOLATED, UNFINISHED, REFUSED, UNREACHED)
REMEDY = "`tux3nb record` writes it anew"
FREE = re.compile(r"free\+(\w+)\+(\d+)")
LARGEST_FIRST = ("rdma", "ptrace", "odp", "splice", "ordinary")  # free-running worlds that take longest


@dataclass(frozen=True)
class Row:
    """The policies of a world that have one verdict on one property: how many of those that it tells apart, and which.

    depth: the steps of the shortest run, where the verdict is VIOLATED. diagram: see `PolicySet.text`.
    """

    property: str
    verdict: str
    depth: int | None
    policies: int
    diagram: str


@dataclass(frozen=True)
class World:
    """What one exploration of a world for all policies has said.

    rounds: how often an actor may do what its kind does; 0: its operations stand in a script. operations: the most
    that can begin. processes: those that map the file. unpinned: holders with a plain reference, as in 2015, where
    kernels of today pin. properties: those that the world judges; features: those that
    it reads. states: shared by all policies. stopped: the limit that ended the exploration early, or nothing.
    """

    name: str
    rounds: int
    operations: int
    actors: int
    processes: int
    unpinned: int
    pages: int
    folios: int
    deltas: int
    properties: tuple[str, ...]
    features: tuple[str, ...]
    states: int
    stopped: str = ""
    rows: tuple[Row, ...] = ()

    @property
    def bounds(self) -> str:
        """The bounds in words."""
        what = f"{self.rounds} rounds, " if self.rounds > 1 else "1 round, " if self.rounds else ""
        counted = ("operations", "actors", "processes", "pages", "folios", "deltas")
        return what + ", ".join(f"{n} {c if n != 1 else _one(c)}" for c in counted for n in [getattr(self, c)])

    @property
    def product(self) -> Product:
        """The policies that this world tells apart."""
        return Product(FEATURES, TUX3, self.features)


def _one(word: str) -> str:
    return "process" if word == "processes" else word.removesuffix("s")


COLUMNS = tuple(f.name for f in fields(World) if f.name != "rows")


# ---- exploring ------------------------------------------------------------------------------------------------
def find_world(name: str) -> Case:
    """A case by name or file, or the free-running world ``free+FAMILY+ROUNDS``; UserError with the nearest names."""
    found = FREE.fullmatch(name)
    if found:
        return free(found[1], int(found[2]))
    try:
        return find(name)
    except UserError:
        if name in catalogue() or name.endswith(".py"):
            raise
        raise UserError(f"no world {name!r}{nearest(name, [*catalogue(), *free_names(1)])}") from None


def free_names(rounds: int) -> list[str]:
    """The names of the free-running worlds with so many rounds."""
    return [f"free+{family}+{rounds}" for family in FAMILIES]


def explored(name: str, limits: Limits | None = None) -> World:
    """Explore a world, given by name, for all policies."""
    case = find_world(name)
    found = tell(case, limits)
    gc.collect()  # a worker has switched the collector off, and an exploration is large and points to itself
    return found


def tell(case: Case, limits: Limits | None = None) -> World:
    """Explore a world for all policies."""
    family = family_of(case)
    return said(judge(case, family, limits), family.all)


def family_of(case: Case) -> Product:
    """All policies that a world can tell apart; no mechanism is switched off, whatever the case's base."""
    return Product(FEATURES, TUX3, [f for f in case.features_read if not FEATURES[f].control])


def said(judged: Judged, policies: PolicySet) -> World:
    """What an exploration has said of some policies (or more); its states are those of all that were explored."""
    case, run, rows = judged.case, judged.run, []
    family = policies.product
    for p in case.properties:
        by_verdict = judged.verdicts(p.id)
        for depth in sorted({v.depth for v in run.violations if v.property == p.id}):
            first = run.numbers[run.numbers.minus[run.spared(p.id, depth - 1)][run.spared(p.id, depth)]]
            if first:
                rows.append(Row(p.id, VIOLATED, depth, first.count(), first.text()))
        for verdict in TOLD[1:]:
            found = by_verdict[verdict] & policies
            if found:
                rows.append(Row(p.id, verdict, None, found.count(), found.text()))
    world = case.world
    free_running = FREE.fullmatch(case.name)
    return World(
        name=case.name,
        rounds=int(free_running[2]) if free_running else 0,
        operations=len({(op.task, op.choice or op.line) for op in world.ops}),
        actors=len(world.tasks),
        processes=len({m.partition(":")[0] for m in case.mappings}),
        unpinned=sum(h.unpinned for h in world.holders),
        pages=len(world.pages),
        folios=len(world.folios),
        deltas=case.deltas + 1,
        properties=tuple(p.id for p in case.properties),
        features=tuple(f.id for f in family.vary),
        states=run.shared_states,
        stopped=run.stopped or "",
        rows=tuple(rows),
    )


def explore_worlds(
    names: Iterable[str],
    limits: Limits | None = None,
    jobs: int = 1,
    progress: Callable[[str], None] | None = None,
) -> list[World]:
    """Worlds by name, explored in so many processes, a world in one of them; in the order of `names`.

    `progress` is called with the name of each world that is done. Raises UserError for an unknown name before anything
    is explored, and WorkerDied when a process dies.
    """
    names = list(names)
    for name in names:
        find_world(name)
    work = sorted(names, key=weight)
    ask = partial(explored, limits=limits)
    found: dict[str, World] = {}
    for name, world in zip(work, each(ask, work, jobs) if jobs > 1 else map(ask, work), strict=True):
        found[name] = world
        if progress:
            progress(name)
    return [found[name] for name in names]


def weight(name: str) -> int:
    """Those that take longest come first, so that no process waits for another at the end."""
    found = FREE.fullmatch(name)
    if not found:
        return 99
    family = found[1]
    return (LARGEST_FIRST.index(family) if family in LARGEST_FIRST else 50) - 100 * int(found[2])


# ---- the record -------------------------------------------------------------------------------------------------
def written(worlds: Iterable[World]) -> dict[str, str]:
    """The record as CSV texts by file name: cases first, then free-running worlds, each sorted by name."""
    sets, bounds = io.StringIO(), io.StringIO()
    rows, heads = csv.writer(sets, lineterminator="\n"), csv.writer(bounds, lineterminator="\n")
    rows.writerow(ROWS)
    heads.writerow(COLUMNS)
    for w in sorted(worlds, key=lambda w: (w.rounds, w.name)):
        heads.writerow(" ".join(v) if isinstance(v, tuple) else v for v in (getattr(w, c) for c in COLUMNS))
        for r in w.rows:
            depth = "" if r.depth is None else r.depth
            rows.writerow((w.name, r.property, r.verdict, depth, r.policies, r.diagram))
    return {SETS: sets.getvalue(), WORLDS: bounds.getvalue()}


def recorded_worlds(folder: Path | None = None) -> dict[str, World]:
    """World -> what the record says of it. UserError, which names file and line, for one that is missing or damaged."""
    folder = folder or data_dir()
    rows: dict[str, list[Row]] = {}
    for line, row in _lines(folder / SETS, ROWS):
        try:
            depth = int(row["depth"]) if row["depth"] else None
            if row["verdict"] not in TOLD:
                raise ValueError
            told = Row(row["property"], row["verdict"], depth, int(row["policies"]), row["diagram"])
        except ValueError:
            raise _damaged(folder / SETS, line) from None
        rows.setdefault(row["world"], []).append(told)
    found = {}
    for line, row in _lines(folder / WORLDS, COLUMNS):
        try:
            given = {c: _value(c, row[c]) for c in COLUMNS}
        except ValueError:
            raise _damaged(folder / WORLDS, line) from None
        found[row["name"]] = World(**given, rows=tuple(rows.pop(row["name"], ())))
    if rows:
        raise UserError(f"{folder / SETS} is damaged: {next(iter(rows))} is not in {WORLDS}: {REMEDY}")
    return found


def _value(column: str, text: str):
    if column in ("name", "stopped"):
        return text
    return tuple(text.split()) if column in ("properties", "features") else int(text)


def _lines(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    lines = csv.reader(read_record(path, REMEDY).splitlines())
    if tuple(next(lines)) != columns:
        raise UserError(f"{path} is damaged: line 1 is not {','.join(columns)}: {REMEDY}")
    for cells in lines:
        if len(cells) != len(columns):
            raise _damaged(path, lines.line_num)
        yield lines.line_num, dict(zip(columns, cells, strict=True))


def _damaged(path: Path, line: int) -> UserError:
    return UserError(f"{path} is damaged: line {line}: {REMEDY}")


# ---- what differs ------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Difference:
    """What has changed about a world: a fact in words, or the policies that a verdict on a property gained and lost."""

    world: str
    what: str
    gained: PolicySet | None = None
    lost: PolicySet | None = None


def differences(old: Mapping[str, World], new: Mapping[str, World]) -> Iterator[Difference]:
    """What differs between two records, world by world."""
    for name in dict.fromkeys((*old, *new)):
        if name not in old or name not in new:
            yield Difference(name, "new" if name not in old else "gone")
        elif old[name] != new[name]:
            yield from _differences(old[name], new[name])


def _differences(a: World, b: World) -> Iterator[Difference]:
    for column in COLUMNS:
        was, now = getattr(a, column), getattr(b, column)
        if was != now:
            was, now = (" ".join(v) if isinstance(v, tuple) else v for v in (was, now))
            yield Difference(a.name, f"{column} {was} -> {now}")
    family = Product(FEATURES, TUX3, {*a.features, *b.features})
    before, after = by_verdict(a, family), by_verdict(b, family)
    for prop in dict.fromkeys((*a.properties, *b.properties)):
        for verdict in TOLD:
            was, now = (d.get((prop, verdict), family.none) for d in (before, after))
            yield from _changed(a.name, f"{prop} {verdict}", was, now)
        both = before.get((prop, VIOLATED), family.none) & after.get((prop, VIOLATED), family.none)
        was, now = (by_depth(w, prop, family) for w in (a, b))
        for depth in sorted({*was, *now}):
            first = (d.get(depth, family.none) & both for d in (was, now))
            yield from _changed(a.name, f"{prop} {VIOLATED}, first after {depth} steps", *first)


def _changed(world: str, what: str, was: PolicySet, now: PolicySet) -> Iterator[Difference]:
    if was != now:
        yield Difference(world, what, now - was, was - now)


def by_verdict(world: World, family: Product) -> dict[tuple[str, str], PolicySet]:
    """(property, verdict) -> the policies of `family` that have it; what is in none of these HOLDS."""
    found: dict[tuple[str, str], PolicySet] = {}
    for row in world.rows:
        key = row.property, row.verdict
        policies = family.load(row.diagram)
        found[key] = found[key] | policies if key in found else policies
    return found


def by_depth(world: World, prop: str, family: Product) -> dict[int, PolicySet]:
    """Depth -> the policies that violate a property of a world first after so many steps."""
    return {r.depth: family.load(r.diagram) for r in world.rows if r.property == prop and r.depth is not None}
