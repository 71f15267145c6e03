"""Still pictures: one layout, one table, any state."""

import os
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from tux3nb.show.picture.table import evaluate

from tests.explorer.fixture import FIELDS, document
from tux3nb.show.picture import Card, Edge, World, build, describe, ownership, still

GOLDEN = Path(__file__).with_name("golden")


@pytest.fixture
def doc(monkeypatch):
    """The fixture document, laid out by the engine whose bytes are the same everywhere."""
    monkeypatch.setenv("TUX3NB_DOT", "graphviz-pure")
    return document()


def state(doc: dict, run: int, step: int) -> list[int]:
    return doc["states"][doc["runs"][run]["states"][step]]


def test_golden_still(doc):
    """The still of the swap step is, byte for byte, the one on record (TUX3NB_RECORD=1 writes it anew)."""
    svg = still(doc["picture"], FIELDS, state(doc, 0, 8), before=state(doc, 0, 7)) + "\n"
    path = GOLDEN / "swap.svg"
    if os.environ.get("TUX3NB_RECORD") == "1":
        path.write_text(svg)
    assert svg == path.read_text()


def test_golden_words(doc):
    """The picture in words, after the page fork and the lost device write."""
    assert describe(doc["picture"], FIELDS, state(doc, 0, 10)) == [
        "The page-cache slot of page 0 holds folio B.",
        "The PTE of app: folio B, writable, dirty.",
        "Folio A: orphan; cells v2 v0; writeback; forked; refcount 3, mapcount 0, pins 1.",
        "Folio B: in the page cache; cells v1 v1; dirty d1; refcount 3, mapcount 1, pins 0.",
        "Holder MR: pins folio A.",
        "Deltas: d0 flushing; d1 current.",
        "The bio in flight is submitted; source: folio A, carries v1 v0.",
        "Committed on disk: cells v0 v0.",
    ]


def test_nothing_moves(doc):
    """Two states differ in classes and texts only: every coordinate is the same."""
    one, two = (still(doc["picture"], FIELDS, state(doc, 0, step)) for step in (0, 10))
    place = re.compile(r'\b(?:x|y|d|points|transform|width|height|viewBox)="[^"]*"')
    assert place.findall(one) == place.findall(two)


def test_every_still_is_well_formed(doc):
    """Every state gives well-formed XML in which each element of the table was filled."""
    for values in doc["states"]:
        svg = still(doc["picture"], FIELDS, values)
        ET.fromstring(svg)
        assert "data-t=" not in svg and "data-id=" not in svg


def test_changes_are_marked(doc):
    """With the state before, exactly what differs is marked; an arrow that went is still seen, as gone."""
    svg = still(doc["picture"], FIELDS, state(doc, 0, 8), before=state(doc, 0, 7))
    assert re.findall(r'class="tux-edge ([^"]*)"><title>the page-cache slot holds folio ([AB])', svg) == [
        ("absent gone s-slot", "A"),
        ("chg s-slot", "B"),
    ]
    assert 'class="tux-node n-plain chg"' in svg
    same = still(doc["picture"], FIELDS, state(doc, 0, 8), before=state(doc, 0, 8))
    assert not re.search(r'class="[^"]*\b(chg|gone)\b', same)


def test_changed_field_names(doc):
    """Without a state before, what shows a changed field is marked."""
    svg = still(doc["picture"], FIELDS, state(doc, 0, 10), changed=frozenset({"cell[0,0]"}))
    assert re.findall(r'<text class="c chg"[^>]*>([^<]*)', svg) == ["cell 0  v2"]


def test_field_that_does_not_exist_reads_zero():
    """A world with few fields has few elements: no arrow that could never be there, no badge without a field."""
    small = ownership(
        World(folios=1, cells=1, mappings=("app",), tasks=(), holders=(), fields={"slot[0]", "pte[app]", "cell[0,0]"})
    )
    assert [row["id"] for row in small["elements"]] == ["slot", "pte.app", "folio0", "slot-0", "pte.app-0"]


def test_counts_follow_from_who_holds(doc):
    """refcount, mapcount and pins are what the arrows show."""
    view = evaluate(doc["picture"], FIELDS, state(doc, 0, 2))
    assert view["folio0"]["text"][-1] == "refcount 4, mapcount 1, pins 1"  # slot, buffers, PTE, pin


def test_at_most_sixty_cards():
    """A picture that nobody could read is refused."""
    with pytest.raises(ValueError, match="at most 60"):
        build([Card(f"c{k}", 0, "x") for k in range(61)], [], "too many")


@pytest.mark.parametrize("engine", ["graphviz-pure", "dot"])
def test_both_engines(monkeypatch, engine):
    """Both layout engines give every card and every arrow."""
    from tux3nb.show.picture.layout_engine import find_engine

    monkeypatch.setenv("TUX3NB_DOT", engine)
    try:
        find_engine()
    except Exception:
        if os.environ.get("TUX3NB_REQUIRE_DOT") == "1":
            raise
        pytest.skip("no dot on PATH")
    cards = [Card("a", 0, "left"), Card("b", 1, 'mid "<&>"'), Card("c", 2, "right")]
    picture = build(cards, [Edge("ab", "a", "b", ["f", "x"]), Edge("cb", "c", "b", 1, look="pin")], "two arrows")
    svg = still(picture, ["x"], [0])
    assert svg.count("tux-node") >= 3 and svg.count('class="tux-edge') == 2 + 2  # two arrows, two legend samples
    ET.fromstring(svg)
