"""Steps printed as plain Python on one packed int: fastest for small worlds, and with no import but the standard
library.

``expand(s, m, out)`` appends ``(step index, successor, policies)`` for every step that some policy of the set `m`
takes, and ``(~event number, s, policies)`` for every event of `Plan.events` on the way. ``judge(s)`` tells the
violated clauses as a bit mask over ``system.clauses``, or ``~event number`` where a predicate cannot be computed.

What the moves at one place of an actor do depends on few of a state's bits, and so does a verdict: each is computed
once for each value of the bits that its text reads, and looked up from then on. `frontier.tables` does so for
many states at a time, and asks here what it has not met.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from tux3nb.engine.fields import WORD, Field
from tux3nb.engine.plan import Event, Move, Plan, Table, cells, plan
from tux3nb.engine.policy import Family
from tux3nb.engine.printer import Printer
from tux3nb.engine.system import System
from tux3nb.engine.terms import BOOL, Expr, walk


@dataclass(eq=False)
class Printed:
    """Compiled functions of one system and family, and the plan they came from. `reads`: the bits of a state that
    `judge`, `settled` and `halted` look at, by their names."""

    expand: Callable
    judge: Callable
    settled: Callable
    halted: Callable
    plan: Plan
    actors: list[Actor]
    reads: dict[str, int]

    @property
    def events(self) -> list[Event]:
        return self.plan.events


class ScalarPrinter(Printer):
    """Expressions over the packed int `s`; `reads` are the bits that what was printed so far looks at."""

    def __init__(self):
        super().__init__()
        self.reads = 0

    def constant(self, e: Expr) -> str:
        value = bool(e.value) if e.kind == BOOL else e.value
        return f"({value})" if e.value < 0 else str(value)

    def read(self, field: Field, flat: Expr) -> str:
        self.reads |= cells(field, flat)
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
                self.reads |= move.written  # so what else is in the field must be known, too
                late.append(f"b = {self.place(f, flat)}; n = n & ~({f.mask} << b) | {self.text(value)} << b")
                continue
            at = f.word * WORD + f.shift(flat.value)
            keep |= f.mask << at
            if not (value.is_const and value.value == 0):
                parts.append(f"({self.text(value)} << {at})")
        first = f"s & ~{keep}" if keep else "s"
        return ["n = " + " | ".join([first, *parts]), *late]


class Place:
    """The moves at one place of an actor, printed and compiled when a state is there for the first time.

    known: bits read -> [(step index, bits kept, bits set, policies that can take it)], likewise for events.
    """

    def __init__(self, planned: Plan, moves: list[Move]):
        self.plan, self.moves = planned, moves
        self.known: dict[int, list[tuple[int, int, int, int]]] = {}

    @cached_property
    def _text(self) -> tuple[list[str], dict, int]:
        """The moves as statements, what they name, and the bits of a state that they read."""
        space: dict = {}
        printer = ScalarPrinter()
        return _place(printer, self.plan, self.moves, space), space, printer.reads

    @property
    def reads(self) -> int:
        """The bits of a state that decide what can happen here."""
        return self._text[2]

    @cached_property
    def call(self) -> Callable:
        """The moves as a function like `expand`."""
        lines, space, _ = self._text
        return _compiled(["def at(s, m, out):", *_indent(lines)], "at", space)

    @cached_property
    def _written(self) -> dict[int, int]:
        """The bits that each step may write."""
        return {move.index: move.written for move in self.moves}

    def ask(self, state: int) -> list[tuple[int, int, int, int]]:
        """What can happen here, under any policy, in all states that agree with `state` in the bits read."""
        out: list = []
        self.call(state, self.plan.family.all, out)
        written = self._written
        found = self.known[state & self.reads] = [
            (i, ~written[i], after & written[i], k) if i >= 0 else (i, -1, 0, k) for i, after, k in out
        ]
        return found


@dataclass(eq=False)
class Actor:
    """Somebody whose place in a routine is a field: the bits `mask` of a state, from bit `at` on (no bits: he is
    always at place 0). places: value of the field -> what can happen there, if anything can."""

    at: int
    mask: int
    places: dict[int, Place]


def print_system(system: System, family: Family) -> Printed:
    """Print and compile a system for a family of policies."""
    planned = plan(system, family)
    halted, settled = predicate(system.halted), predicate(system.settled)
    judge, reads = _judge(planned)
    actors = _actors(planned)
    expand = _expand(actors, *halted)
    bits = {"judge": reads, "halted": halted[1], "settled": settled[1]}
    return Printed(expand, judge, settled[0], halted[0], planned, actors, bits)


def _compiled(lines: list[str], name: str, space: dict) -> Callable:
    exec(compile("\n".join(lines), "<scalar>", "exec"), space)
    return space[name]


def predicate(e: Expr) -> tuple[Callable[[int], bool], int]:
    """A truth value as a function of the state, and the bits that it reads."""
    printer = ScalarPrinter()
    return _compiled(["def test(s):", f"  return {printer.text(e)}"], "test", {}), printer.reads


def _actors(planned: Plan) -> list[Actor]:
    """Whoever can be told by the field that finds his moves, and the moves of nobody by what they read."""
    moves: dict = defaultdict(lambda: defaultdict(list))
    for move in planned.moves:
        moves[move.control][move.value].append(move)
    actors = []
    for control, by_value in moves.items():
        if control is None:
            actors += [Actor(0, 0, {0: Place(planned, found)}) for found in _by_reads(planned, by_value[0])]
        else:
            field, flat = control
            places = {value: Place(planned, found) for value, found in by_value.items()}
            actors.append(Actor(field.word * WORD + field.shift(flat), field.mask, places))
    return actors


def _by_reads(planned: Plan, moves: list[Move]) -> list[list[Move]]:
    """Moves that nothing finds, together where one reads no more bits than another does: answers about few bits serve
    many states."""
    groups: dict[int, list[Move]] = {}
    reads = {id(move): Place(planned, [move]).reads for move in moves}
    for move in sorted(moves, key=lambda move: -reads[id(move)].bit_count()):
        mine = reads[id(move)]
        groups.setdefault(next((bits for bits in groups if mine & ~bits == 0), mine), []).append(move)
    return [sorted(group, key=lambda move: move.index) for group in groups.values()]


def _expand(actors: list[Actor], halted: Callable, reads: int) -> Callable:
    """`expand`: looks up the places that the actors are at, and there what can happen."""
    controls = reads
    for actor in actors:
        controls |= actor.mask << actor.at
    at_once: dict[int, list[tuple]] = {}

    def look(s: int) -> list[tuple]:
        """(bits read, what is known, who to ask) of each place that an actor is at in `s`."""
        found = [a.places.get(s >> a.at & a.mask) for a in actors] if not halted(s) else []
        at_once[s & controls] = out = [(p.reads, p.known, p.ask) for p in found if p is not None]
        return out

    def expand(s: int, m: int, out: list):
        here = at_once.get(s & controls)
        for reads, known, ask in look(s) if here is None else here:
            found = known.get(s & reads)
            for i, keep, bits, k in ask(s) if found is None else found:
                k &= m
                if k:
                    out.append((i, s & keep | bits, k))

    return expand


def _place(printer: ScalarPrinter, planned: Plan, moves: list[Move], space: dict) -> list[str]:
    """The statements of all moves at one place."""
    tests = [[t for table in move.tables for t in table.tests] for move in moves]
    lines = printer.share(move.first + move.guard + more for move, more in zip(moves, tests, strict=True))
    for move in moves:
        lines += _block(printer, planned, move, space)
    return lines


def _block(printer: ScalarPrinter, planned: Plan, move: Move, space: dict) -> list[str]:
    """The statements of one move, in the order that `tux3nb.engine.plan` states."""
    out, pad, k = [], "", "m"
    for tests, before in ((move.first, []), (move.guard, move.astray)):
        # whoever is there goes astray, whatever the policy
        out += [f"{pad}{_report(printer, planned, number, k)}; return" for number in before]
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
    for number in move.errors:  # for these policies nothing more can be computed here; the others go on
        out += [f"{pad}{_report(printer, planned, number, k)}; m &= ~{k}", f"{pad}else:"]
        if planned.events[number].where.is_const:
            return out[:-1]
        pad += "  "
    out += [pad + _report(printer, planned, number, k) for number in move.seen]
    out += [pad + line for line in printer.writes(move)]
    return [*out, f"{pad}out.append(({move.index}, n, {k}))"]


def _report(printer: ScalarPrinter, planned: Plan, number: int, policies: str) -> str:
    """The statement that reports an event."""
    event = planned.events[number]
    text = f"out.append(({~number}, s, {policies}))"
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


def _judge(planned: Plan) -> tuple[Callable[[int], int], int]:
    """`judge`, and the bits that it reads."""
    printer = ScalarPrinter()
    lines = printer.share([[good] for _, good in planned.clauses])
    for number in planned.errors:
        lines.append(f"if {printer.text(planned.events[number].where)}: return {~number}")
    lines.append("v = 0")
    for k, good in planned.clauses:
        lines.append(f"if not {printer.text(good)}: v |= {1 << k}")
    compute = _compiled(["def judge(s):", *_indent([*lines, "return v"])], "judge", {})
    known: dict[int, int] = {}
    reads = printer.reads

    def judge(s: int) -> int:
        told = known.get(s & reads)
        if told is None:
            told = known[s & reads] = compute(s)
        return told

    return judge, reads


def _indent(lines: list[str]) -> list[str]:
    return ["  " + line for line in lines]
