"""What notebooks ask of all policies: tables of pandas that say what the answers say, a chart, a table to weigh."""

import re
from xml.etree import ElementTree

import nbformat
import pandas as pd
import pytest

from tux3nb import notebook
from tux3nb.answers.cost import COSTS
from tux3nb.errors import UserError
from tux3nb.report.export import asked_for, to_html
from tux3nb.show.front import script_hash

SOME = ("aio+flush", "rdma", "ordinary+sibling")


@pytest.fixture(scope="module")
def some():
    return notebook.answers(SOME)


@pytest.fixture(scope="module")
def front():
    return notebook.cost_front()


def test_tables_are_pandas_and_say_what_the_answers_say(some):
    for table in (notebook.least(some), notebook.drops("perfect_index", some), notebook.why("tux3", some),
                  notebook.needs("redirty=yes", some), notebook.least_change("tux3", some), notebook.bounds(some),
                  notebook.cost_units(), notebook.workloads()):  # fmt: skip
        assert isinstance(table, pd.DataFrame) and len(table) and repr(table)
    assert len(notebook.least(some)) == some.minimal.count()
    assert list(notebook.bounds(some)["still safe"])[-1] == f"{some.safe.count():,}"
    assert set(notebook.why("tux3", some).index) <= set(SOME) and len(notebook.why("perfect", some)) == 0
    assert "none is enough" not in notebook.least_change("tux3", some)["changes"].astype(str).iloc[-1]


def test_drops_of_a_minimal_policy_all_break_something(some):
    policy = some.minimal.pick()
    told = notebook.drops(policy, some)
    assert len(told) and "nothing" not in set(told["breaks"])


def test_costs_are_a_row_a_policy_and_a_column_a_cost():
    table = notebook.costs(["tux3", "stable_pages"], workloads=["log"])
    assert list(table.columns) == list(COSTS) and list(table.index) == ["tux3", "stable_pages"]
    assert table.loc["tux3", "forks"] > 0 == table.loc["stable_pages", "forks"]
    assert "copied, MB/s" in repr(table) and "stalled, ms/s" in table._repr_html_() and "holder," not in repr(table)
    slow = table.assign(**{"copied, slow disk": 1234.5})
    assert "copied, slow disk, MB/s" in repr(slow) and "1,234" in repr(slow) and "<b>tux3</b>" in slow._repr_html_()
    with pytest.raises(UserError, match="at least one workload"):
        notebook.costs(["tux3"], workloads=[])


def test_a_world_that_is_not_recorded_is_an_error():
    with pytest.raises(UserError, match="rdna is not in the record; did you mean rdma"):
        notebook.answers(["rdna"])
    with pytest.raises(UserError, match="at least one world"):
        notebook.answers([])


# ---- the chart -------------------------------------------------------------------------------------------------------
def test_the_chart_has_every_policy_and_asks_for_nothing(front):
    shown = notebook.chart(front)
    root = ElementTree.fromstring(shown.svg)
    texts = {t.text for t in root.iter("{http://www.w3.org/2000/svg}text")}
    named = {name for text in texts if text for name in text.split(", ")}
    assert set(front.index) <= named
    assert asked_for(shown._repr_mimebundle_()["text/html"]) == [] and "cdn" not in shown.svg
    assert notebook.chart(front).svg == shown.svg  # the same bytes, so that a notebook does not change by itself
    assert all(name in shown.text for name in front.index)
    with pytest.raises(UserError, match="no cost 'stal'; did you mean stalled"):
        notebook.chart(front, x="stal")


# ---- weights ---------------------------------------------------------------------------------------------------------
def page_of(html):
    nb = nbformat.v4.new_notebook()
    cell = nbformat.v4.new_code_cell("weighed(front)")
    cell.outputs = [nbformat.v4.new_output("display_data", data={"text/html": html, "text/plain": "-"})]
    nb.cells = [nbformat.v4.new_markdown_cell("# Costs"), cell]
    return to_html(nb, "costs")


def test_a_page_with_weights_runs_that_script_and_no_other(front):
    shown = notebook.weighed(front)
    page = page_of(shown._repr_mimebundle_()["text/html"] + "<script>alert(1)</script>")
    (allowed,) = re.findall(r"script-src ([^;]*);", page)
    assert allowed == script_hash() and asked_for(page) == []
    assert page.count("<script") == 1 and "alert(1)" not in page
    assert page.count("<tr") >= len(front) and 'class="tux-weights"' in page


def test_a_page_without_weights_has_no_script():
    page = page_of("<table><tr><td>1</td></tr></table>")
    assert "script-src 'none'" in page and "<script" not in page


def test_without_scripts_the_table_has_every_policy_and_cost(front):
    shown = notebook.weighed(front)
    assert all(str(name) in shown.text for name in front.index)
    html = shown._repr_mimebundle_()["text/html"]
    assert html.count('<th scope="row">') == len(front)
    assert f'title="{float(front["ipis"].iloc[0])!r}"' in html
    assert ">copied, MB/s</th>" in html and "copied, MB/s" in shown.text
