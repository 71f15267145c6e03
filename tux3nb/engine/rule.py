"""Rules: guarded steps on named fields, traced once per binding into expressions.

A rule is one step that nobody can see halfway, written as one plain function::

    @rule(op=ops("store"), kernel="mm/memory.c:do_wp_page (4.0)")
    def fault_takes_reference(s, policy, op):
        "The write fault takes a reference on the folio that the PTE maps."
        s.require(s.pc[op.task] == "idle", s.pte[op.mapping] != NONE, s.pte_write[op.mapping] == 0)
        s.folio[op.task] = s.pte[op.mapping]
        s.pc[op.task] = "fault_lock"

`require` lines come first, then reads, then writes; every read sees the state before the step. The function is run on
proxies, so ``if``, ``and``, ``or``, ``not`` on a state or policy value are errors that name the rule and the line.

A field that holds a number or none (`Field.none`) is compared with a number, with ``NONE`` or with another such field,
indexes like a number where it is not none, and takes any of them::

    f = s.folio[op.task]                                # the folio that the task has looked up
    s.require(s.pte[m] == f, s.locked[f] == 0)          # the PTE maps that very folio, which is unlocked
    s.pte[m] = s.pte[m].unless(s.pte[m] == NONE, f)     # f where there was none
    s.folio[op.task] = NONE

A field whose values have names (`Field.names`) is compared with a name and takes one: ``s.pc[op.task] == "idle"``.
"""

from __future__ import annotations

import inspect
import itertools
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tux3nb.engine.fields import Constant, Field
from tux3nb.engine.terms import BOOL, INT, SET, Expr, Maybe, Word, const, every, lift
from tux3nb.errors import ModelError, nearest


@dataclass(eq=False)
class Rule:
    """A rule before it is bound: its function, the domain of each parameter, who acts, and what it stands for."""

    function: Callable
    domains: dict
    kernel: str
    actor: str | None
    release: bool

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def says(self) -> str:
        return " ".join((self.function.__doc__ or "").split())

    @property
    def source(self) -> str:
        return inspect.getsource(self.function)


@dataclass(eq=False)
class Step:
    """A rule with its parameters bound, as expressions over the state before the step.

    guard: truth values that must all hold. allowed: policy sets, intersected. limits: (name, where) that end an
    exploration's claim. writes: (field, flat index, value). checks: (property, must hold, reason). marks: (name,
    where) sometimes-events.
    """

    rule: Rule
    args: dict
    actor: str
    guard: list[Expr] = field(default_factory=list)
    allowed: list[Expr] = field(default_factory=list)
    limits: list[tuple[str, Expr]] = field(default_factory=list)
    writes: list[tuple[Field, Expr, Expr]] = field(default_factory=list)
    checks: list[tuple[str, Expr, str]] = field(default_factory=list)
    marks: list[tuple[str, Expr]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.rule.name}({', '.join(map(str, self.args.values()))})"

    def take(self, whole: Step, writes: Iterable | None = None, events: bool = True):
        """Do what another step does: these of its writes (None: all), and, with `events`, its checks and marks."""
        self.writes += whole.writes if writes is None else writes
        if events:
            self.checks += whole.checks
            self.marks += whole.marks


def rule(*, kernel: str, actor: str | None = None, release: bool = False, **domains):
    """Make a function a rule.

    `kernel` names the routine it stands for (file:function, tree). `actor` is who takes the step, where the bound
    ``op`` does not say so. `release` marks the steps by which a holder of unbounded life lets go: progress
    (I7) must not depend on them. Each further argument gives the finite domain of one parameter: a tuple, or a
    function from the world to a sequence.
    """

    def decorate(function: Callable) -> Rule:
        return Rule(function, domains, kernel, actor, release)

    return decorate


class CannotFire(Exception):
    """A binding whose guard is false whatever the state and the policy: it is left out."""


class State:
    """The `s` of a rule: reads and writes named fields, collects guards, checks and marks."""

    def __init__(self, world, step: Step | None):
        self.__dict__.update(_world=world, _step=step, _written=[])

    def __getattr__(self, name):
        f = self._world.fields.get(name)
        if f is None:
            if name in self._world.constants:
                return Cells(self, name) if self._world.constants[name].axes else Cells(self, name)[()]
            raise ModelError(f"no field {name!r}{nearest(name, [*self._world.fields, *self._world.constants])}")
        return Cells(self, name) if f.axes else Cells(self, name)[()]

    def __setattr__(self, name, value):
        if isinstance(value, Cells):
            raise ModelError(f"{name}: give an index on both sides")
        Cells(self, name)[()] = value

    def _read(self, f: Field, flat: Expr) -> Expr:
        for g, index in self._written:
            if g is f and not (flat.is_const and index.is_const and flat.value != index.value):
                raise ModelError(f"reads {f.name} after writing it: reads come before writes")
        return Expr("get", (f, flat), INT, 0, f.hi)

    def require(self, *conditions):
        """The step is possible only where every condition holds, and only for the policies that allow it."""
        if self._step.writes:
            raise ModelError("require after a write: require lines come first")
        for c in map(lift, conditions):
            if c.kind not in (BOOL, SET):
                raise ModelError(f"require needs a truth value or a policy set, not the number {c}")
            if c.is_const and not c.value:
                raise CannotFire
            (self._step.guard if c.kind == BOOL else self._step.allowed).append(c)

    def limit(self, name: str, where):
        """Where this holds, the model is too small to take the step: the policy's answer becomes UNFINISHED(name)."""
        self._step.limits.append((name, lift(where)))

    def ensure(self, prop: str, condition, reason: str):
        """Property `prop` is violated by taking this step where `condition` does not hold."""
        self._step.checks.append((prop, lift(condition), reason))

    def mark(self, name: str, where=True):
        """Taking this step where `where` holds makes the sometimes-event `name` REACHED."""
        self._step.marks.append((name, lift(where)))

    @property
    def world(self):
        return self._world

    @property
    def step(self) -> Step | None:
        """The step that is being traced; None where a property is."""
        return self._step


