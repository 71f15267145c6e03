"""The front end in a page opened from disk, on a small story made by hand; no exploration is needed."""

import copy
import re

import pytest

from tests.browser.driver import Driver, page_of, write
from tests.browser.story import LOST, NAMED, document

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return write(tmp_path_factory.mktemp("front") / "story.html", [document()])


@pytest.fixture
def x(page, address):
    page.set_viewport_size({"width": 1366, "height": 768})
    page.goto(address)
    return Driver(page)


def test_opens_where_the_race_is_lost(x):
    """The start is the end of the broken run: its sentence in the head, one mark in the bytes; nothing is fetched."""
    assert "VIOLATED" in x.verdict and LOST in x.verdict
    assert x.step == "step 14 of 14" and x.marks() == 1
    assert x.locator(".unlike").inner_text() == "≠"
    assert "broken from here" in x.locator(".breaks .does").evaluate("e => getComputedStyle(e, '::after').content")
    assert [url for url in x.page.asked if not url.startswith("file:")] == []


def test_fits_a_laptop(x):
    """At 1366 x 768 verdict, policy, lanes, bytes and properties are on one screen, in letters of 11.5 px or more."""
    x.evaluate("el => el.scrollIntoView()")
    for selector in (".verdict", ".words", ".list", ".bytes", ".bars", ".ends"):
        box = x.locator(selector).first.bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= 768, selector
    assert smallest(x) >= 11.5


def smallest(x):
    """The size of the smallest letters on the screen."""
    return x.evaluate(
        """el => Math.min(...[...el.shadowRoot.querySelectorAll('*')]
           .filter(one => one.checkVisibility() && !one.closest('.unseen, .graph')
             && [...one.childNodes].some(kid => kid.nodeType === 3 && kid.data.trim()))
           .map(one => parseFloat(getComputedStyle(one).fontSize)))"""
    )


def test_a_step_shows_what_changed(x):
    """The step pressed is the step shown: what it did, what is new in the bytes, and what may come next."""
    x.locator('[data-line="9"]').first.click()
    assert x.step == "step 10 of 14" and x.focused() == "lanes"
    assert "fork moves" in x.text(".says")
    assert x.locator(".seen li.new").all_inner_texts() == ["page cache: read(2), write(2)", "PTE of app (rw)"]
    assert x.locator(".end button").count() == 1 and x.marks() == 0


def test_keys(x):
    """Arrows, j and k go by steps, J and K by effects, Home and End to the ends; the focus stays."""
    x.locator(".list").focus()
    for key, step in (("k", 13), ("ArrowUp", 12), ("K", 10), ("J", 12), ("ArrowRight", 13), ("Home", 0), ("k", 0),
                      ("j", 1), ("End", 14), ("j", 14)):  # fmt: skip
        x.page.keyboard.press(key)
        assert x.step == f"step {step} of 14", key
        assert x.focused() == "lanes"


def test_few_stops_before_the_lanes(x):
    """With the keyboard the lanes are at most the ninth stop, and every control can be reached."""
    x.page.keyboard.press("Tab")
    stops = [x.focused()]
    while stops[-1] != "lanes":
        x.page.keyboard.press("Tab")
        stops.append(x.focused())
        assert len(stops) <= 9, stops
    assert stops[0] == "link"
    x.locator('[data-key="chip-tux3"]').focus()
    x.page.keyboard.press("ArrowRight")
    assert x.focused() == "chip-stable_pages"
    x.page.keyboard.press("Enter")
    assert x.focused() == "chip-stable_pages" and "HOLDS" in x.verdict


def test_every_control_by_keyboard(x):
    """Tab goes from group to group, the arrows inside a group: together they reach every control."""
    group = "[role=toolbar], [role=tablist]"
    inside = f"""el => Boolean(el.shadowRoot.activeElement?.closest('{group}'))"""
    x.press("more")
    x.page.locator("h1").click()
    x.page.keyboard.press("Tab")
    seen = []
    while (here := x.focused()) and here not in seen:
        seen.append(here)
        while x.evaluate(inside):
            x.page.keyboard.press("ArrowRight")
            if x.focused() in seen:
                break
            seen.append(x.focused())
        x.page.keyboard.press("Tab")
    assert set(x.keys()) <= set(seen), set(x.keys()) - set(seen)
    assert "lanes" in seen


