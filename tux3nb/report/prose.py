"""What a notebook's prose says, held against what the notebook computes and what the model knows.

Prose stays plain Markdown, which a forge shows as it is, so nothing is filled in: a number that prose gives must come
out of a cell, a name must exist, a verdict must be the recorded one, and a citation ``[^key]`` a row of
``data/sources.csv``; rows of tables have names and no places. Free are years, dates, versions, what stands in a
quotation, in code and in a link.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from nbformat import NotebookNode

from tux3nb import notebook as public
from tux3nb.answers.matrix import recorded_verdicts
from tux3nb.catalogue import catalogue
from tux3nb.errors import nearest
from tux3nb.model.features import FEATURES, NAMED
from tux3nb.model.properties import PROPERTIES
from tux3nb.model.rules import all_rules, kinds
from tux3nb.paths import notebooks_dir
from tux3nb.report.citations import CITED, NOTES, keys_in, used_sources
from tux3nb.show.explorer.assets import module
from tux3nb.show.explorer.document import unpack
from tux3nb.show.holders import sources

_FENCE = re.compile(r"^( *)(```|~~~).*?^\1?\2 *$", re.MULTILINE | re.DOTALL)
_QUOTE = re.compile(r"^ *>.*$", re.MULTILINE)
_LINK = re.compile(r"\[([^\]^][^\]]*)\]\([^)]*\)|<[^<>]*>|https?://\S+")
_CODE = re.compile(r"`([^`\n]+)`")
_MONTH = "January|February|March|April|May|June|July|August|September|October|November|December"
_DATE = re.compile(rf"\b\d{{1,2}} (?:{_MONTH})\b|\b(?:{_MONTH}) \d{{1,2}}\b")
_NUMBER = re.compile(r"(?<![\w.,:/+@-])(?!0)\d[\d,]*\d(?![\w:/+@]|-\w|[.,]\d)")
_YEAR = re.compile(r"(?:19|20)\d\d")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:\+[a-z0-9_]+)*")
_PROPERTY = re.compile(r"(?<![\w-])[IU]\d[a-z]?(?![\w(])")
_VERDICT = re.compile(r"\b(?:HOLDS|VIOLATED)\b(?:\(([^)]*)\))?")
_PLACE = re.compile(r"\b(?:first|second|third|fourth|fifth|last|next|upper|lower)(?: \w+)? rows?\b")
PRESS = re.compile(r"\b([Pp]ress|toggle|word|chip|button|tab)\s+\*([^*]+)\*")
_PACKED = re.compile(r'<script type="application/json"[^>]*>("[A-Za-z0-9+/=]+")</script>')
_ALIKE = 0.85  # from here on a word is taken for a slip of the pen


def complaints(path: Path, notebook: NotebookNode) -> list[str]:
    """One line for each thing that prose of a notebook of this package says wrongly; none for any other notebook."""
    if path.resolve().parent != notebooks_dir().resolve():
        return []
    given, written, press = numbers_of(notebook), names_in_code(notebook), controls_of(notebook)
    found = []
    for at, cell in enumerate(notebook.cells, 1):
        if cell.cell_type == "markdown" and cell.get("id") != NOTES:
            wrong = [*_citations(cell.source), *_numbers(cell.source, given), *_names(cell.source, written)]
            wrong += [
                f"{place!r} is another one when the table changes: name it" for place in _PLACE.findall(cell.source)
            ]
            wrong += [*_verdicts(cell.source), *_presses(cell.source, press)]
            found += [f"{path.name}: cell {at}: {line}" for line in wrong]
    return found


def unused_sources(notebooks: Iterable[NotebookNode]) -> list[str]:
    """One line for each row of ``data/sources.csv`` that nothing leans on, these notebooks included."""
    used = used_sources(notebooks)
    return [f"data/sources.csv: nothing cites {key!r}: cite it or drop it" for key in sources() if key not in used]


def _plain(text: str) -> str:
    """Prose without code blocks, quotations and links; code in the line stays."""
    return _LINK.sub(" ", _QUOTE.sub("", _FENCE.sub("", text)))


# ---- citations and numbers ---------------------------------------------------------------------------------------
def _citations(text: str) -> Iterator[str]:
    for key in keys_in(text):
        if key not in sources():
            yield f"no source {key!r}{nearest(key, sources())}"


def numbers_of(notebook: NotebookNode) -> set[int]:
    """The whole numbers that its outputs show and that its asserts name."""
    found: set[int] = set()
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        for output in cell.outputs:
            data = output.get("data", {})
            texts = [output.get("text", ""), data.get("text/plain", ""), data.get("text/markdown", "")]
            found |= {int(n.replace(",", "")) for n in re.findall(r"\d[\d,]*", "\n".join(texts))}
        for node in ast.walk(_tree(cell.source)):
            if isinstance(node, ast.Assert):
                found |= {n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and type(n.value) is int}
    return found


def _tree(source: str) -> ast.AST:
    try:
        return ast.parse(source)
    except SyntaxError:  # a magic, or a cell that shows an error
        return ast.Module(body=[], type_ignores=[])


def _numbers(text: str, given: set[int]) -> Iterator[str]:
    told = _DATE.sub(" ", CITED.sub(" ", _CODE.sub(" ", _plain(text))))
    for number in _NUMBER.findall(told):
        if not _YEAR.fullmatch(number) and int(number.replace(",", "")) not in given:
            yield f"{number} comes out of no cell: show it, assert it, or do without it"


# ---- names -------------------------------------------------------------------------------------------------------
@cache
def _known() -> frozenset[str]:
    """What prose may name: the model's words, the notebooks' functions, and the kernel's, as rules and sources cite."""
    cited = " ".join([*(r.kernel for r in all_rules()), *(f"{s.where} {s.what}" for s in sources().values())])
    families = {c.family for c in catalogue().values()}
    actors = {name for c in catalogue().values() for name in re.findall(r"\w+", c.columns.strip().splitlines()[0])}
    values = {value for feature in FEATURES for value in feature.values}
    events = {p.partner for p in PROPERTIES}
    ours = {*catalogue(), *families, *NAMED, *kinds(), *(p.id for p in PROPERTIES), *(f.id for f in FEATURES)}
    return frozenset(ours | actors | values | events | {r.name for r in all_rules()} | set(public.__all__)) | frozenset(
        re.findall(r"\w+", cited)
    )


