"""How a verdict follows from predicted and observed facts."""

import dataclasses

import pytest

from tests.witness import fakes
from tux3nb.errors import ModelError
from tux3nb.witness import CASES, Verdict, list_witnesses
from tux3nb.witness.base import judge
from tux3nb.witness.needs import known_needs


def _witness(**changes):
    return dataclasses.replace(fakes.witness(fakes.quick), **changes)


def test_agrees_when_all_predictions_are_observed():
    assert judge(_witness(), {"sky": "blue", "more": 1}) == (Verdict.AGREES, "1 fact as predicted")


def test_differs_names_the_fact_and_both_values():
    verdict, reason = judge(_witness(), {"sky": "green"})
    assert verdict is Verdict.DIFFERS
    assert reason == "sky: the model says 'blue', this kernel 'green'"


def test_a_number_is_no_truth_value():
    assert judge(_witness(predicts={"hits": 1}), {"hits": True})[0] is Verdict.DIFFERS


@pytest.mark.parametrize("observed", [{}, {"sky": None}])
def test_a_required_fact_that_is_hidden_gives_unknown(observed):
    verdict, reason = judge(_witness(), observed)
    assert verdict is Verdict.UNKNOWN and "sky" in reason


def test_a_privileged_fact_may_stay_hidden_but_not_differ():
    witness = _witness(predicts_if_visible={"frame": True})
    verdict, reason = judge(witness, {"sky": "blue", "frame": None})
    assert verdict is Verdict.AGREES and "frame" in reason
    assert judge(witness, {"sky": "blue", "frame": False})[0] is Verdict.DIFFERS


def test_nothing_seen_at_all_is_never_agreement():
    witness = _witness(predicts={}, predicts_if_visible={"frame": True})
    assert judge(witness, {"frame": None})[0] is Verdict.UNKNOWN


def test_a_file_system_may_have_its_own_prediction():
    witness = _witness(predicts_on={"btrfs": {"sky": "green"}})
    assert judge(witness, {"sky": "green"}, "btrfs")[0] is Verdict.AGREES
    assert judge(witness, {"sky": "green"}, "ext4")[0] is Verdict.DIFFERS


def test_an_unknown_case_is_refused():
    with pytest.raises(ModelError, match="no case is called 'moon'"):
        _witness(case="moon")


def test_the_list_is_consistent():
    witnesses = list_witnesses()
    names = [witness.name for witness in witnesses]
    assert len(set(names)) == len(names) > 30
    assert {witness.case for witness in witnesses} == set(CASES)
    for witness in witnesses:
        assert witness.question.endswith("?") and witness.model_says.endswith(".") and witness.sources
        assert witness.claims or witness.predicts
        assert {need.partition(":")[0] for need in witness.needs} <= set(known_needs())
        assert all(":" in source for source in witness.sources)
