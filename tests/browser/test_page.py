"""The explorer in an exported page, opened from disk with the network blocked."""

import argparse
import itertools
import random
import re

import nbformat
import pytest
from tests.explorer.fixture import FIELDS, TUX3, document
from tests.picture.test_evaluate import random_expr, random_text
from tux3nb.show.picture.evaluate import number, words
from tux3nb.show.picture.table import evaluate

from tux3nb.report import cli
from tux3nb.show.explorer import document_answer
from tux3nb.show.explorer.document import class_number
from tux3nb.show.explorer.page import first_view
from tux3nb.show.picture import describe

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def doc():
    return document()


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """An exported notebook with the explorer of the fixture document in it."""
    folder = tmp_path_factory.mktemp("exported")
    nb = nbformat.v4.new_notebook()
    nb.cells = [
        nbformat.v4.new_markdown_cell("# RDMA\n\nText, $x^2$."),
        nbformat.v4.new_code_cell(
            "from tests.explorer.fixture import document\n"
            "from tux3nb.show.explorer import Explorer\nExplorer(document())"
        ),
    ]
    nbformat.write(nb, folder / "04-rdma.ipynb")
    parser = argparse.ArgumentParser()
    cli.configure(parser)
    assert cli.run(parser.parse_args([str(folder / "04-rdma.ipynb"), "--out", str(folder / "out")])) == 0
    return (folder / "out/04-rdma.html").as_uri()


@pytest.fixture
def explorer(page, exported):
    """The exported page, its explorer drawn."""
    page.goto(exported)
    page.locator("tux-explorer .count").wait_for()
    return page


def pick(page, feature_title, value_title):
    page.locator("fieldset", has=page.get_by_text(feature_title)).get_by_text(value_title, exact=True).click()


def count(page):
    return page.locator(".count").inner_text()


def test_toggles_change_the_verdict(explorer):
    """A toggle gives another class: VIOLATED to HOLDS and back by a preset; no request is made."""
    assert "VIOLATED" in explorer.locator(".verdict").inner_text()
    pick(explorer, "when to fork", "never")
    assert "HOLDS" in explorer.locator(".verdict").inner_text()
    assert "every script finishes" in explorer.locator(".caption").inner_text()
    explorer.get_by_role("button", name="Tux3 as posted in 2015").click()
    assert "VIOLATED" in explorer.locator(".verdict").inner_text()
    assert "which no mapping and no slot shows" in explorer.locator(".rows").inner_text()
    assert [url for url in explorer.asked if not url.startswith("file:")] == []
    assert explorer.evaluate("performance.getEntriesByType('resource').length") == 0


def test_every_combination_equals_the_table(explorer, doc):
    """For every combination the page shows the class, the verdicts and the reasons that Python looks up."""
    names = [name for name, _ in doc["index"]["features"]]
    for values in itertools.product(*(v for _, v in doc["index"]["features"])):
        policy = dict(zip(names, values, strict=True))
        for feature in doc["features"]:
            if feature["read"]:
                explorer.locator(f"input[name$='-{feature['id']}'][value='{policy[feature['id']]}']").check(force=True)
        shown = explorer.locator(".verdict").inner_text()
        index = class_number(doc["index"], policy)
        if index < 0:
            assert "no such policy" in shown and "leaves no pin to fork first" in shown
            assert not explorer.locator(".show").is_visible()
            continue
        entry = doc["classes"][index]
        assert entry["verdict"] in shown and f"{entry['states']} states" in shown
        said = [re.sub(r"\s+", " ", text) for text in explorer.locator(".rows tbody tr").all_inner_texts()]
        for row, text in zip(entry["rows"], said, strict=True):
            assert row["verdict"] in text and row["reason"] in text


