"""``tux3nb cases``: the catalogue."""

import json

from tux3nb.catalogue import catalogue


def configure(parser):
    """Declare the command's arguments."""
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(args) -> int:
    """List every case with its family and its question."""
    cases = catalogue()
    if args.json:
        rows = [{"case": c.name, "family": c.family, "title": c.title, "asks": c.asks} for c in cases.values()]
        print(json.dumps({"cases": rows}, indent=1))
        return 0
    width = max(map(len, cases))
    for c in cases.values():
        print(f"{c.name:{width}}  {c.title}\n{'':{width}}  {c.asks}")
    return 0
