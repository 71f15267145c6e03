"""Pages in a pipe: what is expected of every named policy, and what comes out of the pipe."""

import pytest

from tests.model.answers import answer, judged, rules_of
from tux3nb.cases.case import named
from tux3nb.cases.columns import operations, parse
from tux3nb.cases.place import ColumnError, Place
from tux3nb.catalogue import find
from tux3nb.engine.explore import explore
from tux3nb.engine.system import Property, build
from tux3nb.model.features import FEATURES
from tux3nb.model.properties import PROPERTIES, halted, settled
from tux3nb.model.rules import all_rules


@pytest.mark.parametrize(
    ("policy", "published"),
    [("tux3", True), ("reverse_fork", True), ("rik_wait", True), ("stable_pages", False), ("migration_rule", False)],
)
def test_old_bytes_are_published_by_forks_only(policy, published):
    """The pipe publishes bytes that a finished write(2) has replaced where the page can be forked under it.

    Van Riel's rule counts references too early: a splice that comes after the test is forked away from as well.
    """
    assert bool(judged("splice", policy).run.reached.get("old_bytes_published")) == published


def test_what_a_splice_may_not_deliver():
    """A splice after a finished write remembers what that write replaced, so its property can fail."""
    case = find("splice")
    nothing = Property(
        "none", "none", "Nothing was replaced.", "holder_op", (("some", lambda s: s.superseded_then["pipe", 0] == 0),)
    )
    system = build(case.world, all_rules(), FEATURES, (*PROPERTIES, nothing), None, halted, settled)
    run = explore(system, case.one(named("tux3")))

    assert run.first(1, "none")


def test_idle_pipe_spoils_the_cut():
    """A refusal for the sake of a pipe writes the next delta's bytes into the folio that the disk is about to read."""
    names = rules_of(answer("splice", "rik_in_place").row("I6").run)

    assert {"splice_takes", "fork_refused", "writes_in_place"} <= set(names)
    assert "pipe_read_begins" not in names


def test_writer_waits_for_a_pipe():
    """The writer that waits for the holder is stuck as soon as the pipe has the folio and nobody reads it."""
    names = rules_of(answer("splice", "rik_wait_holder").row("I7").run)

    assert {"splice_takes", "write_begins"} <= set(names) and "pipe_read_begins" not in names
    assert answer("splice", "rik_wait").row("I7").verdict == "HOLDS"


def test_lent_page_is_stale():
    """The pipe delivers the folio that it was lent, which has left the page cache."""
    row = answer("vmsplice", "tux3").row("I2")

    assert row.run.steps[-1].rule.name == "pipe_copies_lent"
    assert "fork_ends" in rules_of(row.run)


def test_pins_do_not_show_lent_pages():
    """No test for pins, however strong, sees a plain reference; nor is a fast walk for one taken for a pin."""
    for fork in ("unless_pinned", "unless_pinned_sync", "unless_pinned_unmapped"):
        found = judged("vmsplice", "reverse_fork", fork=fork)

        assert found.only.verdict == "VIOLATED"
        assert not found.run.reached.get("refused")


def test_reader_looks_again():
    """A reader that locks the folio and looks the index up again is never stale; both its ways are taken."""
    found = judged("vmsplice", "tux3", retranslate="locked")
    names = {s.rule.name for k, s in enumerate(found.case.system.steps) if found.run.fired.get(k)}

    assert {"pipe_confirms", "pipe_looks_again"} <= names and "pipe_takes_what_it_has" not in names
    assert found.only.verdict == "HOLDS"


def test_pipe_needs_a_filler():
    """Reading a pipe that nobody fills is an error that names the place."""
    here = Place("here")
    tasks, cells = parse("reader\npipe_read p0", here)
    with pytest.raises(ColumnError, match="here, line 2, column reader: pipe_read needs .* by vmsplice or splice"):
        operations(tasks, cells, [], set(), here)
