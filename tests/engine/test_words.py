"""A field tells its values: the kind of a number, none, sets, and cells with one subject together."""

import pytest

from tux3nb.engine.fields import Field, Kind, Layout, sentences
from tux3nb.engine.rule import predicate
from tux3nb.engine.runs import values
from tux3nb.engine.terms import has

from .worlds import world

LETTER = Kind("letter", "ABC".__getitem__)
VERSION = Kind("version", "v{}".format, content=True)
SET = Kind("set", "v{}".format, many=True, content=True)
ENTRY = Field("entry", (("app", "peer"),), 3, kind=LETTER, none=0, of="entry of {0}", says=("empty", "-> {value}"))
WRITE = Field("write", (("app", "peer"),), of="entry of {0}", says=("read-only", "writable"))
CELL = Field("cell", (range(3), (0, 1)), 3, kind=VERSION, of="cell {1} of {0}", says="is {value}", by=(LETTER,))
MAY = Field("may", ((0, 1),), 7, kind=SET, ghost=True, of="cell {0}", says="should be {value}")
QUIET = Field("quiet", (), 3, says="")
PLAIN = Field("plain", (), 3)
STAGE = Field("stage", (), 2, ("none", "begun", "done"), of="it", says=("", "has come to: {value}"))


@pytest.mark.parametrize(
    ("field", "flat", "value", "said"),
    [
        (ENTRY, 0, 0, "entry of app empty"),
        (ENTRY, 1, 2, "entry of peer -> B"),
        (CELL, 3, 2, "cell 1 of B is v2"),
        (MAY, 1, 5, "cell 1 should be v0 or v2"),
        (MAY, 0, 0, "cell 0 should be none"),
        (PLAIN, 0, 3, "plain is 3"),
        (STAGE, 0, 2, "it has come to: done"),
    ],
)
def test_a_value_in_words(field, flat, value, said):
    """Subject and what is said of it, the index and the value each told by its kind."""
    assert sentences([(field, flat, value)]) == [said]


def test_what_has_one_subject_is_told_together():
    """In the order in which the subjects come; a field with no words for a value is not told."""
    told = [(ENTRY, 0, 2), (ENTRY, 1, 0), (WRITE, 0, 1), (QUIET, 0, 2), (STAGE, 0, 0)]
    assert sentences(told) == ["entry of app -> B, writable", "entry of peer empty"]


def test_a_reason_tells_contents_and_how_they_are_found():
    """The fields of an index come with what is found by it, ghosts last; what is not compared is not told."""
    fields = (MAY, ENTRY, WRITE, CELL, PLAIN)
    clause = predicate(lambda s: has(s.may[1], s.cell[s.entry["app"], 1]) | (s.plain == 1), world(*fields))
    layout = Layout(list(fields))
    state = layout.pack({"may[1]": 1, "entry[app]": 2, "cell[1,1]": 2})
    assert values(clause, layout, state) == ["entry of app -> B", "cell 1 of B is v2", "cell 1 should be v0"]
