"""The front of costs for a reader: a chart, and a table whose costs can be weighed, in Lab and in a page."""

from __future__ import annotations

import base64
import hashlib
import html
import os
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files

from tux3nb.answers.cost import COSTS, UNIT, front
from tux3nb.errors import UserError, nearest
from tux3nb.show.cells import Shown, Table, brief
from tux3nb.show.charts import drawn

MARK = "tux-weights"  # the class of a table that can be weighed


def _known(name: str) -> str:
    if name not in COSTS:
        raise UserError(f"no cost {name!r}{nearest(name, COSTS)}")
    return name


def chart(table: Table, x: str = "stalled", y: str = "copied") -> Shown:
    """The policies of `cost_front` by two of their costs; both axes are logarithmic above 1, and have a 0.

    Policies at the same point share a mark. UserError for an unknown cost, or where matplotlib cannot be loaded.
    """
    points: dict[tuple[float, float, bool], list[str]] = {}
    for label, row in table.iterrows():
        points.setdefault((row[_known(x)], row[_known(y)], row["front"] == "yes"), []).append(str(label))
    words = [
        f"{', '.join(names)}: {x} {brief(right)} {UNIT[x]}, {y} {brief(up)} {UNIT[y]}"
        f"{'' if best else ' (not on the front)'}"
        for (right, up, best), names in points.items()
    ]

    def draw(figure) -> None:
        axes = figure.add_subplot()
        for n, ((right, up, best), names) in enumerate(points.items()):
            mark, colour, fill = ("o", "#0b62a4", "full") if best else ("s", "#b03a2e", "none")
            axes.plot(right, up, mark, color=colour, fillstyle=fill)
            place = (5, -10) if not best and ((right, up, True) in points or n % 2) else (5, 4)  # neighbours apart
            axes.annotate(", ".join(names), (right, up), xytext=place, textcoords="offset points")
        axes.set(xscale="symlog", yscale="symlog", xlabel=_head(x), ylabel=_head(y))
        axes.set(xlim=(-0.2, 1 + 4 * max((right for right, _, _ in points), default=0)), ylim=(-0.5, None))
        axes.margins(0.15)

    return drawn(draw, words, (7, 4))


def bars(values: Mapping[str, float], unit: str) -> Shown:
    """Numbers as bars beneath each other, each with its name and its number."""
    most = max(values.values(), default=0) or 1
    text = [f"{name}: {value:,.0f} {unit}" for name, value in values.items()]
    rows = "".join(
        f'<tr><th scope="row" style="text-align:left;white-space:nowrap">{html.escape(name)}</th>'
        f'<td style="width:60%"><div style="background:#0b62a4;height:12px;width:{100 * v / most:.1f}%"></div></td>'
        f"<td>{v:,.0f} {html.escape(unit)}</td></tr>"
        for name, v in values.items()
    )
    return Shown("\n".join(text), f'<table style="width:100%"><tbody>{rows}</tbody></table>')


def weighed(table: Table, over: Iterable[str] = tuple(COSTS)) -> Shown:
    """The table of `cost_front`, with a slider for each cost that is not the same for all: move one, and rows move.

    A weight of 0 leaves a cost out of the comparison. Without scripts it is the table. over: the costs that are shown;
    what all safe policies have is said once, below. UserError for an unknown cost.
    """
    shown = [c for c in map(_known, over) if table[c].nunique() > 1]
    settings = {label: row["policy"].split() for label, row in table.iterrows() if row["front"] != "not safe"}
    shared = [
        s for s in next(iter(settings.values()), ()) if len(settings) > 1 and all(s in x for x in settings.values())
    ]
    best = set(front(table[table["front"] == "yes"].to_dict("index"), shown)) if len(table) and shown else set()
    heads = "".join(f'<th scope="col" title="{html.escape(COSTS[c])}">{_head(c)}</th>' for c in shown)
    rows = []
    for label, row in table.iterrows():
        safe = row["front"] != "not safe"
        told = "on the front" if label in best else "safe" if safe else "not safe"
        cells = "".join(f'<td title="{float(row[c])!r}">{brief(row[c])}</td>' for c in shown)
        own = [s for s in row["policy"].split() if label not in settings or s not in shared]
        name, policy = html.escape(str(label)), html.escape(" ".join(own))
        what = f'<td style="text-align:left;min-width:200px">{policy}</td>'
        first = f'<th scope="row">{name}</th>{what}<td class="tux-front">{told}</td>'
        rows.append(f'<tr class="{"tux-safe" if safe else "tux-other"}">{first}{cells}</tr>')
    page = (
        f'<div style="overflow-x:auto"><table class="{MARK}"><thead><tr><th></th><th scope="col">policy</th>'
        f'<th scope="col">weighed</th>{heads}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
        f"<p>{'All safe ones here have ' + html.escape(', '.join(shared)) + '.' if shared else ''}</p>"
        + ("" if "TUX3NB_EXECUTED" in os.environ else f'<script type="module">{script()}</script>')
    )  # a page brings the script along, and a forge shows none
    return Shown(repr(table[["policy", "front", *shown]]), page)


def _head(cost: str) -> str:
    return f"{cost}, {UNIT[cost]}" if UNIT[cost] else cost


@cache
def script() -> str:
    """The module that makes tables of this kind weigh."""
    return "\n" + files("tux3nb.show").joinpath("static", "weights.js").read_text(encoding="utf-8")


def script_hash() -> str:
    """The module as a source for a content security policy: this text and no other may run."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script().encode()).digest()).decode()}'"


def page_script(body: str) -> str:
    """What a page needs at its end for the tables of this kind in its body; nothing where there is none."""
    return f'<script type="module">{script()}</script>' if f'class="{MARK}"' in body else ""
