"""SPIN, on the rules printed as Promela, agrees with the plain search: stored states, steps, properties, events."""

import os
from dataclasses import replace
from functools import cache

import pytest

from tests.engine.worlds import LOCKS, locks
from tests.oracles.reference import Found, Reference
from tests.oracles.spin import BREADTH_FIRST, SpinError, compile_pan, missing, spin, translate
from tests.sampling import some_policies
from tux3nb.catalogue import find
from tux3nb.engine.fields import Field
from tux3nb.engine.policy import Constraint, Feature, Features
from tux3nb.engine.promela import promela
from tux3nb.engine.rule import rule
from tux3nb.engine.system import World, build
from tux3nb.engine.terms import bit, const, has
from tux3nb.errors import ModelError, UserError
from tux3nb.model.features import FEATURES, TUX3


@pytest.fixture(autouse=True)
def spin_is_here():
    reason = missing()
    if reason and os.environ.get("TUX3NB_REQUIRE_SPIN") == "1":
        pytest.fail(reason)
    elif reason:
        pytest.skip(reason)


def product(case, *features):
    """All values of some features, or of all that the case reads but the controls."""
    return {f.id: tuple(f.values) for f in case.product(features or None).vary}


def plain(system, policy) -> Found:
    """What the plain search of one policy finds."""
    return Reference(system, policy).search()


def agrees(run, *found: Found):
    """SPIN stored the states of these plain searches, and saw what they saw together."""
    assert (run.states, run.transitions) == (sum(len(f.arrival) for f in found), sum(len(f.edges) for f in found))
    for name, seen in (("violated", "first"), ("reached", "reached"), ("limits", "limits"), ("fired", "fired")):
        assert getattr(run, name) == set().union(*(getattr(f, seen) for f in found)), name


# ---- the catalogue ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["ptrace", "rdma"])
def test_spin_takes_the_whole_product(name, tmp_path):
    """Every combination of the features that a case reads is one model, hardly larger than that of one policy."""
    case = find(name)
    one, whole = promela(case.system, case.policy), promela(case.system, case.policy, product(case))
    assert len(whole) < 3 * len(one) + 10_000
    translate(one, tmp_path)
    translate(whole, tmp_path)


@cache
def tight():
    """A world whose folios run out: it reaches its limit."""
    return replace(find("ptrace+locked"), name="tight", folios=1)


def test_random_policies_of_a_world_that_is_too_small(tmp_path):
    """One compiled model of the whole product, searched for some policies: a step behind a limit is not taken."""
    case = tight()
    pan = compile_pan(case.system, case.policy, product(case), tmp_path)
    found = [(plain(case.system, policy), pan.run(policy, timeout=100)) for policy in some_policies(case, 6)]
    for expected, run in found:
        agrees(run, expected)
    assert any(expected.limits for expected, _ in found)


def test_a_product_is_searched_at_once(tmp_path):
    """All policies in one run: the sum of their states, and each event that one of them saw."""
    case = find("aio+late")
    vary = product(case, "redirty", "protect")
    pan = compile_pan(case.system, case.policy, vary, tmp_path)
    policies = [{**case.policy, "redirty": r, "protect": p} for r in vary["redirty"] for p in vary["protect"]]
    agrees(pan.run(), *(plain(case.system, p) for p in policies))


def test_part_of_a_product(tmp_path):
    """A policy may leave features open, and `vary` values out; what was not compiled is refused."""
    case = find("crash")
    vary = {"fork": ("always", "never"), "redirty": ("no", "yes")}
    pan = compile_pan(case.system, case.policy, vary, tmp_path)
    both = [plain(case.system, {**case.policy, "fork": "always", "redirty": r}) for r in vary["redirty"]]
    agrees(pan.run({"fork": "always"}), *both)
    for other in ({"fork": "unless_refs"}, {"bounce": next(v for v in FEATURES["bounce"].values if v != "no")}):
        with pytest.raises(UserError, match="compiled without"):
            pan.run(other)


def test_breadth_first_has_the_depth_of_everything(tmp_path):
    """Of the last layer, and of the first violation by a state and by a step; with a choice of policies and without."""
    made, vary = locks(), {f.id: tuple(f.values) for f in LOCKS}
    base = {f: values[0] for f, values in vary.items()}
    pan, seen = compile_pan(made, base, vary, tmp_path, BREADTH_FIRST), set()
    for lock in vary["lock"]:
        for keep in vary["keep"]:
            policy = {**base, "lock": lock, "keep": keep}
            found, run = plain(made, policy), pan.run(policy)
            agrees(run, found)
            assert (run.depth, run.first) == (found.depth, found.first)
            seen |= set(found.first.items())
    found, run = plain(made, base), spin(made, base, flags=BREADTH_FIRST)
    assert (run.depth, run.first) == (found.depth, found.first)
    assert len(seen) > 2


# ---- small systems: what the printer must get right ------------------------------------------------------
def test_a_world_with_everything(tmp_path):
    """Arrays, limits, marks, checks, halting, policies that give up or retry: every policy of a small world."""
    made, vary = locks(), {f.id: tuple(f.values) for f in LOCKS}
    base = {f: values[0] for f, values in vary.items()}
    pan, found = compile_pan(made, base, vary, tmp_path), []
    for lock in vary["lock"]:
        for order in vary["order"]:
            for keep in vary["keep"]:
                policy = {**base, "lock": lock, "order": order, "keep": keep}
                found.append(plain(made, policy))
                agrees(pan.run(policy), found[-1])
    agrees(pan.run({"colour": "red"}), *found)


