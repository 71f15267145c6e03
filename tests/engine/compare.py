"""Comparing an exploration with the reference, policy by policy."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

from tests.oracles.reference import Found, Reference
from tux3nb.engine.result import Exploration
from tux3nb.engine.runs import judge_progress, run_of


def reference(system, policy: dict) -> tuple[Reference, Found, set]:
    """The reference, what it finds and what is stuck; searched once for all engines."""
    return _searched(system, tuple(policy.items()))


@lru_cache(100)
def _searched(system, policy: tuple) -> tuple[Reference, Found, set]:
    one = Reference(system, dict(policy))
    found = one.search()
    return one, found, one.stuck(found)


def same_as_reference(run: Exploration, policy: dict):
    """Everything that `run` says about a policy is what a search of its own finds."""
    system, i = run.system, run.number(policy)
    _, found, left = reference(system, policy)
    assert (run.states(i), run.edge_count(i), run.depth(i)) == (len(found.arrival), len(found.edges), found.depth)
    for p in system.properties:
        if not p.needs_graph:
            first = run.first(i, p.id)
            assert (first and first.depth) == found.first.get(p.id), (p.id, policy)
    assert {name for name, k in run.reached.items() if run.has(k, i)} == found.reached
    assert {name for name, k in run.limits.items() if run.has(k, i)} == found.limits
    assert {step for step, k in run.fired.items() if run.has(k, i)} == found.fired
    assert {system.layout.unpack(s) for s, k in run.graph.stuck() if run.has(k, i)} == left
    for p in (p for p in system.properties if p.needs_graph):
        assert judge_progress(run, p.id)
        first = run.first(i, p.id)
        assert (first and first.depth) == min((found.arrival[s] for s in left), default=None)


def same_up_to(run: Exploration, policy: dict, most: int) -> int:
    """All that `run` says about a policy in its first layers is what the reference finds there, state by state.

    They are the layers that the reference, from the start, finishes with `most` states. Returns how many they are.
    """
    system, i = run.system, run.number(policy)
    one = Reference(system, policy)
    found = one.search(most)
    layers, unpack = found.depth + 1, system.layout.unpack
    theirs = [{s for s, d in found.arrival.items() if d == depth} for depth in range(layers)]
    ours = [[s for s, k in run.graph.layer(depth) if run.has(k, i)] for depth in range(layers)]
    assert theirs == [set(map(unpack, layer)) for layer in ours]
    expanded = set().union(*ours)
    edges = (e for e in run.graph.edges if e[0] in expanded and run.has(e[3], i))
    assert Counter((unpack(s), step, unpack(t)) for s, step, t, _ in edges) == Counter(found.edges)
    for p in system.properties:
        first = run.first(i, p.id)
        if not p.needs_graph and p.id in found.first:
            assert first and first.depth == found.first[p.id], (p.id, policy)
        elif not p.needs_graph:  # a step may break it on the way into the next layer
            assert first is None or first.depth > found.depth, (p.id, policy)
    assert found.reached <= {name for name, k in run.reached.items() if run.has(k, i)}
    assert found.limits <= {name for name, k in run.limits.items() if run.has(k, i)}
    assert found.fired <= {step for step, k in run.fired.items() if run.has(k, i)}
    return layers


def as_sets(run: Exploration) -> dict:
    """All that an exploration found, its sets as sets and not as numbers, which two explorations may give otherwise.

    Of one that a limit ended, the layers that were expanded: a search by layers has entered the next one, too.
    """
    sets, done = run.numbers.sets, range(len(run.depths))
    counted = [{sets[k]: n for k, n in c.items() if n} for c in (run.state_sets, run.edge_sets)]
    named = [{name: sets[k] for name, k in found.items()} for found in (run.reached, run.limits, run.fired)]
    came = {state: [(d, sets[k]) for d, k in at if d in done] for state, at in run.graph.arrivals.items()}
    stuck = None if run.stopped else {s: sets[k] for s, k in run.graph.stuck()}
    return {
        "shared": run.shared_states, "stopped": run.stopped, "counted": counted, "named": named,
        "depths": [sets[k] for k in run.depths], "arrivals": {s: at for s, at in came.items() if at}, "stuck": stuck,
    }  # fmt: skip


def same_answers(a: Exploration, b: Exploration):
    """Two explorations of the same system and family say the same, of every policy at once."""
    told = [as_sets(run) for run in (a, b)]
    for key in told[0]:
        assert told[0][key] == told[1][key], key
    for run in (a, b):
        arrivals = run.graph.arrivals
        for v in run.violations:  # the policies of a violation do reach its state in its layer
            here = dict(arrivals[v.state]).get(v.depth - (v.step is not None), 0)
            assert run.numbers.minus[v.policies][here] == 0, v
    for p in a.system.properties:
        if p.needs_graph:
            assert judge_progress(a, p.id) == judge_progress(b, p.id)
        assert by_depth(a, p.id) == by_depth(b, p.id), p.id


def by_depth(run: Exploration, prop: str) -> dict:
    """Depth -> the policies that violate a property first at that depth."""
    done, out = run.family.none, {}
    for depth in sorted({v.depth for v in run.violations if v.property == prop}):
        here = run.numbers.join(v.policies for v in run.violations if (v.property, v.depth) == (prop, depth)) & ~done
        done = done | here
        if here:
            out[depth] = here
    return out


def runs_are_real(run: Exploration, policy: dict, whole: bool = True):
    """Each first violation under a policy has a run of its depth that the reference can take step by step, and is
    one: there a clause or the step's check fails, or the reference is stuck, too (`whole`: it has searched the world).
    """
    one, unpack = Reference(run.system, policy), run.system.layout.unpack
    for p in run.system.properties:
        shown = run_of(run, run.number(policy), p.id)
        if shown is None:
            continue
        first, path = shown
        at, checks = unpack(first.state), [(c[0], c[2]) for c in run.system.clauses]
        if first.step is not None:
            checks = [(c[0], c[1]) for c in run.system.steps[first.step].checks]
        if not p.needs_graph:
            assert any(c == p.id and not one.value(good, at) for c, good in checks)
        elif whole:
            assert at in reference(run.system, policy)[2]
        assert len(path) == first.depth
        state = unpack(run.system.start)
        for i, after in path:
            step = run.system.steps[i]
            assert all(one.value(g, state) for g in step.guard + step.allowed)
            state = one.after(step, state)
            assert state == unpack(after)
