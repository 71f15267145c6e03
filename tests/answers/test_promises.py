"""What a named policy does not promise is told as such, and makes no verdict."""

from tests.model.answers import answer, check, small
from tux3nb.model.features import FEATURES, NOT_PROMISED, named_policy, not_promised
from tux3nb.model.properties import PROPERTIES


def test_mainline_has_no_deltas():
    """A write in place is in the wrong delta: that counts for who promises deltas, and not for mainline."""
    mainline, in_place = answer("ordinary", "mainline_6_5"), answer("ordinary", "in_place")
    assert mainline.row("I6").verdict == "NOT PROMISED" and mainline.told == "VIOLATED(I3)"
    assert in_place.told == "VIOLATED(I3, I6)"


def test_a_verdict_on_nothing_is_none():
    case = small(
        """
        writer                  | kernel
        dirty: write p0:0       | closed: transition after dirty
        write p0:1 after closed |
        """,
        judges=("I6",),
    )
    assert check(case, "mainline_6_5").only.verdict == "NOT PROMISED"
    assert check(case, "in_place").only.verdict == "VIOLATED"


def test_what_is_not_promised_is_a_property_and_of_that_policy_alone():
    for name, props in NOT_PROMISED.items():
        assert set(props) <= {p.id for p in PROPERTIES} and not_promised(named_policy(name)) == props
    assert not_promised(FEATURES.policy(named_policy("mainline_6_5"), bond="wait")) == ()
