"""The cases of a choice: where each starts, and the same in words where nothing can be pressed."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tux3nb.answers.judge import judge
from tux3nb.answers.matrix import recorded_verdicts
from tux3nb.cases.case import Case
from tux3nb.engine.family import Listed
from tux3nb.model.features import FEATURES, NAMED, named_policy


@dataclass(frozen=True)
class Start:
    """A case, the named policy to start with, its verdict, how it is broken, and the named policies that hold.

    `refused` are those under which it holds because somebody was turned away: no repair.
    """

    case: Case
    policy: str
    verdict: str
    property: str | None
    depth: int | None
    holds: tuple[str, ...]
    refused: tuple[str, ...]

    def broken(self) -> str:
        """How the case is broken, in words."""
        if self.property is None:
            return "nothing that it asks breaks it"
        return f"{self.policy}: {self.property} is broken after {self.depth} steps"


def _explored(case: Case, names: Sequence[str]) -> dict[str, tuple[str, dict[str, int]]]:
    """The same for a case that has no record, from one exploration."""
    judged = judge(case, Listed(FEATURES, [named_policy(name) for name in names]))
    answers = {name: judged.answer(named_policy(name)) for name in names}
    return {
        name: (a.verdict, {r.property: r.depth for r in a.rows if r.run and r.verdict == "VIOLATED"})
        for name, a in answers.items()
    }


def start_of(case: Case) -> Start:
    """Where a case's explorer starts: at the shortest run that breaks a named policy, Tux3 before all others.

    Only the policies that the case has an expectation for count; with none of them broken it starts at Tux3.
    """
    names = [name for name in NAMED if name in case.expect] or [case.base]
    known = recorded_verdicts().get(case.name, {})
    told = known if set(names) <= set(known) else _explored(case, names)
    holds, refused = (tuple(n for n in names if told[n][0] == word) for word in ("HOLDS", "HOLDS(refused)"))
    for name in names:
        verdict, broken = told[name]
        if broken:
            prop = min(broken, key=broken.get)
            return Start(case, name, verdict, prop, broken[prop], holds, refused)
    return Start(case, names[0], told[names[0]][0], None, None, holds, refused)


def in_words(starts: Sequence[Start]) -> str:
    """The cases as text: each with its title, the shortest run that breaks a named policy, and what holds."""
    lines = []
    for s in starts:
        lines += [f"{s.case.name}: {s.case.title}", f"    shortest broken run: {s.broken()}"]
        lines += [f"    holds, for instance, under: {_list(s)}"]
    return "\n".join(lines)


def table(starts: Iterable[Start]) -> str:
    """The same as a table."""
    say = html.escape
    rows = "".join(
        f"<tr><td><b>{say(s.case.name)}</b><br>{say(s.case.title)}</td><td>{say(s.broken())}</td>"
        f"<td>{say(_list(s))}</td></tr>"
        for s in starts
    )
    heads = "".join(f"<th>{head}</th>" for head in ("case", "shortest broken run", "holds, for instance, under"))
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _list(start: Start) -> str:
    names = [*start.holds, *(f"{name} (refused)" for name in start.refused)]
    return ", ".join(names) or "none that it asks"
