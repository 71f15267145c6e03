"""What the model says in advance: facts that follow from its verdict on a case under a policy.

A policy stands for what the kernel does to the page: `stable_pages` and `in_place` never replace it (with and without
a wait for the write-out), `tux3` replaces it without asking who holds it, `migration_rule` counts references first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from tux3nb.errors import ModelError

HOLDS, VIOLATED, REFUSED, REACHED, UNREACHED = "HOLDS", "VIOLATED", "HOLDS(refused)", "REACHED", "UNREACHED"

Answers = Mapping[str, Mapping[str, bool | int | str]]


@dataclass(frozen=True)
class Claim:
    """One answer of the model and the facts that follow from it.

    ``asks`` is a property of ``case`` (HOLDS, VIOLATED, ...) or an event (REACHED, UNREACHED). ``answers`` gives for
    each fact its value by the model's answer; an answer that is not among them predicts nothing. ``visible_only``:
    the facts take privilege to see, so that none of them is missed.
    """

    case: str
    policy: str
    asks: str
    answers: Answers
    visible_only: bool = False

    @property
    def verdict(self) -> str:
        """The model's answer; it is explored when first asked for."""
        found = _explored(self.case, self.policy)
        if self.asks not in found:
            raise ModelError(f"case {self.case} judges no {self.asks!r} and no rule of it marks such an event")
        return found[self.asks]

    @property
    def predicts(self) -> dict:
        """Fact -> value; None where the model's answer predicts nothing."""
        return {fact: by_verdict.get(self.verdict) for fact, by_verdict in self.answers.items()}

    def __str__(self):
        return f"{self.case} under {self.policy}: {self.asks} {self.verdict}"

    def to_json(self) -> dict:
        """The claim as an entry of a document."""
        return {
            "case": self.case,
            "policy": self.policy,
            "asks": self.asks,
            "verdict": self.verdict,
            "predicts": self.predicts,
        }


def kept(*facts: str) -> Answers:
    """Facts that are seen if the property holds, and not seen if it is violated."""
    return {fact: {HOLDS: True, VIOLATED: False} for fact in facts}


def broken(*facts: str) -> Answers:
    """Facts that are seen if the property is violated, and not seen if it holds."""
    return {fact: {HOLDS: False, VIOLATED: True} for fact in facts}


def happens(*facts: str) -> Answers:
    """Facts that are seen if the event can happen."""
    return {fact: {REACHED: True, UNREACHED: False} for fact in facts}


def never(*facts: str) -> Answers:
    """Facts that are seen if the event cannot happen."""
    return {fact: {REACHED: False, UNREACHED: True} for fact in facts}


def either(if_so, if_not, *facts: str) -> Answers:
    """Facts that are ``if_so`` when the property holds or the event happens, else ``if_not``."""
    return {fact: {HOLDS: if_so, REACHED: if_so, VIOLATED: if_not, UNREACHED: if_not} for fact in facts}


@cache
def _explored(case_name: str, policy: str) -> dict[str, str]:
    """The answers of a case under a named policy, by property and by event."""
    from tux3nb.answers.judge import judge
    from tux3nb.cases.case import named  # here, so that an experiment's own process need not load the engine
    from tux3nb.catalogue import find

    case = find(case_name)
    judged = judge(case, case.one(named(policy)))
    rows = {row.property: row.verdict for row in judged.only.rows}
    events = {name: UNREACHED for step in case.system.steps for name, _ in step.marks}
    events |= {name: REACHED for name, policies in judged.run.reached.items() if policies}
    return events | rows
