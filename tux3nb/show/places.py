"""Where the bytes of a page are in one state, and who looks at them: a row for every place, a column for every cell.

Every field of a state that is shown at all is shown here, in a row, in its note, by somebody who looks at it, or in
`notes`; `UNDRAWN` says why the others are not.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from tux3nb.cases.case import Case
from tux3nb.engine.fields import sentences
from tux3nb.model.broken import Place, writer
from tux3nb.model.look import Look
from tux3nb.model.operations import CELLS
from tux3nb.model.world import FLUSHER, FOLIO, VERSION

UNDRAWN = {  # field -> why no picture shows it
    "line": "the lanes show which operation an actor is at",
    "pc": "the lanes show what an actor does next",
    "private": "a folio is drawn while it has buffers",
    "moved": "the cells show what has been moved",
    "to_copy": "the cells show what has been copied",
    "other_folio": "a folio in a bio that waits is under writeback",
    "other_stage": "the row of the bio has its cell once it is submitted",
    "other_bounced": "the row of the bio shows what the disk has",
    "dio_moved": "the cells show what has been moved",
    "spte_seq": "the lanes show that the device tries again",
}


@dataclass(frozen=True)
class Looker:
    """Somebody who looks at a row of bytes. kind: cache, pte, tlb, spte, pin, ref, task, flusher or bio."""

    key: str
    kind: str
    text: str


@dataclass(frozen=True)
class Cell:
    """A version of a cell, and who wrote it (nobody: the bytes of the start)."""

    v: str
    by: str = ""

    def __str__(self) -> str:
        return f"{self.v} {self.by}".rstrip()


@dataclass(frozen=True)
class Row:
    """A place where bytes are. kind: folio, anon, saved, bounce, bio or disk; None for a cell that it has not."""

    key: str
    kind: str
    title: str
    note: str
    cells: tuple[Cell | None, ...]
    lookers: tuple[Looker, ...] = ()


def letter(folio: int) -> str:
    """The letter of a folio: A, B, C."""
    return FOLIO.word(folio)


FLAGS = {  # flag of a folio -> its word; whoever counts references tells its own reference
    "writeback": "writeback",
    "locked": "locked",
    "forked": "forked",
    "orphan": "orphan",
    "snapshot": "snapshot",
    "anonymous": "the process's own copy",
    "frozen": "count frozen",
    "stripped": "no buffers",
}


class Scene:
    """One state of a case: `rows` in reading order, and `notes` on what is no place."""

    def __init__(self, case: Case, state: int):
        self.case, self.world, self.state = case, case.world, state
        self.look = Look(case.world, case.system.layout, state)

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        folios = (self._folio(f) for f in self.world.folios)
        return tuple(
            r for r in (*folios, *self._copies(), *self._saved(), *self._sums(), self._bio(), self._disk()) if r
        )

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What is said of the state beside its rows: the deltas, a failed assertion, a mapping that came or went."""
        layout, told = self.case.system.layout, []
        for name in ("oops", "vma", "ever_mapped", "hole_front", "hole_back", "ahead", "section", "dirty_work"):
            f = self.world.fields.get(name)
            values = [(f, k, layout.value(self.state, f, k)) for k in range(f.size)] if f else []
            told += [(f, k, v) for f, k, v in values if v != (f.none or 0) or name == "vma"]
        unbound = [h.name for h in self.world.holders if self.look.unbound(h.name)]
        deltas = [f"d{d} {self.stage(d)}" for d in range(self.world.last_delta + 1) if self.stage(d)]
        return (", ".join(deltas), *sentences(told), *(f"{h}'s hold is no longer bound to the file" for h in unbound))

    def stage(self, delta: int) -> str:
        """Where a delta is: on disk, closed, current; empty: not begun."""
        if delta < self.look.committed():
            return "on disk"
        if delta < self.look.cur():
            return "closed"
        return "current" if delta == self.look.cur() else ""

    def row(self, key: str) -> Row | None:
        return next((r for r in self.rows if r.key == key), None)

    # ---- the rows -----------------------------------------------------------------------------------------------
    def cell(self, c: int, version: int) -> Cell:
        return Cell(VERSION.word(version), writer(self.world, c, version))

    def _folio(self, f: int) -> Row | None:
        look, lookers = self.look, tuple(self._lookers(f))
        if not (look.private(f) or look.detached(f) or lookers):
            return None
        half = any(look.copy(t) == f and look.at(t) in ("copy_rest", "reverse_rest") for t in self.world.tasks)
        there = [look.has_cell(f, c) and not (half and c) for c in CELLS]
        cells = tuple(self.cell(c, look.cell(f, c)) if here else None for c, here in zip(CELLS, there, strict=True))
        return Row(f"folio{f}", "folio", f"folio {letter(f)}", ", ".join(self.flags(f)), cells, lookers)

    def flags(self, f: int) -> list[str]:
        """The flags of a folio in words: ``dirty d0``, ``locked``."""
        look = self.look
        said = [f"page {look.index(f)}"] if len(self.world.pages) > 1 else []
        said += [f"dirty d{look.tag(f)}"] if look.dirty(f) else [f"tagged d{look.tag(f)}"] if look.tag(f) else []
        said += [word for name, word in FLAGS.items() if look.value(name, f)]
        detached = self.world.fields.get("detached")
        said += [detached.says[look.detached(f)]] if detached and look.detached(f) else []
        return said if look.private(f) or look.detached(f) else [*said, "freed"]

    def _lookers(self, f: int) -> Iterator[Looker]:  # noqa: C901, PLR0912  (one question each)
        """Who looks at a folio."""
        look, w = self.look, self.world
        for p in look.in_slot(f):
            page = f"page cache, page {p}" if len(w.pages) > 1 else "page cache"
            yield Looker(f"slot.{p}", "cache", f"{page}: read, write")
        for m in w.mappings:
            if look.pte(m) == f:
                yield Looker(f"pte.{m}", "pte", self.pte(m))
            elif look.moving(m) and any(look.folio(t) == f for t in self._movers()):
                words = w.fields["moving"].says[look.moving(m)]
                yield Looker(f"pte.{m}", "pte", f"{words} of {m}")
        for m in w.siblings:
            if look.tlb(m) == f:
                stale = "stale " if look.pte(m) != f else ""
                yield Looker(f"tlb.{m}", "tlb", f"{stale}TLB of {m}'s other thread ({_access(look.tlb_write(m))})")
        for h, via in w.secondary:
            if look.spte(h) == f:
                stale = "stale " if look.pte(via) != f else ""
                yield Looker(f"spte.{h}", "spte", f"{stale}translation of {h} ({_access(look.spte_write(h))})")
        for h in w.holders:
            if look.hold(h.name) == f:
                yield Looker(f"hold.{h.name}", "pin" if h.pin else "ref", self.hold(h.name))
        for t in w.tasks:
            if said := self.task(t, f):
                yield Looker(f"task.{t}", "task", f"{t} {said}")
        if look.bio_folio() == f and (look.bio_stage() in (1, 2) or look.at(FLUSHER)):
            yield from self._flusher()

    def _movers(self) -> tuple:
        target = self.world.fields.get("target")
        return target.axes[0] if target else ()

    def pte(self, m: str) -> str:
        """A PTE in words: ``PTE of app (rw, dirty)``, ``migration entry of app``."""
        look = self.look
        dirty = ", dirty" if look.pte_dirty(m) else ""
        if look.migrating(m):
            return f"migration entry of {m}"
        kind = "" if self.world.maps[m].kind == "shared" else f", {self.world.maps[m].kind}"
        return f"PTE of {m} ({_access(look.pte_write(m))}{dirty}{kind})"

    def hold(self, name: str) -> str:
        """A hold in words: ``device, by app's pin``."""
        users = {op.task: 1 for op in self.world.ops if op.holder == name and op.how.holder == "uses"}
        what = "pin" if self.world.holder(name).pin else "reference"
        others = [t for t in users if t != name]
        return f"{', '.join(others)}, by {name}'s {what}" if others else f"{name}, by {what}"

    def task(self, t: str, f: int) -> str:
        """What a task has to do with a folio for the moment: ``refers to it``, ``prepares it``."""
        look = self.look
        said = ["prepares it"] if look.copy(t) == f else []
        said += ["moves bytes to it"] if look.target(t) == f else []
        said += ["refers to it"] if look.folio(t) == f else []
        said += ["faulted on it"] if look.fault(t) == f and look.folio(t) != f else []
        said += ["saw it in the PTE"] if look.seen(t) == f and look.folio(t) != f else []
        return ", ".join(said)

    def _flusher(self) -> Iterator[Looker]:
        look = self.look
        stage, bounced = look.bio_stage(), look.bounced()
        if stage in (1, 2) and not bounced:
            word = {1: "will be read by the bio", 2: "the disk reads it"}[stage]
            yield Looker("bio", "bio", word)
        elif look.at(FLUSHER) not in ("", "commit", "poll", "fetch"):
            yield Looker("flusher", "flusher", "flusher")

    def _copies(self) -> Iterator[Row]:
        """The private copies of uprobes, mapped or still being made."""
        look, making = self.look, ("uprobe_rest", "uprobe_lock", "uprobe_replace", "cow_check")
        for m in self.world.mappings if "anon" in self.world.fields else ():
            makers = {op.task for op in self.world.ops if op.via == m and op.how.holder == "makes"}
            busy = [t for t in makers if look.at(t) in making]
            if not look.anon(m) and not busy:
                continue
            cells = tuple(self.cell(c, look.anon_cell(m, c)) for c in CELLS)
            half = not look.anon(m) and any(look.at(t) == "uprobe_rest" for t in busy)
            lookers = [Looker(f"pte.{m}", "pte", f"PTE of {m} (its own)")] if look.anon(m) else []
            lookers += [Looker(f"task.{t}", "task", f"{t} prepares it") for t in busy]
            note = "" if look.anon(m) else "being made"
            yield Row(
                f"anon.{m}",
                "anon",
                f"{m}'s private copy",
                note,
                (cells[0], *(None if half else c for c in cells[1:])),
                tuple(lookers),
            )

    def _saved(self) -> Iterator[Row]:
        look = self.look
        for op in self.world.ops:
            if op.how.reads == "instruction" and (
                look.line(op.task) > op.line or (look.line(op.task) == op.line and look.at(op.task))
            ):
                c = op.cells[0]
                cells = tuple(self.cell(c, look.saved(op.holder)) if k == c else None for k in CELLS)
                keeps = Looker(f"keeps.{op.holder}", "task", f"{op.holder} keeps it")
                yield Row(f"saved.{op.holder}", "saved", "saved instruction", "", cells, (keeps,))
                return

    def _sums(self) -> Iterator[Row]:
        """What a task has summed of the bytes that it sends, while it sends them."""
        summed, look = self.world.fields.get("summed"), self.look
        for t in summed.axes[0] if summed else ():
            if look.at(t) in ("dio_submit", "dma", "dio_end", "reap"):
                cells = tuple(self.cell(c, look.summed(t, c)) for c in CELLS)
                yield Row(f"sum.{t}", "saved", f"{t}'s checksum", "of these bytes", cells)

    def _bio(self) -> Row | None:
        """What the disk has been given: a bounce copy, or the folio's bytes as they were submitted."""
        look = self.look
        stage, bounced = look.bio_stage(), look.bounced()
        two = len(self.world.pages) > 1
        if not bounced and stage not in (2, 3) and not (two and (look.written() or look.other_stage() == 2)):
            return None
        half = bounced and look.at(FLUSHER) == "bounce_rest"
        there = [not half or c == 0 for c in CELLS]
        if two:
            bio = look.bio_folio()
            bios = (bio if stage in (2, 3) else None, look.other_folio() if look.other_stage() == 2 else None)
            mine = [any(f is not None and look.has_cell(f, c) for f in bios) for c in CELLS]
            there = [m or bool(look.written() >> c & 1) for c, m in zip(CELLS, mine, strict=True)]
        cells = tuple(self.cell(c, look.image(c)) if here else None for c, here in zip(CELLS, there, strict=True))
        fetched = [f"cell {c}" for c in CELLS if look.fetched() >> c & 1]
        words = {0: "being made" if bounced else "written", 1: "to be submitted", 2: "submitted", 3: "written"}
        note = words[stage] + (f", the disk has {' and '.join(fetched)}" if fetched else "")
        reads = (Looker("disk", "bio", "the disk reads it"),) if stage == 2 and bounced else ()
        return Row(
            "bio", "bounce" if bounced else "bio", "bounce copy" if bounced else "bio, as sent", note, cells, reads
        )

    def _disk(self) -> Row:
        look = self.look
        cells = tuple(self.cell(c, look.disk(c)) for c in CELLS)
        note = f"d{look.committed() - 1} committed" if look.committed() else "as at the start"
        return Row("disk", "disk", "disk", note, cells)


