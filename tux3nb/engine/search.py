"""Breadth-first search one state at a time, in plain Python; states, arrivals and edges are all kept.

Every (state, policy) pair is expanded exactly once, in the layer where it is first reached, so each policy gets the
same states, edges and shortest depths as a search of its own would give.
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

from tux3nb.engine.result import Budget, Exploration

CHECK_EVERY = 1024  # states between two looks at the clock


@dataclass(eq=False)
class Layer:
    """One layer: state -> policies that are new to it; and what they can do there.

    found: (step, successor, policies), or an event in place of the step; those of the n-th state end at ``ends[n]``.
    """

    states: dict[int, int]
    found: list[tuple[int, int, int]] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    def expanded(self) -> Iterator[tuple[int, int, list[tuple[int, int, int]]]]:
        """(state, policies, what was found there), last one first."""
        states = list(self.states.items())
        for n in reversed(range(len(self.ends))):
            yield *states[n], self.found[self.ends[n - 1] if n else 0 : self.ends[n]]

    def sources(self, numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
        """(state, number) of what was found, by its number."""
        states = list(self.states)
        for n in numbers:
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

    def arrive(self, states: dict[int, int]):
        """Enter a layer: state -> policies that are new to it."""
        known = {s: self.seen[s] for s in states if s in self.seen}
        self.seen.update(states)
        for s, mask in known.items():
            self.seen[s] |= mask
        if states:
            self.layers.append(Layer(states))

    @property
    def arrivals(self) -> dict[int, list[tuple[int, int]]]:
        """Made anew at every call."""
        out: dict[int, list[tuple[int, int]]] = {}
        for depth, layer in enumerate(self.layers):
            for state, mask in layer.states.items():
                out.setdefault(state, []).append((depth, mask))
        return out

    @property
    def edges(self) -> list[tuple[int, int, int, int]]:
        """Made anew at every call."""
        found = ((s, out) for layer in self.layers for s, _, out in layer.expanded())
        return [(s, i, after, k) for s, out in found for i, after, k in out if i >= 0]

    def arrival(self, policy: int, state: int) -> int:
        at = (d for d, layer in enumerate(self.layers) if layer.states.get(state, 0) >> policy & 1)
        return next(at, -1)

    def layer(self, policy: int, depth: int) -> Iterator[int]:
        return (s for s, mask in self.layers[depth].states.items() if mask >> policy & 1)

    def before(self, policy: int, state: int, depth: int) -> tuple[int, int]:
        layer, one = self.layers[depth - 1], 1 << policy
        found = [n for n, (i, after, k) in enumerate(layer.found) if after == state and i >= 0 and k & one]
        step, source = min((layer.found[n][0], s) for s, n in layer.sources(found))
        return source, step

    def _can_settle(self) -> dict[int, int]:
        """State -> the policies that can complete from there: a backward fixed point over the edges.

        Releasing steps (by which a holder of unbounded life lets go) are left out: nobody may count on them. Halted
        states are judged by their own property, and behind a limit of the model anything may come: both count as
        settled. One sweep from the last layer to the first decides most; what it leaves open is followed backwards.
        """
        printed, seen = self._run.printed, self.seen
        can = {s: mask if printed.settled(s) or printed.halted(s) else 0 for s, mask in seen.items()}
        for s, mask in self.curbed.items():
            can[s] |= mask & seen[s]
        into: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for s, after, k in self._sweep(can):
            into[after].append((s, k))
        work = list(into)
        while work:
            after = work.pop()
            for s, k in into[after]:
                new = k & can[after] & ~can[s]
                if new:
                    can[s] |= new
                    if s in into:
                        work.append(s)
        return can

    def _sweep(self, can: dict[int, int]) -> Iterator[tuple[int, int, int]]:
        """Unite into `can` what each state can do by its successors; the edges that may still matter behind that."""
        release = {i for i, step in enumerate(self._run.system.steps) if step.rule.release}
        for layer in reversed(self.layers):
            for s, mask, found in layer.expanded():
                lacks = mask & ~can[s]
                if not lacks:
                    continue
                for i, after, k in found:
                    if k & lacks and i >= 0 and i not in release:
                        lacks &= ~(k & can[after])
                can[s] |= mask & ~lacks
                if lacks:
                    yield from ((s, t, k & lacks) for i, t, k in found if k & lacks and i >= 0 and i not in release)

    @cached_property
    def _stuck(self) -> dict[int, int]:
        with no_collector():
            return {s: self.seen[s] & ~can for s, can in self._can_settle().items() if self.seen[s] & ~can}

    def stuck(self) -> Iterator[tuple[int, int]]:
        return iter(self._stuck.items())

    def first_stuck(self) -> Iterator[tuple[int, int, int]]:
        done = 0
        for depth, layer in enumerate(self.layers if self._stuck else ()):
            for state, mask in layer.states.items():
                new = mask & self._stuck.get(state, 0) & ~done
                if new:
                    yield depth, state, new
                    done |= new

    def stuck_in(self, policy: int, depth: int) -> Iterator[int]:
        return (s for s in self.layer(policy, depth) if self._stuck.get(s, 0) >> policy & 1)


@contextmanager
def no_collector():
    """Without Python's cycle collector: a search makes many tuples and no cycles, and being looked through time and
    again costs it a fifth of its speed."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def search(run: Exploration, policies: int, budget: Budget, most: int | None) -> dict[int, int]:
    """Explore layer by layer into ``run.graph``, a new StoredGraph.

    Returns the layer that is still to be expanded: empty when all is done, else more than `most` shared states have
    been found. Raises Stopped, and ModelError when a step goes astray.
    """
    graph = run.graph = StoredGraph(run)
    states = {run.system.start: policies}
    graph.arrive(states)
    with no_collector():
        while states and (most is None or len(graph.seen) <= most):
            run.depths.append(0)
            for mask in set(states.values()):
                run.depths[-1] |= mask
            run.shared_states = len(graph.seen)
            states = _expand_layer(run, graph, graph.layers[-1], budget)
            graph.arrive(states)
            run.shared_states = len(graph.seen)
            budget.layer_done(len(run.depths), len(states), len(graph.seen))
    return states


