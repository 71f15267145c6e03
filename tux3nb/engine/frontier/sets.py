"""Policy sets by number, many rows at a time: each different pair of sets is worked out once."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from tux3nb.engine.family import Numbers
from tux3nb.engine.frontier.hashing import Column, Known, hashes

ID = np.int32
MOST_SQUARE = 2048  # sets up to which the results of an operation stand in a square table


class SetArrays:
    """Operations on arrays of numbers of sets, row by row; threads may use them at the same time."""

    def __init__(self, numbers: Numbers):
        self.numbers = numbers
        self.union, self.common = _Operation(numbers, operator.or_), _Operation(numbers, operator.and_)
        self.minus = _Operation(numbers, lambda a, b: a & ~b)

    def __len__(self) -> int:
        return len(self.numbers)

    def unite(self, into: np.ndarray, at: np.ndarray, ids: np.ndarray) -> None:
        """Unite sets into the rows `at`, which may repeat."""
        keep = np.flatnonzero(ids)
        at, ids = at[keep], ids[keep]
        order = np.argsort(at, kind="stable")
        at, ids = at[order], ids[order]
        starts = np.flatnonzero(np.concatenate([[True], at[1:] != at[:-1]])[: len(at)])
        into[at[starts]] = self.union(into[at[starts]], self.united(ids, starts))

    def united(self, ids: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """The union of each group of sets: of the first and the second, then of that and the third, and so on."""
        sizes = np.diff(starts, append=len(ids))
        out, nth = ids[starts], 1
        left = np.flatnonzero(sizes > 1)
        while left.size:
            out[left] = self.union(out[left], ids[starts[left] + nth])
            nth += 1
            left = left[sizes[left] > nth]
        return out


class _Operation:
    """An operation on two arrays of numbers; each pair is computed once.

    As long as there are few sets, results stand in a square table (memory of zeros costs nothing before it is used):
    entry ``a * MOST_SQUARE + b`` is the result inverted, so that 0 is what is not known yet.
    """

    def __init__(self, numbers: Numbers, op: Callable[[Any, Any], Any]):
        self._numbers, self._op = numbers, op
        self._square = np.zeros(MOST_SQUARE * MOST_SQUARE, ID)
        self._pairs, self._results = Known(1, self._learn), Column(ID)

    def __call__(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        if len(self._numbers) > MOST_SQUARE:
            pairs = a.astype(np.int64) << 32 | b
            known = self._pairs.numbers(pairs[:, None], hashes([pairs]))  # learns what is not known yet
            return self._results.all.take(known)
        at = a.astype(np.int64) * MOST_SQUARE + b
        out = self._square.take(at)
        if not out.all():
            for pair in np.unique(at[out == 0]).tolist():
                self._square[pair] = ~self._compute(*divmod(pair, MOST_SQUARE))
            out = self._square.take(at)
        return ~out

    def _learn(self, pairs: np.ndarray) -> None:
        self._results.extend([self._compute(pair >> 32, pair & 0xFFFFFFFF) for pair in pairs[:, 0].tolist()])

    def _compute(self, a: int, b: int) -> int:
        return self._numbers.number(self._op(self._numbers[a], self._numbers[b]))
