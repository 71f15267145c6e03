"""Expressions as program text: the traversal is here, a subclass says how its language spells the pieces.

A backend subclasses :class:`Printer`, replaces the `forms` that its language spells differently, and gives
`constant`, `read` and (if it prints policy sets as code) `feature`. Values are signed numbers of at most 63 bits:
`tux3nb.engine.plan` refuses a system with a wider one, so that no language wraps where another does not.
"""

from __future__ import annotations

from tux3nb.engine.fields import Field
from tux3nb.engine.terms import Expr


class Printer:
    """Prints expressions.

    forms: operator -> template over the texts of its arguments, ``{0}``, ``{1}``, ``{2}``. Every form must be closed
    (parenthesised), since it is put into others as it is. names: id of a node -> the variable that already has its
    value; a subclass or its user fills it, and must clear it where that variable goes out of scope.
    """

    forms: dict[str, str] = {
        "==": "({0} == {1})",
        "!=": "({0} != {1})",
        "<": "({0} < {1})",
        "<=": "({0} <= {1})",
        ">": "({0} > {1})",
        ">=": "({0} >= {1})",
        "+": "({0} + {1})",
        "-": "({0} - {1})",
        "*": "({0} * {1})",
        "int": "(1 if {0} else 0)",
        "and": "({0} and {1})",
        "or": "({0} or {1})",
        "not": "(not {0})",
        "where": "({1} if {0} else {2})",
        "bit": "(1 << {0})",
        "union": "({0} | {1})",
        "without": "({0} & ~{1})",
        "has": "({0} >> {1} & 1)",
    }

    def __init__(self):
        self.names: dict[int, str] = {}

    def text(self, e: Expr) -> str:
        """`e` as one closed piece of text; a node that has a name is not printed again."""
        known = self.names.get(id(e))
        if known is not None:
            return known
        if e.op == "const":
            return self.constant(e)
        if e.op == "get":
            return self.read(e.args[0], e.args[1])
        if e.op == "feature":
            return self.feature(e)
        return self.forms[e.op].format(*[self.text(a) for a in e.args])

    def constant(self, e: Expr) -> str:
        """A number or (kind BOOL) a truth value."""
        raise NotImplementedError

    def read(self, field: Field, flat: Expr) -> str:
        """One cell of a field; `flat` is the index, constant or computed (then print it with `text`)."""
        raise NotImplementedError

    def feature(self, e: Expr) -> str:
        """Whether a policy gives the feature ``e.args[0]`` one of the values ``e.args[1]``.

        Only a language that knows one policy at a time prints it; the others take policy sets from
        `tux3nb.engine.plan.Table`, as data.
        """
        raise NotImplementedError(f"{type(self).__name__} has policy sets as data")
