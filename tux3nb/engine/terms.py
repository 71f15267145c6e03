"""Expressions over the fields of a state and the features of a policy.

An expression is built by running ordinary Python code on proxies and folded where its parts are constants. While a
system is traced (`shared`), two expressions of the same form are the same object. Its kind is one of

* ``INT``  an unsigned value with a static range ``lo..hi``,
* ``BOOL`` a truth value of a state,
* ``SET``  a set of policies (possibly depending on the state): what ``policy.fork == "always"`` is.

``and``, ``or``, ``not`` and ``if`` cannot be overloaded; using them on an expression is an error. Write ``&``,
``|``, ``~`` and :func:`where`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from tux3nb.errors import ModelError, nearest

INT, BOOL, SET = "int", "bool", "set"
_TABLE: ContextVar[dict | None] = ContextVar("_TABLE", default=None)


@contextmanager
def shared() -> Iterator[None]:
    """Inside, expressions of one form are one object: the table belongs to the system that is being traced."""
    token = _TABLE.set({})
    try:
        yield
    finally:
        _TABLE.reset(token)


class Expr:
    """One node: an operator, its arguments, its kind and (for INT) its static range. `below` are those of its arguments
    that are expressions.
    """

    __slots__ = ("args", "below", "hi", "kind", "lo", "op")
    op: str
    args: tuple
    kind: str
    lo: int
    hi: int
    below: tuple[Expr, ...]

    def __new__(cls, op: str, args: tuple, kind: str, lo: int = 0, hi: int = 1) -> Expr:  # noqa: PYI034  (an expression that is there already)
        table = _TABLE.get()
        key = (op, kind, tuple(id(a) if isinstance(a, Expr) else a for a in args))
        node = None if table is None else table.get(key)
        if node is None:
            node = object.__new__(cls)
            node.op, node.args, node.kind, node.lo, node.hi = op, args, kind, lo, hi
            node.below = tuple([a for a in args if isinstance(a, Expr)])
            if table is not None:
                table[key] = node
        return node

    def __bool__(self):
        raise ModelError("a state or policy value was used with if, and, or, not: write &, |, ~ or where()")

    def __hash__(self):
        return id(self)

    def __eq__(self, other):
        return compare("==", self, lift(other))

    def __ne__(self, other):
        return compare("!=", self, lift(other))

    def __lt__(self, other):
        return compare("<", self, lift(other))

    def __le__(self, other):
        return compare("<=", self, lift(other))

    def __gt__(self, other):
        return compare(">", self, lift(other))

    def __ge__(self, other):
        return compare(">=", self, lift(other))

    def __add__(self, other):
        return add(self, lift(other))

    def __radd__(self, other):
        return add(lift(other), self)

    def __sub__(self, other):
        return subtract(self, lift(other))

    def __rsub__(self, other):
        return subtract(lift(other), self)

    def __mul__(self, other):
        return multiply(self, lift(other))

    __rmul__ = __mul__

    def __and__(self, other):
        return conj(self, lift(other))

    def __or__(self, other):
        return disj(self, lift(other))

    __rand__, __ror__ = __and__, __or__

    def __invert__(self):
        return negate(self)

    @property
    def is_const(self) -> bool:
        return self.op == "const"

    @property
    def value(self) -> int:
        return self.args[0]

    def __repr__(self):
        return show(self)


def const(value: int | bool) -> Expr:
    """A constant; True and False are BOOL, whole numbers are INT."""
    if isinstance(value, bool):
        return TRUE if value else FALSE
    if not isinstance(value, int):
        raise ModelError(f"{value!r} is not a whole number")
    return Expr("const", (value,), INT, value, value)


TRUE, FALSE = Expr("const", (1,), BOOL), Expr("const", (0,), BOOL)


def lift(value) -> Expr:
    """An expression from an expression, a Python number, or a number-or-none that is not none."""
    if isinstance(value, Expr):
        return value
    return value.number if isinstance(value, (Maybe, Word)) else const(value)


def _expect(kind: str, *args: Expr):
    for a in args:
        if a.kind != kind:
            raise ModelError(f"expected {kind}, got {a.kind}: {a}")


def compare(op: str, a: Expr, b: Expr) -> Expr:
    """Two numbers compared; constants fold."""
    _expect(INT, a, b)
    if a.is_const and b.is_const:
        return const(OPERATORS[op].apply(a.value, b.value))
    if op == "==" and (a.hi < b.lo or b.hi < a.lo):
        return FALSE
    if op == "!=" and (a.hi < b.lo or b.hi < a.lo):
        return TRUE
    if a is b:
        return const(op in ("==", "<=", ">="))
    return Expr(op, (a, b), BOOL)


def add(a: Expr, b: Expr) -> Expr:
    """A sum; constants fold, and 0 goes."""
    a, b = as_int(a), as_int(b)
    if a.is_const and b.is_const:
        return const(a.value + b.value)
    if a.is_const and a.value == 0:
        return b
    if b.is_const and b.value == 0:
        return a
    return Expr("+", (a, b), INT, a.lo + b.lo, a.hi + b.hi)


def subtract(a: Expr, b: Expr) -> Expr:
    """A difference; constants fold, and 0 goes."""
    a, b = as_int(a), as_int(b)
    if a.is_const and b.is_const:
        return const(a.value - b.value)
    if b.is_const and b.value == 0:
        return a
    return Expr("-", (a, b), INT, a.lo - b.hi, a.hi - b.lo)


def multiply(a: Expr, b: Expr) -> Expr:
    """A product; constants fold."""
    _expect(INT, a, b)
    if a.is_const and b.is_const:
        return const(a.value * b.value)
    for x, y in ((a, b), (b, a)):
        if x.is_const and x.value in (0, 1):
            return y if x.value else const(0)
    return Expr("*", (a, b), INT, a.lo * b.lo, a.hi * b.hi)


def as_int(a: Expr) -> Expr:
    """A truth value as 0 or 1, so that references can be counted by summing comparisons."""
    if a.kind == BOOL:
        return const(a.value) if a.is_const else Expr("int", (a,), INT, 0, 1)
    _expect(INT, a)
    return a


def _logic(a: Expr, b: Expr) -> str:
    if INT in (a.kind, b.kind):
        raise ModelError(f"& and | join truth values or policy sets, not numbers: {a} with {b}")
    return SET if SET in (a.kind, b.kind) else BOOL


def conj(a: Expr, b: Expr) -> Expr:
    """Both: of truth values or of policy sets."""
    kind = _logic(a, b)
    for x, y in ((a, b), (b, a)):
        if x.is_const:
            return y if x.value else FALSE
    return a if a is b else Expr("and", (a, b), kind)


def disj(a: Expr, b: Expr) -> Expr:
    """Either: of truth values or of policy sets."""
    kind = _logic(a, b)
    for x, y in ((a, b), (b, a)):
        if x.is_const:
            return TRUE if x.value else y
    return a if a is b else Expr("or", (a, b), kind)


def negate(a: Expr) -> Expr:
    """Not: of a truth value or of a policy set."""
    if a.kind == INT:
        raise ModelError(f"~ negates truth values or policy sets, not the number {a}")
    if a.is_const:
        return const(not a.value)
    return a.args[0] if a.op == "not" else Expr("not", (a,), a.kind)


def every(terms: Iterable) -> Expr:
    """True where all of `terms` are."""
    out = TRUE
    for t in terms:
        out = conj(out, lift(t))
    return out


def some(terms: Iterable) -> Expr:
    """True where at least one of `terms` is."""
    out = FALSE
    for t in terms:
        out = disj(out, lift(t))
    return out


def count(terms: Iterable) -> Expr:
    """How many of `terms` are true."""
    out = const(0)
    for t in terms:
        out = add(out, as_int(lift(t)))
    return out


def where(test, a, b) -> Expr:
    """`a` where `test` holds, else `b`."""
    test, a, b = lift(test), as_int(lift(a)), as_int(lift(b))
    if test.kind != BOOL:
        raise ModelError(f"where() chooses by a state's truth value, not by {test.kind}: {test}")
    if test.is_const:
        return a if test.value else b
    return a if a is b else Expr("where", (test, a, b), INT, min(a.lo, b.lo), max(a.hi, b.hi))


# ---- a number or none -----------------------------------------------------------------------------------
class Nothing:
    """What a field of a number or none has when it has no number; there is one, `NONE`."""

    def __repr__(self):
        return "NONE"


NONE = Nothing()


class Maybe:
    """A number or none, as a field holds it: `stored` is the value there, `none` the value that means none.

    It compares with ``==`` and ``!=`` with a number, with `NONE` and with another one. Used as a number (as an index,
    in a sum, with ``<``) it is one: that has a meaning only where it is not none.
    """

    __slots__ = ("none", "stored")
    __hash__ = None  # type: ignore[assignment]  # comparing makes an expression

    def __init__(self, stored: Expr, none: int):
        self.stored, self.none = stored, none

    @property
    def number(self) -> Expr:
        """The number, where there is one."""
        return subtract(self.stored, const(1)) if self.none == 0 else self.stored

    def like(self, other) -> Expr:
        """What is stored for `other`, a number, `NONE` or another `Maybe`, in a field like this one."""
        if other is NONE:
            return const(self.none)
        if isinstance(other, Maybe) and other.none == self.none:
            return other.stored
        number = lift(other)
        return add(number, const(1)) if self.none == 0 else number

    def unless(self, test, other) -> Maybe:
        """The same, but `other` where `test` holds."""
        return Maybe(where(test, self.like(other), self.stored), self.none)

    def __eq__(self, other):
        return compare("==", self.stored, self.like(other))

    def __ne__(self, other):
        return compare("!=", self.stored, self.like(other))

    def __lt__(self, other):
        return self.number < other

    def __le__(self, other):
        return self.number <= other

    def __gt__(self, other):
        return self.number > other

    def __ge__(self, other):
        return self.number >= other

    def __bool__(self):
        raise ModelError("a number or none was used with if, and, or, not: compare it with NONE")

    def __repr__(self):
        return f"Maybe({self.stored})"


# ---- a value that has a name ----------------------------------------------------------------------------
class Word:
    """A number of which each value has a name, as a field holds it.

    It compares with a name, a number or another one. Used as a number it is one. Raises ModelError for a name that
    there is not, with the nearest one.
    """

    __slots__ = ("names", "number")
    __hash__ = None  # type: ignore[assignment]  # comparing makes an expression

    def __init__(self, number: Expr, names: tuple[str, ...]):
        self.number, self.names = number, names

    def like(self, other) -> Expr:
        """The number of `other`, which may be given by its name."""
        if not isinstance(other, str):
            return lift(other)
        if other not in self.names:
            raise ModelError(f"no value {other!r}{nearest(other, self.names)}")
        return const(self.names.index(other))

    def unless(self, test, other) -> Word:
        """The same, but `other` where `test` holds."""
        return Word(where(test, self.like(other), self.number), self.names)

    def __eq__(self, other):
        return compare("==", self.number, self.like(other))

    def __ne__(self, other):
        return compare("!=", self.number, self.like(other))

    def __bool__(self):
        raise ModelError("a value with a name was used with if, and, or, not: compare it with a name")

    def __repr__(self):
        return f"Word({self.number})"


# ---- small sets of versions as bit masks ---------------------------------------------------------------
def bit(n) -> Expr:
    """The set {n}."""
    n = lift(n)
    return const(1 << n.value) if n.is_const else Expr("bit", (n,), INT, 1, 1 << n.hi)


def union(a, b) -> Expr:
    """The bits of two numbers together."""
    a, b = lift(a), lift(b)
    _expect(INT, a, b)
    for x, y in ((a, b), (b, a)):
        if x.is_const and x.value == 0:
            return y
    if a.is_const and b.is_const:
        return const(a.value | b.value)
    full = (1 << max(a.hi.bit_length(), b.hi.bit_length())) - 1
    return a if a is b else Expr("union", (a, b), INT, 0, full)


def without(a, b) -> Expr:
    """The members of set `a` that are not in set `b`."""
    a, b = lift(a), lift(b)
    _expect(INT, a, b)
    if (b.is_const and b.value == 0) or (a.is_const and a.value == 0):
        return a
    if a.is_const and b.is_const:
        return const(a.value & ~b.value)
    return Expr("without", (a, b), INT, 0, a.hi)


def has(a, n) -> Expr:
    """Whether `n` is a member of the set `a`."""
    a, n = lift(a), lift(n)
    _expect(INT, a, n)
    if a.is_const and n.is_const:
        return const(bool(a.value >> n.value & 1))
    return Expr("has", (a, n), BOOL)


# ---- reading an expression -----------------------------------------------------------------------------
def walk(*roots: Expr) -> Iterator[Expr]:
    """Every node below `roots`, each once, arguments before users."""
    seen: set[int] = set()
    stack: list[Expr | None] = [*reversed(roots)]
    while stack:
        e = stack.pop()
        if e is None:  # the arguments of the next one have been there
            yield stack.pop()  # type: ignore[misc]
        elif id(e) not in seen:
            seen.add(id(e))
            if e.below:
                stack += (e, None, *e.below[::-1])
            else:
                yield e


def rebuild(e: Expr, change) -> Expr:
    """The same expression with every leaf (``get``, ``feature``) replaced by ``change(leaf)``, folded anew."""
    done: dict[int, Expr] = {}
    for node in walk(e):
        if node.op in ("get", "feature"):
            done[id(node)] = change(node)
        elif node.op == "const":
            done[id(node)] = node
        else:
            args = [done[id(a)] if isinstance(a, Expr) else a for a in node.args]
            done[id(node)] = OPERATORS[node.op].build(*args)
    return done[id(e)]


class Operator(NamedTuple):
    """All that there is to know of an operator: how to build and fold it, its value from those of its arguments, and
    its text in Python and in the C of Promela's expressions. `and`, `or` and `where` do not look at what is decided.
    """

    build: Callable[..., Expr]
    apply: Callable[..., Any]
    python: str
    c: str


def _infix(build: Callable[..., Expr], apply: Callable, python: str, c: str = "") -> Operator:
    return Operator(build, apply, f"({{0}} {python} {{1}})", f"({{0}} {c or python} {{1}})")


def _comparison(op: str, apply: Callable) -> Operator:
    return _infix(lambda a, b: compare(op, a, b), apply, op)


OPERATORS = {
    "==": _comparison("==", operator.eq),
    "!=": _comparison("!=", operator.ne),
    "<": _comparison("<", operator.lt),
    "<=": _comparison("<=", operator.le),
    ">": _comparison(">", operator.gt),
    ">=": _comparison(">=", operator.ge),
    "+": _infix(add, operator.add, "+"),
    "-": _infix(subtract, operator.sub, "-"),
    "*": _infix(multiply, operator.mul, "*"),
    "and": _infix(conj, lambda a, b: a and b, "and", "&&"),
    "or": _infix(disj, lambda a, b: a or b, "or", "||"),
    "not": Operator(negate, operator.not_, "(not {0})", "(!{0})"),
    "int": Operator(as_int, int, "(1 if {0} else 0)", "({0} ? 1 : 0)"),
    "where": Operator(where, lambda t, a, b: a if t else b, "({1} if {0} else {2})", "({0} ? {1} : {2})"),
    "bit": Operator(bit, lambda n: 1 << n, "(1 << {0})", "(1 << {0})"),
    "union": _infix(union, operator.or_, "|"),
    "without": _infix(without, lambda a, b: a & ~b, "& ~", "& ~"),
    "has": Operator(has, lambda a, n: a >> n & 1, "({0} >> {1} & 1)", "({0} >> {1} & 1)"),
}
SYMBOL = {"and": "&", "or": "|", "union": "|", "without": "\\"}


def show(e: Expr) -> str:
    """The expression as a reader would write it."""
    a = e.args
    if e.op == "const":
        return str(bool(a[0])) if e.kind == BOOL else str(a[0])
    if e.op == "get":
        return a[0].label(a[1].value) if a[1].is_const else f"{a[0].name}[{show(a[1])}]"
    if e.op == "feature":
        return f"policy.{a[0].id} in {{{', '.join(a[1])}}}"
    if e.op == "not":
        return f"~{show(a[0])}"
    if e.op == "int":
        return show(a[0])
    if e.op in ("where", "bit", "has"):
        return f"{e.op}({', '.join(map(show, a))})"
    return f"({show(a[0])} {SYMBOL.get(e.op, e.op)} {show(a[1])})"