def test_a_word_by_keyboard(x):
    """Enter opens the values at the chosen one, Tab goes to the next, Enter takes it, Escape leaves all as it was."""
    x.locator('[data-key="word-fork"]').focus()
    x.page.keyboard.press("Enter")
    assert x.focused() == "value-always"
    x.page.keyboard.press("Escape")
    assert x.focused() == "word-fork" and "VIOLATED" in x.verdict
    x.page.keyboard.press("Enter")
    x.page.keyboard.press("Shift+Tab")
    assert x.focused() == "value-never"
    x.page.keyboard.press("Enter")
    assert x.focused() == "word-fork" and "HOLDS" in x.verdict


def test_every_press_leaves_a_run(x):
    """From the start, and from each policy that the chips and words lead to, no control takes the run away."""
    found = x.crawl([key for key in x.keys() if key.startswith("chip-")])
    assert found["failed"] == [] and found["pressed"] > 100


def test_a_press_that_takes_the_run_away_is_found(x):
    """The test above can fail: it tells the controls after which no run is left."""
    x.evaluate(
        """el => el.shadowRoot.querySelector('[data-key=on]').addEventListener('click', () =>
           el.shadowRoot.querySelector('.list').replaceChildren())"""
    )
    assert ["chip-tux3", "on", "no run"] in x.crawl(["chip-tux3"])["failed"]


def test_previews_tell_the_truth(x):
    """The verdict beside a value is the verdict once it is chosen; a combination that is none changes nothing."""
    x.press("word-fork")
    said = {key: x.text(f'[data-key="{key}"]') for key in x.keys() if key.startswith("value-")}
    assert "holds" in said["value-never"] and "broken: I2" in said["value-always"]
    x.press("value-pinned")
    assert "HOLDS" in x.verdict and x.focused() == "word-fork"
    x.choose("longterm", "refused")
    assert "HOLDS(refused)" in x.verdict and "turned away" in x.verdict
    x.press("word-refuse") if "word-refuse" in x.keys() else (x.press("more"), x.press("word-refuse"))
    assert "no such policy: nothing is pinned" in x.text('[data-key="value-in_place"]')
    x.press("value-in_place")
    assert x.trouble == "No such policy: nothing is pinned." and "HOLDS(refused)" in x.verdict
    x.shows_a_run()
    x.page.keyboard.press("Escape")
    assert not x.locator(".pop").is_visible()


def test_signs_have_their_own_shapes(x):
    """What the signs say can be seen without colours: no two have the same shape."""
    x.press("tab-matrix")
    shapes = x.evaluate(
        """el => [...el.shadowRoot.querySelectorAll('.key .sign')]
           .map(one => [...one.querySelectorAll('path')].map(path => path.getAttribute('d')).join())"""
    )
    assert len(shapes) == len(set(shapes)) == 3


def test_drop_a_mechanism(x):
    """The cross of a chip leads to the policy without it, and to what that breaks."""
    x.press("chip-fork_wait")
    assert x.locator(".cross").all_inner_texts() == ["× wait I2"]
    x.press("drop-refuse-in_place")
    assert "VIOLATED" in x.verdict and x.text(".told") == "in_place" and "#card/in_place/I2" in x.page.url


def test_two_policies_on_one_schedule(x):
    """Both sides go step by step; the decision that differs is marked; the broken thing is in one of the two only."""
    x.press("pair")
    assert x.locator(".bytes").count() == 2 and x.marks() == 1
    assert "8: forks | refused: A is pinned" in x.text(".note.other")
    assert [" ".join(t.split()) for t in x.locator(".which").all_inner_texts()] == ["broken tux3", "holds stable_pages"]
    x.locator(".list").focus()
    while "step 8 of" not in x.step:
        x.page.keyboard.press("k")
    assert x.locator(".row.other .lead.now").all_inner_texts() == ["B.0 = v1", "refused: A is pinned"]
    boxes = [one.bounding_box() for one in x.locator(".bytes").all()]
    assert boxes[0]["y"] == boxes[1]["y"]
    x.press("chip-fork_wait")
    assert x.locator(".which").nth(1).inner_text().strip().endswith("fork_wait")
    x.press("pair")
    assert x.locator(".bytes").count() == 1


