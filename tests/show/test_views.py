"""The views as values for a reader's cell: text and HTML say the same, and what they say is so."""

import pytest

from tux3nb import notebook as nb
from tux3nb.notebook import UserError


@pytest.fixture(scope="module")
def tux3():
    return nb.check("rdma", "tux3")


def test_bytes_at(tux3):
    """The bytes after a step; the two cells that differ are marked in both forms."""
    shown = nb.bytes_at(tux3, shows="I2")
    assert shown.text.count("≠") == 2 and shown.html.count("≠") == 2
    assert "v1 device ≠" in shown.text and "I2 is broken" in shown.html
    several = nb.bytes_at(tux3, ("fork_copies", -1), shows="I2")
    assert several.text.count("Step") == 2
    with pytest.raises(UserError, match="no step 'fork_copy'"):
        nb.bytes_at(tux3, "fork_copy", shows="I2")


def test_lanes(tux3):
    """One column an actor, each operation named where it begins, effects in the names of the bytes."""
    text = nb.lanes(tux3, "I2").text
    assert text.splitlines()[0].split() == ["step", "app", "device", "writer", "kernel"]
    for said in ("[store p0:0]", "A.0 = v1", "pins A", "B.1 ← A.1 (v0)", "page is B", "reports: done"):
        assert said in text
    assert nb.lanes(tux3, "I2", since="transition").text.splitlines()[1].startswith("11")


def test_compare():
    """Tux3 and the reverse fork part where the pin is seen; then the write is lost, or kept."""
    shown = nb.compare("rdma", "tux3", "reverse_fork", "I2")
    parts = next(line for line in shown.text.splitlines() if "they part here" in line)
    assert "clone prepared" in parts and "fork refused" in parts
    assert "tux3: I2 is broken: the device's write of cell 1" in shown.text
    assert "reverse_fork: I2 is kept on this schedule" in shown.text and "fork refused" in shown.html
    again = nb.compare("rdma", "reverse_fork", "tux3", "I2").text
    assert "they part here" in again and "reverse_fork: I2 is kept" in again
    with pytest.raises(UserError, match="judges no property 'I99'"):
        nb.compare("rdma", "tux3", "reverse_fork", "I99")


def test_compare_progress():
    """Where only one of the two policies can wait for ever, only that one is said to."""
    told = nb.compare("migration+fork", "migration_wait_holder", "migration_rule", "I7").text.splitlines()[-2:]
    assert told[0].startswith("migration_wait_holder: I7 is broken") and "I7 is kept" in told[1]


def test_lattice():
    """The least safe policies, and what each mechanism keeps away."""
    shown = nb.lattice("mmap+executable")
    assert "the least safe of" in shown.text and "breaks I2" in shown.text and "breaks I2" in shown.html


def test_matrix():
    """A Styler whose cells are the verdicts."""
    styler = nb.matrix("crash")
    words = nb.verdicts("crash")
    assert styler.data.to_dict() == {c: dict(words[c]) for c in words}
    assert "background" in styler.to_html()


def test_ownership(tux3):
    """The still marks what is broken, names who holds what, and says the count as a sum."""
    shown = nb.ownership(tux3, "I2")
    assert shown.svg.count("tux-cell on broken") == 2
    assert "folio A has 5 references = buffers + 2 PTE + task + pin" in shown.text
