"""The last view of every broken run has one mark, on something that is seen; every step says broken or not."""

import re

import pytest

from tests.show.samples import broken_rows, cases
from tux3nb.answers.follow import Schedules
from tux3nb.answers.judge import check
from tux3nb.catalogue import find
from tux3nb.engine.runs import evaluate
from tux3nb.model.broken import WORDS, Place, broken
from tux3nb.model.features import named_policy
from tux3nb.model.properties import PROPERTIES
from tux3nb.show.explorer.document import marks
from tux3nb.show.explorer.tables import Tables
from tux3nb.show.places import Scene


def tables_of(case, row, policy, judged):
    """The tables of the run that is shown, that run in them, and its states."""
    number, shown = judged.run.number(policy), Schedules(judged).broken(policy, row.property)
    assert shown.run.states[: len(row.run)] == row.run.states[: len(row.run)]
    tables = Tables(case, judged.run.compiled, number, int, {"": 0})
    stuck = number if case.system.property(row.property).needs_graph else None
    return tables, tables.runs[tables.run(shown, prop=row.property, stuck=stuck)], shown.run


def seen(case, state, place) -> bool:
    """Whether a state shows a place."""
    rows = {row["key"]: row for row in state}
    if place.get("actor"):
        return True
    if place.get("looker"):
        return any(place["looker"] in row["lookers"] for row in state)
    row = rows.get(place["row"])
    return row is not None and (place["cell"] is None or row["cells"][place["cell"]] is not None)


def rows_of(tables, view):
    """The rows of a view, with the keys of who looks at them."""
    rows = (tables.rows.entries[n] for n in view["rows"])
    return [{**r, "lookers": [tables.lookers.entries[k]["key"] for k in r["lookers"]]} for r in rows]


def look_at(case):
    """Check every broken run of a case; the number of runs."""
    count = 0
    for row, policy, judged in broken_rows(case):
        where = f"{case.name} {row.property} {policy}"
        tables, run, shown = tables_of(case, row, policy, judged)
        told = list(marks(run, row.property))
        assert told[-1], where
        mark = tables.marks.entries[told[-1]]
        view = tables.views[run["states"][-1]]
        assert mark["places"] and all(seen(case, rows_of(tables, view), p) for p in mark["places"]), where
        assert (mark["kind"] == "differ") == (len(mark["places"]) == 2), where
        drawn = {r["title"].removeprefix("folio ") for r in rows_of(tables, view) if r["kind"] == "folio"}
        assert set(re.findall(r"\b(?:folio|of) ([A-P])\b", mark["sentence"])) <= drawn, (where, mark["sentence"])
        clauses = [e for p, _, e in case.system.clauses if p == row.property]
        for state, number in zip(shown.states, told, strict=True):
            if not all(evaluate(e, case.system.layout, state) for e in clauses):
                assert number, where
            elif number:  # what a step broke, not this state
                assert any(p == row.property for s in shown.steps for p, _, _ in s.checks) or run["states"], where
        count += 1
    return count


@pytest.mark.parametrize("case", cases(slow=False), ids=lambda c: c.name)
def test_one_mark_on_what_is_seen(case):
    """Some cases in the quick suite."""
    look_at(case)


@pytest.mark.slow
def test_one_mark_in_every_case():
    """The last view of every broken run that the catalogue speaks of."""
    assert sum(look_at(case) for case in cases(slow=True)) > 100


def test_the_lost_write_of_a_device():
    """I2 of rdma: the two cells that should be one, and the sentence with their names."""
    case = find("rdma")
    run = check(case, named_policy("tux3")).row("I2").run
    found = broken(case.world, case.system, "I2", run.states[-1], run.states[-2], run.steps[-1])
    assert found.sentence == (
        "I2 is broken: the device's write of cell 1 (v1) was reported done, yet the page is folio B and cell 1 of B "
        "still has v0"
    )
    assert found.places == (Place("folio0", 1), Place("folio1", 1))
    assert broken(case.world, case.system, "I2", run.states[-2], run.states[-3], run.steps[-2]) is None


def test_every_property_has_words():
    """But for progress, which is judged on the whole graph."""
    assert {p.id for p in PROPERTIES if not p.needs_graph} <= set(WORDS)


def test_a_property_without_words_gets_its_reason(monkeypatch):
    """A new property is told by its reason and by the bytes that it reads."""
    monkeypatch.delitem(WORDS, "I3")
    case = find("ordinary")
    run = check(case, named_policy("in_place")).row("I3").run
    found = broken(case.world, case.system, "I3", run.states[-1])
    assert "changed while the disk was reading it" in found.sentence
    assert Scene(case, run.states[-1]).row(found.places[0].row)
