"""Breadth-first search a whole frontier at a time, with numpy on both cores; the answers are those of `search`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tux3nb.engine.frontier.chunk import Chunk, Found
from tux3nb.engine.frontier.graph import LayerGraph, Part
from tux3nb.engine.result import Budget, Exploration


def search_on(run: Exploration, layer: dict[int, int], budget: Budget):
    """Go on from a search one state at a time, of which `layer` is still to be expanded.

    ``run.graph``, a StoredGraph, is replaced by a LayerGraph. Raises Stopped, and ModelError when a step goes astray.
    """
    graph = LayerGraph(run)
    frontier = graph.take_over(run.graph)
    run.graph, run.shared_states = graph, graph.seen.n
    tally = _Tally(run, graph)
    try:
        while len(frontier[1]):
            frontier = _next_layer(graph, tally, frontier, budget)
            run.shared_states = graph.seen.n
            budget.layer_done(len(run.depths), len(frontier[1]), run.shared_states)
    finally:
        tally.enter()


def _next_layer(graph: LayerGraph, tally: _Tally, frontier: Part, budget: Budget) -> Part:
    """Judge and expand one layer, enter its successors; returns the next layer."""
    tally.begin(frontier)
    for chunk, successors in graph.each_chunk(frontier):
        budget.check(graph.seen.n)
        tally.add(chunk)
        graph.arrive(successors)
    return graph.close_layer()


class _Tally:
    """Adds up what chunks report, by numbers of policy sets; what it comes to is entered at the end.

    graver: which events need a state with them. arrivals, taken: how many arrivals and edges have each set. fired:
    (step, set), happened: (event, set), whether there was one. known: (clause or event, set), whether all policies of
    the set are known to violate the property.
    """

    def __init__(self, run: Exploration, graph: LayerGraph):
        self.run, self.graph, self.sets = run, graph, graph.sets
        self.depth = len(run.depths) - 1
        self.events, self.clauses = run.printed.events, run.system.clauses
        self.graver = np.array([event.kind not in ("mark", "limit") for event in self.events], bool)
        self.arrivals, self.taken = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self.fired = np.zeros((len(run.system.steps), 0), bool)
        self.happened = np.zeros((len(self.events), 0), bool)
        self.known = np.zeros((len(self.clauses) + len(self.events), 0), bool)

    def begin(self, frontier: Part):
        """A layer begins with these arrivals."""
        self.depth += 1
        counts = np.bincount(frontier[1])
        self._grow(len(counts))
        self.arrivals[: len(counts)] += counts
        self.run.depths.append(_union(self.sets.masks, np.flatnonzero(counts)))

    def add(self, chunk: Chunk):
        """Raises ModelError where a read or write goes astray."""
        self._grow(len(self.sets))
        for k, rows in chunk.broken:
            prop, reason, _ = self.clauses[k]
            for row, mask in self._news(k, prop, self.depth, rows, chunk.ids[rows]):
                self.run.violate(prop, reason, self.depth, self._state(chunk, row), mask)
        self._events(chunk, chunk.lost)
        self._events(chunk, chunk.events)
        self.fired[chunk.moves.numbers, chunk.moves.ids] = True
        taken = np.bincount(chunk.moves.ids)
        self.taken[: len(taken)] += taken

    def _events(self, chunk: Chunk, happened: Found):
        self.happened[happened.numbers, happened.ids] = True
        graver = happened.only(self.graver[happened.numbers])
        for number in np.unique(graver.numbers).tolist():
            event, found = self.events[number], graver.only(graver.numbers == number)
            if event.kind == "check":
                key = len(self.clauses) + number
                for row, mask in self._news(key, event.name, self.depth + 1, found.rows, found.ids):
                    self.run.happen(event, self.depth, self._state(chunk, row), mask)
            else:
                self.run.happen(event, self.depth, self._state(chunk, found.rows[0]), self.sets.masks[found.ids[0]])

    def enter(self):
        """Enter into the exploration what all chunks have come to."""
        run, masks = self.run, self.sets.masks
        for counts, into in ((self.arrivals, run.state_masks), (self.taken, run.edge_masks)):
            for n in np.flatnonzero(counts).tolist():
                into[masks[n]] += int(counts[n])
        for index in np.flatnonzero(self.fired.any(axis=1)).tolist():
            run.fired[index] |= _union(masks, np.flatnonzero(self.fired[index]))
        for number in np.flatnonzero(self.happened.any(axis=1) & ~self.graver).tolist():
            run.happen(self.events[number], self.depth, 0, _union(masks, np.flatnonzero(self.happened[number])))

    def _news(self, key: int, prop: str, depth: int, rows: np.ndarray, ids: np.ndarray) -> Iterator[tuple[int, int]]:
        """(row, policies) of the first row of each policy set with policies not known to violate `prop`."""
        at = np.flatnonzero(~self.known[key, ids])
        _, firsts = np.unique(ids[at], return_index=True)
        for i in at[np.sort(firsts)].tolist():
            mask = self.sets.masks[ids[i]]
            if mask & self.run.spared(prop, depth):
                yield int(rows[i]), mask
            self.known[key, ids[i]] = True

    def _state(self, chunk: Chunk, row: int) -> int:
        return self.graph.packed(chunk.words[row])

    def _grow(self, sets: int):
        """Make room for as many sets."""
        more = 2 * sets - len(self.taken)
        if sets > len(self.taken):
            self.arrivals, self.taken = (np.pad(a, (0, more)) for a in (self.arrivals, self.taken))
            tables = (self.fired, self.happened, self.known)
            self.fired, self.happened, self.known = (np.pad(a, ((0, 0), (0, more))) for a in tables)


def _union(masks: list[int], numbers: np.ndarray) -> int:
    out = 0
    for n in numbers.tolist():
        out |= masks[n]
    return out
