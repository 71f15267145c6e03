"""The states seen so far, as arrays: exact deduplication, a whole layer at a time.

A state is a row of words (int64). What a layer brings is grouped by sorting hashes, and each different state looked up
once. Rows are always compared word by word.
"""

from __future__ import annotations

import numpy as np

from tux3nb.engine.frontier.hashing import Index, group, hashes, starts_of
from tux3nb.engine.frontier.sets import ID, PolicySets


def merged(sets: PolicySets, words: np.ndarray, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(words, hashes, policy sets) of states that may repeat, each once with the union of its sets."""
    h = hashes(words.T)
    order, starts, ordered = group(words, h)
    return ordered.take(starts, axis=0), h[order[starts]], _united(sets, ids[order], starts)


def unite(sets: PolicySets, into: np.ndarray, at: np.ndarray, ids: np.ndarray):
    """Unite policy sets into the rows `at`, which may repeat."""
    keep = np.flatnonzero(ids)
    at, ids = at[keep], ids[keep]
    order = np.argsort(at, kind="stable")
    at, ids = at[order], ids[order]
    starts = starts_of(at[1:] != at[:-1], len(at))
    into[at[starts]] = sets.union(into[at[starts]], _united(sets, ids, starts))


def _united(sets: PolicySets, ids: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """The union of each group of policy sets: of the first and the second, then of that and the third, ..."""
    sizes = np.diff(starts, append=len(ids))
    out, nth = ids[starts], 1
    left = np.flatnonzero(sizes > 1)
    while left.size:
        out[left] = sets.union(out[left], ids[starts[left] + nth])
        nth += 1
        left = left[sizes[left] > nth]
    return out


class Visited(Index):
    """States with the policies that have reached them.

    words: (room, words of a state). first: the policy set that arrived in the layer in which the state was new; total:
    of all; both by number.
    """

    def __init__(self, width: int, sets: PolicySets):
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
