"""The states seen so far, as arrays: exact deduplication, a whole layer at a time.

A state is a row of words (int64). What a layer brings is grouped by sorting hashes, and each different state looked up
once. Rows are always compared word by word.
"""

from __future__ import annotations

import numpy as np

from .index import Index, hashes
from .sets import ID, PolicySets


def group(words: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(order, starts, words in that order): equal rows stand together, each group from one of `starts` on.

    Groups are ordered by hash wherever hashes tell them apart. Sorting one array of keys is several times faster than
    an argsort, so a key is the upper part of the hash with the row's number below it.
    """
    n = len(h)
    low = np.uint64(max(1, int(n).bit_length()))
    keys = h >> low << low
    keys |= np.arange(n, dtype=np.uint64)
    keys.sort()
    order = (keys & ((np.uint64(1) << low) - np.uint64(1))).astype(np.int64)
    keys >>= low
    ordered, equal = _in_order(words, order)
    if (equal != (keys[1:] == keys[:-1])).any():  # the upper part of the hash was not enough
        order = np.argsort(h, kind="stable")
        ordered, equal = _in_order(words, order)
        if (equal != (h[order[1:]] == h[order[:-1]])).any():  # nor was the whole
            order = np.lexsort([*words.T, h])
            ordered, equal = _in_order(words, order)
    return order, np.flatnonzero(np.concatenate([[True], ~equal])[:n]), ordered


def _in_order(words: np.ndarray, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows in an order, and which of them (but the first) equal the row before."""
    ordered = words.take(order, axis=0)
    equal = ordered[1:, 0] == ordered[:-1, 0]
    for k in range(1, words.shape[1]):
        equal &= ordered[1:, k] == ordered[:-1, k]
    return ordered, equal


def merged(sets: PolicySets, words: np.ndarray, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(words, hashes, policy sets) of states that may repeat, each once with the union of its sets."""
    h = hashes(words.T)
    order, starts, ordered = group(words, h)
    sizes = np.diff(starts, append=len(order))
    out = ids[order[starts]]
    nth, left = 1, np.flatnonzero(sizes > 1)
    while left.size:  # the first of each group with the second, then the third, ...
        out[left] = sets.union(out[left], ids[order[starts[left] + nth]])
        nth += 1
        left = left[sizes[left] > nth]
    return ordered.take(starts, axis=0), h[order[starts]], out


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


def unite(sets: PolicySets, into: np.ndarray, at: np.ndarray, ids: np.ndarray):
    """Unite policy sets into the rows `at`, which may repeat."""
    keep = np.flatnonzero(ids)
    at, ids = at[keep], ids[keep]
    order = np.argsort(at, kind="stable")
    at, ids = at[order], ids[order]
    while at.size:
        first = np.concatenate([[True], at[1:] != at[:-1]])
        into[at[first]] = sets.union(into[at[first]], ids[first])
        at, ids = at[~first], ids[~first]
