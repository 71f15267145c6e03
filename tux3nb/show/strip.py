"""Before, during and after: three small pictures of the bytes, and who looks at them, with captions from the run."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import replace

from tux3nb.cases.case import Case
from tux3nb.model.broken import Place
from tux3nb.show.cells import Shown as Cell
from tux3nb.show.places import Looker, Row, Scene
from tux3nb.show.story import COPY, WRITE_OUT, Part, Tale

say = html.escape
NAMES = ("before", "during", "after")
INKS = ("#0b4f8a", "#8a4b00", "#6a2c8f", "#1a6a2b")  # one for each author of bytes
BACKS = ("#dcebf9", "#fdebd0", "#efe1f7", "#e3f6e6")
PLAIN = "color:#1f2328;background:#eceff2"
WRONG = "border:2px solid #a40e1c"
RIGHT = "border:2px solid transparent"


def moments(tale: Tale) -> list[tuple[int, str]]:
    """(number of the state, caption) before and during: before the part that gives the page another folio (or, where
    none does, before the last two), and then before the last part, or in it.
    """
    last, turn = len(tale.spans) - 1, _turn(tale)
    part, first, _ = tale.spans[turn]
    if turn < last:
        during = min(turn + 1, last - 1)
        return [_at(tale, turn - 1), _at(tale, during)]
    copied = max((n for n, step in enumerate(part.effects) if any(COPY.fullmatch(e) for e in step)), default=0)
    return [_at(tale, turn - 1), (first + copied + 1, f"{part.sentence(tale.case, copied + 1)}.")]


def _turn(tale: Tale) -> int:
    """The number of the part that gives the page another folio; where none does, of the last but one."""
    return next((n for n, (part, _, _) in enumerate(tale.spans) if _turns(part)), max(len(tale.spans) - 2, 0))


def _turns(part: Part) -> bool:
    """The page gets another folio, or is about to: a copy for the disk is none."""
    found = (e for step in part.effects for e in step)
    return part.actor != WRITE_OUT and any(COPY.fullmatch(e) or e.startswith("page is") for e in found)


def _at(tale: Tale, n: int) -> tuple[int, str]:
    """The end of a part."""
    if n < 0:
        return 0, "The start."
    part, _, last = tale.spans[n]
    return last, f"{part.sentence(tale.case)}."


def comic(tale: Tale) -> Cell:
    """Four pictures of a run that breaks a property, with what has been done since the last one under each.

    They are: before the page gets another folio, with it, before the last part, and at the end.
    """
    last, turn = len(tale.spans) - 1, _turn(tale)
    ends = sorted({max(turn - 1, 0), turn, max(last - 1, 0)} - {last})
    found, since = [], 0
    for n in ends:
        said = " ".join(f"{part.sentence(tale.case)}." for part, _, _ in tale.spans[since : n + 1])
        found.append((tale.spans[n][2], said))
        since = n + 1
    return drawn(tale, found, [str(n) for n in range(1, len(found) + 2)])


def strip(tale: Tale) -> Cell:
    """Three pictures of a run that breaks a property."""
    return drawn(tale, moments(tale), NAMES)


def drawn(tale: Tale, found: Sequence[tuple[int, str]], names: Sequence[str]) -> Cell:
    """Pictures of some states with their captions, and one of the end, beside each other."""
    case = tale.case
    states = [tale.states[n] for n, _ in found] + [tale.run.states[-1]]
    captions = [*(said for _, said in found), tale.end()]
    places = tale.found.places if tale.found else ()
    frames = [[_left(row) for row in Scene(case, state).rows] for state in states]
    kept = _kept(frames, places)
    texts, cells = [], []
    for name, caption, rows, marked in zip(names, captions, frames, [*[()] * len(found), places], strict=True):
        shown = [row for row in rows if row.key in kept]
        texts.append("\n".join([f"{name}: {caption}", *(f"  {line}" for line in _lines(shown, marked))]))
        cells.append(_frame(case, name, caption, shown, marked))
    look = 'class="tux-strip" style="width:100%;min-width:780px;table-layout:fixed"'
    table = f"<table {look}><tbody><tr>{''.join(cells)}</tr></tbody></table>"
    return Cell("\n".join(texts), f'<div style="overflow-x:auto">{table}</div>')


def _left(row: Row) -> Row:
    """A folio that has left the file says so; the model forgets the bytes of a freed one, so none are shown."""
    if "freed" in row.note:
        return replace(row, title=f"{row.title}, freed", cells=(None,) * len(row.cells))
    gone = "without a mapping" in row.note
    return replace(row, title=f"{row.title}, the file's no more") if gone else row


def _kept(frames: Sequence[Sequence[Row]], places: Sequence[Place]) -> set[str]:
    """The rows to show: with somebody who looks, with what is broken, or with bytes that change."""
    bytes_of = [{row.key: row.cells for row in rows} for rows in frames]
    every = {key for frame in bytes_of for key in frame}
    changed = {key for key in every if len({frame.get(key) for frame in bytes_of}) > 1}
    return changed | {row.key for rows in frames for row in rows if row.lookers} | {p.row for p in places}


def _looks(looker: Looker) -> str:
    name = looker.key.partition(".")[2]
    if looker.kind == "cache":
        return "page cache"
    if looker.kind == "pte":
        return looker.text if "entry" in looker.text else name
    who, sep, by = looker.text.partition(", by ")
    return f"{who} ({by})" if sep else looker.text


def _seen(row: Row, places: Sequence[Place]) -> str:
    """Who looks at a row, without who only works on it for the moment; whoever should not is marked."""
    wrong = {p.looker for p in places}
    said = (f"{_looks(k)} ✗" if k.key in wrong else _looks(k) for k in row.lookers if k.kind != "task")
    return ", ".join(dict.fromkeys(said))


def _sign(row: Row, c: int | None, places: Sequence[Place]) -> str:
    found = [p for p in places if (p.row, p.cell) == (row.key, c)]
    return "" if not found else "≠" if len(places) == 2 else "✗"


def _lines(rows: Sequence[Row], places: Sequence[Place]) -> list[str]:
    table = []
    for row in rows:
        cells = [f"{cell or '-'} {_sign(row, c, places)}".strip() for c, cell in enumerate(row.cells)]
        table.append((f"{row.title} {_sign(row, None, places)}".strip(), *cells, _seen(row, places)))
    width = [max((len(line[k]) for line in table), default=0) for k in range(4)]
    return ["  ".join(f"{t:{w}}" for t, w in zip(line, width, strict=True)).rstrip() for line in table]


def _frame(case: Case, name: str, caption: str, rows: Sequence[Row], places: Sequence[Place]) -> str:
    body = ""
    for row in rows:
        cells = "".join(_cell(case, row, c, _sign(row, c, places)) for c in range(len(row.cells)))
        title = f"{say(row.title)} {_sign(row, None, places)}".strip()
        seen = say(_seen(row, places))
        looks = f'<br><small style="font-weight:normal">{"← " if seen else ""}{seen}</small>'
        body += f'<tr><th scope="row" style="text-align:left;font-weight:bold">{title}{looks}</th>{cells}</tr>'
    inner = f"<table><tbody>{body}</tbody></table>"
    style = "vertical-align:top;text-align:left;white-space:normal;padding:4px 8px"
    return f'<td style="{style}"><b>{name}</b><br>{inner}<small>{say(caption)}</small></td>'


def _cell(case: Case, row: Row, c: int, sign: str) -> str:
    cell = row.cells[c]
    if cell is None:
        return "<td></td>"
    authors = list(dict.fromkeys(op.task for op in case.world.ops if op.version))
    n = authors.index(cell.by) % len(INKS) if cell.by in authors else None
    look = PLAIN if n is None else f"color:{INKS[n]};background:{BACKS[n]}"
    by = f"<br><small>{say(cell.by)}</small>" if cell.by else ""
    edge = WRONG if sign else RIGHT
    return f'<td style="{look};{edge};text-align:center;white-space:nowrap"><b>{say(cell.v)}</b> {sign}{by}</td>'
