"""A rule that merges kernel steps and its split twin give the same verdicts.

Each twin is asked in the smallest case that has its rule (one of three in the quick tests); in the slow tests in a
seeded sample of all that have, and with TUX3NB_EVERY_CASE=1 in every one of them (some minutes of computing a twin).
"""

import os
import random
from functools import cache

import pytest

from tests.model.twins import TWINS, WHOLE, twin_case
from tux3nb.answers.matrix import matrix
from tux3nb.catalogue import catalogue

CASES = catalogue()
OWN = ("pc", "line", "oops", "moved")  # a task's own place
FEW, MORE = 1, 8  # cases a twin in the quick tests, in the slow ones
EVERY = os.environ.get("TUX3NB_EVERY_CASE") == "1"


@cache
def verdicts(name):
    """policy -> property -> verdict of a case as it is."""
    return told(CASES[name])


def told(case):
    cells = matrix([case], list(case.expect))
    return {c.policy: {r.property: str(r) for r in c.answer.rows} for c in cells}


@cache
def using(rule):
    """The names of the cases that have the rule, those with the fewest operations first."""
    found = [c for c in CASES.values() if any(s.rule.name == rule for s in c.system.steps)]
    return [c.name for c in sorted(found, key=lambda c: (len(c.world.ops) * len(c.world.tasks), c.system.layout.bits))]


def quick_third():
    """Every twin as a parameter; two of three are for the slow tests."""
    marks = ((), pytest.mark.slow, pytest.mark.slow)
    return [pytest.param(t, marks=marks[n % 3], id=t.rule) for n, t in enumerate(TWINS)]


@pytest.mark.parametrize("twin", quick_third())
def test_the_split_twin_agrees(twin):
    names = using(twin.rule)[:FEW]
    assert names, f"no case has the rule {twin.rule}"
    for name in names:
        assert told(twin_case(CASES[name], [twin])) == verdicts(name), name


def more_cases(rule):
    """A seeded sample of the other cases that have the rule, small and large alike."""
    names = using(rule)[FEW:]
    return names if EVERY else random.Random(rule).sample(names, min(MORE, len(names)))


@pytest.mark.slow
@pytest.mark.parametrize("twin", TWINS, ids=lambda t: t.rule)
def test_the_split_twin_agrees_in_more_cases(twin):
    for name in more_cases(twin.rule):
        assert told(twin_case(CASES[name], [twin])) == verdicts(name), name


def test_every_rule_that_writes_several_shared_fields_has_a_twin_or_a_reason():
    """What others can see changing in two places may be seen halfway: so the rule is split, or says why not."""
    writes = {}
    for case in CASES.values():
        for step in case.system.steps:
            names = {f.name for f, _, _ in step.writes if not (f.ghost or f.name in OWN)}
            writes.setdefault(step.rule.name, set()).update(names)
    merged = {rule for rule, names in writes.items() if len(names) > 1}
    split = {t.rule for t in TWINS}
    assert not split & set(WHOLE)
    assert merged <= split | set(WHOLE), f"neither split nor explained: {sorted(merged - split - set(WHOLE))}"
    assert set(WHOLE) <= merged, f"explained, but nothing is merged: {sorted(set(WHOLE) - merged)}"


def test_a_twin_takes_more_states():
    """The twin of a rule is really split: its world has states in between."""
    case = CASES["ordinary+own_reference"]
    twin = next(t for t in TWINS if t.rule == "write_returns")
    whole, parts = (matrix([c], ["tux3"])[0].answer.states for c in (case, twin_case(case, [twin])))
    assert parts > whole


def test_stages_block_the_routine_and_nobody_else():
    """Inside a split rule the task's other rules wait; another task's do not."""
    case = twin_case(CASES["ordinary"], [t for t in TWINS if t.rule == "write_returns"])
    for step in case.system.steps:
        op = step.args.get("op")
        if op is not None and not step.rule.name.startswith("write_returns"):
            assert any("stage" in str(g) and op.task in str(g) for g in step.guard), step.name
