"""What every backend prints: each step cut into guard, policy tables, events and writes, folded for one family.

A step that some policies of the family take becomes a :class:`Move`, to be printed in this order::

    where control == value and all of `first`:
        events `astray`                      the rest of the guard itself would read outside an array
        where all of `guard`:
            k = policies of the state, cut down by every table; nothing more where no policy is left
            events `limits`                  the model is too small here: the step is not taken
            where `taken`:
                events `errors`              a read outside an array or a write that does not fit
                events `seen`                checks and marks
                the writes, all at once

An event is reported with the state before the step and the policies k (before the tables: those of the state).
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable
from dataclasses import dataclass, field

from tux3nb.engine.event import Event, explain
from tux3nb.engine.facts import Facts, astray, astray_in_turn, outside
from tux3nb.engine.fields import WORD, Field
from tux3nb.engine.policy import Family
from tux3nb.engine.rule import Step
from tux3nb.engine.system import System
from tux3nb.engine.terms import BOOL, FALSE, INT, SET, TRUE, Expr, building, conj, disj, negate, walk
from tux3nb.errors import ModelError

MOST_TESTS = 12  # a table has 2 ** tests rows
JOINED_TESTS = 6  # conjuncts are joined to one table up to this many tests
FEWEST_PLACES = 4  # a field with a smaller range finds no step faster than testing it does
WIDEST = (1 << 63) - 1


@dataclass(eq=False)
class Table:
    """A policy guard as data: ``masks[index]``, where bit k of the index is ``tests[k]``."""

    tests: tuple[Expr, ...]
    masks: tuple[int, ...]


@dataclass(eq=False)
class Move:
    """One step of a plan; see the head of this module. The events are numbers into `Plan.events`."""

    index: int
    step: Step
    control: tuple[Field, int] | None = None
    value: int = 0
    first: list[Expr] = field(default_factory=list)
    guard: list[Expr] = field(default_factory=list)
    astray: list[int] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    limits: list[int] = field(default_factory=list)
    taken: Expr = TRUE
    errors: list[int] = field(default_factory=list)
    seen: list[int] = field(default_factory=list)
    writes: list[tuple[Field, Expr, Expr]] = field(default_factory=list)

    @property
    def written(self) -> int:
        """The bits of a packed state that the move may write."""
        return functools.reduce(operator.or_, (cells(f, flat) for f, flat, _ in self.writes), 0)


def cells(field: Field, flat: Expr) -> int:
    """The bits of one cell of a packed state; of all cells of the field where the index is computed."""
    if flat.is_const:
        return field.mask << field.word * WORD + field.shift(flat.value)
    return (1 << field.size * field.width) - 1 << field.word * WORD + field.base


@dataclass(eq=False)
class Plan:
    """A system folded for a family. `clauses` are (index into ``system.clauses``, must hold); `errors` are events
    of the predicates themselves, to be reported before any of them is believed."""

    system: System
    family: Family
    moves: list[Move] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    clauses: list[tuple[int, Expr]] = field(default_factory=list)
    errors: list[int] = field(default_factory=list)

    def add(self, kind: str, step: int | None, name: str, where: Expr, detail: str = "") -> list[int]:
        """The number of a new event in a list, which is empty for an event that can never be."""
        if _never(where):
            return []
        self.events.append(Event(kind, step, name, detail, where))
        return [len(self.events) - 1]


def plan(system: System, family: Family) -> Plan:
    """Fold `system` for `family`. Raises ModelError for a value that needs more than 63 bits."""
    with building:
        return _plan(system, family)


def _plan(system: System, family: Family) -> Plan:
    out, seen, nothing = Plan(system, family), set(), Facts()
    for i, step in enumerate(system.steps):
        _narrow_enough(step.name, _expressions(step), seen)
        move = _move(out, i, step, nothing)
        if move:
            out.moves.append(move)
    predicates = [(f"property {name}", good) for name, _, good in system.clauses]
    for name, e in [*predicates, ("halted", system.halted), ("settled", system.settled)]:
        _narrow_enough(name, [e], seen)
        out.errors += out.add("index", None, name, astray(e, nothing), _fields([e]))
    out.clauses = [(k, e) for k, (_, e) in enumerate(predicates) if not (e.is_const and e.value)]
    return out


def _expressions(step: Step) -> list[Expr]:
    found = [*step.guard, *step.allowed]
    found += [where for _, where in step.limits + step.marks] + [good for _, good, _ in step.checks]
    return found + [e for _, flat, value in step.writes for e in (flat, value)]


def _narrow_enough(name: str, roots: Iterable[Expr], seen: set[int]):
    """Raise ModelError for a value that needs more than 63 bits; nodes in `seen` were looked at before."""
    stack = list(roots)
    while stack:
        e = stack.pop()
        if id(e) in seen:
            continue
        seen.add(id(e))
        if e.kind == INT and not (-WIDEST <= e.lo and e.hi <= WIDEST):
            raise ModelError(f"{name}: {e} can need more than 63 bits ({e.lo}..{e.hi})")
        stack += e.below


def _move(out: Plan, i: int, step: Step, facts: Facts) -> Move | None:
    """The move of one step, or None where no policy of the family can take it."""
    move = Move(i, step)
    allowed = [t for g in step.allowed for t in conjuncts(out.family.fold(g))]
    tests = [t for g in step.guard for t in conjuncts(g)] + [g for g in allowed if g.kind == BOOL]
    sets = [g for g in allowed if g.kind == SET]
    control = control_test(tests)
    if control is not None:
        read, value = control.args
        move.control, move.value = (read.args[0], read.args[1].value), value.value
        facts = facts.learn(control)
    facts = _guard(out, move, [t for t in tests if t is not control], sets, facts)
    sets = [facts.simplify(g) for g in sets]
    move.tables = tables(out.family, sets, step.name)
    never = any(g.is_const and not g.value for g in move.first + move.guard + sets)
    if never or any(not any(t.masks) for t in move.tables):
        return None
    _effects(out, move, facts)
    return move


def conjuncts(e: Expr) -> list[Expr]:
    """The parts of which each must hold: so the place in a routine is found inside a longer test, too."""
    if e.op == "and":
        return [t for a in e.args for t in conjuncts(a)]
    if e.op == "not" and e.args[0].op == "or":
        return [t for a in e.args[0].args for t in conjuncts(negate(a))]
    return [e]


def _guard(out: Plan, move: Move, tests: list[Expr], sets: list[Expr], facts: Facts) -> Facts:
    """The guard in two parts, `astray` between them; returns the facts behind it."""
    while tests and _never(astray(tests[0], facts)):
        move.first.append(facts.simplify(tests[0]))
        facts = facts.learn(tests.pop(0))
    lost, behind = astray_in_turn(tests, facts)
    reads = [astray(g, behind) for g in sets]
    lost = disj(lost, conj(_all(tests), _any(reads)))
    move.astray = _lost(out, move.index, tests + sets, facts.simplify(lost))
    facts = facts.learn(lost, False)
    for test in tests:
        move.guard.append(facts.simplify(test))
        facts = facts.learn(test)
    for read in reads:
        facts = facts.learn(read, False)
    move.first = [t for t in move.first if not (t.is_const and t.value)]
    move.guard = [t for t in move.guard if not (t.is_const and t.value)]
    return facts


def _effects(out: Plan, move: Move, facts: Facts):
    """Limits, events and writes of a move, behind its guard."""
    i, step = move.index, move.step
    lost = _any(astray(where, facts) for _, where in step.limits)
    # the test of a limit itself would go astray: that comes before anything else
    move.astray += _lost(out, i, [w for _, w in step.limits], conj(_all(move.guard), lost))
    for name, where in step.limits:
        move.limits += out.add("limit", i, name, facts.simplify(where))
        move.taken = conj(move.taken, negate(facts.simplify(where)))
    for _, where in step.limits:
        facts = facts.learn(where, False)
    late = [good for _, good, _ in step.checks] + [where for _, where in step.marks]
    late += [e for _, flat, value in step.writes for e in (flat, value)]
    for e in late:
        lost = astray(e, facts)
        move.errors += _lost(out, i, [e], lost)
        facts = facts.learn(lost, False)
    wrong = [(f, disj(outside(value, f.hi, facts), outside(flat, f.size - 1, facts))) for f, flat, value in step.writes]
    names = ", ".join(sorted({f.name for f, where in wrong if not _never(where)}))
    move.errors += out.add("overflow", i, names, _any(where for _, where in wrong))
    for prop, good, reason in step.checks:
        move.seen += out.add("check", i, prop, negate(facts.simplify(good)), reason)
    for name, where in step.marks:
        move.seen += out.add("mark", i, name, facts.simplify(where))
    move.writes = _last_writes([(f, facts.simplify(flat), facts.simplify(value)) for f, flat, value in step.writes])


def _last_writes(writes):
    """Without the writes to a constant cell that a later write to the same cell replaces."""
    out = []
    for n, (f, flat, value) in enumerate(writes):
        later = (w for w in writes[n + 1 :] if w[0] is f and w[1].is_const)
        if not (flat.is_const and any(w[1].value == flat.value for w in later)):
            out.append((f, flat, value))
    return out


def _never(e: Expr) -> bool:
    return e.is_const and not e.value


def _all(tests: Iterable[Expr]) -> Expr:
    out = TRUE
    for t in tests:
        out = conj(out, t)
    return out


def _any(tests: Iterable[Expr]) -> Expr:
    out = FALSE
    for t in tests:
        out = disj(out, t)
    return out


def _lost(out: Plan, step: int, roots: Iterable[Expr], where: Expr) -> list[int]:
    """The event that a step, computing `roots`, reads outside an array; as `Plan.add`."""
    return [] if _never(where) else out.add("index", step, _fields(roots), where)


def _fields(roots: Iterable[Expr]) -> str:
    """The fields that are read with a computed index (the only ones whose reads can go astray)."""
    return ", ".join(sorted({e.args[0].name for e in walk(*roots) if e.op == "get" and not e.args[1].is_const}))


def control_test(tests: list[Expr]) -> Expr | None:
    """The test ``field == constant`` by which a step is found: the place in an actor's routine, if there is one."""
    found = [
        g
        for g in tests
        if g.op == "==" and g.args[0].op == "get" and g.args[0].args[1].is_const and g.args[1].is_const
        and g.args[0].args[0].hi >= FEWEST_PLACES
    ]  # fmt: skip
    return max(found, key=lambda g: g.args[0].args[0].hi, default=None)


