"""The states that a search by whole layers has found, and what can be asked about them.

States are kept, edges are not: a run is rebuilt by expanding one layer after the other backwards, for one policy, and
progress by expanding all layers again, last one first.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator
from functools import cached_property, partial, reduce

import numpy as np

from tux3nb.engine.fields import WORD
from tux3nb.engine.frontier.hashing import hashes
from tux3nb.engine.frontier.parallel import each, pieces
from tux3nb.engine.frontier.sets import ID, SetArrays
from tux3nb.engine.frontier.tables import Chunk, Found, Frontier, words_of
from tux3nb.engine.frontier.visited import Piece, Visited, merged
from tux3nb.engine.result import Exploration

Part = tuple[np.ndarray, np.ndarray]  # words (n, words of a state) or rows (n), policy sets (n)


class LayerGraph:
    """States by layer, in arrays; see `tux3nb.engine.result.Graph`.

    bounds: the row at which each layer begins. late: for each layer, the rows of states that policies reach then, but
    others earlier, with these policies. A graph made `beside` another of the same run shares what that has learnt.
    """

    def __init__(self, run: Exploration, beside: LayerGraph | None = None):
        self.run, self.layout = run, run.system.layout
        self.sets: SetArrays = beside.sets if beside else SetArrays(run.numbers)
        self.code: Frontier = beside.code if beside else Frontier(run.compiled, self.sets)
        self.seen = Visited(self.layout.words, self.sets)
        self.bounds: list[int] = [0]
        self.late: list[Part] = []
        self._arrived_late: list[Part] = []

    # ---- building ----------------------------------------------------------------------------------------
    def enter(self, layer: dict[int, int]) -> Part:
        """Enter a whole layer, state -> policies; returns its arrivals."""
        self.arrive(merged(self.sets, words_of(layer, self.layout), np.array(list(layer.values()), ID)))
        return self.close_layer()

    def packed(self, words: Iterable) -> int:
        """One row of words as a packed state."""
        return self.layout.from_words(int(w) & (1 << WORD) - 1 for w in words)

    def each_chunk(self, frontier: Part) -> Iterator[tuple[Chunk, Piece]]:
        """Judge and expand pieces of a layer; yields them in order, with their successors."""

        def work(piece: slice) -> tuple[Chunk, Piece]:
            chunk = Chunk(frontier[0][piece], frontier[1][piece])
            self.code.judge(chunk)
            self.code.expand(chunk)
            return chunk, merged(self.sets, chunk.moves.words, chunk.moves.ids)

        return each(work, len(frontier[1]))

    def arrive(self, found: Piece) -> None:
        """Enter states into the layer that is being built."""
        self._arrived_late.append(self.seen.arrive(*found, self.bounds[-1]))

    def close_layer(self) -> Part:
        """Note where the layer ends; returns its arrivals."""
        new = slice(self.bounds[-1], self.seen.n)
        rows, ids = (np.concatenate(column) for column in zip(*self._arrived_late, strict=True))
        late, which = np.unique(rows, return_inverse=True)  # one may have come several times, under other policies
        late_ids = np.zeros(len(late), ID)
        self.sets.unite(late_ids, which, ids)
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
                    out.setdefault(self.packed(self.seen.words[row]), []).append((depth, i))
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
            for row, step, i, to in zip(moves.rows, moves.numbers.tolist(), moves.ids.tolist(), after, strict=True):
                out.append((states[row], step, to, i))
        return out

    def arrival(self, policy: int, state: int) -> int:
        words = words_of([state], self.layout)
        row = int(self.seen.find(words, hashes(words.T))[0])
        for depth in self.layers if row >= 0 else ():
            for rows, ids in self.arrived(depth):
                at = np.searchsorted(rows, row)  # rows are in order
                if at < len(rows) and rows[at] == row and self.run.has(int(ids[at]), policy):
                    return depth
        return -1

    def layer(self, depth: int) -> Iterator[tuple[int, int]]:
        for rows, ids in self.arrived(depth):
            yield from zip(map(self.packed, self.seen.words[rows].tolist()), ids.tolist(), strict=True)

    def before(self, state: int, depth: int) -> Iterator[tuple[int, int, int, int]]:
        """Only states that are `near` are expanded."""
        target, everyone = words_of([state], self.layout)[0], self.run.numbers.all
        for rows, ids in self.arrived(depth - 1):
            near = self.near(self.seen.words[rows], target)
            states = map(self.packed, self.seen.words[rows[near]].tolist())
            for source, k in zip(states, ids[near].tolist(), strict=True):
                steps = self.run.compiled.steps(source, everyone)
                yield from ((step, source, k, theirs) for step, after, theirs in steps if after == state)

    def near(self, words: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Which states differ from a target (words) in nothing but what some actor's steps write."""
        differ, near = (words ^ target).T, np.zeros(len(words), bool)
        for kept in self._kept:
            near |= reduce(operator.and_, (column & mask == 0 for column, mask in zip(differ, kept, strict=True)))
        return near

    @cached_property
    def _kept(self) -> np.ndarray:
        """For the moves that each control field finds, the bits that none of them writes."""
        written: dict = {}
        for move in self.run.compiled.moves:
            written[move.control] = written.get(move.control, 0) | move.written
        return words_of((~bits & (1 << WORD * self.layout.words) - 1 for bits in written.values()), self.layout)

    @cached_property
    def _stuck(self) -> np.ndarray:
        return _Settling(self).stuck()

    def stuck(self) -> Iterator[tuple[int, int]]:
        for row in np.flatnonzero(self._stuck).tolist():
            yield self.packed(self.seen.words[row]), int(self._stuck[row])

    def first_stuck(self) -> Iterator[tuple[int, int, int]]:
        numbers, done = self.run.numbers, 0
        for depth in self.layers if self._stuck.any() else ():
            for rows, ids in self.arrived(depth):
                here = self.sets.common(ids, self._stuck[rows])
                for at in np.sort(np.unique(here, return_index=True)[1]).tolist():
                    new = numbers.minus[int(here[at])][done]
                    if new:
                        yield depth, self.packed(self.seen.words[rows[at]]), new
                        done = numbers.union[done][new]

    def stuck_in(self, depth: int) -> Iterator[tuple[int, int]]:
        for rows, ids in self.arrived(depth):
            at = np.flatnonzero(self._stuck[rows])
            both = self.sets.common(ids[at], self._stuck[rows[at]])
            yield from zip(map(self.packed, self.seen.words[rows[at]].tolist()), both.tolist(), strict=True)


