"""Direct I/O and registered buffers: what is expected of every named policy, and how the violations come about."""

from dataclasses import replace

import pytest

from tests.model.answers import answer, judged, rules_of
from tux3nb.answers.judge import judge
from tux3nb.cases.case import named
from tux3nb.catalogue import find
from tux3nb.engine.explore import explore
from tux3nb.engine.system import Property, build
from tux3nb.model.features import FEATURES
from tux3nb.model.properties import PROPERTIES, halted, settled
from tux3nb.model.rules import all_rules


def outcomes(found, rule):
    """The outcomes of a dirty call that some run passes."""
    steps = found.case.system.steps
    return {s.args["outcome"] for k, s in enumerate(steps) if s.rule.name == rule and found.run.fired.get(k)}


def test_bug_without_a_fork():
    """The dirty call fails because the flusher cleaned the folio; no fork is on the way to it."""
    row = answer("aio+flush", "tux3").row("I5")

    assert row.run.steps[-1].args["outcome"] == "bug"
    assert "flush_clears_dirty" in rules_of(row.run)
    assert not any(name.startswith("fork_") for name in rules_of(row.run))


def test_dirty_calls_find_the_folio_dirty_or_fail():
    """On Tux3's operations both dirty calls can meet a clean folio; a folio kept dirty while pinned is never met so."""
    tux3, reverse = judged("aio+flush", "tux3"), judged("aio+flush", "reverse_fork")

    assert outcomes(tux3, "dio_reports_dirty_early") == {"dirty", "bug"}
    assert outcomes(tux3, "dio_reports_dirty_late") == {"bug"}
    assert outcomes(reverse, "dio_reports_dirty_early") == {"dirty"}
    assert outcomes(reverse, "dio_reports_dirty_late") == set()


def test_dirty_calls_on_forked_folios():
    """After a fork the submission's call can warn, or fail on a clean folio.

    The work item may find that a writer has made the folio dirty again, but never a dirty forked one.
    """
    tux3 = judged("aio+fork", "tux3")

    assert outcomes(tux3, "dio_reports_dirty_early") == {"dirty", "bug", "warn", "bug_forked"}
    assert outcomes(tux3, "dio_reports_dirty_late") == {"dirty", "bug", "bug_forked"}


def test_plain_reference_needs_the_queue():
    """Without a pin nothing keeps the folio dirty, so the work item's call is queued where the policy has that."""
    assert outcomes(judged("aio+flush+get", "perfect"), "dio_reports_dirty_late") == {"queue"}
    assert answer("aio+flush+get", "perfect", dirty_clean="bug").verdict == "VIOLATED"
    assert answer("aio+flush+get", "tux3", dirty_clean="queue").verdict == "HOLDS"


@pytest.mark.parametrize("name", ["aio+fork", "aio+fork+get"])
def test_loss_ends_with_reaping_or_swap(name):
    """Data go to the folio that was copied from; the loss is there once they are reaped and the slot is swapped."""
    row = answer(name, "tux3").row("I2")
    names = rules_of(row.run)

    assert names[-1] in ("dio_read_reaps", "fork_swaps_slot")
    assert names.index("fork_copies_rest") < names.index("dio_read_dma")


def test_count_is_tested_too_early():
    """Van Riel's rule lets the fork begin before the walk takes its reference, which nobody looks for any more."""
    names = rules_of(answer("aio+fork", "rik_wait").row("I2").run)

    assert names.index("fork_begins") < names.index("gup_slow_takes") < names.index("clone_prepared")


@pytest.mark.parametrize("value", ["drop", "forward_page", "forward_range"])
def test_forwarding_does_not_repair_direct_io(value):
    """The completion tests PG_dirty only, which a forked folio may still have: then there is no call to forward."""
    row = answer("aio+fork", "tux3", dirty_forked=value, dirty_clean="queue").row("I2")
    names = rules_of(row.run)

    assert row.verdict == "VIOLATED"
    assert "dio_completes" in names and "dio_reports_dirty_late" not in names


@pytest.mark.parametrize(
    ("value", "call"), [("forward_page", "dio_reports_dirty_early"), ("forward_range", "dio_reports_dirty_late")]
)
def test_forwarding_overwrites_newer_bytes(value, call):
    """A page copied forward at submission replaces a newer write(2) of the same bytes; so does a range, once reaped."""
    columns = find("aio+fork").columns.replace("write p0:0", "write p0:1")
    case = replace(find("aio+fork"), columns=columns, judges=("I1",), expect={})
    policy = FEATURES.policy(named("tux3"), dirty_forked=value, dirty_clean="queue")
    run = judge(case, case.one(policy)).only.row("I1").run

    assert [s.rule.name for s in run.steps if s.args.get("outcome") == value] == [call]
    assert ("dio_read_reaps" in rules_of(run)) == (value == "forward_range")


