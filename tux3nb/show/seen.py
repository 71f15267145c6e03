"""What real kernels did in small experiments, each beside the claim of the model that it touches."""

from __future__ import annotations

from collections.abc import Iterable

from tux3nb.errors import UserError, nearest
from tux3nb.show.cells import Table
from tux3nb.show.tables import here, live
from tux3nb.witness import CASES, Witness, list_witnesses, load_recording

FEW = 3  # facts that a row names


def chosen(names: Iterable[str]) -> list[Witness]:
    """Experiments by name, or all those of a family (``ptrace``), in the order in which they run; none: all."""
    known = {w.name: w for w in list_witnesses()}
    wanted = list(names)
    for name in wanted:
        if name not in known and name not in CASES:
            raise UserError(f"no experiment and no family of them is called {name!r}{nearest(name, [*known, *CASES])}")
    return [w for w in known.values() if not wanted or w.name in wanted or w.case in wanted]


def witnesses(*names: str) -> Table:
    """Recorded experiments beside the claims of the model: what was asked, what the model says, what the kernel did.

    names: experiments, or families of them (``ptrace``); none: all. A claim is a verdict of the model, explored now,
    from which facts follow; where no case is concerned, it says so. Where a reader runs this live, the reader's own
    kernel stands beside. UserError for an unknown name.
    """
    found = {w.name: (w, load_recording(w.name)) for w in chosen(names)}
    rows = {}
    for name, (w, recording) in found.items():
        facts = [fact for c in w.claims for fact in c.answers] or list(w.predicts)
        rows[name] = {
            "question": w.question,
            "the model": "\n".join(map(str, w.claims)) or f"no case: {w.beyond or 'a fact that the model presupposes'}",
            "the kernel": _did(recording, facts),
            "agrees": f"{_agrees(recording)}, on {_on(recording)}" if recording else "not recorded",
        }
    if live():
        for name, said in here(found).items():
            rows[name]["your kernel"] = said
    return Table.from_dict(rows, orient="index").rename_axis("experiment")


def _did(recording: dict | None, facts: list[str]) -> str:
    """The facts that were observed, of those that follow from the model's claims."""
    if recording is None:
        return "-"
    seen = recording["observed"]
    told = [f"{fact}: {_word(seen[fact])}" for fact in facts if fact in seen]
    more = [f"and {len(told) - FEW} more facts"] if len(told) > FEW + 1 else told[FEW:]
    return "\n".join([*told[:FEW], *more])


def _word(value: bool | int | str | None) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "could not be seen" if value is None else str(value)


def _agrees(recording: dict) -> str:
    return "yes" if recording["verdict"] == "AGREES" else recording["verdict"].lower()


def _on(recording: dict) -> str:
    kernel = recording["kernel"]
    return f"{kernel['system']} {kernel['release'].split('-')[0]} {recording['file_system'] or ''}".strip()
