"""The model beside what others wrote: public bugs (data/bugs.csv), the kernel's selftests (data/selftests.csv).

A row names a case and policies, a witness, or why there is neither; a cell that says nothing is ``-``. What the model
says is asked anew each time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from tux3nb.answers.matrix import matrix
from tux3nb.catalogue import find
from tux3nb.engine.result import HOLDS, REFUSED
from tux3nb.errors import UserError
from tux3nb.paths import data_dir
from tux3nb.show.holders import read_rows
from tux3nb.witness.recordings import load_recording

NONE = "-"
KERNEL = {HOLDS: "works", REFUSED: "refused"}  # verdict -> the kernel's answer that it stands for


@dataclass(frozen=True)
class Bug:
    """A bug that somebody reported: under `bug_policy` the case has it, under `fix_policy` it is as it was mended.

    `missing`: the word that the model lacks, where it cannot be said.
    """

    bug: str
    what: str
    source: str
    case: str
    bug_policy: str
    fix_policy: str
    missing: str


@dataclass(frozen=True)
class Selftest:
    """A row of a test program of the kernel: on which memory it tries what, and what the kernel is to answer.

    `witness`: a recording of this program and the fact in it, as ``name: fact``.
    """

    test: str
    row: str
    memory: str
    kernel: str
    case: str
    policy: str
    witness: str
    why: str


def bugs(path: Path | None = None) -> list[Bug]:
    """The public bugs, in the order of the file. Raises UserError for a row that is damaged."""
    return [Bug(**row) for _, row in read_rows(path or data_dir() / "bugs.csv", Bug)]


def selftests(path: Path | None = None) -> list[Selftest]:
    """The rows of the selftests, in the order of the file. Raises UserError for a row that is damaged."""
    return [Selftest(**row) for _, row in read_rows(path or data_dir() / "selftests.csv", Selftest)]


@cache
def model_says(case: str, policy: str) -> str:
    """The verdict of a case under a named policy, with the properties that are violated; ``-`` where there is none."""
    if NONE in (case, policy):
        return NONE
    (cell,) = matrix([find(case)], [policy])
    return cell.answer.told


def witness_saw(witness: str) -> str:
    """A fact and what a recording has of it; ``-`` where there is no witness. Raises UserError for an unknown fact."""
    if witness == NONE:
        return NONE
    name, _, fact = witness.partition(": ")
    found = load_recording(name)
    if found is None or fact not in found["observed"]:
        raise UserError(f"no recording of {witness!r}: `tux3nb witness {name} --record` makes one")
    saw = found["observed"][fact]
    return f"{fact}: {saw if isinstance(saw, str) else 'yes' if saw else 'no'}"


def bug_rows() -> list[dict[str, str]]:
    """The bugs with the model's verdicts."""
    return [
        {**asdict(b), "as it was": model_says(b.case, b.bug_policy), "mended": model_says(b.case, b.fix_policy)}
        for b in bugs()
    ]


def selftest_rows() -> list[dict[str, str]]:
    """The selftests with the model's verdict, what a witness saw, and whether the model answers as the kernel does."""
    rows = []
    for test in selftests():
        said = model_says(test.case, test.policy)
        agrees = NONE if said == NONE else "yes" if KERNEL.get(said) == test.kernel.partition(":")[0] else "no"
        rows.append({**asdict(test), "model": said, "saw": witness_saw(test.witness), "agrees": agrees})
    return rows


TABLES = {
    "bugs": (bug_rows, ("bug", "case", "bug_policy", "as it was", "fix_policy", "mended", "missing")),
    "selftests": (selftest_rows, ("test", "row", "memory", "kernel", "model", "saw", "agrees", "why")),
}


def as_text(rows: Iterable[dict[str, str]], columns: Iterable[str]) -> str:
    """Rows as lines with aligned columns; the last one is not padded."""
    table = [list(columns), *([row[c] for c in columns] for row in rows)]
    widths = [max(len(cells[k]) for cells in table) for k in range(len(table[0]) - 1)]
    return "\n".join(
        "  ".join(f"{c:{w}}" for c, w in zip(cells, [*widths, 0], strict=True)).rstrip() for cells in table
    )
