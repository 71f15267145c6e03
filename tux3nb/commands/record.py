"""``tux3nb record``: write ``data/verdicts.csv``, or compare with it."""

from __future__ import annotations

import sys

from tux3nb.answers.matrix import differences, interrupted, matrix, record, unfinished
from tux3nb.catalogue import catalogue
from tux3nb.commands.matrix import follow, jobs
from tux3nb.errors import UserError
from tux3nb.paths import data_dir


def configure(parser):
    parser.add_argument("--check", action="store_true", help="write nothing; say what differs from the record")


def run(args) -> int:
    """Exit code: 0 written or equal, 1 something differs, 3 something is unfinished."""
    path = data_dir() / "verdicts.csv"
    cases = catalogue()
    cells = matrix(cases.values(), progress=follow(len(cases)), jobs=jobs(len(cases)))
    if {c.case for c in cells} != set(cases) or interrupted(cells):
        print("interrupted: nothing is compared or written", file=sys.stderr)
        return 3
    new = record(cells)
    old = path.read_text() if path.exists() else ""
    changed = differences(old, new)
    for line in changed:
        print(line)
    if args.check:
        print(f"{path.name}: {'as recorded' if not changed else f'{len(changed)} rows differ'}", file=sys.stderr)
        return 3 if unfinished(cells) else 1 if changed else 0
    try:
        path.write_text(new)
    except OSError as e:
        raise UserError(f"cannot write {path}: {e.strerror}") from None
    print(f"{path}: {len(cells)} rows, {len(changed)} changed", file=sys.stderr)
    return 3 if unfinished(cells) else 0
