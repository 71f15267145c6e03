"""A case's actors as side-by-side columns: parsing them into operations, with errors that name line, column and word.

One row a line, columns divided by ``|``, the first row names the actors::

    app            | device             | writer     | kernel
    store p0:0     |                    | write p0:0 |
    pinned: mr_register p0 |            |            | transition
                   | device_write p0:1  |            |

A cell is ``[LABEL:] OPERATION [pPAGE[:CELLS]] [WORD ...] [after LABEL]``. Rows do not order the columns; ``after``
does. ``p0:1`` is cell 1 of page 0, ``p0`` all cells; of two pages, ``p0`` and ``p1``, each is one cell. A further
word names the mapping or the holder worked on; a mapping is of one page, so a process that works on both has two.
``readonly``, ``forced`` and ``get`` say that a hold only reads, only reads and is taken for writing all the same, or is
a plain reference (FOLL_GET) and not a counted pin.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from tux3nb.cases.meaning import check as check_meaning
from tux3nb.cases.meaning import forbidden
from tux3nb.cases.place import ColumnError, Place
from tux3nb.errors import nearest
from tux3nb.model.operations import CELLS, PAGES, PRIVATE, READONLY, SHARED, Kind, Mapping, Op
from tux3nb.model.rules import kinds
from tux3nb.model.world import FLUSHER

TRAITS = {  # words of a hold -> what they say
    "readonly": "the hold only reads",
    "forced": "it only reads, and is taken for writing all the same, by the slow walk (regions before v6.2)",
    "get": "a plain reference, as in 2015 (FOLL_GET), and not a counted pin",
}
MAPPING_TRAITS = {
    SHARED: "MAP_SHARED and writable; what a mapping is if nothing else is said",
    READONLY: "MAP_SHARED of a file opened for reading: no store, and a lookup that asks to write is refused",
    PRIVATE: "MAP_PRIVATE: what is written makes a copy of the process's own first",
    "absent": "no PTE at the start: the first access faults",
    "unmapped": "not mapped at the start; mmap maps it",
    "sibling": "the process has a second thread with a TLB of its own: sibling_load, sibling_store",
    "young": "the accessed bit of the PTE may change at any time, so that a fault finds another PTE than it saw",
}
PAGE = re.compile(r"p(\d+)(?::(\w*))?$")
NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Cell:
    """One parsed cell of a column."""

    task: str
    row: int
    label: str | None
    kind: Kind
    cells: tuple[int, ...]
    words: tuple[str, ...]
    after: tuple[str, ...]
    text: str
    page: int = 0


def parse(text: str, where: Place, pages: int = 1) -> tuple[list[str], list[Cell]]:
    """The actors and the cells of a column text for a world of so many pages. Raises ColumnError."""
    rows = [(n, line) for n, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not rows:
        raise ColumnError(f"{where}: no columns")
    tasks = [name.strip() for name in rows[0][1].split("|")]
    for name in tasks:
        if not NAME.fullmatch(name):
            raise ColumnError(f"{where.row(rows[0][0])}: {name!r} is no name for an actor (use a-z, 0-9, _)")
    if FLUSHER in tasks:
        raise ColumnError(f"{where.row(rows[0][0])}: {FLUSHER!r} is the model's own: it writes every closed delta out")
    if len(set(tasks)) != len(tasks):
        raise ColumnError(f"{where.row(rows[0][0])}: an actor is named twice")
    cells = []
    for n, line in rows[1:]:
        parts = line.split("|")
        if len(parts) > len(tasks):
            raise ColumnError(f"{where.row(n)}: {len(parts)} columns, but {len(tasks)} actors")
        for task, part in zip(tasks, parts, strict=False):
            if part.strip():
                cells.append(_cell(part.strip(), task, n, f"{where.row(n)}, column {task}", pages))
    for task in tasks:
        if not any(c.task == task for c in cells):
            raise ColumnError(f"{where}, column {task}: this actor has no steps")
    return tasks, cells


def _cell(text: str, task: str, row: int, where: str, pages: int) -> Cell:
    head, _, tail = text.partition(" after ")
    label, sep, rest = f"{head} ".partition(": ")
    if not sep:
        label, rest = None, head
    words = rest.split()
    if not words:
        raise ColumnError(f"{where}: nothing after the label {label!r}")
    if words[-1] == "after":
        raise ColumnError(f"{where}: 'after' names no label")
    kind = kinds().get(words[0])
    if kind is None:
        raise ColumnError(f"{where}: no operation {words[0]!r}{nearest(words[0], kinds())}")
    if pages > 1 and kind.one_page:
        raise ColumnError(f"{where}: {words[0]!r} is modelled for a file of one page, and this one has {pages}")
    number, found = 0, CELLS
    others = []
    if sum(bool(PAGE.match(word)) for word in words[1:]) > 1:
        raise ColumnError(f"{where}: {words[0]!r} names one page, and this line more: {text!r}")
    for word in words[1:]:
        page = PAGE.match(word)
        if page:
            number, found = int(page[1]), _cells(page, kind, where, word, pages)
        else:
            others.append(word)
    if kind.page and not any(PAGE.match(w) for w in words[1:]):
        raise ColumnError(f"{where}: {kind.name} needs a page, such as p0 or p0:1")
    if kind.one_cell:
        found = found[:1]
    after = tuple(w.strip() for w in tail.split(",") if w.strip())
    return Cell(task, row, label, kind, found, tuple(others), after, text, number)


def _cells(page: re.Match, kind: Kind, where: str, word: str, pages: int) -> tuple[int, ...]:
    """The cells that a page word names; cells are numbered over all pages."""
    if int(page[1]) >= pages:
        raise ColumnError(f"{where}: {word!r}: this world has page{_pages(pages)} only")
    if pages > 1:
        if page[2] is not None:
            raise ColumnError(f"{where}: {word!r}: of two pages each is one cell; write p{page[1]}")
        return PAGES[pages][int(page[1])]
    if page[2] is not None and not re.fullmatch("[01]+", page[2]):
        raise ColumnError(f"{where}: {word!r}: a page has the cells 0 and 1")
    cells = tuple(sorted({int(c) for c in page[2]})) if page[2] else CELLS
    if kind.one_cell and page[2] and len(cells) > 1:
        raise ColumnError(f"{where}: {word!r}: {kind.name} touches one cell")
    return cells


def _pages(pages: int) -> str:
    return " p0" if pages == 1 else "s " + " and ".join(f"p{p}" for p in range(pages))


def operations(tasks: list[str], cells: list[Cell], mappings, readonly, where: Place, scripted=True) -> list[Op]:
    """Operations from cells: versions numbered, mappings and holders found, labels resolved.

    scripted: each line happens once, in the order of its column, so that the lines must make sense together.
    """
    lines = dict.fromkeys(tasks, 0)
    versions = dict.fromkeys(CELLS, 0)
    labels: dict[str, tuple[str, int]] = {}
    ops, waits, alike = [], [], {}
    for task in tasks:
        for cell in (c for c in cells if c.task == task):
            at = f"{where.row(cell.row)}, column {task}"
            op = _operation(cell, lines[task], versions, at, mappings, readonly, cells)
            if op.how.holder == "makes":
                traits = op.how.pin, op.how.unbounded, op.own, sorted(set(cell.words) & set(TRAITS))
                if alike.setdefault(task, traits) != traits:
                    raise ColumnError(f"{at}: {cell.kind.name}: holds of one actor are of one kind; take another actor")
            if cell.label:
                if cell.label in labels:
                    raise ColumnError(f"{at}: the label {cell.label!r} is used twice")
                labels[cell.label] = (task, lines[task])
            lines[task] += 1
            ops.append(op)
            waits.append((at, cell.after))
    for i, (at, after) in enumerate(waits):
        for name in after:
            if name not in labels:
                raise ColumnError(f"{at}: no label {name!r}{nearest(name, labels)}")
        ops[i] = replace(ops[i], after=tuple(labels[name] for name in after))
    if scripted:
        where_is = {(op.task, op.line): at for op, (at, _) in zip(ops, waits, strict=True)}
        check_meaning(ops, where_is, mappings, labels)
    return ops


def _operation(cell: Cell, line: int, versions: dict, at: str, mappings, readonly, cells) -> Op:  # noqa: C901, PLR0912
    kind, words, version = cell.kind, list(cell.words), {}
    if kind.writes:
        for c in cell.cells:
            versions[c] += 1
            version[c] = versions[c]
    via = holder = None
    if kind.maps:
        via = next((w for w in words if w in mappings), cell.task)
        if via not in mappings:
            raise ColumnError(f"{at}: {kind.name} needs a mapping; {cell.task} has none{nearest(cell.task, mappings)}")
        words = [w for w in words if w != via]
        if kind.page and mappings[via].page != cell.page:
            raise ColumnError(f"{at}: {kind.name} names p{cell.page}, but {via} maps p{mappings[via].page}")
        if kind.sibling and not mappings[via].sibling:
            raise ColumnError(f"{at}: {kind.name} needs a second thread; write the mapping as {via}:sibling")
    page = mappings[via].page if via else cell.page
    able = [c.task for c in cells if c.kind.holder == "makes" and (not kind.of or c.kind.name in kind.of)]
    makers = list(dict.fromkeys(able))
    if kind.holder == "makes":
        holder = cell.task
    elif kind.holder:
        named = next((w for w in words if w in makers), None)
        holder = named or (cell.task if cell.task in makers else makers[0] if makers else None)
        if holder is None:
            raise ColumnError(f"{at}: {kind.name} needs a holder of the page, by {' or '.join(kind.of)}")
        if not named and cell.task not in makers and len(makers) > 1:
            raise ColumnError(f"{at}: {kind.name}: whose hold, {' or '.join(makers)}? Name one")
        if kind.writes == "holder" and holder in readonly:
            raise ColumnError(f"{at}: {kind.name} through what {holder} has taken readonly")
        words = [w for w in words if w != holder]
    if wrong := next((w for w in words if w in TRAITS and w not in kind.traits), None):
        raise ColumnError(f"{at}: {wrong!r} says nothing of {kind.name}; it goes with {', '.join(takers(wrong))}")
    words = [w for w in words if w not in TRAITS]
    if words:
        raise ColumnError(f"{at}: {words[0]!r} is no mapping or holder{nearest(words[0], [*mappings, *makers])}")
    made = [c for c in cells if c.task == holder and c.kind.holder == "makes"]
    elsewhere = next((c.page for c in made if kind.page and c.page != cell.page), None)
    if elsewhere is not None:
        raise ColumnError(f"{at}: {kind.name} names p{cell.page}, but {holder} holds p{elsewhere}")
    maker = kind if kind.holder == "makes" else made[0].kind if made else None
    forced = kind.holder == "makes" and "forced" in cell.words
    write = maker is not None and maker.gup_write and (forced or holder not in readonly)
    if via and (why := forbidden(kind, mappings[via])):
        raise ColumnError(f"{at}: {kind.name}: {why}")
    through = via or next((_through(c, mappings) for c in made), None)
    how = kind.slowly() if forced else kind
    if through and mappings[through].kind == PRIVATE:
        how = how.through_private()
    refused = bool(kind.walks) and write and mappings[via].kind == READONLY
    text = cell.text.partition(" after ")[0].partition(": ")
    said = (text[2] or text[0]).strip()
    return Op(cell.task, line, kind.name, how, cell.cells, version, via, holder, write, (), said, page, refused=refused)


def _through(cell: Cell, mappings) -> str | None:
    """The mapping that a hold is got through, if it is got through one."""
    return next((w for w in cell.words if w in mappings), cell.task) if cell.kind.maps else None


def takers(trait: str) -> list[str]:
    """The operations that a word of `TRAITS` goes with."""
    return [kind.name for kind in kinds().values() if trait in kind.traits]


def mappings_of(words, where: Place, pages: int = 1) -> list[Mapping]:
    """Mappings from ``"name[:kind][:p1][:absent][:unmapped][:sibling][:young]"``. Raises ColumnError."""
    out, at = [], where.of("mappings")
    numbers = {f"p{p}": p for p in range(pages)}
    for word in words:
        name, *traits = word.split(":")
        if not NAME.fullmatch(name):
            raise ColumnError(f"{at}: {name!r} is no name for a mapping (use a-z, 0-9, _)")
        if name in [m.name for m in out]:
            raise ColumnError(f"{at}: the mapping {name!r} is named twice")
        known = {*MAPPING_TRAITS, *numbers}
        for t in traits:
            if t not in known:
                raise ColumnError(f"{at}, mapping {name}: no trait {t!r}{nearest(t, known)}")
        for several in ((SHARED, READONLY, PRIVATE), numbers):
            said = [t for t in traits if t in several]
            if len(said) > 1:
                raise ColumnError(f"{at}, mapping {name}: {' and '.join(said)} at once")
        kind = next((t for t in traits if t in (SHARED, READONLY, PRIVATE)), SHARED)
        page = next((numbers[t] for t in traits if t in numbers), 0)
        there = "absent" not in traits, "unmapped" not in traits
        out.append(Mapping(name, kind, *there, "sibling" in traits, "young" in traits, page))
    return out
