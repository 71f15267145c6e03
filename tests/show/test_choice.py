"""A choice of cases: where each starts, and what is said of it in words."""

import pytest

from tux3nb.answers.judge import check
from tux3nb.catalogue import find
from tux3nb.model.features import named_policy
from tux3nb.notebook import UserError, explorer_of
from tux3nb.show.explorer import choice
from tux3nb.show.explorer.choice import in_words, start_of


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


def test_words_tell_every_case():
    """A terminal and a forge get each case with its shortest broken run and what holds."""
    choice = explorer_of("splice", "truncate+read_fault")
    text, page = choice._text(), choice._still()
    for name in ("splice", "splice+mapped", "vmsplice", "truncate+read_fault"):
        start = start_of(find(name))
        assert in_words([start]) in text
        assert start.broken() in page
    with pytest.raises(UserError, match="truncate"):
        explorer_of("truncat")