def test_own_schedule(x):
    """A step that the run does not take leads off it; undo, redo, and on as the shortest run."""
    x.press("chip-fork_wait")
    x.locator('[data-line="6"]').first.click()
    assert [x.text(".end button")] == ["refused: A is pinned"]
    x.press("next-writer-0")
    assert x.step == "step 8 of 10" and not x.locator("[data-key=undo]").is_visible()
    x.press("first")
    x.press("finish")
    assert "of your own" in x.text(".why") and x.locator("[data-key=undo]").is_visible()
    x.press("undo")
    assert x.step == "step 0 of 10"
    x.press("redo")
    assert "of your own" in x.text(".why")


def test_stuck_lanes_say_why(x):
    """At the end of a lane that cannot go on stands what says no."""
    x.press("chip-fork_wait")
    x.locator('[data-line="7"]').first.click()
    assert x.text(".stuck") == "A is pinned"


def test_properties_along_the_run(x):
    """A bar for each property, with the step from which it is broken; a press shows that property."""
    bars = [" ".join(text.split()) for text in x.locator(".prop").all_inner_texts()]
    assert bars == ["I2 broken after 13", "I3 holds"]
    x.press("bar-I3")
    assert "I2 is broken" in x.verdict and x.page.url.endswith("#card/tux3/I3")
    assert x.verdict.replace(" .", ".") == "VIOLATED I2 is broken: show I2. Here: I3 holds in every run"
    x.press("show")
    assert LOST in x.verdict


def test_matrix_and_lattice_are_links(x):
    """Each cell is a link to a view; a press follows it without leaving the page."""
    x.press("tab-matrix")
    assert x.locator(".matrix tbody tr").count() == len(NAMED)
    x.locator(".matrix a[aria-label='in_place, I2: broken']").click()
    assert "VIOLATED" in x.verdict and x.text(".told") == "in_place"
    x.press("tab-lattice")
    assert x.locator(".least .name").get_attribute("href").endswith("#card/fork_wait/")
    x.locator(".least ul a").click()
    assert x.text(".told") == "in_place"


def test_links_lead_back(x, address):
    """A link opens the view that it was copied from, and the browser's Back takes a policy back."""
    x.press("chip-fork_wait")
    x.locator('[data-line="4"]').first.click()
    url = x.page.url
    assert url.endswith("#card/fork_wait/I2@5")
    x.page.goto("about:blank")
    x.page.goto(url)
    again = Driver(x.page)
    assert again.text(".told") == "fork_wait" and again.step == "step 5 of 10"
    again.press("chip-tux3")
    assert "VIOLATED" in again.verdict
    x.page.go_back()
    x.locator(".told", has_text="fork_wait").wait_for()
    assert again.step == "step 5 of 10"


@pytest.mark.parametrize(("fragment", "says"), [
    ("#card/tux3/I2@3", ""),
    ("#card", ""),
    ("#heading", ""),
    ("#card/tux4/I2@3", "There is no policy tux4 (nearest: tux3)."),
    ("#card/tux3+forc:never/I2", "This case reads no feature forc (nearest: fork)."),
    ("#card/tux3+fork:nevr/I2", "fork has no value nevr (nearest: never)."),
    ("#card/in_place+longterm:refused/I2", "No such policy: nothing is pinned."),
    ("#card/tux3/I22@3", "This case has no property I22 (nearest: I2)."),
    ("#card/tux3/I2@x", "x is no step."),
    ("#card/tux3/I2@99999", ""),
    ("#card/%E0%A4%A/I2@1", "The link cannot be read."),
    ("#card/tux3/I2/7/8", "The link has too many parts."),
    ("#carb/tux3/I2", "The link names carb, which is no case of this page (nearest: card)."),
    ("#card=fork:nonsense,bad/I99/x&heading", "The link names card=fork:nonsense,bad, which is no case of this page."),
    ("#__proto__/constructor/toString@1", "The link names __proto__, which is no case of this page."),
])  # fmt: skip
def test_foreign_links(x, address, fragment, says):
    """A link that names nothing says so in the head, with the nearest word; the rest stays usable."""
    x.page.goto("about:blank")
    x.page.goto(address + fragment)
    again = Driver(x.page)
    again.shows_a_run()
    assert again.trouble == says


