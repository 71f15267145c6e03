"""Small cases that were answered wrongly once: each says the right verdict, from kernel sources."""

from pathlib import Path

import pytest

from tux3nb.answers.matrix import matrix
from tux3nb.catalogue import from_file

FILES = sorted((Path(__file__).parent / "inputs").glob("*.py"))
SLOW = ("fault_outlives_delta", "three_stores")


def params():
    for path in FILES:
        marks = [pytest.mark.slow] if path.stem in SLOW else []
        yield pytest.param(path, id=path.stem, marks=marks)


@pytest.mark.parametrize("path", list(params()))
def test_a_small_case_is_answered_as_the_kernel_does(path):
    case = from_file(str(path))
    cells = matrix([case], list(case.expect))
    assert {c.policy: c.answer.told for c in cells if not c.as_expected} == {}