def _access(write: int) -> str:
    return "rw" if write else "ro"


@lru_cache(maxsize=1 << 13)
def scene(case: Case, state: int) -> Scene:
    """The scene of a state; runs share most of theirs."""
    return Scene(case, state)


# ---- forms --------------------------------------------------------------------------------------------------------
WRONG = "outline:2px solid #a40e1c;outline-offset:-2px"


def _signs(places: Sequence[Place]) -> dict[tuple, str]:
    """(row, cell) -> the sign of what is broken there."""
    return {(p.row, p.cell): "≠" if len(places) == 2 else "✗" for p in places if p.row}


def bytes_text(rows: Sequence[Row], places: Sequence[Place] = ()) -> list[str]:
    """The bytes as lines of a table: a row a place, a column a cell, and who looks there."""
    signs = _signs(places)
    looked = {p.looker for p in places}
    table = [("", "cell 0", "cell 1", "who looks here")]
    for row in rows:
        note = f" ({row.note})" if row.note else ""
        told = [f"{c or '-'} {signs.get((row.key, n), '')}".rstrip() for n, c in enumerate(row.cells)]
        seen = ", ".join(f"{k.text} ✗" if k.key in looked else k.text for k in row.lookers)
        table.append((f"{row.title}{note} {signs.get((row.key, None), '')}".rstrip(), *told, seen))
    width = [max(len(line[k]) for line in table) for k in range(4)]
    return ["  ".join(f"{t:{w}}" for t, w in zip(line, width, strict=True)).rstrip() for line in table]


