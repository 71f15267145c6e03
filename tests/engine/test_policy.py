"""Features, policies and families."""

import pytest

from tux3nb.catalogue import catalogue
from tux3nb.engine.explore import explore
from tux3nb.engine.policy import Constraint, Family, Feature, Features, parse_policy
from tux3nb.errors import ModelError, UserError

from ..sampling import by_policy
from .worlds import LOCKS, all_locks, locks

BASE = {"lock": "none", "order": "any", "colour": "red", "keep": "no"}


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (["lokc=spin"], "no feature 'lokc'; did you mean lock"),
        (["lock=spinn"], "feature lock has no value 'spinn'; did you mean spin"),
        (["lock"], "write FEATURE=VALUE"),
    ],
)
def test_unknown_words_are_answered_with_the_nearest(settings, says):
    """What the user writes is checked, feature and value."""
    with pytest.raises(UserError, match=says):
        parse_policy(LOCKS, BASE, settings)


def test_a_policy_says_something_about_every_feature():
    """A policy that leaves features open is an error that lists them."""
    with pytest.raises(UserError, match="says nothing about order, colour, keep"):
        LOCKS.policy({"lock": "none"})


def test_a_family_has_at_most_4096_policies():
    """A family larger than that is an error that gives its size."""
    many = Features([Feature(f"f{n}", "", "", {"a": "", "b": ""}) for n in range(13)])
    base = {f.id: "a" for f in many}

    assert len(Family(many, base, {f"f{n}": ("a", "b") for n in range(12)})) == 4096
    with pytest.raises(UserError, match="8192 policies in one family; at most 4096"):
        Family(many, base, {f.id: ("a", "b") for f in many})


def test_constraints_leave_policies_out():
    """A combination that makes no sense is in no family, and says why."""
    features = Features(list(LOCKS), [Constraint({"lock": ("none",), "order": ("address",)}, "no locks, no order")])
    family = Family(features, BASE, {"lock": ("none", "spin"), "order": ("any", "address")})

    assert len(family) == 3
    with pytest.raises(UserError, match="contradict each other: no locks, no order"):
        parse_policy(features, BASE, ["order=address"])


def test_the_order_of_values_names_values():
    """A declared order that names no value is an error."""
    with pytest.raises(ModelError, match="feature f: the order names 'c'"):
        Feature("f", "", "", {"a": "", "b": ""}, {"b": ("c",)})


def test_members_and_folding():
    """A feature test is the set of the policies that have it; a test that all agree on is a constant."""
    family = Family(LOCKS, BASE, {"lock": ("none", "spin", "try")})

    assert family.members(LOCKS["lock"], ("spin",)) == 0b010
    assert family.fold(LOCKS.order == "any").value == 1 and family.fold(LOCKS.keep == "yes").value == 0
    assert not family.fold(LOCKS.lock == "spin").is_const


@pytest.mark.parametrize("engine", ["scalar", "frontier"])
def test_merging_never_changes_an_answer(engine):
    """Policies that no guard tells apart are one class, and each has the answers of its class."""
    system, family = locks(), all_locks()
    merged, index = family.merged(system.guards)

    whole, small = explore(system, family, engine=engine), explore(system, merged, engine=engine)

    assert len(merged) == 12  # nothing reads `colour`
    for i in range(len(family)):
        assert by_policy(whole, i) == by_policy(small, index[i])


def test_merging_tells_apart_what_a_case_tells_apart():
    """In a shipped case, too, only policies with the same guards are merged."""
    case = catalogue()["rdma"]
    features = case.system.features
    read = case.features_read[0]
    other = next(f for f in (f.id for f in features) if f not in case.system.features_read())
    both = {f: tuple(features[f].values) for f in (read, other)}
    merged, index = Family(features, case.policy, both).merged(case.system.guards)

    assert len(merged) <= len(features[read].values)
    assert len(set(index)) == len(merged)