def test_a_link_scrolls_to_its_explorer(page, tmp_path):
    """In a page with several explorers the link's one comes into view, twins told apart by a number."""
    other = copy.deepcopy(document())
    other["case"]["name"] = "other"
    url = write(tmp_path / "three.html", [document()], [document()], [other, document()])
    page.goto(url + "#card~2/fork_wait/I2@4")
    second = Driver(page, 1)
    page.locator("tux-explorer").nth(2).locator(".count").wait_for()
    assert second.text(".told") == "fork_wait" and second.step == "step 4 of 10"
    page.wait_for_function("scrollY > 100")
    assert abs(second.evaluate("el => el.getBoundingClientRect().top")) < 12
    third = Driver(page, 2)
    third.locator("select").select_option("card")
    page.wait_for_function("location.hash.startsWith('#card~3')")
    assert third.focused() == "case"
    page.go_back()
    third.locator("option[value=other]:checked").wait_for(state="attached")


def test_copies(x, chromium):
    """Python, columns for a mail and a link can be copied; what cannot be copied is shown to be selected."""
    x.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    x.press("python")
    take = "from tux3nb.notebook import"
    assert (
        x.page.evaluate("navigator.clipboard.readText()") == f'{take} check, lanes\nlanes(check("card", "tux3"), "I2")'
    )
    x.choose("fork", "never")
    x.press("python")
    told = f'{take} compare\ncompare("card", "tux3", "stable_pages", "I2")'
    assert x.page.evaluate("navigator.clipboard.readText()") == told
    x.press("chip-tux3")
    x.press("columns")
    text = x.page.evaluate("navigator.clipboard.readText()")
    assert LOST in text and "#card/tux3/I2" in text and max(map(len, text.splitlines()[4:])) <= 80
    lines = text.splitlines()
    heads = next(line for line in lines if line.split() == ["app", "device", "writer", "kernel"])
    writes = next(line for line in lines if "A.1 = v1" in line)
    assert writes.index("A.1 = v1") == heads.index("device") and "12 lines" not in x.trouble
    x.page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')) }")
    x.press("link")
    assert x.locator("textarea").input_value().endswith("#card/tux3/I2")


@pytest.mark.parametrize("tab", ["bytes", "graph"])
@pytest.mark.parametrize("kind", ["svg", "png"])
def test_saves(x, kind, tab):
    """The view is saved as a picture, the graph where the graph is shown."""
    x.press(f"tab-{tab}")
    with x.page.expect_download() as got:
        x.press(kind)
    data = got.value.path().read_bytes()
    assert got.value.suggested_filename == f"card-tux3-I2-end.{kind}"
    assert data[1:4] == b"PNG" if kind == "png" else b"folio A" in data and b"<svg" in data


def test_texts_stay_texts(page, tmp_path):
    """Markup in a document is shown, never obeyed."""
    evil = "<img src=x onerror=document.title='evil'>"
    doc = document()
    doc["texts"][1] = doc["case"]["title"] = doc["marks"][1]["sentence"] = doc["lookers"][0]["text"] = evil
    doc["rows"][0]["title"] = doc["features"][0]["values"][2]["title"] = doc["steps"][0]["says"] = evil
    page.goto(write(tmp_path / "evil.html", [doc]))
    x = Driver(page)
    x.press("word-fork")
    assert evil in x.verdict and x.locator("img").count() == 0 and page.title() == "explorers"


