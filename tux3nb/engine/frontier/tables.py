"""What can happen in the states of a layer, all at once, with numpy.

What the moves at one place of an actor do depends on few of a state's bits (`tux3nb.engine.compile`). A place is asked
once for each value of those bits, and its answer is put down as rows of a table. The states of a layer look up their
rows: some array operations a layer, whatever the number of rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from tux3nb.engine.compile import Actor, Compiled
from tux3nb.engine.fields import GUARD, WORD, Layout
from tux3nb.engine.frontier.hashing import Column, Known, hashes
from tux3nb.engine.frontier.sets import ID, SetArrays
from tux3nb.errors import ModelError


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
    ids: np.ndarray = field(default_factory=_none)
    words: np.ndarray = field(default_factory=_none)

    def only(self, which: np.ndarray) -> Found:
        """Some of the rows."""
        words = self.words[which] if len(self.words) else self.words
        return Found(self.numbers[which], self.rows[which], self.ids[which], words)


@dataclass(eq=False)
class Chunk:
    """Some states (words, and policy sets by number) and what was found by judging and expanding them.

    broken: (index of the clause, rows that violate it).
    """

    words: np.ndarray
    ids: np.ndarray
    moves: Found = field(default_factory=Found)
    events: Found = field(default_factory=Found)
    broken: list[tuple[int, np.ndarray]] = field(default_factory=list)


def words_of(states: Iterable[int], layout: Layout) -> np.ndarray:
    """Packed states as rows of words."""
    size = layout.words * WORD // 8
    everything = b"".join(s.to_bytes(size, "little") for s in states)
    return np.frombuffer(everything, "<i8").astype(np.int64, copy=False).reshape(-1, layout.words)


@dataclass(frozen=True)
class _Question:
    """A question about a state. Which bits decide it depends on the value of one field (the bits `mask` from bit `at`
    on): `decisive` has them for each value.
    """

    decisive: tuple[int, ...]
    at: int = 0
    mask: int = 0


class _Lookup:
    """Numbers for the answers to some questions: states that agree in the bits that decide one have one number there.

    `learn` is told of every new number, in order, by (number of the question, a packed state that has nothing but these
    bits). The number of the question is kept in the bits that no state uses.
    """

    def __init__(self, layout: Layout, questions: list[_Question], learn: Callable[[list[tuple[int, int]]], None]):
        if len(questions) >= 1 << GUARD:  # pragma: no cover: no model asks so many
            raise ModelError(f"{len(questions)} questions; at most {(1 << GUARD) - 1} can be told apart")
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

    def __call__(self, words: np.ndarray) -> np.ndarray:
        """The number for each state, one question after the other."""
        columns = np.ascontiguousarray(words.T)
        place = (columns[self._word] >> self._at & self._mask) + self._first
        parts = [columns[k] & masks.take(place) for k, masks in zip(self._used, self._decisive, strict=True)]
        parts[0] |= self._number
        parts = [part.ravel() for part in parts]
        return self._known.numbers(np.stack(parts, axis=1), hashes(parts))

    def _learn_keys(self, keys: np.ndarray) -> None:
        words = np.zeros((len(keys), self._used[-1] + 1), "<i8")
        words[:, self._used] = keys
        states = (int.from_bytes(row.tobytes(), "little") for row in words)
        self._learn([(s & (1 << GUARD) - 1, s >> GUARD << GUARD) for s in states])


class _Moves:
    """What all actors can do, as a table: row ``ends[n]`` to ``ends[n + 1]`` for what has number n.

    A row is a step (or an event, by its number inverted), the bits that it sets, and the policies that can take it.
    keep: for each step the bits of a state that stay, as words.
    """

    def __init__(self, compiled: Compiled, layout: Layout, sets: SetArrays):
        self._compiled, self._layout, self._sets = compiled, layout, sets
        written = {move.index: move.written for move in compiled.moves}
        self._keep = ~words_of((written.get(i, 0) for i in range(len(compiled.system.steps))), layout)
        self._ends = Column(np.int64)
        self._ends.extend([0])
        self._numbers, self._ids, self._set = Column(np.int32), Column(ID), Column(np.int64, layout.words)
        self._lookup = _Lookup(layout, [self._question(actor) for actor in compiled.actors], self._learn)

    def _question(self, actor: Actor) -> _Question:
        here = actor.mask << actor.at | self._compiled.halted_reads
        places = (actor.places.get(value) for value in range(actor.mask + 1))
        return _Question(tuple(here | (place.reads if place else 0) for place in places), actor.at, actor.mask)

    def _learn(self, asked: list[tuple[int, int]]) -> None:
        found, ends = [], []
        for number, state in asked:
            actor = self._compiled.actors[number]
            place = actor.places.get(state >> actor.at & actor.mask)
            if place is not None and not self._compiled.halted(state):
                found += place.answer(state)
            ends.append(len(found))
        self._set.extend(words_of((bits for _, _, bits, _ in found), self._layout))
        self._numbers.extend([i for i, _, _, _ in found])
        self._ids.extend([k for _, _, _, k in found])
        self._ends.extend(self._ends.all[-1] + np.array(ends))

    def __call__(self, words: np.ndarray, ids: np.ndarray) -> tuple[Found, Found]:
        """(steps, events) of states with these policy sets."""
        answers = self._lookup(words)
        ends = self._ends.all
        begins, counts = ends.take(answers), np.diff(ends).take(answers)
        last = np.cumsum(counts)
        rows = np.repeat(np.tile(np.arange(len(words)), self._lookup.questions), counts)
        at = np.repeat(begins - last + counts, counts) + np.arange(len(rows))
        numbers = self._numbers.all.take(at)
        left = self._sets.common(ids.take(rows), self._ids.all.take(at))
        taken, happened = np.flatnonzero((left > 0) & (numbers >= 0)), np.flatnonzero((left > 0) & (numbers < 0))
        events = Found(~numbers[happened], rows[happened], left[happened])
        steps, rows, at = numbers[taken], rows[taken], at[taken]
        after = words.take(rows, axis=0)
        after &= self._keep.take(steps, axis=0)
        after |= self._set.all.take(at, axis=0)
        return Found(steps, rows, left[taken], after), events


class _Answers:
    """What a function of a packed state tells (a number of 63 bits at most), for many states."""

    def __init__(self, function: Callable[[int], int], decisive: int, layout: Layout):
        self._function, self._told = function, Column(np.int64)
        self._lookup = _Lookup(layout, [_Question((decisive,))], self._learn)

    def _learn(self, asked: list[tuple[int, int]]) -> None:
        self._told.extend([int(self._function(state)) for _, state in asked])

    def __call__(self, words: np.ndarray) -> np.ndarray:
        answers = self._lookup(words)
        return self._told.all.take(answers)


class Frontier:
    """Expands and judges chunks of states; threads may do so at the same time."""

    def __init__(self, compiled: Compiled, sets: SetArrays):
        self._compiled, self._layout = compiled, compiled.system.layout
        self._moves = _Moves(compiled, self._layout, sets)
        self._judge = _Answers(compiled.judge, compiled.judge_reads, self._layout)
        self._halted = _Answers(compiled.halted, compiled.halted_reads, self._layout)
        self._settled = _Answers(compiled.settled, compiled.settled_reads, self._layout)

    def judge(self, chunk: Chunk) -> None:
        """Find what a chunk violates. Raises ModelError where a predicate cannot be computed."""
        try:
            told = self._judge(chunk.words)
        except ModelError:
            for row in chunk.words:  # asked again with the whole state, so that the error can show it
                self._compiled.judge(self._layout.from_words(int(w) & (1 << WORD) - 1 for w in row))
            raise
        bad = np.flatnonzero(told)
        for k in range(len(self._compiled.system.clauses)) if bad.size else ():
            rows = bad[(told[bad] >> k & 1).astype(bool)]
            if rows.size:
                chunk.broken.append((k, rows))

    def expand(self, chunk: Chunk) -> None:
        """Find the moves and events of a chunk."""
        chunk.moves, chunk.events = self._moves(chunk.words, chunk.ids)

    def settled(self, words: np.ndarray) -> np.ndarray:
        """Where progress has reached its goal, or the state is halted, as truth values."""
        return (self._settled(words) | self._halted(words)).astype(bool)
