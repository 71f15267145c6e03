"""Families and sets of policies: a decision diagram says what a plain Python set of policies says."""

import itertools
import pickle
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tux3nb.engine.explore import explore
from tux3nb.engine.family import Listed, Numbers, PolicySet, Product
from tux3nb.engine.policy import Constraint, Feature, Features, parse_policy
from tux3nb.errors import UserError
from tux3nb.model.features import FEATURES, TUX3

from ..sampling import by_policy, thousands
from .worlds import BASE, LOCKS, POLICIES, all_locks, locks, whole_locks

WHOLE = whole_locks()
COLOURS = Features(
    [
        Feature("a", "", "-", dict.fromkeys("xyz", ""), {"y": ("x",), "z": ("y",)}),
        Feature("b", "", "-", dict.fromkeys("pqrst", ""), {"q": ("p",), "r": ("p",), "s": ("q", "r")}),
        Feature("c", "", "-", {"no": "", "yes": ""}, {"yes": ("no",)}),
        Feature("d", "", "-", {"one": ""}),
    ],
    [Constraint({"a": ("z",), "c": ("yes",)}, "z is never yes"), Constraint({"b": ("t",), "a": ("x", "y")}, "t is z")],
)
FIRST = {"a": "x", "b": "p", "c": "no", "d": "one"}
COMBINATIONS = [dict(zip(FIRST, v, strict=True)) for v in itertools.product(*(f.values for f in COLOURS))]
PRODUCT = Product(COLOURS, FIRST, FIRST)
VALID = [p for p in COMBINATIONS if COLOURS.why_not(p) is None]


def diagram(policies) -> PolicySet:
    out = PRODUCT.none
    for p in policies:
        out |= PRODUCT.single(p)
    return out


def plain(policies: PolicySet) -> list[dict]:
    return list(policies.policies())


some = st.lists(st.sampled_from(VALID), unique_by=lambda p: tuple(p.values()))


def test_the_whole_is_every_combination_that_no_constraint_rules_out():
    """Count, members and the order in which they come are those of the plain product."""
    assert len(PRODUCT) == len(VALID) == PRODUCT.all.count()
    assert plain(PRODUCT.all) == VALID
    assert not PRODUCT.none and PRODUCT.none.empty and PRODUCT.all
    assert [p in PRODUCT.all for p in COMBINATIONS] == [p in VALID for p in COMBINATIONS]


@given(some, some)
def test_operations_are_those_of_plain_sets(x, y):
    """and, or, minus, complement, equality, count, membership and pick."""
    a, b = diagram(x), diagram(y)
    assert plain(a & b) == [p for p in VALID if p in x and p in y]
    assert plain(a | b) == [p for p in VALID if p in x or p in y]
    assert plain(a - b) == plain(a & ~b) == [p for p in VALID if p in x and p not in y]
    assert (a == b) == (sorted(map(str, x)) == sorted(map(str, y))) and bool(a) == bool(x)
    assert a.count() == len(x) and all(p in a for p in x) and not any(p in a for p in VALID if p not in x)
    if x:
        assert a.pick() == next(p for p in VALID if p in x)


@given(some)
def test_a_cover_is_the_set_in_few_large_products(x):
    """Its lines together are the set; no line is to spare, and none can take one more value in."""
    a = diagram(x)
    lines = a.cover()

    def of(line):
        return [p for p in VALID if all(p[f] in values for f, values in line.items())]

    assert [p for p in VALID if any(p in of(line) for line in lines)] == [p for p in VALID if p in x]
    for line in lines:
        others = [p for other in lines if other is not line for p in of(other)]
        assert any(p not in others for p in of(line))
        for fid, values in line.items():
            for v in set(COLOURS[fid].values) - set(values):
                assert any(p not in x for p in of({**line, fid: (*values, v)})) or of({fid: (v,), **line}) == of(line)


@given(some)
def test_text_and_pickle_bring_the_same_set_back(x):
    """The text is one line, the same for the same set, and tells it whole."""
    a = diagram(x)
    assert PRODUCT.load(a.text()) == a and a.text() == diagram(reversed(x)).text() and "\n" not in a.text()


@given(some)
def test_minimal_are_those_from_which_nothing_can_be_dropped(x):
    """Checked step by step against the declared order of values."""
    lower = {f.id: f.below for f in COLOURS}
    stays = [p for p in x if not any({**p, f: w} in x for f in p for w in lower[f].get(p[f], ()))]
    assert plain(diagram(x).minimal()) == [p for p in VALID if p in stays]


def test_having_and_whatever():
    """Narrowing to a value, and forgetting what a feature's value is."""
    a = diagram([VALID[0]])
    assert plain(a.whatever("c")) == [p for p in VALID if {**p, "c": "no"} == VALID[0]]
    assert not a.having("c", "yes") and a.having("c", "no", "yes") == a


def test_sets_travel_to_another_process():
    """A set, and a product of the model's features, come back equal, in this process and in another."""
    product = Product(FEATURES, TUX3, ["fork", "refuse"], ["bounce"])
    some = product.all.having("fork", "never").having("refuse", "in_place", "reverse")
    assert pickle.loads(pickle.dumps(some)) == some
    code = "import pickle, sys; s = pickle.load(sys.stdin.buffer); print(s.count(), s.cover())"
    out = subprocess.run([sys.executable, "-c", code], input=pickle.dumps(some), capture_output=True, check=True)
    assert out.stdout.decode().strip() == f"{some.count()} {some.cover()}"


