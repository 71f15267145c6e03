"""Progress on the states that a search by whole layers has found: a backward fixed point."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tux3nb.engine.frontier.chunk import Chunk, Found
from tux3nb.engine.frontier.hashing import hashes
from tux3nb.engine.frontier.parallel import each
from tux3nb.engine.frontier.sets import ID
from tux3nb.engine.frontier.visited import unite

if TYPE_CHECKING:
    from tux3nb.engine.frontier.graph import LayerGraph


class Settling:
    """From which states, under which policies, a settled state can be reached without a releasing step.

    A backward fixed point. One sweep from the last layer to the first expands every state again and decides most of
    them; only the edges of those that it leaves open (they wait for a state of the same layer or an earlier one) are
    stored, 12 bytes each, and followed until nothing changes.
    """

    def __init__(self, graph: LayerGraph):
        self.seen, self.code, self.sets, self.bounds = graph.seen, graph.code, graph.sets, graph.bounds
        self.release = np.array([step.rule.release for step in graph.run.system.steps], bool)
        self.limit = np.array([event.kind == "limit" for event in graph.run.printed.events], bool)
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
            ahead = each(lambda piece, rows=rows, todo=todo: self._look_ahead(rows[piece], todo[piece]), len(rows))
            for rows, gain, open_edges in ahead:
                self.can[rows] = self.sets.union(self.can[rows], gain)
                kept.append(open_edges)
        return tuple(np.concatenate(column) for column in zip(*kept, strict=True))

    def _look_ahead(self, rows: np.ndarray, todo: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple]:
        """(states, policies found to settle from each, edges that leave the others open).

        Mostly the first successor decides, so it is looked up first, and the others where something is left open.
        """
        chunk = Chunk(self.seen.words[rows], todo)
        self.code.expand(chunk)
        gain = np.zeros(len(rows), ID)
        limit = self.limit[chunk.events.numbers]  # behind a limit of the model anything may come
        unite(self.sets, gain, chunk.events.rows[limit], chunk.events.ids[limit])
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
        unite(self.sets, gain, moves.rows, self.sets.common(moves.ids, self.can[after]))
        return after

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
            unite(self.sets, self.can, rows, gain[hit])
            changed[:] = False
            changed[rows] = True
