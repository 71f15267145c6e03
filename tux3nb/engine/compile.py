"""Each step as a Python function on one packed int that remembers what it answered.

What the steps at one place of an actor do depends on few of a state's bits, and so does a verdict. Each is computed
once for each value of the bits that it reads, for all policies of the family at once, and looked up from then on.
`Compiled.expand` serves one state at a time; `tux3nb.engine.frontier` asks the same places for many.
"""

from __future__ import annotations

import operator
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, reduce
from typing import Any

from tux3nb.engine.family import Family, Numbers
from tux3nb.engine.fields import WORD, Field
from tux3nb.engine.rule import Step
from tux3nb.engine.system import Event, System
from tux3nb.engine.terms import BOOL, OPERATORS, Expr

Found = tuple[int, int, int]  # (step, successor, policies), or (~event, the state, policies)
Kept = tuple[int, int, int, int]  # (step or ~event, bits that stay, bits that are set, policies)
FEWEST = 4  # a field with fewer values than this finds no step faster than testing it does


class Astray(Exception):
    """A read outside an array or a write that does not fit: kind of event, and the field."""


def _inside(index: int, size: int, name: str, kind: str = "index") -> int:
    if not 0 <= index < size:
        raise Astray(kind, name)
    return index


def _fits(value: int, hi: int, name: str) -> int:
    return _inside(value, hi + 1, name, "overflow")


class Text:
    """Expressions as Python text over the packed int `s`. `reads`: the bits that what was printed looks at."""

    def __init__(self) -> None:
        self.reads = 0

    def at(self, f: Field, flat: Expr, written: bool = False) -> str:
        """The position of a cell in the packed int; an index is tested where its range does not say that it fits."""
        first = f.word * WORD + f.base
        if flat.is_const and 0 <= flat.value < f.size:
            return str(first + f.width * flat.value)
        index = self(flat)
        if not 0 <= flat.lo <= flat.hi < f.size:
            index = f"{'fits' if written else 'inside'}({index}, {f.size - written}, {f.name!r})"
        return f"({first} + {f.width} * {index})"

    def __call__(self, e: Expr) -> str:
        if e.op == "const":
            return str(bool(e.value)) if e.kind == BOOL else f"({e.value})"
        if e.op == "get":
            f, flat = e.args
            self.reads |= cells(f, flat)
            return f"(s >> {self.at(f, flat)} & {f.mask})"
        return OPERATORS[e.op].python.format(*map(self, e.args))

    def test(self, e: Expr) -> Callable[[int], Any]:
        """An expression as a function."""
        return _run(f"def test(s):\n  return {self(e)}", "test")[0]


def _run(source: str, *names: str) -> list[Callable]:
    """The functions of these names in a source text of our own."""
    scope: dict[str, Any] = {"inside": _inside, "fits": _fits}
    exec(source, scope)  # noqa: S102  (the text is printed from rules, by this module)
    return [scope[name] for name in names]


def cells(f: Field, flat: Expr) -> int:
    """The bits of a packed state that reading or writing ``f[flat]`` may look at."""
    if flat.is_const and 0 <= flat.value < f.size:
        return f.mask << f.word * WORD + f.shift(flat.value)
    return (1 << f.size * f.width) - 1 << f.word * WORD + f.base


