"""The sliders of a table of costs, in a page opened from disk with the network blocked."""

import pytest

from tests.answers.test_tables import page_of
from tux3nb.show.cells import Table
from tux3nb.show.front import weighed

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

ZERO = {"front": "yes", "policy": "-"}
ROWS = {
    "cheap": {**ZERO, "policy": "a", "copied": 1.0, "stalled": 9.0},
    "quick": {**ZERO, "policy": "b", "copied": 9.0, "stalled": 1.0},
    "bad": {**ZERO, "policy": "c", "front": "not safe", "copied": 0.0, "stalled": 0.0},
}


@pytest.fixture
def opened(page, tmp_path):
    from tux3nb.answers.cost import COSTS

    table = Table.from_dict({n: {**dict.fromkeys(COSTS, 0.0), **row} for n, row in ROWS.items()}, orient="index")
    path = tmp_path / "costs.html"
    path.write_text(page_of(weighed(table)._repr_mimebundle_()["text/html"]))
    page.goto(path.as_uri())
    return page


def order(page):
    return page.locator("table.tux-weights tbody th").all_inner_texts()


def told(page, name):
    row = page.locator("table.tux-weights tbody tr", has=page.locator("th", has_text=name))
    return row.locator(".tux-front").inner_text()


def slide(page, cost, value):
    page.get_by_label(cost).evaluate("(e, v) => { e.value = v; e.dispatchEvent(new Event('input')); }", value)


def test_a_reader_weighs_costs_and_the_front_moves(opened):
    """With a cost left out only the other counts; what is not safe is never on the front, however cheap."""
    assert opened.get_by_role("slider").count() == 2
    assert told(opened, "cheap").startswith("on the front") and told(opened, "quick").startswith("on the front")
    slide(opened, "copied", "3")
    assert order(opened) == ["cheap", "quick", "bad"]
    slide(opened, "stalled", "0")
    assert told(opened, "cheap").startswith("on the front") and told(opened, "quick").startswith("beaten")
    slide(opened, "stalled", "3")
    slide(opened, "copied", "0")
    assert order(opened)[0] == "quick" and told(opened, "cheap").startswith("beaten")
    assert told(opened, "bad").startswith("not safe")
    assert [url for url in opened.asked if not url.startswith("file:")] == []
