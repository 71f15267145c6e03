"""Breadth-first exploration of a system for a whole family of policies at once.

A state carries the set of policies under which it is reachable; a step that reads a feature splits that set. Every
(state, policy) pair is expanded exactly once, in the layer where it is first reached, so each policy gets the same
states, edges and shortest depths as a search of its own would give.

`search` goes one state at a time in plain Python, and is the reference to read. From some thousand states on
`tux3nb.engine.frontier` does the same a layer at a time with numpy, which is imported only then.
"""

from __future__ import annotations

import gc
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter
from typing import Any

from tux3nb.engine.compile import Compiled, Found
from tux3nb.engine.family import Family
from tux3nb.engine.result import Budget, Exploration, Limits, Progress, Stopped
from tux3nb.engine.system import System
from tux3nb.errors import UserError, nearest

ENGINES = ("auto", "python", "numpy")
GROWN = 12_000  # shared states from which on a layer at a time is worth importing numpy for
CHECK_EVERY = 1024  # states between two looks at the clock


def explore(
    system: System,
    family: Family,
    limits: Limits | None = None,
    policies: Any = None,
    progress: Progress | None = None,
    engine: str = "auto",
) -> Exploration:
    """Explore `system` for the policies of `family` (or for the set `policies` of them).

    `engine`: "python", "numpy", or "auto", which begins with the first and goes on with the second where a world has
    GROWN. The answers are the same. `progress` is called once a layer with (layer, frontier, states, states per
    second). A limit or KeyboardInterrupt ends the run as unfinished (`stopped` says why), keeping what was covered.
    Raises ModelError when a step reads outside an array or writes a value outside its field's range.
    """
    if engine not in ENGINES:
        raise UserError(f"no engine {engine!r}{nearest(engine, ENGINES)}")
    run = Exploration(Compiled(system, family))
    budget = Budget(limits or Limits(), progress)
    start = run.numbers.number(family.all if policies is None else policies)
    try:
        left = search(run, start, budget, {"python": None, "numpy": 0}.get(engine, GROWN))
        if left:
            from tux3nb.engine.frontier.search import search_on

            search_on(run, left, budget)
    except Stopped as e:
        run.stopped = str(e)
    except KeyboardInterrupt:
        run.stopped = "interrupted"
    return run


