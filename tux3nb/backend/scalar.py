"""Steps printed as plain Python on one packed int: fastest for small worlds, and with no import but the standard
library.

``expand(s, m, out)`` appends ``(step index, successor, policies)`` for every step that some policy of the set `m`
takes, and ``(~event number, s, policies)`` for every event of `Plan.events` on the way. ``judge(s)`` tells the
violated clauses as a bit mask over ``system.clauses``, or ``~event number`` where a predicate cannot be computed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..expr import BOOL, Expr, walk
from ..layout import WORD, Field
from ..policy import Family
from ..system import System
from .plan import Event, Move, Plan, Table, plan
from .printer import Printer


@dataclass(eq=False)
class Printed:
    """Compiled functions of one system and family, the plan and the source they came from."""

    expand: Callable
    judge: Callable
    settled: Callable
    halted: Callable
    plan: Plan
    source: str

    @property
    def events(self) -> list[Event]:
        return self.plan.events


class ScalarPrinter(Printer):
    """Expressions over the packed int `s`."""

    def constant(self, e: Expr) -> str:
        value = bool(e.value) if e.kind == BOOL else e.value
        return f"({value})" if e.value < 0 else str(value)

    def read(self, field: Field, flat: Expr) -> str:
        return f"(s >> {self.place(field, flat)} & {field.mask})"

    def place(self, field: Field, flat: Expr) -> str:
        """The position of a cell in the packed int."""
        base = field.word * WORD + field.base
        if flat.is_const:
            return str(base + field.width * flat.value)
        return f"({base} + {field.width} * {self.text(flat)})"

    def share(self, blocks: Iterable[list[Expr]]) -> list[str]:
        """Statements that read once what several of `blocks` read, whichever of them come to be computed."""
        uses: Counter = Counter()
        nodes = {}
        for block in blocks:
            for e in walk(*block):
                if e.op == "get" and e.args[1].is_const:
                    uses[id(e)] += 1
                    nodes[id(e)] = e
        lines = []
        for n, e in enumerate(nodes[i] for i, count in uses.items() if count > 1):
            lines.append(f"v{n} = {self.text(e)[1:-1]}")
            self.names[id(e)] = f"v{n}"
        return lines

    def writes(self, move: Move) -> list[str]:
        """Statements that turn `s` into the successor `n`."""
        keep, parts, late = 0, [], []
        computed = [f for f, flat, _ in move.writes if not flat.is_const]
        for f, flat, value in move.writes:
            if any(f is g for g in computed):  # which cell is known only now: one after the other
                late.append(f"b = {self.place(f, flat)}; n = n & ~({f.mask} << b) | {self.text(value)} << b")
                continue
            at = f.word * WORD + f.shift(flat.value)
            keep |= f.mask << at
            if not (value.is_const and value.value == 0):
                parts.append(f"({self.text(value)} << {at})")
        first = f"s & ~{keep}" if keep else "s"
        return ["n = " + " | ".join([first, *parts]), *late]


def print_system(system: System, family: Family) -> Printed:
    """Print and compile a system for a family of policies."""
    planned = plan(system, family)
    space: dict = {}
    lines = _expand(planned, space) + _judge(planned)
    for name, e in (("halted", system.halted), ("settled", system.settled)):
        lines += [f"def {name}(s):", f"  return {ScalarPrinter().text(e)}"]
    source = "\n".join(lines)
    exec(compile(source, "<scalar>", "exec"), space)
    return Printed(space["expand"], space["judge"], space["settled"], space["halted"], planned, source)


def _expand(planned: Plan, space: dict) -> list[str]:
    """`expand`, and one function for every value of each control field, which it looks up in a table."""
    places: dict = defaultdict(lambda: defaultdict(list))
    for move in planned.moves:
        places[move.control][move.value].append(move)
    lines, calls = [], []
    for g, (control, by_value) in enumerate(places.items()):
        for value, moves in by_value.items():
            lines += [f"def at_{g}_{value}(s, m, out):", *_indent(_place(planned, moves, space))]
        if control is None:
            calls.append(f"at_{g}_0(s, m, out)")
            continue
        field, flat = control
        table = ", ".join(f"{value}: at_{g}_{value}" for value in by_value)
        lines.append(f"table_{g} = {{{table}}}")
        at = field.word * WORD + field.shift(flat)
        calls += [f"f = table_{g}.get(s >> {at} & {field.mask})", "if f: f(s, m, out)"]
    return [*lines, "def expand(s, m, out):", "  if halted(s): return", *_indent(calls)]


def _place(planned: Plan, moves: list[Move], space: dict) -> list[str]:
    """The statements of all moves at one place."""
    printer = ScalarPrinter()
    tests = [[t for table in move.tables for t in table.tests] for move in moves]
    lines = printer.share(move.first + move.guard + more for move, more in zip(moves, tests, strict=True))
    for move in moves:
        lines += _block(printer, planned, move, space)
    return lines


def _block(printer: ScalarPrinter, planned: Plan, move: Move, space: dict) -> list[str]:
    """The statements of one move, in the order that `tux3nb.backend.plan` states."""
    out, pad, k = [], "", "m"
    for tests, before in ((move.first, []), (move.guard, move.astray)):
        out += [pad + _report(printer, planned, number, k) for number in before]
        if tests:
            out.append(f"{pad}if {' and '.join(printer.text(t) for t in tests)}:")
            pad += "  "
    if move.tables:
        out.append(f"{pad}k = m & {' & '.join(_table(printer, t, space) for t in move.tables)}")
        out.append(f"{pad}if k:")
        pad, k = pad + "  ", "k"
    out += [pad + _report(printer, planned, number, k) for number in move.limits]
    if not (move.taken.is_const and move.taken.value):
        out.append(f"{pad}if {printer.text(move.taken)}:")
        pad += "  "
    out += [pad + _report(printer, planned, number, k) for number in move.errors + move.seen]
    out += [pad + line for line in printer.writes(move)]
    return [*out, f"{pad}out.append(({move.index}, n, {k}))"]


def _report(printer: ScalarPrinter, planned: Plan, number: int, policies: str) -> str:
    """The statement that reports an event; behind an error nothing can be computed."""
    event = planned.events[number]
    text = f"out.append(({~number}, s, {policies}))"
    if event.kind in ("index", "overflow"):
        text += "; return"
    return text if event.where.is_const else f"if {printer.text(event.where)}: {text}"


def _table(printer: ScalarPrinter, table: Table, space: dict) -> str:
    """The policies that a table allows in state `s`; its rows are data, not text."""
    name = f"T{len(space)}"
    if not table.tests:
        space[name] = table.masks[0]
        return name
    space[name] = table.masks
    index = " + ".join(f"({1 << n} if {printer.text(t)} else 0)" for n, t in enumerate(table.tests))
    return f"{name}[{index}]"


def _judge(planned: Plan) -> list[str]:
    printer = ScalarPrinter()
    lines = printer.share([[good] for _, good in planned.clauses])
    for number in planned.errors:
        lines.append(f"if {printer.text(planned.events[number].where)}: return {~number}")
    lines.append("v = 0")
    for k, good in planned.clauses:
        lines.append(f"if not {printer.text(good)}: v |= {1 << k}")
    return ["def judge(s):", *_indent([*lines, "return v"])]


def _indent(lines: list[str]) -> list[str]:
    return ["  " + line for line in lines]
