"""A picture as a table: cards and edges laid out once over everything that may appear, then shown state by state.

`build` gives a plain dict {"svg", "elements"}. A state is shown by switching elements on and off and by filling in
their texts, never by a new layout, so nothing moves. `still` does this in Python, explorer.js does it in the browser.
"""

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files

from tux3nb.show.picture.evaluate import Expr, Text, fields_read, fold, longest, number, words
from tux3nb.show.picture.layout_engine import FONT, FONT_STACK, lay_out

MOST_NODES = 60
_PAD, _TITLE, _CELLS, _FLAGS, _LINE = 9, 17, 25, 20, 15


@dataclass(frozen=True)
class Flag:
    """A badge on a card, shown while `when` is true."""

    id: str
    when: Expr
    text: Text


@dataclass(frozen=True)
class Card:
    """A box: title, a note at its right, cells, badges, lines; `column` 0, 1 or 2; a ghost stays as an outline."""

    id: str
    column: int
    title: Text
    note: Text = ""
    cells: tuple[tuple[str, Text], ...] = ()
    flags: tuple[Flag, ...] = ()
    lines: tuple[Text, ...] = ()
    when: Expr = 1
    ghost: bool = True
    look: str = "plain"
    tip: Text = ""


@dataclass(frozen=True)
class Edge:
    """An arrow from card to card; `look` may depend on the state; `legend` names its first look for the reader."""

    id: str
    tail: str
    head: str
    when: Expr
    look: Text = "slot"
    tip: Text = ""


#: The looks an edge can have, the words the legend has for each, and the arrow head that Graphviz draws.
LOOKS = {
    "slot": ("page-cache slot", "normal"),
    "rw": ("PTE, writable", "normal"),
    "ro": ("PTE, read-only", "normal"),
    "ref": ("reference (no pin)", "vee"),
    "pin": ("pin", "box"),
    "new": ("copy being prepared", "vee"),
    "io": ("I/O reads from", "normal"),
}


@dataclass
class _Drawn:
    """One card's size, its SVG around (0, 0) and its rows of the table."""

    width: float
    height: float
    body: str
    rows: list[dict] = field(default_factory=list)


def text_width(text: str, size: float = 12.0, bold: bool = False) -> float:
    """Return the width of an ASCII string in Helvetica, a little generously."""
    em = 0.0
    for letter in text:
        if letter in "iljtfI.,:;'|!()[] ":
            em += 0.31
        elif letter in "mMW@%w":
            em += 0.88
        else:
            em += 0.68 if letter.isupper() else 0.565
    return em * size * (1.08 if bold else 1.0)


def _text(slot: str, x: float, y: float, css: str) -> str:
    return f'<text data-t="{slot}" class="{css}" x="{x:g}" y="{y:g}"></text>'


def _flag_row(card: Card, y: float) -> tuple[float, str, list[dict]]:
    """Return the width, the SVG and the table rows of a card's badges."""
    x, parts, rows = float(_PAD), [], []
    for flag in card.flags:
        width = longest(flag.text, lambda t: text_width(t, 11)) + 12
        parts.append(
            f'<g data-id="{flag.id}" class="tux-flag">'
            f'<rect x="{x:g}" y="{y:g}" width="{width:.1f}" height="15" rx="7"/>'
            + _text(f"{flag.id}.0", round(x + width / 2, 1), y + 11.2, "f")
            + "</g>"
        )
        rows.append({"id": flag.id, "kind": "flag", "when": fold(flag.when), "text": [flag.text], "title": ""})
        x += width + 5
    return x - 5 + _PAD, "".join(parts), rows


def _aligned(cards: Sequence[Card]) -> dict[str, _Drawn]:
    """Draw all cards; those of one column get the width of the widest."""
    widest = {
        column: max(_draw_card(card).width for card in cards if card.column == column)
        for column in {card.column for card in cards}
    }
    return {card.id: _draw_card(card, widest[card.column]) for card in cards}


