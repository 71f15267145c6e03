"""Compiled exploration gives the scalar engine's answers, for every case, policy by policy."""

import os
import time

import pytest

from tests.engine.compare import runs_are_real, same_as_reference
from tests.engine.random_exprs import Maker
from tests.engine.worlds import NO_FEATURES, all_locks, alone, locks
from tests.sampling import by_policy, sampled_family
from tux3nb.backend import c_library
from tux3nb.backend.c_text import c_source
from tux3nb.backend.compiled import Engine, explore_compiled
from tux3nb.cases import catalogue, find
from tux3nb.errors import ModelError
from tux3nb.exploration import Limits
from tux3nb.explore import explore, judge_progress, replay, shortest_run
from tux3nb.layout import Field
from tux3nb.model.features import FEATURES, TUX3
from tux3nb.policy import Family, bits
from tux3nb.rule import rule
from tux3nb.system import Property, World, build

ONE = Family(FEATURES, TUX3)
TWO = Family(FEATURES, TUX3, {"fork": ("always", "never")})


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """A cache of this run's own, shared by its tests."""
    if c_library.compiler() is None:
        pytest.skip("no C compiler")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def both(system, family, **options):
    runs = explore(system, family, engine="scalar", **options), explore_compiled(system, family, **options)
    for run in runs:
        for p in system.properties:
            if p.needs_graph:
                assert judge_progress(run, p.id)
    return runs


def agree(scalar, fast):
    assert fast.stopped is None and fast.shared_states == scalar.shared_states
    for p in bits(scalar.depths[0]):
        assert by_policy(fast, p) == by_policy(scalar, p), scalar.family.policies[p]
    assert fast.arrivals == scalar.arrivals
    assert sorted(fast.edges) == sorted(scalar.edges)
    assert dict(fast.graph.stuck()) == dict(scalar.graph.stuck())


@pytest.mark.slow
@pytest.mark.parametrize("name", ("ptrace", "rdma"))
def test_some_cases(name):
    case = find(name)
    agree(*both(case.system, sampled_family(case, 40)))


@pytest.mark.slow
@pytest.mark.parametrize("name", catalogue())
def test_every_case(name):
    case = find(name)
    agree(*both(case.system, sampled_family(case, 64)))
    agree(*both(case.system, case.one(case.policy)))


@pytest.mark.slow
def test_more_policies_than_fit_a_word():
    case = find("ptrace")
    family = sampled_family(case, 400)
    assert len(family) > 64
    agree(*both(case.system, family))


def test_some_policies_of_a_family():
    case = find("ptrace")
    family = sampled_family(case, 40)
    scalar, fast = both(case.system, family, policies=0b101)
    agree(scalar, fast)
    assert fast.states(1) == 0 and fast.states(2) > 0


@pytest.mark.parametrize("threads", (1, 2))
def test_threads_change_nothing(threads):
    case = find("rdma")
    family = sampled_family(case, 40)
    runs = [explore_compiled(case.system, family, threads=n) for n in (1, threads)]
    for a, b in zip(runs[0].violations, runs[1].violations, strict=True):
        assert vars(a) == vars(b)
    assert runs[0].arrivals == runs[1].arrivals


def test_runs_are_shortest_and_real():
    case = find("ptrace")
    family = sampled_family(case, 40)
    scalar, fast = both(case.system, family)
    assert fast.violations
    for found in fast.violations:
        policy = (found.policies & -found.policies).bit_length() - 1
        path = shortest_run(fast, policy, found.state, found.step)
        assert len(path) == found.depth
        steps, states = [i for i, _ in path], [case.system.start, *(s for _, s in path)]
        assert replay(case.system, scalar.printed, policy, steps) == states


def test_the_reference_agrees():
    """Policies that race, give up, retry for ever or deadlock; a plain search of each policy is the judge."""
    made, family = locks(), all_locks()
    run = explore_compiled(made, family)
    for p in range(len(family)):
        same_as_reference(run, p)
        runs_are_real(run, p)


def test_expressions_mean_the_same_in_c():
    """Forty random guards, each tried in all states of a small world."""
    maker = Maker(7)
    tests = [t for t in (maker.truth(3) for _ in range(60)) if not t.is_const][:40]

    @rule(kernel="-", name=("x", "y", "flag", "cells"), value=range(7))
    def sets(s, policy, name, value):
        f = s.world.fields[name]
        s.require(value <= min(f.hi, 3), s.seen == 0)
        if f.axes:
            s.require(s.y < 3)
            s.cells[s.y] = value
        else:
            setattr(s, name, value)

    @rule(kernel="-", k=range(len(tests)))
    def tries(s, policy, k):
        s.require(s.seen == 0, s.y < 3, tests[k])
        s.mark(f"t{k}")
        s.seen = k + 1

    fields = {**maker.world.fields, "seen": Field("seen", (), len(tests))}
    start = {"y": 1, "cells[2]": 3}
    made = build(World(fields), (sets, tries), NO_FEATURES, start=start)
    agree(*both(made, alone(made)))


