"""A report's pages in a browser: folds, words, notes, contents and links, with scripts and without."""

import os
import re
import shutil

import nbformat
import pytest

from tests.browser.driver import Driver
from tux3nb.catalogue import find
from tux3nb.cli import main
from tux3nb.model.features import named_policy
from tux3nb.report.browser import chromium_path, print_page
from tux3nb.report.cli import write_report
from tux3nb.show.explorer.answers import CaseSource
from tux3nb.show.explorer.page import static_html

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
v4 = nbformat.v4
PROSE = """# One page

A folio has a delta.[^gup-2017] See [the other](02-two.ipynb#Second-heading) and `reverse_fork`.

## First heading

## Second heading

The folio again.

## Third heading

<details><summary>A guess</summary>

What is so.

</details>
"""
WIDE = "x" * 400
MOST_PAGES = 12


def cell(source, text="", page="", tags=()):
    made = v4.new_code_cell(source, metadata={"tags": list(tags)})
    data = {"text/plain": text} | ({"text/html": page} if page else {})
    made.outputs = [v4.new_output("display_data", data)] if text else []
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A report of two notebooks and a book, from the outputs that they have."""
    place = tmp_path_factory.mktemp("pages")
    source = CaseSource(find("migration"))
    explorer = static_html(source.document(source.start(named_policy("tux3"))))
    table = f"<table><tr>{''.join(f'<td>word{n}</td>' for n in range(60))}</tr></table>"
    cells = [cell("a = 1", "1"), cell("# it is so\nassert a"), cell("wide", WIDE), cell("table", "t", table)]
    notebooks = {"01-one": [*cells, cell("explorer()", "e", explorer)], "02-two": cells}
    for name, found in notebooks.items():
        nbformat.write(v4.new_notebook(cells=[v4.new_markdown_cell(PROSE), *found]), place / f"{name}.ipynb")
    paths = [place / f"{name}.ipynb" for name in notebooks]
    write_report(paths, place, 1, execute=False, book=True)
    return place


def test_folds_need_no_script(chromium, folder):
    """A line opens what it names, and the box at the top opens all; nothing of it is a script."""
    page = chromium.new_context(java_script_enabled=False).new_page()
    page.goto((folder / "02-two.html").as_uri())
    shown = page.locator(".tux-folded:visible")
    assert shown.count() == 0
    page.get_by_text("checked: it is so").click()
    assert shown.count() == 1 and "assert a" in shown.inner_text()
    page.get_by_label("show all code and checks").check()
    assert shown.count() == 4


def test_a_word_is_explained(page, folder):
    """Below its paragraph at its first place; on a touch everywhere; by the keyboard at the first place."""
    page.goto((folder / "02-two.html").as_uri())
    assert "the memory object" in page.locator(".tux-words").first.inner_text()
    first, again = page.locator("abbr.tux-first").first, page.locator("abbr:not(.tux-first)", has_text="folio").first
    for word in (first, again):
        word.click()
        said = word.evaluate("e => getComputedStyle(e, '::after').content")
        assert "the memory object" in said
    assert again.evaluate("e => e.tabIndex") == -1 and first.evaluate("e => e.tabIndex") == 0
    assert "keeps its users" in page.locator("code abbr").get_attribute("title")


def test_a_note_and_back(page, folder):
    page.goto((folder / "02-two.html").as_uri())
    page.locator(".tux-cite a").first.click()
    assert page.url.endswith("#note-1") and page.locator("li:target").is_visible()
    page.locator("li:target .tux-back").click()
    assert page.url.endswith("#cite-1")


@pytest.mark.parametrize("width", [1400, 1280, 800, 400])
def test_only_what_is_wide_scrolls(page, folder, width):
    """No page is wider than the window, nor its prose; runs and tables scroll, and no word is broken."""
    page.set_viewport_size({"width": width, "height": 900})
    for name in ("index", "01-one", "02-two", "book"):
        page.goto((folder / f"{name}.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
    scrolls = page.evaluate(
        """[...document.querySelectorAll('pre, table')].map((e) => e.closest('pre, div, table'))
           .filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => getComputedStyle(e).overflowX)"""
    )
    assert scrolls and set(scrolls) <= {"auto", "scroll"}


def test_contents_stand_at_the_side_and_lead(page, folder):
    page.goto((folder / "02-two.html").as_uri())
    side, main = page.locator(".tux-contents"), page.locator(".tux-main")
    assert side.bounding_box()["x"] + side.bounding_box()["width"] <= main.bounding_box()["x"]
    side.get_by_text("Second heading").click()
    assert page.url.endswith("#Second-heading")
    page.set_viewport_size({"width": 700, "height": 900})
    assert side.bounding_box()["y"] < main.bounding_box()["y"]


def test_from_page_to_page(page, folder):
    """Next and previous at both ends; the index leads to each, and a sign of its table to the case's explorer."""
    page.goto((folder / "01-one.html").as_uri())
    assert page.locator('a[rel="next"]').count() == 2
    page.locator('a[rel="next"]').last.click()
    assert page.url.endswith("02-two.html")
    page.locator('a[rel="prev"]').first.click()
    page.get_by_text("all notebooks").first.click()
    page.locator(".notebooks").get_by_text("01 One page").click()
    page.go_back()
    page.get_by_label("migration under stable_pages:").click()
    assert page.url.endswith("01-one.html#migration/stable_pages")
    assert "HOLDS" in Driver(page).verdict.upper()


