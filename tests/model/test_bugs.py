"""Public bugs: each is VIOLATED under the policy that had it, or the word that the model lacks is named."""

import pytest

from tux3nb.catalogue import catalogue
from tux3nb.model.features import NAMED
from tux3nb.show.outside import NONE, bugs, model_says

BUGS = bugs()
SAID = [b for b in BUGS if b.case != NONE]


def test_every_bug_has_a_case_or_names_what_is_missing():
    assert len({b.bug for b in BUGS}) == len(BUGS)
    for b in BUGS:
        assert (b.case == NONE) == (b.bug_policy == NONE) == (b.fix_policy == NONE), b
        assert (b.case in catalogue() and {b.bug_policy, b.fix_policy} <= set(NAMED)) or b.missing != NONE, b


def test_every_case_of_a_bug_is_in_the_table():
    assert {name for name in catalogue() if name.startswith("bug+")} <= {b.case for b in SAID}


def test_both_sides_are_written_down_in_the_case():
    """What the table says was expected by hand before it was run."""
    for b in SAID:
        assert {b.bug_policy, b.fix_policy} <= set(catalogue()[b.case].expect), b


@pytest.mark.parametrize("bug", SAID, ids=lambda b: b.bug)
def test_a_bug_is_violated_and_mended_it_is_answered_otherwise(bug):
    was, now = model_says(bug.case, bug.bug_policy), model_says(bug.case, bug.fix_policy)
    assert was.startswith("VIOLATED") and was != now
    assert now.startswith("HOLDS") or bug.bug in ("ext4-dirtied-behind", "dax-truncate"), now
