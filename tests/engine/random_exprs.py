"""Random expressions over a few fields, some of whose indexes may lie outside their arrays."""

from __future__ import annotations

from tux3nb.engine.fields import Field
from tux3nb.engine.rule import State
from tux3nb.engine.terms import Expr, as_int, bit, compare, const, has, lift, negate, union, where, without

from .worlds import world


def four_fields():
    """A world of three numbers and an array."""
    return world(Field("x", (), 5), Field("y", (), 3), Field("flag", (), 1), Field("cells", ((0, 1, 2),), 6))


class Maker:
    """Makes expressions of a given depth; `tame` ones never read outside an array.

    rng: anything with the methods of `random.Random`; that of hypothesis makes expressions that shrink.
    """

    def __init__(self, rng, tame: bool = True, over=None):
        self.rng, self.tame = rng, tame
        self.world = over or four_fields()
        self.state = State(self.world, None)

    def number(self, depth: int) -> Expr:
        if depth == 0:
            return self.rng.choice([self.state.x, self.state.y, self.state.flag, const(self.rng.randint(0, 4))])
        kind = self.rng.choice(["leaf", "+", "-", "*", "where", "int", "union", "without", "bit", "cell"])
        if kind in ("+", "-", "*"):
            a, b = self.number(depth - 1), self.number(depth - 1)
            return a + b if kind == "+" else a - b if kind == "-" else a * const(self.rng.randint(0, 3))
        if kind == "where":
            return where(self.truth(depth - 1), self.number(depth - 1), self.number(depth - 1))
        if kind == "int":
            return as_int(self.truth(depth - 1))
        if kind in ("union", "without"):
            return (union if kind == "union" else without)(self.state.x, self.state.cells[self.rng.randint(0, 2)])
        if kind == "bit":
            return bit(self.state.y)
        return self.state.cells[self.index(depth - 1)] if kind == "cell" else self.number(0)

    def index(self, depth: int) -> Expr:
        if self.tame:
            return where(self.state.y < 3, self.state.y, 0)
        at = lift(self.rng.choice([self.state.y, self.state.y - 1, self.state.x - 2, self.number(depth)]))
        return const(at.value % 3) if at.is_const else at  # a number outside is found where it is traced

    def truth(self, depth: int) -> Expr:
        if depth == 0:
            return compare(self.rng.choice(["==", "!=", "<", "<=", ">", ">="]), self.number(0), self.number(0))
        kind = self.rng.choice(["compare", "compare", "and", "or", "not", "has"])
        if kind == "compare":
            op = self.rng.choice(["==", "!=", "<", "<=", ">", ">="])
            return compare(op, self.number(depth - 1), self.number(depth - 1))
        if kind == "has":
            return has(union(self.state.x, self.state.cells[1]), self.state.y)
        if kind == "not":
            return negate(self.truth(depth - 1))
        a, b = self.truth(depth - 1), self.truth(depth - 1)
        return a & b if kind == "and" else a | b

    def chooser(self, policy) -> Expr:
        """A set of policies that depends on the state, too."""
        one = self.rng.choice([policy.a == "x", policy.a != "x", policy.a.one_of("x", "z"), policy.b == "yes"])
        kind = self.rng.choice(["one", "both", "either", "where"])
        if kind == "one":
            return one
        other = self.truth(1) if kind == "where" else policy.b == self.rng.choice(["no", "yes"])
        return one & other if kind == "both" else one | other

    def any(self, depth: int) -> Expr:
        return lift(self.truth(depth) if self.rng.randint(0, 1) else self.number(depth))

    def predicate(self, depth: int):
        """A truth value as a function of the state."""

        def holds(s):
            self.state = s
            return self.truth(depth)

        return holds

    def states(self, n: int) -> list[dict]:
        """Random states {(field, index): number}."""
        cells = [(f, i) for f in self.world.fields.values() for i in range(f.size)]
        return [{(f.name, i): self.rng.randint(0, f.hi) for f, i in cells} for _ in range(n)]