@pytest.mark.parametrize(("spoil", "says"), [
    (lambda html: re.sub(r'>"H4s[^"]{40}', '>"', html), "The explorer cannot be shown: "),
    (lambda html: re.sub(r'>"H4s[^"]*"<', ">not json<", html), "The explorer cannot be shown: "),
    (None, "The explorer cannot be shown: it was made for another version of tux3nb."),
])  # fmt: skip
def test_a_spoilt_page_keeps_what_it_has(page, tmp_path, spoil, says):
    """Where the packed table cannot be read a sentence says so, and the view for readers without scripts stays."""
    path = tmp_path / "spoilt.html"
    html = page_of([document()] if spoil else [document() | {"version": 1}])
    path.write_text(spoil(html) if spoil else html)
    page.goto(path.as_uri())
    page.locator("tux-explorer .trouble").wait_for()
    assert page.locator("tux-explorer .trouble").inner_text().startswith(says)
    assert page.get_by_text("static").is_visible()


@pytest.mark.parametrize("width", [1366, 960, 700, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_fits_its_width(x, width, scheme):
    """Nothing makes the page scroll sideways, alone or side by side; on a narrow screen the bytes come first."""
    x.page.emulate_media(color_scheme=scheme)
    x.page.set_viewport_size({"width": width, "height": 900})
    for key in ("tab-graph", "tab-matrix", "tab-lattice", "tab-bytes", "pair"):
        x.press(key)
        assert x.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), key
    x.press("pair")
    lanes, table = (x.locator(css).bounding_box() for css in (".list", ".bytes"))
    assert (table["y"] < lanes["y"] and abs(table["x"] - lanes["x"]) < 30) == (width <= 720)
    assert smallest(x) >= 11.5
    assert x.locator("section").evaluate("s => s.classList.contains('dark')") == (scheme == "dark")


def test_prints_on_one_page(x):
    """On paper an explorer is one page, light, without controls, the whole run on it."""
    x.page.emulate_media(media="print", color_scheme="dark")
    for selector in (".player", ".tools", ".tabs", ".ends"):
        assert not x.locator(selector).is_visible()
    assert x.locator("section").evaluate("s => getComputedStyle(s).backgroundColor") == "rgb(255, 255, 255)"
    last, whole = x.locator(".row").last.bounding_box(), x.locator("section").bounding_box()
    assert last["y"] + last["height"] <= whole["y"] + whole["height"]
    pdf = x.page.pdf(format="A4")
    assert pdf.count(b"/Type /Page") - pdf.count(b"/Type /Pages") == 1


def test_forced_colours(x):
    """With the system's own colours the broken cells, the step and the chosen policy still stand out."""
    x.page.emulate_media(forced_colors="active")
    border = "e => getComputedStyle(e).borderTopStyle"
    assert x.locator(".cell.broken").first.evaluate(border) == "double"
    assert x.locator(".cell:not(.broken)").first.evaluate(border) == "solid"
    assert x.locator(".row.now").evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
    assert x.locator(".chip[aria-pressed=true]").evaluate("e => getComputedStyle(e).outlineStyle") == "solid"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1366, 390])
def test_axe(x, axe, scheme, width):
    """axe-core finds nothing, whatever is open."""
    x.page.emulate_media(color_scheme=scheme)
    x.page.set_viewport_size({"width": width, "height": 900})
    assert axe(x.page) == []
    for key in ("word-fork", "close", "tab-graph", "tab-matrix", "tab-lattice", "tab-bytes", "pair", "bar-I3"):
        x.press(key)
        assert axe(x.page) == [], key


def test_every_next_step_is_told_and_no_two_alike(page, tmp_path):
    """Of the same operation on another folio each says its folio; an actor that has no lane is named."""
    told = document()
    last = told["views"][told["runs"][0]["states"][-1]]
    steps = [("app", "A"), ("app", "B"), ("flusher", "")]
    told["actors"].append({"id": "flusher", "title": "flusher", "kind": "kernel"})
    for actor, folio in steps:
        last["next"].append([len(told["steps"]), -1, 1, 0])
        told["steps"].append({**told["steps"][0], "n": 200, "actor": actor, "folio": folio})
    page.goto(write(tmp_path / "next.html", [told]))
    x = Driver(page)
    assert x.locator(".end button").all_inner_texts() == ["store p0:0: A", "store p0:0: B", "store p0:0"]
    assert x.text(".waits") == "flusher store p0:0"
