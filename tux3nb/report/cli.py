"""`tux3nb report`: run the notebooks and write one offline page each, and an index."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tux3nb.errors import UserError, positive
from tux3nb.paths import writable_folder, write_all_whole
from tux3nb.report.places import find_notebooks


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="path or name; default: all of them")
    parser.add_argument(
        "--out", type=Path, default=Path("reports"), metavar="DIR", help="where the pages go (default: reports)"
    )
    parser.add_argument(
        "--jobs", type=positive(int), default=2, metavar="N", help="notebooks to run at a time (default: 2)"
    )


def run(args: argparse.Namespace) -> int:
    """Write the report; 0 when every notebook ran to its end, 1 when a cell failed. UserError for bad input."""
    from tux3nb.show.picture.layout_engine import need_engine

    paths = find_notebooks(args.notebooks)
    pages_of(paths)
    out = writable_folder(args.out)
    engine = need_engine()
    failed = write_report(paths, out, args.jobs)
    print(f"tux3nb report: pictures were laid out by {engine}", file=sys.stderr)
    for line in failed:
        print(f"tux3nb report: {line}", file=sys.stderr)
    print(out / "index.html")
    return 1 if failed else 0


def pages_of(paths: Sequence[Path]) -> list[str]:
    """The name of each notebook's page; UserError for two of one name, and for one that takes the index's."""
    taken: dict[str, Path] = {"index": Path("index.html")}
    for path in paths:
        other = taken.setdefault(path.stem.casefold(), path)
        if other is not path:
            raise UserError(f"{path} and {other} want the same page: rename the notebook, or report it elsewhere")
    return [f"{path.stem}.html" for path in paths]


def write_report(paths: list[Path], out: Path, jobs: int) -> list[str]:
    """Run the notebooks, write a page for each, and the index of all pages in the folder.

    Returns one line for each notebook that failed. All files are ready before the first is put in its place, and one
    report at a time does that in a folder; UserError, with the old report as it was, where there is no room for them.
    """
    from filelock import FileLock

    from tux3nb.report.execute import execute_all
    from tux3nb.report.export import neighbours, summary_of, title_of, to_html
    from tux3nb.report.index import Entry, about, entries_of, index_html

    done = execute_all(paths, jobs, static=True)
    mine = [
        Entry(file, title_of(each.notebook, each.path.stem), summary_of(each.notebook), each.error)
        for file, each in zip(pages_of(paths), done, strict=True)
    ]
    with FileLock(out / ".tux3nb-report.lock"):
        entries = sorted([*mine, *entries_of(out, without=[e.file for e in mine])], key=lambda e: e.file)
        pages = [(e.file, e.title) for e in entries]
        files = {
            out / e.file: to_html(each.notebook, each.path.stem, neighbours(pages, entries.index(e)), about(e))
            for e, each in zip(mine, done, strict=True)
        }
        write_all_whole({**files, out / "index.html": index_html(entries)})
    return [each.error for each in done if each.error]
