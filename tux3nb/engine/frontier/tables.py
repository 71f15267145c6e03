"""What can happen in the states of a layer, all at once, with numpy.

The rules are printed as Python only (see `tux3nb.engine.compile`): what the moves at one place of an actor do depends
on few of a state's bits, so that text is asked once for each value of those bits, and what it says is put down as
rows of a table. The states of a layer look up their rows: some array operations a layer, whatever the number of rules.
Benchmarks tell how often something had to be asked (`Frontier.asked`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from tux3nb.engine.compile import Actor, Printed
from tux3nb.engine.fields import GUARD, WORD, Layout
from tux3nb.engine.frontier.chunk import Chunk, Found
from tux3nb.engine.frontier.hashing import Column, Known, hashes
from tux3nb.engine.frontier.sets import ID, PolicySets
from tux3nb.engine.policy import bits


def words_of(states: Iterable[int], layout: Layout) -> np.ndarray:
    """Packed states as rows of words."""
    size = layout.words * WORD // 8
    everything = b"".join(s.to_bytes(size, "little") for s in states)
    return np.frombuffer(everything, "<i8").astype(np.int64, copy=False).reshape(-1, layout.words)


@dataclass(frozen=True)
class _Question:
    """A question about a state. Which bits decide it depends on the value of one field (the bits `mask` from bit `at`
    on): `decisive` has them for each value."""

    decisive: tuple[int, ...]
    at: int = 0
    mask: int = 0


class _Lookup:
    """Numbers for the answers to some questions: states that agree in the bits that decide one have one number there.

    `learn` is told of every new number, in order, by (number of the question, a packed state that has nothing but these
    bits). The number of the question is kept in the bits that no state uses.
    """

    def __init__(self, layout: Layout, questions: list[_Question], learn: Callable[[list[tuple[int, int]]], None]):
        assert len(questions) < 1 << GUARD
        self._learn, self.questions = learn, len(questions)
        masks = words_of((d for q in questions for d in q.decisive), layout)
        self._used = [k for k in range(layout.words) if k == 0 or masks[:, k].any()]
        self._decisive = [masks[:, k].copy() for k in self._used]
        self._word = [q.at // WORD for q in questions]
        column = (len(questions), 1)  # so that it meets a row of states
        self._at = np.array([q.at % WORD for q in questions]).reshape(column)
        self._mask = np.array([q.mask for q in questions]).reshape(column)
        self._first = np.cumsum([0, *(len(q.decisive) for q in questions[:-1])]).reshape(column)
        self._number = np.arange(len(questions)).reshape(column)
        self._known = Known(len(self._used), self._learn_keys)

    def __len__(self) -> int:
        """How much has been asked."""
        return self._known.n

    def __call__(self, words: np.ndarray) -> np.ndarray:
        """The number for each state, one question after the other."""
        columns = np.ascontiguousarray(words.T)
        place = (columns[self._word] >> self._at & self._mask) + self._first
        parts = [columns[k] & masks.take(place) for k, masks in zip(self._used, self._decisive, strict=True)]
        parts[0] |= self._number
        parts = [part.ravel() for part in parts]
        return self._known.numbers(np.stack(parts, axis=1), hashes(parts))

    def _learn_keys(self, keys: np.ndarray):
        words = np.zeros((len(keys), self._used[-1] + 1), "<i8")
        words[:, self._used] = keys
        states = (int.from_bytes(row.tobytes(), "little") for row in words)
        self._learn([(s & (1 << GUARD) - 1, s >> GUARD << GUARD) for s in states])


class _Moves:
    """What all actors can do, as a table: row ``ends[n]`` to ``ends[n + 1]`` for what has number n.

    A row is a step (or an event, by its number inverted), the bits that it sets, and the policies that can take it.
    keep: for each step the bits of a state that stay, as words.
    """

    def __init__(self, printed: Printed, layout: Layout, sets: PolicySets):
        self._printed, self._layout, self._sets = printed, layout, sets
        written = {move.index: move.written for move in printed.plan.moves}
        self._keep = ~words_of((written.get(i, 0) for i in range(len(printed.plan.system.steps))), layout)
        self._ends = Column(np.int64)
        self._ends.extend([0])
        self._numbers, self._ids, self._set = Column(np.int32), Column(ID), Column(np.int64, layout.words)
        self._lookup = _Lookup(layout, [self._question(actor) for actor in printed.actors], self._learn)

    def _question(self, actor: Actor) -> _Question:
        here = actor.mask << actor.at | self._printed.reads["halted"]
        places = (actor.places.get(value) for value in range(actor.mask + 1))
        return _Question(tuple(here | (place.reads if place else 0) for place in places), actor.at, actor.mask)

    def _learn(self, asked: list[tuple[int, int]]):
        everyone, halted = self._printed.plan.family.all, self._printed.halted
        found, ends = [], []
        for number, state in asked:
            actor = self._printed.actors[number]
            place = actor.places.get(state >> actor.at & actor.mask)
            if place is not None and not halted(state):
                place.call(state, everyone, found)
            ends.append(len(found))
        steps = np.array([i for i, _, _ in found], np.int32)
        after = words_of((state for _, state, _ in found), self._layout)
        self._set.extend(after & ~self._keep.take(steps, axis=0, mode="clip"))  # of an event nothing is asked
        self._numbers.extend(steps)
        with self._sets.lock:
            self._ids.extend([self._sets.number(k) for _, _, k in found])
        self._ends.extend(self._ends.all[-1] + np.array(ends))

    def __len__(self) -> int:
        return len(self._lookup)

    def __call__(self, words: np.ndarray, ids: np.ndarray) -> tuple[Found, Found]:
        """(steps, events) of states with these policy sets."""
        answers = self._lookup(words)
        begins, counts = self._ends.all.take(answers), np.diff(self._ends.all).take(answers)
        ends = np.cumsum(counts)
        rows = np.repeat(np.tile(np.arange(len(words)), self._lookup.questions), counts)
        at = np.repeat(begins - ends + counts, counts) + np.arange(len(rows))
        numbers = self._numbers.all.take(at)
        left = self._sets.common(ids.take(rows), self._ids.all.take(at))
        taken, happened = np.flatnonzero((left > 0) & (numbers >= 0)), np.flatnonzero((left > 0) & (numbers < 0))
        events = Found(~numbers[happened], rows[happened], left[happened])
        steps, rows, at = numbers[taken], rows[taken], at[taken]
        after = words.take(rows, axis=0)
        after &= self._keep.take(steps, axis=0)
        after |= self._set.all.take(at, axis=0)
        return Found(steps, rows, left[taken], after), events


class _Judge:
    """The violated clauses of states; where a predicate cannot be computed, that is an event."""

    def __init__(self, printed: Printed, layout: Layout):
        self._printed = printed
        self._told = Column(bool, max(1, len(printed.plan.system.clauses)))
        self._error = Column(np.int32)
        self._lookup = _Lookup(layout, [_Question((printed.reads["judge"],))], self._learn)

    def _learn(self, asked: list[tuple[int, int]]):
        told = [self._printed.judge(state) for _, state in asked]
        violated = np.zeros((len(told), self._told.all.shape[1]), bool)
        for n, clauses in enumerate(told):
            if clauses > 0:
                violated[n, list(bits(clauses))] = True
        self._told.extend(violated)
        self._error.extend([min(t, 0) for t in told])

    def __call__(self, words: np.ndarray, ids: np.ndarray) -> tuple[list[tuple[int, np.ndarray]], Found]:
        """((clause, rows that violate it), ...) and events."""
        answers = self._lookup(words)
        error = self._error.all.take(answers)
        lost = np.flatnonzero(error)
        violated = self._told.all.take(answers, axis=0)
        bad = np.flatnonzero(violated.any(axis=1))
        violated = violated[bad]
        broken = [(k, bad[violated[:, k]]) for k in np.flatnonzero(violated.any(axis=0)).tolist()]
        return broken, Found(~error[lost], lost, ids[lost])


class _Test:
    """A truth value of states."""

    def __init__(self, test: Callable[[int], bool], decisive: int, layout: Layout):
        self._test, self._true = test, Column(bool)
        self._lookup = _Lookup(layout, [_Question((decisive,))], self._learn)

    def _learn(self, asked: list[tuple[int, int]]):
        self._true.extend([bool(self._test(state)) for _, state in asked])

    def __call__(self, words: np.ndarray) -> np.ndarray:
        answers = self._lookup(words)
        return self._true.all.take(answers)


class Frontier:
    """Expands and judges chunks of states; threads may do so at the same time."""

    def __init__(self, printed: Printed, layout: Layout, sets: PolicySets):
        self._moves, self._judge = _Moves(printed, layout, sets), _Judge(printed, layout)
        self._halted, self._settled = (
            _Test(getattr(printed, name), printed.reads[name], layout) for name in ("halted", "settled")
        )

    @property
    def asked(self) -> int:
        """How often a printed place had to be asked what can happen there."""
        return len(self._moves)

    def judge(self, chunk: Chunk):
        """Find what a chunk violates."""
        chunk.broken, chunk.lost = self._judge(chunk.words, chunk.ids)

    def expand(self, chunk: Chunk):
        """Find the moves and events of a chunk."""
        chunk.moves, chunk.events = self._moves(chunk.words, chunk.ids)

    def settled(self, words: np.ndarray) -> np.ndarray:
        """Where progress has reached its goal, or the state is halted, as truth values."""
        return self._settled(words) | self._halted(words)
