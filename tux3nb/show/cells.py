"""How an answer shows itself: text everywhere, HTML or Markdown where a page can have it, colour never alone."""

from __future__ import annotations

import base64
import html
import os
import re
import textwrap
from collections.abc import Iterable, Sequence
from typing import ClassVar

import pandas as pd

from tux3nb.show.verdicts import verdict_html


def as_markdown(text: str) -> str:
    """Text as Markdown that shows it as it is: no link, no tag, no code and no maths comes out of it."""
    return re.sub(r"([\\\[\]*`$])", r"\\\1", " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;"))


def brief(value: float) -> str:
    """A number for a reader, in its unit: ``23,977``, ``24.8``, ``0.0473``."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def several(words: Iterable[str], last: str = "and") -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    found = list(words)
    return f" {last} ".join([", ".join(found[:-1]), found[-1]] if len(found) > 1 else found)


class Shown:
    """A value for the reader: `text` always, `html` or `markdown` for a page, `svg` of a single picture."""

    def __init__(self, text: str, html: str = "", markdown: str = "", svg: str = ""):
        self.text, self.html, self.markdown, self.svg = text, html, markdown, svg

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:  # noqa: ARG002  (IPython's signature)
        bundle = {"text/plain": self.text, "text/html": self.html, "text/markdown": self.markdown}
        return {mime: value for mime, value in bundle.items() if value}


def figure(svg: str, caption: str, words: Sequence[str]) -> Shown:
    """A still picture with its caption and its text equivalent.

    In a report the SVG stands in the page and follows its colours; elsewhere it is an image, which forges keep.
    """
    said = html.escape(" ".join(words))
    picture = svg
    if os.environ.get("TUX3NB_STATIC") != "1":
        data = base64.b64encode(svg.encode()).decode()
        picture = f'<img alt="{said}" style="max-width:100%" src="data:image/svg+xml;base64,{data}">'
    rows = "".join(f"<li>{html.escape(w)}</li>" for w in words)
    page = (
        f'<figure class="tux-still">{picture}<figcaption><b>{html.escape(caption)}</b></figcaption>'
        f"<details><summary>the picture in words</summary><ul>{rows}</ul></details></figure>"
    )
    return Shown("\n".join([caption, *(f"  {w}" for w in words)]), page, svg=svg)


class Table(pd.DataFrame):
    """A DataFrame that shows whole texts, verdicts with colour and word, and its text form unwrapped."""

    _metadata: ClassVar[list[str]] = ["looks"]

    @property
    def _constructor(self):
        return Table

    def shown_with(self, **looks) -> Table:
        """The same table with notes for the page: depth of violations, titles of rows, heads of columns.

        units: column -> the unit of its numbers, which stands in its head, and they are brief; in the text, too. A
        column ``copied, slow disk`` has the unit of `copied`.
        """
        self.looks = looks
        return self

    @staticmethod
    def html(heads: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "", raw: Iterable[int] = ()) -> str:
        """An HTML table; the cells of the columns in `raw` are HTML already."""
        raw = set(raw)

        style = "text-align:left;vertical-align:top;padding:3px 5px" + (";font-size:11px" if len(heads) > 7 else "")

        def cell(k: int, text: str, tag: str = "td") -> str:
            shown = text if k in raw and tag == "td" else html.escape(text).replace("\n", "<br>")
            return f'<{tag} style="{style}">{shown}</{tag}>'

        head = "".join(cell(k, h, "th") for k, h in enumerate(heads))
        body = "".join(f"<tr>{''.join(cell(k, c) for k, c in enumerate(row))}</tr>" for row in rows)
        top = f"<p>{html.escape(caption)}</p>" if caption else ""
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return f"{top}<div style='overflow-x:auto' tabindex='0'>{table}</div>"

    def _in_units(self) -> Table:
        """The table with its units in the heads, and brief numbers below them."""
        units = (getattr(self, "looks", None) or {}).get("units", {})
        of = {c: units[c.partition(",")[0]] for c in self.columns if str(c).partition(",")[0] in units}
        told = {c: self[c].map(lambda v: v if isinstance(v, str) else brief(v)) for c in of}
        return self.assign(**told).rename(columns={c: f"{c}, {unit}" for c, unit in of.items() if unit})

    def _repr_html_(self) -> str:
        looks = getattr(self, "looks", None) or {}
        if "units" in looks:
            return self._in_units().shown_with()._repr_html_()
        names, heads = looks.get("titles", {}), looks.get("heads", {})
        width = len(self.columns) + 1

        def shown(label, column, value) -> str:
            if "depth" not in looks:
                return html.escape(str(value)).replace("\n", "<br>")
            if not str(value):
                return ""
            depth = looks["depth"].get(label, {}).get(column)
            return verdict_html(str(value), f"{depth} steps" if depth else "")

        kept, held = self._told_apart() if "depth" in looks else (list(self.columns), [])
        rows = []
        for label, values in zip(self.index, self[kept].itertuples(index=False), strict=True):
            title = names.get(label, "")
            first = f"<b>{html.escape(str(label))}</b>" + (f"<br><small>{html.escape(title)}</small>" if title else "")
            rows.append([first, *(shown(label, c, v) for c, v in zip(kept, values, strict=True))])
        top = [f"{c}\n{heads[c]}" if c in heads else str(c) for c in kept]
        below = ", ".join(f"{c} ({heads[c]})" if c in heads else str(c) for c in held)
        page = self.html([self.index.name or "", *top], rows, raw=range(width))
        return page + (f"<p><small>HOLDS in every row: {html.escape(below)}.</small></p>" if held else "")

    def _told_apart(self) -> tuple[list, list]:
        """The columns that differ somewhere from HOLDS, and those that say HOLDS from top to bottom.

        The first column, which is the worst of the others, stays, unless it says what the only other one says.
        """
        first, *others = self.columns
        held = [c for c in others if set(self[c]) == {"HOLDS"}]
        kept = [c for c in others if c not in held]
        alone = len(kept) == 1 and list(self[kept[0]]) == list(self[first])
        return (kept if alone else [first, *kept]), held

    def __repr__(self) -> str:
        """Columns of text; long cells are wrapped, so that every word is there."""
        told = self._in_units()
        head = [[told.index.name or "", *map(str, told.columns)]]
        rows = head + [[str(k), *map(str, v)] for k, v in zip(told.index, told.itertuples(index=False), strict=True)]
        cells = [[_wrapped(text) for text in row] for row in rows]
        width = [max(len(line) for row in cells for line in row[k]) for k in range(len(head[0]))]
        lines = []
        for row in cells:
            for n in range(max(map(len, row))):
                parts = (c[n] if n < len(c) else "" for c in row)
                lines.append("  ".join(f"{p:{w}}" for p, w in zip(parts, width, strict=True)).rstrip())
        return "\n".join(lines)


def _wrapped(text: str, width: int = 60) -> list[str]:
    return [line for part in text.split("\n") for line in textwrap.wrap(part, width)] or [""]
