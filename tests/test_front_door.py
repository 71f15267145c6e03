"""The README says what the records say, and shows what a run shows."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from tux3nb.paths import in_checkout

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(not in_checkout(), reason="no checkout")


@pytest.fixture(scope="module")
def front():
    """docs/make_front.py as a module."""
    spec = importlib.util.spec_from_file_location("make_front", ROOT / "docs/make_front.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_front"] = module
    spec.loader.exec_module(module)
    return module


def test_the_answer_is_the_record_s(front):
    """Word by word; `docs/make_front.py` writes it."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"<!-- answer -->\n(.*?)\n<!-- /answer -->", readme, re.DOTALL)[1]
    assert block == front.short_answer().markdown and block.count("\n") == 2
    assert block == re.search(r"<!-- answer -->\n(.*?)\n<!--", front.filled(readme), re.DOTALL)[1]


def test_the_picture_is_a_run_s(front):
    """The committed picture is what the run gives now, and marks what is lost."""
    drawn = front.PICTURE.read_text(encoding="utf-8")
    assert drawn == front.picture() and drawn.count('stroke="#a40e1c"') == 2


def test_links_lead_somewhere():
    """Files that the README and the pages in docs/ link are there."""
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
