"""data/verdicts.csv is what `tux3nb record` writes: a changed verdict, count or depth is a visible difference."""

import csv
import random

import pytest

from tux3nb.answers.matrix import differences, matrix, record
from tux3nb.catalogue import catalogue
from tux3nb.model.features import NAMED
from tux3nb.paths import data_dir

RECORD = (data_dir() / "verdicts.csv").read_text()
CASES = sorted(catalogue().values(), key=lambda c: c.name)


def recorded(names):
    """The record cut down to some cases."""
    rows = list(csv.reader(RECORD.splitlines()))
    return "\n".join([",".join(rows[0]), *(",".join(r) for r in rows[1:] if r[0] in names)]) + "\n"


def test_the_record_has_every_case_under_every_named_policy():
    rows = {(r["case"], r["policy"]) for r in csv.DictReader(RECORD.splitlines())}
    assert rows == {(c.name, p) for c in CASES for p in NAMED}


@pytest.mark.parametrize("case", random.Random(5).sample(CASES, 8), ids=lambda c: c.name)
def test_a_sample_of_the_record_comes_out_again(case):
    assert differences(recorded({case.name}), record(matrix([case]))) == []


@pytest.mark.slow
def test_the_whole_record_comes_out_again():
    assert differences(RECORD, record(matrix(CASES))) == []


def test_a_changed_verdict_is_a_difference():
    name = CASES[0].name
    old = recorded({name})
    new = old.replace("HOLDS", "VIOLATED", 1)
    assert any("verdict HOLDS -> VIOLATED" in line for line in differences(old, new))
    assert differences(old, "\n".join(old.split("\n")[:-2]) + "\n")[0].endswith("gone")
