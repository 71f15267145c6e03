"""The states that a search by whole layers has found, and what can be asked about them.

States are kept, edges are not: a run is rebuilt by expanding one layer after the other backwards, for one policy, and
progress by expanding all layers again, last one first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property

import numpy as np

from .backend.chunk import Chunk
from .backend.frontier import FrontierCode, print_frontier
from .backend.sets import ID, PolicySets
from .backend.visited import Visited, hashes
from .exploration import Exploration
from .layout import WORD
from .search import StoredGraph
from .settling import Settling
from .shards import BATCH, LARGEST, SHARDS, SMALLEST, Part, Piece, cores, divide, joined, shard_of, spread, successors


class LayerGraph:
    """States by layer, in arrays; see `tux3nb.exploration.Graph`.

    bounds: for each shard, the row at which each layer begins. late: for each shard and layer, the rows of states
    that policies reach then, but others earlier, with these policies.
    """

    def __init__(self, run: Exploration):
        self.run, self.layout = run, run.system.layout
        self.sets = PolicySets()
        self.code: FrontierCode = print_frontier(run.printed.plan, self.sets)
        self.shards = [Visited(self.layout.words, self.sets) for _ in range(SHARDS)]
        self.bounds: list[list[int]] = [[0] for _ in range(SHARDS)]
        self.late: list[list[Part]] = [[] for _ in range(SHARDS)]
        self._waiting: list[list[Piece]] = [[] for _ in range(SHARDS)]
        self._arrived: list[list[tuple]] = [[] for _ in range(SHARDS)]
        self._depths: tuple[int, list[np.ndarray]] | None = None

    @property
    def states(self) -> int:
        return sum(shard.n for shard in self.shards)

    # ---- building ----------------------------------------------------------------------------------------
    def take_over(self, stored: StoredGraph) -> Part:
        """Enter the layers of another graph; returns the last one."""
        layers: dict[int, dict[int, int]] = {}
        for state, arrivals in stored.arrivals.items():
            for depth, mask in arrivals:
                layers.setdefault(depth, {})[state] = mask
        for depth in sorted(layers):
            ids = np.array([self.sets.number(mask) for mask in layers[depth].values()], ID)
            self.wait(divide(self.rows(layers[depth]), ids))
            last = self.close_layer()
        return last

    def rows(self, states: Iterable[int]) -> np.ndarray:
        """Packed states as rows of words."""
        words = [self.layout.to_words(s) for s in states]
        return np.array(words, np.uint64).reshape(-1, self.layout.words).view(np.int64)

    def packed(self, words: Iterable) -> int:
        """One row of words as a packed state."""
        return self.layout.from_words(int(w) & 0xFFFFFFFFFFFFFFFF for w in words)

    def each_chunk(self, frontier: Part) -> Iterator[tuple[Chunk, list[Piece]]]:
        """Judge and expand chunks of a layer on both cores; yields them in order, with successors by shard."""
        words, ids = frontier
        size = min(LARGEST, max(SMALLEST, -(-len(ids) // SHARDS)))
        pieces = [(words[a : a + size], ids[a : a + size]) for a in range(0, len(ids), size)]
        if len(pieces) == 1:
            yield self._work(*pieces[0])
            return
        ahead = SHARDS + 1  # chunks under way: enough to keep the cores busy, not a whole layer in memory
        running = [cores().submit(self._work, *piece) for piece in pieces[:ahead]]
        for n in range(len(pieces)):
            done = running.pop(0).result()
            if n + ahead < len(pieces):
                running.append(cores().submit(self._work, *pieces[n + ahead]))
            yield done

    def _work(self, words: np.ndarray, ids: np.ndarray) -> tuple[Chunk, list[Piece]]:
        chunk = Chunk(words, ids)
        self.code.judge(chunk)
        self.code.expand(chunk)
        words, ids = successors(chunk)
        chunk.taken = np.bincount(ids)
        return chunk, divide(words, ids)

    def wait(self, pieces: list[Piece]):
        """Keep successors, by shard, until there are enough to be entered at once."""
        for waiting, piece in zip(self._waiting, pieces, strict=True):
            waiting.append(piece)
        if self._rows_waiting() > BATCH:
            self._enter_waiting()

    def _rows_waiting(self) -> int:
        return sum(len(ids) for waiting in self._waiting for _, _, ids in waiting)

    def _enter_waiting(self):
        """Each shard enters what waits for it, on its own core."""
        entered = spread(_enter, self._rows_waiting(), self.shards, self._waiting)
        for arrived, found in zip(self._arrived, entered, strict=True):
            arrived += found
        self._waiting = [[] for _ in range(SHARDS)]

    def close_layer(self) -> Part:
        """Enter what waits and note where the layer ends; returns its arrivals."""
        self._enter_waiting()
        words, ids = [np.empty((0, self.layout.words), np.int64)], [np.empty(0, ID)]
        for shard, bounds, late, arrived in zip(self.shards, self.bounds, self.late, self._arrived, strict=True):
            bounds.append(shard.n)
            late.append((joined([a[4] for a in arrived], np.int64), joined([a[3] for a in arrived], ID)))
            words += [a[k] for a in arrived for k in (0, 2)]
            ids += [a[k] for a in arrived for k in (1, 3)]
        self._arrived = [[] for _ in range(SHARDS)]
        return np.concatenate(words), np.concatenate(ids)

    # ---- questions -----------------------------------------------------------------------------------------
    @property
    def layers(self) -> range:
        return range(len(self.late[0]))

    def arrived(self, shard: int, depth: int) -> Iterator[Part]:
        """(rows, policy sets) of the arrivals of a layer in one shard: those of new states, then the late ones."""
        a, b = self.bounds[shard][depth : depth + 2]
        yield np.arange(a, b), self.shards[shard].first[a:b]
        yield self.late[shard][depth]

    @property
    def arrivals(self) -> dict[int, list[tuple[int, int]]]:
        """Made anew at every call: large."""
        out: dict[int, list[tuple[int, int]]] = {}
        for depth in self.layers:
            for n, shard in enumerate(self.shards):
                for rows, ids in self.arrived(n, depth):
                    for row, i in zip(rows.tolist(), ids.tolist(), strict=True):
                        out.setdefault(self.packed(shard.words[row]), []).append((depth, self.sets.masks[i]))
        return out

    @property
    def edges(self) -> list[tuple[int, int, int, int]]:
        """Made anew at every call, by expanding every state again: large. One edge for all arrivals of its state."""
        out = []
        for shard in self.shards:
            for a in range(0, shard.n, LARGEST):
                b = min(a + LARGEST, shard.n)
                chunk = Chunk(shard.words[a:b], shard.total[a:b])
                self.code.expand(chunk)
                states = [self.packed(w) for w in shard.words[a:b]]
                for step, rows, ids, columns in chunk.moves:
                    for row, i, *words in zip(rows.tolist(), ids.tolist(), *columns, strict=True):
                        out.append((states[row], step, self.packed(words), self.sets.masks[i]))
        return out

    def depths_of(self, policy: int) -> list[np.ndarray]:
        """For each shard, the layer in which `policy` first reaches each state, -1 where it never does."""
        if self._depths is None or self._depths[0] != policy:
            mine, found = self.sets.holding(1 << policy), []
            for n, shard in enumerate(self.shards):
                out = np.full(shard.n, -1, np.int32)
                for depth in self.layers:
                    for rows, ids in self.arrived(n, depth):
                        out[rows[mine[ids]]] = depth
                found.append(out)
            self._depths = policy, found
        return self._depths[1]

    def arrival(self, policy: int, state: int) -> int:
        words = self.rows([state])
        h = hashes(words)
        n = int(shard_of(h)[0])
        row = int(self.shards[n].find(words, h)[0][0])
        return -1 if row < 0 else int(self.depths_of(policy)[n][row])

    def layer(self, policy: int, depth: int) -> Iterator[int]:
        mine = self.sets.holding(1 << policy)
        for n, shard in enumerate(self.shards):
            for rows, ids in self.arrived(n, depth):
                yield from map(self.packed, shard.words[rows[mine[ids]]].tolist())

    def before(self, policy: int, state: int, depth: int) -> tuple[int, int]:
        """Only states that differ from `state` in nothing but what some actor's steps write are expanded."""
        target, mine, found = self.rows([state])[0], self.sets.holding(1 << policy), []
        for n, shard in enumerate(self.shards):
            for rows, ids in self.arrived(n, depth - 1):
                words = shard.words[rows[mine[ids]]]
                near = np.zeros(len(words), bool)
                for kept in self._kept:
                    near |= ((words & kept) == (target & kept)).all(axis=1)
                for source in map(self.packed, words[near].tolist()):
                    out: list = []
                    self.run.printed.expand(source, 1 << policy, out)
                    found += [(step, source) for step, after, _ in out if step >= 0 and after == state]
        step, source = min(found)
        return source, step

    @cached_property
    def _kept(self) -> np.ndarray:
        """For the moves that each control field finds, the bits that none of them writes."""
        written: dict = {}
        for move in self.run.printed.plan.moves:
            written[move.control] = written.get(move.control, 0) | move.written
        return self.rows(~bits & (1 << WORD * self.layout.words) - 1 for bits in written.values())

    @cached_property
    def _stuck(self) -> list[np.ndarray]:
        return Settling(self).stuck()

    def stuck(self) -> Iterator[tuple[int, int]]:
        for shard, ids in zip(self.shards, self._stuck, strict=True):
            for row in np.flatnonzero(ids).tolist():
                yield self.packed(shard.words[row]), self.sets.masks[ids[row]]

    def first_stuck(self) -> Iterator[tuple[int, int, int]]:
        done = 0
        for depth in self.layers:
            for n, (shard, stuck) in enumerate(zip(self.shards, self._stuck, strict=True)):
                for rows, ids in self.arrived(n, depth):
                    here = self.sets.common(ids, stuck[rows])
                    for at in np.sort(np.unique(here, return_index=True)[1]).tolist():
                        mask = self.sets.masks[here[at]] & ~done
                        if mask:
                            yield depth, self.packed(shard.words[rows[at]]), mask
                            done |= mask

    def stuck_in(self, policy: int, depth: int) -> Iterator[int]:
        mine = self.sets.holding(1 << policy)
        for n, (shard, stuck) in enumerate(zip(self.shards, self._stuck, strict=True)):
            for rows, ids in self.arrived(n, depth):
                yield from map(self.packed, shard.words[rows[mine[ids] & mine[stuck[rows]]]].tolist())


def _enter(shard: Visited, waiting: list[Piece]) -> list[tuple]:
    """Enter all pieces at once; returns what `Visited.enter` does, in a list that is empty where there is nothing."""
    if not any(len(h) for _, h, _ in waiting):
        return []
    return [shard.enter(*(np.concatenate(column) for column in zip(*waiting, strict=True)))]