class Move:
    """One step of a system, for the policies of a family; printed and compiled when it is first asked.

    allowed: the policy sets of the step, folded. control: the field (and its index) by whose value it is found.
    """

    def __init__(self, index: int, step: Step, family: Family, allowed: list[Expr], events: list[Event]):
        self.index, self.step, self.family, self.allowed, self.events = index, step, family, allowed, events
        self.control, self.value = _control(step)
        self.written = 0  # the bits of a packed state that it may write
        for f, flat, _ in step.writes:
            self.written |= cells(f, flat)

    @cached_property
    def _text(self) -> tuple[str, list[Callable], int]:
        """(source, what each policy set allows in a state, bits read)."""
        text = Text()
        guard = f"def possible(s):\n  return {' and '.join(map(text, self.step.guard)) or True}\n"
        choosers = [_chooser(g, self.family, text) for g in self.allowed]
        source = guard + "def effect(s):\n" + "".join(f"  {line}\n" for line in self._body(text))
        for f, flat, _ in self.step.writes:
            if not flat.is_const:  # the cells beside the one that is written stay: they are part of the answer
                text.reads |= cells(f, flat)
        return source, choosers, text.reads

    @property
    def reads(self) -> int:
        """The bits of a packed state that decide what the step does."""
        return self._text[2]

    @cached_property
    def _functions(self) -> list[Callable]:
        return _run(self._text[0], "possible", "effect")

    def _event(self, kind: str, name: str, detail: str = "") -> int:
        self.events.append(Event(kind, self.index, name, detail))
        return len(self.events) - 1

    def _body(self, text: Text) -> Iterator[str]:
        """The events and the successor (None: the step is not taken) of a state in which the guard holds."""
        step = self.step
        yield "e = []"
        for name, where in step.limits:
            yield f"if {text(where)}: e.append({self._event('limit', name)})"
        if step.limits:
            yield "if e: return e, None"
        yield "n = s"
        for f, flat, value in step.writes:
            new = text(value) if 0 <= value.lo <= value.hi <= f.hi else f"fits({text(value)}, {f.hi}, {f.name!r})"
            yield f"b = {text.at(f, flat, written=True)}; n = n & ~({f.mask} << b) | {new} << b"
        for prop, good, reason in step.checks:
            yield f"if not {text(good)}: e.append({self._event('check', prop, reason)})"
        for name, where in step.marks:
            yield f"if {text(where)}: e.append({self._event('mark', name)})"
        yield "return e, n"

    def ask(self, s: int, policies: Any) -> list[tuple[int, int, Any]]:
        """[(step or ~event, successor or state, set of policies)] for a packed state and a set of policies.

        Where the choice of policies goes astray for some, these are reported, and the others asked again.
        """
        possible, effect = self._functions
        asking, lost = policies, []
        while asking:
            chosen = asking
            try:
                if not possible(s):
                    break
                for choose in self._text[1]:
                    chosen = chosen and choose(s, chosen)
                if not chosen:
                    break
                events, after = effect(s)
            except Astray as e:
                kind, name, *who = e.args
                chosen = who[0] if who else chosen
                lost.append((~self._event(kind, name), s, chosen))
                asking = asking & ~chosen if who else self.family.none
                continue
            found = [(~n, s, chosen) for n in events]
            return lost + found + ([] if after is None else [(self.index, after, chosen)])
        return lost


def _control(step: Step) -> tuple[tuple[Field, int] | None, int]:
    """((field, index), value) of the test ``field == constant`` by which a step is found: its place in a routine."""
    tests = [t for g in step.guard for t in _conjuncts(g)]
    found = [
        t for t in tests if t.op == "==" and t.args[0].op == "get" and t.args[0].args[1].is_const and t.args[1].is_const
    ]
    best = max(found, key=lambda t: t.args[0].args[0].hi, default=None)
    if best is None or best.args[0].args[0].hi < FEWEST:
        return None, 0
    f, flat = best.args[0].args
    return (f, flat.value), best.args[1].value


def _conjuncts(e: Expr) -> list[Expr]:
    return [t for a in e.args for t in _conjuncts(a)] if e.op == "and" else [e]


def _chooser(e: Expr, family: Family, text: Text) -> Callable[[int, Any], Any]:
    """A set of policies that may depend on the state, as a function of a state and the policies that ask.

    A test of the state is made only where some policy asks for it, so that it goes astray for these alone.
    """
    if e.kind == BOOL:
        test = text.test(e)

        def choose(s: int, k: Any) -> Any:
            try:
                return k if test(s) else family.none
            except Astray as astray:
                raise Astray(*astray.args[:2], k) from None

        return choose
    if e.op == "feature":
        members = family.members(*e.args)
        return lambda s, k: k & members
    first, *rest = (_chooser(a, family, text) for a in e.args)
    if e.op == "not":
        return lambda s, k: k & ~first(s, k)
    second = rest[0]

    def both(s: int, k: Any) -> Any:
        left = first(s, k)
        return second(s, left) if left else left

    def either(s: int, k: Any) -> Any:
        left = first(s, k)
        more = k & ~left
        return left | second(s, more) if more else left

    return both if e.op == "and" else either


@dataclass(eq=False)
class Place:
    """The moves at one place of an actor, and what is known of them: bits read -> what can happen there."""

    moves: list[Move]
    numbers: Numbers

    known: dict[int, list[Kept]] = field(default_factory=dict)

    @cached_property
    def reads(self) -> int:
        """The bits of a packed state that decide what can happen here."""
        return reduce(operator.or_, (move.reads for move in self.moves))

    @cached_property
    def checks(self) -> set[str]:
        """The properties that some move here may break by being taken."""
        return {prop for move in self.moves for prop, _, _ in move.step.checks}

    def answer(self, s: int) -> list[Kept]:
        """What can happen here, under any policy, in all states that agree with `s` in the bits read."""
        out: list[Kept] = []
        everyone = self.numbers.family.all
        for move in self.moves:
            for i, after, policies in move.ask(s, everyone):
                written = move.written if i >= 0 else 0
                out.append((i, ~written, after & written, self.numbers.number(policies)))
        return out

    def ask(self, s: int) -> list[Kept]:
        """The same, remembered."""
        self.known[s & self.reads] = out = self.answer(s)
        return out


