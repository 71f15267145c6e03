"""The page-ownership graph: who holds which folio, where the bytes are, and what is on its way to the disk.

One box an actor: its PTE, its TLB, its hold and what it is at. A folio's box says what its reference count is the sum
of. A box that has nothing to say is not drawn.
"""

from __future__ import annotations

from functools import cache, lru_cache

from tux3nb.cases.case import Case
from tux3nb.model.broken import Broken
from tux3nb.model.look import Look
from tux3nb.model.operations import CELLS
from tux3nb.model.world import FLUSHER
from tux3nb.show.picture.cards import Card, Edge, Picture, build
from tux3nb.show.places import Row, Scene, bytes_text, letter, scene

ON = "on"
LINES = 2  # lines for the sum of a reference count
WIDE = 30  # letters in a line of it


@cache
def ownership(case: Case) -> Picture:
    """The picture of a case, laid out over everything that may ever appear in it."""
    w = case.world
    writer = max((op.task for op in w.ops if op.version), key=len, default="")
    cells = tuple((c, f"v{w.last_version} {writer}") for c in CELLS)
    cards = [Card("slot", 0, "page cache", lines=tuple((f"page{p}", "page 0: folio A") for p in w.pages))]
    cards += [Card(f"actor.{a}", 0, a, lines=_lines(case, a)) for a in people(case)]
    refs = tuple((f"refs{n}", "5 = page cache + buffers + 2 P") for n in range(LINES))
    folio = (("flags", "dirty d1, writeback, locked"), ("more", "orphan, frozen, snapshot"), *refs)
    cards += [Card(f"folio{f}", 1, f"folio {letter(f)}", cells, folio, "folio") for f in w.folios]
    if "anon" in w.fields:
        copies = dict.fromkeys(op.via for op in w.ops if op.how.writes == "private")
        cards += [
            Card(f"anon.{m}", 1, f"{m}'s private copy", cells, (("note", "being made"),), "folio") for m in copies
        ]
    if "saved" in w.fields:
        savers = {op.holder: op.cells[0] for op in w.ops if op.how.reads == "instruction"}
        cards += [Card(f"saved.{h}", 2, "saved instruction", cells[c : c + 1], look="disk") for h, c in savers.items()]
    for t in w.fields["summed"].axes[0] if "summed" in w.fields else ():
        cards.append(Card(f"sum.{t}", 2, f"{t}'s checksum", cells, (("note", "of these bytes"),), "disk"))
    cards.append(Card("deltas", 2, "deltas", lines=tuple((f"d{d}", "d0: current") for d in range(w.last_delta + 1))))
    bio = (("note", "of folio A, submitted"), ("has", "disk has cell 0, 1"))
    cards.append(Card("bio", 2, "bio", cells, bio, "disk"))
    cards.append(Card("disk", 2, "disk", cells, (("note", "as at the start"),), "disk"))
    oops = (("note", "forked folio freed before lis"),)
    cards.append(Card("oops", 1, "a kernel assertion failed", lines=oops, look="alarm"))
    return build(cards, _edges(case, cards), "page ownership: who holds which folio")


def people(case: Case) -> list[str]:
    """Whoever may have to do with a folio: tasks, processes, holders, devices with entries of their own."""
    w = case.world
    fields = [f for name in _OF_TASKS if (f := w.fields.get(name))]
    busy = [t for t in w.tasks if any(t in f.axes[0] for f in fields)]
    others = [*w.mappings, *(h.name for h in w.holders), *(h for h, _ in w.secondary), *borrowers(case)]
    return list(dict.fromkeys([*busy, *others]))


def borrowers(case: Case) -> dict[str, list[str]]:
    """Task -> the others' holds that it works through."""
    out: dict[str, list[str]] = {}
    for op in case.world.ops:
        if op.how.holder == "uses" and op.holder != op.task and op.holder not in out.setdefault(op.task, []):
            out[op.task].append(op.holder)
    return out


_OF_TASKS = ("folio", "copy", "fault", "seen", "target")


def _lines(case: Case, who: str) -> tuple[tuple[str, str], ...]:
    """The lines of an actor's box, each with a widest text."""
    w, out = case.world, []
    if who in w.mappings:
        out += [("vma", "does not map the file")] if who in w.comes_and_goes else []
        out.append(("pte", "PTE → A, rw, dirty"))
    out += [("tlb", "TLB → A, rw, stale")] if who in w.siblings else []
    out += [("spte", "its entry → A, rw, stale")] if who in [h for h, _ in w.secondary] else []
    out += [("hold", "reference on A")] if who in [h.name for h in w.holders] else []
    out += [(f"by.{h}", f"→ A by {h}'s pin") for h in borrowers(case).get(who, ())]
    out += [("task", "at A, makes B")] if who in w.tasks else []
    return tuple(out)


