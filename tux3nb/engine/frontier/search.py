"""Breadth-first search a whole layer at a time, with numpy on both cores; the answers are those of plain Python."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from tux3nb.engine.frontier.graph import LayerGraph, Part
from tux3nb.engine.frontier.tables import Chunk, Found
from tux3nb.engine.result import Budget, Exploration


def search_on(run: Exploration, layers: Iterable[dict[int, int]], budget: Budget) -> None:
    """Go on from a search one state at a time, given its layers, of which the last is still to be expanded.

    ``run.graph`` is replaced by a LayerGraph. Raises Stopped, and ModelError when a step goes astray.
    """
    graph = LayerGraph(run)
    for layer in layers:
        frontier = graph.enter(layer)
    run.graph, run.shared_states = graph, graph.seen.n
    tally = Tally(run, graph)
    try:
        while len(frontier[1]):
            tally.begin(frontier)
            for chunk, successors in graph.each_chunk(frontier):
                budget.check(graph.seen.n)
                tally.add(chunk)
                graph.arrive(successors)
            frontier = graph.close_layer()
            run.shared_states = graph.seen.n
            budget.layer_done(len(run.depths), len(frontier[1]), run.shared_states)
    finally:
        tally.enter()


class Tally:
    """Adds up what chunks report, by numbers of policy sets, and enters it into the exploration at the end.

    arrivals, taken: how many arrivals and edges have each set. fired: (step, set), whether there was one. happened:
    (event, set) of marks and limits. known: (clause, or clauses and event, set), whether all policies of the set are
    known to violate the property.
    """

    def __init__(self, run: Exploration, graph: LayerGraph):
        self.run, self.graph = run, graph
        self.depth = len(run.depths) - 1
        self.arrivals, self.taken = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self.fired = np.zeros((len(run.system.steps), 0), bool)
        self.happened: set[tuple[int, int]] = set()
        self.known: set[tuple[int, int]] = set()

    def begin(self, frontier: Part) -> None:
        """A layer begins with these arrivals."""
        self.depth += 1
        counts = np.bincount(frontier[1])
        self._grow(len(counts))
        self.arrivals[: len(counts)] += counts
        self.run.depths.append(self._joined(counts))

    def add(self, chunk: Chunk) -> None:
        """Raises ModelError where a read or write goes astray."""
        self._grow(len(self.graph.sets))
        for k, rows in chunk.broken:
            prop, reason, _ = self.run.system.clauses[k]
            for row, policies in self._news(k, prop, self.depth, rows, chunk.ids[rows]):
                self.run.violate(prop, reason, self.depth, self._state(chunk, row), policies)
        self._events(chunk, chunk.events)
        self.fired[chunk.moves.numbers, chunk.moves.ids] = True
        taken = np.bincount(chunk.moves.ids)
        self.taken[: len(taken)] += taken

    def _events(self, chunk: Chunk, happened: Found) -> None:
        clauses, events = len(self.run.system.clauses), self.run.compiled.events
        for number in np.unique(happened.numbers).tolist():
            event, found = events[number], happened.only(happened.numbers == number)
            if event.kind == "check":
                for row, policies in self._news(clauses + number, event.name, self.depth + 1, found.rows, found.ids):
                    self.run.happen(event, self.depth, self._state(chunk, row), policies)
            elif event.kind in ("mark", "limit"):
                self.happened.update((number, k) for k in np.unique(found.ids).tolist())
            else:
                self.run.happen(event, self.depth, self._state(chunk, found.rows[0]), int(found.ids[0]))

    def enter(self) -> None:
        """Enter into the exploration what all chunks have told."""
        run = self.run
        for counts, into in ((self.arrivals, run.state_sets), (self.taken, run.edge_sets)):
            for n in np.flatnonzero(counts).tolist():
                into[n] += int(counts[n])
        for index in np.flatnonzero(self.fired.any(axis=1)).tolist():
            run.fired[index] = run.numbers.union[run.fired[index]][self._joined(self.fired[index])]
        for number, policies in sorted(self.happened):
            run.happen(run.compiled.events[number], self.depth, 0, policies)

    def _joined(self, flags: np.ndarray) -> int:
        """The number of the union of the sets that are flagged."""
        return self.run.numbers.number(self.run.numbers.join(np.flatnonzero(flags).tolist()))

    def _news(self, key: int, prop: str, depth: int, rows: np.ndarray, ids: np.ndarray) -> Iterator[tuple[int, int]]:
        """(row, policies) of the first row of each policy set with policies not known to violate `prop`."""
        different, firsts = np.unique(ids, return_index=True)
        for i in np.argsort(firsts).tolist():
            policies = int(different[i])
            if (key, policies) not in self.known:
                if self.run.numbers.common[policies][self.run.spared(prop, depth)]:
                    yield int(rows[firsts[i]]), policies
                self.known.add((key, policies))

    def _state(self, chunk: Chunk, row: int) -> int:
        return self.graph.packed(chunk.words[row])

    def _grow(self, sets: int) -> None:
        """Make room for as many sets."""
        more = 2 * sets - len(self.taken)
        if sets > len(self.taken):
            self.arrivals, self.taken = (np.pad(a, (0, more)) for a in (self.arrivals, self.taken))
            self.fired = np.pad(self.fired, ((0, 0), (0, more)))
