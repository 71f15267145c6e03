"""Worlds of two pages of one cell each: folios belong to a page, bios carry one folio, a commit takes all."""

from functools import cache

import pytest

from tests.model.answers import answer, check, reached, states
from tux3nb.cases.case import Case

COLUMNS = """
    app                 | device          | writer                | kernel
    dirty: store p0     | device_write p1 | write p1 after closed | closed: transition after dirty
    mr_register tail p1 |                 |                       |
"""
HELD = Case(
    name="held",
    family="mine",
    title="One page stored to, the other one registered",
    asks="Do the pages keep to themselves?",
    columns=COLUMNS,
    mappings=("app", "tail:p1"),
    folios=4,
    pages=2,
    judges=("I1", "I2", "I3", "I5", "I6", "I7", "I8"),
)
POLICIES = ("tux3", "reverse_fork", "forward_page", "migration_rule")


@cache
def found(policy):
    return check(HELD, policy)


@pytest.mark.slow
@pytest.mark.parametrize("policy", POLICIES)
def test_a_folio_belongs_to_one_page(policy):
    """Slots, PTEs and holds lead to folios of their page, which have nothing in the other page's cell."""
    for s in states(found(policy)):
        assert [s[f"index[{s[f'slot[{p}]']}]"] for p in (0, 1)] == [0, 1]
        for mapping, page in (("app", 0), ("tail", 1)):
            assert not s[f"pte[{mapping}]"] or s[f"index[{s[f'pte[{mapping}]'] - 1}]"] == page
        assert not s["hold[app]"] or s[f"index[{s['hold[app]'] - 1}]"] == 1
        assert all(s[f"cell[{f},{1 - s[f'index[{f}]']}]"] == 0 for f in range(4))
        assert s["private[0]"] + s["private[1]"] + s["private[2]"] + s["private[3]"] >= 2


@pytest.mark.slow
@pytest.mark.parametrize("policy", POLICIES)
def test_a_bio_carries_one_folio(policy):
    """What the disk fetches is of the bio's folio; what earlier bios of the delta have written is remembered."""
    seen = set()
    for s in states(found(policy)):
        if s["bio_stage"] == 2:
            assert not s["fetched"] & ~(1 << s[f"index[{s['bio_folio'] - 1}]"])
            seen.add((s["written"], s[f"index[{s['bio_folio'] - 1}]"]))
        assert s["cur"] != s["committed"] or not s["written"]
    assert (0, 0) in seen


@pytest.mark.slow
def test_the_verdicts_are_those_of_one_page():
    """A registered region splits off in Tux3 and does not with a reverse fork, whatever the other page does."""
    assert found("tux3").only.row("I2").verdict == "VIOLATED"
    assert found("reverse_fork").only.verdict == "HOLDS"
    assert {"bounced", "forked", "committed"} <= reached(found("reverse_fork"))


def test_two_pages_of_a_delta_are_committed_together():
    """Both bios of a delta come before its superblock: the disk never has the one page's store without the other's."""
    both = """
        app           | kernel
        store p0      | transition after done
        done: store tail p1 |
    """
    judged = check(Case("both", "mine", "Both", "Both?", both, ("app", "tail:p1"), pages=2), "tux3")
    disks = {(s["disk[0]"], s["disk[1]"]) for s in states(judged)}
    assert disks == {(0, 0), (1, 1)}
    assert {s["written"] for s in states(judged)} == {0, 1, 2, 3}


def test_the_order_of_two_pages_needs_the_barrier():
    """The sweep comes when it comes; the barrier keeps the next section out until it is done."""
    broken = answer("ordinary+two_pages", "swept").row("I6m")
    assert broken.verdict == "VIOLATED" and "version 2 of page 1 is in the delta" in broken.reason
    assert answer("ordinary+two_pages", "protected").row("I6m").verdict == "HOLDS"
