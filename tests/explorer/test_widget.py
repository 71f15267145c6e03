"""The widget's Python side."""

import subprocess
import sys

import pytest

from tests.explorer.fixture import TUX3, document
from tux3nb.show.explorer import Explorer, document_answer, document_head


def test_answers_follow_the_policy():
    """Setting the policy, from Python or the browser, gives the answer to it."""
    explorer = Explorer(document(), property="I3", step=2)
    assert (explorer.property, explorer.step) == ("I3", 2)
    assert explorer.answer["class"]["verdict"] == "VIOLATED"
    explorer.policy = TUX3 | {"fork": "never"}
    assert explorer.answer["class"]["verdict"] == "HOLDS"
    assert explorer.answer["policy"] == explorer.policy


def test_any_source_will_do():
    """An object with a head and an answer is enough; what it raises is shown in the view, with its words."""

    class Source:
        document_head = document_head(document())

        def answer(self, policy):
            if policy["fork"] == "never":
                raise ValueError("too many states")
            return document_answer(document(), policy)

    explorer = Explorer(Source())
    assert explorer.answer["class"]["id"] == 0
    explorer.policy = TUX3 | {"fork": "never"}
    assert explorer.answer["error"] == "ValueError: too many states"


def test_start_policy_can_deviate():
    """Explorer(document, policy={...}) starts elsewhere; features left out stay at the document's start."""
    explorer = Explorer(document(), policy={"fork": "never"})
    assert explorer.policy == TUX3 | {"fork": "never"}
    assert "HOLDS" in explorer._repr_mimebundle_()[0]["text/plain"]


def test_mime_bundle(monkeypatch):
    """A cell's output has the widget, a still image and text; in a report it has the offline explorer instead."""
    explorer = Explorer(document())
    data, _ = explorer._repr_mimebundle_()
    assert set(data) == {"application/vnd.jupyter.widget-view+json", "text/html", "text/plain"}
    assert "data:image/svg+xml;base64," in data["text/html"]
    monkeypatch.setenv("TUX3NB_STATIC", "1")
    explorer.step = 3
    data, _ = explorer._repr_mimebundle_()
    assert data["text/html"].startswith("<tux-explorer") and "Step 3 of 10" in data["text/html"]


@pytest.mark.parametrize(
    "module", ["tux3nb.show.explorer", "tux3nb.show.picture", "tux3nb.report.cli", "tux3nb.report.lab"]
)
def test_commands_stay_light(module):
    """Only the widget imports anywidget; parsing a command line imports neither that nor nbconvert."""
    heavy = ("anywidget", "nbconvert", "pandas", "jupyterlab")
    code = f"import sys, {module}; sys.exit(any(m in sys.modules for m in {heavy}))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