# ---- small systems ---------------------------------------------------------------------------------------
def system(*rules, properties=(), **fields):
    world = World({name: Field(name, axes, hi) for name, (axes, hi) in fields.items()})
    return build(world, rules, FEATURES, properties)


@rule(kernel="none")
def grows(s, policy):
    s.require(s.n < 4)
    s.n = s.n + 1


@rule(kernel="none")
def grows_if_forked(s, policy):
    s.require(s.n < 9, policy.fork == "always")
    s.ensure("P", s.n < 5, "too far")
    s.mark("moved", s.n > 2)
    s.limit("room", s.n == 7)
    s.n = s.n + 1


@rule(kernel="none")
def reads_far(s, policy):
    s.require(s.n < 3, s.a[s.n] == 0)
    s.n = s.n + 1


P = Property("P", "p", "p.", "moved", (("six", lambda s: s.n != 6),))


def test_a_value_outside_its_range_is_named():
    with pytest.raises(ModelError, match=r"grows.* writes n outside"):
        explore_compiled(system(grows, n=((), 3)), ONE)


def test_an_index_outside_its_array_is_named():
    with pytest.raises(ModelError, match=r"reads_far.* reads a outside"):
        explore_compiled(system(reads_far, n=((), 3), a=(((0, 1),), 1)), ONE)


def test_checks_clauses_marks_and_limits_by_policy():
    made = system(grows_if_forked, n=((), 9), properties=(P,))
    scalar, fast = both(made, TWO)
    agree(scalar, fast)
    always = [p["fork"] for p in TWO.policies].index("always")
    assert fast.first(always, "P").depth == 6 and fast.first(always, "P").step == 0
    assert fast.first(1 - always, "P") is None
    assert dict(fast.limits) == {"room": 1 << always} and dict(fast.reached) == {"moved": 1 << always}


@rule(kernel="none")
def wanders(s, policy):
    s.require(s.n < 250)
    s.n = s.n + 1


@rule(kernel="none")
def wanders_on(s, policy):
    s.require(s.m < 250)
    s.m = s.m + 1


def test_limits_end_a_run():
    made = system(wanders, wanders_on, n=((), 255), m=((), 255))
    run = explore_compiled(made, ONE, Limits(states=100))
    assert run.stopped == "states 100" and 100 < run.shared_states < 500
    assert judge_progress(run, "I7") is False
    assert explore_compiled(made, ONE, Limits(memory=1)).stopped == "memory 1"
    assert explore_compiled(made, ONE, Limits(seconds=0)).stopped == "seconds 0"
    assert explore_compiled(made, ONE).stopped is None


def test_interrupting_keeps_what_was_covered():
    made = system(wanders, wanders_on, n=((), 255), m=((), 255))

    def interrupt(layer, *_):
        if layer == 5:
            raise KeyboardInterrupt

    run = explore_compiled(made, ONE, progress=interrupt)
    scalar = explore(made, ONE, progress=interrupt, engine="scalar")
    assert run.stopped == scalar.stopped == "interrupted"
    assert run.shared_states == scalar.shared_states and run.depths == scalar.depths


# ---- the compiler and its cache --------------------------------------------------------------------------
def test_no_compiler_is_no_error(monkeypatch):
    monkeypatch.setenv("TUX3NB_CC", "")
    assert explore_compiled(system(grows, n=((), 7)), ONE) is None


def test_a_failing_compiler_is_no_error(monkeypatch):
    monkeypatch.setenv("TUX3NB_CC", "false")
    assert explore_compiled(system(grows, n=((), 7)), ONE) is None


def test_a_library_is_built_once_and_in_the_background(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made = system(grows, n=((), 7))
    assert explore_compiled(made, ONE, wait=False) is None
    text = c_source(made).text
    end = time.monotonic() + 60
    while c_library.library(text, 1, wait=False) is None and time.monotonic() < end:
        time.sleep(0.05)
    kept = list(c_library.cache_folder().iterdir())
    assert [p.suffix for p in kept] == [".so"]
    run = explore_compiled(made, ONE, wait=False)
    assert run.shared_states == 5
    assert Engine.of(system(grows, n=((), 7)), TWO).words == 1
    assert len(list(c_library.cache_folder().iterdir())) == 1


def test_the_text_is_the_same_for_every_family():
    case = find("ptrace")
    assert c_source(case.system).text == c_source(case.system).text
    assert len(c_source(case.system).tables(ONE)) == len(c_source(case.system).rows)


def test_what_a_killed_build_left_goes_and_a_running_one_stays(tmp_path):
    old, new = tmp_path / "tmpold", tmp_path / "tmpnew"
    for folder in (old, new):
        folder.mkdir()
    os.utime(old, (0, 0))
    c_library._tidy(tmp_path)
    assert new.exists() and not old.exists()
