"""The life of a page: what is expected of every named policy, and what reclaim, truncation, eviction, a crash do."""

import pytest

from tests.model.answers import answer, check, fired, judged, rules_of, small, states
from tux3nb.answers.story import changes as told_changes
from tux3nb.cases.case import named
from tux3nb.catalogue import catalogue, find
from tux3nb.engine.explore import explore
from tux3nb.engine.rule import Rule
from tux3nb.engine.system import Property, build
from tux3nb.engine.terms import every
from tux3nb.model.features import FEATURES
from tux3nb.model.properties import PROPERTIES, halted, settled
from tux3nb.model.rules import all_rules, crash, reclaim, truncate

CASES = [c.name for c in catalogue().values() if c.family == "life"]


def never(case, policy, bad):
    """Whether no state of the case has `bad`, a predicate as properties have them."""
    extra = Property("extra", "extra", "Never.", "completed", (("bad", lambda s: ~bad(s)),))
    system = build(case.world, all_rules(), FEATURES, (*PROPERTIES, extra), None, halted, settled)
    return explore(system, case.one(named(policy))).first(1, "extra") is None


@pytest.mark.slow
def test_every_rule_fires():
    """Each rule of the three modules is taken in some case under a policy with a written verdict."""
    mine = {v.name for m in (crash, reclaim, truncate) for v in vars(m).values() if isinstance(v, Rule)}
    others = ["bug+ext4_dirtied_behind"]  # reclaim takes the buffers of a folio that is held
    taken = {name for c in CASES + others for policy in find(c).expect for name in fired(judged(c, policy))}

    assert mine - taken == set()


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_nobody_has_a_freed_folio(name):
    """Under every policy expected to hold, no PTE and no holder leads to a folio that is free."""
    case = find(name)

    def freed(s):
        def free(f):
            return (s.private[f] == 0) & (s.detached[f] == 0) & (s.snapshot[f] == 0)

        w = s.world
        held = [(s.pte[m], f) for m in w.mappings for f in w.folios]
        held += [(s.hold[h.name], f) for h in w.holders for f in w.folios]
        return ~every(~((by == f) & free(f)) for by, f in held)

    for policy, verdict in case.expect.items():
        assert verdict != "HOLDS" or never(case, policy, freed), policy


# ---- reclaim and refill -----------------------------------------------------------------------------------------
def test_slot_is_empty_only_where_it_can_be():
    """A world that nothing empties has no value for an empty slot, and no field of a folio without mapping."""
    plain, emptied = find("ordinary").world, find("reclaim").world

    assert plain.fields["slot"].hi == len(plain.folios) - 1 and "detached" in plain.constants
    assert emptied.fields["slot"].hi == emptied.nothing == len(emptied.folios) and "detached" in emptied.fields


def test_refill_before_the_commit_reads_what_was_written():
    """Between the end of the I/O and the commit the disk's old image is not what a refill finds."""
    found = judged("reclaim", "tux3")
    at = [s for s in states(found) if s["committed"] == 0 and s["bio_stage"] == 3 and s["disk[0]"] == 0]
    refilled = [s for s in at if s["slot[0]"] < 3 and not s[f"dirty[{s['slot[0]']}]"]]

    assert any(s["slot[0]"] == 3 for s in at) and {s[f"cell[{s['slot[0]']},0]"] for s in refilled} == {1}


def test_empty_slot_is_told():
    """A run says that the slot is empty, not the letter of a folio that is not there."""
    row = answer("truncate+write_fault", "tux3").row("I5")
    case, run = find("truncate+write_fault"), row.run
    said = [t for a, b in zip(run.states, run.states[1:], strict=False) for t in told_changes(case, a, b)]

    assert "the page has no folio" in said and "the page is folio D" not in said


def test_reclaimed_orphan_takes_the_new_folios_slot():
    """Without its own reference a forked folio's reclaim empties the new one's slot, and a reader brings the old bytes.

    The write that forked has not returned by then, and fails on the list of forked folios: a BUG before a loss.
    """
    case = small(
        """
        writer                  | kswapd                  | reader                 | kernel
        dirty: write p0:0       | reclaim p0 after closed | load p0:0 after closed | closed: transition after dirty
        write p0:0 after closed |                         |                        |
        """,
        ("reader:absent",),
        judges=("I1", "I5"),
    )
    found = check(case, "tux3_coherent", off="own")

    assert check(case, "tux3_coherent").only.verdict == "HOLDS"
    assert [r.verdict for r in found.only.rows] == ["HOLDS", "VIOLATED"]
    lost = [s for s in states(found) if s["folio[writer]"] == 2 and s["slot[0]"] == 0 and s["cell[0,0]"] == 1]
    assert any(s["private[1]"] and s["pc[writer]"] and not s["forked[0]"] for s in lost)


