"""What the first page tells of the model, from the records: the numbers, and every case by a few policies."""

from __future__ import annotations

import html
from collections.abc import Mapping

from tux3nb.answers.matrix import recorded_everywhere
from tux3nb.catalogue import catalogue
from tux3nb.model.features import NAMED
from tux3nb.show.heat import SEVEN
from tux3nb.show.least import answers
from tux3nb.show.verdicts import sign_of

say = html.escape


def numbers() -> list[tuple[str, str]]:
    """What was explored: a number and what it counts."""
    worlds = answers().worlds.values()
    free = [world for world in worlds if world.rounds]
    return [
        (f"{len(catalogue()):,}", "cases, each with expected verdicts written before its first run"),
        (f"{len(free):,}", "free-running worlds, in which nobody writes a script"),
        (f"{len(NAMED):,}", "policies with a name"),
        (f"{answers().family.all.count():,}", "policies in all: every combination of features"),
        (f"{sum(world.states for world in worlds):,}", "states explored, each for all policies that reach it"),
    ]


def matrix_html(pages: Mapping[str, str]) -> str:
    """Every case by a few policies, each sign a link into the case's explorer; `pages`: case -> the file it is in."""
    heads = "".join(f'<th scope="col" title="{say(NAMED[p][0])}">{p.replace("_", "_<wbr>")}</th>' for p in SEVEN)
    told = {policy: recorded_everywhere(policy) for policy in SEVEN}
    families: dict[str, list[str]] = {}
    for case in catalogue().values():
        row = [_sign(case.name, policy, told[policy][case.name], pages.get(case.name)) for policy in SEVEN]
        line = f'<th scope="row" title="{say(case.asks)}">{say(case.name)}</th>{"".join(row)}'
        families.setdefault(case.family, []).append(f"<tr>{line}</tr>")
    bodies = "".join(
        f'<tbody><tr><th class="family" colspan="{len(SEVEN) + 1}">{say(family)}</th></tr>{"".join(rows)}</tbody>'
        for family, rows in families.items()
    )
    return f'<table class="cases"><thead><tr><td></td>{heads}</tr></thead>{bodies}</table>'


def _sign(case: str, policy: str, verdict: str, page: str | None) -> str:
    sign = sign_of(verdict)
    words = f"{case} under {policy}: {verdict}"
    inside = f'<span title="{words}">{sign.letter}</span>'
    if page:
        inside = f'<a href="{page}#{case}/{policy}" title="{words}" aria-label="{words}">{sign.letter}</a>'
    return f'<td class="{sign.look}">{inside}</td>'
