"""The states seen so far, as arrays: exact deduplication, a whole layer at a time.

A state is a row of words (int64). What a layer brings is grouped by sorting hashes, and each different state looked up
once. Rows are always compared word by word.
"""

from __future__ import annotations

import numpy as np

from tux3nb.engine.frontier.hashing import Index, group, hashes
from tux3nb.engine.frontier.sets import ID, SetArrays

Piece = tuple[np.ndarray, np.ndarray, np.ndarray]  # words, hashes, policy sets


def merged(sets: SetArrays, words: np.ndarray, ids: np.ndarray) -> Piece:
    """States that may repeat, each once with the union of its sets."""
    h = hashes(words.T)
    order, starts, ordered = group(words, h)
    return ordered.take(starts, axis=0), h[order[starts]], sets.united(ids[order], starts)


class Visited(Index):
    """States with the policies that have reached them.

    words: (room, words of a state). first: the policy set that arrived in the layer in which the state was new; total:
    of all; both by number.
    """

    def __init__(self, width: int, sets: SetArrays):
        super().__init__(width)
        self.sets = sets
        self.first, self.total = np.empty(1024, ID), np.empty(1024, ID)

    def arrive(self, words: np.ndarray, h: np.ndarray, ids: np.ndarray, begin: int) -> tuple[np.ndarray, np.ndarray]:
        """States (each once) arrive with policy sets, in the layer that begins at row `begin`.

        Returns the rows of the states that others reached in earlier layers, with the policies that are new to them.
        """
        rows = self.find(words, h).astype(np.int64)
        hit, miss = np.flatnonzero(rows >= 0), np.flatnonzero(rows < 0)
        new = self.sets.minus(ids[hit], self.total[rows[hit]])
        late, new = rows[hit[new > 0]], new[new > 0]
        self.total[late] = self.sets.union(self.total[late], new)
        here = late >= begin
        self.first[late[here]] = self.sets.union(self.first[late[here]], new[here])
        self._append(words[miss], h[miss], ids[miss])
        return late[~here], new[~here]

    def _append(self, words: np.ndarray, h: np.ndarray, ids: np.ndarray):
        begin = self.n
        self.enter(words, h)
        if self.n > len(self.first):
            for a in (self.first, self.total):
                a.resize(len(self.words), refcheck=False)
        self.first[begin : self.n] = self.total[begin : self.n] = ids
