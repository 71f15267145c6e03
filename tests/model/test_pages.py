"""Worlds of two pages of one cell each: folios belong to a page, two of them may be in flight, a commit takes all."""

from functools import cache

import pytest

from tests.model.answers import answer, check, fired, judged, reached, states
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
def test_the_disk_fetches_what_is_in_a_bio(policy):
    """What it fetches is of the folios in flight; what earlier bios of the delta have written is remembered."""
    seen = set()
    for s in states(found(policy)):
        bios = [s["bio_folio"]] * (s["bio_stage"] == 2) + [s["other_folio"]] * (s["other_stage"] == 2)
        cells = sum(1 << s[f"index[{f - 1}]"] for f in bios)
        assert not s["fetched"] & ~cells and not s["written"] & cells
        seen.add((s["written"], cells))
        assert s["cur"] != s["committed"] or not (s["written"] or s["other_folio"])
    assert {(0, 1), (0, 2), (0, 3), (1, 2), (2, 1)} <= seen


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


@pytest.mark.parametrize("policy", ["tux3", "copy_for_disk"])
def test_two_folios_are_in_flight(policy):
    """In one bio or in two: one that waits is under writeback and unlocked, and both are submitted at once or apart."""
    two = judged("ordinary+two_in_flight", policy)
    seen = {(s["other_stage"], s["bio_stage"]) for s in states(two)}
    waits, flies = 1, 2
    assert {(waits, waits), (flies, waits), (flies, flies)} <= seen
    assert "submitted_together" in reached(two)
    waiting = [s for s in states(two) if s["other_stage"] == waits]
    assert all(s[f"writeback[{s['other_folio'] - 1}]"] for s in waiting)
    assert any(not s[f"locked[{s['other_folio'] - 1}]"] for s in waiting)


def test_who_was_picked_for_nothing_leaves_the_bio_to_be_submitted():
    """The second folio's dirt has moved to a snapshot before the flusher locked it: what waits is not forgotten."""
    assert "flush_goes_back" in fired(judged("ordinary+two_in_flight", "copy_for_disk"))


def test_the_order_of_two_pages_needs_the_barrier():
    """The sweep comes when it comes; the barrier keeps the next section out until it is done."""
    broken = answer("ordinary+two_pages", "swept").row("I6m")
    assert broken.verdict == "VIOLATED" and "version 2 of page 1 is in the delta" in broken.reason
    assert answer("ordinary+two_pages", "protected").row("I6m").verdict == "HOLDS"