def _edges(case: Case, cards: list[Card]) -> list[Edge]:
    names = {card.id for card in cards}
    folios = [f"folio{f}" for f in case.world.folios]
    out = [Edge(f"slot-{f}", "slot", f) for f in folios]
    for who in people(case):
        out += [Edge(f"{who}-{f}", f"actor.{who}", f) for f in folios]
        out += [Edge(f"{who}-anon", f"actor.{who}", f"anon.{who}")] if f"anon.{who}" in names else []
    return out + [Edge(f"bio-{f}", "bio", f) for f in folios]


# ---- one state --------------------------------------------------------------------------------------------------
def words(scene: Scene) -> dict[str, str]:
    """The word of every part that is drawn in a state."""
    out: dict[str, str] = {}
    for row in scene.rows:
        _row(out, scene, row)
    for who in people(scene.case):
        _actor(out, scene, who)
    look, w = scene.look, scene.world
    for p in w.pages:
        folio = look.slot(p)
        page = f"page {p}: " if len(w.pages) > 1 else ""
        out["slot"] = ON
        out[f"slot.page{p}"] = f"{page}folio {letter(folio)}" if folio is not None else f"{page}empty"
        if folio is not None:
            out[f"slot-folio{folio}"] = "s-slot"
    stages = {d: scene.stage(d) for d in range(w.last_delta + 1)}
    out |= {"deltas": ON, **{f"deltas.d{d}": f"d{d}: {said}" for d, said in stages.items() if said}}
    folio = look.bio_folio()
    if folio is not None and look.bio_stage() in (1, 2) and not look.bounced():
        out[f"bio-folio{folio}"] = "s-io"
    if folio is not None and look.at(FLUSHER) and "bio" not in out:
        out |= {"bio": ON, "bio.note": f"flusher at {letter(folio)}"}
    if look.oops():
        said = w.fields["oops"].names[look.oops()]
        out |= {"oops": ON, "oops.note": said}
    return out


@lru_cache(maxsize=1 << 13)
def drawn(case: Case, state: int) -> dict[str, str]:
    """The same by state, for who asks again."""
    return words(scene(case, state))


def _row(out: dict[str, str], scene: Scene, row: Row) -> None:
    """The parts of a row of bytes."""
    out[row.key] = ON
    for c, cell in enumerate(row.cells):
        if cell is not None:
            out |= {f"{row.key}.cell{c}": ON, f"{row.key}.cell{c}.t": str(cell)}
    if row.kind == "folio":
        f = int(row.key[5:])
        flags = scene.flags(f)
        first, rest = flags[:3], flags[3:]
        out |= {f"{row.key}.flags": ", ".join(first), f"{row.key}.more": ", ".join(rest)}
        out |= {f"{row.key}.refs{n}": text for n, text in enumerate(wrapped(refsum(scene.look, f)))}
        return
    source = scene.look.bio_folio()
    of = f"of folio {letter(source)}, " if row.key == "bio" and source is not None else ""
    note, _, has = row.note.partition(", the disk has ")
    bounce = "bounce copy, " if row.kind == "bounce" else of
    said = {"note": f"{bounce}{note}" if row.key == "bio" else note, "has": has and f"disk has {has}"}
    out |= {f"{row.key}.{name}": text for name, text in said.items() if text}


def _actor(out: dict[str, str], scene: Scene, who: str) -> None:
    """The lines of an actor's box, and one edge to each folio, with the strongest look."""
    look, w, card = scene.look, scene.world, f"actor.{who}"
    edges: dict[int, list[str]] = {}
    lines: dict[str, str] = {}
    if who in w.mappings:
        _process(lines, edges, scene, who)
    if (folio := look.spte(who)) is not None:
        via = next(m for h, m in w.secondary if h == who)
        lines["spte"] = f"its entry → {letter(folio)}, {_access(look.spte_write(who))}{_stale(look.pte(via) != folio)}"
        edges.setdefault(folio, []).append("stale")
    if (folio := look.hold(who)) is not None:
        pin = w.holder(who).pin
        lines["hold"] = f"{'pin' if pin else 'reference'} on {letter(folio)}"
        edges.setdefault(folio, []).append("pin" if pin else "ref")
    for holder in borrowers(scene.case).get(who, ()):
        if (folio := look.hold(holder)) is not None:
            pin = w.holder(holder).pin
            lines[f"by.{holder}"] = f"→ {letter(folio)} by {holder}'s {'pin' if pin else 'ref'}"
            edges.setdefault(folio, []).append("pin" if pin else "ref")
    if who in w.tasks:
        at = {f for f in (look.folio(who), look.fault(who), look.seen(who)) if f is not None}
        made = {f for f in (look.copy(who), look.target(who)) if f is not None}
        said = [f"at {letter(f)}" for f in sorted(at)] + [f"makes {letter(f)}" for f in sorted(made)]
        lines |= {"task": ", ".join(said)} if said else {}
        for f in at:
            edges.setdefault(f, []).append("ref")
        for f in made:
            edges.setdefault(f, []).append("new")
    if lines:
        out |= {card: ON, **{f"{card}.{name}": text for name, text in lines.items()}}
    for f, looks in edges.items():
        out[f"{who}-folio{f}"] = "s-" + next(k for k in _STRONGEST if k in looks)
    if f"anon.{who}" in out and look.anon(who):
        out[f"{who}-anon"] = "s-rw"


