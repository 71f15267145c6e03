"""Free-running worlds: every alternative in every order, and at least the violations of the scripted cases."""

from functools import cache

import pytest

from tux3nb.answers.judge import judge
from tux3nb.answers.matrix import matrix
from tux3nb.cases.case import named
from tux3nb.catalogue import catalogue
from tux3nb.catalogue.free import FAMILIES, free
from tux3nb.errors import UserError
from tux3nb.model.operations import Choice

HEADLINE = {  # policies that sentences speak of: their verdict is written down for every world
    "tux3",
    "stable_pages",
    "perfect",
    "perfect_index",
    "copy_for_disk",
    "copy_for_disk_ordered",
    "mainline_6_5",
}
QUICK = ("stable_pages", "in_place")  # policies with small worlds
SCRIPTED_ONLY = {  # kinds of operations that no free-running world has
    "dio_write_sum",  # two reads of one lent buffer
    "crash",  # what comes after it is another world
    "dio_read_get",  # a hold of the other kind
    "dio_write_get",
    "buffer_register",  # a registration without a dirty call
    "buffer_unregister",
    "ref_ctr",  # a probe whose counter is in data
    "vm_write",  # a poke with a counted pin
    "vm_read",  # a peek with one
    "sibling_load",  # a translation that nothing but a flush takes away
    "sibling_store",
}


@cache
def broken(family, policies, ops=1, deltas=None):
    """policy -> the properties that it violates in the free-running world."""
    cells = matrix([free(family, ops, deltas=deltas)], policies)
    return {c.policy: {r.property for r in c.answer.rows if r.verdict == "VIOLATED"} for c in cells}


def scripted(family, policy, most_deltas):
    """What some scripted case of the family violates under a policy, and where: of what the free-running one judges."""
    kinds, judged = {op.kind for op in free(family).world.ops}, free(family).properties
    for case in catalogue().values():
        here = {op.kind for op in case.world.ops}
        if case.family == family and case.deltas <= most_deltas and here <= kinds and plain(case):
            for row in matrix([case], [policy])[0].answer.rows:
                prop = case.system.property(row.property)
                if row.verdict == "VIOLATED" and not prop.advisory and prop in judged:
                    yield case.name, row.property


def plain(case):
    """The case's mappings and holds are those of the free-running world."""
    same_maps = all(m.kind == "shared" and m.mapped and not m.young and not m.sibling for m in case.world.maps.values())
    return same_maps and not any(word in case.columns for word in ("readonly", " get"))


# ---- the worlds are what they say ---------------------------------------------------------------------------------
@pytest.mark.parametrize("family", FAMILIES)
def test_a_free_world_has_every_alternative_once_a_round(family):
    one, two = free(family, 1), free(family, 2)
    alternatives = sum(len(line) for lines in FAMILIES[family].rounds.values() for line in lines)
    assert len(one.world.ops) == alternatives and len(two.world.ops) == 2 * alternatives
    assert len({(op.task, op.line) for op in two.world.ops}) == len(two.world.ops)
    assert "up to 2" in two.bounds and two.name.endswith("+2")


@pytest.mark.parametrize("family", FAMILIES)
def test_alternatives_of_a_line_share_their_version(family):
    world = free(family, 2).world
    numbers = {}
    for op in world.ops:
        for c, v in op.version.items():
            numbers.setdefault((c, v), set()).add((op.task, op.choice))
    assert all(len(lines) == 1 for lines in numbers.values())
    for c in world.cells:
        assert sorted(v for k, v in numbers if k == c) == list(range(1, 1 + sum(k == c for k, _ in numbers)))


def test_one_alternative_excludes_the_others():
    """Where a line is begun with one alternative, no step of another alternative of that line is taken."""
    case = free("aio")
    system = case.system
    app = [op for op in case.world.ops if op.task == "app"]
    assert [op.kind for op in app] == ["dio_read", "dio_write"]
    cells = matrix([case], ["perfect"])
    fired = {s.rule.name for s in system.steps} - set(cells[0].answer.never_fired)
    assert {"dio_read_reaps", "dio_write_reaps"} <= fired
    line = system.layout.fields["line"]
    assert [(op.line, op.choice, op.next) for op in app] == [(1, Choice(0, 3), 3), (2, Choice(0, 3), 3)]
    assert line.hi >= 3


