"""``tux3nb record``: write the records of verdicts and of sets of policies, or compare with them."""

from __future__ import annotations

import sys
from pathlib import Path

from tux3nb.answers.matrix import differences, matrix, record, recorded_rows, unfinished
from tux3nb.answers.worlds import (
    FREE,
    SETS,
    Difference,
    explore_worlds,
    find_world,
    free_names,
    recorded_worlds,
    written,
)
from tux3nb.answers.worlds import differences as changes
from tux3nb.catalogue import catalogue
from tux3nb.commands import limits
from tux3nb.commands.matrix import follow, jobs
from tux3nb.commands.whole import lines_of
from tux3nb.engine.family import PolicySet
from tux3nb.errors import UserError, WorkerDied
from tux3nb.paths import data_dir, write_all_whole

VERDICTS = "verdicts.csv"
SHOWN = 2  # lines of a set that a difference shows
Files = dict[str, str]


def configure(parser):
    """Declare the command's arguments."""
    parser.add_argument("worlds", nargs="*", metavar="WORLD",
                        help="only these cases and free-running worlds (default: all that are recorded)")  # fmt: skip
    parser.add_argument("--check", action="store_true", help="write nothing; say what differs from the record")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--verdicts", action="store_true", help="only the verdicts of named policies (seconds)")
    which.add_argument("--sets", action="store_true", help="only the sets of policies (minutes)")
    limits.configure(parser)


def run(args) -> int:
    """Exit code: 0 written or equal, 1 something differs, 3 something is unfinished, 130 interrupted."""
    names = args.worlds or everything()
    for name in names:
        if name.endswith(".py"):
            raise UserError(f"{name}: the record has the worlds of this code only")
        find_world(name)
    if args.check and not args.verdicts:
        recorded_worlds()  # a record that says nothing is known before minutes have passed
    codes, new = [], {}
    try:
        for ask in ([] if args.sets else [_verdicts]) + ([] if args.verdicts else [_sets]):
            code, files = ask(names, args)
            codes.append(code)
            new.update(files)
    except WorkerDied as died:
        print(f"{died}: nothing is compared or written", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        print("interrupted: nothing is compared or written", file=sys.stderr)
        return 130
    if not args.check:
        write_all_whole({data_dir() / name: text for name, text in new.items()})
        codes = [0 if code == 1 else code for code in codes]
        print(f"{data_dir()}: {', '.join(new)} written", file=sys.stderr)
    return max(codes, default=0)


def everything() -> list[str]:
    """All cases, the free-running worlds of one round, and those of more rounds that the record has to their end."""
    try:
        more = [w.name for w in recorded_worlds().values() if w.rounds > 1 and not w.stopped]
    except UserError:  # is said when the record is read to be compared
        more = []
    return [*catalogue(), *free_names(1), *more]


def _said(what: str, lines: list[str]) -> int:
    """Tell what differs; 1 if something does, else 0."""
    for line in lines:
        print(line)
    told = f"{len(lines)} difference{'s' if len(lines) != 1 else ''}" if lines else "as recorded"
    print(f"{what}: {told}", file=sys.stderr)
    return int(bool(lines))


# ---- verdicts of named policies ----------------------------------------------------------------------------------
def _verdicts(names: list[str], args) -> tuple[int, Files]:
    """Explore the cases among some worlds for all named policies; the exit code, and the files as they should be."""
    path, cases = data_dir() / VERDICTS, [catalogue()[n] for n in names if not FREE.fullmatch(n)]
    if not cases:
        return 0, {}
    old = _old(path, args.check)
    cells = matrix(cases, progress=follow(len(cases)), jobs=jobs(len(cases)))
    if {c.case for c in cells} != {c.name for c in cases}:
        raise KeyboardInterrupt
    new = _kept(old, record(cells), {c.name for c in cases}) if args.worlds else record(cells)
    differs = _said(VERDICTS, differences(old, new))
    return (3 if unfinished(cells) else differs), {VERDICTS: new}


def _kept(old: str, new: str, names: set[str]) -> str:
    """The record with the rows of some cases replaced."""
    head, *rows = new.splitlines()
    kept = [line for line in old.splitlines()[1:] if line.partition(",")[0] not in names]
    return "\n".join([head, *sorted([*kept, *rows], key=lambda line: line.split(",")[:2])]) + "\n"


def _old(path: Path, strict: bool) -> str:
    """The record as it is; where it is damaged, that is said, and it counts as without rows (`strict`: UserError)."""
    try:
        recorded_rows(path)
        return path.read_text(encoding="utf-8")
    except UserError as damaged:
        if strict:
            raise
        print(damaged, file=sys.stderr)
        return "case,policy,verdict,states,edges,depth,properties\n"


# ---- sets of policies --------------------------------------------------------------------------------------------
def _sets(names: list[str], args) -> tuple[int, Files]:
    """Explore worlds for all policies; the exit code, and the files as they should be."""
    try:
        old = recorded_worlds()
    except UserError as damaged:
        if args.check:
            raise
        print(damaged, file=sys.stderr)
        old = {}
    found = explore_worlds(names, limits.limits(args), jobs(4 * len(names)), follow(len(names), "world"))
    new = {w.name: w for w in found}
    kept = {n: w for n, w in old.items() if args.worlds and n not in new}
    before = {n: w for n, w in old.items() if n not in kept}
    differs = _said(SETS, [told(d) for d in changes(before, new)])
    stopped = any(w.stopped for w in found)
    return (3 if stopped else differs), written([*kept.values(), *found])


def told(difference: Difference) -> str:
    """A difference as one line."""
    gained, lost = difference.gained, difference.lost
    if gained is None or lost is None:
        return f"{difference.world}: {difference.what}"
    parts = [f"{n} {_policies(d)}" for n, d in (("gains", gained), ("loses", lost)) if d]
    return f"{difference.world}, {difference.what}: {'; '.join(parts)}"


def _policies(policies: PolicySet) -> str:
    return f"{policies.count():,} policies ({' | '.join(lines_of(policies, SHOWN))})"
