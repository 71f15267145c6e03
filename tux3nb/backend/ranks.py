"""Fields that only grow, found in the traced steps: what a search may rely on when it forgets states.

A *part* is one cell of the state, or two taken together: a task's place in its routine beside the line it is at. Every
step is cut down to what it can do to the part: its guard narrows the values before, its writes give the values
after. The graph of these moves holds the image of every run, so if a state can still be reached from another one, the
value of its part can be reached from the other's. Values that reach each other (a retry) share a *rank*, and a move
never leads to a lower rank. The sum of the ranks of all parts, the *level* of a state, therefore never falls on any
step, and behind the last state of a level nobody gets there again.

Nothing here knows which field is what, and no answer depends on it being right: the search tests every step that it
takes, and a step to a lower level ends it with an error.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..errors import ModelError
from ..expr import Expr, walk
from ..layout import Field
from ..rule import Step
from ..system import System
from .facts import Facts
from .plan import conjuncts, control_test

PART_CELLS = 2  # as in explore.c
WIDEST_PART = 12  # bits
MOST_LEVELS = 4096  # as in explore.c

Cell = tuple[Field, int]
Values = tuple[int, ...]


@dataclass(eq=False)
class Part:
    """Some cells, and a rank for each combination of their values: the index is their bits, the first cell's lowest."""

    cells: tuple[Cell, ...]
    ranks: list[int]
    top: int

    def words(self) -> list[int]:
        """As `explore.c` reads it: word, shift and width of PART_CELLS cells, then the ranks."""
        places = [n for f, i in self.cells for n in (f.word, f.shift(i), f.width)]
        return places + [0, 0, 0] * (PART_CELLS - len(self.cells)) + self.ranks


class Ranks:
    """The parts of a system. Raises ModelError where no part has more than one rank."""

    def __init__(self, system: System):
        self._layout, self._start = system.layout, system.start
        self._steps = [_Traced(step) for step in system.steps]
        single = {cell: part for cell in system.layout.cells if (part := self._part(cell))}
        pairs = [self._pair(control, single) for control in dict.fromkeys(s.control for s in self._steps if s.control)]
        found = [pair for pair in pairs if pair]
        paired = {cell for part in found for cell in part.cells}
        self.parts = found + [part for cell, part in single.items() if cell not in paired]
        self.levels = 1 + sum(part.top for part in self.parts)
        if not 1 < self.levels <= MOST_LEVELS:
            raise ModelError(f"states of this system cannot be forgotten: they have {self.levels} levels")

    def words(self) -> list[int]:
        return [word for part in self.parts for word in part.words()]

    def _part(self, *cells: Cell) -> Part | None:
        """The part of these cells, or None where it has one rank only."""
        if sum(f.width for f, _ in cells) > WIDEST_PART:
            return None
        start = tuple(self._layout.value(self._start, f, i) for f, i in cells)
        return _ranked(cells, start, {move for s in self._steps for move in s.moves(cells)})

    def _pair(self, control: Cell, single: dict[Cell, Part]) -> Part | None:
        """The place in a routine with that growing cell beside which it has most ranks, if more than both alone."""
        alone = single[control].top + 1 if control in single else 1
        best, most = None, 1
        for cell, part in single.items():
            both = self._part(cell, control) if cell != control else None
            if both and (both.top + 1) / ((part.top + 1) * alone) > most:
                best, most = both, (both.top + 1) / ((part.top + 1) * alone)
        return best


class _Traced:
    """One step as ranges: what its guard says of the values before it, what it writes."""

    def __init__(self, step: Step):
        self._guard = [test for g in step.guard for test in conjuncts(g)]
        self._writes = step.writes
        self._facts = _learn(Facts(), self._guard)
        test = control_test(self._guard)
        self.control: Cell | None = None if test is None else _cell(test.args[0])
        roots = [*self._guard, *(e for _, flat, value in step.writes for e in (flat, value))]
        self._reads = {_cell(e): e for e in walk(*roots) if e.op == "get" and e.args[1].is_const}

    def moves(self, cells: tuple[Cell, ...]) -> Iterator[tuple[Values, Values]]:
        """(values before, values after) of every move that the step may make on these cells, and perhaps more."""
        writes = [[(flat, value) for f, flat, value in self._writes if f is g and self._may_be(flat, i)]
                  for g, i in cells]  # fmt: skip
        if not any(writes):
            return
        for before in itertools.product(*map(self._before, cells)):
            facts = Facts({id(self._reads[c]): (v, v) for c, v in zip(cells, before, strict=True) if c in self._reads})
            if any(facts.span(test) == (0, 0) for test in self._guard):
                continue
            facts = _learn(facts, self._guard)
            after = [_after(facts, cell, v, w) for cell, v, w in zip(cells, before, writes, strict=True)]
            for values in itertools.product(*after):
                yield before, values

    def _may_be(self, flat: Expr, i: int) -> bool:
        lo, hi = self._facts.span(flat)
        return lo <= i <= hi

    def _before(self, cell: Cell) -> range:
        lo, hi = self._facts.span(self._reads[cell]) if cell in self._reads else (0, cell[0].hi)
        return range(lo, hi + 1)


def _cell(read: Expr) -> Cell:
    return read.args[0], read.args[1].value


def _after(facts: Facts, cell: Cell, value: int, writes: list[tuple[Expr, Expr]]) -> set[int]:
    """All values that the cell may have behind a step; a write that does not fit its range ends the search."""
    found = set() if any(flat.is_const for flat, _ in writes) else {value}
    for _, written in writes:
        lo, hi = facts.span(written)
        found.update(range(max(lo, 0), min(hi, cell[0].hi) + 1))
    return found


def _learn(facts: Facts, tests: Iterable[Expr]) -> Facts:
    for test in tests:
        facts = facts.learn(test)
    return facts


def _ranked(cells: tuple[Cell, ...], start: Values, moves: Iterable[tuple[Values, Values]]) -> Part | None:
    """Ranks from the graph of moves behind `start`: who reaches more comes first, who reach each other are equal."""
    after = defaultdict(set)
    for a, b in moves:
        after[a].add(b)
    number, work = {start: 0}, [start]
    for values in work:
        for new in sorted(after[values] - number.keys()):
            number[new] = len(number)
            work.append(new)
    reach = [sum(1 << number[v] for v in after[values] | {values}) for values in number]
    for k in range(len(reach)):
        for i, r in enumerate(reach):
            if r >> k & 1:
                reach[i] = r | reach[k]
    rank = {r: n for n, r in enumerate(sorted(set(reach), key=lambda r: (-r.bit_count(), r)))}
    if len(rank) == 1:
        return None
    ranks = [0] * (1 << sum(f.width for f, _ in cells))
    for values, n in number.items():
        place = at = 0
        for (f, _), v in zip(cells, values, strict=True):
            place |= v << at
            at += f.width
        ranks[place] = rank[reach[n]]
    return Part(cells, ranks, len(rank) - 1)
