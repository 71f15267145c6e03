"""``tux3nb matrix``: cases by named policies, compared with the verdicts written by hand."""

from __future__ import annotations

import json
import os
import sys

from tqdm import tqdm

from tux3nb.answers.matrix import Cell, matrix, unfinished
from tux3nb.cases.case import Case
from tux3nb.catalogue import catalogue, find_all
from tux3nb.commands import cluster, limits
from tux3nb.errors import WorkerDied
from tux3nb.model.features import NAMED
from tux3nb.show.outside import TABLES, as_text

LETTER = {
    "HOLDS": "H",
    "VIOLATED": "V",
    "HOLDS(refused)": "R",
    "UNFINISHED": "?",
    "HOLDS(unreached)": "u",
    "NOT PROMISED": "-",
}


def configure(parser):
    """Declare the command's arguments."""
    parser.add_argument(
        "cases",
        nargs="*",
        metavar="CASE",
        help="only these: names, files, or folders of files (default: all); or one word, `bugs` or `selftests`: public "
        "bugs, or the kernel's own tests, beside what the model says",
    )
    parser.add_argument("--policy", action="append", metavar="NAME", help="only these named policies (default: all)")
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    cluster.configure(parser, "in N processes of this machine (default: one a core where that is worth it)")
    limits.configure(parser)


def run(args) -> int:
    """Exit code: 0 all as expected, 1 something differs, 2 a file of a folder is broken, 3 something is unfinished,
    130 interrupted.
    """
    if len(args.cases) == 1 and args.cases[0] in TABLES:
        return outside(args.cases[0], args.json)
    cases, wrong = find_all(args.cases) if args.cases else (list(catalogue().values()), [])
    for line in wrong:
        print(f"tux3nb matrix: {line}", file=sys.stderr)
    policies = args.policy or spoken_of(cases)
    why = "interrupted"
    try:
        with cluster.connection(args) as at:
            count = args.workers or jobs(len(cases))
            cells = matrix(cases, policies, limits.limits(args), follow(len(cases)), count, at)
    except WorkerDied as died:
        cells, why = died.done or [], str(died)
    if args.json:
        print(json.dumps({"cells": [as_json(c) for c in cells]}))
    else:
        show(cells, policies)
    done = len(cells) == len(cases) * len(policies)
    if not done:
        print(f"{why}: {len(cells) // len(policies)} of {len(cases)} cases are done", file=sys.stderr)
    if not done and why == "interrupted":
        return 130
    return 2 if wrong else 3 if unfinished(cells) or not done else 0 if all(c.as_expected for c in cells) else 1


def outside(name: str, as_document: bool) -> int:
    """Print what others wrote beside what the model says. Exit code: 0, or 1 where the model says otherwise."""
    rows, columns = TABLES[name]
    found = rows()
    print(json.dumps({name: found}) if as_document else as_text(found, columns))
    return 1 if any(row.get("agrees") == "no" for row in found) else 0


def spoken_of(cases: list[Case]) -> list[str]:
    """The named policies to show: all, but of files those alone that one of them speaks of."""
    named = {name for case in cases for name in case.expect}
    return [name for name in NAMED if name in named] if named and all(case.place for case in cases) else list(NAMED)


def jobs(cases: int) -> int:
    """How many processes are worth starting for so many cases: each takes a while to begin."""
    return max(1, min(os.cpu_count() or 1, cases // 4))


def follow(total: int, unit: str = "case"):
    """A progress bar on a terminal's standard error, from the second second on."""
    bar = tqdm(total=total, unit=unit, delay=1, disable=None, leave=False)

    def told(name: str):
        bar.set_postfix_str(name, refresh=False)
        bar.update()
        if bar.n == total:
            bar.close()

    return told


def as_json(cell: Cell) -> dict:
    """A cell of the table as a JSON object: verdict, the property behind it, what was expected."""
    verdict = cell.answer.verdict
    broken = next((r.property for r in cell.answer.rows if r.verdict == verdict and r.depth is not None), None)
    return {
        "case": cell.case,
        "policy": cell.policy,
        "verdict": verdict,
        "property": broken,
        "violated": list(cell.answer.violated),
        "expected": cell.expected,
        "as_expected": cell.as_expected,
    }


def show(cells: list[Cell], policies: list[str]):
    """A letter a cell; ``*`` marks those with a verdict written by hand, ``!`` those that differ from it."""
    names = list(dict.fromkeys(c.case for c in cells))
    width = max(map(len, names), default=0)
    by_key = {(c.case, c.policy): c for c in cells}
    for k, policy in enumerate(policies):
        print(f"{'':{width}} {'  |' * k}  {policy}")
    for name in names:
        row = []
        for policy in policies:
            c = by_key[name, policy]
            mark = "!" if not c.as_expected else "*" if c.expected else " "
            row.append(f"{LETTER[c.answer.verdict]}{mark}")
        print(f"{name:{width}}   {' '.join(row)}")
    print("\nH holds, V violated, R holds (refused), u unreached, - not promised, ? unfinished")
    print("* written by hand, ! differs from it")
    wrong = [c for c in cells if not c.as_expected]
    for c in wrong:
        print(f"unexpected: {c.case} under {c.policy}: {c.answer.told}, expected {c.expected}")
    judged = sum(c.expected is not None for c in cells)
    print(f"{len(cells)} cells, {judged} with a verdict written by hand, {len(wrong)} unexpected")
