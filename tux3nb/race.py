"""A run as text: the field's native picture of a race, one column an actor, with what each step changed."""

from __future__ import annotations

from .case import Case
from .model.world import GHOSTS


def actors(case: Case) -> list[str]:
    """The columns of the race: the case's actors, then those that act by themselves."""
    return [*case.world.tasks, "flusher", "disk"]


def race(case: Case, run, width: int = 26) -> str:
    """The steps of `run` as columns, and under each the fields it changed (ghost fields left out)."""
    columns = actors(case)
    used = [a for a in columns if any(s.actor == a for s in run.steps)]
    lines = ["     " + "".join(f"{a:{width}}" for a in used).rstrip()]
    layout = case.system.layout
    for n, (step, before, after) in enumerate(zip(run.steps, run.states, run.states[1:], strict=False), 1):
        lines.append(f"{n:3}  " + " " * (width * used.index(step.actor)) + step.rule.name)
        changed = [
            f"{label} {a}->{b}"
            for label, (a, b) in layout.changed(before, after).items()
            if not label.startswith(("pc[", "line[", *GHOSTS))
        ]
        if changed:
            lines.append("     " + " " * (width * used.index(step.actor)) + "  " + ", ".join(changed))
    return "\n".join(lines)
