"""What a witness predicts comes out of the model's answers, and changes with them."""

import dataclasses

import pytest

from tests.witness import fakes
from tux3nb.errors import ModelError
from tux3nb.witness import Verdict, list_witnesses, load_recording
from tux3nb.witness.base import judge
from tux3nb.witness.claims import Claim, kept, never

_WITNESSES = {witness.name: witness for witness in list_witnesses()}


@pytest.mark.parametrize("name", sorted(_WITNESSES))
def test_a_witness_has_a_case_of_the_model_or_says_why_not(name):
    """Each claim is one that the model answers, with a prediction for each of its facts."""
    witness = _WITNESSES[name]
    assert bool(witness.claims) != bool(witness.beyond)
    for claim in witness.claims:
        assert claim.answers and None not in claim.predicts.values(), str(claim)


def test_a_prediction_follows_the_verdict():
    """The same question under a policy that loses the poke predicts the opposite, and the recording then differs."""
    witness = _WITNESSES["ptrace-shared"]
    (claim,) = witness.claims
    forked = dataclasses.replace(claim, policy="tux3")
    assert (claim.verdict, forked.verdict) == ("HOLDS", "VIOLATED")
    assert {fact: not value for fact, value in claim.predicts.items()} == forked.predicts
    observed = load_recording(witness.name)["observed"]
    assert judge(witness, observed)[0] is Verdict.AGREES
    assert judge(dataclasses.replace(witness, claims=(forked,)), observed)[0] is Verdict.DIFFERS


def test_an_event_is_asked_like_a_property():
    """Old bytes come out of a pipe under Tux3's fork only."""
    answers = never("new bytes")
    assert Claim("splice", "stable_pages", "old_bytes_published", answers).predicts == {"new bytes": True}
    assert Claim("splice", "tux3", "old_bytes_published", answers).predicts == {"new bytes": False}


def test_a_question_that_the_case_does_not_answer_is_refused():
    with pytest.raises(ModelError, match="judges no 'I9'"):
        _ = Claim("splice", "tux3", "I9", {}).verdict


def test_an_answer_that_predicts_nothing_gives_unknown():
    """A refused holder neither keeps nor breaks coherence: nothing is predicted, so nothing agrees."""
    claim = Claim("rdma", "no_longterm", "I2", kept("sky"))
    assert claim.verdict == "HOLDS(refused)" and claim.predicts == {"sky": None}
    witness = dataclasses.replace(fakes.witness(fakes.quick), predicts={}, claims=(claim,))
    verdict, reason = judge(witness, {"sky": "blue"})
    assert verdict is Verdict.UNKNOWN and "predicts nothing of: sky" in reason


def test_a_privileged_claim_may_stay_hidden_but_not_differ():
    claim = Claim("splice", "stable_pages", "old_bytes_published", never("frame"), visible_only=True)
    witness = dataclasses.replace(fakes.witness(fakes.quick), claims=(claim,))
    assert judge(witness, {"sky": "blue", "frame": None})[0] is Verdict.AGREES
    assert judge(witness, {"sky": "blue", "frame": False})[0] is Verdict.DIFFERS


def test_a_fact_is_predicted_once():
    with pytest.raises(ModelError, match="predicted twice: sky"):
        dataclasses.replace(fakes.witness(fakes.quick), claims=(Claim("splice", "tux3", "I2", kept("sky")),))