# ---- policy guards as data -------------------------------------------------------------------------------
def tables(family: Family, guards: list[Expr], name: str) -> list[Table]:
    """One table, or as few as their tests allow, for policy sets that must all hold."""
    joined: list[tuple[Expr, tuple[Expr, ...]]] = []
    for g in guards:
        tests = _tests(g)
        if len(tests) > MOST_TESTS:
            raise ModelError(f"{name}: one policy set mixes {len(tests)} state tests; at most {MOST_TESTS}")
        if joined:
            both = tuple(dict.fromkeys((*joined[-1][1], *tests)))
            if len(both) <= JOINED_TESTS:
                joined[-1] = (conj(joined[-1][0], g), both)
                continue
        joined.append((g, tests))
    out = [Table(tests, _masks(family, g, tests)) for g, tests in joined]
    return [t for t in out if any(m != family.all for m in t.masks)]


def _tests(e: Expr) -> tuple[Expr, ...]:
    """The state tests in a policy set, each once (largest ones: a truth value is not taken apart)."""
    if e.kind == BOOL:
        return (e,)
    return tuple(dict.fromkeys(t for a in e.below for t in _tests(a)))


def _masks(family: Family, e: Expr, tests: tuple[Expr, ...]) -> tuple[int, ...]:
    place = {id(t): k for k, t in enumerate(tests)}

    def members(e: Expr, index: int) -> int:
        if e.is_const:
            return family.all if e.value else 0
        if e.kind == BOOL:
            return family.all if index >> place[id(e)] & 1 else 0
        if e.op == "feature":
            return family.members(*e.args)
        if e.op == "not":
            return family.all ^ members(e.args[0], index)
        x, y = (members(a, index) for a in e.args)
        return x & y if e.op == "and" else x | y

    return tuple(members(e, index) for index in range(1 << len(tests)))


__all__ = ["Event", "Move", "Plan", "Table", "control_test", "explain", "plan", "tables"]
