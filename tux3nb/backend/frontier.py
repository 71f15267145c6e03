"""Steps printed for numpy: one call expands a whole chunk of a frontier.

The states of a chunk are columns of words (int64), their policy sets numbers (see `tux3nb.backend.sets`). Rows are
first sorted by the place that an actor is at; then the moves of a place run on the rows that are there, each
narrowing them by its guard. What the moves find goes to the `Chunk`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from ..expr import BOOL, Expr, walk
from ..layout import WORD, Field
from .chunk import Chunk, dispatch
from .plan import Move, Plan, Table
from .printer import Printer
from .sets import Cut, PolicySets


@dataclass(eq=False)
class FrontierCode:
    """What was printed for one plan: ``expand(chunk)``, ``judge(chunk)`` and ``settled(chunk)`` (a column of truth
    values, true also where the state is halted), with the source they came from."""

    expand: Callable[[Chunk], None]
    judge: Callable[[Chunk], None]
    settled: Callable[[Chunk], np.ndarray]
    source: str


def signed(bits: int) -> int:
    """The same 64 bits as an int64."""
    bits &= (1 << WORD) - 1
    return bits - (1 << WORD) if bits >> (WORD - 1) else bits


class FrontierPrinter(Printer):
    """Expressions over columns; the words of the rows at hand are ``{prefix}0``, ``{prefix}1``, ..."""

    forms = Printer.forms | {
        "int": "{0}.astype(int64)",
        "and": "({0} & {1})",
        "or": "({0} | {1})",
        "not": "(~{0})",
        "where": "where({0}, {1}, {2})",
        "has": "(({0} >> {1} & 1) != 0)",
    }

    def __init__(self):
        super().__init__()
        self.prefix = "w"
        self._named = 0

    def constant(self, e: Expr) -> str:
        value = bool(e.value) if e.kind == BOOL else e.value
        return f"({value})" if e.value < 0 else str(value)

    def read(self, field: Field, flat: Expr) -> str:
        return f"({self.prefix}{field.word} >> {self.place(field, flat)} & {field.mask})"

    def place(self, field: Field, flat: Expr) -> str:
        """The position of a cell in its word; out of the word for an index out of the array, where numpy gives 0."""
        if flat.is_const:
            return str(field.shift(flat.value))
        return f"({field.base} + {field.width} * {self.text(flat)})"

    def share(self, roots: Iterable[Expr]) -> list[str]:
        """Statements that compute once what is used more than once in `roots`; the names go into `names`."""
        roots, uses = list(roots), Counter()
        nodes = [e for e in walk(*roots) if not e.is_const and e.op != "feature"]
        users = (e for e in nodes if id(e) not in self.names)
        for used in (*roots, *(a for e in users for a in e.args if isinstance(a, Expr))):
            uses[id(used)] += 1
        lines = []
        for e in nodes:
            if uses[id(e)] > 1 and id(e) not in self.names:
                name, self._named = f"t{self._named}", self._named + 1
                lines.append(f"{name} = {self.text(e)}")
                self.names[id(e)] = name
        return lines

    def successors(self, move: Move, words: int) -> tuple[list[str], list[str]]:
        """(statements, a text for each word) of the states after a move."""
        lines, texts = [], []
        computed = {id(f) for f, flat, _ in move.writes if not flat.is_const}
        for k in range(words):
            keep, fixed, parts, late = -1, 0, [], []
            for f, flat, value in (w for w in move.writes if w[0].word == k):
                if id(f) in computed:
                    late.append((f, flat, value))
                    continue
                at = f.shift(flat.value)
                keep &= ~(f.mask << at)
                if value.is_const:
                    fixed |= value.value << at
                else:
                    parts.append(f"({self.text(value)} << {at})")
            first = f"{self.prefix}{k}" + (f" & {signed(keep)}" if keep != -1 else "")
            text = " | ".join([first, *([str(signed(fixed))] if fixed else []), *parts])
            if late:
                lines.append(f"n{k} = {text}")
                text = f"n{k}"
            for f, flat, value in late:
                lines.append(f"b = {self.place(f, flat)}")
                lines.append(f"n{k} = n{k} & ~({f.mask} << b) | {self.text(value)} << b")
            texts.append(text)
        return lines, texts


class _Rows:
    """Prints statements about a selection of rows, and narrows it; every narrowing is a deeper ``if``."""

    def __init__(self, printer: FrontierPrinter, words: int):
        self.printer, self.words = printer, words
        self.lines: list[str] = []
        self.level = 0
        self.load("c.words[{k}][r]", "c.ids[r]", None)

    def say(self, *lines: str):
        self.lines += ["  " * self.level + line for line in lines]

    @property
    def rows(self) -> str:
        return f"r{self.level}"

    @property
    def ids(self) -> str:
        return f"g{self.level}"

    def load(self, word: str, ids: str, rows: str | None):
        """Take the words, policy sets and row numbers of this level; what was computed before is out of scope."""
        self.printer.names = {}
        self.printer.prefix = f"w{self.level}_"
        self.say(*(f"w{self.level}_{k} = {word.format(k=k)}" for k in range(self.words)))
        self.say(f"g{self.level} = {ids}", f"r{self.level} = {rows or 'r'}")

    def narrow(self, where: str, ids: str = "{above}[j]"):
        """Go on with the rows for which the truth value (or number) `where` is not 0."""
        above = self.level
        self.say(f"j, = ({where}).nonzero()", "if j.size:")
        self.level += 1
        self.load(f"w{above}_{{k}}[j]", ids.format(above=f"g{above}"), f"r{above}[j]")


class _Code:
    """Prints the moves of a plan as functions of (chunk, rows)."""

    def __init__(self, plan: Plan, sets: PolicySets):
        self.plan, self.words = plan, plan.system.layout.words
        self.space = {"where": np.where, "int64": np.int64}
        self._cuts: dict[tuple[int, ...], str] = {}
        self._sets = sets

    def place(self, name: str, moves: list[Move]) -> list[str]:
        """One function for all moves at one place; their first tests are computed together."""
        printer = FrontierPrinter()
        rows = _Rows(printer, self.words)
        rows.say(*printer.share(e for move in moves for e in self._unconditional(move)))
        names = dict(printer.names)
        for move in moves:
            rows.level, printer.names, printer.prefix = 0, dict(names), "w0_"
            self._move(rows, move)
        return [f"def {name}(c, r):", *("  " + line for line in rows.lines)]

    def _unconditional(self, move: Move) -> list[Expr]:
        """What a move computes on all rows of its place."""
        if move.first:
            return move.first if move.astray else move.first + move.guard
        return [*self._where(move.astray), *move.guard]

    def _where(self, numbers: list[int]) -> list[Expr]:
        return [self.plan.events[n].where for n in numbers]

    def _move(self, rows: _Rows, move: Move):
        """In the order that `tux3nb.backend.plan` states."""
        printer = rows.printer
        if move.first:
            rows.narrow(" & ".join(printer.text(t) for t in move.first + ([] if move.astray else move.guard)))
        self._report(rows, move.astray)
        if move.guard and (move.astray or not move.first):
            rows.narrow(" & ".join(printer.text(t) for t in move.guard))
        for table in move.tables:
            self._table(rows, table)
        rows.say(*printer.share([*self._where(move.limits), move.taken]))
        self._report(rows, move.limits)
        if not move.taken.is_const:
            rows.narrow(printer.text(move.taken))
        elif not move.taken.value:
            return
        written = [e for _, flat, value in move.writes for e in (flat, value)]
        rows.say(*printer.share([*self._where(move.errors + move.seen), *written]))
        self._report(rows, move.errors + move.seen)
        lines, texts = printer.successors(move, self.words)
        rows.say(*lines, f"c.move({move.index}, {rows.rows}, {rows.ids}, {', '.join(texts)})")

    def _report(self, rows: _Rows, numbers: list[int]):
        for n in numbers:
            where = self.plan.events[n].where
            test = "" if where.is_const else f", {rows.printer.text(where)}"
            rows.say(f"c.event({n}, {rows.rows}, {rows.ids}{test})")

    def _table(self, rows: _Rows, table: Table):
        """Cut the policy sets of the rows by a table, and drop the rows of which none is left."""
        if table.masks not in self._cuts:
            name = self._cuts[table.masks] = f"cut{len(self._cuts)}"
            self.space[name] = Cut(self._sets, table.masks)
        rows.say(*rows.printer.share(table.tests))
        terms = [f"{1 << n} * {rows.printer.text(t)}" for n, t in enumerate(table.tests)]
        rows.say(f"q = {self._cuts[table.masks]}({rows.ids}, {' + '.join(terms) or '0'})")
        rows.narrow("q", "q[j]")

    def judge(self) -> list[str]:
        printer = FrontierPrinter()
        errors, clauses = self.plan.errors, self.plan.clauses
        lines = printer.share([*self._where(errors), *(good for _, good in clauses)])
        for n in errors:
            lines.append(f"c.event({n}, arange(len(c.ids)), c.ids, {printer.text(self.plan.events[n].where)})")
        lines += [f"c.clause({k}, {printer.text(good)})" for k, good in clauses]
        return self._function("judge", [*lines, "return"])

    def predicate(self, name: str, e: Expr) -> list[str]:
        text = f"full(len(c.ids), {bool(e.value)})" if e.is_const else FrontierPrinter().text(e)
        return self._function(name, [f"return {text}"])

    def _function(self, name: str, lines: list[str]) -> list[str]:
        load = [f"w{k} = c.words[{k}]" for k in range(self.words)]
        return [f"def {name}(c):", *("  " + line for line in load + lines)]


def print_frontier(plan: Plan, sets: PolicySets) -> FrontierCode:
    """Print and compile a plan for numpy."""
    code = _Code(plan, sets)
    code.space |= {"arange": np.arange, "full": np.full}
    places: dict = defaultdict(lambda: defaultdict(list))
    for move in plan.moves:
        places[move.control][move.value].append(move)
    names = {(g, v): f"at_{g}_{v}" for g, by_value in enumerate(places.values()) for v in by_value}
    lines = code.judge()
    for g, by_value in enumerate(places.values()):
        for v, moves in by_value.items():
            lines += code.place(names[g, v], moves)
    for name in ("halted", "settled"):
        lines += code.predicate(name, getattr(plan.system, name))
    source, space = "\n".join(lines), code.space
    exec(compile(source, "<frontier>", "exec"), space)
    tables = [
        (control, {v: space[names[g, v]] for v in by_value}) for g, (control, by_value) in enumerate(places.items())
    ]
    never_halted = plan.system.halted.is_const and not plan.system.halted.value

    def expand(c: Chunk):
        rows = np.arange(len(c.ids)) if never_halted else np.flatnonzero(~space["halted"](c))
        for control, by_value in tables:
            dispatch(c, rows, control, by_value)

    def settled(c: Chunk) -> np.ndarray:
        return space["settled"](c) | space["halted"](c)

    return FrontierCode(expand, space["judge"], settled, source)
