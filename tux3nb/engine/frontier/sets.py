"""Policy sets by number: a state of a frontier carries one small number, whatever the size of the family.

Even families of thousands of policies meet only hundreds or thousands of different sets, so all that is done row by
row is done on numbers, and the sets themselves (Python ints, one bit a policy) are touched once for each different
pair. Number 0 is the empty set.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from threading import RLock

import numpy as np

from tux3nb.engine.frontier.hashing import Column, Known, hashes

ID = np.int32
MOST_SQUARE = 2048  # sets up to which the results of an operation stand in a square table


def _minus(a: int, b: int) -> int:
    return a & ~b


class PolicySets:
    """All policy sets met so far; threads may use it at the same time."""

    def __init__(self):
        self.masks: list[int] = [0]
        self._numbers = {0: 0}
        self.lock = RLock()
        self.union, self.common, self.minus = (_Operation(self, op) for op in (operator.or_, operator.and_, _minus))

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


class _Operation:
    """An operation on two arrays of numbers of sets, row by row; each pair of sets is computed once.

    As long as there are few sets, results stand in a square table (memory of zeros costs nothing before it is used):
    entry ``a * MOST_SQUARE + b`` is the result inverted, so that 0 is what is not known yet.
    """

    def __init__(self, sets: PolicySets, op: Callable[[int, int], int]):
        self._sets, self._op = sets, op
        self._square = np.zeros(MOST_SQUARE * MOST_SQUARE, ID)
        self._pairs, self._results = Known(1, self._learn), Column(ID)

    def __call__(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        if len(self._sets) > MOST_SQUARE:
            return self._by_pair(a, b)
        at = a.astype(np.int64) * MOST_SQUARE + b
        out = self._square.take(at)
        if not out.all():
            with self._sets.lock:
                for pair in np.unique(at[out == 0]).tolist():
                    self._square[pair] = ~self._compute(*divmod(pair, MOST_SQUARE))
            out = self._square.take(at)
        return ~out

    def _by_pair(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        pairs = a.astype(np.int64) << 32 | b
        numbers = self._pairs.numbers(pairs[:, None], hashes([pairs]))  # learns what is not known yet
        return self._results.all.take(numbers)

    def _learn(self, pairs: np.ndarray):
        with self._sets.lock:
            self._results.extend([self._compute(pair >> 32, pair & 0xFFFFFFFF) for pair in pairs[:, 0].tolist()])

    def _compute(self, a: int, b: int) -> int:
        masks = self._sets.masks
        return self._sets.number(self._op(masks[a], masks[b]))
