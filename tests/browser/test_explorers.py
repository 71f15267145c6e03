"""The explorers of real cases in a page: what they say is what the engine says, and no press takes the run away."""

import random
import re

import pytest

from tests.browser.driver import Driver, write
from tux3nb.answers.judge import judge
from tux3nb.catalogue import find
from tux3nb.model.features import FEATURES
from tux3nb.show.explorer.answers import CaseSource

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
QUICK = ("migration", "mmap+pin_outlives")
SLOW = ("rdma", "ptrace", "aio+fork", "uprobes+saved", "vmsplice", "migration+fork", "rdma+odp", "truncate+read_fault",
        "reuse", "ordinary", "uprobes")  # fmt: skip
CASES = [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)]
_SOURCES: dict[str, tuple[CaseSource, dict]] = {}


def source_of(name):
    """The source and the document of a case, made once."""
    if name not in _SOURCES:
        source = CaseSource(find(name))
        _SOURCES[name] = source, source.document()
    return _SOURCES[name]


@pytest.fixture
def x(page, tmp_path, request):
    _, document = source_of(request.param)
    page.set_viewport_size({"width": 1366, "height": 768})
    page.goto(write(tmp_path / "case.html", [document]))
    driver = Driver(page)
    driver.document, driver.name = document, request.param
    return driver


def told(document, policy):
    """The name of a policy in links, from the first named policy."""
    base = document["named"][0]
    changes = [f"{f}:{v}" for f, v in policy.items() if base["policy"][f] != v]
    return "+".join([base["id"], *changes])


def show(x, policy, prop=""):
    """Follow the link to a policy and a property."""
    fragment = f"{x.name}/{told(x.document, policy)}/{prop}"
    x.page.evaluate("fragment => { location.hash = fragment }", fragment)
    x.page.wait_for_function("!document.querySelector('tux-explorer').shadowRoot.querySelector('[aria-busy]')")
    x.page.evaluate("() => new Promise(requestAnimationFrame)")


@pytest.mark.parametrize("x", CASES, indirect=True)
def test_opens_on_a_laptop(x):
    """The first screen has the verdict, the lanes, the bytes and the properties; a broken case has one mark."""
    x.evaluate("el => el.scrollIntoView()")
    for selector in (".verdict", ".list", ".bytes", ".bars"):
        box = x.locator(selector).first.bounding_box()
        top = box["y"] if selector != ".list" else x.locator(".scroll").bounding_box()["y"]
        bottom = box["y"] + box["height"]
        assert top >= -1 and bottom <= 768, (selector, box)
    if "VIOLATED" in x.verdict:
        assert x.marks() == 1


@pytest.mark.parametrize("x", CASES, indirect=True)
def test_every_press_leaves_a_run(x):
    """From the start, and from every policy that a chip leads to, each control leaves a run on the screen."""
    url = x.page.url.split("#")[0]
    for first in [None, *(key for key in x.keys() if key.startswith("chip-"))]:
        x.page.goto(url + "#")
        x.page.reload()
        x.locator(".list [role=option]").first.wait_for()
        if first:
            x.press(first)
        for key in [key for key in x.keys() if key not in ("svg", "png", first)]:
            if key in x.keys():
                x.press(key)
            x.shows_a_run()
            for value in [one for one in x.keys() if one.startswith("value-")]:
                if value not in x.keys():
                    x.press(key)
                x.press(value)
                x.shows_a_run()
            x.page.keyboard.press("Escape")


@pytest.mark.parametrize("x", CASES, indirect=True)
def test_every_broken_run_ends_with_one_mark(x):
    """For each named policy and each property that it breaks: one mark at the end, and a sentence of what is drawn."""
    for named in x.document["named"]:
        for prop in x.document["properties"]:
            show(x, named["policy"], prop["id"])
            bar = x.text(f'[data-key="bar-{prop["id"]}"]')
            if "broken" not in bar:
                assert x.marks() == 0, (named["id"], prop["id"])
                continue
            assert x.marks() == 1, (named["id"], prop["id"], x.verdict)
            drawn = x.text(".main")
            sentence = x.verdict.split(" is broken: ", 1)[1]
            for name in re.findall(r"folio [A-Z]\b|cell \d|(?:PTE|TLB|translation) of \w+|saved|disk", sentence):
                kind, *rest = name.split()
                assert kind in drawn and all(word in drawn for word in rest), (sentence, name)


@pytest.mark.parametrize("x", [QUICK[1], pytest.param("rdma", marks=pytest.mark.slow)], indirect=True)
def test_the_page_says_what_the_engine_says(x):
    """For 200 random policies of the whole product the verdicts of the page are those of the engine, one at a time."""
    case = find(x.name)
    judged = judge(case, case.product())
    rng = random.Random(12)
    known = [f["id"] for f in x.document["features"]]
    for _ in range(200):
        policy = case.policy | {f: rng.choice(list(FEATURES[f].values)) for f in known if not FEATURES[f].control}
        if FEATURES.why_not(policy):
            continue
        show(x, {f: policy[f] for f in known})
        answer = judged.answer(policy)
        assert answer.verdict in x.verdict, policy
        bars = {text.split()[0]: "broken" in text for text in x.locator(".prop").all_inner_texts()}
        assert bars == {row.property: str(row.verdict) == "VIOLATED" for row in answer.rows}, policy
        x.shows_a_run()


@pytest.mark.parametrize("x", [QUICK[1]], indirect=True)
def test_axe_on_a_real_case(x, axe):
    """axe-core finds nothing in a page with a real case."""
    for key in ("tab-graph", "tab-matrix", "tab-lattice", "tab-bytes", "pair"):
        x.press(key)
        assert axe(x.page) == [], key
