"""The errors that users and model authors see, and how a wrong word is answered with the nearest known one."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake in what the user gave; the message is one line that names what is wrong and where."""


class ModelError(Exception):
    """A mistake in a rule, a field or a case; the message names the place."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean a, b?"`` for the known words close to `word`, else the list of all of them."""
    known = sorted(known)
    close = difflib.get_close_matches(word, known, n=3, cutoff=0.5)
    if close:
        return f"; did you mean {', '.join(close)}?"
    return f"; known: {', '.join(known)}" if known else ""
