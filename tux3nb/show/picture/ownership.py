"""The page-ownership graph: who holds which folio, what the folios contain, and what is on the disk."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from tux3nb.model.world import BIO_STAGES, FOLIO, FOLIO_FLAGS
from tux3nb.show.picture.evaluate import Expr, Text, fold
from tux3nb.show.picture.table import Card, Edge, Flag, build

FLAGS = ("dirty", "writeback", "locked", "forked")  # shown on a folio's card, by the words of the fields


@dataclass(frozen=True)
class World:
    """What the picture must know of a world; a field that is not in `fields` reads as 0.

    `names` may name the values of a field, above all of a task's place "pc[t]" and of "oops". `counts` gives a folio's
    "refcount", "mapcount" and "pincount" as the model counts them; without it they are counted from what is drawn.
    """

    folios: int
    cells: int
    mappings: tuple[str, ...]
    tasks: tuple[str, ...]
    holders: tuple[tuple[str, str], ...]
    fields: Set[str]
    deltas: int = 2
    names: Mapping[str, list[str]] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[int, Mapping[str, Expr]] = field(default_factory=dict)

    @property
    def slots(self) -> list[str]:
        """The page-cache slots, one a page; of two pages, each is one cell and a folio says which is its own."""
        return [name for name in ("slot[0]", "slot[1]") if name in self.fields]

    def in_slot(self, folio: int) -> Expr:
        """Return whether some slot holds a folio."""
        return fold(["or", 0, *(["==", self.f(name), folio] for name in self.slots)])

    def f(self, name: str) -> Expr:
        """Return the EXPR of a field, the constant 0 where the world has no such field."""
        return ["f", name] if name in self.fields else 0

    def named(self, name: str) -> Text:
        """Return the TEXT of a field: its value's name, else the number."""
        return ["name", self.f(name), list(self.names[name])] if name in self.names else self.f(name)

    def title(self, name: str) -> str:
        return self.titles.get(name, name)

    def process(self, mapping: str) -> str:
        """Return what a mapping is called: its process, and of two pages which one it maps."""
        return self.titles.get(f"pte.{mapping}", self.title(mapping))


def _sum(parts: list[Expr]) -> Expr:
    total: Expr = 0
    for part in parts:
        total = fold(["+", total, part])
    return total


def _choose(*pairs: tuple[Expr, Text], default: Text = "") -> Text:
    """Return the TEXT of the first pair whose condition is true; conditions that can't be true vanish."""
    text: Text = default
    for when, said in reversed(pairs):
        when = fold(when)
        if when != 0:
            text = said if isinstance(when, int) else ["if", when, said, text]
    return text


def _folio_name(w: World, expr: Expr, first: int = 1) -> Text:
    """Return a folio's letter; `first` is the value that stands for folio A."""
    return ["name", expr, ["none"] * first + [FOLIO.word(f) for f in range(w.folios)]]


def mapped(w: World, mapping: str, folio: int) -> Expr:
    """Return whether a mapping's PTE maps a folio; a migration entry does not."""
    return fold(["and", ["==", w.f(f"pte[{mapping}]"), folio + 1], ["not", w.f(f"migrating[{mapping}]")]])


def counts(w: World, folio: int) -> dict[str, Expr]:
    """Return a folio's refcount, mapcount and pincount, as the model has them, else composed from who holds it."""
    if folio in w.counts:
        return {name: fold(expr) for name, expr in w.counts[folio].items()}
    mapcount = [mapped(w, m, folio) for m in w.mappings]
    held = [(kind, fold(["==", w.f(f"hold[{h}]"), folio + 1])) for h, kind in w.holders]
    transient = [fold(["==", w.f(f"{kind}[{t}]"), folio + 1]) for t in w.tasks for kind in ("folio", "copy")]
    cache = w.in_slot(folio)
    own = [w.f(f"{kind}[{folio}]") for kind in ("private", "own", "snapshot")]
    return {
        "refcount": _sum([cache, *own, *mapcount, *transient, *(expr for _, expr in held)]),
        "mapcount": _sum(mapcount),
        "pincount": _sum([expr for kind, expr in held if kind == "pin"]),
    }


def _versions(w: World, pattern: str) -> Text:
    """Return the versions of all cells in one line: "v1 v0"."""
    parts: list[Text] = []
    for cell in range(w.cells):
        parts += [" " if cell else "", "v", w.named(pattern.format(cell))]
    return ["cat", *parts]