class _Settling:
    """From which states, under which policies, a settled state can be reached without a releasing step.

    A backward fixed point. One sweep from the last layer to the first expands every state again and decides most of
    them; only the edges of those that it leaves open (they wait for a state of the same layer or an earlier one) are
    stored, 12 bytes each, and followed until nothing changes.
    """

    def __init__(self, graph: LayerGraph):
        self.seen, self.code, self.sets, self.bounds = graph.seen, graph.code, graph.sets, graph.bounds
        self.release = np.array([step.rule.release for step in graph.run.system.steps], bool)
        self.events = graph.run.compiled.events
        self.total = self.seen.total[: self.seen.n]
        settled = np.concatenate(list(each(lambda piece: self.code.settled(self.seen.words[piece]), self.seen.n)))
        self.can = np.where(settled, self.total, ID(0))

    def stuck(self) -> np.ndarray:
        """The policy sets (by number) that cannot settle, state by state."""
        self._follow(*self._sweep())
        return self.sets.minus(self.total, self.can)

    def _sweep(self) -> tuple[np.ndarray, ...]:
        """(state, successor, policies) of the edges that may still matter behind one sweep."""
        kept = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, ID))]
        for begin, end in zip(self.bounds[-2::-1], self.bounds[:0:-1], strict=True):
            todo = self.sets.minus(self.total[begin:end], self.can[begin:end])
            at = np.flatnonzero(todo)
            rows, todo = begin + at, todo[at]
            for some, gain, open_edges in each(partial(self._look_ahead, rows, todo), len(rows)):
                self.can[some] = self.sets.union(self.can[some], gain)
                kept.append(open_edges)
        return tuple(np.concatenate(column) for column in zip(*kept, strict=True))

    def _look_ahead(self, rows: np.ndarray, todo: np.ndarray, piece: slice) -> tuple[np.ndarray, np.ndarray, tuple]:
        """(states, policies found to settle from each, edges that leave the others open), for a piece of some rows.

        Mostly the first successor decides, so it is looked up first, and the others where something is left open.
        """
        rows, todo = rows[piece], todo[piece]
        chunk = Chunk(self.seen.words[rows], todo)
        self.code.expand(chunk)
        gain = np.zeros(len(rows), ID)
        limit = np.array([self.events[n].kind == "limit" for n in chunk.events.numbers.tolist()], bool)
        curbed = chunk.events.only(limit)  # behind a limit of the model anything may come
        self.sets.unite(gain, curbed.rows, curbed.ids)
        moves = chunk.moves.only(~self.release[chunk.moves.numbers])
        first = np.unique(moves.rows, return_index=True)[1]
        self._settle_by(moves.only(first), gain)
        others = moves.only((self.sets.minus(todo, gain) > 0)[moves.rows])
        after = self._settle_by(others, gain)
        left = self.sets.minus(others.ids, gain[others.rows])
        at = np.flatnonzero(left)
        small = ID if len(self.can) < 1 << 31 else np.int64
        return rows, gain, (rows[others.rows[at]].astype(small), after[at].astype(small), left[at])

    def _settle_by(self, moves: Found, gain: np.ndarray) -> np.ndarray:
        """Unite into `gain` what states can do by these moves; returns the rows of the successors."""
        after = self.seen.find(moves.words, hashes(moves.words.T))
        self.sets.unite(gain, moves.rows, self.sets.common(moves.ids, self.can[after]))
        return after

    def _follow(self, source: np.ndarray, after: np.ndarray, ids: np.ndarray) -> None:
        """Follow edges backwards until nothing changes, each time those into states that have just changed."""
        changed = np.ones(len(self.can), bool)
        while True:
            at = np.flatnonzero(changed[after])
            gain = self.sets.minus(self.sets.common(ids[at], self.can[after[at]]), self.can[source[at]])
            hit = np.flatnonzero(gain)
            if not hit.size:
                return
            rows = source[at[hit]]
            self.sets.unite(self.can, rows, gain[hit])
            changed[:] = False
            changed[rows] = True
