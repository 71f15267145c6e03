"""Explorer documents: look-ups, packing, what stands in a page."""

import base64
import itertools
import json
import re
import xml.etree.ElementTree as ET

import pytest

from tests.explorer.fixture import TUX3, document
from tux3nb.show.explorer import (
    document_answer,
    document_head,
    fallback_html,
    pack,
    page_assets,
    plain_text,
    static_html,
    unpack,
)
from tux3nb.show.explorer.document import chosen_run, class_number, fit, why_not
from tux3nb.show.explorer.page import explorer_css


@pytest.fixture(scope="module")
def doc():
    return document()


def policies(doc):
    """Return every combination of the features that are read."""
    names = [name for name, _ in doc["index"]["features"]]
    return [
        TUX3 | dict(zip(names, values, strict=True))
        for values in itertools.product(*(v for _, v in doc["index"]["features"]))
    ]


def test_class_table_is_row_major(doc):
    """The n-th combination of the product is the n-th entry of the table."""
    assert [class_number(doc["index"], policy) for policy in policies(doc)] == doc["index"]["class_of"]


def test_answers_are_local_and_complete(doc):
    """An answer holds the class's own runs and states, the same steps and values as in the document."""
    for policy in policies(doc):
        answer, number = document_answer(doc, policy), class_number(doc["index"], policy)
        if number < 0:
            assert answer == {"class": None, "runs": [], "states": []}
            continue
        full = doc["classes"][number]
        for row, local in zip(full["rows"], answer["class"]["rows"], strict=True):
            assert (row["run"] is None) == (local["run"] is None)
            if row["run"] is not None:
                a, b = doc["runs"][row["run"]], answer["runs"][local["run"]]
                assert a["steps"] == b["steps"]
                assert [doc["states"][s] for s in a["states"]] == [answer["states"][s] for s in b["states"]]
        assert {s for run in answer["runs"] for s in run["states"]} == set(range(len(answer["states"])))


def test_head_has_no_table(doc):
    """The head is small: neither classes nor runs nor states nor the class table."""
    head = document_head(doc)
    assert not {"classes", "runs", "states"} & set(head) and "class_of" not in head["index"]
    assert "class_of" in doc["index"]


def test_ruled_out_says_why(doc):
    """A combination that is ruled out has the reason of the constraint that rules it out."""
    assert why_not(doc, TUX3 | {"gup": "slow_fast"}) == "always forking leaves no pin to fork first"


def test_run_shown(doc):
    """The property's run; for one that holds, a run that completes; with no property, the first violated one."""
    lost = document_answer(doc, TUX3)
    assert chosen_run(lost, "I2")["steps"][-1]["rule"] == "device_write_dma"
    assert chosen_run(lost, "I3") is None
    assert chosen_run(lost, None) is chosen_run(lost, "I2")
    holds = document_answer(doc, TUX3 | {"fork": "never"})
    assert chosen_run(holds, "I2")["steps"][-1]["rule"] == "device_write_dma"


def test_pack_round_trip(doc):
    """Packing loses nothing and gives the same bytes each time."""
    assert unpack(pack(doc)) == json.loads(json.dumps(doc))
    assert pack(doc) == pack(document())


def test_fit_leaves_runs_out_not_verdicts(doc):
    """Over the budget runs go, the start policy's last, and their rows say so; verdicts stay."""
    full = len(pack(doc))
    assert fit(doc, full) == (pack(doc), False)
    packed, cut = fit(doc, full - 100)
    small = unpack(packed)
    assert cut and len(packed) <= full - 100
    assert [c["verdict"] for c in small["classes"]] == [c["verdict"] for c in doc["classes"]]
    assert (
        len(small["runs"]) == 1 and chosen_run(document_answer(small, TUX3), "I2")["steps"] == doc["runs"][0]["steps"]
    )
    assert [row.get("cut") for row in small["classes"][2]["rows"]] == [None, 1]


def test_static_page_over_budget(doc):
    """Where even the verdicts do not fit, the page has the first view and says where the rest is."""
    page = static_html(doc, budget=100)
    assert "<tux-explorer" not in page and "tux3nb lab" in page and "<svg" in page


def test_static_html_is_readable_without_scripts(doc):
    """Inside the element stand the verdicts, the still and its caption; nothing is loaded from anywhere."""
    page = static_html(doc)
    figure = page[page.index("<figure") : page.index("</figure>") + len("</figure>")]
    ET.fromstring(figure.replace("&", "&amp;"))
    assert "VIOLATED" in figure and "<svg" in figure and "Step 10 of 10" in figure
    assert not re.search(r'(?:src|href)="http', page + page_assets())


def test_assets_cannot_close_their_script():
    """Neither the style sheet nor the module contains the end of a script element."""
    assert page_assets().count("</script") == 2
    assert "/*dark*/" not in explorer_css() and "--tux-back" in explorer_css()


def test_fallback_is_an_image_with_words(doc):
    """Forges strip inline SVG: the still is an <img> with the picture in words."""
    html = fallback_html(document_head(doc), document_answer(doc, TUX3))
    alt, data = re.search(r'<img alt="([^"]*)"[^>]*src="data:image/svg\+xml;base64,([^"]*)"', html).groups()
    assert "Holder MR: pins folio A." in alt
    ET.fromstring(base64.b64decode(data).decode())
    assert "<svg" not in html


def test_plain_text(doc):
    """The plain text has question, policy, verdicts and the picture in words."""
    text = plain_text(document_head(doc), document_answer(doc, TUX3))
    assert "VIOLATED       I2 coherence between holder and process: the device wrote v2" in text
    assert "when to fork: always (Tux3)" in text and "  Folio A: orphan" in text
    ruled_out = document_head(doc) | {"start": {"policy": TUX3 | {"gup": "slow_fast"}, "property": None, "step": None}}
    assert "no such policy" in plain_text(ruled_out, document_answer(doc, TUX3 | {"gup": "slow_fast"}))
