"""Who else refers to a page-cache folio: the catalogue of holders and its sources (data/holders.csv, data/sources.csv).

>>> from tux3nb.show.holders import holders
>>> print(holders()["rdma-mr"])  # doctest: +ELLIPSIS
RDMA memory region (rdma-mr; partly recalled)...

Most cells are a word of a fixed vocabulary, after a colon perhaps followed by a remark: ``yes: since 6.3``. A cell of
`effect_of_fork` and `mark` may join several words: ``lost+crash: the data are in the old folio``. What was not read in
its source but remembered is marked `recalled` and printed with that word.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from tux3nb.errors import UserError, nearest
from tux3nb.paths import data_dir, read_record

_SEEN = ("yes", "no", "blip", "expected", "some", "n/a")

VOCABULARY = {
    "life": ("transient", "short", "medium", "long", "mapped", "cached", "n/a"),
    "direction": ("reads", "writes", "both", "neither"),
    "rmap": ("yes", "filtered", "no", "n/a"),
    "notifier": ("yes", "some", "no", "n/a"),
    "effect_of_fork": ("ok", "stale", "lost", "crash", "leak", "n/a"),
    "seen_by_refcount": _SEEN,
    "seen_by_pin": _SEEN,
    "ok_with_reverse_fork": ("ok", "redirty", "window", "n/a"),
    "mark": ("verified", "derived", "recalled"),
    "case": ("ordinary", "ptrace", "uprobes", "aio", "rdma", "mmap", "migration", "splice", "not modelled"),
}
"""The words of each column. `life`: within one call; one I/O; until a consumer drains; as long as its user likes; while
it is mapped; while it is cached. `rmap`: found by walking the VMAs, `filtered` if Tux3 then skips it. `notifier`: told
when a PTE changes. `effect_of_fork`: of Tux3's fork, which asks nobody, while it is held. `seen_by_refcount`: as a
surplus; a `blip` goes away by itself, `expected` is accounted for. `seen_by_pin`: by folio_maybe_dma_pinned.
`ok_with_reverse_fork`: if the disk gets the copy; `redirty` if also a pinned folio stays dirty, `window` if a short one
is left. `mark`: read in the source; concluded from what was read; remembered. `case`: the family that explores it."""

JOINED = ("effect_of_fork", "mark")


def words(cell: str) -> tuple[str, ...]:
    """The vocabulary of a cell, without its remark."""
    return tuple(word.strip() for word in cell.partition(":")[0].split("+"))


def how_known(mark: str) -> str:
    """What is printed beside a row: nothing if it was read in its source."""
    known = words(mark)
    if "recalled" in known:
        return "recalled" if len(known) == 1 else "partly recalled"
    return {("verified",): "", ("derived",): "derived"}.get(known, "partly derived")


@dataclass(frozen=True)
class Source:
    """Something to read: a routine in a tree, a document, a mail."""

    key: str
    what: str
    where: str
    tree: str
    era: str
    mark: str

    def __str__(self) -> str:
        return f"{self.where} ({', '.join(filter(None, (self.tree, self.era, how_known(self.mark))))})"


@dataclass(frozen=True)
class Holder:
    """One kind of reference, or of translation without a reference, to a page-cache folio."""

    id: str
    holder: str
    api_2015: str
    api_now: str
    life: str
    direction: str
    rmap: str
    notifier: str
    dirty_report: str
    effect_of_fork: str
    seen_by_refcount: str
    seen_by_pin: str
    ok_with_reverse_fork: str
    sources: tuple[str, ...]
    mark: str
    case: str

    @property
    def how_known(self) -> str:
        return how_known(self.mark)

    @property
    def modelled(self) -> bool:
        """Whether a case family explores it."""
        return words(self.case) != ("not modelled",)

    def __str__(self) -> str:
        head = f"{self.holder} ({'; '.join(filter(None, (self.id, self.how_known)))})"
        width = max(len(name) for name in _ROWS.values())
        return "\n".join([head, *(f"  {said:{width}}  {getattr(self, name)}" for name, said in _ROWS.items())])


_ROWS = {
    "api_2015": "in 2015",
    "api_now": "now",
    "life": "life",
    "direction": "direction",
    "rmap": "found by rmap",
    "notifier": "notifier",
    "dirty_report": "reported dirty",
    "effect_of_fork": "effect of a fork",
    "seen_by_refcount": "seen by refcount",
    "seen_by_pin": "seen by pin",
    "ok_with_reverse_fork": "reverse fork",
    "case": "case",
}


def sources(path: Path | None = None) -> dict[str, Source]:
    """All sources by key, in the order of the file."""
    path = path or data_dir() / "sources.csv"
    found = {}
    for place, row in read_rows(path, Source):
        place.require("mark", row["mark"] in ("verified", "recalled"), "is neither verified nor recalled")
        add(found, place, "key", Source(**row))
    return found


def holders(path: Path | None = None, known: dict[str, Source] | None = None) -> dict[str, Holder]:
    """All holders by id, in the order of the file; `known` are the sources that they may name."""
    path = path or data_dir() / "holders.csv"
    known = sources() if known is None else known
    found = {}
    for place, row in read_rows(path, Holder):
        for column, allowed in VOCABULARY.items():
            _check_words(place, column, row[column], allowed)
        keys = tuple(key.strip() for key in row["sources"].split(";"))
        for key in keys:
            place.require("sources", key in known, f"names an unknown source {key!r}{nearest(key, known)}")
        add(found, place, "id", Holder(**{**row, "sources": keys}))
    return found


def table(columns: tuple[str, ...] = ("holder", "life", "effect_of_fork", "seen_by_refcount", "seen_by_pin", "case")):
    """The catalogue as a pandas table with these columns, indexed by id; the last column says how a row is known."""
    import pandas as pd

    for column in columns:
        if column not in Holder.__dataclass_fields__:
            raise UserError(f"no column {column!r}{nearest(column, Holder.__dataclass_fields__)}")
    rows = holders().values()
    data = {column: [_plain(getattr(h, column)) for h in rows] for column in columns}
    data["known"] = [h.how_known or "verified" for h in rows]
    return pd.DataFrame(data, index=pd.Index([h.id for h in rows], name="id"))


def _plain(cell: str | tuple[str, ...]) -> str:
    return cell if isinstance(cell, str) else "; ".join(cell)


@dataclass(frozen=True)
class _Place:
    """A row of a file, for errors."""

    path: Path
    line: int

    def require(self, column: str, good: bool, complaint: str):
        if not good:
            raise UserError(f"{self.path}: line {self.line}: column {column}: {complaint}")


def read_rows(path: Path, kind: type) -> Iterator[tuple[_Place, dict[str, str]]]:
    """Each row with its place; header, number of cells and empty cells are checked."""
    names = [f.name for f in fields(kind)]
    reader = csv.reader(read_record(path, "it is part of this code: take it from there again").splitlines())
    header = next(reader, [])
    for wanted, given in zip(names, [*header, *["nothing"] * len(names)], strict=False):
        if wanted != given:
            raise UserError(f"{path}: line 1: column {wanted} expected, found {given}")
    if len(header) > len(names):
        raise UserError(f"{path}: line 1: unknown column {header[len(names)]}")
    for cells in reader:
        place = _Place(path, reader.line_num)
        if len(cells) != len(names):
            column = names[min(len(cells), len(names) - 1)]
            place.require(column, False, f"the row has {len(cells)} cells, not {len(names)}")
        row = dict(zip(names, cells, strict=True))
        for column, cell in row.items():
            place.require(column, bool(cell.strip()), "is empty")
        yield place, row


def _check_words(place: _Place, column: str, cell: str, allowed: tuple[str, ...]):
    given = words(cell)
    place.require(column, len(given) == 1 or column in JOINED, f"takes one word, not {cell!r}")
    for word in given:
        place.require(column, word in allowed, f"does not know {word!r}{nearest(word, allowed)}")
    if given == ("not modelled",):
        place.require(column, bool(cell.partition(":")[2].strip()), "does not say why it is not modelled")


def add(found: dict, place: _Place, column: str, item):
    """Put a row's item under its first field; UserError where another row has it."""
    key = astuple(item)[0]
    place.require(column, key not in found, f"{key!r} is there twice")
    found[key] = item