def test_listed_orphan_is_kept_by_its_buffers():
    """Once it is listed, the count on its buffers keeps a forked folio from reclaim, own reference or not."""
    case = find("reclaim+orphan")
    run = answer("reclaim+orphan", "no_own_reference").row("I5").run

    assert rules_of(run)[-1] == "fork_lists_freed" and "fork_lists" not in rules_of(run)
    assert never(
        case, "no_own_reference", lambda s: every([s.line["kswapd"] == 1, s.orphan[0] == 1, s.private[0] == 0])
    )


# ---- truncation -------------------------------------------------------------------------------------------------
def test_fork_without_a_clone():
    """The old folio goes to its delta, and a refill finds the hole, before and after that delta is on disk."""
    found = judged("truncate", "tux3")
    hole = next(op.version[0] for op in find("truncate").world.ops if op.kind == "truncate")
    back = [s for s in states(found) if s["line[cutter]"] == 1 and s["slot[0]"] < 3]

    assert {"truncate_forks", "refills"} <= fired(found) and "truncate_deletes" in fired(found)
    assert {s[f"cell[{s['slot[0]']},0]"] for s in back} == {hole}
    assert {s["committed"] for s in back} == {0, 1}
    assert {s["disk[0]"] for s in states(found) if s["committed"] == 1} == {1}


def test_orphan_comes_back_after_truncation():
    """The stale PTE leads to a folio that truncation forked; the file has grown again by then."""
    run = answer("truncate+read_fault", "tux3").row("I1").run

    assert rules_of(run)[-1] == "read_fault_maps" and {"truncate_forks", "truncate_returns"} <= set(rules_of(run))


def test_a_hole_is_filled_from_the_disk_where_no_lock_keeps_that_out():
    """The page is gone, its data not written and the hole not recorded: the refill finds what was there before both."""
    names = rules_of(answer("punch", "no_truncate_lock").row("I1").run)
    assert names[-2:] == ["truncate_forks", "refills"]
    assert "refills" in fired(judged("punch", "stable_pages"))


def test_write_fault_asserts_a_page():
    """page_mkwrite's retry finds no page; with a second look it gives up and faults again."""
    assert rules_of(answer("truncate+write_fault", "tux3").row("I5").run)[-1] == "fault_finds_no_page"
    assert "fault_gives_up" in fired(judged("truncate+write_fault", "tux3_coherent"))
    assert rules_of(answer("truncate+write_fault", "no_truncate_lock").row("I5").run)[-1] == "truncate_meets_forked"


REGROWN = """
    app                 | device            | cutter                        | writer             | kernel
    w: store p0:0       | device_write p0:1 | c: truncate p0 after e, pin   | write p0:0 after c | e: transition after w
    pin: mr_register p0 |                   |                               |                    |
"""


def test_truncation_ends_the_bond(monkeypatch):
    """If the bond of pin and file did not end there, the page that has grown again would be missed by its pin."""
    facts = dict(columns=REGROWN, mappings=("app",), judges=("I1", "I2", "I7", "I8"))
    found = check(small(**facts), "stable_pages")
    assert found.only.verdict == "HOLDS" and any(s["unbound[app]"] for s in states(found))
    assert check(small(**facts), "tux3").only.verdict == "HOLDS"

    monkeypatch.setattr(truncate, "bonds_end", lambda s: None)
    assert check(small(**facts), "stable_pages").only.row("I2").verdict == "VIOLATED"


def test_who_is_told_and_who_is_waited_for():
    """A region's holder lets go when it is told; a direct read is short, so that truncation waits for its end."""
    told = judged("truncate+discarded", "bond_tell")
    assert "truncate_tells" in fired(told) and "device_read_post" in fired(told)
    short = check(
        small("app | cutter\ndio_read p0:1 | truncate p0", ("app",), deltas=0, judges=("I2t", "I7")), "bond_tell"
    )
    assert short.only.verdict == "HOLDS" and {"truncate_meets_holder", "truncate_finds_no_holder"} <= fired(short)
    assert "truncate_tells" not in fired(short)


def test_a_refused_truncation_leaves_everything_as_it_was():
    """The page stays in its slot, and nothing of the truncation is seen afterwards."""
    found = judged("truncate+discarded", "bond_refuse")
    hole = next(op.version[0] for op in found.case.world.ops if op.kind == "truncate")
    after = [s for s in states(found) if s["line[guest]"] > 0]
    assert after and all(s["slot[0]"] == 0 and s["cell[0,0]"] != hole for s in after)
    assert all(not s["cand[0]"] >> hole & 1 for s in after)


def test_reclaim_without_the_account_leaves_the_page_to_its_holder():
    found = judged("reclaim+held", "no_reclaim_accounting")
    assert "reclaim_drops_held" in fired(found) and "reclaim_drops_held" not in fired(judged("reclaim+held", "tux3"))


def test_deregistration_after_truncation():
    """The dirty call is a BUG on a forked folio, and nothing at all on a deleted one."""
    run = answer("truncate+pinned", "tux3").row("I5").run

    assert [str(v) for v in run.steps[-1].args.values()][-1] == "bug_forked"
    outcomes = {
        s.args["outcome"]
        for k, s in enumerate(find("truncate+pinned").system.steps)
        if s.rule.name == "mr_reports_dirty" and judged("truncate+pinned", "stable_pages").run.fired.get(k)
    }
    assert outcomes == {"gone"}


