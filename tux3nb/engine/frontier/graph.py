"""The states that a search by whole layers has found, and what can be asked about them.

States are kept, edges are not: a run is rebuilt by expanding one layer after the other backwards, for one policy, and
progress by expanding all layers again, last one first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property

import numpy as np

from tux3nb.engine.fields import WORD
from tux3nb.engine.frontier.chunk import Chunk
from tux3nb.engine.frontier.hashing import hashes
from tux3nb.engine.frontier.parallel import each, pieces
from tux3nb.engine.frontier.sets import ID, PolicySets
from tux3nb.engine.frontier.settling import Settling
from tux3nb.engine.frontier.tables import Frontier, words_of
from tux3nb.engine.frontier.visited import Visited, merged, unite
from tux3nb.engine.result import Exploration
from tux3nb.engine.search import StoredGraph

Part = tuple[np.ndarray, np.ndarray]  # words (n, words of a state) or rows (n), policy sets (n)
Piece = tuple[np.ndarray, np.ndarray, np.ndarray]  # words, hashes, policy sets


class LayerGraph:
    """States by layer, in arrays; see `tux3nb.engine.result.Graph`.

    bounds: the row at which each layer begins. late: for each layer, the rows of states that policies reach then, but
    others earlier, with these policies.
    """

    def __init__(self, run: Exploration):
        self.run, self.layout = run, run.system.layout
        self.sets = PolicySets()
        self.code = Frontier(run.printed, self.layout, self.sets)
        self.seen = Visited(self.layout.words, self.sets)
        self.bounds: list[int] = [0]
        self.late: list[Part] = []
        self._arrived_late: list[Part] = []
        self._depths: tuple[int, np.ndarray] | None = None

    # ---- building ----------------------------------------------------------------------------------------
    def take_over(self, stored: StoredGraph) -> Part:
        """Enter the layers of another graph; returns the last one."""
        for layer in stored.layers:
            ids = np.array([self.sets.number(mask) for mask in layer.states.values()], ID)
            self.arrive(merged(self.sets, self.rows(layer.states), ids))
            last = self.close_layer()
        return last

    def rows(self, states: Iterable[int]) -> np.ndarray:
        """Packed states as rows of words."""
        return words_of(states, self.layout)

    def packed(self, words: Iterable) -> int:
        """One row of words as a packed state."""
        return self.layout.from_words(int(w) & 0xFFFFFFFFFFFFFFFF for w in words)

    def each_chunk(self, frontier: Part) -> Iterator[tuple[Chunk, Piece]]:
        """Judge and expand pieces of a layer; yields them in order, with their successors."""

        def work(piece: slice) -> tuple[Chunk, Piece]:
            chunk = Chunk(frontier[0][piece], frontier[1][piece])
            self.code.judge(chunk)
            self.code.expand(chunk)
            return chunk, merged(self.sets, chunk.moves.words, chunk.moves.ids)

        return each(work, len(frontier[1]))

    def arrive(self, found: Piece):
        """Enter states into the layer that is being built."""
        self._arrived_late.append(self.seen.arrive(*found, self.bounds[-1]))

    def close_layer(self) -> Part:
        """Note where the layer ends; returns its arrivals."""
        new = slice(self.bounds[-1], self.seen.n)
        rows, ids = (np.concatenate(column) for column in zip(*self._arrived_late, strict=True))
        late, which = np.unique(rows, return_inverse=True)  # one may have come several times, under other policies
        late_ids = np.zeros(len(late), ID)
        unite(self.sets, late_ids, which, ids)
        self.bounds.append(self.seen.n)
        self.late.append((late, late_ids))
        self._arrived_late = []
        words, first = self.seen.words, self.seen.first
        return np.concatenate([words[new], words[late]]), np.concatenate([first[new], late_ids])

    # ---- questions -----------------------------------------------------------------------------------------
    @property
    def layers(self) -> range:
        return range(len(self.late))

    def arrived(self, depth: int) -> Iterator[Part]:
        """(rows, policy sets) of the arrivals of a layer: those of new states, then the late ones."""
        a, b = self.bounds[depth : depth + 2]
        yield np.arange(a, b), self.seen.first[a:b]
        yield self.late[depth]

    @property
    def arrivals(self) -> dict[int, list[tuple[int, int]]]:
        """Made anew at every call: large."""
        out: dict[int, list[tuple[int, int]]] = {}
        for depth in self.layers:
            for rows, ids in self.arrived(depth):
                for row, i in zip(rows.tolist(), ids.tolist(), strict=True):
                    out.setdefault(self.packed(self.seen.words[row]), []).append((depth, self.sets.masks[i]))
        return out

    @property
    def edges(self) -> list[tuple[int, int, int, int]]:
        """Made anew at every call, by expanding every state again: large. One edge for all arrivals of its state."""
        out = []
        for piece in pieces(self.seen.n):
            chunk = Chunk(self.seen.words[piece], self.seen.total[piece])
            self.code.expand(chunk)
            states = list(map(self.packed, chunk.words))
            moves, after = chunk.moves, map(self.packed, chunk.moves.words.tolist())
            for row, step, i, to in zip(moves.rows, moves.numbers.tolist(), moves.ids, after, strict=True):
                out.append((states[row], step, to, self.sets.masks[i]))
        return out

    def depths_of(self, policy: int) -> np.ndarray:
        """The layer in which `policy` first reaches each state, -1 where it never does."""
        if self._depths is None or self._depths[0] != policy:
            mine, out = self.sets.holding(1 << policy), np.full(self.seen.n, -1, np.int32)
            for depth in self.layers:
                for rows, ids in self.arrived(depth):
                    out[rows[mine[ids]]] = depth
            self._depths = policy, out
        return self._depths[1]

    def arrival(self, policy: int, state: int) -> int:
        words = self.rows([state])
        row = int(self.seen.find(words, hashes(words.T))[0])
        return -1 if row < 0 else int(self.depths_of(policy)[row])

    def layer(self, policy: int, depth: int) -> Iterator[int]:
        mine = self.sets.holding(1 << policy)
        for rows, ids in self.arrived(depth):
            yield from map(self.packed, self.seen.words[rows[mine[ids]]].tolist())

    def before(self, policy: int, state: int, depth: int) -> tuple[int, int]:
        """Only states that differ from `state` in nothing but what some actor's steps write are expanded."""
        target, mine, found = self.rows([state])[0], self.sets.holding(1 << policy), []
        for rows, ids in self.arrived(depth - 1):
            words = self.seen.words[rows[mine[ids]]]
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
    def _stuck(self) -> np.ndarray:
        return Settling(self).stuck()

    def stuck(self) -> Iterator[tuple[int, int]]:
        for row in np.flatnonzero(self._stuck).tolist():
            yield self.packed(self.seen.words[row]), self.sets.masks[self._stuck[row]]

    def first_stuck(self) -> Iterator[tuple[int, int, int]]:
        done = 0
        for depth in self.layers if self._stuck.any() else ():
            for rows, ids in self.arrived(depth):
                here = self.sets.common(ids, self._stuck[rows])
                for at in np.sort(np.unique(here, return_index=True)[1]).tolist():
                    mask = self.sets.masks[here[at]] & ~done
                    if mask:
                        yield depth, self.packed(self.seen.words[rows[at]]), mask
                        done |= mask

    def stuck_in(self, policy: int, depth: int) -> Iterator[int]:
        mine = self.sets.holding(1 << policy)
        for rows, ids in self.arrived(depth):
            yield from map(self.packed, self.seen.words[rows[mine[ids] & mine[self._stuck[rows]]]].tolist())