def _expand_layer(run: Exploration, graph: StoredGraph, layer: Layer, budget: Budget) -> dict[int, int]:
    """Judge and expand one layer; returns the next one."""
    expand, judge, depth = run.printed.expand, run.printed.judge, len(run.depths) - 1
    found, ends = layer.found, layer.ends
    try:
        for n, (state, mask) in enumerate(layer.states.items(), 1):
            if n % CHECK_EVERY == 0:
                budget.check(len(graph.seen))
            broken = judge(state)
            if broken:
                run.judge_state(broken, depth, state, mask)
            expand(state, mask, found)
            ends.append(len(found))
    finally:
        run.state_masks.update(list(layer.states.values())[: len(ends)])
        run.edge_masks.update(map(itemgetter(2), found))
        _happen(run, graph, layer, depth)
    following: dict[int, int] = {}
    seen, known, fired = graph.seen.get, following.get, run.fired
    unfired = [run.family.all & ~fired.get(i, 0) for i in range(len(run.system.steps))] + [0] * len(run.printed.events)
    for i, successor, k in found:
        if k & unfired[i]:  # an event, which has a negative number, reads a 0 from behind
            fired[i] |= k
            unfired[i] &= ~k
        new = k & ~seen(successor, 0)
        if new:  # never behind an event: it leads to its own state
            following[successor] = known(successor, 0) | new
    return following


def _happen(run: Exploration, graph: StoredGraph, layer: Layer, depth: int):
    """Report the events among what was found in a layer; they are no edges."""
    events = run.printed.events
    for state, n in layer.sources([n for n, (i, _, _) in enumerate(layer.found) if i < 0]):
        i, _, k = layer.found[n]
        run.edge_masks[k] -= 1
        if events[~i].kind == "limit":
            graph.curbed[state] |= k
        run.happen(events[~i], depth, state, k)
