"""The rows of bytes and the graph: every field is drawn or has a reason, counts are the model's, nothing is lost."""

import random
import re

import pytest

from tests.show.samples import cases
from tux3nb.answers.judge import check, judge
from tux3nb.catalogue import catalogue, find
from tux3nb.engine.rule import State
from tux3nb.engine.runs import evaluate
from tux3nb.errors import ModelError
from tux3nb.model.features import named_policy
from tux3nb.model.folio import refcount
from tux3nb.model.look import Look
from tux3nb.show.picture.cards import text_width
from tux3nb.show.picture.ownership import ownership, refsum, words
from tux3nb.show.places import DRAWN, UNDRAWN, Scene, bytes_html, bytes_text


def states(case, steps=150, seed=1):
    """States of a random run under the base policy."""
    run, rng = judge(case, case.one(case.policy)).run, random.Random(seed)
    state = case.system.start
    for _ in range(steps):
        yield state
        after = run.compiled.steps(state, run.numbers.all)
        state = rng.choice(after)[1] if after else case.system.start


def test_every_field_is_drawn_or_has_a_reason():
    """A field that a rule reads is in a row, a looker or a note, or on the list of those that are not, with why."""
    fields = {f.name for case in catalogue().values() for f in case.world.fields.values() if not f.ghost}
    assert fields - DRAWN == set(UNDRAWN)


@pytest.mark.parametrize("case", cases(slow=False), ids=lambda c: c.name)
def test_the_graph_has_a_place_for_every_word(case):
    """Every word of a state is drawn, fits into its box, and a count's sum is what the model counts."""
    picture, s = ownership(case), State(case.world, None)
    parts = {part for part, _ in picture.parts}
    counts = {f: refcount(s, f) for f in case.world.folios}
    for state in states(case):
        scene = Scene(case, state)
        drawn = words(scene)
        assert set(drawn) <= parts
        for f in case.world.folios:
            if f"folio{f}" in drawn:
                assert sum(n for n, _ in refsum(scene.look, f)) == evaluate(counts[f], case.system.layout, state)


def test_the_graph_fits_beside_the_lanes():
    """At natural size, letters of 12 px, no case needs more than 620 px."""
    for case in catalogue().values():
        svg = ownership(case).svg
        assert int(svg.partition('width="')[2].partition('"')[0]) <= 620, case.name
    assert text_width("wide") > text_width("ill")


def test_nothing_moves_and_what_is_empty_is_hidden():
    """Two states of a run differ in classes and texts only; a box with nothing to say is absent."""
    case = find("rdma")
    run = check(case, named_policy("tux3")).row("I2").run
    one, two = (ownership(case).still(words(Scene(case, run.states[n]))) for n in (0, -1))
    place = re.compile(r'\b(?:x|y|d|points|transform|width|height|viewBox)="[^"]*"')
    assert place.findall(one) == place.findall(two)
    hidden = [svg.count("tux-node n-folio absent") for svg in (one, two)]
    assert hidden == [len(case.world.folios) - 1, len(case.world.folios) - 2]


def test_bytes_say_who_wrote_them_and_who_looks():
    """After the fork and the device's write: two folios, the pin on the old one, the sign at the cells that differ."""
    case = find("rdma")
    run = check(case, named_policy("tux3")).row("I2").run
    rows = {row.key: row for row in Scene(case, run.states[-1]).rows}
    assert [str(c) for c in rows["folio0"].cells] == ["v1 app", "v1 device"]
    assert "device, by app's pin" in [k.text for k in rows["folio0"].lookers]
    assert "page cache: read, write" in [k.text for k in rows["folio1"].lookers]
    assert rows["disk"].note == "as at the start"
    text, page = bytes_text(list(rows.values())), bytes_html(list(rows.values()))
    assert len(text) == len(rows) + 1 and page.count("<tr") == len(rows) + 1


def test_a_copy_that_is_not_made_yet_shows_no_bytes():
    """Between the two cells of a fork's copy, the second cell of the new folio has no value."""
    case = find("rdma")
    run = check(case, named_policy("tux3")).row("I2").run
    at = next(n for n, step in enumerate(run.steps, 1) if step.rule.name == "fork_copies")
    assert Scene(case, run.states[at]).row("folio1").cells[1] is None
    assert Scene(case, run.states[at + 1]).row("folio1").cells[1] is not None


def test_the_protagonists_are_rows():
    """The private copy and the saved instruction of uprobes, the stale translation of a device."""
    case = find("uprobes+saved")
    run = check(case, named_policy("tux3")).row("U4").run
    rows = {row.key for row in Scene(case, run.states[-1]).rows}
    assert {"anon.app", "saved.tracer"} <= rows
    case = find("rdma+odp")
    run = check(case, named_policy("tux3")).row("I8").run
    lookers = [k.text for row in Scene(case, run.states[-1]).rows for k in row.lookers]
    assert any(text.startswith("stale translation of device") for text in lookers)


def test_a_wrong_field_is_named():
    """A name that no world has is an error, one that this world lacks reads as absent."""
    case = find("rdma")
    look = Look(case.world, case.system.layout, case.system.start)
    assert look.anon("app") == 0 and look.hold("nobody") is None and look.slot(0) == 0
    with pytest.raises(ModelError, match="no field 'slott'; did you mean slot"):
        look.slott(0)
