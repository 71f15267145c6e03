"""Comparing an exploration with the reference, policy by policy."""

from __future__ import annotations

from tux3nb.engine.explore import Exploration, judge_progress, shortest_run, stuck

from .reference import Found, Reference

_FOUND: dict[tuple[int, tuple], tuple[Reference, Found, set]] = {}


def reference(system, policy: dict) -> tuple[Reference, Found, set]:
    """The reference, what it finds and what is stuck; searched once for all engines."""
    key = id(system), tuple(policy.items())
    if key not in _FOUND:
        one = Reference(system, policy)
        found = one.search()
        _FOUND[key] = one, found, one.stuck(found)  # keeps `system` alive, so that its id stays its own
    return _FOUND[key]


def same_as_reference(run: Exploration, i: int):
    """Everything that `run` says about policy `i` is what a search of its own finds."""
    system, policy = run.system, run.family.policies[i]
    _, found, left = reference(system, policy)
    assert (run.states(i), run.edge_count(i), run.depth(i)) == (len(found.arrival), len(found.edges), found.depth)
    for p in system.properties:
        if not p.needs_graph:
            first = run.first(i, p.id)
            assert (first and first.depth) == found.first.get(p.id), (p.id, policy)
    assert {name for name, mask in run.reached.items() if mask >> i & 1} == found.reached
    assert {name for name, mask in run.limits.items() if mask >> i & 1} == found.limits
    assert {step for step, mask in run.fired.items() if mask >> i & 1} == found.fired
    assert {system.layout.unpack(s) for s, mask in stuck(run) if mask >> i & 1} == left
    for p in (p for p in system.properties if p.needs_graph):
        assert judge_progress(run, p.id)
        first = run.first(i, p.id)
        assert (first and first.depth) == min((found.arrival[s] for s in left), default=None)


def same_answers(a: Exploration, b: Exploration):
    """Two explorations of the same system and family say the same, policy by policy."""
    assert a.shared_states == b.shared_states
    assert (a.state_masks, a.edge_masks, a.depths) == (b.state_masks, b.edge_masks, b.depths)
    assert (a.reached, a.limits, a.fired) == (b.reached, b.limits, b.fired)
    assert a.stopped == b.stopped
    arrivals = a.arrivals
    assert arrivals == b.arrivals
    for v in a.violations + b.violations:  # the policies of a violation do reach its state in its layer
        layer = v.depth - (v.step is not None)
        assert v.policies & ~dict(arrivals[v.state]).get(layer, 0) == 0, v
    if not a.stopped:
        assert dict(stuck(a)) == dict(stuck(b))
    for p in a.system.properties:
        if p.needs_graph:
            assert judge_progress(a, p.id) == judge_progress(b, p.id)
        for i in range(len(a.family)):
            x, y = a.first(i, p.id), b.first(i, p.id)
            assert (x and x.depth) == (y and y.depth), (p.id, a.family.policies[i])


def runs_are_real(run: Exploration, i: int):
    """Each first violation under policy `i` has a run of its depth that the reference can take step by step, and is
    one: there a clause or the step's check fails, or the reference is stuck, too."""
    one, _, left = reference(run.system, run.family.policies[i])
    unpack = run.system.layout.unpack
    for p in run.system.properties:
        first = run.first(i, p.id)
        if first is None:
            continue
        at, checks = unpack(first.state), [(c[0], c[2]) for c in run.system.clauses]
        if first.step is not None:
            checks = [(c[0], c[1]) for c in run.system.steps[first.step].checks]
        assert at in left if p.needs_graph else any(c == p.id and not one.value(good, at) for c, good in checks)
        path = shortest_run(run, i, first.state, first.step)
        assert len(path) == first.depth
        state = unpack(run.system.start)
        for step, after in path:
            step = run.system.steps[step]
            assert all(one.value(g, state) for g in step.guard + step.allowed)
            state = one.after(step, state)
            assert state == unpack(after)
