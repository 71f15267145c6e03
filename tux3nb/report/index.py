"""The first page of a report: what notebooks there are and what each is about."""

import contextlib
import html
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tux3nb.report.export import address, policy

_ABOUT = re.compile(r'<meta name="tux3nb-page" content="([^"]*)">')


@dataclass(frozen=True)
class Entry:
    """One notebook in the index."""

    file: str
    title: str
    summary: str
    error: str | None = None


def about(entry: Entry) -> str:
    """Return the element by which a page tells the index of a later report what it is about."""
    told = {"title": entry.title, "summary": entry.summary, "error": entry.error}
    return f'<meta name="tux3nb-page" content="{html.escape(json.dumps(told))}">'


def entries_of(folder: Path, without: Iterable[str] = ()) -> list[Entry]:
    """Return the entries of the pages that lie in a folder, as they tell it themselves, but for the files `without`."""
    found = []
    for path in sorted(set(folder.glob("*.html")) - {folder / name for name in without}):
        with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):  # a page of somebody else's
            with path.open(encoding="utf-8") as page:
                told = json.loads(html.unescape(_ABOUT.search(page.read(10_000))[1]))
            found.append(
                Entry(path.name, str(told["title"]), str(told["summary"]), told["error"] and str(told["error"]))
            )
    return found


_STYLE = """
:root { --ink: #1f2328; --soft: #4d5560; --back: #ffffff; --line: #c6ccd3; --link: #0a58b5;
  --bad: #a40e1c; color-scheme: light; }
@media screen and (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #aab4bf; --back: #0d1117; --line: #444c56; --link: #6cb0ff;
    --bad: #ff8f88; color-scheme: dark; } }
body { font: 16px/1.55 system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif; color: var(--ink);
  background: var(--back); max-width: 46rem; margin: 3rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin-bottom: .4rem; } p { margin: .3rem 0; } a { color: var(--link); }
ol { list-style: none; padding: 0; margin-top: 1.6rem; } li { border-top: 1px solid var(--line); padding: .8rem 0; }
li > a { font-size: 1.1rem; font-weight: 600; } li p, .soft { color: var(--soft); } .bad { color: var(--bad); }
"""


def index_html(entries: Sequence[Entry]) -> str:
    """Return the index page."""
    say = html.escape
    items = "".join(
        f'<li><a href="{address(e.file)}">{say(e.title)}</a><p>{say(e.summary)}</p>'
        + (f'<p class="bad">&#10007; stopped: {say(e.error)}</p>' if e.error else "")
        + "</li>\n"
        for e in entries
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"{policy()}"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<title>tux3nb: page forking by machine</title>"
        f"<style>{_STYLE}</style></head><body><main><h1>Page forking, explored by machine</h1>"
        "<p>When a file system forks a page that somebody still holds, who sees which copy? Each notebook below "
        "answers for one kind of holder; its toggles work offline, from the table inside the page.</p>"
        f'<ol>{items}</ol><p class="soft">Live notebooks: <code>tux3nb lab</code>.</p></main></body></html>\n'
    )
