"""Cases by named policies: verdicts, what was expected of them, and the record of them in ``data/verdicts.csv``."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .case import Case, named
from .explore import Limits
from .model.features import FEATURES, NAMED
from .policy import Family
from .verdicts import UNFINISHED, Answer, judge

COLUMNS = ("case", "policy", "verdict", "states", "edges", "depth", "properties")


@dataclass(frozen=True)
class Cell:
    """One case under one named policy: the answer, and the verdict written by hand (None: none was)."""

    case: str
    policy: str
    answer: Answer
    expected: str | None

    @property
    def as_expected(self) -> bool:
        return self.expected is None or self.answer.meets(self.expected)

    @property
    def row(self) -> dict[str, str]:
        """The cell as a row of the record; properties that hold plainly are left out."""
        a = self.answer
        told = " ".join(f"{r.property}={r}{'@' + str(r.depth) if r.run else ''}" for r in a.rows if str(r) != "HOLDS")
        return {
            "case": self.case,
            "policy": self.policy,
            "verdict": a.verdict,
            "states": str(a.states),
            "edges": str(a.edges),
            "depth": str(a.depth),
            "properties": told,
        }


def matrix(
    cases: Iterable[Case],
    policies: Iterable[str] = tuple(NAMED),
    limits: Limits | None = None,
    progress: Callable[[str], None] | None = None,
) -> list[Cell]:
    """Every case under every named policy, each case in one exploration of all of them.

    `progress` is called with the name of each case before it is explored. Raises UserError for an unknown policy.
    """
    names = list(policies)
    cells = []
    for case in cases:
        if progress:
            progress(case.name)
        family = Family.listed(FEATURES, [named(n) for n in names])
        judged = judge(case, family, limits)
        for i, name in enumerate(names):
            cells.append(Cell(case.name, name, judged.answer(i, family), case.expect.get(name)))
    return cells


def record(cells: Iterable[Cell]) -> str:
    """The record as CSV text, sorted by case and policy."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(sorted((c.row for c in cells), key=lambda r: (r["case"], r["policy"])))
    return out.getvalue()


def differences(old: str, new: str) -> list[str]:
    """What differs between two records, one line a row."""
    before = {(r["case"], r["policy"]): r for r in csv.DictReader(io.StringIO(old))}
    after = {(r["case"], r["policy"]): r for r in csv.DictReader(io.StringIO(new))}
    out = []
    for key in sorted(before.keys() | after.keys()):
        a, b = before.get(key), after.get(key)
        if a is None or b is None:
            out.append(f"{key[0]}, {key[1]}: {'new' if a is None else 'gone'}")
        elif a != b:
            changed = ", ".join(f"{c} {a[c]} -> {b[c]}" for c in COLUMNS if a.get(c) != b[c])
            out.append(f"{key[0]}, {key[1]}: {changed}")
    return out


def unfinished(cells: Iterable[Cell]) -> bool:
    return any(c.answer.verdict == UNFINISHED for c in cells)