def _draw_card(card: Card, at_least: float = 0.0) -> _Drawn:
    """Return a card's size and inside; the texts stay empty until a state fills them."""
    texts: list[Text] = [card.title, card.note]
    title = longest(card.title, lambda t: text_width(t, bold=True))
    note = longest(card.note, lambda t: text_width(t, 11))
    width = title + (note + 14 if note else 0) + 2 * _PAD
    y, parts, rows = _PAD + _TITLE, [], []
    cell_width = max((longest(["cat", f"{label}  ", text], text_width) + 16 for label, text in card.cells), default=0.0)
    width = max(width, len(card.cells) * (cell_width + 6) - 6 + 2 * _PAD)
    for number_, (label, text) in enumerate(card.cells):
        x = _PAD + number_ * (cell_width + 6)
        parts.append(f'<rect class="cell" x="{x:.1f}" y="{y:g}" width="{cell_width:.1f}" height="19"/>')
        parts.append(_text(f"{card.id}.{len(texts)}", round(x + cell_width / 2, 1), y + 13.6, "c"))
        texts.append(["cat", f"{label}  ", text])
    y += _CELLS if card.cells else 0
    if card.flags:
        flags_width, flags, rows = _flag_row(card, y)
        width, y = max(width, flags_width), y + _FLAGS
        parts.append(flags)
    for line in card.lines:
        parts.append(_text(f"{card.id}.{len(texts)}", _PAD, y + 10.5, "l"))
        texts.append(line)
        width, y = max(width, longest(line, text_width) + 2 * _PAD), y + _LINE
    width, height = max(float(round(width)), at_least), float(y + _PAD - 4)
    body = (
        f'<title data-t="{card.id}.tip"></title><rect class="card" width="{width:g}" height="{height:g}" rx="5"/>'
        f'<path class="mark" d="M0 -9l7 7h-14z" transform="translate({width - 2:g} 3)"/>'
        + _text(f"{card.id}.0", _PAD, _PAD + 11, "t")
        + _text(f"{card.id}.1", width - _PAD, _PAD + 11, "n")
        + f'<g class="body">{"".join(parts)}</g>'
    )
    row = {"id": card.id, "kind": "node", "when": fold(card.when), "text": texts, "title": card.tip}
    return _Drawn(width, height, body, [row | ({"ghost": 1} if card.ghost else {}), *rows])


def dot_source(cards: Sequence[Card], edges: Sequence[Edge], sizes: Mapping[str, tuple[float, float]]) -> str:
    """Return the DOT source of the union: every card and every edge, in three columns whose order is fixed."""
    out = [
        "digraph tux3nb {",
        f'graph [rankdir=LR, splines=polyline, nodesep=0.2, ranksep=0.95, pad=0.12, fontname="{FONT}"];',
        f'node [shape=box, fixedsize=true, label="", fontname="{FONT}"]; edge [arrowsize=0.75];',
    ]
    for card in cards:
        width, height = sizes[card.id]
        out.append(f'"{card.id}" [id="{card.id}", width={width / 72:.4f}, height={height / 72:.4f}];')
    columns = [[card.id for card in cards if card.column == column] for column in range(3)]
    for column in filter(None, columns):
        chain = " -> ".join(f'"{name}"' for name in column)
        out.append(f"{{ rank=same; {chain}{' [style=invis, weight=9]' if len(column) > 1 else ''}; }}")
    spine = [column[0] for column in columns if column]
    out += [f'"{a}" -> "{b}" [style=invis];' for a, b in zip(spine, spine[1:], strict=False)]
    place = {card.id: card.column for card in cards}
    for edge in edges:
        out.append(_dot_edge(edge, place))
    return "\n".join([*out, "}", ""])


def _looks(look: Text) -> list[str]:
    """Return the looks that a look TEXT can give, in order of mention."""
    if isinstance(look, str):
        return [look]
    return [name for part in look[2:] for name in _looks(part)] if look[0] == "if" else []


