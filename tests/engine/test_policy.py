"""Features and policies: the order of values, and what a wrong word or a combination without sense is told."""

import pickle

import pytest

from tux3nb.engine.policy import Feature, parse_policy
from tux3nb.errors import ModelError, UserError

from .worlds import BASE, LOCKS


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (["lokc=spin"], "no feature 'lokc'; did you mean lock"),
        (["lock=spinn"], "feature lock has no value 'spinn'; did you mean spin"),
        (["lock"], "write FEATURE=VALUE"),
        (["lock=spin", "lock=none"], "feature lock is given two values: spin and none"),
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


def test_an_owner_is_of_a_value():
    """Owners are one word for all values, or one for each; told a line each only where they differ."""
    values = {"a": "", "b": ""}
    mixed, same = Feature("f", "", {"a": "us", "b": ("us", "them")}, values), Feature("f", "", "us", values)
    assert (mixed.owner_of("b"), mixed.owners) == (("us", "them"), "a: us\nb: us and them")
    assert (same.owner_of("b"), same.owners) == (("us",), "us")
    with pytest.raises(UserError, match="feature f has no value 'c'"):
        mixed.owner_of("c")
    with pytest.raises(ModelError, match="owners are not given for just its values"):
        Feature("f", "", {"a": "us"}, values)


def test_features_without_a_home_travel_whole():
    """A table that is no module's is sent as it is."""
    there = pickle.loads(pickle.dumps(LOCKS))
    assert [f.id for f in there] == [f.id for f in LOCKS] and "lock" in there and "lokc" not in there


def test_the_order_of_values_names_values():
    """A declared order that names no value is an error."""
    with pytest.raises(ModelError, match="feature f: the order names 'c'"):
        Feature("f", "", "", {"a": "", "b": ""}, {"b": ("c",)})
