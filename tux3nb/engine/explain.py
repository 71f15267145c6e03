"""Why a predicate fails in one state: the conjunct that is false, and the values it was false for."""

from __future__ import annotations

from tux3nb.engine.fields import Field, Layout, sentences
from tux3nb.engine.terms import OPERATORS, Expr, walk


def evaluate(e: Expr, layout: Layout, state: int) -> int:
    """The value of an expression (no policy sets in it) in one packed state; truth values are 0 and 1."""
    op, a = e.op, e.args
    if op == "const":
        return a[0]
    if op == "get":
        return layout.value(state, a[0], max(0, evaluate(a[1], layout, state)))
    if op in ("and", "or"):
        first = evaluate(a[0], layout, state)
        return first if bool(first) == (op == "or") else evaluate(a[1], layout, state)
    if op == "where":
        return evaluate(a[1] if evaluate(a[0], layout, state) else a[2], layout, state)
    return int(OPERATORS[op].apply(*(evaluate(b, layout, state) for b in a)))


def failing(e: Expr, layout: Layout, state: int) -> Expr:
    """The first conjunct of `e` that is false in `state`."""
    while e.op == "and":
        e = e.args[1] if evaluate(e.args[0], layout, state) else e.args[0]
    return e


def values(e: Expr, layout: Layout, state: int) -> list[str]:
    """What `e` compares in `state`, in the words of the fields: contents, how they are found, and named values.

    What is found by an index comes with the fields that the index reads; ghosts come last.
    """
    found: dict[tuple[str, int], tuple[Field, int, int]] = {}

    def note(node: Expr):
        f, flat = node.args
        at = evaluate(flat, layout, state)
        if 0 <= at < f.size:
            found.setdefault((f.name, at), (f, at, layout.value(state, f, at)))

    for node in walk(e):
        if node.op == "get" and (node.args[0].kind.content or node.args[0].names):
            for below in walk(node):
                if below.op == "get":
                    note(below)
    return sentences(sorted(found.values(), key=lambda told: told[0].ghost))
