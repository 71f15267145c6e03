"""Every case meets every judge: four searches that share no search, for random policies of its whole product.

The plain search, the search of layers, the reference of one policy and SPIN are asked about the same policies, drawn by
a seed. They agree on states, edges, the last layer, each property's first violation and how deep it is; what is shown
as its shortest run is a run that the reference can take. The reference is slow: it sees a world's first layers whole,
state by state and edge by edge, and a small world to its end. The whole product says of these policies what they say
alone, and none of its policies runs out of folios.
"""

import os

import pytest

from tests.engine.compare import runs_are_real, same_answers, same_as_reference, same_up_to
from tests.oracles.spin import BREADTH_FIRST, compile_pan, missing
from tests.sampling import by_policy, some_policies
from tux3nb.catalogue import catalogue, find
from tux3nb.engine.explore import explore
from tux3nb.engine.family import Listed
from tux3nb.engine.runs import judge_progress
from tux3nb.model.features import FEATURES

POLICIES, REFERENCE = 5, 150  # of each case; states at which the reference begins no further layer
FIRST = {case.family: name for name, case in reversed(catalogue().items())}  # of each family, for the quick suite


def names() -> list:
    """The first case of two families for the default run, the others marked slow."""
    quick = list(FIRST.values())[:2]
    return [n if n in quick else pytest.param(n, marks=pytest.mark.slow) for n in catalogue()]


@pytest.mark.parametrize("name", names())
def test_every_case_meets_every_judge(name, tmp_path):
    case, reason = find(name), missing()
    policies = some_policies(case, POLICIES, seed=2)
    plain, layers = (explore(case.system, Listed(FEATURES, policies), engine=e) for e in ("python", "numpy"))
    same_answers(plain, layers)
    whole = explore(case.system, case.product())
    assert not whole.unfinished()
    for p in case.system.properties:
        assert not p.needs_graph or judge_progress(whole, p.id)
    pan = None if reason else compile_pan(case.system, case.policy, vary(case), tmp_path, BREADTH_FIRST)
    for policy in policies:
        told = by_policy(plain, policy)
        assert by_policy(whole, policy) == told
        if told["states"] <= REFERENCE:
            same_as_reference(plain, policy)
        else:
            assert same_up_to(plain, policy, REFERENCE) > 1
        runs_are_real(layers, policy, whole=told["states"] <= REFERENCE)
        if pan:
            agrees(pan.run(policy, timeout=100), told, case.system)
    if reason and os.environ.get("TUX3NB_REQUIRE_SPIN") == "1":
        pytest.fail(reason)
    elif reason:
        pytest.skip(f"the other three agree; {reason}")


def vary(case) -> dict:
    """All values of all features that a case reads."""
    return {f.id: tuple(f.values) for f in case.product().vary}


def agrees(spin, told, system):
    """SPIN, breadth first, says of one policy what our search says of it."""
    assert (spin.states, spin.transitions, spin.depth) == (told["states"], told["edges"], told["depth"])
    ours = {p: found and found[0] for p, found in told["first"].items() if not system.property(p).needs_graph}
    assert spin.first == {p: depth for p, depth in ours.items() if depth is not None}
    assert (spin.reached, spin.limits, spin.fired) == (told["marks"], told["limits"], told["fired"])


@pytest.mark.slow
def test_these_are_three_hundred_pairs():
    """Of each case several policies, no two alike, most of them far from any that has a name."""
    drawn = {name: some_policies(case, POLICIES, seed=2) for name, case in catalogue().items()}
    assert sum(map(len, drawn.values())) >= 300 and min(map(len, drawn.values())) >= 2
