"""Choosing witnesses by name and running them one after another."""

import sys
from collections.abc import Callable, Iterable

from tux3nb.errors import UserError, nearest
from tux3nb.witness.base import Report, Witness
from tux3nb.witness.experiments import all_witnesses
from tux3nb.witness.recordings import compare, load_recording, record
from tux3nb.witness.sandbox import choose_scratch, run_one


def list_witnesses() -> list[Witness]:
    """Every witness, in the order in which they run."""
    return list(all_witnesses())


def select(names: Iterable[str] | None) -> list[Witness]:
    """The witnesses called ``names``, in that order; all of them without names. UserError for an unknown name."""
    known = {witness.name: witness for witness in all_witnesses()}
    for name in names or ():
        if name not in known:
            raise UserError(f"no witness is called {name!r}{nearest(name, known)}")
    return [known[name] for name in names or known]


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
    UserError for a bad name, a bad scratch folder, and when a recording cannot be written.
    """
    chosen = select(names)
    base = choose_scratch(scratch)
    if sys.platform.startswith("linux"):
        from tux3nb.witness.journal import release_stale

        release_stale(base)
    reports = []
    for witness in chosen:
        if started:
            started(witness)
        report = run_one(witness, base, invasive, timeout)
        try:
            report.recorded = compare(report, load_recording(witness.name))
        except UserError as damaged:  # which spoils nothing but this comparison
            report.damaged = str(damaged)
        if save:
            record(report)
        reports.append(report)
        if progress:
            progress(report)
    return reports
