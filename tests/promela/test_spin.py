"""SPIN, on the rules printed as Promela, agrees with our explorations: stored states, steps, verdicts, events."""

import os
import random

import pytest

from tests.engine.worlds import all_locks, locks
from tests.sampling import names, sampled_family
from tux3nb.catalogue import catalogue, find
from tux3nb.engine.explore import explore
from tux3nb.engine.fields import Field
from tux3nb.engine.policy import Family
from tux3nb.engine.promela import CHECKED, SpinError, compile_pan, missing, promela, spin
from tux3nb.engine.rule import rule
from tux3nb.engine.system import World, build
from tux3nb.engine.terms import const
from tux3nb.errors import ModelError, UserError
from tux3nb.model.features import FEATURES, TUX3

SMALL = ("ptrace", "rdma", pytest.param("ordinary+two_pages", marks=pytest.mark.slow))

EVERY = os.environ.get("TUX3NB_EVERY_CASE") == "1"


def some_cases(count):
    """A seeded sample of the cases, all of them with TUX3NB_EVERY_CASE=1: compiling for SPIN takes seconds a case."""
    names = sorted(catalogue())
    return names if EVERY else random.Random(count).sample(names, count)


@pytest.fixture(autouse=True)
def spin_is_here():
    reason = missing()
    if reason and os.environ.get("TUX3NB_REQUIRE_SPIN") == "1":
        pytest.fail(reason)
    elif reason:
        pytest.skip(reason)


def agrees(found, i, run, policy):
    """Row `i` of what SPIN found is what `run` says of `policy`; progress is no property that SPIN is asked for."""
    violated = {v.property for v in run.violations if v.policies >> policy & 1}
    assert found.broken[i] == violated
    assert found.reached[i] == names(run.reached, policy)
    assert found.limits[i] == names(run.limits, policy)
    assert found.fired[i] == names(run.fired, policy)


def whole_family_agrees(case, folder, sample, most):
    """One run for all policies of a sampled family, then one for each of `sample` of them."""
    family = sampled_family(case, most)
    run = explore(case.system, family)
    pan = compile_pan(case.system, family, folder)
    everyone = range(len(family))
    found = pan.run()
    assert found.states == sum(map(run.states, everyone))
    assert found.transitions == sum(map(run.edge_count, everyone))
    for p in everyone:
        agrees(found, p, run, p)
    for p in sorted(random.Random(case.name).sample(everyone, min(sample, len(family)))):
        alone = pan.run(p)
        assert (alone.states, alone.transitions) == (run.states(p), run.edge_count(p)), family.policies[p]
        agrees(alone, p, run, p)


def test_a_world_with_everything(tmp_path):
    """Arrays, limits, marks, checks, halting, policies that give up or retry: every policy of a small world."""
    made, family = locks(), all_locks()
    run, pan = explore(made, family), compile_pan(made, family, tmp_path)
    for p in range(len(family)):
        found = pan.run(p)
        assert (found.states, found.transitions) == (run.states(p), run.edge_count(p))
        agrees(found, p, run, p)


@pytest.mark.parametrize("name", SMALL)
def test_a_sample_of_policies(name, tmp_path):
    whole_family_agrees(find(name), tmp_path, 4, 30)


@pytest.mark.slow
@pytest.mark.parametrize("name", some_cases(6))
def test_every_case(name, tmp_path):
    whole_family_agrees(find(name), tmp_path, 12, 100)


@pytest.mark.slow
@pytest.mark.skipif(not EVERY, reason="takes minutes: set TUX3NB_EVERY_CASE=1")
def test_every_policy_of_a_small_case(tmp_path):
    whole_family_agrees(find("ptrace"), tmp_path, 10_000, 1_000)


@pytest.mark.slow
@pytest.mark.parametrize("name", some_cases(12))
def test_one_policy_breadth_first(name):
    """With its features folded away, the same states, and the same depth as ours."""
    case = find(name)
    family = case.one(case.policy)
    run = explore(case.system, family)
    found = spin(case.system, family, 0, flags=(*CHECKED, "-DBFS"))
    assert (found.states, found.transitions, found.depth) == (run.states(0), run.edge_count(0), run.depth(0))
    agrees(found, 0, run, 0)


# ---- small systems: what the printer must get right ------------------------------------------------------
ONE = Family(FEATURES, TUX3)


def system(*rules, **fields):
    return build(World({name: Field(name, axes, hi) for name, (axes, hi) in fields.items()}), rules, FEATURES)


@rule(kernel="none")
def swap(s, policy):
    s.require(s.a[0] < 3)
    s.a[0], s.a[1], s.a[2] = s.a[1] + 1, s.a[2], s.a[0]


def test_writes_happen_at_once():
    """Every write sees the state before the step, also where the writes form a ring."""
    made = system(swap, a=(((0, 1, 2),), 9))
    assert "kept_0" in promela(made, ONE)
    run, found = explore(made, ONE), spin(made, ONE)
    assert (found.states, found.transitions) == (run.states(0), run.edge_count(0))


@rule(kernel="none")
def grows(s, policy):
    s.require(s.n < 4)
    s.n = s.n + 1


def test_a_value_outside_its_range_is_an_error():
    with pytest.raises(ModelError, match="assertion"):
        spin(system(grows, n=((), 3)), ONE)


@rule(kernel="none")
def reads_far(s, policy):
    s.require(s.n < 3, s.a[s.n] == 0)
    s.n = s.n + 1


def test_an_index_outside_its_array_is_an_error():
    with pytest.raises(ModelError, match="invalid array index"):
        spin(system(reads_far, n=((), 3), a=(((0, 1),), 1)), ONE)


@rule(kernel="none")
def turns(s, policy):
    s.require(s.byte == 0, policy.fork == "always")
    s.byte = const(1)


def test_names_of_promela_are_avoided():
    made = system(turns, byte=((), 1))
    assert spin(made, ONE).states == 2
    never = Family(FEATURES, {**TUX3, "fork": "never"})
    assert spin(made, never).states == 1


def test_breadth_first_is_for_one_policy():
    made = system(turns, byte=((), 1))
    with pytest.raises(UserError, match="breadth first"):
        promela(made, Family(FEATURES, TUX3, {"fork": ("always", "never")}), breadth_first=True)


def test_a_missing_tool_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SpinError, match="spin is not installed"):
        spin(system(turns, byte=((), 1)), ONE)
