"""The notebooks' public API: what it gives, and what it says to a wrong name."""

import re

import pytest

from tux3nb import notebook as nb
from tux3nb.catalogue import catalogue
from tux3nb.notebook import Case, UserError
from tux3nb.show.cells import verdict_html

SMALL = dict(
    family="mine", title="t", asks="What becomes of the folio?", mappings=("app", "writer"),
    columns="""
        app               | writer                  | kernel
        dirty: store p0:0 | write p0:0 after closed | closed: transition after dirty
    """,
)  # fmt: skip


@pytest.fixture(scope="module")
def case():
    return Case(name="small", judges=("I1", "I3", "I6"), **SMALL)


@pytest.fixture(scope="module")
def tux3(case):
    return nb.check(case, "tux3")


@pytest.fixture(scope="module")
def broken(case):
    return nb.check(case, "in_place")


def test_public_names_exist_and_are_told():
    """Everything in __all__ exists, and every function among it has a docstring."""
    for name in nb.__all__:
        assert getattr(nb, name).__doc__ or name == "UserError", name


def test_check_policies_by_name_by_value_and_by_keyword(case, broken):
    """A name, feature values and keywords say the same policy."""
    values = nb.check(case, {"fork": "never", "refuse": "in_place", "stable_stores": "yes"})
    keywords = nb.check(case, fork="never", refuse="in_place", stable_stores="yes")
    assert broken.policy == values.policy == keywords.policy
    assert str(broken) == str(values) and broken.row("I3").verdict == "VIOLATED"
    assert broken.deviations() == {"fork": "never", "refuse": "in_place"}


def test_an_answer_shows_words(broken):
    """Text and page carry the verdict words, the reason and the depth; the page escapes what it is given."""
    row = broken.row("I3")
    for text in (str(broken), broken._repr_html_()):
        assert "VIOLATED" in text and "HOLDS" in text and f"after {row.depth} steps" in text
    assert "I3" in str(broken) and row.reason.split("(")[0].strip() in str(broken)


def test_verdicts_are_a_table_of_words(case):
    """One row a policy, `all` its worst; own policies have labels; the page has words, signs and steps."""
    table = nb.verdicts(case, ["tux3", "in_place"])
    assert table.loc["tux3", "all"] == "HOLDS" and table.loc["in_place", "I3"] == "VIOLATED"
    assert list(table.columns) == ["all", "I1", "I3", "I6"]
    page = table._repr_html_()
    assert "VIOLATED" in page and "✗" in page and " steps" in page and "Tux3 as posted" in page
    own = nb.verdicts(case, {"mine": {"fork": "never"}})
    assert own.loc["mine", "all"] == "HOLDS" and "mine" in str(own)


def test_verdict_colours_come_with_words():
    """Both colours are set, so that a dark page reads too, and a word stands in each."""
    for word in ("HOLDS", "VIOLATED", "UNFINISHED(folios)", "HOLDS(refused)", "NOT PROMISED"):
        page = verdict_html(word, "note")
        assert re.sub(r"<[^>]*>", "", page).replace("&nbsp;", " ").endswith(f"{word}note")
        assert "color:#" in page and "background:#" in page


def test_columns_of_a_run(broken):
    """Each step stands in its actor's column with what it changed; `since` leaves the beginning out."""
    whole, tail = str(nb.run_columns(broken, "I3")), str(nb.run_columns(broken, "I3", since="transition"))
    assert whole.splitlines()[0].split()[:2] == ["app", "writer"]
    assert "cell 0 of A is v1" in whole and "the current delta is d1" in tail and "store_faults" not in tail
    assert nb.rules(broken, "I3")[-1] == broken.run("I3").steps[-1].rule.name


def test_a_run_can_pass_events(tux3):
    """Where nothing is violated there is a run to the end that passes what is asked for, in order."""
    names = nb.rules(tux3, ("forked", "committed"))
    assert names.index("fork_ends") < names.index("commits")
    assert nb.state(tux3, ("forked", "committed"))["slot[0]"] == 1
    assert nb.state(tux3, "forked", step=0)["slot[0]"] == 0
    assert list(nb.steps(tux3, "forked").columns) == ["actor", "rule", "says", "stands for"]


def test_pictures_on_a_forge_and_in_a_report(tux3, monkeypatch):
    """An image with words outside a report, inline SVG in one; several steps give several pictures."""
    shown = nb.ownership(tux3, "forked", step=(0, "fork_ends"))
    assert (
        shown.html.count("<img ") == 2 and "<svg" not in shown.html and shown.text.startswith("The start of a run of ")
    )
    assert "  folio A" in shown.text and "picture in words" in shown.html
    monkeypatch.setenv("TUX3NB_STATIC", "1")
    inline = nb.ownership(tux3, "forked", step=-1)
    assert "<svg" in inline.html and "<img" not in inline.html
    assert set(shown._repr_mimebundle_()) == {"text/plain", "text/html"}