def system(*rules, features=FEATURES, **fields):
    return build(World({name: Field(name, axes, hi) for name, (axes, hi) in fields.items()}), rules, features)


@rule(kernel="none")
def swap(s, policy):
    s.require(s.a[0] < 3)
    s.a[0], s.a[1], s.a[2] = s.a[1] + 1, s.a[2], s.a[0]


@rule(kernel="none")
def follows(s, policy):
    s.require(s.a[0] < 3, s.i < 2)
    i, most = s.i, s.a[0] + s.i
    s.i = i + 1
    s.a[i + 1] = s.a[i] + 1
    s.a[i] = most
    s.a[0] = 1


@pytest.mark.parametrize("moves", [swap, follows])
def test_writes_happen_at_once(moves):
    """Every write sees the state before the step, in a ring and as an index too; of two to a cell the last counts."""
    made = system(moves, a=(((0, 1, 2),), 9), i=((), 2))
    assert "kept_0" in promela(made, TUX3)
    agrees(spin(made, TUX3), plain(made, TUX3))


@rule(kernel="none")
def grows(s, policy):
    s.require(s.n < 4)
    s.n = s.n + 1


def test_a_value_outside_its_range_is_an_error():
    with pytest.raises(ModelError, match="assertion"):
        spin(system(grows, n=((), 3)), TUX3)


@rule(kernel="none")
def reads_far(s, policy):
    s.require(s.n < 3, s.a[s.n] == 0)
    s.n = s.n + 1


def test_an_index_outside_its_array_is_an_error():
    with pytest.raises(ModelError, match="invalid array index"):
        spin(system(reads_far, n=((), 3), a=(((0, 1),), 1)), TUX3)


@rule(kernel="none")
def has_far(s, policy):
    s.require(has(s.n, s.n))
    s.n = 0


@rule(kernel="none")
def shifts_far(s, policy):
    s.require(s.n < 3)
    s.n = bit(s.n)


@pytest.mark.parametrize("far", [has_far, shifts_far])
def test_a_number_wider_than_promelas_is_refused(far):
    """Rather than printed and computed wrong."""
    with pytest.raises(ModelError, match="Promela's numbers end"):
        promela(system(far, n=((), 40)), TUX3)
    with pytest.raises(ModelError, match="field m reaches"):
        promela(system(grows, n=((), 5), m=((), 2**31)), TUX3)


@rule(kernel="none")
def turns(s, policy):
    s.require(s.byte == 0, policy.fork == "always")
    s.byte = const(1)


def test_names_of_promela_are_avoided():
    made = system(turns, byte=((), 1), f_fork=((), 1), kept_0=((), 1))
    assert spin(made, TUX3).states == 2
    assert spin(made, {**TUX3, "fork": "never"}).states == 1
    assert spin(made, TUX3, {"fork": tuple(FEATURES["fork"].values)}).states == len(FEATURES["fork"].values) + 1


PAIR = Features(
    [Feature(f, "", "-", {"none": "", "some": "", "all": ""}) for f in ("left", "right")],
    [
        Constraint({"left": ("all",), "right": ("some", "all")}, "too much"),
        Constraint({"left": ("none",), "right": ("none",)}, ""),
    ],
)


@rule(kernel="none")
def mixes(s, policy):
    s.require(s.n < 3, (policy.left == "none") | (policy.right != "some") & (s.n < 2))
    s.n = s.n + 1


@rule(kernel="none")
def looks(s, policy):
    s.require(s.n == 1)
    s.mark("here", policy.left.one_of("some", "all"))
    s.limit("there", (policy.right == "all") & (s.n == 1))
    s.n = 2


def test_excluded_combinations_are_left_out(tmp_path):
    """What a constraint rules out has no states; the other policies have theirs, features in marks and limits too."""
    made, vary = system(mixes, looks, features=PAIR, n=((), 3)), {f.id: tuple(f.values) for f in PAIR}
    base = {"left": "some", "right": "some"}
    pan = compile_pan(made, base, vary, tmp_path)
    every = [{"left": a, "right": b} for a in vary["left"] for b in vary["right"]]
    allowed = [p for p in every if PAIR.why_not(p) is None]
    assert len(allowed) == 6
    agrees(pan.run(), *(plain(made, p) for p in allowed))
    for p in every:
        agrees(pan.run(p), *([plain(made, p)] if p in allowed else []))


def test_wrong_words_are_answered():
    made = system(turns, byte=((), 1))
    with pytest.raises(UserError, match="no feature 'frok'; did you mean fork"):
        promela(made, TUX3, {"frok": ("always",)})
    with pytest.raises(UserError, match="no value 'alwys'; did you mean always"):
        promela(made, TUX3, {"fork": ("alwys",)})
    with pytest.raises(UserError, match="says nothing about"):
        promela(made, {"fork": "always"})


def test_a_missing_tool_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SpinError, match="spin is not installed"):
        spin(system(turns, byte=((), 1)), TUX3)
