"""Why a predicate fails in one state: the conjunct that is false, and the values it was false for."""

from __future__ import annotations

from tux3nb.engine.fields import Layout
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


def values(e: Expr, layout: Layout, state: int, sets: tuple[str, ...] = ()) -> list[str]:
    """The fields that `e` reads in `state`, as ``label = value``; those named in `sets` as sets of versions."""
    out: dict[str, str] = {}
    for node in walk(e):
        if node.op == "get":
            f, flat = node.args
            at = evaluate(flat, layout, state)
            if 0 <= at < f.size:
                v = layout.value(state, f, at)
                if f.name in sets:
                    out[f.label(at)] = "{" + ", ".join(f"v{k}" for k in range(f.width) if v >> k & 1) + "}"
                else:
                    out[f.label(at)] = f.names[v] if f.names else str(v)
    return [f"{label} = {told}" for label, told in out.items()]
