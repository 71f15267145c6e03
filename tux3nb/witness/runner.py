"""Choosing witnesses by name and running them one after another."""

import difflib
import sys
from collections.abc import Callable, Iterable

from tux3nb.witness.base import Report, Witness
from tux3nb.witness.experiments import all_witnesses
from tux3nb.witness.recordings import compare, load_recordings, record
from tux3nb.witness.sandbox import choose_scratch, run_one


class UnknownWitness(ValueError):
    """A name that no witness has; the text names it and the nearest known ones."""


def list_witnesses() -> list[Witness]:
    """Every witness, in the order in which they run."""
    return list(all_witnesses())


def select(names: Iterable[str] | None) -> list[Witness]:
    """The witnesses called ``names``, in that order; all of them without names.  May raise UnknownWitness."""
    known = {witness.name: witness for witness in all_witnesses()}
    chosen = []
    for name in names or known:
        if name not in known:
            near = difflib.get_close_matches(name, known, 3, 0.5)
            hint = f"; did you mean {', '.join(near)}?" if near else "; --list shows the names"
            raise UnknownWitness(f"no witness is called {name!r}{hint}")
        chosen.append(known[name])
    return chosen


def run_witnesses(
    names: Iterable[str] | None = None,
    *,
    scratch=None,
    invasive: bool = False,
    timeout: float | None = None,
    save: bool = False,
    progress: Callable[[Report], None] | None = None,
    started: Callable[[Witness], None] | None = None,
) -> list[Report]:
    """Run witnesses (all without ``names``) and return their reports.

    ``scratch`` is an existing folder on a disk; ``timeout`` (seconds) replaces each witness's own limit;
    ``save`` writes recordings; ``started`` and ``progress`` are called before and after each one.
    UnknownWitness for a bad name, ValueError for a bad scratch folder, OSError when a recording cannot be
    written.
    """
    chosen = select(names)
    base = choose_scratch(scratch)
    if sys.platform.startswith("linux"):
        from tux3nb.witness.journal import release_stale

        release_stale(base)
    recordings, reports = load_recordings(), []
    for witness in chosen:
        if started:
            started(witness)
        report = run_one(witness, base, invasive, timeout)
        report.recorded = compare(report, recordings)
        if save:
            record(report)
        reports.append(report)
        if progress:
            progress(report)
    return reports