@contextmanager
def no_collector() -> Iterator[None]:
    """Without Python's cycle collector: a search makes many tuples and no cycles, and being looked through time and
    again costs it a fifth of its speed.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def search(run: Exploration, policies: int, budget: Budget, most: int | None) -> list[dict[int, int]]:
    """Explore layer by layer into ``run.graph``, a new StoredGraph.

    Returns nothing when all is done; else more than `most` shared states have been found, and these are all layers, the
    last one still to be expanded. Raises Stopped, and ModelError when a step goes astray.
    """
    graph = run.graph = StoredGraph(run)
    fired: set[tuple[int, int]] = set()
    states = {run.system.start: policies}
    try:
        with no_collector():
            while states and (most is None or len(graph.seen) <= most):
                layer = graph.arrive(states)
                run.depths.append(run.numbers.number(run.numbers.join(states.values())))
                run.shared_states = len(graph.seen)
                states = _expand(run, graph, layer, budget, fired)
                run.shared_states = len(graph.seen) + sum(s not in graph.seen for s in states)
                budget.layer_done(len(run.depths), len(states), run.shared_states)
    finally:
        for i, k in fired:
            run.fired[i] = run.numbers.union[run.fired[i]][k]
    return [*(layer.states for layer in graph.layers), states] if states else []


def _expand(run: Exploration, graph: StoredGraph, layer: Layer, budget: Budget, fired: set) -> dict[int, int]:
    """Judge and expand one layer; returns the next one: state -> policies that are new to it."""
    expand, judge, depth, found = run.compiled.expand, run.compiled.judge, len(run.depths) - 1, layer.found
    try:
        for n, (state, policies) in enumerate(layer.states.items(), 1):
            if n % CHECK_EVERY == 0:
                budget.check(len(graph.seen))
            broken = judge(state)
            if broken:
                run.judge_state(broken, depth, state, policies)
            expand(state, policies, found)
            layer.ends.append(len(found))
    finally:
        run.state_sets.update(list(layer.states.values())[: len(layer.ends)])
        run.edge_sets.update(map(itemgetter(2), found))
        fired.update(map(itemgetter(0, 2), found))
        for state, n in layer.sources([n for n, (i, _, _) in enumerate(found) if i < 0]):
            i, _, k = found[n]  # an event: no edge, and no step that was taken
            run.edge_sets[k] -= 1
            fired.discard((i, k))
            event = run.compiled.events[~i]
            if event.kind == "limit":
                graph.curbed[state] = run.numbers.union[graph.curbed[state]][k]
            run.happen(event, depth, state, k)
    following: dict[int, int] = {}
    minus, union, seen = run.numbers.minus, run.numbers.union, graph.seen.get
    for i, after, k in found:
        known = seen(after, 0)
        new = minus[k][known] if known else k
        if new and i >= 0:
            other = following.get(after, 0)
            following[after] = union[other][new] if other else new
    return following


@dataclass(eq=False)
class Layer:
    """One layer: state -> policies that are new to it; and what they can do there.

    found: (step, successor, policies), or an event in place of the step; those of the n-th state end at ``ends[n]``.
    """

    states: dict[int, int]
    found: list[Found] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    def expanded(self) -> Iterator[tuple[int, int, list[Found]]]:
        """(state, policies, what was found there), last one first."""
        states = list(self.states.items())
        for n in reversed(range(len(self.ends))):
            yield *states[n], self.found[self.ends[n - 1] if n else 0 : self.ends[n]]

    def sources(self, found: Iterable[int]) -> Iterator[tuple[int, int]]:
        """(state, number) of what was found, by its number."""
        states = list(self.states)
        for n in found:
            yield states[bisect_right(self.ends, n)], n


class StoredGraph:
    """States and edges as Python dicts and lists, layer by layer; see `tux3nb.engine.result.Graph`.

    seen: state -> all policies that reach it. curbed: state -> the policies for which the model was too small to take
    some step there.
    """

    def __init__(self, run: Exploration):
        self._run = run
        self.layers: list[Layer] = []
        self.curbed: dict[int, int] = defaultdict(int)
        self.seen: dict[int, int] = {}

    def arrive(self, states: dict[int, int]) -> Layer:
        """Enter a layer: state -> policies that are new to it."""
        union = self._run.numbers.union
        known = {s: union[self.seen[s]][k] for s, k in states.items() if s in self.seen}
        self.seen.update(states)
        self.seen.update(known)
        self.layers.append(Layer(states))
        return self.layers[-1]

    @property
    def arrivals(self) -> dict[int, list[tuple[int, int]]]:
        """Made anew at every call."""
        out: dict[int, list[tuple[int, int]]] = {}
        for depth, layer in enumerate(self.layers):
            for state, policies in layer.states.items():
                out.setdefault(state, []).append((depth, policies))
        return out

    @property
    def edges(self) -> list[tuple[int, int, int, int]]:
        """Made anew at every call."""
        found = ((s, out) for layer in self.layers for s, _, out in layer.expanded())
        return [(s, i, after, k) for s, out in found for i, after, k in out if i >= 0]

    def arrival(self, policy: int, state: int) -> int:
        has = self._run.has
        at = (d for d, layer in enumerate(self.layers) if has(layer.states.get(state, 0), policy))
        return next(at, -1)

    def layer(self, depth: int) -> Iterator[tuple[int, int]]:
        return iter(self.layers[depth].states.items())

    def before(self, state: int, depth: int) -> Iterator[tuple[int, int, int, int]]:
        layer = self.layers[depth - 1]
        found = [n for n, (i, after, _) in enumerate(layer.found) if after == state and i >= 0]
        for source, n in layer.sources(found):
            yield layer.found[n][0], source, layer.states[source], layer.found[n][2]

    def _can_settle(self) -> dict[int, int]:
        """State -> the policies that can complete from there: a backward fixed point over the edges.

        Releasing steps (by which a holder of unbounded life lets go) are left out: nobody may count on them. Halted
        states are judged by their own property, and behind a limit of the model anything may come: both count as
        settled. One sweep from the last layer to the first decides most; what it leaves open is followed backwards.
        """
        compiled, seen, numbers = self._run.compiled, self.seen, self._run.numbers
        can = {s: policies if compiled.settled(s) or compiled.halted(s) else 0 for s, policies in seen.items()}
        for s, policies in self.curbed.items():
            can[s] = numbers.union[can[s]][numbers.common[policies][seen[s]]]
        into: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for s, after, k in self._sweep(can):
            into[after].append((s, k))
        work = list(into)
        while work:
            after = work.pop()
            for s, k in into[after]:
                new = numbers.minus[numbers.common[k][can[after]]][can[s]]
                if new:
                    can[s] = numbers.union[can[s]][new]
                    if s in into:
                        work.append(s)
        return can

    def _sweep(self, can: dict[int, int]) -> Iterator[tuple[int, int, int]]:
        """Unite into `can` what each state can do by its successors; the edges that may still matter behind that."""
        release = {i for i, step in enumerate(self._run.system.steps) if step.rule.release}
        numbers = self._run.numbers
        common, minus, union = numbers.common, numbers.minus, numbers.union
        for layer in reversed(self.layers):
            for s, policies, found in layer.expanded():
                lacks = minus[policies][can[s]]
                if not lacks:
                    continue
                steps = [(t, k) for i, t, k in found if i >= 0 and i not in release]
                for t, k in steps:
                    if lacks:
                        lacks = minus[lacks][common[k][can[t]]]
                can[s] = union[can[s]][minus[policies][lacks]]
                if lacks:
                    yield from ((s, t, left) for t, k in steps if (left := common[k][lacks]))

    @cached_property
    def _stuck(self) -> dict[int, int]:
        minus = self._run.numbers.minus
        with no_collector():
            return {s: left for s, can in self._can_settle().items() if (left := minus[self.seen[s]][can])}

    def stuck(self) -> Iterator[tuple[int, int]]:
        return iter(self._stuck.items())

    def first_stuck(self) -> Iterator[tuple[int, int, int]]:
        numbers, done = self._run.numbers, 0
        for depth, layer in enumerate(self.layers if self._stuck else ()):
            for state, policies in layer.states.items():
                new = numbers.minus[numbers.common[policies][self._stuck.get(state, 0)]][done]
                if new:
                    yield depth, state, new
                    done = numbers.union[done][new]

    def stuck_in(self, depth: int) -> Iterator[tuple[int, int]]:
        common = self._run.numbers.common
        return ((s, common[k][self._stuck[s]]) for s, k in self.layer(depth) if s in self._stuck)
