"""A run told in the picture's own words: folios by letter, cells by version, one column an actor."""

from __future__ import annotations

import re

from tux3nb.cases.case import Case
from tux3nb.model.world import GHOSTS, OOPS

LETTERS = "ABCDEFGHIJKLMNOP"
FLAGS = {  # field -> words for 1, words for 0
    "dirty": ("dirty", "clean"),
    "writeback": ("under writeback", "writeback over"),
    "locked": ("locked", "unlocked"),
    "forked": ("forked", "no longer forked"),
    "own": ("has its own reference", "loses its own reference"),
    "orphan": ("on the orphan list", "off the orphan list"),
    "frozen": ("count frozen", "count thawed"),
    "snapshot": ("is a snapshot for the disk", "no longer a snapshot"),
}
HIDDEN = ("pc[", "line[", "private[", "fetched", "written", "seen[")
_LABEL = re.compile(r"(\w+)(?:\[([^\]]*)\])?$")


def actors(case: Case) -> list[str]:
    """The columns of the race: the case's actors, then those that act by themselves."""
    others = [s.actor for s in case.system.steps if s.actor not in case.world.tasks]
    return [*case.world.tasks, *dict.fromkeys(others)]


def folio(value: int) -> str:
    """The letter of a folio from a field in which 0 means none."""
    return LETTERS[value - 1] if value else "none"


def told(label: str, value: int) -> str:
    """One changed field in words; a field without words of its own shows its label and value."""
    name, index = _LABEL.match(label).groups()
    at = (index or "").split(",")
    if name in FLAGS:
        return f"{LETTERS[int(at[0])]} {FLAGS[name][0 if value else 1]}"
    if name == "cell":
        return f"{LETTERS[int(at[0])]} cell {at[1]} = v{value}"
    words = {
        "tag": lambda: f"{LETTERS[int(at[0])]} of d{value}",
        "slot": lambda: f"slot{' 1' if index == '1' else ''} -> {LETTERS[value]}",
        "index": lambda: f"{LETTERS[int(at[0])]} of page {value}",
        "pte": lambda: f"PTE {at[0]} -> {folio(value)}",
        "pte_write": lambda: f"PTE {at[0]} {'writable' if value else 'read-only'}",
        "pte_dirty": lambda: f"PTE {at[0]} {'dirty' if value else 'clean'}",
        "migrating": lambda: f"PTE {at[0]} {'waits' if value else 'waits no longer'}",
        "hold": lambda: f"{at[0]} holds {folio(value)}",
        "folio": lambda: f"{at[0]} refers to {folio(value)}",
        "copy": lambda: f"{at[0]} prepares {folio(value)}" if value else "",
        "fault": lambda: "",
        "section": lambda: f"section in d{value - 1}" if value else "section ends",
        "cur": lambda: f"d{value} is current",
        "committed": lambda: f"d{value - 1} is on disk",
        "image": lambda: f"bio carries cell {at[0]} = v{value}",
        "disk": lambda: f"disk cell {at[0]} = v{value}",
        "bio_folio": lambda: f"bio of {folio(value)}" if value else "",
        "bio_stage": lambda: f"bio {('gone', 'added', 'submitted', 'completed')[value]}",
        "oops": lambda: f"KERNEL BUG: {OOPS[value]}",
        "bounced": lambda: "bounce copy" if value else "",
    }
    return words[name]() if name in words else f"{label} = {value}"


def changes(case: Case, before: int, after: int, hidden: tuple[str, ...] = ()) -> list[str]:
    """What a step changed, in words; ghost fields, places in routines and a freed folio's fields are left out."""
    found = {label: now for label, (_, now) in case.system.layout.changed(before, after).items()}
    freed = [label[8:-1] for label, now in found.items() if label.startswith("private[") and not now]
    over = found.get("bio_stage") == 0 or "committed" in found
    hidden += (*HIDDEN, *GHOSTS, *(("image", "bio_folio") if over else ()))
    said = [f"{LETTERS[int(f)]} freed" for f in freed]
    for label, now in found.items():
        name, index = _LABEL.match(label).groups()
        of_freed = (name in FLAGS or name in ("cell", "tag", "index")) and index.split(",")[0] in freed
        if not of_freed and not label.startswith(hidden):
            said.append("slot empty" if name == "slot" and now == case.world.nothing else told(label, now))
    return [text for text in said if text]


def race(case: Case, run, first: int = 0, width: int = 25, hidden: tuple[str, ...] = ()) -> str:
    """The steps of `run` from number `first` on as columns, and under each what it changed."""
    used = [a for a in actors(case) if any(s.actor == a for s in run.steps)]
    lines = ["     " + "".join(f"{a:{width}}" for a in used).rstrip()]
    if first:
        lines.append(f"     (after {first} steps)")
    for n in range(first, len(run.steps)):
        step, indent = run.steps[n], " " * (width * used.index(run.steps[n].actor))
        lines.append(f"{n + 1:3}  {indent}{step.rule.name}")
        said = changes(case, run.states[n], run.states[n + 1], hidden)
        if said:
            lines.append(f"     {indent}  {', '.join(said)}")
    return "\n".join(lines)
