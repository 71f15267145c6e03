"""The explorers of real cases in a page: what they say is what the engine says, and no press takes the run away."""

import random
import re

import pytest

from tests.browser.driver import Driver, write
from tux3nb.answers.judge import judge
from tux3nb.catalogue import catalogue, find
from tux3nb.model.features import FEATURES
from tux3nb.show.explorer.answers import CaseSource
from tux3nb.show.explorer.document import shown, verdict
from tux3nb.show.explorer.page import First, page_assets, static_html

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("explorers")]
QUICK = ("migration", "mmap+pin_outlives")
SLOW = ("rdma", "ptrace", "aio+fork", "uprobes+saved", "vmsplice", "migration+fork", "rdma+odp", "truncate+read_fault",
        "reuse", "ordinary", "uprobes")  # fmt: skip
OTHERS = sorted({*catalogue()} - {*QUICK, *SLOW})
PLACES = re.compile(r"folio [A-Z]\b|cell \d|(?:PTE|TLB|translation) of \w+|saved|disk")


class Opened:
    """A case, what its page carries, and where that page is."""

    def __init__(self, name, folder):
        self.case, self.name = find(name), name
        self.document = CaseSource(self.case).document()
        self.address = write(folder / "case.html", [self.document])

    def open(self, page):
        page.set_viewport_size({"width": 1366, "height": 768})
        page.goto(self.address)
        return Driver(page)

    def link(self, policy, prop=""):
        """The link to a policy and a property."""
        base = self.document["named"][0]
        changes = [f"{f}:{v}" for f, v in policy.items() if base["policy"][f] != v]
        return f"{self.name}/{'+'.join([base['id'], *changes])}/{prop}"


WHOLE = (*QUICK, "rdma")
SHORT = [*QUICK, pytest.param("rdma", marks=pytest.mark.slow)]


@pytest.fixture(scope="module", params=[*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)])
def opened(request, tmp_path_factory):
    return Opened(request.param, tmp_path_factory.mktemp("case"))


@pytest.fixture
def x(page, opened):
    return opened.open(page)


def chips(x):
    return [key for key in x.keys() if key.startswith("chip-")]


def broken_runs(x, opened):
    """Each run that breaks a named policy's property: one mark at its end, and a sentence of what is drawn. Each of the
    other runs of the named policies: no mark.
    """
    document, asked = opened.document, {}
    for named in document["named"]:
        for prop in (p["id"] for p in document["properties"]):
            broken = verdict(document, named["policy"], prop) == "VIOLATED"
            asked.setdefault((shown(document, named["policy"], prop), broken and prop), (named, prop, broken))
    links = [opened.link(named["policy"], prop) for named, prop, _ in asked.values()]
    for (named, prop, broken), seen in zip(asked.values(), x.follow(links), strict=True):
        at = (opened.name, named["id"], prop, seen["verdict"])
        assert not seen["trouble"], (*at, seen["trouble"])
        assert ("broken" in seen["bars"][prop], seen["marks"]) == (broken, int(broken)), at
        sentence = seen["verdict"].split(f"{prop} is broken: ", 1)[1] if broken else ""
        for name in PLACES.findall(sentence):
            kind, *rest = name.split()
            assert kind in seen["drawn"] and all(word in seen["drawn"] for word in rest), (*at, name)


def test_opens_on_a_laptop(x):
    """The first screen has the verdict, the lanes, the bytes and the properties; a broken case has one mark."""
    x.evaluate("el => el.scrollIntoView()")
    for selector in (".verdict", ".list", ".bytes", ".bars"):
        box = x.locator(selector).first.bounding_box()
        top = box["y"] if selector != ".list" else x.locator(".scroll").bounding_box()["y"]
        bottom = (
            box["y"] + box["height"] if selector != ".list" else top + x.locator(".scroll").bounding_box()["height"]
        )
        assert top >= -1 and bottom <= 768, (selector, box)
    if "VIOLATED" in x.verdict:
        assert x.marks() == 1


def test_every_press_leaves_a_run(x, opened):
    """From every policy that a chip leads to, each control, each value and each link leaves a run on the screen; in all
    but three of the cases a random share of them.
    """
    found = x.crawl(chips(x), most=0 if opened.name in WHOLE else 120, seed=len(opened.name))
    assert found["failed"] == [] and found["pressed"] > 60


