"""What the prose of a notebook tells a reader to press is there, and can be pressed."""

import ast
import re
from pathlib import Path

import nbformat
import pytest

from tests.browser.driver import Driver, write
from tux3nb.cases.case import Case
from tux3nb.catalogue import find
from tux3nb.model.features import named_policy
from tux3nb.show.explorer.answers import CaseSource

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]
NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
_NAME = re.compile(r"\*([^*]+)\*")
_IN_TAB = re.compile(r"((?:\*[^*]+\*(?:, | and )?)+) (?:is|are) in the tab \*([^*]+)\*")


def presses(prose):
    """What a text tells to press, in its order: (a control's name, the tab that it is in)."""
    out = []
    for sentence in re.split(r"(?<=[.;:!?])\s+", prose.replace("**", "")):
        found = _IN_TAB.search(sentence)
        if found:
            out += [(found[2], ""), *((name, found[2]) for name in _NAME.findall(found[1]))]
        elif re.search(r"\b[Pp]ress", sentence):
            out += [(name, "") for name in _NAME.findall(sentence[re.search(r"[Pp]ress", sentence).start() :])]
    return out


def explorers(code):
    """(case, policy, property) of every explorer of one case; a case of the notebook's own is made by its cell."""
    out, cells = [], [ast.parse(cell) for cell in code]
    for tree in cells:
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "explorer":
                case, *rest = call.args
                prop = next((ast.literal_eval(k.value) for k in call.keywords if k.arg == "property"), None)
                policy = ast.literal_eval(rest[0]) if rest else "tux3"
                out.append((find(case.value) if isinstance(case, ast.Constant) else own(code, case.id), policy, prop))
    return out


def own(code, name) -> Case:
    """The case of this name that a notebook's cells make, and what it is made of; nothing else is run."""
    body = [node for cell in code for node in ast.parse(cell).body]
    needed, wanted = {name}, []
    for node in reversed(body):
        targets = {t.id for t in node.targets if isinstance(t, ast.Name)} if isinstance(node, ast.Assign) else set()
        if targets & needed:
            needed |= {n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)}
        if targets & needed or isinstance(node, ast.ImportFrom):
            wanted.append(node)
    scope = {}
    exec(compile(ast.Module(wanted[::-1], []), name, "exec"), scope)
    return scope[name]


def told(path):
    """What a notebook tells to press, and its explorers."""
    cells = nbformat.read(path, as_version=4).cells
    prose = "\n".join(" ".join(cell.source.split()) for cell in cells if cell.cell_type == "markdown")
    return presses(prose), explorers([cell.source for cell in cells if cell.cell_type == "code"])


def _find(x, name, tab):
    """The control of this name: its text, or the title of what it changes; in a tab a link."""
    if tab:
        return x.locator(".panel a", has_text=re.compile(rf"^\s*{re.escape(name)}\s*$")).locator("visible=true")
    buttons = x.locator("button")
    return buttons.filter(has_text=name).or_(x.locator(f'button[title="{name}"]')).locator("visible=true")


def test_what_is_told_to_press_is_read():
    """Names after a press, those in a tab with their tab, and nothing else that is set in italics."""
    text = "It is *not* so. Press the chip *a_b*, then *c*; *d* and *e* are in the tab *Named policies*. Old *news*."
    tab = "Named policies"
    assert presses(text) == [("a_b", ""), ("c", ""), (tab, ""), ("d", tab), ("e", tab)]


def test_some_notebook_tells_to_press():
    """The test below has something to look for."""
    assert sum(bool(told(path)[0]) for path in NOTEBOOKS) >= 5


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_the_prose_says_can_be_pressed(page, tmp_path, path):
    """Every control that a notebook names is in one of its explorers, and a press on it leaves a run."""
    names, starts = told(path)
    if not names:
        pytest.skip("it names no control")
    assert starts, f"{path.name} says to press {names[0]}, and has no explorer of one case"
    sources = [CaseSource(case) for case, _, _ in starts]
    documents = [
        [source.document(source.start(source.whole(source.diagram.policy(named_policy(policy))), prop))]
        for source, (_, policy, prop) in zip(sources, starts, strict=True)
    ]
    page.goto(write(tmp_path / "notebook.html", *documents))
    xs = [Driver(page, n) for n in range(len(documents))]
    for name, tab in names:
        for x in xs:
            if not _find(x, name, tab).count() and "more" in x.keys():
                x.press("more")
        found = next((x for x in xs if _find(x, name, tab).count()), None)
        assert found, f"{path.name} says to press {name!r}: there is no such control"
        _find(found, name, tab).first.click()
        found.shows_a_run()
        page.keyboard.press("Escape")
