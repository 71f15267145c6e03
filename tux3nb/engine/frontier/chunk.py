"""Some states of a layer, and what was found by expanding them: what a search by whole layers hands around."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tux3nb.engine.frontier.sets import ID


def _none() -> np.ndarray:
    return np.zeros(0, np.int64)


@dataclass(eq=False)
class Found:
    """Steps that can be taken, or events that happen, one a row.

    numbers: of steps or events. rows: the states of the chunk they belong to. ids: policy sets. words: for steps the
    successors, (n, words of a state).
    """

    numbers: np.ndarray = field(default_factory=_none)
    rows: np.ndarray = field(default_factory=_none)
    ids: np.ndarray = field(default_factory=lambda: np.zeros(0, ID))
    words: np.ndarray | None = None

    def only(self, which: np.ndarray) -> Found:
        """Those rows for which `which` is true."""
        words = None if self.words is None else self.words[which]
        return Found(self.numbers[which], self.rows[which], self.ids[which], words)


@dataclass(eq=False)
class Chunk:
    """Some states, and what was found by expanding and judging them.

    words: (n, words of a state). ids: the policy sets. broken: (index of the clause, rows). lost: events of predicates
    that cannot be computed.
    """

    words: np.ndarray
    ids: np.ndarray
    moves: Found = field(default_factory=Found)
    events: Found = field(default_factory=Found)
    broken: list[tuple[int, np.ndarray]] = field(default_factory=list)
    lost: Found = field(default_factory=Found)
