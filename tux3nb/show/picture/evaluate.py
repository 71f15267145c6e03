"""The two small languages of a picture: EXPR gives an integer, TEXT gives a string; explorer.js has the same two.

EXPR: int | ["f", field] | ["=="|"!="|"<"|">"|"+", a, b] | ["and"|"or", ...] | ["not", a]
TEXT: str | EXPR (printed as a number) | ["cat", TEXT...] | ["name", EXPR, [names]] | ["if", EXPR, TEXT, TEXT]
A field that the state does not have reads as 0.
"""

from collections.abc import Callable, Mapping
from typing import Any

Expr = Any
Text = Any

_COMPARE: dict[str, Callable[[int, int], int]] = {
    "==": lambda a, b: int(a == b),
    "!=": lambda a, b: int(a != b),
    "<": lambda a, b: int(a < b),
    ">": lambda a, b: int(a > b),
    "+": lambda a, b: a + b,
}


def number(expr: Expr, state: Mapping[str, int]) -> int:
    """Return the value of an EXPR in a state (field name to value)."""
    if isinstance(expr, int):
        return int(expr)
    head, *rest = expr
    if head == "f":
        return state.get(rest[0], 0)
    if head == "and":
        return int(all(number(part, state) for part in rest))
    if head == "or":
        return int(any(number(part, state) for part in rest))
    if head == "not":
        return int(not number(rest[0], state))
    return _COMPARE[head](number(rest[0], state), number(rest[1], state))


def words(text: Text, state: Mapping[str, int]) -> str:
    """Return the string of a TEXT in a state."""
    if isinstance(text, str):
        return text
    head = text[0] if isinstance(text, (list, tuple)) else None
    if head == "cat":
        return "".join(words(part, state) for part in text[1:])
    if head == "if":
        return words(text[2] if number(text[1], state) else text[3], state)
    value = number(text[1] if head == "name" else text, state)
    if head == "name" and 0 <= value < len(text[2]):
        return text[2][value]
    return str(value)


def fields_read(node: Expr | Text) -> set[str]:
    """Return the names of the fields that an EXPR or TEXT can read."""
    if not isinstance(node, (list, tuple)):
        return set()
    if node[0] == "f":
        return {node[1]}
    parts = node[1:2] if node[0] == "name" else node[1:]
    return set().union(*(fields_read(part) for part in parts))


def fold(expr: Expr) -> Expr:
    """Replace what does not depend on any field by its value."""
    if isinstance(expr, int) or expr[0] == "f":
        return expr
    head, *rest = expr
    rest = [fold(part) for part in rest]
    if all(isinstance(part, int) for part in rest):
        return number([head, *rest], {})
    if head == "and":
        return 0 if 0 in rest else _join(head, [part for part in rest if not isinstance(part, int)])
    if head == "or":
        return (
            1
            if any(isinstance(p, int) and p for p in rest)
            else _join(head, [p for p in rest if not isinstance(p, int)])
        )
    if head == "+" and 0 in rest:
        return rest[0] if rest[1] == 0 else rest[1]
    return [head, *rest]


def _join(head: str, parts: list[Expr]) -> Expr:
    """Join what is left of an "and" or "or"; one truth value alone stands for itself, a bare field does not."""
    if len(parts) == 1 and parts[0][0] in ("==", "!=", "<", ">", "and", "or", "not"):
        return parts[0]
    return [head, *parts]


def longest(text: Text, width: Callable[[str], float]) -> float:
    """Return the width of the widest string that a TEXT can give; a number counts as two digits."""
    if isinstance(text, str):
        return width(text)
    head = text[0] if isinstance(text, (list, tuple)) else None
    if head == "cat":
        return sum(longest(part, width) for part in text[1:])
    if head == "if":
        return max(longest(text[2], width), longest(text[3], width))
    if head == "name":
        return max((width(name) for name in text[2]), default=0.0)
    return width("00")