@pytest.mark.parametrize("family", FAMILIES)
def test_a_task_chooses_by_its_own_steps_alone(family):
    """No step that another actor takes for an operation, a work item's for one, moves the task to another line."""
    for step in free(family).system.steps:
        lines = [flat.value for f, flat, _ in step.writes if f.name == "line"]
        assert not lines or [step.args["op"].task] == [step.actor], step.name


def test_a_work_item_runs_after_its_read_has_been_reaped():
    """The work item of a read reports the folio dirty, whether the read has been reaped by then or not."""
    case = free("aio")
    run = judge(case, case.one(named("tux3"))).run
    late = {k for k, step in enumerate(case.system.steps) if step.rule.name == "dio_reports_dirty_late"}
    line = case.system.layout.fields["line"]
    before = {case.system.layout.value(source, line, 0) for source, step, _, _ in run.graph.edges if step in late}
    assert before == {1, 3}


def test_scripted_worlds_know_nothing_of_choices():
    """Each operation of a scripted case is the only one of its line."""
    assert all(op.choice is None and op.next == op.line + 1 for case in catalogue().values() for op in case.world.ops)


def test_bad_input_names_the_family_and_the_bound():
    with pytest.raises(UserError, match="no free-running world for 'rmda'; did you mean rdma"):
        free("rmda")
    with pytest.raises(UserError, match="0 operations an actor: between 1 and 9"):
        free("rdma", 0)


# ---- what they find ------------------------------------------------------------------------------------------------
@pytest.mark.slow
@pytest.mark.parametrize("policy", QUICK)
def test_aio_contains_what_the_scripts_find(policy):
    contained("aio", policy, QUICK)


def contained(family, policy, policies, deltas=1):
    found = broken(family, policies, 1, deltas)[policy]
    missing = {(case, prop) for case, prop in scripted(family, policy, deltas) if prop not in found}
    assert not missing, f"{policy}: the scripts find more than the free-running world: {sorted(missing)}"


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["tux3", "stable_pages", "in_place", "reverse_fork"])
def test_rdma_contains_what_the_scripts_find(policy):
    contained("rdma", policy, ("tux3", "stable_pages", "in_place", "reverse_fork"))


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_one_round_is_as_expected(family):
    as_expected(family)


@pytest.mark.parametrize("family", ["aio", "uprobes"])
def test_one_round_is_as_expected_in_small_worlds(family):
    as_expected(family)


def as_expected(family):
    case = free(family)
    wrong = {c.policy: (c.answer.told, c.expected) for c in matrix([case], list(case.expect)) if not c.as_expected}
    assert not wrong, f"free-running {family}: policy -> (model, written) {wrong}"


def test_every_family_of_cases_runs_free():
    """A case's family has a free-running world, and every kind of operation is in one; the other kinds are told."""
    kinds = {op.kind for family in FAMILIES for op in free(family).world.ops}
    scripted = {op.kind for case in catalogue().values() for op in case.world.ops}
    assert {case.family for case in catalogue().values()} <= set(FAMILIES)
    assert scripted - kinds == SCRIPTED_ONLY


@pytest.mark.slow
def test_two_rounds_of_aio_find_the_fork_that_is_forked_again():
    """A case that no script had: see ordinary+forked_twice."""
    found = broken("aio", ("reverse_fork", "perfect"), 2)
    assert found == {"reverse_fork": {"I1"}, "perfect": set()}


def test_expectations_are_of_one_round_and_of_named_policies():
    for family in FAMILIES:
        assert free(family).expect and not free(family, 2).expect
        assert HEADLINE <= set(free(family).expect)
        for name in free(family).expect:
            assert named(name)
