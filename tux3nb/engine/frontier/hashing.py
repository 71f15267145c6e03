"""Numbers for rows of words, by open addressing in arrays: exact, many rows at a time.

Rows are compared word by word; two different rows with one hash cost time, never correctness.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import RLock
from typing import Any

import numpy as np

MIX = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93, 0xFF51AFD7ED558CCD)
FINISH = np.uint64(0xBF58476D1CE4E5B9)
AT_ONCE = 1 << 18  # rows hashed at once when the table grows: bounds memory beside it


def hashes(columns: Iterable[np.ndarray]) -> np.ndarray:
    """A 64-bit hash of each row, given the columns of its words (at least one)."""
    h: Any = np.uint64(0)
    for k, column in enumerate(columns):
        h = h + column.view(np.uint64) * np.uint64(MIX[k % len(MIX)] + 2 * k)
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
    return order, np.flatnonzero(np.concatenate([[True], ~equal])[:n]), ordered


def _in_order(words: np.ndarray, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows in an order, and which of them (but the first) equal the row before."""
    ordered = words.take(order, axis=0)
    equal = ordered[1:, 0] == ordered[:-1, 0]
    for k in range(1, words.shape[1]):
        equal &= ordered[1:, k] == ordered[:-1, k]
    return ordered, equal


class Column:
    """An array that grows at its end. What has been taken from it stays as it is, so that others may go on reading."""

    def __init__(self, kind, *width: int):
        self._room, self._n = np.empty((64, *width), kind), 0

    @property
    def all(self) -> np.ndarray:
        return self._room[: self._n]

    def extend(self, values):
        values = np.asarray(values, self._room.dtype).reshape(-1, *self._room.shape[1:])
        end = self._n + len(values)
        if end > len(self._room):
            room = np.empty((2 * end, *self._room.shape[1:]), self._room.dtype)
            room[: self._n] = self._room[: self._n]
            self._room = room
        self._room[self._n : end] = values
        self._n = end


class Index:
    """Rows of words (int64), numbered in the order in which they are entered.

    words: (room, words of a row), of which the first `n` are taken. A slot has the number of a row, or -1; a row whose
    slot is taken is in one of the next. Where others `find` while one enters, `apart` must be true: then arrays that
    somebody may be reading are replaced, not resized.
    """

    def __init__(self, width: int, apart: bool = False):
        self.n = 0
        self.words = np.empty((1024, width), np.int64)
        self._apart = apart
        self._slots = np.full(1 << 12, -1, np.int32)

    def find(self, words: np.ndarray, h: np.ndarray) -> np.ndarray:
        """The number of each row, given its hash; -1 where it has not been entered."""
        slots, known = self._slots, self.words
        slot = h.view(np.int64) & len(slots) - 1
        numbers = slots.take(slot)
        other = np.flatnonzero(_differ(known, numbers, words))
        while other.size:
            slot[other] = slot[other] + 1 & len(slots) - 1
            numbers[other] = found = slots.take(slot[other])
            other = other[_differ(known, found, words.take(other, axis=0))]
        return numbers

    def enter(self, words: np.ndarray, h: np.ndarray):
        """Number rows that differ from each other and from all that have been entered."""
        begin, end = self.n, self.n + len(h)
        if end > len(self.words):
            self._make_room(end + end // 2)
        self.words[begin:end] = words
        self.n = end
        slots_each = 8 if end < AT_ONCE else 2  # one more look at a slot costs a small table a dozen calls
        if slots_each * end > len(self._slots):
            slots = np.full(1 << (slots_each * end).bit_length(), -1, np.int32)
            for a in range(0, end, AT_ONCE):
                rows = self.words[a : min(a + AT_ONCE, end)]
                _take_slots(slots, hashes(rows.T), a)
        else:
            slots = self._slots.copy() if self._apart else self._slots
            _take_slots(slots, h, begin)
        self._slots = slots  # whoever finds meanwhile sees all of it or nothing

    def _make_room(self, rows: int):
        if self._apart:
            words = np.empty((rows, self.words.shape[1]), np.int64)
            words[: self.n] = self.words[: self.n]
            self.words = words
        else:
            self.words.resize((rows, self.words.shape[1]), refcheck=False)  # in place: no second copy


class Known(Index):
    """An index of what has been asked; threads may ask at the same time.

    `learn` is told of rows before anybody can find their numbers: in order, each once.
    """

    def __init__(self, width: int, learn: Callable[[np.ndarray], None]):
        super().__init__(width, apart=True)
        self._learn, self._lock = learn, RLock()

    def numbers(self, words: np.ndarray, h: np.ndarray) -> np.ndarray:
        """The number of each row, given its hash; what has none is learnt."""
        numbers = self.find(words, h)
        new = np.flatnonzero(numbers < 0)
        if new.size:
            words, h = words[new], h[new]
            with self._lock:
                left = np.flatnonzero(self.find(words, h) < 0)  # another thread may have learnt some, or all
                if left.size:
                    order, starts, ordered = group(words[left], h[left])
                    self._learn(ordered[starts])
                    self.enter(ordered[starts], h[left][order[starts]])
            numbers[new] = self.find(words, h)
        return numbers


def _differ(known: np.ndarray, numbers: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Where a number is one, but of another row."""
    was = known.take(numbers, axis=0, mode="wrap")
    differ = was[:, 0] != words[:, 0]
    for k in range(1, words.shape[1]):
        differ |= was[:, k] != words[:, k]
    differ &= numbers >= 0
    return differ


def _take_slots(slots: np.ndarray, h: np.ndarray, first: int):
    """Put the numbers from `first` on into slots, given their hashes."""
    slot = h.view(np.int64) & len(slots) - 1
    left = np.arange(len(h))
    while left.size:
        wanted = slot[left]
        free = slots.take(wanted) < 0
        slots[wanted[free]] = first + left[free]  # where several want one slot, one of them gets it
        lost = slots.take(wanted) != first + left
        left = left[lost]
        slot[left] = wanted[lost] + 1 & len(slots) - 1
