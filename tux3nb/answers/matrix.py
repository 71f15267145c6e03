"""Cases by named policies: verdicts, what was expected of them, and the record of them in ``data/verdicts.csv``."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tux3nb.answers.judge import UNFINISHED, UNREACHED, Answer, judge
from tux3nb.cases.case import VERDICTS, Case, named
from tux3nb.catalogue import catalogue, find
from tux3nb.engine.family import Listed
from tux3nb.engine.result import Limits
from tux3nb.errors import UserError, WorkerDied
from tux3nb.model.features import FEATURES, NAMED
from tux3nb.paths import data_dir, read_record
from tux3nb.workers import each

if TYPE_CHECKING:
    from tux3nb.cluster.connect import Connection

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
        depths = {r.property: "" if r.depth is None else f"@{r.depth}" for r in a.rows}
        told = " ".join(f"{r.property}={r}{depths[r.property]}" for r in a.rows if str(r) != "HOLDS")
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
    jobs: int = 1,
    at: Connection | None = None,
) -> list[Cell]:
    """Every case under every named policy, each case in one exploration of all of them; without runs and reasons.

    `progress` is called with the name of each case that is done. With more than one of `jobs`, shipped cases are
    explored in as many processes; with `at`, all on its workers. Ctrl-C ends it: the cases done so far are returned.
    Raises UserError for an unknown policy, and WorkerDied, with the cells done so far, when one of the processes dies.
    """
    cases, names = list(cases), list(policies)
    for name in names:
        named(name)
    work = [(case, names, limits) for case in cases]
    found = _on_workers(work, at) if at else map(_row, work) if jobs < 2 else _in_processes(work, jobs)
    cells: list[Cell] = []
    try:
        for case, row in zip(cases, found, strict=True):
            cells += row
            if progress:
                progress(case.name)
    except KeyboardInterrupt:
        pass
    except WorkerDied as died:
        raise WorkerDied(cells, str(died)) from None
    return cells


Work = tuple[Case | str, list[str], Limits | None]


def _row(work: Work) -> list[Cell]:
    """The cells of one case (or of the shipped one of that name)."""
    case, names, limits = work
    case = case if isinstance(case, Case) else find(case)
    judged = judge(case, Listed(FEATURES, [named(n) for n in names]), limits)
    return [Cell(case.name, n, judged.answer(named(n), runs=False), case.expect.get(n)) for n in names]


# ---- in several processes ----------------------------------------------------------------------------------
def _in_processes(work: list[Work], jobs: int) -> Iterator[list[Cell]]:
    """The rows in order; each shipped case by whichever process is free, the others here."""
    shipped = catalogue()
    away = [case.name for case, _, _ in work if shipped.get(case.name) is case]
    sent = ((name, names, limits) for name, (_, names, limits) in zip(away, work, strict=False))
    rows = each(_row_away, sent, min(jobs, len(away) or 1))
    for case, names, limits in work:
        if shipped.get(case.name) is case:
            yield [replace(c, answer=replace(c.answer, case=case)) for c in next(rows)]
        else:
            yield _row((case, names, limits))


def _row_away(work: Work) -> list[Cell]:
    """The cells of one case, without the case itself: its rules are functions, which no process can send."""
    return [replace(c, answer=replace(c.answer, case=None)) for c in _row(work)]


def _on_workers(work: list[Work], at: Connection) -> Iterator[list[Cell]]:
    """The rows in order, each by whichever worker is free."""
    from tux3nb.cluster.tasks import each as each_on
    from tux3nb.cluster.worlds import as_data

    sent = ((as_data(case), names, limits) for case, names, limits in work)
    for (case, _, _), row in zip(work, each_on(at, _row_of_data, sent), strict=True):
        yield [replace(c, answer=replace(c.answer, case=case)) for c in row]


def _row_of_data(work: tuple) -> list[Cell]:
    """The cells of a case that came as data."""
    (kind, given), names, limits = work
    return _row_away((kind(**given), names, limits))


def record(cells: Iterable[Cell]) -> str:
    """The record as CSV text, sorted by case and policy."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(sorted((c.row for c in cells), key=lambda r: (r["case"], r["policy"])))
    return out.getvalue()


def recorded_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a record; UserError, which names the file and the line, for one that is missing or damaged."""
    remedy = "`tux3nb record` writes it anew"
    lines = csv.reader(read_record(path, remedy).splitlines())
    if tuple(next(lines)) != COLUMNS:
        raise UserError(f"{path} is damaged: line 1 is not {','.join(COLUMNS)}: {remedy}")
    rows = []
    for cells in lines:
        row = dict(zip(COLUMNS, cells, strict=False))
        if len(cells) != len(COLUMNS) or row["verdict"] not in (*VERDICTS, UNREACHED):
            raise UserError(f"{path} is damaged: line {lines.line_num}: {remedy}")
        rows.append(row)
    if not rows:
        raise UserError(f"{path} has no rows: {remedy}")
    return rows


@cache
def recorded_verdicts() -> dict[str, dict[str, tuple[str, dict[str, int]]]]:
    """Case -> policy -> verdict and violated properties with their depths, as ``data/verdicts.csv`` has them.

    UserError where it is missing or damaged.
    """
    found: dict = {}
    path = data_dir() / "verdicts.csv"
    for row in recorded_rows(path):
        told = [part.partition("=VIOLATED@") for part in row["properties"].split()]
        broken = {prop: int(depth) for prop, _, depth in told if depth.isdecimal()}
        found.setdefault(row["case"], {})[row["policy"]] = (row["verdict"], broken)
    return found


def recorded_everywhere(policy: str) -> dict[str, str]:
    """Case -> recorded verdict of a named policy, for all cases; UserError where the record lacks one."""
    named(policy)
    told, path = recorded_verdicts(), data_dir() / "verdicts.csv"
    for case in catalogue():
        if policy not in told.get(case, {}):
            raise UserError(f"{path} has no row for {case} under {policy}: `tux3nb record` writes it anew")
    return {case: told[case][policy][0] for case in catalogue()}


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
    """Whether the answer of some cell is not complete."""
    return any(c.answer.verdict == UNFINISHED for c in cells)
