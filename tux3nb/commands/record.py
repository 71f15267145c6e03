"""``tux3nb record``: write ``data/verdicts.csv``, or compare with it."""

from __future__ import annotations

import sys
from pathlib import Path

from tux3nb.answers.matrix import differences, matrix, record, recorded_rows, unfinished
from tux3nb.catalogue import catalogue
from tux3nb.commands.matrix import follow, jobs
from tux3nb.errors import UserError, WorkerDied
from tux3nb.paths import data_dir, write_whole


def configure(parser):
    parser.add_argument("--check", action="store_true", help="write nothing; say what differs from the record")


def run(args) -> int:
    """Exit code: 0 written or equal, 1 something differs, 3 something is unfinished, 130 interrupted."""
    path = data_dir() / "verdicts.csv"
    if args.check:
        recorded_rows(path)  # a record that says nothing is known before minutes have passed
    cases = catalogue()
    try:
        cells = matrix(cases.values(), progress=follow(len(cases)), jobs=jobs(len(cases)))
    except WorkerDied as died:
        print(f"{died}: nothing is compared or written", file=sys.stderr)
        return 3
    if {c.case for c in cells} != set(cases):
        print("interrupted: nothing is compared or written", file=sys.stderr)
        return 130
    new = record(cells)
    changed = differences(_old(path, new), new)
    for line in changed:
        print(line)
    if args.check:
        print(f"{path.name}: {'as recorded' if not changed else f'{len(changed)} rows differ'}", file=sys.stderr)
        return 3 if unfinished(cells) else 1 if changed else 0
    write_whole(path, new)
    print(f"{path}: {len(cells)} rows, {len(changed)} changed", file=sys.stderr)
    return 3 if unfinished(cells) else 0


def _old(path: Path, new: str) -> str:
    """The record as it is; where it is damaged, that is said, and it counts as without rows."""
    try:
        recorded_rows(path)
        return path.read_text(encoding="utf-8")
    except UserError as damaged:
        print(damaged, file=sys.stderr)
        return new.partition("\n")[0]