def test_every_broken_run_ends_with_one_mark(x, opened):
    """The last view of every broken run of the named policies."""
    broken_runs(x, opened)


def test_the_page_says_what_the_engine_says(x, opened):
    """For 200 random policies of the whole product the verdicts of the page are those of the engine, one at a time."""
    case, rng = opened.case, random.Random(12)
    judged = judge(case, case.product())
    known = [f["id"] for f in opened.document["features"]]
    policies = []
    while len(policies) < 200:
        policy = case.policy | {f: rng.choice(list(FEATURES[f].values)) for f in known if not FEATURES[f].control}
        policies += [policy] if FEATURES.why_not(policy) is None else []
    seen = x.follow([opened.link({f: policy[f] for f in known}) for policy in policies])
    for policy, told in zip(policies, seen, strict=True):
        answer = judged.answer(policy, runs=False)
        assert told["trouble"] == "" and told["verdict"].split()[0] == answer.verdict, policy
        bars = {prop: "broken" in text for prop, text in told["bars"].items()}
        assert bars == {row.property: str(row.verdict) == "VIOLATED" for row in answer.rows}, policy


@pytest.mark.parametrize("opened", SHORT, indirect=True)
@pytest.mark.parametrize("width", [1366, 720])
def test_lines_end_between_words(x, width):
    """On a laptop and in one column, all along the run, beside another run and in every tab, no word is broken."""
    x.page.set_viewport_size({"width": width, "height": 768})
    x.press("first")
    for _ in range(12):
        assert x.split_words() == [], x.step
        x.press("effect-on")
    for key in ("pair", "tab-graph", "tab-matrix", "tab-lattice"):
        if key in x.keys():
            x.press(key)
            assert x.split_words() == [], key


@pytest.mark.parametrize("opened", SHORT, indirect=True)
def test_axe_on_a_real_case(x, axe):
    """axe-core finds nothing in a page with a real case."""
    for key in ("tab-graph", "tab-matrix", "tab-lattice", "tab-bytes", "pair"):
        if key in x.keys():
            x.press(key)
        assert axe(x.page) == [], key


def test_without_scripts(chromium, opened, tmp_path):
    """The first view is there to read: the sentence, the policy, the bytes."""
    path = tmp_path / "page.html"
    path.write_text(f"<!doctype html><main>{static_html(opened.document)}</main>{page_assets()}", encoding="utf-8")
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    text, first = page.locator("tux-explorer").inner_text(), First(opened.document)
    context.close()
    assert first.sentence() in text and first.policy_words() in text and "who looks here" in text
    assert len(text) < 20_000  # the packed tables are not among it


@pytest.mark.parametrize("opened", SHORT, indirect=True)
def test_the_python_of_a_view_runs(x, opened):
    """What is copied for Python shows the same run in a cell: of a policy that breaks, and of one that holds."""
    x.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    for key in chips(x):
        x.press(key)
        x.press("python")
        imports, call = x.page.evaluate("navigator.clipboard.readText()").split("\n")
        scope = {}
        exec(imports, scope)
        told = eval(call, scope).text
        effects = [text for text in x.locator(".lead b").all_inner_texts() if "," not in text][:3]
        assert len(told.splitlines()) > 5 and all(effect in told for effect in effects), call


def test_prints_on_one_page(x):
    """On paper the explorer is one page, the whole run on it."""
    x.page.emulate_media(media="print")
    pdf = x.page.pdf(format="A4")
    assert pdf.count(b"/Type /Page") - pdf.count(b"/Type /Pages") == 1


@pytest.mark.slow
@pytest.mark.xdist_group("other cases")
@pytest.mark.parametrize("name", OTHERS)
def test_every_other_case(page, tmp_path, name):
    """It opens with one mark or none, its named policies' broken runs end with one, and presses leave a run."""
    opened = Opened(name, tmp_path)
    x = opened.open(page)
    assert x.marks() == ("VIOLATED" in x.verdict)
    broken_runs(x, opened)
    found = x.crawl(chips(x), most=15, seed=len(name))
    assert found["failed"] == [] and found["pressed"] > 10
