"""The layout: every field in one word, no overlap, values there and back."""

import pytest

from tux3nb.catalogue import catalogue
from tux3nb.engine.fields import Field, Layout
from tux3nb.errors import ModelError

WIDE, SETS = Field("wide", ((0, 1, 2),), 1 << 19), Field("sets", (range(5),), 255)
FIELDS = [WIDE, Field("one"), Field("pc", (("a", "b"),), 40), SETS]


@pytest.mark.parametrize("seed", range(20))
def test_random_states_survive_packing(seed):
    """No two cells share a bit, none straddles two words, and random values come back as they were."""
    Layout(FIELDS).check(seed)


def test_the_layouts_of_the_cases_are_sound():
    """The same holds for the fields of the shipped cases, one of each family."""
    for case in {case.family: case for case in catalogue().values()}.values():
        Layout(list(case.world.fields.values())).check(seed=1)


@pytest.mark.parametrize(("base", "word"), [(8, "overlaps"), (61, "straddles")])
def test_check_finds_an_overlap_and_a_straddle(base, word):
    """The check can fail: a field moved onto another, or over the end of its word, is found."""
    layout = Layout([Field("a", (), 15), Field("b", (), 15)])
    layout.fields["b"].base = base

    with pytest.raises(AssertionError, match=word):
        layout.check()


def test_a_value_out_of_range_is_named():
    """Packing names the cell, the value and the range."""
    with pytest.raises(ModelError, match=r"pc\[b\] = 41 is outside its range 0\.\.40"):
        Layout(FIELDS).pack({"pc[b]": 41})
    with pytest.raises(ModelError, match="no such field: pcc"):
        Layout(FIELDS).pack({"pcc": 1})


def test_a_field_must_fit_a_word_and_have_a_name_of_its_own():
    """A field wider than a word and a name used twice are errors."""
    with pytest.raises(ModelError, match="field big needs 65 bits"):
        Layout([Field("big", (range(65),))])
    with pytest.raises(ModelError, match="same name"):
        Layout([Field("a"), Field("a")])


def test_words_and_changes():
    """A packed state is its words side by side, and two states differ where their cells do."""
    layout = Layout(FIELDS)
    a, b = layout.pack({"pc[a]": 3}), layout.pack({"pc[a]": 4, "sets[2]": 9})

    assert layout.words > 1 and layout.from_words(layout.to_words(b)) == b
    assert layout.changed(a, b) == {"pc[a]": (3, 4), "sets[2]": (0, 9)}
