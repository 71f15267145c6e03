"""A stranger's notebook in a real browser: nothing runs, nothing is asked for, the page stays where it is."""

import nbformat
import pytest

from tests.report.hostile import MARKUP, notebook
from tux3nb.report.export import to_html

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def of(markup: str) -> nbformat.NotebookNode:
    html = nbformat.v4.new_output("display_data", data={"text/html": markup})
    cells = [nbformat.v4.new_markdown_cell(f"# T\n\n{markup}"), nbformat.v4.new_code_cell("x", outputs=[html])]
    return nbformat.v4.new_notebook(cells=cells)


@pytest.mark.parametrize("name", [*MARKUP, "all of it"])
def test_a_hostile_page_does_nothing(page, tmp_path, name):
    """Also when everything that can be pressed is pressed; links to other pages are for the reader to follow."""
    file = tmp_path / "page.html"
    file.write_text(to_html(notebook() if name == "all of it" else of(MARKUP[name]), "x"), encoding="utf-8")
    opened = []
    page.context.on("page", lambda new: opened.append(new))  # noqa: PLW0108  (Playwright takes no builtin)
    page.goto(file.as_uri())
    page.wait_for_timeout(100)
    page.evaluate(
        "for (const el of document.querySelectorAll('main *')) {"
        "  if (!['http:', 'https:', 'file:'].includes(el.closest('a')?.protocol)) {"
        "    el.focus?.(); el.dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true })); } }"
    )
    page.wait_for_timeout(100)
    assert page.evaluate("window.PWN") is None
    assert page.url.split("#")[0] == file.as_uri() and opened == [] and page.title()
    assert [url for url in page.asked if not url.startswith(("file:", "data:"))] == []


def test_such_a_page_would_act(page, tmp_path):
    """The test can fail: without cleaning and policy the markup runs."""
    file = tmp_path / "page.html"
    file.write_text(f"<main>{MARKUP['handler']}{MARKUP['comment']}</main>", encoding="utf-8")
    page.goto(file.as_uri())
    page.wait_for_timeout(200)
    assert page.evaluate("window.PWN") == 3


def test_the_policy_alone_stops_scripts(page, tmp_path):
    """A second wall, should something get past the first."""
    whole = to_html(of("x"), "x")
    bad = "".join(MARKUP[name] for name in ("handler", "load", "address", "script", "comment"))
    file = tmp_path / "page.html"
    file.write_text(whole.replace("<main>", f"<main>{bad}", 1), encoding="utf-8")
    page.goto(file.as_uri())
    page.wait_for_timeout(100)
    page.evaluate("document.querySelectorAll('main > a').forEach((a) => a.click())")
    page.wait_for_timeout(100)
    assert page.evaluate("window.PWN") is None
