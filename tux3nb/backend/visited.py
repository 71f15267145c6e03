"""The states seen so far, as arrays: exact deduplication by sorting hashes, a whole layer at a time.

A state is a row of words (int64). Equal hashes are always compared word by word; two different states with one hash
cost time, never correctness.
"""

from __future__ import annotations

import numpy as np

from .sets import ID, PolicySets

MIX = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93, 0xFF51AFD7ED558CCD)
FINISH = np.uint64(0xBF58476D1CE4E5B9)


def hashes(words: np.ndarray) -> np.ndarray:
    """A 64-bit hash of each row of `words`."""
    bits = words.view(np.uint64)
    h = np.zeros(len(words), np.uint64)
    for k in range(words.shape[1]):
        h += bits[:, k] * np.uint64(MIX[k % len(MIX)] + 2 * k)
        h ^= h >> np.uint64(29 + k % 5)
    h *= FINISH
    h ^= h >> np.uint64(32)
    return h


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
    return order, np.concatenate([[0], np.flatnonzero(~equal) + 1]), ordered


def _in_order(words: np.ndarray, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows in an order, and which of them (but the first) equal the row before."""
    ordered = words.take(order, axis=0)
    equal = ordered[1:, 0] == ordered[:-1, 0]
    for k in range(1, words.shape[1]):
        equal &= ordered[1:, k] == ordered[:-1, k]
    return ordered, equal


class Visited:
    """States with the policies that have reached them.

    words: (n, words of a state). first: the policy set of the first arrival; total: of all; both by number.
    The index is a few sorted runs of hashes, each at least three times as long as the next, and `odd`, the states
    whose hash is that of another state.
    """

    def __init__(self, width: int, sets: PolicySets):
        self.n, self.sets = 0, sets
        self.words = np.empty((1024, width), np.int64)
        self.first, self.total = np.empty(1024, ID), np.empty(1024, ID)
        self._runs: list[tuple[np.ndarray, np.ndarray]] = []
        self._odd: dict[bytes, int] = {}

    def find(self, words: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(the row of each state, or -1; which of them have the hash of another state)."""
        rows = np.full(len(h), -1, np.int64)
        for run, places in self._runs:
            at = np.searchsorted(run, h)
            at[at == len(run)] = 0
            hit = np.flatnonzero(run[at] == h)
            rows[hit] = places[at[hit]]
        hit = np.flatnonzero(rows >= 0)
        known, asked = self.words.take(rows[hit], axis=0), words.take(hit, axis=0)
        other = hit[(known != asked).any(axis=1)]
        for i in other.tolist():
            rows[i] = self._odd.get(words[i].tobytes(), -1)
        return rows, other

    def enter(self, words: np.ndarray, h: np.ndarray, ids: np.ndarray) -> tuple[np.ndarray, ...]:
        """Enter rows of states (which may repeat) with policy sets.

        Returns ``(words, ids)`` of the states never seen before, then ``(words, ids, rows)`` of those that other
        policies had reached: each state once, with the policies that are new to it.
        """
        order, starts, ordered = group(words, h)
        ids = self._united(ids, order, starts)
        words, h = ordered.take(starts, axis=0), h[order[starts]]
        rows, odd = self.find(words, h)
        hit = np.flatnonzero(rows >= 0)
        new = self.sets.minus(ids[hit], self.total[rows[hit]])
        hit, new = hit[new > 0], new[new > 0]
        late = rows[hit]
        self.total[late] = self.sets.union(self.total[late], new)
        miss = np.flatnonzero(rows < 0)
        fresh = words[miss], ids[miss]
        self._append(*fresh, h[miss], np.isin(miss, odd))
        return *fresh, words[hit], new, late

    def _united(self, ids: np.ndarray, order: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """The union of the policy sets of every group: the first of each with the second, then the third, ..."""
        sizes = np.diff(starts, append=len(order))
        out = ids[order[starts]]
        nth, left = 1, np.flatnonzero(sizes > 1)
        while left.size:
            out[left] = self.sets.union(out[left], ids[order[starts[left] + nth]])
            nth += 1
            left = left[sizes[left] > nth]
        return out

    def _append(self, words: np.ndarray, ids: np.ndarray, h: np.ndarray, odd: np.ndarray):
        n, end = self.n, self.n + len(h)
        if end > len(self.first):
            for a in (self.words, self.first, self.total):  # a big array grows in place: no second copy
                a.resize((end + end // 2, *a.shape[1:]), refcheck=False)
        self.words[n:end] = words
        self.first[n:end] = self.total[n:end] = ids
        self.n = end
        if end > n:
            odd[1:] |= h[1:] == h[:-1]
            for i in np.flatnonzero(odd).tolist():
                self._odd[words[i].tobytes()] = n + i
            if not odd.all():
                self._index(h[~odd], np.arange(n, end)[~odd])

    def _index(self, h: np.ndarray, rows: np.ndarray):
        """A new run; then runs of similar length are merged."""
        self._runs.append((h, rows.astype(ID if self.n < 1 << 31 else np.int64)))
        while len(self._runs) > 1 and len(self._runs[-2][0]) < 3 * len(self._runs[-1][0]):
            (a, x), (b, y) = self._runs[-2:]
            at = np.searchsorted(a, b) + np.arange(len(b))
            self._runs[-2:] = [(_insert(a, b, at), _insert(x, y, at))]


def _insert(a: np.ndarray, b: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Both arrays in one, the elements of `b` at the places `at`."""
    out = np.empty(len(a) + len(b), np.promote_types(a.dtype, b.dtype))
    rest = np.ones(len(out), bool)
    rest[at] = False
    out[at], out[rest] = b, a
    return out
