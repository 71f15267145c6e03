"""The errors that users and model authors see, and how a wrong word is answered with the nearest known one."""

import argparse
import contextlib
import difflib
from collections.abc import Callable, Iterable


class UserError(Exception):
    """A mistake in what the user gave; the message is one line that names what is wrong and where."""


class ModelError(Exception):
    """A mistake in a rule, a field or a case; the message names the place."""


class WorkerDied(Exception):
    """A process that was to compute something died; `done` is what the caller had until then."""

    def __init__(self, done=None, why: str = "a worker process died: it was killed, or memory ran out"):
        super().__init__(why)
        self.done = done


def positive(kind: type) -> Callable[[str], int | float]:
    """The type of a command's argument: a number of that kind above zero."""

    def number(text: str):
        with contextlib.suppress(ValueError):
            if 0 < (value := kind(text)) < float("inf"):
                return value
        raise argparse.ArgumentTypeError(f"{text!r} is no {'whole ' if kind is int else ''}number above zero")

    return number


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean a, b?"`` for the known words close to `word`, else the list of all of them."""
    known = sorted(known)
    close = difflib.get_close_matches(word, known, n=3, cutoff=0.5)
    if close:
        return f"; did you mean {', '.join(close)}?"
    return f"; known: {', '.join(known)}" if known else ""
