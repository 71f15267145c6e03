"""A choice of cases: where each starts, what it offers, and what is said of it in words."""

import pytest
from tux3nb.show.explorer.matrix import named_verdicts

from tests.explorer.fixture import TUX3, document
from tux3nb.answers.judge import check
from tux3nb.catalogue import catalogue, find
from tux3nb.model.features import FEATURES, named_policy
from tux3nb.notebook import UserError, explorer_of
from tux3nb.show.explorer import CaseChoice, Explorer, choice
from tux3nb.show.explorer.answers import CaseSource
from tux3nb.show.explorer.choice import FEW, MOST, in_words, offered, start_of


@pytest.mark.parametrize("name", ["truncate+read_fault", "crash", "reclaim"])
def test_start_is_a_broken_run(name):
    """A case starts at a named policy that breaks it, Tux3 if it does, with the property of the shortest run."""
    start = start_of(find(name))
    answer = check(start.case, named_policy(start.policy))
    assert (answer.verdict, answer.row(start.property).depth) == ("VIOLATED", start.depth)
    assert start.depth == min(row.depth for row in answer.rows if row.run)
    assert (start.policy == "tux3") == start.case.expect["tux3"].startswith("VIOLATED")


def test_record_and_exploration_agree(monkeypatch):
    """A case without a record is explored, and starts where the record says."""
    known = start_of(find("truncate+read_fault"))
    monkeypatch.setattr(choice, "recorded_verdicts", dict)
    assert start_of(find("truncate+read_fault")) == known


@pytest.mark.slow
def test_every_case_offers_its_start():
    """The start of every case can be reached with the features offered, and they are few enough for a page."""
    for case in catalogue().values():
        start = start_of(case)
        chosen, first = offered(start, FEW), named_policy(start.policy)
        assert all(first[f] == case.policy[f] for f in case.features_read if f not in chosen), case.name
        size = 1
        for f in chosen:
            size *= len(FEATURES[f].values)
        assert size <= MOST and chosen, case.name


def test_choosing_a_case():
    """Another case brings its head, its start and its answer; an unknown one changes nothing."""
    starts = [start_of(find(name)) for name in ("reclaim+orphan", "truncate+read_fault")]
    explorer = CaseChoice("cases", starts)
    assert explorer.policy["off"] == "own" and explorer.answer["class"]["verdict"] == "VIOLATED"
    explorer.chosen = "truncate+read_fault"
    assert explorer.head["case"]["name"] == "truncate+read_fault"
    assert (explorer.property, explorer.step, explorer.policy["off"]) == (starts[1].property, None, "nothing")
    assert explorer.answer["policy"] == explorer.policy
    explorer.chosen = "nonsense"
    assert explorer.head["case"]["name"] == "truncate+read_fault"


def test_words_tell_every_case():
    """A terminal and a forge get each case with its shortest broken run and what holds."""
    data, _ = explorer_of("splice", "truncate+read_fault")._repr_mimebundle_()
    for name in ("splice", "splice+mapped", "vmsplice", "truncate+read_fault"):
        start = start_of(find(name))
        assert in_words([start]) in data["text/plain"]
        assert start.broken() in data["text/html"]
    with pytest.raises(UserError, match="truncate"):
        explorer_of("truncat")


def test_named_verdicts_are_the_engines():
    """One exploration for all presets says what one exploration each says; a plain document's classes do as well."""
    source = CaseSource(find("stable_device"), ("fork", "refuse"))
    found = named_verdicts(source)
    assert set(found) == {p["id"] for p in source.document_head["presets"]}
    for name, told in found.items():
        answer = check(source.case, named_policy(name))
        assert told == {"verdict": answer.verdict, "rows": {r.property: str(r) for r in answer.rows}}
    explorer = Explorer(document())
    explorer.matrix_of = document()["case"]["name"]
    assert explorer.matrix["rows"]["tux3"]["verdict"] == explorer.answer["class"]["verdict"]
    assert explorer.policy == TUX3
