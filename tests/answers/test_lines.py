"""Lines that never begin are found, and a refusal explains those that wait for what was refused."""

from tests.model.answers import check, judged, small
from tux3nb.answers.judge import REFUSING_EVENTS, judge
from tux3nb.answers.lines import left_out, never_begin, told
from tux3nb.catalogue import find


def lines_of(found):
    """(lines that never begin, those of them that no refusal explains) of an exploration of one policy."""
    never = never_begin(found.case, found.run)
    left = left_out(found.case, found.run, REFUSING_EVENTS)
    return [told(op) for op, policies in never.items() if policies], [told(op) for op in left]


def test_a_store_after_munmap_never_begins_nor_what_waits_for_it():
    found = check(small("app | kernel\nmunmap | transition after gone\ngone: store p0:0 |", ("app",)), "tux3")
    assert lines_of(found) == (["app: store p0:0", "kernel: transition"],) * 2


def test_every_line_of_a_shipped_case_begins():
    assert lines_of(judged("rdma", "tux3")) == ([], [])


def test_a_line_that_another_thread_prepares_has_not_begun():
    """The TLB of the second thread is filled before its store may come; that alone is no beginning."""
    columns = "app | kernel\nload p0:0 | sibling_load app p0:0 after never\nmunmap |\nnever: load p0:0 |"
    found = check(small(columns, ("app:sibling",)), "tux3")
    assert any(found.case.system.steps[k].rule.name == "sibling_fills_tlb" for k in found.run.fired)
    assert lines_of(found)[0] == ["app: load p0:0", "kernel: sibling_load app p0:0"]


def test_a_refused_hold_explains_who_needs_it_and_who_waits_for_them():
    never, unexplained = lines_of(judged("aio+registered", "no_longterm"))
    assert "device: device_write p0:1" in never and "kernel: transition" in never and unexplained == []


def test_a_refusal_explains_nothing_else():
    """A device cannot write through a pin that was refused; the store after munmap is a mistake all the same."""
    columns = "app | device\nmr_register p0 | device_write p0:1\nmunmap |\nstore p0:0 |"
    never, unexplained = lines_of(check(small(columns, ("app",)), "no_longterm"))
    assert never == ["app: store p0:0", "device: device_write p0:1"] and unexplained == ["app: store p0:0"]


def test_a_refusal_explains_the_next_line_of_who_waits():
    columns = "app | device\nmr_register p0 | device_write p0:1\n | write p0:0"
    never, unexplained = lines_of(check(small(columns, ("app",)), "no_longterm"))
    assert never == ["device: device_write p0:1", "device: write p0:0"] and unexplained == []


def test_what_begins_under_some_policies_only_is_told_for_the_others():
    """For a whole product at once: the device writes where its region was not refused."""
    case = find("rdma")
    run = judge(case, case.product()).run
    never = {told(op): policies for op, policies in never_begin(case, run).items() if policies}
    assert set(map(str, never)) >= {"device: device_write p0:1"}
    assert all(policies == run.family.all.having("longterm", "refused", "all_refused") for policies in never.values())
    assert left_out(case, run, REFUSING_EVENTS) == {}


def test_a_line_that_never_begins_is_told_with_the_verdict():
    """What would hold is HOLDS(unreached), and the answer names the line."""
    answer = check(small("app | kernel\nmunmap | transition after gone\ngone: store p0:0 |", ("app",)), "tux3").only
    assert answer.verdict == "HOLDS(unreached)" and answer.never_begin == ["app: store p0:0", "kernel: transition"]
