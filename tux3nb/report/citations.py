"""Citations: ``[^key]`` in prose names a row of ``data/sources.csv``, and a list of notes says what each is."""

from __future__ import annotations

import re
from collections.abc import Iterable

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from tux3nb.catalogue import catalogue
from tux3nb.model.rules import all_rules
from tux3nb.show.cells import as_markdown
from tux3nb.show.holders import Source, holders, sources

CITED = re.compile(r"\[\^([a-z0-9][a-z0-9-]*)\]")
NOTES = "notes"  # the id of the cell that lists them
SURE = {"verified": "read in the source", "recalled": "from memory, not checked against the source"}
_FILE = re.compile(r"[\w/-]+/[\w-]+\.[ch]\b")
_FENCED = re.compile(r"^( *)(```|~~~).*?^\1?\2 *$|`[^`\n]+`", re.MULTILINE | re.DOTALL)


def keys_in(text: str) -> list[str]:
    """The keys that prose cites; what stands in code is no citation."""
    return CITED.findall(_FENCED.sub(" ", text))


def cited(notebook: NotebookNode) -> list[str]:
    """The keys that its prose cites and that are sources, in order, each once."""
    known, found = sources(), []
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and cell.get("id") != NOTES:
            found += keys_in(cell.source)
    return [key for key in dict.fromkeys(found) if key in known]


def told(source: Source) -> tuple[str, str, str]:
    """What a source is, where it was read, and how sure that is, as three pieces of a note."""
    where = f"{source.where} ({source.tree}, {source.era})"
    return source.what, where, SURE[source.mark]


def with_notes(notebook: NotebookNode) -> NotebookNode:
    """The notebook with its last cell listing what it cites; without such a cell where it cites nothing."""
    notebook.cells = [cell for cell in notebook.cells if cell.get("id") != NOTES]
    lines = []
    for key in cited(notebook):
        what, where, sure = map(as_markdown, told(sources()[key]))
        lines.append(f"- **{key}** {what}: {where}; {sure}")
    if lines:
        cell = new_markdown_cell("## Notes\n\n" + "\n".join(lines))
        cell["id"] = NOTES
        notebook.cells.append(cell)
    return notebook


def used_sources(notebooks: Iterable[NotebookNode]) -> set[str]:
    """The keys of sources that notebooks cite, that the catalogue of holders names, or whose files a rule or a case
    cites.
    """
    used = {key for holder in holders().values() for key in holder.sources}
    for notebook in notebooks:
        used.update(cited(notebook))
    texts = [rule.kernel for rule in all_rules()] + [s.text for c in catalogue().values() for s in c.sources]
    files = set(_FILE.findall(" ".join(texts)))
    return used | {key for key, source in sources().items() if files & set(_FILE.findall(source.where))}