def test_rules_are_shown_with_their_kernel_routine():
    """The source is code on a page, and the citation stands below."""
    shown = nb.rule_source("fork_swaps_slot")
    assert "def fork_swaps_slot" in shown.text and "buffer_fork.c" in shown.text
    assert shown.markdown.startswith("```python") and "text/markdown" in shown._repr_mimebundle_()


def test_tables_to_look_up(case):
    """Features, policies, properties, operations and cases are tables with whole texts."""
    assert "fork" in nb.features(case).index and "longterm" not in nb.features(case).index
    assert nb.policies().loc["stable_pages", "differs from tux3"] == "fork=never stable_stores=yes"
    assert list(nb.properties(case).index) == ["I1", "I3", "I6"]
    assert "write" in nb.operations().index and "rdma" in nb.cases().index
    assert "..." not in nb.features(case)._repr_html_()
    assert "buffer_fork.c" in str(nb.sources("rdma")) and "write p0:0 after closed" in str(nb.columns("rdma"))


def test_policies_over_all_cases():
    """As recorded: every case counts once, and a policy that breaks few of them names them."""
    told = nb.everywhere("tux3", "perfect_index")
    counted = told[["HOLDS", "HOLDS, qualified", "VIOLATED"]].sum(axis=1)
    assert set(counted) == {len(catalogue())} and told.loc["tux3", "violated in"] == ""
    assert len(told.loc["perfect_index", "violated in"].split()) == told.loc["perfect_index", "VIOLATED"] > 0


def test_recordings_of_a_real_kernel():
    """An experiment's question, what the model says, and what was observed."""
    assert nb.recorded("ptrace-shared").loc["ptrace-shared", "the kernel"] == "agrees"
    assert nb.observed("ptrace-shared")["POKEDATA: page cache has it"] is True


def test_what_others_wrote():
    """The catalogue of holders is indexed by id; a table of others has the model's verdict beside what they say."""
    assert nb.holders().loc["rdma-mr", "case"] == "rdma"
    told = nb.outside("selftests")
    refused = told[told["kernel"].str.startswith("refused")]
    assert list(refused["model"]) == ["HOLDS(refused)"] * len(refused) and len(refused)


def test_explorer_starts_where_it_is_told(case):
    """Policy, property and step are the view's; the forge gets an image, a terminal words."""
    widget = nb.explorer(case, "in_place", property="I3", step=2)
    assert (widget.property, widget.step, widget.policy["refuse"]) == ("I3", 2, "in_place")
    assert "<img " in widget._still() and "VIOLATED" in widget._text()


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda c, a: nb.check("rmda"), "no case 'rmda'; did you mean rdma"),
        (lambda c, a: nb.check(c, "tux4"), "no policy 'tux4'; did you mean tux3"),
        (lambda c, a: nb.check(c, frok="never"), "no feature 'frok'; did you mean fork"),
        (lambda c, a: nb.check(c, fork="nevr"), "feature fork has no value 'nevr'; did you mean never"),
        (lambda c, a: nb.verdicts(c, ["stable"]), "no policy 'stable'; did you mean stable_pages"),
        (lambda c, a: nb.verdicts(c, []), "name at least one policy"),
        (lambda c, a: nb.run_columns(a, "I6x"), "no property and no event reached 'I6x'; did you mean I6"),
        (lambda c, a: nb.run_columns(a, "I1"), "I1 is HOLDS in case small: there is no run that breaks it"),
        (lambda c, a: nb.ownership(a, step=999), "step 999: this run has the steps 0 to"),
        (lambda c, a: nb.ownership(a, step="fork_swap"), "no step 'fork_swap' in this run; did you mean fork_swaps"),
        (lambda c, a: nb.rule_source("fork_swap"), "no rule 'fork_swap'; did you mean fork_swaps_slot"),
        (lambda c, a: nb.explorer(c, property="I2"), "judges no property 'I2'; did you mean"),
        (lambda c, a: nb.bytes_at(a, 999), "step 999: this run has the steps 0 to"),
        (lambda c, a: nb.compare(c, "tux3", "tux4"), "no policy 'tux4'; did you mean tux3"),
        (lambda c, a: nb.family("rmda"), "no family 'rmda'; did you mean rdma"),
        (lambda c, a: nb.outside("bug"), "no table 'bug'; did you mean bugs"),
        (lambda c, a: nb.recorded("ptrace-shred"), "no recording 'ptrace-shred'; did you mean ptrace-shared"),
    ],
)
def test_wrong_names(case, tux3, ask, said):
    """One line that names the wrong word and the nearest right ones."""
    with pytest.raises(UserError) as error:
        ask(case, tux3)
    assert said in str(error.value) and "\n" not in str(error.value)