def test_slider_keyboard_and_play(explorer):
    """Slider, arrows, j and k, Home and End, the step table and play move the step; the address follows."""
    assert count(explorer) == "step 10 of 10"
    explorer.locator("section").focus()
    for key, step in [
        ("k", 9),
        ("ArrowLeft", 8),
        ("j", 9),
        ("ArrowRight", 10),
        ("ArrowRight", 10),
        ("Home", 0),
        ("k", 0),
        ("End", 10),
    ]:
        explorer.keyboard.press(key)
        assert count(explorer) == f"step {step} of 10", key
    explorer.locator("input[type=range]").fill("7")
    assert count(explorer) == "step 7 of 10"
    explorer.locator(".race tbody tr").nth(1).click()
    assert count(explorer) == "step 2 of 10" and explorer.url.endswith("/2")
    explorer.get_by_role("button", name="play").click()
    explorer.locator(".count", has_text="step 4 of 10").wait_for(timeout=8_000)
    explorer.get_by_role("button", name="pause").click()
    stopped = count(explorer)
    explorer.wait_for_timeout(1300)
    assert count(explorer) == stopped


def test_step_shows_what_changed(explorer):
    """A step shows its sentence, the fields old and new, the current lines, and marks in the picture."""
    explorer.locator(".race tbody tr").nth(7).click()
    assert "The slot gets the copy" in explorer.locator(".says").inner_text()
    changes = explorer.locator(".changes").inner_text()
    assert "slot[0]: 0 → 1" in changes and "forked[0]: 0 → 1" in changes
    assert explorer.locator(".scripts .acting .now").inner_text().strip().endswith("store p0:1")
    assert "chg" in explorer.locator("[data-id='slot']").get_attribute("class")
    assert "gone" in explorer.locator("[data-id='slot-0']").get_attribute("class")
    assert explorer.locator("[data-t='slot.2']").text_content() == "page 0: folio B"


def test_matrix_of_named_policies(explorer, doc):
    """The matrix has the table's verdicts, in words for those who do not see signs; a press on a row is that policy."""
    explorer.get_by_text("The named policies side by side").click()
    heads = explorer.locator(".matrix thead th").all_inner_texts()
    assert heads == ["policy", "all", *(p["id"] for p in doc["properties"])]
    for row, preset in zip(explorer.locator(".matrix tbody tr").all(), doc["presets"], strict=True):
        entry = doc["classes"][class_number(doc["index"], preset["policy"])]
        want = [entry["verdict"], *(r["verdict"] for r in entry["rows"])]
        assert [cell.split(" ", 1)[1] for cell in row.locator("td").all_text_contents()] == want
    explorer.locator(".matrix button", has_text=doc["presets"][1]["title"]).click()
    chosen = explorer.locator(".matrix tr.chosen button")
    assert chosen.all_inner_texts() == [doc["presets"][1]["title"]]
    entry = doc["classes"][class_number(doc["index"], doc["presets"][1]["policy"])]
    assert entry["verdict"] in explorer.locator(".verdict").inner_text()


def test_says_what_it_covers(explorer, doc):
    """The page says how many combinations its table answers, of which features, and that Lab has the others."""
    explorer.get_by_text("What this leaves out, and sources").click()
    said = explorer.locator(".covers").inner_text()
    count = sum(n >= 0 for n in doc["index"]["class_of"])
    assert f"answers {count} combinations of {len(doc['index']['features'])} features" in said
    assert "tux3nb lab has every other" in said


def test_address_restores_the_view(explorer, exported):
    """The address of a view opens the same view; nonsense in it is ignored."""
    pick(explorer, "when to fork", "unless pinned (checked)")
    explorer.locator(".rows tr", has_text="I3").click()
    address = explorer.url
    explorer.goto("about:blank")
    explorer.goto(address)
    explorer.locator("tux-explorer .count").wait_for()
    assert explorer.locator("input[value=unless_pinned]").is_checked() and explorer.url == address
    explorer.goto("about:blank")
    explorer.goto(exported + "#rdma=fork:nonsense,bad/I99/x&heading")
    explorer.locator("tux-explorer .count").wait_for()
    assert explorer.locator("input[value=always]").is_checked() and count(explorer) == "step 10 of 10"


def test_unread_features_are_greyed(explorer):
    """Features that the case never reads are there, cannot be chosen, and say why."""
    explorer.get_by_text("This case cannot tell: 1 feature").click()
    fieldset = explorer.locator("section fieldset.unread")
    assert fieldset.evaluate("f => f.disabled") and "re-insert breakpoints" in fieldset.inner_text()


