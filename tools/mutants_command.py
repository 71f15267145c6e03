"""``tux3nb mutants``: drop each condition of each rule in turn, and see whether anything that is written changes."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter

from tqdm import tqdm

from tools.mutants import FOLDS, KILLED, OUTCOMES, Outcome, record, try_all, worlds
from tux3nb.errors import UserError
from tux3nb.paths import data_dir, write_whole


def configure(parser):
    parser.add_argument("rules", nargs="*", metavar="RULE", help="only these rules, and write nothing (default: all)")
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")


def run(args) -> int:
    """Exit code: 0 if every mutant is killed or has a written reason, else 1."""
    with tqdm(unit="mutant", delay=1, disable=None, leave=False) as bar:

        def follow(done: int, total: int, text: str):
            bar.total = total
            bar.set_postfix_str(text[:80], refresh=False)
            bar.update(done - bar.n)

        outcomes = try_all(worlds(), args.rules, follow)
    if args.json:
        rows = [{**o.row, "line": o.condition.line, "reason": o.reason} for o in outcomes]
        print(json.dumps({"mutants": rows, "outcomes": count(outcomes)}))
    else:
        show(outcomes)
    if not args.rules:
        write(outcomes)
    return 0 if all(o.outcome in KILLED or o.reason for o in outcomes) else 1


def write(outcomes: list[Outcome]):
    path = data_dir() / "mutants.csv"
    write_whole(path, record(outcomes))
    print(f"{path}: {len(outcomes)} rows", file=sys.stderr)


def count(outcomes: list[Outcome]) -> dict[str, int]:
    found = Counter(o.outcome for o in outcomes)
    return {name: found[name] for name in OUTCOMES}


def show(outcomes: list[Outcome]):
    """The mutants that nothing kills, with their reasons, and the figure."""
    for o in outcomes:
        if o.outcome not in KILLED:
            print(f"{o.outcome:9} {o.condition}\n          {o.reason or 'no reason is written down'}")
    for name, number in count(outcomes).items():
        print(f"{number:5} {name:9} {OUTCOMES[name]}")
    killed = sum(o.outcome in KILLED for o in outcomes)
    counted = sum(o.outcome != FOLDS for o in outcomes)
    listed = sum(o.outcome not in (*KILLED, FOLDS) and bool(o.reason) for o in outcomes)
    share = f" ({killed / counted:.1%})" if counted else ""
    print(f"{killed} of {counted} mutants killed{share}, not counting {len(outcomes) - counted} that only let a rule "
          f"fold; of the other {counted - killed}, {listed} have a written reason")  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.mutants_command", description=__doc__)
    configure(parser)
    try:
        return run(parser.parse_args(argv))
    except UserError as e:
        print(e, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