def as_held(f: Field | Constant, value: Expr) -> Expr | Maybe | Word:
    """What a rule reads of a field that holds `value`: a number, a number or none, or a value with a name."""
    if f.none is not None:
        return Maybe(value, f.none)
    return Word(value, f.names) if f.names else value


class Cells:
    """An array field inside a rule; the index is a label, a number or an expression."""

    __hash__ = None  # type: ignore[assignment]  # comparing makes an expression

    def __init__(self, state: State, name: str):
        self._state, self._name = state, name

    def _at(self, index) -> tuple[Field | Constant, Expr]:
        world = self._state._world
        f = world.fields.get(self._name) or world.constants.get(self._name)
        if f is None:
            raise ModelError(f"no field {self._name!r}{nearest(self._name, [*world.fields, *world.constants])}")
        index = index if isinstance(index, tuple) else (index,)
        if len(index) != len(f.axes):
            raise ModelError(f"field {f.name} takes {len(f.axes)} indexes, got {len(index)}")
        flat = 0
        for axis, i in enumerate(index):
            flat = flat * len(f.axes[axis]) + (lift(i) if isinstance(i, (Expr, Maybe, Word)) else f.position(axis, i))
        return f, lift(flat)

    def __getitem__(self, index) -> Expr | Maybe | Word:
        f, flat = self._at(index)
        value = const(f.value) if isinstance(f, Constant) else self._state._read(f, flat)
        return as_held(f, value)

    def __setitem__(self, index, value):
        f, flat = self._at(index)
        state = self._state
        held = as_held(f, const(0))
        value = lift(value) if isinstance(held, Expr) else held.like(value)
        if value.kind == BOOL:
            value = Expr("int", (value,), INT, 0, 1) if not value.is_const else const(value.value)
        if state._step is None:
            raise ModelError("a property may not write")
        if isinstance(f, Constant):
            if not (value.is_const and value.value == f.value):
                raise ModelError(f"writes {f.name}, which this case does not have (it reads as {f.value})")
            return
        if value.is_const and not 0 <= value.value <= f.hi:
            raise ModelError(f"{f.name} = {value.value} is outside its range 0..{f.hi}")
        state._step.writes.append((f, flat, value))
        state._written.append((f, flat))


def bind(rules: Iterable[Rule], world, policy) -> list[Step]:
    """Trace every rule for every binding of its parameters; bindings that can never fire are left out.

    `world` has `fields` and `constants` (name -> Field) and whatever the domains ask it for; `policy` is the table
    of features. Raises ModelError naming the rule, and the line where it is in the rule.
    """
    steps = []
    for r in rules:
        for args in _bindings(r, world):
            step = trace(r, args, world, policy)
            if step is not None:
                step.guard = [g for g in step.guard if not g.is_const]
                step.allowed = [g for g in step.allowed if not g.is_const]
                steps.append(step)
    return steps


def _bindings(r: Rule, world) -> Iterable[dict]:
    values = []
    for name, domain in r.domains.items():
        found = domain(world) if callable(domain) else domain
        if not isinstance(found, (tuple, list, range)):
            raise ModelError(f"rule {r.name}: parameter {name} needs a finite sequence, got {found!r}")
        values.append(found)
    for combo in itertools.product(*values):
        yield dict(zip(r.domains, combo, strict=True))


def trace(r: Rule, args: dict, world, policy) -> Step | None:
    """Run one rule on proxies for one binding; None if that binding can never fire."""
    op = args.get("op")
    step = Step(r, args, r.actor or (op.task if op is not None else world.default_actor))
    try:
        r.function(State(world, step), policy, **args)
    except CannotFire:
        return None
    except ModelError as e:
        line = next((f.lineno for f in reversed(traceback.extract_tb(e.__traceback__)) if f.name == r.name), None)
        raise ModelError(f"rule {r.name}, line {line}: {e}") from None
    if not step.guard and not step.allowed:
        raise ModelError(f"rule {r.name} requires nothing: it could fire for ever")
    return step


def predicate(function: Callable, world) -> Expr:
    """Trace a property: a function of the state that returns a truth value."""
    try:
        value = lift(function(State(world, None)))
    except ModelError as e:
        raise ModelError(f"property {function.__name__}: {e}") from None
    if value.kind != BOOL:
        raise ModelError(f"property {function.__name__} returns {value.kind}, not a truth value")
    return value


__all__ = ["Rule", "State", "Step", "bind", "every", "predicate", "rule", "trace"]
