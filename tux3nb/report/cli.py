"""`tux3nb report`: run the notebooks and write one offline page each, and an index."""

import argparse
import sys
from pathlib import Path

from tux3nb.errors import UserError, positive
from tux3nb.report.places import find_notebooks, writable_folder


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
    """Write the report; 0 when every notebook ran to its end, 1 when a cell failed, 2 for bad input."""
    from tux3nb.show.picture.layout_engine import need_engine

    try:
        paths = find_notebooks(args.notebooks)
        out = writable_folder(args.out)
        engine = need_engine()
        failed = write_report(paths, out, args.jobs)
    except UserError as error:
        print(f"tux3nb report: {error}", file=sys.stderr)
        return 2
    print(f"tux3nb report: pictures were laid out by {engine}", file=sys.stderr)
    for line in failed:
        print(f"tux3nb report: {line}", file=sys.stderr)
    print(out / "index.html")
    return 1 if failed else 0


def write_report(paths: list[Path], out: Path, jobs: int) -> list[str]:
    """Run the notebooks, write a page for each and the index; return one line for each that failed."""
    from tux3nb.report.execute import execute_all
    from tux3nb.report.export import neighbours, summary_of, title_of, to_html
    from tux3nb.report.index import Entry, index_html

    done = execute_all(paths, jobs, static=True)
    pages = [(f"{each.path.stem}.html", title_of(each.notebook, each.path.stem)) for each in done]
    entries = []
    for at, each in enumerate(done):
        file, title = pages[at]
        page = to_html(each.notebook, each.path.stem, neighbours(pages, at))
        (out / file).write_text(page, encoding="utf-8")
        entries.append(Entry(file, title, summary_of(each.notebook), each.error))
    (out / "index.html").write_text(index_html(entries), encoding="utf-8")
    return [each.error for each in done if each.error]