_STRONGEST = ("pin", "rw", "ro", "stale", "new", "ref")


def _process(lines: dict[str, str], edges: dict[int, list[str]], scene: Scene, m: str) -> None:
    """The mapping, the PTE and the TLB of a process."""
    look, w = scene.look, scene.world
    if m in w.comes_and_goes:
        lines["vma"] = "maps the file" if look.vma(m) else "does not map the file"
    folio = look.pte(m)
    if folio is not None:
        mode = "migration entry" if look.migrating(m) else _access(look.pte_write(m))
        lines["pte"] = f"PTE → {letter(folio)}, {mode}{', dirty' if look.pte_dirty(m) else ''}"
        edges.setdefault(folio, []).append("rw" if look.pte_write(m) and not look.migrating(m) else "ro")
    elif look.anon(m):
        lines["pte"] = "PTE → its own copy"
    elif look.moving(m):
        lines["pte"] = f"migration entry, {('', 'ro', 'rw')[look.moving(m)]}"
    if (folio := look.tlb(m)) is not None:
        lines["tlb"] = f"TLB → {letter(folio)}, {_access(look.tlb_write(m))}{_stale(look.pte(m) != folio)}"
        edges.setdefault(folio, []).append("stale")


def _access(write: int) -> str:
    return "rw" if write else "ro"


def _stale(stale: bool) -> str:
    return ", stale" if stale else ""


def refsum(look: Look, f: int) -> list[tuple[int, str]]:
    """What a folio's reference count is the sum of, as `model.folio.refcount` counts: (how many, of what)."""
    w = look.world
    cache = int(bool(look.in_slot(f)))
    tasks = sum(look.folio(t) == f for t in w.tasks)
    tasks += sum(look.fault(t) == f and look.folio(t) != f for t in w.tasks)
    holds = [h.pin for h in w.holders if look.hold(h.name) == f]
    return [
        (n, said)
        for n, said in (
            (cache or look.forked(f), "page cache" if cache or not look.forked(f) else "forked"),
            (look.private(f) and not look.value("stripped", f), "buffers"),
            (look.own(f), "own"),
            (sum(look.pte(m) == f for m in w.mappings), "PTE"),
            (tasks, "task"),
            (sum(holds), "pin"),
            (len(holds) - sum(holds), "holder"),
        )
        if n
    ]


def wrapped(parts: list[tuple[int, str]]) -> list[str]:
    """The sum in at most two lines: ``4 = page cache + buffers``, ``+ 2 PTE + pin``."""
    total = sum(n for n, _ in parts)
    if not total:
        return ["0 references"]
    texts = [said if n == 1 else f"{n} {said}" for n, said in parts]
    lines = [f"{total} ="]
    for k, text in enumerate(texts):
        piece = f" {text}" if not k else f" + {text}"
        if len(lines[-1]) + len(piece) > WIDE and len(lines) < LINES:
            lines.append("  ")
        lines[-1] += piece
    return lines


def broken_parts(mark: Broken, drawn: dict[str, str]) -> list[str]:
    """The parts of the picture that a broken thing has: cells, a card, a line of an actor."""
    out = []
    for place in mark.places:
        kind, _, who = place.looker.partition(".")
        part = place.row if place.cell is None else f"{place.row}.cell{place.cell}"
        if place.looker:
            part = f"actor.{who}.{kind}"
        if place.actor:
            part = f"actor.{place.actor}"
        out += [part] if part in drawn else []
    return out


def in_words(scene: Scene) -> list[str]:
    """The picture in words: the rows of bytes, every folio's count, and the notes."""
    counts = []
    for row in (r for r in scene.rows if r.kind == "folio"):
        total = " ".join(part.strip() for part in wrapped(refsum(scene.look, int(row.key[5:]))))
        counts.append(f"{row.title} has {total.replace('=', 'references =')}")
    return [*bytes_text(scene.rows), *counts, *(note for note in scene.notes if note)]
