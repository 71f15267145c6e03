"""Policy sets by number: a state of a frontier carries one small number, whatever the size of the family.

Even families of thousands of policies meet only hundreds or thousands of different sets, so all that is done row by
row is done on numbers, and the sets themselves (Python ints, one bit a policy) are touched once for each different
pair. Number 0 is the empty set.
"""

from __future__ import annotations

import operator
from threading import Lock

import numpy as np

ID = np.int32


def _minus(a: int, b: int) -> int:
    return a & ~b


class PolicySets:
    """All policy sets met so far; threads may use it at the same time."""

    def __init__(self):
        self.masks: list[int] = [0]
        self._numbers = {0: 0}
        self._known: dict[object, dict[int, int]] = {operator.or_: {}, operator.and_: {}, _minus: {}}
        self.lock = Lock()

    def __len__(self) -> int:
        return len(self.masks)

    def number(self, mask: int) -> int:
        """The number of a set; hold `lock` where several threads run."""
        found = self._numbers.get(mask)
        if found is None:
            found = self._numbers[mask] = len(self.masks)
            self.masks.append(mask)
        return found

    def holding(self, policies: int) -> np.ndarray:
        """For each number, whether its set has a member in common with `policies`."""
        return np.array([bool(mask & policies) for mask in self.masks])

    def union(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return self._pairwise(operator.or_, a, b, a)

    def common(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return self._pairwise(operator.and_, a, b, a)

    def minus(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return self._pairwise(_minus, a, b, np.zeros_like(a))

    def _pairwise(self, op, a: np.ndarray, b: np.ndarray, if_equal: np.ndarray) -> np.ndarray:
        """`op` row by row: most rows have two equal sets, the others few different pairs."""
        rows = np.flatnonzero(a != b)
        if not rows.size:
            return if_equal
        pairs, which = np.unique(a[rows].astype(np.int64) << 32 | b[rows], return_inverse=True)
        known, masks = self._known[op], self.masks
        with self.lock:
            for pair in pairs.tolist():
                if pair not in known:
                    known[pair] = self.number(op(masks[pair >> 32], masks[pair & 0xFFFFFFFF]))
            values = np.array([known[pair] for pair in pairs.tolist()], ID)
        out = if_equal.copy()
        out[rows] = values[which]
        return out


class Cut:
    """A policy guard on numbers: which set is left of a set, by the row of the guard's table.

    What has been computed once stands in an array: entry ``number * rows + row``, -1 where it is not known yet.
    """

    def __init__(self, sets: PolicySets, masks: tuple[int, ...]):
        self._sets, self._masks = sets, masks
        self._left = np.full(64 * len(masks), -1, ID)

    def __call__(self, numbers: np.ndarray, row: np.ndarray | int) -> np.ndarray:
        """The numbers of what the guard leaves, for sets by number and the table's row by state."""
        at = numbers.astype(np.int64) * len(self._masks) + row
        left = self._left
        if int(at.max()) < len(left):
            out = left[at]
            if (out >= 0).all():
                return out
        with self._sets.lock:
            self._complete(np.unique(at).tolist())
            return self._left[at]

    def _complete(self, places: list[int]):
        rows, sets = len(self._masks), self._sets
        if places[-1] >= len(self._left):
            more = np.full(2 * (places[-1] + 1) - len(self._left), -1, ID)
            self._left = np.concatenate([self._left, more])
        for at in places:
            if self._left[at] < 0:
                self._left[at] = sets.number(sets.masks[at // rows] & self._masks[at % rows])
