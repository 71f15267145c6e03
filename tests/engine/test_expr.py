"""Expressions: folding, what guards tell about them, and that every printer computes what the reference computes."""

import pytest

from tux3nb.engine.compile import ScalarPrinter
from tux3nb.engine.facts import Facts, astray
from tux3nb.engine.fields import Layout
from tux3nb.engine.terms import (
    FALSE,
    TRUE,
    Expr,
    bit,
    const,
    count,
    every,
    has,
    lift,
    rebuild,
    some,
    union,
    where,
    without,
)
from tux3nb.errors import ModelError

from .random_exprs import Maker
from .reference import value

SEEDS = range(60)


def packed(layout: Layout, state: dict) -> int:
    return layout.pack({f.label(i): state[f.name, i] for f, i in layout.cells})


def goes_astray(e: Expr, state: dict) -> bool:
    """Whether the reference reads outside an array (or shifts by less than 0)."""
    try:
        value(e, state, {})
    except (KeyError, ValueError):
        return True
    return False


def test_constants_fold():
    """An expression of constants is a constant, and neutral elements vanish."""
    x = Maker(0).state.x

    assert (const(2) + 3).value == 5 and (const(2) * 3 - const(1)).value == 5
    assert (const(2) < 3) is TRUE and (const(2) == 3) is FALSE
    assert x + 0 is x and x * 1 is x and (x * 0).value == 0 and x - 0 is x
    assert union(x, 0) is x and without(0, x).value == 0 and has(6, 1) is TRUE and bit(3).value == 8
    assert where(TRUE, x, 1) is x and where(x == 1, x, x) is x
    assert (x == x) is TRUE and (x > x) is FALSE and (x == 9) is FALSE and (x != 9) is TRUE
    assert every([]) is TRUE and some([]) is FALSE and count([TRUE, FALSE, TRUE]).value == 2


def test_expressions_of_one_form_are_one_object():
    """Two expressions of the same form are the same object, so that they are printed once."""
    s = Maker(0).state

    assert (s.x + s.y < 3) is (s.x + s.y < 3)
    assert s.cells[1] is s.cells[1] and s.cells[1] is not s.cells[2]


@pytest.mark.parametrize("seed", SEEDS)
def test_folding_keeps_values_and_ranges(seed):
    """A rebuilt expression has the same value everywhere, inside the static range."""
    make = Maker(seed)
    e = make.any(4)
    again = rebuild(e, lambda leaf: leaf)
    for state in make.states(20):
        expected = value(e, state, {})
        assert value(again, state, {}) == expected
        assert e.lo <= int(expected) <= e.hi


@pytest.mark.parametrize("seed", SEEDS)
def test_the_printer_computes_what_the_reference_computes(seed):
    """The Python text of an expression gives the reference's value wherever there is one."""
    make = Maker(seed, tame=seed % 2 == 0)
    layout = Layout(list(make.world.fields.values()))
    e = make.any(4)
    states = [s for s in make.states(30) if not goes_astray(e, s)]
    if not states or e.is_const:
        pytest.skip("no state in which it can be computed, or nothing to compute")

    scalar = [eval(ScalarPrinter().text(e), {"s": packed(layout, s)}) for s in states]

    expected = [value(e, s, {}) for s in states]
    assert [int(v) for v in scalar] == [int(v) for v in expected]


@pytest.mark.parametrize("seed", SEEDS)
def test_astray_tells_exactly_where_the_reference_fails(seed):
    """The condition for a read outside an array holds in exactly the states where the reference makes one."""
    make = Maker(seed, tame=False)
    e = make.any(4)
    lost = astray(e, Facts())
    for state in make.states(40):
        assert bool(value(lost, state, {})) == goes_astray(e, state), (e, lost, state)


@pytest.mark.parametrize("seed", SEEDS)
def test_facts_hold_and_simplify_keeps_values(seed):
    """Where a guard holds, ranges learnt from it do, and an expression simplified by it has the same value."""
    make = Maker(seed)
    guard, e = make.truth(3), make.any(3)
    truth = bool(seed % 3)
    facts = Facts().learn(guard, truth)
    simple, (lo, hi) = facts.simplify(e), facts.span(e)
    for state in make.states(40):
        if bool(value(guard, state, {})) == truth:
            assert lo <= int(value(e, state, {})) <= hi
            assert value(simple, state, {}) == value(e, state, {})


def test_a_guard_decides_what_lies_behind_it():
    """Behind `y > 0` the index y - 1 needs no check, and `y == 0` is known to be false."""
    s = Maker(0).state
    facts = Facts().learn(s.y > 0)

    assert astray(s.cells[s.y - 1], Facts()) is not FALSE
    assert astray(s.cells[s.y - 1], facts) is FALSE
    assert astray((s.y != 0) & (s.cells[s.y - 1] == 2), Facts()) is FALSE
    assert facts.simplify(s.y == 0) is FALSE


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
        slip(Maker(0).state)
