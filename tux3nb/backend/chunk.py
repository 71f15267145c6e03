"""Some states of a frontier, and who of them is where: what the code printed for numpy works on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..layout import Field


class Chunk:
    """Some states of a frontier, and what was found by expanding them.

    words: a column a word. ids: the policy sets. moves: (step index, rows they came from, policy sets, columns of the
    successors). events: (event number, rows, policy sets). broken: (index of the clause, rows). taken: for each policy
    set, how many moves have it (counted by whoever collects the successors).
    """

    def __init__(self, words: np.ndarray, ids: np.ndarray):
        self.words = [np.ascontiguousarray(words[:, k]) for k in range(words.shape[1])]
        self.ids = ids
        self.moves: list[tuple[int, np.ndarray, np.ndarray, tuple[np.ndarray, ...]]] = []
        self.events: list[tuple[int, np.ndarray, np.ndarray]] = []
        self.broken: list[tuple[int, np.ndarray]] = []
        self.taken = np.zeros(0, np.int64)

    def move(self, index: int, rows: np.ndarray, ids: np.ndarray, *successors: np.ndarray):
        self.moves.append((index, rows, ids, successors))

    def event(self, number: int, rows: np.ndarray, ids: np.ndarray, where: np.ndarray | None = None):
        if where is None:
            self.events.append((number, rows, ids))
        elif where.any():
            self.events.append((number, rows[where], ids[where]))

    def clause(self, k: int, good: np.ndarray):
        if not good.all():
            self.broken.append((k, np.flatnonzero(~good)))

    def row(self, i: int) -> tuple[int, ...]:
        """The words of one state."""
        return tuple(int(w[i]) for w in self.words)


def dispatch(c: Chunk, rows: np.ndarray, control: tuple[Field, int] | None, by_value: dict[int, Callable]):
    """Call each place's function with the rows whose control field says that they are there."""
    if not rows.size:
        return
    if control is None:
        by_value[0](c, rows)
        return
    field, flat = control
    values = c.words[field.word][rows] >> field.shift(flat) & field.mask
    if field.width <= 16:
        values = values.astype(np.uint16)  # sorted by counting
    order = np.argsort(values, kind="stable")
    values = values[order]
    starts = np.concatenate([[0], np.flatnonzero(values[1:] != values[:-1]) + 1, [len(values)]])
    for a, b in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        place = by_value.get(int(values[a]))
        if place:
            place(c, rows[order[a:b]])