def _dot_edge(edge: Edge, place: Mapping[str, int]) -> str:
    """Return the DOT line of an edge; one that points left is laid out from its head to its tail."""
    shape = LOOKS[_looks(edge.look)[0]][1]
    a, b, way = edge.tail, edge.head, f"arrowhead={shape}"
    if place[a] == place[b]:
        return f'"{a}" -> "{b}" [id="{edge.id}", {way}, constraint=false];'
    if place[a] > place[b]:
        a, b, way = b, a, f"dir=back, arrowtail={shape}"
    return f'"{a}":e -> "{b}":w [id="{edge.id}", {way}];'


_GROUP = re.compile(r'<g id="(?P<id>[^"]*)" class="(?P<kind>node|edge)">(?P<inside>.*?)</g>', re.S)
_SHAPE = re.compile(r"<(path|polygon|polyline|ellipse)\b([^>]*?)/>")
_POINTS = re.compile(r'\b(d|points|cx|cy|rx|ry)="([^"]*)"')


def _corner(inside: str) -> tuple[float, float]:
    """Return the top left corner of a node that Graphviz drew as a polygon."""
    pairs = re.search(r'points="([^"]*)"', inside)[1].split()
    xs, ys = zip(*((float(v) for v in pair.split(",")) for pair in pairs), strict=True)
    return min(xs), min(ys)


def _edge_svg(edge: Edge, inside: str) -> str:
    """Return an edge's line and head without Graphviz's colours, which CSS gives."""
    parts = []
    for tag, attributes in _SHAPE.findall(inside):
        geometry = " ".join(f'{key}="{html.unescape(value)}"' for key, value in _POINTS.findall(attributes))
        parts.append(f'<{tag} class="{"line" if tag == "path" else "head"}" {geometry}/>')
    return f'<g data-id="{edge.id}" class="tux-edge"><title data-t="{edge.id}.tip"></title>{"".join(parts)}</g>'


def _legend(edges: Iterable[Edge], y: float) -> tuple[str, float]:
    """Return a line of samples, one for each look in use, and its width."""
    used = {name for edge in edges for name in _looks(edge.look)}
    x, parts = 10.0, []
    for look, (said, _) in LOOKS.items():
        if look in used:
            parts.append(
                f'<g class="tux-edge s-{look}"><path class="line" d="M{x:g} {y:g}h26"/></g>'
                f'<text class="k" x="{x + 31:g}" y="{y + 4:g}">{said}</text>'
            )
            x += 31 + text_width(said, 11) + 16
    return "".join(parts), x


def build(cards: Sequence[Card], edges: Sequence[Edge], label: str) -> dict:
    """Lay the union of all states out and return the picture: {"svg", "elements"}."""
    if len(cards) > MOST_NODES:
        raise ValueError(f"a picture has at most {MOST_NODES} cards, this one has {len(cards)}")
    edges = [edge for edge in edges if fold(edge.when) != 0]
    drawn = _aligned(cards)
    raw = lay_out(dot_source(cards, edges, {name: (d.width, d.height) for name, d in drawn.items()}))
    _, _, width, height = (float(v) for v in re.search(r'viewBox="([^"]*)"', raw)[1].split())
    shift = re.search(r"translate\(([-\d.]+)[ ,]([-\d.]+)\)", raw)
    groups = {html.unescape(m["id"]): m["inside"] for m in _GROUP.finditer(raw)}
    legend, legend_width = _legend(edges, height + 8)
    left = float(shift[1]) + max(0.0, legend_width - width) / 2
    width, height = max(width, legend_width), height + 20
    nodes = "".join(_node_svg(card, drawn[card.id], groups[card.id]) for card in cards)
    lines = "".join(_edge_svg(edge, groups[edge.id]) for edge in edges)
    style = " ".join(files("tux3nb.show.picture").joinpath("picture.css").read_text(encoding="utf-8").split())
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="tux-pic" role="img" aria-label="{html.escape(label)}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" '
        f'font-family="{FONT_STACK}" font-size="12"><style>{style}</style>'
        f'<rect class="back" width="100%" height="100%"/>'
        f'<g transform="translate({left:.1f} {shift[2]})">{lines}{nodes}</g><g>{legend}</g></svg>'
    )
    rows = [row for card in cards for row in drawn[card.id].rows]
    rows += [
        {"id": e.id, "kind": "edge", "when": fold(e.when), "text": [], "title": e.tip, "look": e.look} for e in edges
    ]
    return {"svg": svg, "elements": rows}


