"""Policies in a line each: what each is, in words; its verdict, a link into the explorer; what breaks; what it pays."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from tux3nb.answers import cost
from tux3nb.answers.judge import Answer
from tux3nb.cases.case import Case
from tux3nb.engine.result import VIOLATED
from tux3nb.model.features import FEATURES, NAMED, named_policy
from tux3nb.show.cells import Table
from tux3nb.show.explorer.words import sentence, word
from tux3nb.show.verdicts import verdict_html

say = html.escape
WIDE = 60  # letters of a title in the head of a column
HEADS = ("policy", "verdict", "what breaks", "what it pays")
Policy = Mapping[str, str]


def address(case: Case, policy: Policy, prop: str | None = None) -> str:
    """The explorer's fragment for a policy: ``#rdma/reverse_fork+busy:in_place/I2``."""
    read = case.features_read
    known = sorted(NAMED, key=lambda name: name not in (case.expect or {}))  # as the explorer names them
    told = next((n for n in known if all(named_policy(n)[f] == policy[f] for f in read)), "")
    if not told:
        tux3 = named_policy("tux3")
        told = "+".join(["tux3", *(f"{f}:{policy[f]}" for f in read if policy[f] != tux3[f])])
    return "#" + "/".join([quote(case.name, safe="+"), told, *([prop] if prop else [])])


def in_words(case: Case, policy: Policy) -> str:
    """A policy by its title; one without a name by what it has other than Tux3."""
    name = next((n for n in NAMED if named_policy(n) == policy), "tux3")
    read = (f for f in FEATURES if f.id in case.features_read and policy[f.id] != named_policy(name)[f.id])
    return "; ".join(sentence(f).replace("{}", word(f, policy[f.id])) for f in read) or NAMED[name][0]


def called(case: Case, policy: Policy) -> str:
    """A policy in words, with its name if it has one: ``Never fork, ... (stable_pages)``."""
    name = next((n for n in NAMED if named_policy(n) == policy), "")
    words = in_words(case, policy)
    return f"{words} ({name})" if name else words


def lines(case: Case, answers: Mapping[str, Answer], workloads: Sequence[str], delta_ms: int, device: str) -> Table:
    """One row a policy; `workloads` is what it is asked to pay for, none for no such column."""
    numbers = cost.parameters(delta_ms, device)
    titles = {p.id: p.title for p in case.properties}
    rows, pages = [], []
    for label, answer in answers.items():
        broken = [f"{titles[p]} ({p})" for p in answer.violated]
        words = NAMED[label][0] if label in NAMED else ""  # the label of one of the reader's own says what it is
        paid = [pays(answer.policy, numbers, workloads)] if workloads else []
        rows.append([words, str(answer.verdict), "; ".join(broken), *paid])
        first = _named(words, label) if words else say(label)
        pages.append([first, _linked(answer), say("; ".join(broken)) or "–", *map(say, paid)])
    heads = HEADS[: 4 if workloads else 3]
    table = Lines(rows, columns=["in words", *heads[1:]], index=list(answers))
    table.index.name = "policy"
    return table.shown_with(page=Table.html(heads, pages, raw=range(4)))


def across(answers: Mapping[str, Mapping[str, Answer]]) -> Table:
    """Cases down, policies across: case -> policy -> answer; a page has a sign with what breaks, and a link each."""
    rows, pages = {}, []
    policies = list(next(iter(answers.values())))
    for name, told in answers.items():
        case = next(iter(told.values())).case
        rows[name] = {label: a.verdict for label, a in told.items()}
        pages.append([_named(case.title, name), *(_linked(a, ", ".join(a.violated)) for a in told.values())])
    table = Lines.from_dict(rows, orient="index", columns=policies)
    table.index.name = "case"
    brief = {p: short(NAMED[p][0]) for p in policies if p in NAMED}
    titles = {p: NAMED[p][0] if list(brief.values()).count(said) > 1 else said for p, said in brief.items()}
    heads = ["case", *(f"{titles[p]}\n{p}" if p in titles else p for p in policies)]
    return table.shown_with(page=Table.html(heads, pages, raw=range(len(heads))))


def guards(answers: Mapping[str, tuple[str, Answer, Answer]]) -> Table:
    """What a mechanism guards: what -> the policy that is without it, the answer with it and that without."""
    rows, pages = {}, []
    for what, (label, kept, lost) in answers.items():
        rows[kept.case.name] = [what, kept.told, label, lost.told]
        without = [_named(NAMED[label][0], label), _linked(lost, ", ".join(lost.violated))]
        pages.append([_named(what, kept.case.name), verdict_html(kept.verdict), *without])
    heads = ["what happens", "with its guard", "without it", "then"]
    table = Lines.from_dict(rows, orient="index", columns=heads)
    table.index.name = "case"
    return table.shown_with(page=Table.html(heads, pages, raw=range(len(heads))))


def _named(words: str, name: str) -> str:
    """Words, and beneath them the name in code."""
    return f"{say(words)}<br><small><code>{say(name)}</code></small>"


def _linked(answer: Answer, broken: str = "") -> str:
    """A verdict as a link into the explorer, to the run of the first property that is broken."""
    link = address(answer.case, answer.policy, answer.violated[0] if answer.verdict == VIOLATED else None)
    return f'<a href="{say(link)}">{verdict_html(answer.verdict, broken)}</a>'


def short(title: str) -> str:
    """A policy's title for a head of a column: ``Tux3 as posted in May 2015``."""
    said = title.partition(" (")[0]
    ends = [m.start() for m in re.finditer(r"[;:,] ", said) if m.start() <= WIDE]
    return said if len(said) <= WIDE or not ends else said[: ends[-1]]


class Lines(Table):
    """A table whose page has links."""

    @property
    def _constructor(self):
        return Table

    def _repr_html_(self) -> str:
        return self.looks["page"]


def pays(policy: Policy, numbers: cost.Parameters, workloads: Sequence[str]) -> str:
    """What a policy costs on some workloads, in words: copies, waits, and what others have to build."""
    found = cost.costs_of(policy, numbers, tuple(workloads))
    told = []
    if found["failed"]:
        told.append("another page of this workload ends in a failure")
    if found["refused"]:
        told.append(f"turns away {found['turned_away']:,.0f} pages/s")
    if found["copied"]:
        told.append(f"copies {size(found['copied'] * 1e6)}/s")
    if found["stalled"]:
        told.append(f"writers wait {found['stalled']:.0f} ms/s")
    builders = [(who, found[who]) for who in ("block_layer", "core_mm", "holder") if found[who]]
    told += [f"{who.replace('_', ' ')} builds {n:.0f}" for who, n in builders]
    return ", ".join(told) or "nothing"


def size(n: float) -> str:
    """Bytes in words: ``1.2 MB``."""
    for unit, many in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n >= many:
            return f"{n / many:.3g} {unit}"
    return f"{n:.0f} B"
