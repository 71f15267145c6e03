"""Runs: the shortest one to a state, and the replay of one given as step indexes."""

from __future__ import annotations

from .backend.scalar import Printed
from .errors import ModelError
from .exploration import Exploration
from .system import System


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
