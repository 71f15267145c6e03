"""The widget's Python side: answers, questions of the view, what is wrong in words, what is shown elsewhere."""

import subprocess
import sys

import pytest

from tux3nb.notebook import explorer, explorer_of
from tux3nb.show.explorer import Explorer


@pytest.fixture
def widget():
    return explorer("crash", property="I6")


def asked(widget, **message):
    """The widget's reply to a question of the view."""
    sent = []
    widget.send = lambda content, buffers=None: sent.append(content)
    widget._asked(None, {"ask": 7, **message}, None)
    assert sent[0]["ask"] == 7
    return sent[0]


def test_policy_set_from_python_is_answered(widget):
    """Setting the policy gives the answer to it; one that is wrong is said in words and not shown."""
    before = dict(widget.answer)
    widget.policy = {**widget.policy, "fork": "nevr"}
    assert "no value 'nevr'; did you mean never" in widget.trouble and widget.answer == before
    widget.policy = {**widget.policy, "fork": "never"}
    assert widget.trouble == "" and widget.answer["policy"]["fork"] == "never"
    widget.property = "I99"
    assert "no property 'I99'" in widget.trouble


def test_questions_of_the_view(widget):
    """Runs, comparisons, steps; a question that cannot be answered gets words, never silence."""
    policy = dict(widget.policy)
    assert asked(widget, what="run", policy=policy, property="I6")["answer"]["property"] == "I6"
    reply = asked(widget, what="compare", policy=policy, against={**policy, "fork": "never"}, property="I6")
    assert reply["answer"]["follow"] is not None
    first = widget.answer["views"][0]["next"][0]
    step = widget.answer["steps"][first[0]]["n"]
    reply = asked(widget, what="step", policy=policy, path=[], step=step)
    assert len(reply["answer"]["runs"][reply["answer"]["run"]]["steps"]) == 1
    assert asked(widget, what="finish", policy=policy, path=[step], property="I6")["error"] == ""
    assert "no value" in asked(widget, what="run", policy={"fork": "nevr"})["error"]
    assert "no such steps" in asked(widget, what="step", policy=policy, path=[], step=-5)["error"]
    assert "does not know" in asked(widget, what="dance")["error"]


def test_bad_input_is_a_word_in_the_head(widget):
    """A widget made with a policy or property that there is not shows the base, and says so."""
    wrong = Explorer(widget._source, policy={"frok": "never"})
    assert "no feature 'frok'; did you mean fork" in wrong.trouble and wrong.answer["policy"] == widget.answer["policy"]
    assert "no property 'I99'" in Explorer(widget._source, property="I99").trouble


def test_choosing_a_case():
    """Another case brings its head, its start and its answer; an unknown one is said and changes nothing."""
    choice = explorer_of("reclaim+orphan", "truncate+read_fault")
    assert choice.policy["off"] == "own" and choice.answer["verdicts"]["all"] == "VIOLATED"
    choice.chosen = "truncate+read_fault"
    assert choice.head["case"]["name"] == "truncate+read_fault" and choice.answer["policy"] == choice.policy
    choice.chosen = "nonsense"
    assert "no case 'nonsense'" in choice.trouble and choice.head["case"]["name"] == "truncate+read_fault"


def outputs(widget, monkeypatch):
    """What a cell shows."""
    import IPython.display

    out = []
    monkeypatch.setattr(IPython.display, "display", lambda data, raw: out.append(data))
    widget._ipython_display_()
    return out


def test_what_a_cell_shows(widget, monkeypatch):
    """The widget with a figure and text for forges, and beside it what stands in for it; in a report the page alone."""
    live, saved = outputs(widget, monkeypatch)
    assert set(live) == {"application/vnd.jupyter.widget-view+json", "text/html", "text/plain"}
    assert "data:image/svg+xml;base64," in live["text/html"] and "<script" not in live["text/html"]
    assert '<div class="tux-saved">' in saved["text/html"] and "<tux-explorer>" in saved["text/html"]
    monkeypatch.setenv("TUX3NB_STATIC", "1")
    widget.step = 3
    (page,) = outputs(widget, monkeypatch)
    assert page["text/html"].startswith("<tux-explorer") and "Step 3 of" in page["text/html"]


@pytest.mark.parametrize(
    "module", ["tux3nb.show.explorer", "tux3nb.show.picture", "tux3nb.report.cli", "tux3nb.report.lab"]
)
def test_commands_stay_light(module):
    """Only the widget imports anywidget; parsing a command line imports neither that nor nbconvert."""
    heavy = ("anywidget", "nbconvert", "pandas", "jupyterlab")
    code = f"import sys, {module}; sys.exit(any(m in sys.modules for m in {heavy}))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
