"""Which engine answers, and with which other policies: never seen in the answer, nor in the run that is shown."""

import pytest

from tux3nb.answers.judge import Judged
from tux3nb.cases.case import named
from tux3nb.catalogue import find
from tux3nb.engine.explore import explore
from tux3nb.engine.family import Listed
from tux3nb.engine.runs import judge_progress
from tux3nb.model.features import FEATURES

POLICIES = ("tux3", "stable_pages", "reverse_fork", "rik_wait")
SHOWN = ("rdma+deregister_clean", "ordinary+controls", "migration+orphan", "aio+writeout", "uprobes+read_fault")


def told(case, family, engine, names=POLICIES):
    """Everything that is told of each policy: verdicts, depths, reasons, and the runs with all their states."""
    run = explore(case.system, family, engine=engine)
    for p in case.properties:
        if p.needs_graph:
            judge_progress(run, p.id)
    judged = Judged(case, run)
    answers = [judged.answer(named(n)) for n in names]
    shown = [[(r.property, r.depth, r.reason, str(r), r.run and r.run.states) for r in a.rows] for a in answers]
    return shown, [judged.tours.show(run.number(named(n)), ("forked", "snapshot_made")).states for n in names]


@pytest.mark.parametrize("name", SHOWN)
def test_the_run_shown_does_not_depend_on_the_engine(name):
    """Frontiers tell what plain Python tells, to the last state of each run."""
    case, family = find(name), Listed(FEATURES, [named(n) for n in POLICIES])

    assert told(case, family, "numpy") == told(case, family, "python")


@pytest.mark.parametrize("name", SHOWN[:3])
def test_the_run_shown_does_not_depend_on_the_family(name):
    """In a list and in the product a policy is shown the state and the depth that it is shown when explored alone."""
    case = find(name)
    listed, _ = told(case, Listed(FEATURES, [named(n) for n in POLICIES]), "python")
    whole, _ = told(case, case.product(), "auto")

    for n, policy in enumerate(POLICIES):
        (alone,), _ = told(case, case.one(named(policy)), "python", [policy])
        assert ends(listed[n]) == ends(whole[n]) == ends(alone)


def ends(rows):
    """Without the way to the last state: of a family, policies share a run where one serves them all."""
    return [(prop, depth, reason, run and run[-1]) for prop, depth, reason, _, run in rows]
