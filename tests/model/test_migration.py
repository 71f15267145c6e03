"""Page migration: what is expected of every named policy, and how a refusal differs from that of a page fork."""

import pytest

from tests.model.answers import answer, check, fired, judged, reached, rules_of, small, states
from tux3nb.cases.case import Case
from tux3nb.errors import UserError


def test_migration_both_moves_and_refuses():
    """Before the registration the folio moves, after it the reference is one too many and the PTE is restored."""
    found = judged("migration", "tux3")

    assert {"migrated", "migration_refused", "holder_op"} <= reached(found)
    assert "migrate_restores_pte" in fired(found)


def test_refused_migration_leaves_no_trace():
    """Once a migrator has given up, the page is in a state in which it might as well not have come by.

    The PTE's dirty bit is in the folio then, where it counts just the same.
    """
    found = judged("migration", "tux3")
    kept = [s for s in states(found) if s["slot[0]"] == 0 and s["pc[compaction]"] == 0]
    refused, never_came = (
        {
            tuple(v for k, v in s.items() if k not in ("line[compaction]", "pte_dirty[app]"))
            for s in kept
            if s["line[compaction]"] == n
        }
        for n in (1, 0)
    )

    assert refused and refused <= never_came


def left_behind(found):
    """What leads nowhere in some state: a hold of a folio that is free, an entry that no migrator will replace."""
    out = set()
    for s in states(found):
        holds = [value for label, value in s.items() if label.startswith("hold[") and value]
        entries = [value for label, value in s.items() if label.startswith("moving[") and value]
        out |= {"hold" for f in holds if not s[f"private[{f - 1}]"]}
        out |= {"entry" for _ in entries if not s["pc[compaction]"]}
    return out


@pytest.mark.parametrize("name", ["migration", "migration+accounted", "migration+accounted_fork"])
@pytest.mark.parametrize("policy", ["tux3", "migration_rule"])
def test_migration_leaves_nothing_behind(name, policy):
    """No hold ever leads to a folio that is free, and no migration entry outlives its migrator."""
    assert left_behind(judged(name, policy)) == set()


def test_moving_blindly_leaves_the_hold_behind():
    """With the account switched off it does."""
    assert left_behind(judged("migration", "no_accounting")) == {"hold"}


def test_moving_without_asking_splits_the_holder():
    """With the account switched off the device writes into a folio that is nobody's any more."""
    row = answer("migration", "no_accounting").row("I2")
    names = rules_of(row.run)

    assert "migrate_moves_blindly" in names and not any(name.startswith("fork_") for name in names)
    assert "holder" in row.reason


def test_same_rule_needs_a_place_for_the_data():
    """The rule that costs migration nothing costs a fork its progress, its delta, or a second copy."""
    verdicts = {
        policy: {row.property for row in answer("migration+fork", policy).rows if row.verdict == "VIOLATED"}
        for policy in ("migration_rule", "migration_wait_holder", "migration_in_place", "migration_reverse")
    }

    assert verdicts["migration_wait_holder"] == {"I7"}
    assert verdicts["migration_in_place"] == {"I3", "I6"}
    assert verdicts["migration_rule"] == verdicts["migration_reverse"] == set()
    assert "snapshot_made" in reached(judged("migration+fork", "migration_reverse"))


@pytest.mark.parametrize("refuse", ["wait_writeback", "wait_holder", "in_place", "reverse"])
def test_rule_of_migration_never_splits_a_holder(refuse):
    """Whatever is done instead of the fork, process and holder stay together: I2 holds, and forks do happen."""
    found = judged("migration+fork", "migration_rule", refuse=refuse, busy="wait")

    assert found.only.row("I2").verdict == "HOLDS"
    assert {"forked", "refused"} <= reached(found)


def test_fork_finds_the_isolation_reference():
    """With no holder in the case, a fork that counts references is refused because of the migrator's own."""
    names = rules_of(answer("migration+isolated", "rik_in_place").row("I6").run)

    assert names.index("migrate_isolates") < names.index("fork_refused") < names.index("writes_in_place")
    assert "refused" not in reached(judged("migration+isolated", "tux3"))


def test_migrated_folio_stays_in_its_delta():
    """Between the closing of a delta and its commit the folio moves, and is then found and written."""
    found = judged("migration+delta", "tux3")
    moved = [s for s in states(found) if s["slot[0]"] != 0 and s["cur"] == 1 and s["committed"] == 0]

    assert any(s[f"dirty[{s['slot[0]']}]"] and s[f"tag[{s['slot[0]']}]"] == 0 for s in moved)
    assert {"migrated", "migration_refused", "forked", "committed"} <= reached(found)


def test_folio_in_a_bio_may_not_move():
    """Moved blindly, the folio is gone when the flusher gets its lock: the assertion fails."""
    names = rules_of(answer("migration+delta", "no_accounting").row("I5").run)

    assert names[-1] == "flush_finds_clean"
    assert names.index("flush_adds") < names.index("migrate_moves_blindly")


