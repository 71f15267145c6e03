"""`tux3nb report`: run the notebooks and write one offline page each, and an index."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tux3nb.errors import UserError, positive
from tux3nb.paths import writable_folder, write_all_whole
from tux3nb.report.places import find_notebooks

BOOK = "book.html"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="path or name; default: all of them")
    parser.add_argument(
        "--out", type=Path, default=Path("reports"), metavar="DIR", help="where the pages go (default: reports)"
    )
    parser.add_argument(
        "--jobs", type=positive(int), default=2, metavar="N", help="notebooks to run at a time (default: 2)"
    )
    parser.add_argument(
        "--no-execute", action="store_true", help="run nothing: pages of the outputs that the files have (no toggles)"
    )
    parser.add_argument("--book", action="store_true", help="also book.html: all these notebooks in one file")
    parser.add_argument("--pdf", action="store_true", help="also print every page to PDF (takes a Chromium)")


def run(args: argparse.Namespace) -> int:
    """Write the report; 0 when every notebook ran to its end and its prose says what is so, else 1.

    UserError for bad input, and for --pdf without a browser.
    """
    from tux3nb.report.browser import need_chromium, print_page
    from tux3nb.show.picture.layout_engine import need_engine

    paths = find_notebooks(args.notebooks)
    pages = pages_of(paths)
    browser = need_chromium() if args.pdf else None
    out = writable_folder(args.out)
    engine = need_engine()
    wrong = write_report(paths, out, args.jobs, not args.no_execute, args.book, whole=not args.notebooks)
    if browser:
        for page in ["index.html", *pages, *([BOOK] if args.book else [])]:
            print_page(browser, out / page, (out / page).with_suffix(".pdf"))
    print(f"tux3nb report: pictures were laid out by {engine}", file=sys.stderr)
    for line in wrong:
        print(f"tux3nb report: {line}", file=sys.stderr)
    print(out / "index.html")
    return 1 if wrong else 0


def pages_of(paths: Sequence[Path]) -> list[str]:
    """The name of each notebook's page; UserError for two of one name, and for one that takes the index's."""
    taken: dict[str, Path] = {"index": Path("index.html"), "book": Path(BOOK)}
    for path in paths:
        other = taken.setdefault(path.stem.casefold(), path)
        if other is not path:
            raise UserError(f"{path} and {other} want the same page: rename the notebook, or report it elsewhere")
    return [f"{path.stem}.html" for path in paths]


def write_report(
    paths: list[Path], out: Path, jobs: int, execute: bool = True, book: bool = False, whole: bool = False
) -> list[str]:
    """Run the notebooks, write a page for each, and the index of all pages in the folder.

    execute: else the outputs are those of the files. book: one page of all of them, too. whole: these are all the
    notebooks there are, so that what they leave unused counts. Returns one line for each notebook that failed, and for
    each thing that prose says wrongly. All files are ready before the first is put in its place, and one report at a
    time does that in a folder; UserError, with the old report as it was, where there is no room for them.
    """
    from filelock import FileLock

    from tux3nb.report.book import book_html
    from tux3nb.report.execute import as_it_is, execute_all
    from tux3nb.report.export import body_of, neighbours, page_of
    from tux3nb.report.index import about, entries_of, entry_of, index_html
    from tux3nb.report.prose import complaints, unused_sources

    done = execute_all(paths, jobs, static=True) if execute else [as_it_is(path) for path in paths]
    bodies = [body_of(each.notebook, each.path.stem) for each in done]
    mine = [
        entry_of(file, each.notebook, each.path.stem, each.error)
        for file, each in zip(pages_of(paths), done, strict=True)
    ]
    with FileLock(out / ".tux3nb-report.lock"):
        entries = sorted([*mine, *entries_of(out, without=[e.file for e in mine])], key=lambda e: e.file)
        pages = [(e.file, e.numbered) for e in entries]
        files = {
            out / e.file: page_of(body, e.title, neighbours(pages, entries.index(e)), about(e))
            for e, body in zip(mine, bodies, strict=True)
        }
        if book:
            named = [(each.path.stem, e.numbered, body) for each, e, body in zip(done, mine, bodies, strict=True)]
            files[out / BOOK] = book_html(named)
        others = [(BOOK, "All of them in one file")] if book or (out / BOOK).is_file() else []
        write_all_whole({**files, out / "index.html": index_html(entries, others)})
    wrong = [line for each in done for line in ([each.error] if each.error else complaints(each.path, each.notebook))]
    return wrong + (unused_sources(each.notebook for each in done) if whole else [])
