"""The exploration: known counts, and a plain search of every policy by itself."""

import random

import pytest

from tux3nb.answers.worlds import recorded_worlds
from tux3nb.catalogue import catalogue
from tux3nb.engine.compile import Compiled
from tux3nb.engine.explore import explore
from tux3nb.engine.result import Limits
from tux3nb.engine.runs import judge_progress

from ..sampling import sampled_family, some_policies
from .compare import runs_are_real, same_answers, same_as_reference
from .worlds import POLICIES, all_locks, alone, increments, locks, whole_locks

ENGINES = ("python", "numpy")
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

    assert (run.states(1), run.edge_count(1), run.depth(1)) == (states, edges, depth)


@pytest.mark.parametrize("family", [all_locks, whole_locks])
@pytest.mark.parametrize("engine", [*ENGINES, "auto"])
def test_every_policy_has_the_answers_of_a_search_of_its_own(engine, family):
    """One exploration of a family tells each policy what a plain search of that policy alone finds."""
    run = explore(LOCKS_WORLD, family(), engine=engine)

    for policy in POLICIES:
        if policy["colour"] == "red":  # nothing reads it
            same_as_reference(run, policy)
            runs_are_real(run, policy)


def test_edges_that_are_kept_are_those_that_are_found_again():
    """A search by layers keeps none and expands every state anew; the policies of each edge are the same."""
    told = []
    for engine in ENGINES:
        run, edges = explore(LOCKS_WORLD, whole_locks(), engine=engine), {}
        for *edge, k in run.graph.edges:
            edges[*edge,] = run.numbers.union[edges.get((*edge,), 0)][k]
        told.append({edge: run.numbers.sets[k] for edge, k in edges.items()})
    assert told[0] == told[1] != {}


def test_the_lock_world_shows_every_kind_of_answer():
    """The system of these tests violates, holds, is limited, gets stuck and halts, each under some policies only."""
    run = explore(LOCKS_WORLD, whole_locks())
    judge_progress(run, "progress")

    for prop in ("exclusive", "own", "progress"):
        assert 0 < run.violated(prop).count() < len(run.family) == 24, prop
    assert run.unfinished() and run.passed(["retried"]) and ~run.passed(["retried"])
    fired = [run.never_fired(run.number(p)) for p in POLICIES]
    assert any("breaks" not in names and names for names in fired)


# The smallest case of every family; tests/promela/test_second_opinions.py asks every case.
STATES = {name: world.states for name, world in recorded_worlds().items()}  # a new case may have no record yet
LARGEST_FIRST = sorted(catalogue().values(), key=lambda case: STATES.get(case.name, 10**9), reverse=True)
SMALLEST = {case.family: case for case in LARGEST_FIRST}.values()


@pytest.mark.parametrize("case", SMALLEST, ids=lambda case: case.name)
def test_a_case_agrees_with_the_reference(case):
    """Of random policies of a shipped case's whole product, the smallest world has the reference's answers."""
    policies = some_policies(case, 8)
    run = explore(case.system, sampled_family(case, 8))

    same_as_reference(run, min(policies, key=lambda p: run.states(run.number(p))))


@pytest.mark.slow
@pytest.mark.parametrize("case", catalogue().values(), ids=lambda case: case.name)
def test_the_engines_agree_on_a_case(case):
    """A layer at a time finds for a case's whole product what a state at a time finds, up to a bound."""
    found = [explore(case.system, case.product(), Limits(states=3_000), engine=engine) for engine in ENGINES]

    same_answers(*found)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rdma", "ptrace"])
def test_the_engines_agree_to_the_end(name):
    """They also agree where layers are long, on hundreds of thousands of policies, and on progress there."""
    case = catalogue()[name]
    found = [explore(case.system, case.product(), engine=engine) for engine in ENGINES]

    same_answers(*found)
    for policy in some_policies(case, 5):
        runs_are_real(found[1], policy)


@pytest.mark.parametrize("case", ["crash", "aio+writeout", "uprobes+read_fault", "migration+orphan"])
def test_what_is_looked_up_holds_for_every_state_that_looks_the_same(case):
    """Asked in another order, so that each entry is computed from another state, steps and verdicts are the same."""
    case = catalogue()[case]
    family = sampled_family(case, 6)
    run = explore(case.system, family, Limits(states=1_500), engine="python")
    other, states = Compiled(case.system, family), list(run.graph.seen.items())
    for state, k in random.Random(3).sample(states, len(states)):
        known, new = [], []
        run.compiled.expand(state, k, known)
        other.expand(state, other.numbers.number(run.numbers[k]), new)

        steps = [
            [(i, after, compiled.numbers[k]) for i, after, k in found if i >= 0]
            for compiled, found in ((run.compiled, known), (other, new))
        ]
        assert steps[0] == steps[1]
        assert run.compiled.judge(state) == other.judge(state)
