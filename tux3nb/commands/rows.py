"""What the forms of ``tux3nb check`` have in common: exit codes, answers as plain data, policies in words."""

from __future__ import annotations

from collections.abc import Iterable

from tux3nb.answers.judge import UNFINISHED, VIOLATED, Answer, Judged, Row
from tux3nb.answers.story import changes
from tux3nb.cases.case import Case, named


def exit_code(judged: Judged, verdicts: Iterable[str]) -> int:
    """130 if interrupted, else 1 if anything is VIOLATED, else 3 if anything is UNFINISHED, else 0."""
    if judged.run.stopped == "interrupted":
        return 130
    found = set(verdicts)
    return 1 if VIOLATED in found else 3 if UNFINISHED in found else 0


def as_json(answer: Answer) -> list[dict]:
    """One row per property."""
    return [
        {
            "case": answer.case.name,
            "policy": answer.policy,
            "verdict": row.verdict,
            "property": row.property,
            "expected": (wanted := expected(answer))[0],
            "as_expected": wanted[1],
            "states": answer.states,
            "edges": answer.edges,
            "depth": row.depth,
            "reason": row.reason or row.limit,
            "never_begin": answer.never_begin,
            "run": steps_json(answer.case, row),
        }
        for row in answer.rows
    ]


def expected(answer: Answer) -> tuple[str | None, bool]:
    """The verdict that the case expects of this policy (None: of none), and whether it is that."""
    for name, verdict in answer.case.expect.items():
        if answer.policy == named(name):
            return verdict, answer.meets(verdict)
    return None, True


def steps_json(case: Case, row: Row) -> list[dict]:
    """The steps of a row's run, with the fields that each changes: `changed` by value, `told` in words."""
    if row.run is None:
        return []
    layout = case.system.layout
    pairs = zip(row.run.steps, row.run.states, row.run.states[1:], strict=False)
    return [
        {
            "actor": step.actor,
            "rule": step.rule.name,
            "args": {k: v if isinstance(v, (int, bool)) else str(v) for k, v in step.args.items()},
            "changed": {k: list(v) for k, v in layout.changed(before, after).items()},
            "told": changes(case, before, after),
        }
        for step, before, after in pairs
    ]


def deviations(case: Case, policy: dict) -> str:
    """How a policy differs from the case's base policy."""
    differs = [f"{k}={v}" for k, v in policy.items() if v != case.policy[k]]
    return f"{case.base} with {', '.join(differs)}" if differs else case.base
