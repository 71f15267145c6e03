"""How the census turns events into deltas and tells a holder from the kernel's own bookkeeping."""

from tux3nb.witness.experiments.census import count_deltas, held_pages
from tux3nb.witness.low.dirtylog import DIRTIED, WAITED, Event


def _event(time, page, *, writeback=False, holders=1, large=False, kind=DIRTIED):
    return Event(time, kind, page, writeback, large, 1, holders, 100)


def test_deltas_run_from_flush_to_flush():
    events = [
        _event(5, 9),  # before the first flush
        _event(10, 1),
        _event(12, 2),
        _event(13, 1),
        _event(20, 1, writeback=True),
        _event(21, 3),
        _event(30, 3),
        _event(31, 8, kind=WAITED),
        _event(40, 7),  # after the last one
    ]
    assert count_deltas(events, [10, 20, 30, 40]) == {
        "pages": [2, 2],
        "again_next": [1, 1],
        "under_writeback": [0, 1],
    }


def test_passing_references_are_no_holders():
    assert held_pages([_event(1, 4, holders=3), _event(2, 4), _event(3, 4, holders=2)]) == set()


def test_a_reference_at_every_dirtying_is_a_holder():
    assert held_pages([_event(time, 4, holders=2) for time in range(3)]) == {4}
    assert held_pages([_event(time, 4, holders=2) for time in range(2)]) == set()
    assert held_pages([_event(time, 4, holders=2, writeback=True) for time in range(9)]) == set()


def test_more_references_than_the_kernel_has_are_a_holder_at_once():
    assert held_pages([_event(1, 4, holders=4)]) == {4}
    assert held_pages([_event(1, 4, holders=1025, writeback=True)]) == {4}


def test_large_folios_are_left_out():
    assert held_pages([_event(1, 4, holders=99, large=True)]) == set()
