"""The words that a page explains: those of ``data/words.csv``, and the names of the model, which explain themselves."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tux3nb.catalogue import catalogue
from tux3nb.model.features import FEATURES, NAMED
from tux3nb.model.properties import PROPERTIES
from tux3nb.paths import data_dir
from tux3nb.show.holders import add, read_rows

LONGEST = 125  # characters of an explanation, so that it fits a line or two


@dataclass(frozen=True)
class Word:
    """A word, the other forms in which prose has it (``;`` between them, ``-``: none), and what it says."""

    word: str
    forms: str
    says: str

    @property
    def all_forms(self) -> tuple[str, ...]:
        return (self.word, *(f.strip() for f in self.forms.split(";") if f.strip() != "-"))


def words(path: Path | None = None) -> dict[str, Word]:
    """All words in the order of the file; UserError for a broken file, and for a form that two words have."""
    path = path or data_dir() / "words.csv"
    found: dict[str, Word] = {}
    taken: dict[str, str] = {}
    for place, row in read_rows(path, Word):
        word = Word(**row)
        place.require("says", len(word.says) <= LONGEST, f"has {len(word.says)} characters, not {LONGEST} at most")
        add(found, place, "word", word)
        for form in word.all_forms:
            other = taken.setdefault(form.casefold(), word.word)
            place.require("forms", other == word.word, f"{form!r} is a form of {other!r}, too")
    return found


@cache
def forms() -> tuple[re.Pattern, dict[str, Word]]:
    """A pattern that finds a word in prose, the longest of its forms first, and the word of each form, in lower case.

    A form is found as it is written, and with a capital at the start of a sentence.
    """
    table = {form: word for word in words().values() for form in word.all_forms}
    parts = (f"(?i:{form[0]}){re.escape(form[1:])}" for form in sorted(table, key=len, reverse=True))
    pattern = re.compile(rf"(?<![\w-])(?:{'|'.join(parts)})(?![\w(-])")
    return pattern, {form.lower(): word for form, word in table.items()}


@cache
def names() -> dict[str, str]:
    """What each name of the model says: policies, properties, features, their values (``fork=never``) and cases."""
    found = {case.name: f"case: {case.asks}" for case in catalogue().values()}
    for feature in FEATURES:
        found[feature.id] = f"feature: {feature.title}"
        found |= {f"{feature.id}={value}": f"{feature.title}: {text}" for value, text in feature.values.items()}
    found |= {name: f"policy: {title}" for name, (title, _) in NAMED.items()}
    return found | {p.id: f"{p.title}: {p.sentence}" for p in PROPERTIES}
