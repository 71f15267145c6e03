"""Which engine answers: never seen in the answer, nor in the run that is shown."""

import pytest

from tux3nb.answers.judge import Judged
from tux3nb.cases.case import named
from tux3nb.catalogue import find
from tux3nb.engine.explore import explore, judge_progress
from tux3nb.engine.policy import Family
from tux3nb.model.features import FEATURES

POLICIES = ("tux3", "stable_pages", "reverse_fork", "rik_wait")
SHOWN = ("rdma+deregister_clean", "ordinary+controls", "migration+orphan", "aio+writeout", "uprobes+read_fault")


def kind(run):
    return type(run.graph).__name__


def told(case, family, engine):
    """Everything that is told about every policy: verdicts, depths, reasons, and the runs with all their states."""
    merged, representative = family.merged(case.system.guards)
    run = explore(case.system, merged, engine=engine)
    for p in case.properties:
        if p.needs_graph:
            judge_progress(run, p.id)
    judged = Judged(case, run, representative)
    answers = [judged.answer(i, family) for i in range(len(family))]
    shown = [[(r.property, r.depth, r.reason, str(r), r.run and r.run.states) for r in a.rows] for a in answers]
    return shown, [judged.showcase(i, ("forked", "snapshot_made")).states for i in set(representative)]


@pytest.mark.parametrize("name", SHOWN)
def test_the_run_shown_does_not_depend_on_the_engine(name):
    """Frontiers tell what plain Python tells, to the last state of each run."""
    case, family = find(name), Family.listed(FEATURES, [named(n) for n in POLICIES])

    assert told(case, family, "frontier") == told(case, family, "scalar")


@pytest.mark.parametrize("name", SHOWN[:3])
def test_the_run_shown_does_not_depend_on_the_family(name):
    """A policy is shown the state and the depth that it is shown when it is explored alone."""
    case, family = find(name), Family.listed(FEATURES, [named(n) for n in POLICIES])
    together, _ = told(case, family, "scalar")

    for n, policy in enumerate(POLICIES):
        (alone,), _ = told(case, case.one(named(policy)), "scalar")
        assert ends(together[n]) == ends(alone)


def ends(rows):
    """Without the way to the last state: of a family, policies share a run where one serves them all."""
    return [(prop, depth, reason, run and run[-1]) for prop, depth, reason, _, run in rows]
