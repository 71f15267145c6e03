"""A run told in the words of the fields: folios by letter, cells by version, one column an actor."""

from __future__ import annotations

from tux3nb.cases.case import Case
from tux3nb.engine.fields import Field, sentences
from tux3nb.model.world import FOLIO


def actors(case: Case) -> list[str]:
    """The columns of a run: the case's actors, then those that act by themselves."""
    others = [s.actor for s in case.system.steps if s.actor not in case.world.tasks]
    return [*case.world.tasks, *dict.fromkeys(others)]


def changes(case: Case, before: int, after: int) -> list[str]:
    """What a step changed, in the words of the fields.

    Left out are ghosts, the fields of a folio that was freed, and what was in a bio that is over.
    """
    layout = case.system.layout
    freed = in_use(case, before) - in_use(case, after)
    changed = {cell: now for cell, was, now in layout.differences(before, after)}
    names = {f.name: now for (f, _), now in changed.items()}
    over = names.get("bio_stage") == 0 or "committed" in names

    def shown(f: Field, flat: int) -> bool:
        of_freed = bool(f.by) and f.by[0] is FOLIO and f.index(flat)[0] in freed
        of_bio = f.name in ("image", "bio_folio", "bounced")
        return not (f.ghost or of_freed or (over and of_bio))

    told = [(f, flat, now) for (f, flat), now in changed.items() if shown(f, flat)]
    return [f"{FOLIO.word(f)} freed" for f in sorted(freed)] + sentences(told)


def in_use(case: Case, state: int) -> set[int]:
    """The folios that are not free: those with buffers, and those that have lost their mapping and are still held."""
    layout = case.system.layout
    fields = [layout.fields[name] for name in ("private", "detached") if name in layout.fields]
    return {folio for folio in case.world.folios if any(layout.value(state, f, folio) for f in fields)}


def race(case: Case, run, first: int = 0, width: int = 25) -> str:
    """The steps of `run` from number `first` on as columns, and under each what it changed."""
    used = [a for a in actors(case) if any(s.actor == a for s in run.steps)]
    lines = ["     " + "".join(f"{a:{width}}" for a in used).rstrip()]
    if first:
        lines.append(f"     (after {first} steps)")
    for n in range(first, len(run.steps)):
        step, indent = run.steps[n], " " * (width * used.index(run.steps[n].actor))
        lines.append(f"{n + 1:3}  {indent}{step.rule.name}")
        said = changes(case, run.states[n], run.states[n + 1])
        if said:
            lines.append(f"     {indent}  {', '.join(said)}")
    return "\n".join(lines)