@dataclass(eq=False)
class Actor:
    """A place in a routine, as the bits `mask` of a packed state from bit `at` on, and the moves at each of its values.

    Moves that no such field finds are at place 0 of an actor without bits.
    """

    at: int
    mask: int
    places: dict[int, Place]


class Compiled:
    """A system as functions, for one family; the sets in its answers are numbers of `numbers`.

    events: what can happen beside steps; those of reads and writes that go astray are added when they happen.
    """

    def __init__(self, system: System, family: Family):
        self.system, self.family, self.numbers = system, family, Numbers(family)
        self.events: list[Event] = []
        self.settled, self.settled_reads = _remembered(system.settled)
        self.halted, self.halted_reads = _remembered(system.halted)
        self.moves: list[Move] = []  # those that some policy takes
        for i, step in enumerate(system.steps):
            allowed = [family.fold(g) for g in step.allowed]
            if all(g.op != "const" or g.value for g in allowed):
                self.moves.append(Move(i, step, family, [g for g in allowed if g.op != "const"], self.events))
        self.actors = self._actors()
        self.judge, self.judge_reads = self._judge()
        self._controls = self.halted_reads
        for actor in self.actors:
            self._controls |= actor.mask << actor.at
        self._at_once: dict[int, list[Place]] = {}

    def _actors(self) -> list[Actor]:
        """The moves by the field that finds them and by its value."""
        found: dict[tuple[Field, int], dict[int, list[Move]]] = defaultdict(lambda: defaultdict(list))
        rest: dict[int, list[Move]] = {}  # by the bits that the largest of a group reads: few bits serve many states
        for move in self.moves:
            if move.control is not None:
                found[move.control][move.value].append(move)
        for move in sorted((m for m in self.moves if m.control is None), key=lambda move: -move.reads.bit_count()):
            rest.setdefault(next((b for b in rest if move.reads & ~b == 0), move.reads), []).append(move)
        actors = []
        for (f, flat), places in found.items():
            here = {v: self._place(moves) for v, moves in places.items()}
            actors.append(Actor(f.word * WORD + f.shift(flat), f.mask, here))
        return actors + [Actor(0, 0, {0: self._place(moves)}) for moves in rest.values()]

    def _place(self, moves: list[Move]) -> Place:
        return Place(sorted(moves, key=lambda move: move.index), self.numbers)

    def _judge(self) -> tuple[Callable[[int], int], int]:
        """`judge(s)`: the violated clauses of a state, as bits of ``system.clauses``; raises ModelError where a
        predicate cannot be computed.
        """
        text = Text()
        tests = [(prop, text.test(good)) for prop, _, good in self.system.clauses]

        def compute(s: int) -> int:
            broken = 0
            for k, (prop, good) in enumerate(tests):
                try:
                    broken |= (not good(s)) << k
                except Astray as e:
                    raise Event("index", None, f"property {prop}", e.args[1]).error(self.system, s) from None
            return broken

        return _remember(compute, text.reads), text.reads

    def _look(self, s: int) -> list[Place]:
        """The places at which some actor is in `s`."""
        found = [a.places.get(s >> a.at & a.mask) for a in self.actors] if not self.halted(s) else []
        here = self._at_once[s & self._controls] = [place for place in found if place is not None]
        return here

    def expand(self, s: int, policies: int, out: list[Found]) -> None:
        """Append what the policies of a set (by number) can do in `s`."""
        here = self._at_once.get(s & self._controls)
        row = self.numbers.common[policies]
        for place in self._look(s) if here is None else here:
            found = place.known.get(s & place.reads)
            for i, keep, bits, k in place.ask(s) if found is None else found:
                if both := k if k == policies else row[k]:
                    out.append((i, s & keep | bits, both))

    def steps(self, s: int, policies: int) -> list[Found]:
        """(step, successor, policies) of every step that some of the policies can take in `s`, without events."""
        out: list[Found] = []
        self.expand(s, policies, out)
        return [found for found in out if found[0] >= 0]


def _remembered(e: Expr) -> tuple[Callable[[int], bool], int]:
    """An expression as a function that remembers, and the bits that it reads."""
    text = Text()
    return _remember(text.test(e), text.reads), text.reads


def _remember(function: Callable[[int], Any], reads: int) -> Callable[[int], Any]:
    known: dict[int, Any] = {}

    def ask(s: int) -> Any:
        key = s & reads
        found = known.get(key)
        if found is None:
            found = known[key] = function(s)
        return found

    return ask
