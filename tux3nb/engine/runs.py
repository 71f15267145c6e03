"""Runs: the one to show for a violation, the shortest to a state, and the replay of one given as step indexes.

Of several shortest runs always the same one is shown, whichever engine explored and whatever else it explored with.
"""

from __future__ import annotations

from collections.abc import Callable

from tux3nb.engine.compile import Printed, predicate
from tux3nb.engine.result import Exploration, Violation
from tux3nb.engine.system import System
from tux3nb.engine.terms import Expr
from tux3nb.errors import ModelError


def to_show(run: Exploration, policy: int, prop: str) -> Violation | None:
    """Of the shallowest violations of `prop` under `policy` the one to show: a state in which a clause fails before a
    step that breaks it, and then the lowest state, clause and step."""
    found = run.first(policy, prop)
    if found is None:
        return None
    depth, property = found.depth, run.system.property(prop)
    if property.needs_graph:
        state = min(run.graph.stuck_in(policy, depth))
        return Violation(prop, found.reason, depth, state, 1 << policy)
    if found.step is None or property.clauses:
        at = _lowest_state(run, policy, prop, depth)
        if at:
            return Violation(prop, at[1], depth, at[0], 1 << policy)
    step, state, reason = _lowest_step(run, policy, prop, depth - 1)
    return Violation(prop, reason, depth, state, 1 << policy, step)


def _lowest_state(run: Exploration, policy: int, prop: str, depth: int) -> tuple[int, str] | None:
    """(state, reason) of the lowest state of a layer in which a clause of `prop` fails."""
    clauses = [(reason, _test(run.system, good)) for p, reason, good in run.system.clauses if p == prop]
    if depth >= len(run.depths):  # the layer was found, but nobody looked at it
        return None
    broken = (s for s in run.graph.layer(policy, depth) if not all(good(s) for _, good in clauses))
    state = min(broken, default=None)
    return None if state is None else (state, next(reason for reason, good in clauses if not good(state)))


def _lowest_step(run: Exploration, policy: int, prop: str, depth: int) -> tuple[int, int, str]:
    """(step, state before it, reason) of the lowest step from a layer that breaks `prop`."""
    checks = {
        i: [(reason, _test(run.system, good)) for p, good, reason in step.checks if p == prop]
        for i, step in enumerate(run.system.steps)
        if any(p == prop for p, _, _ in step.checks)
    }
    found = []
    for state in run.graph.layer(policy, depth):
        out: list = []
        run.printed.expand(state, 1 << policy, out)
        for i in {i for i, _, _ in out if i in checks}:
            reason = next((reason for reason, good in checks[i] if not good(state)), None)
            if reason:
                found.append((i, state, reason))
    return min(found)


def _test(system: System, e: Expr) -> Callable[[int], bool]:
    """An expression of the system as a function of the packed state, printed once."""
    known = vars(system).setdefault("_tests", {})
    if id(e) not in known:
        known[id(e)] = predicate(e)[0]
    return known[id(e)]


def shortest_run(run: Exploration, policy: int, state: int, last: int | None = None) -> list[tuple[int, int]]:
    """A shortest run of `policy` from the start to `state`: [(step index, state after it), ...].

    `last` appends one more step, taken from `state`; where that step is an event only (a failed check that is also
    a limit), the state stays. No search stores parent pointers: each asks its graph for one step back, layer by layer.
    """
    path: list[tuple[int, int]] = []
    at, depth = state, run.graph.arrival(policy, state)
    if depth < 0:
        raise ModelError(f"policy {policy} never reaches that state")
    while depth:
        source, step = run.graph.before(policy, at, depth)
        path.append((step, at))
        at, depth = source, depth - 1
    path.reverse()
    if last is not None:
        path.append((last, next((t for i, t in _steps(run.printed, policy, state) if i == last), state)))
    return path


def arrival(run: Exploration, policy: int, state: int) -> int:
    """The layer in which `policy` first reaches `state`; -1 if it never does."""
    return run.graph.arrival(policy, state)


def _steps(printed: Printed, policy: int, state: int) -> list[tuple[int, int]]:
    """(step, successor) of every step that `policy` can take from `state`."""
    out: list = []
    printed.expand(state, 1 << policy, out)
    return [(i, after) for i, after, _ in out if i >= 0]


def replay(system: System, printed: Printed, policy: int, steps: list[int]) -> list[int]:
    """The states of a run given as step indexes, start included; ModelError names the step that is not possible."""
    states = [system.start]
    for n, i in enumerate(steps):
        after = [t for j, t in _steps(printed, policy, states[-1]) if j == i]
        if not after:
            raise ModelError(f"step {n + 1}, {system.steps[i].name}, is not possible there")
        states.append(after[0])
    return states
