"""Broken runs of the catalogue, for the tests of what shows them."""

from collections.abc import Iterator

from tux3nb.answers.judge import Judged, Row, judge
from tux3nb.cases.case import Case
from tux3nb.catalogue import catalogue
from tux3nb.engine.family import Listed
from tux3nb.model.features import FEATURES, NAMED, named_policy

SOME = 9  # every so many cases are in the quick suite


def cases(slow: bool) -> list[Case]:
    """Cases whose broken runs are looked at: all of them, or some."""
    found = list(catalogue().values())
    return found if slow else found[::SOME]


def judged(case: Case) -> Judged:
    """The case under all policies that it has an expectation for."""
    return judge(case, Listed(FEATURES, [named_policy(name) for name in NAMED if name in case.expect]))


def broken_rows(case: Case) -> Iterator[tuple[Row, dict[str, str], Judged]]:
    """Every violated property with its run, for each of these policies; each run once."""
    answers, seen = judged(case), set()
    for policy in answers.run.family.policies:
        for row in answers.answer(policy).rows:
            if row.run and (row.property, row.run.states) not in seen:
                seen.add((row.property, row.run.states))
                yield row, policy, answers
