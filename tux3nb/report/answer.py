"""What the first page says of the model, from the records: the answer, the numbers, every case by a few policies."""

from __future__ import annotations

import html
from collections.abc import Mapping
from functools import cache

from tux3nb.answers.judge import VIOLATED
from tux3nb.answers.least import BUILDERS, Answers, by_owner, the_policy
from tux3nb.answers.matrix import recorded_everywhere
from tux3nb.answers.worlds import recorded_worlds
from tux3nb.catalogue import catalogue
from tux3nb.model.features import NAMED, TUX3, named_policy
from tux3nb.show.verdicts import sign_and_look

# One for each way to treat the write: the columns of the table of cases.
COMPARED = ("tux3", "in_place", "stable_pages", "migration_rule", "cowardly_or_pinned", "reverse_fork", "copy_for_disk")
say = html.escape


@cache
def _all() -> Answers:
    return Answers([world for world in recorded_worlds().values() if world.rounds <= 1])


def violated_in(policy: str) -> int:
    """In how many cases a named policy is VIOLATED, as recorded."""
    return sum(verdict == VIOLATED for verdict in recorded_everywhere(policy).values())


def in_full(policy: str) -> str:
    """What a named policy is, where its title leans on the one before it ("The same, with ...") both."""
    title, names = NAMED[policy][0], list(NAMED)
    if not title.startswith("The same"):
        return title
    return in_full(names[names.index(policy) - 1]) + title.removeprefix("The same")


def in_three_lines() -> list[str]:
    """The answer to the mail's question, in three sentences made from the records."""
    cases, found = len(catalogue()), _all()
    change = {who: found.least_change(the_policy("tux3"), owners).fewest for who, owners in BUILDERS.items()}
    alone, helped = change["file system only"], change["file system and core mm"]
    who = "Not by a file system alone: no policy that it could build by itself keeps everything"
    if alone is not None:
        who = f"By the file system alone, with {alone} of Tux3's decisions changed"
    how = f"with core mm's help it takes {helped} changed decisions"
    if helped is None:
        how = "not with core mm's help either"
    whole = [name for name in NAMED if named_policy(name)["off"] == TUX3["off"]]  # nothing is switched off on purpose
    own = [name for name in whole if set(by_owner(the_policy(name))) <= {"file system"}]
    best = min(own, key=violated_in)
    return [
        (
            f"Page forking as Tux3 posted it loses something in {violated_in('tux3')} of {cases} cases. Writing in place "
            f"does in {violated_in('in_place')}, waiting for the disk in {violated_in('stable_pages')}."
        ),
        (
            f"Can it be made perfect? {who}; {how}, if to refuse a holder counts as keeping it. Of all "
            f"{found.family.all.count():,} policies, {found.safe.count():,} break nothing here."
        ),
        (
            f"Is that practical? What comes nearest of the named policies that a file system can build alone, {best}, is "
            f"broken in {violated_in(best)} cases. It is this: {in_full(best)}."
        ),
    ]


def numbers() -> list[tuple[str, str]]:
    """What was explored: a number and what it counts."""
    worlds = _all().worlds.values()
    free = [world for world in worlds if world.rounds]
    return [
        (f"{len(catalogue()):,}", "cases, each with expected verdicts written before its first run"),
        (f"{len(free):,}", "free-running worlds, in which nobody writes a script"),
        (f"{len(NAMED):,}", "policies with a name"),
        (f"{_all().family.all.count():,}", "policies in all: every combination of features"),
        (f"{sum(world.states for world in worlds):,}", "states explored, each for all policies that reach it"),
    ]


def matrix_html(pages: Mapping[str, str]) -> str:
    """Every case by a few policies, each sign a link into the case's explorer; `pages`: case -> the file it is in."""
    heads = "".join(f'<th scope="col" title="{say(NAMED[p][0])}"><span>{p}</span></th>' for p in COMPARED)
    told = {policy: recorded_everywhere(policy) for policy in COMPARED}
    families: dict[str, list[str]] = {}
    for case in catalogue().values():
        row = [_sign(case.name, policy, told[policy][case.name], pages.get(case.name)) for policy in COMPARED]
        line = f'<th scope="row" title="{say(case.asks)}">{say(case.name)}</th>{"".join(row)}'
        families.setdefault(case.family, []).append(f"<tr>{line}</tr>")
    bodies = "".join(
        f'<tbody><tr><th class="family" colspan="{len(COMPARED) + 1}">{say(family)}</th></tr>{"".join(rows)}</tbody>'
        for family, rows in families.items()
    )
    return f'<table class="cases"><thead><tr><th></th>{heads}</tr></thead>{bodies}</table>'


def _sign(case: str, policy: str, verdict: str, page: str | None) -> str:
    sign, look = sign_and_look(verdict)
    words = f"{case} under {policy}: {verdict}"
    inside = f'<span title="{words}">{sign}</span>'
    if page:
        inside = f'<a href="{page}#{case}/{policy}" title="{words}" aria-label="{words}">{sign}</a>'
    return f'<td class="{look}">{inside}</td>'