def _folio(w: World, f: int) -> Card:
    """Return the card of a folio: its place, cells, flags and counts."""
    count = counts(w, f)
    place = _choose(
        (w.in_slot(f), "in the page cache"),
        (w.f(f"snapshot[{f}]"), FOLIO_FLAGS["snapshot"][1]),
        (w.f(f"orphan[{f}]"), "orphan"),
        (w.f(f"forked[{f}]"), "left by a page fork"),
        (w.f(f"anonymous[{f}]"), "an anonymous copy"),
        (count["refcount"], "out of the page cache"),
        default="free",
    )
    texts: dict[str, Text] = {name: FOLIO_FLAGS[name][1] for name in FLAGS if f"{name}[{f}]" in w.fields}
    if "dirty" in texts and f"tag[{f}]" in w.fields:
        texts["dirty"] = ["cat", texts["dirty"], " of d", w.f(f"tag[{f}]")]
    shown = tuple(Flag(f"folio{f}.{name}", w.f(f"{name}[{f}]"), text) for name, text in texts.items())
    numbers: Text = ["cat", "refcount ", count["refcount"], ", mapcount ", count["mapcount"]]
    if w.holders:
        numbers += [", pins ", count["pincount"]]
    letter = FOLIO.word(f)
    cells, contents = _cells(w, f)
    tip = ["cat", f"Folio {letter}: ", place, "; ", contents]
    tip += [["if", flag.when, ["cat", "; ", flag.text], ""] for flag in shown]
    return Card(
        f"folio{f}",
        1,
        f"folio {letter}",
        note=place,
        flags=shown,
        lines=(numbers,),
        look="folio",
        cells=cells,
        when=["or", count["refcount"], w.f(f"orphan[{f}]"), w.f(f"writeback[{f}]")],
        tip=[*tip, "; ", *numbers[1:], "."],
    )


def _cells(w: World, f: int) -> tuple[tuple[tuple[str, Text], ...], Text]:
    """Return a folio's cells as boxes, and in words; of two pages only the cell of the folio's own page is there."""
    if len(w.slots) < 2:
        boxes = tuple((f"cell {c}", ["cat", "v", w.named(f"cell[{f},{c}]")]) for c in range(w.cells))
        return boxes, ["cat", "cells ", _versions(w, f"cell[{f},{{}}]")]
    page = w.f(f"index[{f}]")
    value = ["cat", page, "  v", ["if", page, w.named(f"cell[{f},1]"), w.named(f"cell[{f},0]")]]
    return (("page", value),), ["cat", "page ", value]


def _slot(w: World) -> list[Card]:
    if not w.slots:
        return []
    empty = {name: ["==", w.f(name), w.folios] for name in w.slots}
    what = [["if", empty[name], "empty", ["cat", "folio ", _folio_name(w, w.f(name), 0)]] for name in w.slots]
    said = [part for p, text in enumerate(what) for part in ("; that" * (p > 0), f" of page {p} holds ", text)]
    return [
        Card(
            "slot",
            0,
            "page cache",
            lines=tuple(["cat", f"page {p}: ", text] for p, text in enumerate(what)),
            when=fold(["or", *(["not", e] for e in empty.values())]),
            tip=["cat", "The page-cache slot", *said, "."],
        )
    ]


def _pte(w: World, m: str) -> Card:
    pte = w.f(f"pte[{m}]")
    mode = _choose((w.f(f"pte_write[{m}]"), "writable"), default="read-only")
    dirty: Text = _choose((w.f(f"pte_dirty[{m}]"), ", dirty"))
    what = _choose(
        (w.f(f"migrating[{m}]"), ["cat", "migration entry, folio ", _folio_name(w, pte)]),
        (pte, ["cat", "folio ", _folio_name(w, pte), ", ", mode, dirty]),
        default="none",
    )
    return Card(
        f"pte.{m}",
        0,
        f"PTE of {w.process(m)}",
        lines=(what,),
        when=pte,
        tip=["cat", f"The PTE of {w.process(m)}: ", what, "."],
    )


def _task(w: World, t: str) -> Card:
    """Return the card of a task: its place in the routine, the folio it looked up, the copy it prepares."""
    held, copy, pc = w.f(f"folio[{t}]"), w.f(f"copy[{t}]"), f"pc[{t}]"
    what: Text = [
        "cat",
        _choose((held, ["cat", "holds ", _folio_name(w, held)]), default="holds nothing"),
        _choose((copy, ["cat", ", prepares ", _folio_name(w, copy)])),
    ]
    place: tuple[Text, ...] = (w.named(pc),) if pc in w.fields and pc in w.names else ()
    said: Text = ["cat", f"Task {w.title(t)}", *((" at ", *place) if place else ()), ": ", what, "."]
    busy = ["or", held, copy, *([w.f(pc)] if place else [])]
    return Card(f"task.{t}", 0, f"task {w.title(t)}", lines=(*place, what), when=busy, tip=said)


def _holder(w: World, h: str, kind: str) -> Card:
    hold = w.f(f"hold[{h}]")
    verb = "pins" if kind == "pin" else "references"
    what = _choose(
        (hold, ["cat", f"{verb} folio ", _folio_name(w, hold)]), default=f"no {'pin' if kind == 'pin' else 'reference'}"
    )
    return Card(
        f"hold.{h}",
        2,
        f"holder {w.title(h)}",
        lines=(what,),
        when=hold,
        tip=["cat", f"Holder {w.title(h)}: ", what, "."],
    )