def test_the_book_is_whole(page, folder):
    """Every notebook is in it, ids are there once, and links between notebooks stay in it and lead somewhere."""
    page.goto((folder / "book.html").as_uri())
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids)) and {"01-one", "02-two"} <= set(ids)
    links = page.evaluate("[...document.querySelectorAll('a[href]')].map((e) => e.getAttribute('href'))")
    inside = [link[1:] for link in links if link.startswith("#")]
    assert set(inside) <= set(ids) and "02-two--Second-heading" in inside
    assert not [link for link in links if link.endswith(".html")]
    assert Driver(page).verdict and len(page.locator(".tux-notes").all()) == 2


@pytest.mark.parametrize("name", ["index", "02-two", "book"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_accessible(page, axe, folder, name, scheme):
    page.emulate_media(color_scheme=scheme)
    page.goto((folder / f"{name}.html").as_uri())
    assert axe(page) == []


def test_printed(folder, tmp_path):
    """`--pdf` writes a PDF; code, folds and links to other pages stay away, the box opened or not."""
    path = chromium_path()
    if path is None:
        pytest.skip("there is no Chromium")
    print_page(path, folder / "02-two.html", tmp_path / "two.pdf")
    assert pages_of((tmp_path / "two.pdf").read_bytes()) == 1


def test_what_is_printed(page, folder):
    """Answers that prose folds are printed; folded code, contents and links to other pages are not."""
    page.goto((folder / "02-two.html").as_uri())
    page.emulate_media(media="print")
    assert page.get_by_text("What is so.").bounding_box()["height"] > 0
    hidden = page.locator(".tux-nav, .tux-contents, .tux-fold, .tux-all, .tux-folded")
    assert not [one for one in hidden.all() if one.is_visible()]


def pages_of(pdf: bytes) -> int:
    assert pdf.startswith(b"%PDF")
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


def test_pdf_without_a_browser(capsys, tmp_path, monkeypatch):
    """One line that says what to do, exit 2, and nothing is run."""
    nbformat.write(v4.new_notebook(), tmp_path / "a.ipynb")
    monkeypatch.setenv("PATH", os.path.dirname(shutil.which("sh")) + "/nowhere")
    monkeypatch.delenv("TUX3NB_CHROMIUM", raising=False)
    assert main(["report", "--pdf", str(tmp_path / "a.ipynb"), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "none is on the PATH" in said and "TUX3NB_CHROMIUM" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_rdma_prints_on_few_pages(tmp_path):
    """The longest of the notebooks on cases, with everything that it shows."""
    assert main(["report", "04-rdma", "--pdf", "--out", str(tmp_path)]) == 0
    assert pages_of((tmp_path / "04-rdma.pdf").read_bytes()) <= MOST_PAGES