def bytes_html(rows: Sequence[Row], places: Sequence[Place] = ()) -> str:
    """The same as an HTML table."""
    signs, looked, say = _signs(places), {p.looker for p in places}, html.escape

    def cell(row: Row, c: int, told: Cell | None) -> str:
        sign = signs.get((row.key, c), "")
        return f"<td{_style(sign)}><b>{say(str(told))}</b> {sign}</td>" if told else "<td></td>"

    body = ""
    for row in rows:
        note = f"<br><small>{say(row.note)}</small>" if row.note else ""
        sign = signs.get((row.key, None), "")
        cells = "".join(cell(row, c, told) for c, told in enumerate(row.cells))
        seen = "<br>".join(f"<b>{say(k.text)} ✗</b>" if k.key in looked else say(k.text) for k in row.lookers)
        title = f"{say(row.title)} {sign}{note}"
        body += f'<tr{_style(sign)}><th scope="row" style="text-align:left">{title}</th>{cells}<td>{seen}</td></tr>'
    heads = "".join(f'<th scope="col">{h}</th>' for h in ("place", "cell 0", "cell 1", "who looks here"))
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


def _style(sign: str) -> str:
    return f' style="{WRONG}"' if sign else ""


#: Every field that a row, a looker or a note tells.
DRAWN = frozenset(
    "slot index disk image cell dirty writeback locked forked own orphan snapshot frozen detached hole_front hole_back "
    "tag pte pte_dirty pte_write migrating tlb tlb_write tlb_freed spte spte_write spte_freed vma ever_mapped folio "
    "copy fault seen section hold cur committed bio_folio bio_stage bounced fetched written ahead oops anon anon_cell "
    "saved target moving dirty_work anonymous stripped summed".split()
)
