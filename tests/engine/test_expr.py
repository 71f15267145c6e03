"""Expressions: folding, and text that computes what the reference computes, or goes astray where that does."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracles.reference import value
from tux3nb.engine.compile import Astray, Text
from tux3nb.engine.fields import Layout
from tux3nb.engine.terms import (
    FALSE,
    TRUE,
    bit,
    const,
    count,
    every,
    has,
    lift,
    rebuild,
    shared,
    show,
    some,
    union,
    where,
    without,
)
from tux3nb.errors import ModelError

from ..sampling import PATIENT, thousands
from .random_exprs import Maker
from .worlds import LOCKS

RANDOMS = st.randoms(use_true_random=False)
QUICK = settings(PATIENT, max_examples=60)


def packed(layout: Layout, state: dict) -> int:
    return layout.pack({f.label(i): state[f.name, i] for f, i in layout.cells})


def test_constants_fold():
    """An expression of constants is a constant, and neutral elements vanish."""
    with shared():
        constants_fold()


def constants_fold():
    x = Maker(None).state.x

    assert (const(2) + 3).value == 5 and (const(2) * 3 - const(1)).value == 5
    assert (const(2) < 3) is TRUE and (const(2) == 3) is FALSE
    assert x + 0 is x and x * 1 is x and (x * 0).value == 0 and x - 0 is x
    assert union(x, 0) is x and without(0, x).value == 0 and has(6, 1) is TRUE and bit(3).value == 8
    assert where(TRUE, x, 1) is x and where(x == 1, x, x) is x
    assert (x == x) is TRUE and (x > x) is FALSE and (x == 9) is FALSE and (x != 9) is TRUE
    assert every([]) is TRUE and some([]) is FALSE and count([TRUE, FALSE, TRUE]).value == 2


def test_expressions_of_one_form_are_one_object():
    """While a system is traced, two expressions of the same form are the same object; the next system starts anew."""
    s = Maker(None).state

    with shared():
        assert (s.x + s.y < 3) is (s.x + s.y < 3)
        assert s.cells[1] is s.cells[1] and s.cells[1] is not s.cells[2]
        known = s.x + 1
    with shared():  # another system: nothing is known of the first
        assert s.x + 1 is not known


@QUICK
@given(RANDOMS)
def test_folding_keeps_values_and_ranges(rng):
    """A rebuilt expression has the same value everywhere, inside the static range."""
    make = Maker(rng)
    e = make.any(4)
    again = rebuild(e, lambda leaf: leaf)
    for state in make.states(20):
        expected = value(e, state, {})
        assert value(again, state, {}) == expected
        assert e.lo <= int(expected) <= e.hi


@QUICK
@given(RANDOMS, st.booleans())
def test_the_text_computes_what_the_reference_computes(rng, tame):
    """The Python text of an expression gives the reference's value, and goes astray exactly where that has none."""
    make = Maker(rng, tame)
    layout = Layout(list(make.world.fields.values()))
    e = make.any(4)
    test = Text().test(e)
    for state in make.states(30):
        try:
            expected = int(value(e, state, {}))
        except KeyError:
            with pytest.raises(Astray):
                test(packed(layout, state))
        else:
            assert int(test(packed(layout, state))) == expected


test_thousands_keep_values_and_ranges = thousands(test_folding_keeps_values_and_ranges, 1_000, RANDOMS)
test_thousands_of_texts = thousands(test_the_text_computes_what_the_reference_computes, 1_000, RANDOMS, st.booleans())


def test_expressions_are_shown_as_they_are_written():
    s = Maker(None).state
    some_of_them = (5 - s.x, ~(s.x > 2), where(s.flag == 1, s.x, s.y), LOCKS.lock == "spin")
    shown = ["(5 - x)", "~(x > 2)", "where((flag == 1), x, y)", "policy.lock in {spin}"]
    assert [*map(show, some_of_them)] == shown


@pytest.mark.parametrize(
    ("slip", "word"),
    [
        (lambda s: s.x and s.y, "write &"),
        (lambda s: not s.flag, "write &"),
        (lambda s: s.x + (s.x & s.y), "not numbers"),
        (lambda s: ~s.x, "negates"),
        (lambda s: where(s.flag, 1, 0), "truth value"),
        (lambda s: lift(1.5), "whole number"),
        (lambda s: (s.x == 1) < 2, "expected int"),
    ],
)
def test_slips_are_errors(slip, word):
    """Using values of the wrong kind is an error that says what to write."""
    with pytest.raises(ModelError, match=word):
        slip(Maker(None).state)
