"""Progress on the states that a search by whole layers has found: a backward fixed point."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .backend.chunk import Chunk
from .backend.sets import ID, PolicySets
from .backend.visited import Visited, hashes
from .shards import LARGEST, SHARDS, joined, shard_of, spread, successors

if TYPE_CHECKING:
    from .layergraph import LayerGraph


class Settling:
    """From which states, under which policies, a settled state can be reached without a releasing step.

    A backward fixed point. One sweep from the last layer to the first expands every state again and decides most of
    them; only the edges of those that it leaves open (they wait for a state of the same layer or an earlier one) are
    stored, 12 bytes each, and followed until nothing changes. States are numbered through all shards.
    """

    def __init__(self, graph: LayerGraph):
        self.graph, self.sets = graph, graph.sets
        self.release = {i for i, step in enumerate(graph.run.system.steps) if step.rule.release}
        self.offsets = np.cumsum([0, *(shard.n for shard in graph.shards)])
        self.total = np.concatenate([shard.total[: shard.n] for shard in graph.shards])
        self.can = np.concatenate([self._settled(shard) for shard in graph.shards])

    def stuck(self) -> list[np.ndarray]:
        """For each shard, the policy sets (by number) that cannot settle, state by state."""
        self._follow(*self._sweep())
        return np.split(self.sets.minus(self.total, self.can), self.offsets[1:-1])

    def _settled(self, shard: Visited) -> np.ndarray:
        out = np.zeros(shard.n, ID)
        for a in range(0, shard.n, LARGEST):
            b = min(a + LARGEST, shard.n)
            ids = shard.total[a:b]
            out[a:b] = np.where(self.graph.code.settled(Chunk(shard.words[a:b], ids)), ids, 0)
        return out

    def _sweep(self) -> tuple[np.ndarray, ...]:
        """(state, successor, policies) of the edges that may still matter behind one sweep."""
        kept = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, ID))]
        for depth in reversed(self.graph.layers):
            work = []
            for n, bounds in enumerate(self.graph.bounds):
                rows = self.offsets[n] + np.arange(*bounds[depth : depth + 2])
                todo = self.sets.minus(self.total[rows], self.can[rows])
                rows, todo = rows[todo > 0], todo[todo > 0]
                work += [(n, rows[k : k + LARGEST], todo[k : k + LARGEST]) for k in range(0, len(rows), LARGEST)]
            for rows, gain, open_edges in spread(self._look_ahead, sum(len(rows) for _, rows, _ in work), work):
                self.can[rows] = self.sets.union(self.can[rows], gain)
                kept.append(open_edges)
        return tuple(np.concatenate(column) for column in zip(*kept, strict=True))

    def _look_ahead(self, work: tuple[int, np.ndarray, np.ndarray]):
        """(states, policies found to settle from each, edges that leave the others open) for states of one shard."""
        n, rows, todo = work
        chunk = Chunk(self.graph.shards[n].words[rows - self.offsets[n]], todo)
        self.graph.code.expand(chunk)
        gain = np.zeros(len(rows), ID)
        for number, at, ids in chunk.events:
            if self.graph.run.printed.events[number].kind == "limit":  # behind it anything may come
                gain[at] = self.sets.union(gain[at], ids)
        chunk.moves = [move for move in chunk.moves if move[0] not in self.release]
        sources = joined([move[1] for move in chunk.moves], np.int64)
        words, ids = successors(chunk)
        after = self._numbers(words)
        _unite(self.sets, gain, sources, self.sets.common(ids, self.can[after]))
        open_ids = self.sets.minus(ids, gain[sources])
        left = np.flatnonzero(open_ids)
        small = ID if len(self.can) < 1 << 31 else np.int64
        return rows, gain, (rows[sources[left]].astype(small), after[left].astype(small), open_ids[left])

    def _numbers(self, words: np.ndarray) -> np.ndarray:
        """The numbers of states."""
        h = hashes(words)
        out, shard = np.empty(len(h), np.int64), shard_of(h)
        for n in range(SHARDS):
            at = np.flatnonzero(shard == n)
            at = at[np.argsort(h[at])]  # sorted questions are answered much faster
            out[at] = self.graph.shards[n].find(words[at], h[at])[0] + self.offsets[n]
        return out

    def _follow(self, source: np.ndarray, after: np.ndarray, ids: np.ndarray):
        """Follow edges backwards until nothing changes, each time those into states that have just changed."""
        changed = np.ones(len(self.can), bool)
        while True:
            at = np.flatnonzero(changed[after])
            gain = self.sets.minus(self.sets.common(ids[at], self.can[after[at]]), self.can[source[at]])
            hit = np.flatnonzero(gain)
            if not hit.size:
                return
            rows = source[at[hit]]
            _unite(self.sets, self.can, rows, gain[hit])
            changed[:] = False
            changed[rows] = True


def _unite(sets: PolicySets, into: np.ndarray, at: np.ndarray, ids: np.ndarray):
    """Unite policy sets into the rows `at`, which may repeat."""
    keep = np.flatnonzero(ids)
    at, ids = at[keep], ids[keep]
    order = np.argsort(at, kind="stable")
    at, ids = at[order], ids[order]
    while at.size:
        first = np.concatenate([[True], at[1:] != at[:-1]])
        into[at[first]] = sets.union(into[at[first]], ids[first])
        at, ids = at[~first], ids[~first]
