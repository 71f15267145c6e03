"""Every feature has a case whose verdict turns when that feature alone is flipped."""

import pytest

from tests.model.answers import answer
from tux3nb.answers.judge import HOLDS, VIOLATED
from tux3nb.catalogue import catalogue
from tux3nb.model.features import FEATURES
from tux3nb.show.tables import features

# feature -> case, named policy, what else is changed in it, the value that is VIOLATED, the value that HOLDS
TURNS = {
    "fork": ("aio+index", "reverse_fork", {}, "unless_pinned_sync", "unless_registered"),
    "refuse": ("ordinary+own_reference", "stable_pages", {}, "in_place", "wait_writeback"),
    "busy": ("rdma+readonly", "reverse_fork", {}, "in_place", "wait"),
    "stable_stores": ("ordinary+stable_store", "tux3", {}, "yes", "no"),
    "bounce": ("aio+writeout", "reverse_fork_busy", {}, "no", "pinned"),
    "redirect": ("ordinary+readonly", "tux3", {}, "shared", "mayshare"),
    "redirect_orig": ("ordinary+accessed_bit", "tux3", {}, "no", "yes"),
    "flush_orig": ("ordinary+sibling", "tux3", {}, "no", "yes"),
    "notify_orig": ("rdma+odp", "tux3", {}, "no", "yes"),
    "recheck": ("ordinary+read_fault", "redirect_all", {}, "no", "yes"),
    "optout": ("ptrace+peek", "cowardly", {}, "executable", "mapped"),
    "optout_atomic": ("mmap+race", "cowardly_ever", {}, "no", "yes"),
    "bond": ("truncate+discarded", "tux3", {}, "ends", "tell"),
    "evict_dirty": ("evict", "perfect", {}, "assert", "drop"),
    "lend": ("aio+checksum", "tux3", {}, "share", "bounce"),
    "pinfork": ("rdma+pin_through_writable_pte", "tux3", {}, "slow", "slow_fast"),
    "pinfork_for": ("rdma+readonly", "reverse_fork_busy", {"pinfork": "slow_fast"}, "write", "all"),
    "redirty": ("aio+flush", "reverse_fork", {}, "no", "yes"),
    "longterm": ("rdma+deregister_clean", "tux3", {}, "allowed", "refused"),
    "unshare": ("mmap+private_region_readonly", "tux3", {}, "no", "yes"),
    "retranslate": ("ptrace+locked", "tux3", {}, "locked", "locked_stable"),
    "dirty_clean": ("aio+flush", "tux3", {}, "bug", "queue"),
    "dirty_forked": ("rdma+dirty_call_forwarded", "queued", {}, "forward_page", "forward_range"),
    "enomem": ("ordinary+no_memory", "tux3", {}, "oops", "refuse"),
    "warn_forked": ("ordinary+forked_meanwhile", "tux3", {}, "warn_write", "silent"),
    "protect": ("ordinary+two_pages", "tux3", {}, "sweep", "barrier"),
    "quiesce": ("rdma+order", "perfect_index", {}, "no", "pause"),
    "migrate_recheck": ("migration+orphan", "no_own_reference", {}, "no", "yes"),
    "off": ("migration", "tux3", {}, "accounting", "nothing"),
}


def test_every_feature_is_here():
    """None is left out: re-inserting breakpoints, which nothing can turn on, is no feature (a notebook shows it)."""
    assert set(TURNS) == {f.id for f in FEATURES}


def test_every_value_has_an_owner_that_is_told():
    """Who must build a policy is said value by value: the registry is not the file system's."""
    assert FEATURES["fork"].owner_of("unless_registered") == ("core mm", "holder")
    assert FEATURES["fork"].owner_of("never") == FEATURES["bounce"].owner_of("all") == ("file system",)
    assert "core mm" in FEATURES["redirect"].owner_of("all") and "core mm" in FEATURES["optout_atomic"].owner_of("yes")
    assert features()["owner"]["bond"].splitlines()[0] == "ends: core mm"


def test_no_feature_is_read_by_no_rule():
    read = {fid for case in catalogue().values() for fid in case.features_read}
    assert read == {f.id for f in FEATURES}


@pytest.mark.slow
@pytest.mark.parametrize("feature", TURNS)
def test_the_verdict_turns_with_this_feature_alone(feature):
    name, policy, more, bad, good = TURNS[feature]
    assert answer(name, policy, **more | {feature: bad}).verdict == VIOLATED
    assert answer(name, policy, **more | {feature: good}).verdict.startswith(HOLDS)