def names_in_code(notebook: NotebookNode) -> set[str]:
    """Every word of its code and of what it shows."""
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    texts += [o.get("data", {}).get("text/plain", "") for c in notebook.cells for o in c.get("outputs", ())]
    return set(re.findall(r"\w+(?:\+\w+)*", "\n".join(texts)))


def _names(text: str, written: set[str]) -> Iterator[str]:
    plain = _plain(text)
    for name in _PROPERTY.findall(plain):
        if name not in {p.id for p in PROPERTIES}:
            yield f"no property {name!r}{nearest(name, [p.id for p in PROPERTIES])}"
    for code in _CODE.findall(plain):
        feature, sep, value = code.partition("=")
        if sep and feature in {f.id for f in FEATURES}:
            if value not in FEATURES[feature].values:
                yield f"feature {feature} has no value {value!r}{nearest(value, FEATURES[feature].values)}"
        elif _NAME.fullmatch(code) and code not in _known() | written:
            like = difflib.get_close_matches(code, sorted(_known()), 1, _ALIKE)
            if "+" in code or like:
                yield f"nothing has the name {code!r}{nearest(code, _known())}"


# ---- verdicts and controls ---------------------------------------------------------------------------------------
def _verdicts(text: str) -> Iterator[str]:
    """Sentences with one case, one policy and one verdict, where the record has another."""
    for sentence in re.split(r"(?<=[.!?;])\s+|\n\s*\n|\n[-*] ", _plain(text)):
        codes, said = list(dict.fromkeys(_CODE.findall(sentence))), list(_VERDICT.finditer(_CODE.sub(" ", sentence)))
        cases, policies = [c for c in codes if c in catalogue()], [c for c in codes if c in NAMED]
        if len(cases) == len(policies) == len(said) == 1 and policies[0] in recorded_verdicts().get(cases[0], {}):
            verdict, broken = recorded_verdicts()[cases[0]][policies[0]]
            word, inside = said[0][0].partition("(")[0], re.findall(r"\w+", said[0][1] or "")
            spoken = [*inside, *(c for c in codes if c in {p.id for p in PROPERTIES})] if word == "VIOLATED" else []
            same = verdict == said[0][0] if inside and not spoken else verdict.startswith(word)
            if not same or not set(spoken) <= set(broken):
                recorded = f"{verdict}({', '.join(broken)})" if broken else verdict
                yield f"{cases[0]} under {policies[0]} is said to be {said[0][0]}; the record has {recorded}"


@dataclass(frozen=True)
class Controls:
    """What the explorers of a notebook have to press: the names of their chips, and all their words in one text."""

    chips: frozenset[str]
    words: str

    def has(self, kind: str, name: str) -> bool:
        return name in (self.chips if kind == "chip" else self.words)


def controls_of(notebook: NotebookNode) -> Controls | None:
    """The controls of its explorers; None where it holds no explorer to press, as a committed notebook."""
    pages = [o.get("data", {}).get("text/html", "") for c in notebook.cells for o in c.get("outputs", ())]
    packed = [data for page in pages if "<tux-explorer" in page for data in _PACKED.findall(page)]
    documents = [unpack(data.strip('"')) for data in packed]
    chips = frozenset(chip["id"] or chip["title"] for document in documents for chip in document["chips"])
    return Controls(chips, "\n".join([module(), *map(str, documents)])) if documents else None


def _presses(text: str, controls: Controls | None) -> Iterator[str]:
    if controls is not None:
        for kind, name in PRESS.findall(" ".join(text.split())):
            if not controls.has(kind, name):
                what = "chip" if kind == "chip" else "control"
                yield f"no explorer of this notebook has a {what} {name!r}{nearest(name, controls.chips)}"
