"""The exploration: known counts, and a plain search of every policy by itself."""

import random

import pytest

from tux3nb.catalogue import catalogue
from tux3nb.engine.compile import print_system
from tux3nb.engine.explore import Limits, explore, judge_progress
from tux3nb.engine.policy import Family

from ..sampling import sampled_family
from .compare import runs_are_real, same_answers, same_as_reference
from .worlds import all_locks, alone, increments, locks

ENGINES = ("scalar", "frontier")
LOCKS_WORLD = locks()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("threads", "times", "states", "edges", "depth"),
    [
        (3, 2, 904, 1_977, 12),
        (3, 3, 7_646, 18_843, 18),
        pytest.param(4, 3, 361_775, 1_225_956, 24, marks=pytest.mark.slow),
    ],
)
def test_increments_have_their_known_counts(engine, threads, times, states, edges, depth):
    """States, edges and depth of the non-atomic increment are those that three other programs found."""
    system = increments(threads, times)

    run = explore(system, alone(system), engine=engine)

    assert (run.states(0), run.edge_count(0), run.depth(0)) == (states, edges, depth)


@pytest.mark.parametrize("engine", [*ENGINES, "auto"])
def test_every_policy_has_the_answers_of_a_search_of_its_own(engine):
    """One exploration of a family tells each policy what a plain search of that policy alone finds."""
    run = explore(LOCKS_WORLD, all_locks(), engine=engine)

    reds = [i for i, p in enumerate(run.family.policies) if p["colour"] == "red"]
    assert len(run.family) == 2 * len(reds) == 24
    for i in reds:
        same_as_reference(run, i)
        runs_are_real(run, i)


def test_the_lock_world_shows_every_kind_of_answer():
    """The system of these tests violates, holds, is limited, gets stuck and halts, each under some policies only."""
    run = explore(LOCKS_WORLD, all_locks())
    judge_progress(run, "progress")

    for prop in ("exclusive", "own", "progress"):
        violated = [run.first(i, prop) is not None for i in range(len(run.family))]
        assert any(violated) and not all(violated), prop
    assert 0 < run.limits["value"] and 0 < run.reached["retried"] < run.family.all
    assert any("breaks" not in run.never_fired(i) and run.never_fired(i) for i in range(len(run.family)))


def one_of_each_family() -> list:
    """The first case of every family for the default run, the others marked slow."""
    found, families = [], set()
    for case in catalogue().values():
        found.append(pytest.param(case, id=case.name, marks=[pytest.mark.slow] if case.family in families else []))
        families.add(case.family)
    return found


@pytest.mark.parametrize("case", one_of_each_family())
def test_a_case_agrees_with_the_reference(case):
    """Of a seeded sample of a shipped case's policies, the one with the smallest world has the reference's answers."""
    family = some_policies(case, 8)
    run = explore(case.system, family, Limits(states=2_000))
    if run.stopped:
        pytest.skip("its world is too large for the plain search; there the engines are compared with each other")

    same_as_reference(run, min(range(len(family)), key=run.states))


@pytest.mark.slow
@pytest.mark.parametrize("case", one_of_each_family())
def test_the_engines_agree_on_a_case(case):
    """A frontier at a time finds for a seeded sample of a case's family what a state at a time finds."""
    family = some_policies(case, 6)
    limits = Limits(states=1_000)

    scalar, frontier = (explore(case.system, family, limits, engine=engine) for engine in ENGINES)

    same_answers(scalar, frontier)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rdma", "ptrace"])
def test_the_engines_agree_to_the_end(name):
    """They also agree where layers are long, on a family of hundreds, and on progress there."""
    case = catalogue()[name]
    family = sampled_family(case, 300)

    scalar, frontier = (explore(case.system, family, engine=engine) for engine in ENGINES)

    same_answers(scalar, frontier)
    for i in random.Random(name).sample(range(len(family)), 5):
        runs_are_real(frontier, i)


def some_policies(case, most: int) -> Family:
    """Policies that differ from the case's in some features that it reads, and make sense; its own comes first."""
    features, rng = case.system.features, random.Random(case.name)
    found = [case.policy]
    while len(found) < most:
        changes = {f: rng.choice(tuple(features[f].values)) for f in rng.sample(sorted(case.features_read), 3)}
        policy = features.policy({**case.policy, **changes})
        if features.why_not(policy) is None:
            found.append(policy)
    return Family.listed(features, found)


@pytest.mark.parametrize("case", ["crash", "aio+writeout", "uprobes+read_fault", "migration+orphan"])
def test_what_is_looked_up_holds_for_every_state_that_looks_the_same(case):
    """Asked in another order, so that each entry is computed from another state, steps and verdicts are the same."""
    case = catalogue()[case]
    family = some_policies(case, 6)
    run = explore(case.system, family, Limits(states=1_500), engine="scalar")
    other, states = print_system(case.system, family), list(run.graph.seen.items())
    for state, mask in random.Random(3).sample(states, len(states)):
        known, new = [], []
        run.printed.expand(state, mask, known)
        other.expand(state, mask, new)

        assert known == new
        assert run.printed.judge(state) == other.judge(state)