@pytest.mark.parametrize(("policy", "torn"), [("tux3", True), ("reverse_fork", False), ("stable_pages", False)])
def test_half_of_a_read(policy, torn):
    """After a fork between its two cells, a reaped read can have left one in the page cache and lost the other."""
    case = find("aio+tear")
    (op,) = case.world.of("dio_read")

    def no_half(s):
        here = s.slot[0]
        half = (s.cell[here, 0] == op.version[0]) & (s.cell[here, 1] == 0)
        return ~((s.line[op.task] > op.line) & half)

    tear = Property("tear", "no half", "A reaped read is there as a whole.", "holder_op", (("half", no_half),))
    system = build(case.world, all_rules(), FEATURES, (*PROPERTIES, tear), None, halted, settled)
    run = explore(system, case.one(named(policy)))

    assert bool(run.first(1, "tear")) == torn


def test_device_stores_while_the_disk_reads():
    """It is the device's store that changes what a submitted bio reads; only a copy made before keeps it still."""
    assert rules_of(answer("aio+writeout", "stable_pages").row("I3").run)[-1] == "dio_read_dma"
    assert answer("aio+writeout", "stable_pages", bounce="pinned").verdict == "HOLDS"
    assert answer("aio+writeout", "reverse_fork", bounce="no").verdict == "VIOLATED"


@pytest.mark.parametrize("redirty", ["no", "yes"])
def test_forking_first_is_not_enough(redirty):
    """A pin that was taken after any fork that was due is split off by the next delta's fork."""
    names = rules_of(answer("aio+long", "tux3", pinfork="slow_fast", redirty=redirty).row("I2").run)
    after_pin = names[names.index("gup_slow_takes") :]

    assert after_pin.index("transition") < after_pin.index("fork_copies") < after_pin.index("dio_read_reaps")


def test_reaped_before_the_dirty_call():
    """The delta closes between io_getevents and the work item, which has not run when it commits."""
    names = rules_of(answer("aio+late", "stable_pages").row("I4b").run)

    assert names[-1] == "commits"
    assert names.index("dio_completes_clean") < names.index("dio_read_reaps")
    assert "dio_reports_dirty_late" not in names


def test_queueing_the_late_call_is_too_late():
    """A dirty call that is queued instead of failing still comes after the delta; dirty while pinned does not."""
    assert answer("aio+late", "stable_pages", dirty_clean="queue").verdict == "VIOLATED"
    assert answer("aio+late", "stable_pages", redirty="yes").verdict == "HOLDS"
    assert answer("aio+late", "reverse_fork", redirty="no").verdict == "VIOLATED"


def test_bounced_for_a_pin_stays_dirty():
    """A read that ends after its folio was bounced and before it is cleaned leaves it dirty, for the next delta."""
    found = judged("aio+durable", "reverse_fork")

    assert {"completed_dirty", "bounced", "promise_committed"} <= {k for k, v in found.run.reached.items() if v}
    assert found.only.verdict == "HOLDS"


def test_reader_pinned_under_write_out():
    """A read-only pin taken under write-out leaves a reverse fork nothing to do but wait."""
    row = answer("aio+write", "reverse_fork", busy="in_place").row("I3")

    assert answer("aio+write", "reverse_fork", busy="wait").verdict == "HOLDS"
    assert row.verdict == "VIOLATED" and rules_of(row.run)[-1] == "write_copies_user_data"


def test_old_bytes_through_a_read_only_mapping():
    """The write(2) has returned before the I/O begins; its PTE still maps the forked folio."""
    names = rules_of(answer("aio+write+readonly", "tux3").row("I2").run)

    assert names[-1] == "dio_write_dma"
    assert len(names) - names[::-1].index("write_returns") <= names.index("dio_begins")
    assert answer("aio+write+readonly", "tux3", redirect="mayshare").verdict == "HOLDS"
    assert answer("aio+write+readonly", "reverse_fork", redirect="all").verdict == "HOLDS"


def test_registered_buffer_is_never_reported():
    """No dirty call is ever made for a registered buffer, and its refusal leaves nothing to judge."""
    found = judged("aio+registered", "tux3")
    names = {s.rule.name for k, s in enumerate(found.case.system.steps) if found.run.fired.get(k)}

    assert {"buffer_unregisters", "device_write_reap"} <= names
    assert not any("reports_dirty" in name for name in names)
    assert found.run.reached.get("reaped_committed")
    assert str(answer("aio+registered", "no_longterm").row("I4b")) == "HOLDS(refused)"