def test_own_reference_keeps_the_orphan_from_moving():
    """The forked folio is tried and refused; without its own reference its bytes go into the slot of the new one."""
    tux3, row = judged("migration+orphan", "tux3"), answer("migration+orphan", "no_own_reference").row("I1")

    assert any(s["folio[compaction]"] and s[f"forked[{s['folio[compaction]'] - 1}]"] for s in states(tux3))
    assert "migration_refused" in reached(tux3)
    assert rules_of(row.run)[-2:] == ["migrate_moves", "migrate_copies"]
    assert row.run.steps[-1].actor == "compaction"


def test_only_the_slot_protects_the_new_folio_without_it():
    """A migration that compares the slot refuses the orphan too; the leak is then all that is left."""
    assert answer("migration+orphan", "no_own_recheck").verdict == "HOLDS"
    assert "migrated" in reached(judged("migration+orphan", "no_own_recheck"))  # the live folio still moves


def test_a_device_that_nobody_asks_tears_the_copy():
    """It writes both cells while they are copied: the new page has the one and not the other, where nobody counts."""

    def torn(policy):
        over = [s for s in states(judged("migration+torn", policy)) if s["slot[0]"] and not s["target[compaction]"]]
        return [s for s in over if s["line[device]"] == 1 and (s["cell[1,0]"] == 2) != (s["cell[1,1]"] == 1)]

    assert not torn("tux3")
    assert {s["cell[1,1]"] for s in torn("no_accounting")} == {0, 1}, "either cell may be the one that is lost"


def test_nobody_reads_what_is_not_copied_yet():
    """Before its bytes are there the new folio is in the slot, and read(2) and splice(2) wait for it."""
    columns = """
        app        | reader                | pipe                  | compaction
        store p0:0 | read p0               | splice p0             | migrate p0
                   |                       | pipe_read p0          |
    """
    found = check(small(columns, ("app",), deltas=0, judges=("I1", "I2")), "tux3")
    assert found.only.told == "HOLDS"
    copying = [s for s in states(found) if s["to_copy[compaction]"]]
    assert copying and all(
        s["folio[reader]"] - 1 != s["slot[0]"] and s["hold[pipe]"] - 1 != s["slot[0]"] for s in copying
    )


def test_moved_folio_keeps_its_bytes_while_somebody_refers_to_it():
    """The holder and a read(2) under way still find in the old folio what was in it; the last one to go frees it."""
    left = [s for s in states(judged("migration+torn", "no_accounting")) if s["detached[0]"]]
    assert any(s["hold[app]"] == 1 and s["cell[0,0]"] for s in left)
    assert any(s["folio[reader]"] == 1 and s["cell[0,0]"] for s in left)
    assert answer("migration+torn", "no_accounting").row("I1").verdict == "HOLDS"


def test_read_sees_what_a_wrong_migration_puts_back():
    """The slot has the old bytes again: a read(2) that begins afterwards returns what was overwritten."""
    columns = """
        writer                       | compaction           | reader           | kernel
        dirty: write p0:0            | migrate p0 after new | read p0 after new | closed: transition after dirty
        new: write p0:0 after closed |                      |                  |
    """
    case = small(columns, judges=("I1",))
    assert check(case, "tux3").only.told == "HOLDS"
    broken = check(case, "no_own_reference").only.row("I1")
    assert broken.verdict == "VIOLATED"


def test_ring_moves_with_its_account_only():
    """The same reference is refused where it is not accounted for and moved where it is."""
    found = judged("migration+accounted", "tux3")

    assert {"moved_with_ring", "migration_refused", "holder_op"} <= reached(found)
    assert answer("migration+accounted", "no_accounting").row("I2").verdict == "VIOLATED"


def test_fork_splits_the_ring():
    """The fork swaps the slot and leaves the ring's pointer on the old folio."""
    names = rules_of(answer("migration+accounted_fork", "tux3").row("I2").run)

    assert "fork_swaps_slot" in names and "migrate_moves" not in names


def test_writable_entry_is_restored_writable():
    """A store after a migration needs no new fault if its PTE was writable before."""
    found = judged("migration", "tux3")

    assert any(s["pte[app]"] and s["pte_write[app]"] and s["slot[0]"] != 0 for s in states(found))


@pytest.mark.parametrize(
    ("columns", "complaint"),
    [
        ("one | two\nmigrate p0 | migrate p0", "only one task can migrate folios in this model, not one, two"),
        ("one | two\nmigrate p0 | reclaim p0", "a page that may leave its slot empty is not modelled"),
    ],
)
def test_limits_of_the_model_are_errors(columns, complaint):
    """Two migrators would share migration entries, and an empty slot is nothing that these rules look for."""
    facts = dict(name="test", family="migration", title="a test", asks="Does it?")
    with pytest.raises(UserError, match=complaint):
        assert Case(columns=columns, mappings=("app",), **facts).world
