"""A page's prose with its words explained and its citations as notes: from rendered HTML, cell by cell."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

from tux3nb.report.citations import CITED, told
from tux3nb.show.glossary import forms, names
from tux3nb.show.holders import Source, sources

# Where no word is explained: code, headings, links, formulas, what is said already.
_QUIET = {*"a abbr button code h1 h2 h3 h4 h5 h6 math pre script style sup svg".split()}
_BLOCKS = {"blockquote", "dl", "ol", "p", "table", "ul"}
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
_PIECES = re.compile(f"{CITED.pattern}|{forms()[0].pattern}")
_ADDRESS = re.compile(r"https?://[^\s<>()]+[^\s<>().,;]")


class Explainer:
    """What one page has explained and cited so far."""

    def __init__(self) -> None:
        self.said: set[str] = set()
        self.cited: list[str] = []

    def prose(self, page: str) -> str:
        """The HTML of a cell of prose, explained."""
        cell = _Cell(self)
        cell.feed(page)
        cell.close()
        return "".join(cell.out)

    def notes(self) -> str:
        """The notes at the end of the page; empty where nothing was cited."""
        if not self.cited:
            return ""
        items = "".join(_note(n, sources()[key]) for n, key in enumerate(self.cited, 1))
        return f'<section class="tux-notes"><h2 id="tux-notes">Notes</h2><ol>{items}</ol></section>'

    def number(self, key: str) -> tuple[int, bool]:
        """The number of a note, and whether this is its first place."""
        first = key not in self.cited
        if first:
            self.cited.append(key)
        return self.cited.index(key) + 1, first


def _note(number: int, source: Source) -> str:
    what, where, sure = (html.escape(part) for part in told(source))
    linked = _ADDRESS.sub(lambda found: f'<a href="{found[0]}" rel="noopener noreferrer">{found[0]}</a>', where)
    back = f'<a class="tux-back" href="#cite-{number}" aria-label="back to where note {number} is cited">&#8617;</a>'
    return f'<li id="note-{number}">{what[:1].upper()}{what[1:]}. <span>{linked}</span>; <i>{sure}</i>. {back}</li>'


class _Cell(HTMLParser):
    """Passes HTML through as it is, but for the text of prose."""

    def __init__(self, page: Explainer):
        super().__init__(convert_charrefs=False)
        self.page, self.out, self.open, self.new = page, [], [], []

    def handle_starttag(self, tag, attrs):  # noqa: ARG002  (HTMLParser's signature)
        self.out.append(self.get_starttag_text())
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):  # noqa: ARG002
        self.out.append(self.get_starttag_text())

    def handle_endtag(self, tag):
        if tag in self.open:
            del self.open[len(self.open) - 1 - self.open[::-1].index(tag) :]
        self.out.append(f"</{tag}>")
        if self.new and tag in _BLOCKS and not _BLOCKS & set(self.open):
            said = "; ".join(f"<b>{html.escape(word)}</b> {html.escape(says)}" for word, says in self.new)
            self.out.append(f'<p class="tux-words">{said}</p>')
            self.new = []

    def handle_data(self, data):
        inside = set(self.open) & _QUIET
        if inside == {"code"} and self.open[-1] == "code" and data in names():
            self.out.append(f'<abbr title="{html.escape(names()[data])}" tabindex="-1">{data}</abbr>')
        else:
            self.out.append(data if inside else _PIECES.sub(self._told, data))

    def handle_entityref(self, name):
        self.out.append(f"&{name};")

    def handle_charref(self, name):
        self.out.append(f"&#{name};")

    def handle_comment(self, data):
        self.out.append(f"<!--{data}-->")

    def handle_decl(self, decl):
        self.out.append(f"<!{decl}>")

    def _told(self, found: re.Match) -> str:
        return self._cite(cite) if (cite := CITED.fullmatch(found[0])) else self._word(found)

    def _word(self, found: re.Match) -> str:
        word = forms()[1][found[0].lower()]
        first = word.word not in self.page.said
        if first:
            self.page.said.add(word.word)
            self.new.append((found[0], word.says))
        look = 'class="tux-first" tabindex="0"' if first else 'tabindex="-1"'
        return f'<abbr {look} title="{html.escape(word.says)}">{found[0]}</abbr>'

    def _cite(self, found: re.Match) -> str:
        if found[1] not in sources():
            return found[0]
        number, first = self.page.number(found[1])
        what, _, sure = told(sources()[found[1]])
        at = f' id="cite-{number}"' if first else ""
        said = html.escape(f"{what} ({sure})")
        return f'<sup class="tux-cite"><a href="#note-{number}"{at} title="{said}">{number}</a></sup>'
