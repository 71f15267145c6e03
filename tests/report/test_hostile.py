"""A page of a stranger's notebook cannot act: nothing in it runs, loads, sends or goes anywhere by itself."""

import dataclasses
import re
from html.parser import HTMLParser

import pytest

from tests.report.hostile import MARKUP, notebook
from tux3nb.catalogue import find
from tux3nb.errors import ModelError
from tux3nb.report.clean import clean
from tux3nb.report.export import SWITCH, asked_for, title_of, to_html
from tux3nb.report.index import Entry, about, index_html
from tux3nb.show.explorer.answers import CaseSource
from tux3nb.show.explorer.document import pack, unpack, web_address
from tux3nb.show.explorer.page import page_assets, static_html
from tux3nb.show.tables import sources

BAD = {"base", "embed", "form", "frame", "iframe", "input", "link", "object", "template", "button", "video", "dialog"}
ATTRIBUTES = {"formaction", "ping", "srcset", "srcdoc", "target", "xlink:href", "poster", "action", "autofocus", "name"}
OURS = ["Content-Security-Policy"]


class Finds(HTMLParser):
    """What in a page could act."""

    def __init__(self, page: str):
        super().__init__()
        self.found, self.scripts, self.inside = [], [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            plain = re.sub(r"\s", "", value or "").lower()
            wrong = name.startswith("on") or name in ATTRIBUTES - ({"name"} if tag == "meta" else set())
            away = name in ("href", "src") and re.match(r"(?!https?:|data:image/)[a-z][a-z0-9+.-]*:", plain)
            if wrong or away or (name == "style" and ("url(" in plain or "position" in plain)):
                self.found.append((tag, name, value))
        if tag in BAD or (tag == "meta" and dict(attrs).get("http-equiv", OURS[0]) not in OURS):
            self.found.append((tag, "", ""))
        if tag == "img" and not dict(attrs).get("src", "data:image/").startswith("data:image/"):
            self.found.append((tag, "src", dict(attrs)["src"]))
        if tag == "script":
            self.scripts.append("")
        self.inside = tag

    def handle_data(self, data):
        if self.inside == "script":
            self.scripts[-1] += data

    def handle_endtag(self, tag):
        self.inside = ""


def scripts_of(text: str) -> list[str]:
    return Finds(text).scripts


@pytest.mark.parametrize("name", MARKUP)
def test_markup_is_cleaned(name):
    page = clean(MARKUP[name])
    assert (Finds(page).found, Finds(page).scripts) == ([], []) and asked_for(page) == []


def test_the_markup_would_act():
    """The test can fail: taken as it is, each of these has something that acts."""
    harmless = {
        name for name, text in MARKUP.items() if not (Finds(text).found or Finds(text).scripts or asked_for(text))
    }
    assert harmless == {"comment", "mathematics"}  # which a browser reads otherwise than this parser


def test_a_page_of_all_of_it():
    """Titles, names, sources, outputs of every kind: the page has its own head and no script at all."""
    whole = to_html(notebook(), "x")
    page = whole.replace(SWITCH, "")  # the one control that is ours, and acts through the style sheet
    assert whole != page
    assert (Finds(page).found, asked_for(page)) == ([], [])
    assert [text for text in Finds(page).scripts if text.strip('"') != "AAAA"] == scripts_of(page_assets())
    assert page.count("<head>") == page.count("</body>") == page.count("<main") == 1
    assert page.count('id="tux-explorer-css"') == 1 and "&lt;img src=x onerror=" in page


def test_scripts_run_by_their_hash_only():
    """The policy names the explorer's module where a page has one, and none where it has not."""
    import base64
    import hashlib

    nb = notebook()
    nb.cells = nb.cells[:1]
    assert "script-src 'none'" in to_html(nb, "x")
    nb.cells[0] = type(nb)(cell_type="code", id="a", source="", metadata={}, execution_count=1, outputs=[])
    nb.cells[0].outputs = [
        {
            "output_type": "display_data",
            "data": {"text/html": static_html(CaseSource(find("migration")).document())},
            "metadata": {},
        }
    ]
    page = to_html(nb, "x")
    module = re.search(r'<script type="module">(.*?)</script>', page, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(module.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in page and "unsafe-inline'; script" not in page
    assert re.search(r"script-src[^;]*unsafe", page) is None
    assert '<script type="application/json" data-case="migration">' in page and "VIOLATED" in page


def test_the_index_shows_names_as_text():
    bad = '"><script>1</script>'
    page = index_html([Entry(f"{bad}.html", bad, bad, bad)])
    assert (Finds(page).found, Finds(page).scripts) == ([], []) and "script-src 'none'" in page
    assert Finds(about(Entry(bad, bad, bad))).scripts == []
    assert title_of(notebook(), "x").startswith("handler") is False


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", " javascript:x", "data:text/html,x", "file:///etc/passwd", "//x", ""]
)
def test_addresses_of_sources(url):
    """An explorer, live or in a page, links to the web and to nothing else; a case cannot even name anything else."""
    from tux3nb.cases.case import Source

    case = dataclasses.replace(
        find("migration"), sources=(told := Source("<b>x</b>"), Source("y", "https://x.example/a(b) c"))
    )
    object.__setattr__(told, "url", url)
    (packed,) = re.findall(r'>"([A-Za-z0-9+/=]+)"</script>', static_html(CaseSource(case).document()))
    for found in (CaseSource(case).head, unpack(packed)):
        assert [s["url"] for s in found["case"]["sources"]] == [None, "https://x.example/a%28b%29%20c"]
    with pytest.raises(ModelError, match="is no address of the web"):
        Source("x", url)
    assert web_address(url) is None


def test_packed_tables_do_not_tell_where_they_were_packed():
    """Pythons differ in what gzip says of the system that it runs on."""
    import base64

    packed = pack(CaseSource(find("migration")).document())
    assert base64.b64decode(packed)[:10] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"


def test_sources_are_text():
    """Whatever a source's text holds, Markdown shows it."""
    from types import SimpleNamespace as Any

    import tux3nb.show.tables as tables
    from tux3nb.report.export import _markdown

    told = Any(text="[x](javascript:1) <img src=x> `a` *b* $c$ &lt;", url="https://x.example/(a) b")
    case = Any(sources=(told,))
    original, tables.the_case = tables.the_case, lambda c: c
    try:
        shown = sources(case)
    finally:
        tables.the_case = original
    html = _markdown(shown.markdown)
    assert html.count("<a ") == 1 and 'href="https://x.example/%28a%29%20b"' in html
    assert "<img" not in html and "<code>" not in html and "<em>" not in html and "<math" not in html
    assert "&amp;lt;" in html and "[x](javascript:1)" in html
