"""All cases by some policies as one picture: a small square a case, told by its sign as well as by its colour."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Sequence

from tux3nb.answers.matrix import recorded_everywhere, recorded_verdicts
from tux3nb.catalogue import catalogue
from tux3nb.engine.result import VIOLATED
from tux3nb.model.features import NAMED
from tux3nb.model.properties import PROPERTIES
from tux3nb.show.cells import Shown
from tux3nb.show.verdicts import legend, sign_of, style_of

SEVEN = (
    "tux3", "mainline_6_5", "stable_pages", "migration_rule", "cowardly_or_pinned", "reverse_fork", "copy_for_disk"
)  # one for each way to treat the write  # fmt: skip
A_ROW = 11  # squares beside each other


def heat(*policies: str) -> Shown:
    """All recorded cases under some named policies (none: seven): a row a family, a square a case, always at its place.

    The pointer over a square tells the case, its question and the verdict. UserError for an unknown policy.
    """
    names = policies or SEVEN
    told = {name: recorded_everywhere(name) for name in names}
    families: dict[str, list[str]] = {}
    for case in catalogue().values():
        families.setdefault(case.family, []).append(case.name)
    heads = "".join(
        f'<th scope="col" style="{_CELL}" title="{html.escape(_says(n))}">{n.replace("_", "_<wbr>")}</th>'
        for n in names
    )
    rows = [_row(family, cases, told) for family, cases in families.items()]
    total = "".join(f'<td style="{_CELL}">{_counted(told[n].values())}</td>' for n in names)
    rows.append(f'<tr><th scope="row" style="{_CELL}">violated</th>{total}</tr>')
    table = f"<table><thead><tr><th></th>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    titles = "".join(f"<li><code>{n}</code>: {html.escape(_says(n))}. It breaks {_broken(n)}.</li>" for n in names)
    page = f'<div style="overflow-x:auto">{table}</div><p><small>{legend()}</small></p><ul>{titles}</ul>'
    return Shown(_text(families, told), page)


_CELL = "text-align:left;vertical-align:top;padding:3px 5px"


def _row(family: str, cases: Sequence[str], told: dict[str, dict[str, str]]) -> str:
    def squares(name: str) -> str:
        rows = (cases[k : k + A_ROW] for k in range(0, len(cases), A_ROW))
        return "<br>".join("".join(_square(told[name][c], _title(c, name)) for c in row) for row in rows)

    cells = "".join(f'<td style="{_CELL};line-height:14px;white-space:nowrap">{squares(n)}</td>' for n in told)
    return f'<tr><th scope="row" style="{_CELL}">{family}</th>{cells}</tr>'


def _says(name: str) -> str:
    """A policy's title; one that says "The same, ..." begins with that of the policy before it."""
    title, order = NAMED[name][0], list(NAMED)
    if not title.startswith("The same"):
        return title
    return _says(order[order.index(name) - 1]) + title.removeprefix("The same")


def _broken(policy: str) -> str:
    """The properties that a policy breaks, with the number of cases, those of most cases first; no advisory ones."""
    judged = {p.id for p in PROPERTIES if not p.advisory}
    told = Counter(p for verdicts in recorded_verdicts().values() for p in verdicts[policy][1] if p in judged)
    return ", ".join(f"{p} in {n}" for p, n in told.most_common()) or "nothing"


def _square(word: str, title: str) -> str:
    style = f"display:inline-block;width:10px;text-align:center;font-size:9px;{style_of(word)}"
    return f'<span style="{style}" title="{html.escape(title)}">{sign_of(word).letter}</span>'


def _title(case: str, policy: str) -> str:
    verdict, broken = recorded_verdicts()[case][policy]
    which = f" ({', '.join(broken)})" if broken else ""
    return f"{case} under {policy}: {verdict}{which}. {catalogue()[case].asks}"


def _counted(words) -> str:
    words = list(words)
    return f"{sum(w == VIOLATED for w in words)} of {len(words)}"


def _text(families: dict[str, list[str]], told: dict[str, dict[str, str]]) -> str:
    """Violated cases by family and policy, in words."""
    lines = []
    for name, verdicts in told.items():
        by = (f"{family} {_counted(verdicts[c] for c in cases)}" for family, cases in families.items())
        lines.append(f"{name} ({_says(name)}): violated in {_counted(verdicts.values())} cases: {', '.join(by)}")
        lines.append(f"  {name} breaks {_broken(name)}")
    return "\n".join(lines)