def _node_svg(card: Card, drawn: _Drawn, inside: str) -> str:
    x, y = _corner(inside)
    return f'<g data-id="{card.id}" class="tux-node n-{card.look}" transform="translate({x:g} {y:g})">{drawn.body}</g>'


def evaluate(picture: Mapping, fields: Sequence[str], values: Sequence[int]) -> dict[str, dict]:
    """Return what every element of the picture shows in a state: id -> {on, look, text, title}."""
    state = dict(zip(fields, values, strict=True))
    return {
        row["id"]: {
            "on": bool(number(row["when"], state)),
            "look": words(row.get("look", ""), state),
            "text": [words(text, state) for text in row["text"]],
            "title": words(row["title"], state),
        }
        for row in picture["elements"]
    }


def marks(row: Mapping, now: Mapping, before: Mapping | None, changed: frozenset[str]) -> tuple[str, set[int]]:
    """Return an element's mark ("", "chg" or "gone") and the text slots that changed.

    With the view `before` at hand the two views are compared; else whatever shows a field in `changed` counts.
    """
    if before is None:
        slots = {k for k, text in enumerate(row["text"]) if fields_read(text) & changed}
        touched = slots or fields_read(row["when"]) & changed or fields_read(row.get("look", "")) & changed
        return ("chg" if touched and now["on"] else ""), slots
    slots = {k for k, text in enumerate(now["text"]) if text != before["text"][k]}
    if before["on"] and not now["on"]:
        return "gone", slots
    return ("chg" if now["on"] and (slots or not before["on"] or now["look"] != before["look"]) else ""), slots


def still(
    picture: Mapping,
    fields: Sequence[str],
    values: Sequence[int],
    changed: frozenset[str] = frozenset(),
    before: Sequence[int] | None = None,
) -> str:
    """Return the picture of one state as SVG; what changed since the state `before` (or in `changed`) is marked."""
    now = evaluate(picture, fields, values)
    then = evaluate(picture, fields, before) if before is not None else {}
    css: dict[str, str] = {}
    said: dict[str, tuple[str, bool]] = {}
    for row in picture["elements"]:
        name, view = row["id"], now[row["id"]]
        mark, slots = marks(row, view, then.get(name), frozenset(changed))
        absent = "" if view["on"] else "ghost" if row.get("ghost") else "absent"
        css[name] = "".join(f" {c}" for c in (absent, mark, view["look"] and f"s-{view['look']}") if c)
        said[f"{name}.tip"] = (view["title"], False)
        said |= {f"{name}.{k}": (text, k in slots) for k, text in enumerate(view["text"])}
    svg = re.sub(r'data-id="([^"]*)" class="([^"]*)"', lambda m: f'class="{m[2]}{css[m[1]]}"', picture["svg"])
    return re.sub(r'<(text|title) data-t="([^"]*)"(?: class="([^"]*)")?([^>]*)>', lambda m: _filled(m, said), svg)


def _filled(match: re.Match, said: Mapping[str, tuple[str, bool]]) -> str:
    """Return a text or title tag with its string; an empty tooltip is left empty, which browsers ignore."""
    tag, slot, css, rest = match.groups()
    text, hot = said[slot]
    classes = f' class="{css}{" chg" if hot else ""}"' if css else ""
    return f"<{tag}{classes}{rest}>{html.escape(text)}"


def describe(picture: Mapping, fields: Sequence[str], values: Sequence[int]) -> list[str]:
    """Return the picture in words, one sentence for each card that is there."""
    view = evaluate(picture, fields, values)
    rows = (row for row in picture["elements"] if row["kind"] == "node")
    return [view[row["id"]]["title"] for row in rows if view[row["id"]]["on"] and view[row["id"]]["title"]]
