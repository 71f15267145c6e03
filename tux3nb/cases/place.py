"""Where a case is written, for its errors: a file with the lines of its fields, or just the case's name."""

from __future__ import annotations

import ast
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass, field

from tux3nb.errors import UserError


class ColumnError(UserError):
    """A broken case; the message names case, line, column and word."""


@dataclass(frozen=True)
class Place:
    """Names a case, and a line of it, in an error.

    name: ``case mine``, or the path of its file. lines: file line on which each field of the case begins; the lines of
    its columns are counted from `columns`, or from 1 within the text where that is not known.
    """

    name: str
    lines: Mapping[str, int] = field(default_factory=dict)
    columns: int | None = None

    def __str__(self) -> str:
        return self.name

    def of(self, name: str) -> str:
        """The place of a field, as ``./mine.py, line 12``."""
        return f"{self.name}, line {self.lines[name]}" if name in self.lines else self.name

    def row(self, n: int) -> str:
        """The place of line n of the columns (from 1)."""
        if self.columns:
            return f"{self.name}, line {self.columns + n - 1}"
        return f"{self.name}, line {n}{' of the columns' if self.lines else ''}"


def in_file(path: str, name: str, columns: str) -> Place:
    """The place of the case of that name in a Python file that has been run; `columns` is its text of columns."""
    with tokenize.open(path) as file:
        tree = ast.parse(file.read())
    lines: dict[str, int] = {}
    start = None
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            said = {k.arg: k.value for k in node.keywords if k.arg}
            if isinstance(value := said.get("name"), ast.Constant) and value.value == name:
                lines = {word: found.lineno for word, found in said.items()}
        elif isinstance(node, ast.Constant) and node.value == columns:
            start = _first_line(node)
    return Place(path, lines or {"name": 1}, start)


def _first_line(text: ast.Constant) -> int | None:
    """The file line on which a text of several lines begins; None where its lines are not those of the file."""
    more = text.end_lineno - text.lineno - text.value.count("\n")
    return text.lineno + more if more in (0, 1) else None  # one more: the text begins with a backslash