def test_clean_clone_is_reclaimed():
    """What truncation left clean is reclaimed, and comes back with what the disk had before."""
    names = rules_of(answer("truncate+tail", "no_clone_dirty").row("I1").run)

    assert names.index("tail_returns") < names.index("reclaim_frees") < names.index("refills")


# ---- a device that wants stable pages ----------------------------------------------------------------------------
def test_write_never_forks_under_writeback():
    """On such a device write(2) has waited for the write-out before it can fork; elsewhere it forks meanwhile."""
    case = find("stable_device")
    other = small(case.columns, case.mappings, judges=case.judges)

    def forks_meanwhile(s):
        f = s.folio["writer"]
        return every([s.pc["writer"] == "copy", s.writeback[f] == 1, s.bio_stage != "none"])

    assert never(case, "tux3", lambda s: every([s.pc["writer"] == "write_protect", s.bio_stage == "submitted"]))
    assert not never(other, "tux3", lambda s: every([s.pc["writer"] == "write_protect", s.bio_stage == "submitted"]))
    assert not never(other, "tux3", forks_meanwhile)


def test_stable_is_not_the_cut():
    """Writing in place is stable there and still gets into the wrong delta."""
    case = find("stable_device")
    here, there = (check(c, "in_place").only for c in (case, small(case.columns, judges=case.judges)))

    assert (here.row("I3").verdict, here.row("I6").verdict) == ("HOLDS", "VIOLATED")
    assert (there.row("I3").verdict, there.row("I6").verdict) == ("VIOLATED", "VIOLATED")


# ---- crash ------------------------------------------------------------------------------------------------------
def test_crash_strikes_anywhere():
    """It can come at every place of writer and flusher; what is found is one image or the other, whole."""
    found = judged("crash", "tux3")
    names = found.case.world.fields["pc"].names
    before = [s for s in states(found) if s["line[power]"] == 0]
    after = [s for s in states(found) if s["line[power]"] == 1]
    strikes = {k for k, s in enumerate(found.case.system.steps) if s.rule.name == "crash"}
    struck = {source for source, step, _, _ in found.run.graph.edges if step in strikes}

    assert len(struck) == len(before)
    assert {names[s["pc[flusher]"]] for s in before} >= {"idle", "flush_lock", "writeback", "fetch", "commit", "poll"}
    assert {(s["disk[0]"], s["disk[1]"]) for s in after} == {(0, 0), (1, 1)}
    assert all(s["pc[writer]"] == 0 and s["line[writer]"] == 2 for s in after)


def test_superblock_ahead_of_its_data():
    """A superblock written early leads to cells of two images."""
    found = judged("crash", "no_superblock_order")
    after = {(s["disk[0]"], s["disk[1]"]) for s in states(found) if s["line[power]"] == 1}

    assert (1, 0) in after and "superblock_gets_ahead" in rules_of(found.only.row("I6").run)


# ---- eviction ---------------------------------------------------------------------------------------------------
def test_forced_free_leaves_the_folio_to_its_holder():
    """The forked folio loses its mapping under the holder, and goes when the holder lets go."""
    found = judged("evict", "tux3")
    held = [s for s in states(found) if s["hold[app]"] and s[f"detached[{s['hold[app]'] - 1}]"]]

    assert {"evict_frees_forked", "evict_drops", "last_reference_put"} <= fired(found)
    assert held and all(not s[f"forked[{s['hold[app]'] - 1}]"] for s in held)


# ---- reuse ------------------------------------------------------------------------------------------------------
def test_reused_folio_looks_right_through_a_stale_entry():
    """The old TLB entry leads to the current folio again, by accident: that it was freed is not forgotten."""
    again = [s for s in states(judged("reuse", "tux3")) if s["tlb_freed[app]"] and s["tlb[app]"] == s["slot[0]"] + 1]

    assert again
    assert never(find("reuse"), "tux3_coherent", lambda s: s.tlb_freed["app"] == 1)


def test_reused_folio_is_caught_in_a_secondary_mmu():
    """The same for a translation kept by notifier."""
    found = judged("rdma+odp", "tux3")

    assert any(v for s in states(found) for label, v in s.items() if label.startswith("spte_freed"))


# ---- the order of the flags --------------------------------------------------------------------------------------
def test_only_a_look_without_the_lock_sees_the_flags_in_between():
    """No policy whose pins do not ask need_fork can tell the order of the two flags."""
    for name in ("ordinary", "reclaim", "reclaim+orphan", "truncate", "evict"):
        right, wrong = answer(name, "tux3"), answer(name, "tux3", off="flag_order")
        assert [(r.property, r.verdict) for r in right.rows] == [(r.property, r.verdict) for r in wrong.rows], name
    run = answer("flag_order", "no_flag_order").row("I2").run
    assert "flush_clears_dirty_first" in rules_of(run)
