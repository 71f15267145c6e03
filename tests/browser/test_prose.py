"""What the prose of a notebook tells a reader to press is there, and can be pressed."""

import re
from pathlib import Path

import nbformat
import pytest

from tests.browser.driver import Driver, write
from tux3nb.catalogue import find
from tux3nb.model.features import named_policy
from tux3nb.report.prose import PRESS
from tux3nb.show.explorer.answers import CaseSource

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]
NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
_EXPLORER = re.compile(r'^explorer\("([^"]+)"(?:, "(\w+)")?', re.MULTILINE)


def told(path):
    """What a notebook tells to press, and the (case, policy) of its explorers."""
    cells = nbformat.read(path, as_version=4).cells
    prose = "\n".join(" ".join(cell.source.split()) for cell in cells if cell.cell_type == "markdown")
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    return [name for _, name in PRESS.findall(prose)], _EXPLORER.findall(code)


def _find(x, name):
    """The control of this name: its text, or the title of what it changes."""
    buttons = x.locator("button")
    return buttons.filter(has_text=name).or_(x.locator(f'button[title="{name}"]')).locator("visible=true")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_the_prose_says_can_be_pressed(page, tmp_path, path):
    """Every control that a notebook names is in one of its explorers, and a press on it leaves a run."""
    names, starts = told(path)
    if not names or not starts:
        pytest.skip("it names no control, or has no explorer of one case")
    documents = []
    for case, policy in starts:
        source = CaseSource(find(case))
        documents.append([source.document(source.start(named_policy(policy or "tux3")))])
    page.goto(write(tmp_path / "notebook.html", *documents))
    explorers = [Driver(page, n) for n in range(len(documents))]
    for name in names:
        for x in explorers:
            if not _find(x, name).count() and "more" in x.keys():
                x.press("more")
        found = next((x for x in explorers if _find(x, name).count()), None)
        assert found, f"{path.name} says to press {name!r}: there is no such control"
        _find(found, name).first.click()
        found.shows_a_run()
        page.keyboard.press("Escape")
