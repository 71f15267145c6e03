"""Breadth-first search one state at a time, in plain Python; states, arrivals and edges are all kept.

Every (state, policy) pair is expanded exactly once, in the layer where it is first reached, so each policy gets the
same states, edges and shortest depths as a search of its own would give.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property

from .exploration import Budget, Exploration

CHECK_EVERY = 1024  # states between two looks at the clock


class StoredGraph:
    """States and edges as Python dicts and lists.

    arrivals: state -> [(depth, policies)], in order of depth. edges: (state, step, successor, policies).
    curbed: state -> the policies for which the model was too small to take some step there.
    """

    def __init__(self, run: Exploration):
        self._run = run
        self.arrivals: dict[int, list[tuple[int, int]]] = {}
        self.edges: list[tuple[int, int, int, int]] = []
        self.curbed: dict[int, int] = defaultdict(int)
        self.seen: dict[int, int] = {}

    def arrive(self, depth: int, layer: dict[int, int]):
        """Enter a layer: state -> policies that are new to it."""
        for state, mask in layer.items():
            self.seen[state] = self.seen.get(state, 0) | mask
            self.arrivals.setdefault(state, []).append((depth, mask))

    def arrival(self, policy: int, state: int) -> int:
        return next((d for d, m in self.arrivals.get(state, ()) if m >> policy & 1), -1)

    @cached_property
    def _into(self) -> dict[int, list[tuple[int, int, int, int]]]:
        back = defaultdict(list)
        for edge in self.edges:
            back[edge[2]].append(edge)
        return back

    def before(self, policy: int, state: int, depth: int) -> tuple[int, int]:
        """Ties are broken by the order of discovery, so the same question has the same answer."""
        found = (e for e in self._into[state] if e[3] >> policy & 1 and self.arrival(policy, e[0]) == depth - 1)
        source, step, _, _ = next(found)
        return source, step

    @cached_property
    def _can_settle(self) -> dict[int, int]:
        """State -> the policies that can complete from there: a backward fixed point over the edges.

        Releasing steps (by which a holder of unbounded life lets go) are left out: nobody may count on them. Halted
        states are judged by their own property, and behind a limit of the model anything may come: both count as
        settled.
        """
        printed, steps = self._run.printed, self._run.system.steps
        can, work = {}, []
        for s, mask in self.seen.items():
            can[s] = mask if printed.settled(s) or printed.halted(s) else mask & self.curbed.get(s, 0)
            if can[s]:
                work.append(s)
        while work:
            t = work.pop()
            for s, i, _, k in self._into[t]:
                new = k & can[t] & ~can[s]
                if new and not steps[i].rule.release:
                    can[s] |= new
                    work.append(s)
        return can

    def stuck(self) -> Iterator[tuple[int, int]]:
        for s, can in self._can_settle.items():
            if self.seen[s] & ~can:
                yield s, self.seen[s] & ~can

    def first_stuck(self) -> Iterator[tuple[int, int, int]]:
        found = [(depth, s, m & mask) for s, mask in self.stuck() for depth, m in self.arrivals[s]]
        done = 0
        for depth, state, mask in sorted(found, key=lambda f: f[0]):
            if mask & ~done:
                yield depth, state, mask & ~done
                done |= mask


def search(run: Exploration, policies: int, budget: Budget, most: int | None) -> dict[int, int]:
    """Explore layer by layer into ``run.graph``, a new StoredGraph.

    Returns the layer that is still to be expanded: empty when all is done, else more than `most` shared states have
    been found. Raises Stopped, and ModelError when a step goes astray.
    """
    graph = run.graph = StoredGraph(run)
    layer = {run.system.start: policies}
    graph.arrive(0, layer)
    while layer and (most is None or len(graph.seen) <= most):
        run.depths.append(0)
        for mask in layer.values():
            run.depths[-1] |= mask
        run.shared_states = len(graph.seen)
        layer = _expand_layer(run, graph, layer, budget)
        graph.arrive(len(run.depths), layer)
        run.shared_states = len(graph.seen)
        budget.layer_done(len(run.depths), len(layer), len(graph.seen))
    return layer


def _expand_layer(run: Exploration, graph: StoredGraph, layer: dict[int, int], budget: Budget) -> dict[int, int]:
    """Judge and expand one layer; returns the next one."""
    expand, judge, events, depth = run.printed.expand, run.printed.judge, run.printed.events, len(run.depths) - 1
    seen, edges, fired, edge_masks = graph.seen, graph.edges, run.fired, run.edge_masks
    found: dict[int, int] = {}
    out: list = []
    for n, (state, mask) in enumerate(layer.items(), 1):
        if n % CHECK_EVERY == 0:
            budget.check(len(seen))
        run.state_masks[mask] += 1
        broken = judge(state)
        if broken:
            run.judge_state(broken, depth, state, mask)
        del out[:]
        expand(state, mask, out)
        for i, successor, k in out:
            if i < 0:
                if events[~i].kind == "limit":
                    graph.curbed[state] |= k
                run.happen(events[~i], depth, state, k)
                continue
            fired[i] |= k
            edge_masks[k] += 1
            edges.append((state, i, successor, k))
            new = k & ~seen.get(successor, 0)
            if new:
                found[successor] = found.get(successor, 0) | new
    return found
