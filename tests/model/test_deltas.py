"""Deltas as cuts: what a commit leaves on disk is of one instant, and no policy waits for what never comes."""

from tests.model.answers import check, fired, small

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
        app                   | kernel
        dirty: store p0       | closed: transition after dirty
        store p0 after closed |
    """
    case = small(columns, ("app",), judges=("I6", "I7"))
    found = check(case, "protected")
    assert found.only.told == "HOLDS"
    assert {"sweep_protects_pte", "section_meets_barrier"} <= fired(found)
