"""Runs, progress, and what ends an exploration early."""

import time

import pytest

from tux3nb.engine.explore import explore
from tux3nb.engine.fields import Field
from tux3nb.engine.result import Limits
from tux3nb.engine.rule import rule
from tux3nb.engine.runs import covers, judge_progress, possible_for, replay, shortest_run
from tux3nb.engine.system import Property, build
from tux3nb.engine.terms import some
from tux3nb.errors import ModelError, UserError

from .worlds import LOCKS, NO_FEATURES, POLICIES, all_locks, alone, increments, locks, whole_locks, world

ENGINES = ("python", "numpy")
LOCKS_WORLD = locks()


def graph(edges, settled=(), release=(), limited=(), halted=()):
    """A system that walks a hand-made graph from node 0."""
    rules = []
    for n, (a, b) in enumerate(edges):

        def step(s, policy, a=a, b=b, cut=(a, b) in limited):
            s.require(s.at == a)
            s.limit("small", s.at == (a if cut else 31))
            s.at = b

        step.__name__ = f"step_{n}_{a}_{b}"
        rules.append(rule(kernel="-", release=(a, b) in release)(step))

    progress = Property("progress", "", "", "", needs_graph=True)
    w = world(Field("at", (), 31))
    return build(w, rules, NO_FEATURES, (progress,), None, among(halted), among(settled))


def among(nodes):
    return lambda s: some(s.at == n for n in nodes) | (s.at == 31)  # node 31 is never reached


def stuck_nodes(system, engine):
    """{node: depth of the first stuck one} as (set of nodes, depth of the violation)."""
    run = explore(system, alone(system), engine=engine)
    nodes = {system.layout.unpack(s)[0] for s, _ in run.graph.stuck()}
    assert judge_progress(run, "progress")
    first = run.first(1, "progress")
    return nodes, first and first.depth


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("system", "nodes", "depth"),
    [
        (graph([(0, 1), (1, 2), (2, 1), (1, 3)], settled=[3]), set(), None),  # a loop with a way out
        (graph([(0, 1), (1, 2), (2, 1)], settled=[0]), {1, 2}, 1),  # a loop without one
        (graph([(0, 1), (1, 2), (0, 3), (3, 4)], settled=[2]), {3, 4}, 1),  # an end that is not settled
        (graph([(0, 1), (1, 2)], settled=[2], release=[(1, 2)]), {0, 1}, 0),  # only a release leads on
        (graph([(0, 1), (1, 2), (1, 3), (3, 2)], settled=[2], release=[(1, 2)]), set(), None),  # another way round
        (graph([(0, 1), (1, 2), (2, 1)], halted=[2]), set(), None),  # a halted state is judged elsewhere
        (graph([(0, 1), (1, 2), (0, 3)], limited=[(1, 2)], settled=[3]), set(), None),  # behind a limit: anything
    ],
)
def test_progress_on_hand_made_graphs(system, nodes, depth, engine):
    """Stuck is a state from which no path without a release leads to a settled one; retries make loops."""
    assert stuck_nodes(system, engine) == (nodes, depth)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_is_shortest_and_can_be_replayed(engine):
    """A run to a state has as many steps as its layer, and replaying its steps gives its states."""
    run = explore(LOCKS_WORLD, all_locks(), engine=engine)
    for policy in (run.number(POLICIES[n]) for n in (0, 5, 23)):
        deepest = max(run.graph.arrivals, key=lambda s, p=policy: run.graph.arrival(p, s))
        path = shortest_run(run, policy, deepest)

        assert len(path) == run.graph.arrival(policy, deepest) == run.depth(policy)
        states = replay(run.compiled, policy, [step for step, _ in path])
        assert states == [run.system.start, *(s for _, s in path)]
        assert path == shortest_run(run, policy, deepest)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_impossible_run_is_named(engine):
    """Replaying a step that is not possible names it; a state that a policy never reaches has no run."""
    run = explore(LOCKS_WORLD, all_locks(), engine=engine)
    steps = [step.name for step in run.system.steps]

    with pytest.raises(ModelError, match=r"step 2, pick\(a, 0\), is not possible there"):
        replay(run.compiled, 1, [steps.index("pick(a, 0)")] * 2)
    with pytest.raises(ModelError, match="never reaches"):
        shortest_run(run, run.number(POLICIES[0]), run.system.layout.pack({"oops": 1}))
    assert run.graph.arrival(1, run.system.layout.pack({"oops": 1})) == -1


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("limits", "says"),
    [(Limits(states=500), "states 500"), (Limits(seconds=0), "seconds 0"), (Limits(memory=1), "memory 1")],
)
def test_limits_end_a_run_as_unfinished(limits, says, engine):
    """A limit ends the run, says which it was, keeps what was covered, and leaves progress unjudged."""
    system = graph([(n, n + 1) for n in range(30)]) if limits.states is None else increments(3, 3)
    run = explore(system, alone(system), limits, engine=engine)

    assert run.stopped == says
    assert run.states(1) > 0 and run.shared_states > 0
    assert not judge_progress(run, "progress") and "progress" not in run.judged
    assert run.first(1, "progress") is None


