"""The first page of a report: what notebooks there are and what each is about."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

from tux3nb.report.export import CSP


@dataclass(frozen=True)
class Entry:
    """One notebook in the index."""

    file: str
    title: str
    summary: str
    error: str | None = None


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
        f'<li><a href="{say(e.file)}">{say(e.title)}</a><p>{say(e.summary)}</p>'
        + (f'<p class="bad">&#10007; stopped: {say(e.error)}</p>' if e.error else "")
        + "</li>\n"
        for e in entries
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{CSP}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<title>tux3nb: page forking by machine</title>"
        f"<style>{_STYLE}</style></head><body><main><h1>Page forking, explored by machine</h1>"
        "<p>When a file system forks a page that somebody still holds, who sees which copy? Each notebook below "
        "answers for one kind of holder; its toggles work offline, from the table inside the page.</p>"
        f'<ol>{items}</ol><p class="soft">Live notebooks: <code>tux3nb lab</code>.</p></main></body></html>\n'
    )