def _disk(w: World) -> list[Card]:
    """Return the right column's lower part: the deltas, the bio in flight, the disk."""
    cards = []
    if "cur" in w.fields:
        done, cur = w.f("committed"), w.f("cur")
        stage = [
            _choose(
                (["<", d, done], "on disk"),
                (["<", d, cur], "flushing"),
                (["==", d, cur], "current"),
                default="not begun",
            )
            for d in range(w.deltas)
        ]
        said: list[Text] = [part for d in range(w.deltas) for part in (f"; d{d} " if d else "d0 ", stage[d])]
        cards.append(
            Card(
                "deltas",
                2,
                "deltas",
                lines=tuple(["cat", f"d{d}: ", stage[d]] for d in range(w.deltas)),
                tip=["cat", "Deltas: ", *said, "."],
            )
        )
    if "bio_stage" in w.fields:
        source = _choose((w.f("bounced"), "a bounce copy"), default=["cat", "folio ", _folio_name(w, w.f("bio_folio"))])
        lines: list[Text] = [["cat", "source: ", source]]
        if "image[0]" in w.fields:
            carried = "carries " if len(w.slots) < 2 else "the delta so far: "
            lines.append(["cat", carried, _versions(w, "image[{}]")])
        stage_name = ["name", w.f("bio_stage"), list(BIO_STAGES)]
        cards.append(
            Card(
                "bio",
                2,
                "bio",
                note=stage_name,
                lines=tuple(lines),
                when=w.f("bio_stage"),
                look="disk",
                tip=["cat", "The bio in flight is ", stage_name, "; ", *_joined(lines), "."],
            )
        )
    if "disk[0]" in w.fields:
        cells = tuple((f"cell {c}", ["cat", "v", w.named(f"disk[{c}]")]) for c in range(w.cells))
        cards.append(
            Card(
                "disk",
                2,
                "disk",
                note="committed",
                cells=cells,
                look="disk",
                tip=["cat", "Committed on disk: cells ", _versions(w, "disk[{}]"), "."],
            )
        )
    return cards


def _joined(lines: list[Text]) -> list[Text]:
    return [part for k, line in enumerate(lines) for part in ((", ", line) if k else (line,))]


def _alarm(w: World) -> list[Card]:
    if "oops" not in w.fields:
        return []
    said: Text = w.named("oops") if "oops" in w.names else ["cat", "assertion ", w.f("oops")]
    return [
        Card(
            "oops",
            1,
            "kernel assertion failed",
            lines=(said,),
            when=w.f("oops"),
            ghost=False,
            look="alarm",
            tip=["cat", "A kernel assertion failed: ", said, "."],
        )
    ]


def _edges(w: World, f: int) -> list[Edge]:
    """Return every arrow that may ever point to folio `f`."""
    to, letter = f"folio{f}", FOLIO.word(f)
    edges = [
        Edge(
            f"slot-{f}",
            "slot",
            to,
            w.in_slot(f),
            "slot",
            f"the page-cache slot holds folio {letter}",
        )
    ]
    for m in w.mappings:
        look = _choose((["and", w.f(f"pte_write[{m}]"), ["not", w.f(f"migrating[{m}]")]], "rw"), default="ro")
        edges.append(
            Edge(
                f"pte.{m}-{f}",
                f"pte.{m}",
                to,
                ["==", w.f(f"pte[{m}]"), f + 1],
                look,
                f"{w.process(m)} maps folio {letter}",
            )
        )
    for t in w.tasks:
        edges.append(
            Edge(
                f"task.{t}-{f}",
                f"task.{t}",
                to,
                ["==", w.f(f"folio[{t}]"), f + 1],
                "ref",
                f"{w.title(t)} has a transient reference to folio {letter}",
            )
        )
        edges.append(
            Edge(
                f"copy.{t}-{f}",
                f"task.{t}",
                to,
                ["==", w.f(f"copy[{t}]"), f + 1],
                "new",
                f"{w.title(t)} prepares folio {letter}",
            )
        )
    for h, kind in w.holders:
        edges.append(
            Edge(
                f"hold.{h}-{f}",
                f"hold.{h}",
                to,
                ["==", w.f(f"hold[{h}]"), f + 1],
                "pin" if kind == "pin" else "ref",
                f"{w.title(h)} {'pins' if kind == 'pin' else 'references'} folio {letter}",
            )
        )
    if "bio_stage" in w.fields:
        reads = ["and", w.f("bio_stage"), ["==", w.f("bio_folio"), f + 1], ["not", w.f("bounced")]]
        edges.append(Edge(f"bio-{f}", "bio", to, reads, "io", f"the bio reads from folio {letter}"))
    return edges


def ownership(world: World, label: str = "page ownership: who holds which folio") -> dict:
    """Return the picture of a world: {"svg", "elements"}, laid out over everything that may ever appear."""
    cards = [
        *_slot(world),
        *(_pte(world, m) for m in world.mappings),
        *(_task(world, t) for t in world.tasks),
        *(_folio(world, f) for f in range(world.folios)),
        *(_holder(world, h, kind) for h, kind in world.holders),
        *_disk(world),
        *_alarm(world),
    ]
    return build(cards, [edge for f in range(world.folios) for edge in _edges(world, f)], label)