@pytest.mark.parametrize("engine", ENGINES)
def test_a_limit_that_is_not_hit_changes_nothing(engine):
    """A run within its limits is finished, even when the last layer reaches the limit."""
    system = increments(3, 2)
    run = explore(system, alone(system), Limits(states=904, seconds=600, memory=1 << 50), engine=engine)

    assert run.stopped is None and run.states(1) == 904


@pytest.mark.parametrize("engine", ENGINES)
def test_interrupting_keeps_what_was_covered(engine):
    """Ctrl-C ends the run as unfinished; its counts are those of the layers before."""
    system, layers = increments(3, 3), []

    def progress(layer, frontier, states, rate):
        layers.append((layer, frontier, states))
        if layer == 6:
            raise KeyboardInterrupt

    run = explore(system, alone(system), progress=progress, engine=engine)

    assert run.stopped == "interrupted" and len(layers) == 6
    assert len(run.depths) == 6 and run.states(1) + layers[-1][1] == run.shared_states == layers[-1][2]


@pytest.mark.parametrize("engine", ENGINES)
def test_progress_is_told_layer_by_layer(engine):
    """The callback hears the number of layers done, the next frontier, all states and the states per second."""
    system, calls = increments(3, 2), []
    begin = time.monotonic()
    explore(system, alone(system), progress=lambda *args: calls.append(args), engine=engine)

    assert [c[0] for c in calls] == list(range(1, 14))
    assert calls[-1][1] == 0 and calls[-1][2] == 904
    assert calls[-1][3] * (time.monotonic() - begin) >= 904


@pytest.mark.parametrize("engine", ENGINES)
def test_a_violation_names_a_state_that_its_policies_reach(engine):
    """Policies that fail in different states of one layer are each given their own state."""

    def goes(s, policy, value, n):
        s.require(s.at == 0, policy.lock == value)
        s.at = n

    rules = [rule(kernel="-", value=(value,), n=(n,))(goes) for n, value in enumerate(("none", "spin", "try"), 1)]
    small = Property("small", "", "", "", (("", lambda s: s.at < 1),))
    system = build(world(Field("at", (), 31)), rules, LOCKS, (small,))
    run = explore(system, all_locks(), engine=engine)

    for policy in POLICIES:
        (at,) = system.layout.unpack(run.first(run.number(policy), "small").state)
        assert at == 1 + ["none", "spin", "try"].index(policy["lock"])


def test_a_shallower_violation_is_kept_beside_a_deeper_one():
    """The first violation is the shallowest, in whatever order they are found; deeper ones are not collected."""
    run = explore(LOCKS_WORLD, all_locks())
    first, second = (run.number(p) for p in POLICIES[:2])
    both = run.numbers.union[first][second]
    run.violate("p", "deep", 7, 1, both)
    run.violate("p", "again", 8, 2, both)
    run.violate("p", "shallow", 5, 3, first)

    assert (run.first(first, "p").reason, run.first(second, "p").reason) == ("shallow", "deep")
    assert [v.reason for v in run.violations if v.property == "p"] == ["deep", "shallow"]


@pytest.mark.parametrize("engine", ENGINES)
def test_covers_serve_every_policy_that_violates_with_its_own_shortest_run(engine):
    """Each run of a cover is possible for its policies and as short as theirs; together they are all that violate."""
    run = explore(LOCKS_WORLD, whole_locks(), engine=engine)
    judge_progress(run, "progress")
    for prop in ("exclusive", "own", "small", "progress"):
        served = run.family.none
        for found, path, policies in covers(run, prop):
            assert policies and len(path) == found.depth
            assert not policies & ~run.numbers[possible_for(run.compiled, [i for i, _ in path])]
            assert {run.first(run.number(p), prop).depth for p in policies.policies()} == {found.depth}
            served |= policies
        assert served == run.violated(prop)


def test_an_unknown_engine_is_named():
    """The engine's name is checked, too."""
    system = increments(2, 1)

    with pytest.raises(UserError, match="no engine 'pyhton'; did you mean python"):
        explore(system, alone(system), engine="pyhton")


@pytest.mark.parametrize("engine", ENGINES)
def test_some_policies_of_a_family(engine):
    """Exploring for a subset of a family gives these policies their answers and the others nothing."""
    system, family = LOCKS_WORLD, whole_locks()
    some = family.single(POLICIES[1]) | family.single(POLICIES[5])
    whole, part = explore(system, family), explore(system, family, policies=some, engine=engine)

    for policy in (POLICIES[1], POLICIES[5]):
        i, k = part.number(policy), whole.number(policy)
        assert part.states(i) == whole.states(k) and part.edge_count(i) == whole.edge_count(k)
    assert part.states(part.number(POLICIES[0])) == 0 and part.passed(["picked"]) == some