def test_without_scripts(chromium, exported):
    """With scripts off the verdicts, the picture and its caption are there."""
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(exported)
    assert "VIOLATED" in page.locator("figure.tux-still").inner_text()
    assert page.locator("figure.tux-still svg").is_visible()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 700, 380])
def test_fits_its_width(explorer, scheme, width):
    """Nothing makes the page scroll sideways; text and background differ in both schemes."""
    explorer.emulate_media(color_scheme=scheme)
    explorer.set_viewport_size({"width": width, "height": 900})
    assert explorer.evaluate("document.documentElement.scrollWidth <= innerWidth")
    dark = explorer.locator("section").evaluate("s => s.classList.contains('dark')")
    assert dark == (scheme == "dark")


def test_prints(explorer):
    """On paper the controls are gone and the policy is a sentence; the table is light in dark mode too."""
    explorer.emulate_media(media="print", color_scheme="dark")
    assert not explorer.locator(".player").is_visible() and explorer.locator(".policy").is_visible()
    assert explorer.locator("section").evaluate("s => getComputedStyle(s).backgroundColor") == "rgb(255, 255, 255)"


def test_evaluators_agree(explorer):
    """Python and JavaScript give the same for seeded random EXPRs, TEXTs and states."""
    rng = random.Random(7)
    cases = []
    for _ in range(1500):
        state = {"a": rng.randrange(4), "b": rng.randrange(4)}
        cases.append((random_expr(rng, 4), random_text(rng, 3), state))
    got = _evaluated(explorer, cases)
    assert got == [[number(e, s), words(t, s)] for e, t, s in cases]


_BOTH = """(cases) => {
  const source = document.querySelector('script[type=module]').textContent
    .replace(/^export default.*$/gm, '').replace(/^export /gm, '').replace(/if \\(typeof customElements[\\s\\S]*$/, '');
  const script = document.createElement('script');
  script.textContent = `window.both = (() => { ${source}
    return (cases) => cases.map(([e, t, s]) => {
      const map = new Map(Object.entries(s));
      return [number(e, map), words(t, map)];
    }); })()`;
  document.body.append(script);
  return window.both(cases);
}"""


def _evaluated(page, cases):
    """Run both evaluators of explorer.js, taken as text since the page may load nothing."""
    return page.evaluate(_BOTH, cases)


def test_pictures_agree(explorer, doc):
    """At every step of every run the page shows the elements, texts and words that Python computes."""
    for fork in ("always", "never", "unless_pinned"):
        explorer.locator(f"input[value={fork}]").check(force=True)
        policy = TUX3 | {"fork": fork}
        answer = document_answer(doc, policy)
        for prop in ("I2", "I3"):
            explorer.locator(f"input[aria-label='show the run of {prop}']").check()
            run = first_view({**doc, "start": {"policy": policy, "property": prop}}, answer)["run"]
            if run is None:
                continue
            for step, at in enumerate(run["states"]):
                explorer.locator("input[type=range]").fill(str(step))
                _same_picture(explorer, doc["picture"], answer["states"][at])


_SHOWN = """() => [...document.querySelector('tux-explorer').shadowRoot.querySelectorAll('[data-id]')].map((g) => {
  const css = g.getAttribute('class');
  return [g.dataset.id, !/\\b(absent|ghost)\\b/.test(css), / s-(\\S+)/.exec(css)?.[1] ?? ''];
})"""
_TEXTS = """() => [...document.querySelector('tux-explorer').shadowRoot.querySelectorAll('text[data-t]')]
  .map((t) => [t.dataset.t, t.textContent])"""


def _same_picture(page, picture, values):
    want = evaluate(picture, FIELDS, values)
    shown = {name: (on, look) for name, on, look in page.evaluate(_SHOWN)}
    assert shown == {name: (view["on"], view["look"]) for name, view in want.items()}
    texts = {f"{name}.{k}": text for name, view in want.items() for k, text in enumerate(view["text"])}
    assert dict(page.evaluate(_TEXTS)) == texts
    assert page.locator(".pic svg").get_attribute("aria-label") == " ".join(describe(picture, FIELDS, values))
