"""The first page of a report: the answer, the mail's questions, the notebooks, every case, and the numbers."""

import contextlib
import html
import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from importlib.resources import files
from pathlib import Path

import nbformat

from tux3nb.report.export import address, asked_of, policy, summary_of, title_of
from tux3nb.report.overview import matrix_html, numbers
from tux3nb.show.perfection import short_answer
from tux3nb.show.verdicts import legend

_ABOUT = re.compile(r'<meta name="tux3nb-page" content="([^"]*)">')
_CASE = re.compile(r'<script type="application/json" data-case="([^"<>]*)"')
WORDS_A_MINUTE, SECONDS_A_PICTURE = 200, 15


@dataclass(frozen=True)
class Entry:
    """One notebook in the index: its page, what the mail asked and what it answers, minutes to read, its cases."""

    file: str
    title: str
    summary: str
    error: str | None = None
    asked: str = ""
    answer: str = ""
    minutes: int = 0
    cases: tuple[str, ...] = ()

    @property
    def number(self) -> str:
        """The number that its file begins with, if it does."""
        found = re.match(r"\d+", self.file)
        return found[0] if found else ""

    @property
    def numbered(self) -> str:
        """Its title, after its number."""
        return f"{self.number} {self.title}".strip()


def entry_of(file: str, notebook: nbformat.NotebookNode, name: str, error: str | None) -> Entry:
    """What the index says of an executed notebook."""
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", ())]
    pages = [o.get("data", {}).get("text/html", "") for o in outputs]
    words = sum(len(re.findall(r"[\w']+", text)) for text in texts)
    minutes = math.ceil(words / WORDS_A_MINUTE + len(outputs) * SECONDS_A_PICTURE / 60)
    cases = dict.fromkeys(case for page in pages if "<tux-explorer" in page for case in _CASE.findall(page))
    asked, answer = asked_of(notebook)
    return Entry(file, title_of(notebook, name), summary_of(notebook), error, asked, answer, minutes, tuple(cases))


def about(entry: Entry) -> str:
    """Return the element by which a page tells the index of a later report what it is about."""
    told = {key: value for key, value in asdict(entry).items() if key != "file"}
    return f'<meta name="tux3nb-page" content="{html.escape(json.dumps(told))}">'


def entries_of(folder: Path, without: Iterable[str] = ()) -> list[Entry]:
    """Return the entries of the pages that lie in a folder, as they tell it themselves, but for the files `without`."""
    found = []
    for path in sorted(set(folder.glob("*.html")) - {folder / name for name in without}):
        with contextlib.suppress(OSError, ValueError, TypeError, AttributeError, KeyError):  # a page of somebody else's
            with path.open(encoding="utf-8") as page:
                told = json.loads(html.unescape(_ABOUT.search(page.read(100_000))[1]))
            found.append(_entry(path.name, told))
    return found


def _entry(file: str, told: dict) -> Entry:
    """An entry as a page tells it, whoever wrote the page: every field of the type that it must have."""
    known = {f.name for f in fields(Entry)} - {"file"}
    title, summary = str(told["title"]), str(told["summary"])
    rest = {key: value for key, value in told.items() if key in known - {"title", "summary"}}
    kinds = {"error": (str, type(None)), "asked": str, "answer": str, "minutes": int, "cases": list}
    if any(not isinstance(value, kinds[key]) for key, value in rest.items()):
        raise ValueError(file)
    cases = tuple(str(case) for case in rest.pop("cases", ()))
    return Entry(file, title, summary, cases=cases, **rest)


def _answer() -> list[str]:
    """The three lines of the short answer as HTML."""
    lines = (html.escape(line.removeprefix("- ")) for line in short_answer().markdown.splitlines())
    plain = (re.sub(r"`([^`]+)`", r"<code>\1</code>", line) for line in lines)
    return [re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", line) for line in plain]


def _questions(entries: Sequence[Entry]) -> str:
    say = html.escape
    items = "".join(
        f'<dt>{say(e.asked)}</dt><dd>{say(e.answer)} <a href="{address(e.file)}">{say(e.title)}</a></dd>\n'
        for e in entries
        if e.asked and e.answer
    )
    return f"<h2>What the mail asked</h2><dl>{items}</dl>" if items else ""


def _notebooks(entries: Sequence[Entry]) -> str:
    say = html.escape
    items = "".join(
        f'<li><a href="{address(e.file)}">{say(e.numbered)}</a>'
        + (f' <span class="soft">{e.minutes} min</span>' if e.minutes else "")
        + f"<p>{say(e.summary)}</p>"
        + (f'<p class="bad">&#10007; stopped: {say(e.error)}</p>' if e.error else "")
        + "</li>\n"
        for e in entries
    )
    return f'<ol class="notebooks">{items}</ol>'


def index_html(entries: Sequence[Entry], others: Sequence[tuple[str, str]] = ()) -> str:
    """Return the index page; `others` are further files of the report, each with what it is."""
    pages = {case: address(e.file) for e in reversed(entries) for case in e.cases}
    answer = "".join(f"<li>{line}</li>" for line in _answer())
    counted = "".join(f"<tr><td>{n}</td><td>{html.escape(what)}</td></tr>" for n, what in numbers())
    more = " · ".join(f'<a href="{address(file)}">{html.escape(what)}</a>' for file, what in others)
    first = f'<p class="start"><a href="{address(entries[0].file)}">Start here: {html.escape(entries[0].title)}</a></p>'
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"{policy()}"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<title>tux3nb: page forking by machine</title>"
        f"<style>{files('tux3nb.report').joinpath('index.css').read_text(encoding='utf-8')}</style></head>"
        "<body><main><h1>Page forking, explored by machine</h1>"
        "<p>A network card writes into a page of a file. Meanwhile the file system gives that page a new folio, and "
        "the card's bytes are in the old one: no error, and nobody reads them again. In 2015 the kernel list asked "
        "whether Tux3's page forking can be made perfect, and whether that is practical.</p>"
        f'<h2>The answer</h2><ul class="answer">{answer}</ul>'
        f"{first if entries else ''}"
        f"{_questions(entries)}<h2>The notebooks</h2>{_notebooks(entries)}"
        f"{f'<p>{more}</p>' if more else ''}"
        "<h2>What was explored</h2>"
        f'<table class="numbers"><tbody>{counted}</tbody></table>'
        f"<h2>Every case</h2><p>A sign opens the case's explorer under that policy. {legend()}.</p>"
        f'<div class="wide" tabindex="0">{matrix_html(pages)}</div>'
        '<p class="soft">Everything here works from disk, without a network. Live: <code>tux3nb lab</code>.</p>'
        "</main></body></html>\n"
    )
