"""A picture of cards and edges, laid out once over all that may appear; a state fills it in, and nothing moves.

The SVG has its parts marked with ``data-part``. A state gives a word to each part: a text part its text, a group its
classes; a part without a word is not drawn.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise

from tux3nb.show.picture.layout_engine import FONT, FONT_STACK, lay_out

MOST_NODES = 60
PAD, TITLE, CELLS, LINE = 8, 17, 24, 15


@dataclass(frozen=True)
class Card:
    """A box: a title, cells, lines of text. column: 0, 1 or 2.

    cells: the number of each cell with a widest text; lines: the name of each with a widest text. What is drawn has
    the parts ``ID``, ``ID.cell0``, ``ID.cell0.t`` and ``ID.NAME``.
    """

    id: str
    column: int
    title: str
    cells: tuple[tuple[int, str], ...] = ()
    lines: tuple[tuple[str, str], ...] = ()
    look: str = "plain"


@dataclass(frozen=True)
class Edge:
    """An arrow from card to card; its look is its word: a class of `LOOKS`."""

    id: str
    tail: str
    head: str


#: The looks of an edge, strongest first, and the words the legend has for each.
LOOKS = {
    "pin": "pin",
    "slot": "page cache",
    "rw": "PTE, writable",
    "ro": "PTE, read-only",
    "stale": "TLB or device entry",
    "new": "copy being prepared",
    "ref": "reference",
    "io": "I/O reads from",
}


def text_width(text: str, size: float = 12.0, bold: bool = False) -> float:
    """The width of a string in Helvetica, a little generously."""
    em = 0.0
    for sign in text:
        if sign in "iljtfI.,:;'|!()[] ":
            em += 0.31
        elif sign in "mMW@%w→":
            em += 0.88
        else:
            em += 0.68 if sign.isupper() else 0.565
    return em * size * (1.08 if bold else 1.0)


@dataclass(frozen=True)
class Picture:
    """A layout and its parts: (ID, "group" or "text"), in the order of the SVG."""

    svg: str
    parts: tuple[tuple[str, str], ...]

    def still(self, words: Mapping[str, str], before: Mapping[str, str] | None = None, broken: Iterable = ()) -> str:
        """The SVG of one state; what changed since the words `before` and what is `broken` is marked."""
        broken = set(broken)

        def fill(m: re.Match) -> str:
            tag, part, css, rest = m.groups()
            word = words.get(part, "")
            changed = before is not None and before.get(part, "") != word
            if tag == "g":
                gone = changed and not word and m[3].startswith("tux-edge")
                said = word or (before or {}).get(part, "") if gone else word
                state = "gone" if gone else "" if word else "absent"
                more = [said, state, "chg" if changed and word else "", "broken" if part in broken else ""]
                return f'<g class="{" ".join(filter(None, [css, *more]))}"{rest}>'
            hot = " chg" if changed and word else ""
            return f'<{tag} class="{css}{hot}"{rest}>{html.escape(word)}'

        return re.sub(r'<(g|text) data-part="([^"]*)" class="([^"]*)"([^>]*)>', fill, self.svg)


def build(cards: Sequence[Card], edges: Sequence[Edge], label: str) -> Picture:
    """Lay out the union of all states. Raises ValueError for too many cards, LayoutError without Graphviz."""
    if len(cards) > MOST_NODES:
        raise ValueError(f"a picture has at most {MOST_NODES} cards, this one has {len(cards)}")
    widths = {k: max(_width(card) for card in cards if card.column == k) for k in {card.column for card in cards}}
    sizes = {card.id: (widths[card.column], _height(card)) for card in cards}
    raw = lay_out(_dot(cards, edges, sizes))
    _, _, width, height = (float(v) for v in re.search(r'viewBox="([^"]*)"', raw)[1].split())
    shift = re.search(r"translate\(([-\d.]+)[ ,]([-\d.]+)\)", raw)
    groups = {html.unescape(m["id"]): m["inside"] for m in _GROUP.finditer(raw)}
    nodes = "".join(_node(card, sizes[card.id], groups[card.id]) for card in cards)
    lines = "".join(_edge(edge, groups[edge.id]) for edge in edges)
    style = " ".join(files("tux3nb.show.picture").joinpath("picture.css").read_text(encoding="utf-8").split())
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="tux-pic" role="img" aria-label="{html.escape(label)}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" '
        f'font-family="{FONT_STACK}" font-size="12"><style>{style}</style>'
        f'<rect class="back" width="100%" height="100%"/>'
        f'<g transform="translate({shift[1]} {shift[2]})">{lines}{nodes}</g></svg>'
    )
    found = re.findall(r'<(g|text) data-part="([^"]*)"', svg)
    return Picture(svg, tuple((part, "group" if tag == "g" else "text") for tag, part in found))


def _cell_width(card: Card) -> float:
    return max((text_width(widest) + 14 for _, widest in card.cells), default=0.0)


def _width(card: Card) -> float:
    lines = [text_width(card.title, bold=True), *(text_width(widest) for _, widest in card.lines)]
    return round(max(*lines, len(card.cells) * (_cell_width(card) + 5) - 5) + 2 * PAD, 1)


def _height(card: Card) -> float:
    return PAD + TITLE + (CELLS if card.cells else 0) + LINE * len(card.lines) + PAD - 3


def _node(card: Card, size: tuple[float, float], inside: str) -> str:
    """A card at its place: its box, its title, and the parts that a state fills."""
    pairs = re.search(r'points="([^"]*)"', inside)[1].split()
    xs, ys = zip(*((float(v) for v in pair.split(",")) for pair in pairs), strict=True)
    width, height = size
    y, parts, cell = PAD + TITLE, [], _cell_width(card)
    for n, (c, _) in enumerate(card.cells):
        x = PAD + n * (cell + 5)
        parts.append(
            f'<g data-part="{card.id}.cell{c}" class="tux-cell">'
            f'<rect class="cell" x="{x:.1f}" y="{y}" width="{cell:.1f}" height="19"/>'
            f'<text data-part="{card.id}.cell{c}.t" class="c" x="{x + cell / 2:.1f}" y="{y + 13.6}"></text></g>'
        )
    y += CELLS if card.cells else 0
    for name, _ in card.lines:
        parts.append(f'<text data-part="{card.id}.{name}" class="l" x="{PAD}" y="{y + 10.5}"></text>')
        y += LINE
    return (
        f'<g data-part="{card.id}" class="tux-node n-{card.look}" transform="translate({min(xs):g} {min(ys):g})">'
        f'<rect class="card" width="{width:g}" height="{height:g}" rx="5"/>'
        f'<path class="mark" d="M0 -9l7 7h-14z" transform="translate({width - 2:g} 3)"/>'
        f'<text class="t" x="{PAD}" y="{PAD + 11}">{html.escape(card.title)}</text>{"".join(parts)}</g>'
    )


def _dot(cards: Sequence[Card], edges: Sequence[Edge], sizes: Mapping[str, tuple[float, float]]) -> str:
    """The DOT source of the union: every card and every edge, in three columns whose order is fixed."""
    out = [
        "digraph tux3nb {",
        f'graph [rankdir=LR, splines=polyline, nodesep=0.15, ranksep=0.55, pad=0.08, fontname="{FONT}"];',
        f'node [shape=box, fixedsize=true, label="", fontname="{FONT}"]; edge [arrowsize=0.7];',
    ]
    for card in cards:
        width, height = sizes[card.id]
        out.append(f'"{card.id}" [id="{card.id}", width={width / 72:.4f}, height={height / 72:.4f}];')
    columns = [[card.id for card in cards if card.column == column] for column in range(3)]
    for column in filter(None, columns):
        chain = " -> ".join(f'"{name}"' for name in column)
        out.append(f"{{ rank=same; {chain}{' [style=invis, weight=9]' if len(column) > 1 else ''}; }}")
    spine = [column[0] for column in columns if column]
    out += [f'"{a}" -> "{b}" [style=invis];' for a, b in pairwise(spine)]
    place = {card.id: card.column for card in cards}
    for e in edges:
        if place[e.tail] > place[e.head]:
            out.append(f'"{e.head}":e -> "{e.tail}":w [id="{e.id}", dir=back];')
        else:
            out.append(f'"{e.tail}":e -> "{e.head}":w [id="{e.id}"];')
    return "\n".join([*out, "}", ""])


_GROUP = re.compile(r'<g id="(?P<id>[^"]*)" class="(?P<kind>node|edge)">(?P<inside>.*?)</g>', re.DOTALL)
_SHAPE = re.compile(r"<(path|polygon|polyline|ellipse)\b([^>]*?)/>")
_POINTS = re.compile(r'\b(d|points|cx|cy|rx|ry)="([^"]*)"')


def _edge(edge: Edge, inside: str) -> str:
    """An edge's line and head without Graphviz's colours, which CSS gives."""
    parts = []
    for tag, attributes in _SHAPE.findall(inside):
        geometry = " ".join(f'{key}="{html.unescape(value)}"' for key, value in _POINTS.findall(attributes))
        parts.append(f'<{tag} class="{"line" if tag == "path" else "head"}" {geometry}/>')
    return f'<g data-part="{edge.id}" class="tux-edge">{"".join(parts)}</g>'