def test_features_outside_do_not_matter_and_fixed_ones_do():
    """What a product does not vary is free in its sets, unless it is fixed; sets of several products can be joined."""
    narrow, wide = Product(LOCKS, BASE, ["lock"]), Product(LOCKS, BASE, BASE)
    assert len(narrow) == 3 and len(wide) == 24
    assert (wide.all & narrow.all.having("lock", "spin")).count() == 8
    fixed = Product(LOCKS, BASE, ["lock"], ["keep"])
    assert (wide.all & fixed.all).count() == 12 and len(fixed) == 3


def test_a_constraint_on_a_feature_outside_rules_nothing_out():
    """A combination that some value of a feature outside could make possible is in the product."""
    assert len(Product(COLOURS, FIRST, ["c"])) == 2
    assert len(Product(COLOURS, {**FIRST, "a": "z"}, ["c"], ["a"])) == 1


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Product(FEATURES, TUX3, ["fork", "off"]), "off is a control"),
        (lambda: Product(FEATURES, TUX3, ["frok"]), "no feature 'frok'; did you mean fork"),
        (lambda: Product(COLOURS, {**FIRST, "a": "z", "c": "yes"}, [], ["a", "c"]), "no policy is left"),
        (lambda: Listed(LOCKS, []), "at least one"),
        (lambda: Listed(LOCKS, [{"lock": "none"}]), "says nothing about order"),
        (lambda: Listed(LOCKS, [BASE]).single({**BASE, "lock": "spin"}), "not one of those that were explored"),
        (lambda: Product(LOCKS, BASE, ["lock"], ["keep"]).single({**BASE, "keep": "yes"}), "not in the family"),
        (lambda: parse_policy(COLOURS, FIRST, ["a=z", "c=yes"]), "contradict each other: z is never yes"),
    ],
)
def test_a_family_that_makes_no_sense_is_named(make, says):
    """An empty or contradictory family, and a policy that is not in it, are errors in words."""
    with pytest.raises(UserError, match=says):
        make()


@pytest.mark.parametrize("text", ["", "x", "0=lock(none:1)", "0=lokc(none:T;spin:F)"])
def test_a_text_that_tells_no_set_is_an_error(text):
    """A damaged text is refused."""
    with pytest.raises((ValueError, KeyError, UserError)):
        WHOLE.load(text)


def test_an_empty_set_has_no_policy():
    assert whole_locks().count(whole_locks().none) == 0
    with pytest.raises(ValueError, match="an empty set has no policy"):
        whole_locks().none.pick()


def test_members_and_folding():
    """A feature test is the set of the policies that have it; a test that all agree on is a constant."""
    family = Listed(LOCKS, [{**BASE, "lock": v} for v in ("none", "spin", "try")])

    assert family.members(LOCKS["lock"], ("spin",)) == 0b010 and family.count(family.all) == len(family) == 3
    assert family.fold(LOCKS.order == "any").value == 1 and family.fold(LOCKS.keep == "yes").value == 0
    assert not family.fold(LOCKS.lock == "spin").is_const
    assert WHOLE.fold(LOCKS.lock != "none").op == "not" and not WHOLE.fold(LOCKS.lock == "spin").is_const


@pytest.mark.parametrize("engine", ["python", "numpy"])
def test_a_product_says_of_each_policy_what_the_list_says(engine):
    """One bit a policy and one diagram for all give the same answers."""
    listed, whole = (explore(locks(), family(), engine=engine) for family in (all_locks, whole_locks))
    for policy in POLICIES:
        assert by_policy(listed, policy) == by_policy(whole, policy)


@settings(max_examples=30)
@given(st.lists(st.tuples(some, some), max_size=8))
def test_numbers_remember_operations(pairs):
    """By number an operation gives the number of what it gives by set; equal sets have one number."""
    numbers = Numbers(PRODUCT)
    for x, y in pairs:
        a, b = diagram(x), diagram(y)
        i, k = numbers.number(a), numbers.number(b)
        for _ in range(2):
            assert numbers[numbers.common[i][k]] == a & b
            assert numbers[numbers.union[i][k]] == a | b
            assert numbers[numbers.minus[i][k]] == a - b
        assert numbers.number(diagram(x)) == i
    assert len(set(numbers.sets)) == len(numbers)


test_thousands_of_operations = thousands(test_operations_are_those_of_plain_sets, 2_000, some, some)
test_thousands_of_covers = thousands(test_a_cover_is_the_set_in_few_large_products, 1_000, some)
test_thousands_of_texts = thousands(test_text_and_pickle_bring_the_same_set_back, 1_000, some)
test_thousands_of_minimal_sets = thousands(test_minimal_are_those_from_which_nothing_can_be_dropped, 1_000, some)
PAIRS = st.lists(st.tuples(some, some), max_size=8)
test_thousands_of_numbers = thousands(test_numbers_remember_operations, 500, PAIRS)
