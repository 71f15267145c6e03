"""Deltas as cuts: what a commit leaves on disk is of one instant, and no policy waits for what never comes."""

from tests.model.answers import answer, check, fired, small, states

THREE = """
    app        | pipe      | writer                  | kernel
    store p0:0 | splice p0 | write p0:0 after closed | closed: transition
    store p0:0 |           |                         |
    store p0:1 |           |                         |
"""


def test_a_copy_made_under_writable_ptes_is_no_snapshot():
    """The third store of a process in the delta, the second not: each cell for itself is a value of the cut."""
    torn = small(THREE, ("app",), folios=4, judges=("I1", "I3", "I6", "I7"))
    broken = check(torn, "holder_index", off="snapshot_protect").only
    assert broken.violated == ("I6",)
    assert broken.row("I6").reason.startswith("version 1 of cell 1 is in the delta, and not what cell 0 was given")
    whole = check(torn, "holder_index")
    assert whole.only.told == "HOLDS" and "reverse_protects_pte" in fired(whole)


def test_a_cut_may_have_either_of_two_stores_that_overlap():
    """write(2) to a cell while the other one is stored to: neither comes before the other."""
    columns = "app | writer | kernel\nstore p0:1 | write p0:0 | transition"
    assert check(small(columns, ("app",), judges=("I6",)), "tux3").only.told == "HOLDS"


def test_who_waits_for_the_barrier_holds_nothing():
    """The sweep takes folio locks, as page_mkclean must, and nobody who waits for it keeps one: all can complete."""
    columns = """
        app               | writer     | kernel
        dirty: store p0:0 | write p0:1 | transition after dirty
    """
    case = small(columns, ("app",), judges=("I6", "I7"))
    found = check(case, "protected")
    assert found.only.told == "HOLDS"
    assert {"sweep_protects_pte", "section_meets_barrier"} <= fired(found)


def test_a_folio_stays_dirty_that_was_held_when_it_was_bounced():
    """Whatever is bounced: the holder may have written after the copy, and let go before the dirty bit is cleared."""
    columns = """
        app                     | kernel
        dirty: store p0:0       | transition after dirty
        dio_read p0:1           |
    """
    case = small(columns, ("app",), judges=("I5",))
    for bounce in ("pinned", "all"):
        found = check(case, "stable_bounced", bounce=bounce)
        copied = {s["bounced"] for s in states(found)}
        assert copied == ({0, 2} if bounce == "pinned" else {0, 1, 2})
        late = [s for s in states(found) if s["bounced"] == 2 and not s["hold[app]"] and s["bio_stage"] == 2]
        assert late and all(s["dirty[0]"] for s in late)


def test_mainline_waits_for_what_is_submitted_and_no_longer():
    """Kernels know no deltas: a page that is only due to be written is written in place; in flight none changes."""
    columns = """
        writer                  | kernel
        dirty: write p0:0       | closed: transition after dirty
        write p0:0 after closed |
    """
    case = small(columns, ("app",), judges=("I3", "I6", "I7"))
    assert check(case, "stable_pages", refuse="wait_submitted").only.violated == ("I6",)
    assert check(case, "stable_pages", refuse="in_place").only.violated == ("I3", "I6")


def test_compaction_skips_what_is_under_writeback():
    """It does not wait for a server that may never answer."""
    columns = """
        app                     | compaction | kernel
        dirty: store p0:0       | migrate p0 | transition after dirty
    """
    found = check(small(columns, ("app",), judges=("I5", "I7"), endless_disk=True), "tux3")
    assert found.only.told == "HOLDS" and "migrate_skips" in fired(found)


def test_a_delta_that_waits_for_writing_holders_may_wait_for_ever():
    """Waiting for a registration is no repair; holding the device's writes back until the copies are made is one."""
    waits = answer("rdma+order", "perfect_index", quiesce="wait")
    assert waits.violated == ("I7",)
    assert answer("rdma+order", "perfect_index", quiesce="pause").told == "HOLDS"
    assert answer("rdma+order", "perfect_index").violated == ("I6d",)


def test_direct_io_that_ends_is_waited_for():
    """A short holder lets go: the transition that waits for it comes."""
    columns = "app | kernel\ndio_read p0 | transition"
    found = check(small(columns, ("app",), judges=("I7",)), "tux3", quiesce="wait")
    assert found.only.told == "HOLDS" and {"transition_waits", "transition_goes_on"} <= fired(found)
