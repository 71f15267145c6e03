"""The laws hold in every case, under every policy that is expected to hold; and a rule that breaks one is found."""

import pytest

from tools.mutants import LAW, baseline, try_on
from tux3nb.catalogue import catalogue
from tux3nb.model.features import FEATURES
from tux3nb.model.laws import LAWS, MECHANISMS
from tux3nb.model.rules import all_rules

CASES = catalogue()
RULES = {r.name: r for r in all_rules()}
QUICK = """
ordinary+own_reference ptrace+locked stable_device crash uprobes+read_fault evict+direct_read vmsplice+endless_write_out
""".split()
LATELY = "whether a mapped folio was used lately is not modelled: the scan may keep it, or unmap it"
WAITS = "what lies beyond the end of the file is faulted for again and again, as long as the truncation takes"
BROKEN = {  # case -> law -> policies, of those expected to hold, and why
    "migration+orphan": (
        "free_is_clean is broken",
        {"no_own_recheck"},
        "a write(2) still has the forked folio that is moved",
    ),
    "truncate+read_fault": (
        "goes_on_alone is broken by reader",
        {"tux3_coherent", "stable_pages", "cowardly"},
        WAITS,
    ),
    "bug+ext4_dirtied_behind": (
        "has_one_way_on is broken by reclaim_keeps and reclaim_unmaps",
        {"btrfs_csum", "copy_for_disk", "queued"},
        LATELY,
    ),
    "reclaim+held": (
        "has_one_way_on is broken by reclaim_keeps and reclaim_unmaps",
        {"stable_pages", "tux3"},
        LATELY,
    ),
    "rdma+dirty_call_forwarded": (
        "leaves_locked_alone is broken",
        {"forward_range"},
        "what is forwarded dirties the folio in the slot, whose lock is not taken",
    ),
}


def broken(case):
    """law -> the policies that are expected to hold and under which the law is broken."""
    found = {name: said.laws for name, said in baseline(case.name).said.items() if said.told.startswith("HOLDS")}
    return {law: {name for name, laws in found.items() if law in laws} for law in set().union(*found.values())}


def expected(case):
    law, policies, _ = BROKEN.get(case.name, ("", set(), ""))
    return {law: policies} if law else {}


@pytest.mark.parametrize("name", QUICK)
def test_small_cases_keep_every_law(name):
    assert broken(CASES[name]) == {}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES.values(), ids=lambda c: c.name)
def test_every_case_keeps_every_law(case):
    assert broken(case) == expected(case)


def test_laws_are_named_and_sourced_and_ask_something():
    assert len({law.name for law in LAWS}) == len(LAWS)
    for law in LAWS:
        assert law.sentence.endswith(".") and law.source


def test_mechanisms_name_features_and_values():
    for event, has in MECHANISMS.items():
        for feature, values in has.items():
            assert values and set(values) < set(FEATURES[feature].values), event


@pytest.mark.parametrize(
    ("name", "rule", "text", "law"),
    [
        ("ordinary+read_fault", "read_fault_locks", "s.locked[f] == 0", "locks_unlocked"),
        ("aio+flush", "dio_begins", "may_start(s, op)", "stays_in_line"),
        ("ordinary+controls", "begins_section", "s.section[t] == NONE", "nests_no_section"),
        ("rdma+plain_reference", "looks_up", "s.frozen[s.slot[op.page]] == 0", "frozen_is_alone"),
    ],
)
def test_a_rule_that_breaks_a_law_is_found(name, rule, text, law):
    told = try_on(baseline(name), RULES[rule], text)
    assert told.outcome == LAW and f"{law} is broken" in told.detail
