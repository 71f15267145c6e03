"""What does not fit is an error on every path, and names rule and field; nothing spills into a neighbour."""

import pytest

from tux3nb.engine.explore import explore
from tux3nb.engine.family import Listed
from tux3nb.engine.fields import Field
from tux3nb.engine.rule import rule
from tux3nb.engine.system import Property, build
from tux3nb.engine.terms import where
from tux3nb.errors import ModelError

from .worlds import LOCKS, NO_FEATURES, POLICIES, alone, whole_locks, world

ENGINES = ("python", "numpy")


def fields():
    after = Field("after", (), 7, start={"after": 7})  # stands behind the others: nothing may spill into it
    return world(Field("n", (), 5), Field("small", (), 2), Field("cells", ((0, 1),), 3), after)


@rule(kernel="-")
def counts(s, policy):
    s.require(s.n < 5)
    s.n = s.n + 1


def too_large(s, policy):
    s.require(s.n == 4)
    s.small = s.n - 1


def negative(s, policy):
    s.require(s.n == 1)
    s.small = s.n - 2


def writes_beyond(s, policy):
    s.require(s.n == 3)
    s.cells[s.n - 1] = 1


def writes_before(s, policy):
    s.require(s.n == 2)
    s.cells[s.n - 3] = 1


def reads_beyond(s, policy):
    s.require(s.n == 4)
    s.small = s.cells[s.n]


def reads_before(s, policy):
    s.require(s.n == 3)
    s.small = s.cells[s.n - 5]


def guard_reads_beyond(s, policy):
    s.require(s.small == 0, s.cells[s.n] == 0)
    s.after = 6


def check_reads_beyond(s, policy):
    s.require(s.n == 5)
    s.ensure("p", s.cells[s.n - 2] == 0, "")
    s.after = 6


def limit_reads_beyond(s, policy):
    s.require(s.n == 5)
    s.limit("l", s.cells[s.n - 2] == 0)
    s.after = 6


CASES = [
    (too_large, "writes small outside its range"),
    (negative, "writes small outside its range"),
    (writes_beyond, "writes cells outside its range"),
    (writes_before, "writes cells outside its range"),
    (reads_beyond, "reads cells outside its array"),
    (reads_before, "reads cells outside its array"),
    (guard_reads_beyond, "reads cells outside its array"),
    (check_reads_beyond, "reads cells outside its array"),
    (limit_reads_beyond, "reads cells outside its array"),
]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("body", "says"), CASES, ids=lambda x: getattr(x, "__name__", ""))
def test_astray_is_named(body, says, engine):
    """A write out of range or array, and a read out of an array, raise where they happen, naming rule and field."""
    system = build(fields(), [counts, rule(kernel="-")(body)], NO_FEATURES, (Property("p", "", "", ""),))

    with pytest.raises(ModelError, match=rf"rule {body.__name__}\(\) {says}, from state"):
        explore(system, alone(system), engine=engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_predicate_that_goes_astray_is_named(engine):
    """A property that reads outside an array is an error, too, and not a verdict."""
    clause = ("", lambda s: s.cells[s.n] == 0)
    system = build(fields(), [counts], NO_FEATURES, (Property("p", "", "", "", (clause,)),))

    with pytest.raises(ModelError, match="property p reads cells outside its array, in state {'n': 2, 'after': 7}"):
        explore(system, alone(system), engine=engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_not_looked_at_is_no_error(engine):
    """`&`, `|` and where() do not look at the side that is decided; there an index may be anything."""

    def guarded(s, policy):
        s.require((s.n < 2) & (s.cells[s.n] == 0) | (s.n == 7 - 2), (s.n > 1) | (s.cells[s.n] == 0))
        s.small = where(s.n > 1, 1, s.cells[s.n])

    clause = ("", lambda s: (s.n > 1) | (s.cells[s.n] == 0))
    system = build(fields(), [counts, rule(kernel="-")(guarded)], NO_FEATURES, (Property("p", "", "", "", (clause,)),))

    run = explore(system, alone(system), engine=engine)

    assert run.states(1) == 7  # n from 0 to 5, and small = 1 at the end


@pytest.mark.parametrize("engine", ENGINES)
def test_only_a_policy_that_takes_the_step_can_go_astray(engine):
    """A write that does not fit is no error where no policy of the family may take the step."""

    def overflows(s, policy):
        s.require(s.n == 5, (policy.lock == "spin") & (policy.keep == "yes"))
        s.small = s.n

    system, family = build(fields(), [counts, rule(kernel="-")(overflows)], LOCKS), whole_locks()
    guilty = family.all.having("lock", "spin").having("keep", "yes")

    assert explore(system, family, policies=family.single(POLICIES[0]), engine=engine).states(2) == 6
    with pytest.raises(ModelError, match="overflows"):
        explore(system, family, policies=guilty, engine=engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_only_a_policy_that_looks_can_go_astray(engine):
    """A test of the state inside a policy set is made for those policies alone that ask for it."""

    def looks(s, policy):
        s.require(s.n == 5, (policy.lock == "spin") | (s.cells[s.n] == 0))
        s.small = 1

    system, family = build(fields(), [counts, rule(kernel="-")(looks)], LOCKS), whole_locks()
    spin = family.all.having("lock", "spin")

    assert explore(system, family, policies=spin, engine=engine).depth(2) == 6
    with pytest.raises(ModelError, match="looks"):
        explore(system, family, policies=~spin, engine=engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_last_write_to_a_cell_counts(engine):
    """Two writes of a step to one cell leave the value of the later one, not a mixture."""

    def twice(s, policy):
        s.require(s.n == 0, s.small == 0)
        s.small = 1
        s.small = 2
        s.cells[0] = 1
        s.cells[s.n] = 2

    system = build(fields(), [rule(kernel="-")(twice)], NO_FEATURES)

    run = explore(system, alone(system), engine=engine)

    (end,) = (s for s, arrivals in run.graph.arrivals.items() if arrivals[0][0] == 1)
    assert system.layout.changed(system.start, end) == {"small": (0, 2), "cells[0]": (0, 2)}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_slip_of_policies_that_never_get_there_hides_nothing(engine):
    """Policies for which a step would go astray in a state that only others reach do not keep these from going on."""

    @rule(kernel="-")
    def goes(s, policy):
        s.require(s.n == 0, policy.lock == "spin")
        s.n = 1

    @rule(kernel="-")
    def slips(s, policy):
        s.require(s.n == 1, policy.lock == "try")
        s.small = s.after

    @rule(kernel="-")
    def goes_on(s, policy):
        s.require(s.n == 1)
        s.n = 2

    run = explore(build(fields(), (goes, slips, goes_on), LOCKS), whole_locks(), engine=engine)

    counts = {p["lock"]: run.states(run.number(p)) for p in POLICIES}
    assert counts == {"none": 1, "spin": 3, "try": 1}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_choice_that_is_not_made_does_not_go_astray(engine):
    """Where one policy guard leaves no policy, the next one is not asked: its index may be anything there."""

    def chooses(s, policy):
        s.require((policy.lock == "spin") & (s.n < 2))
        s.require((policy.keep == "yes") | (s.cells[s.n] == 0))
        s.small = 1

    system = build(fields(), [counts, rule(kernel="-")(chooses)], LOCKS)
    family = Listed(LOCKS, [p for p in POLICIES if p["keep"] == "no"])

    assert explore(system, family, engine=engine).states(1) == 12
