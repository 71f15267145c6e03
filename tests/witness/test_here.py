"""Every witness that can run here does, agrees with the model, and agrees with its recording.

TUX3NB_INVASIVE=1 lets witnesses change system-wide settings for a moment. TUX3NB_REQUIRE_ROOT_WITNESSES=1 makes a
skip a failure when we are root and a recording shows that the witness works.
"""

import os
import sys

import pytest

from tux3nb.witness import Verdict, list_witnesses, run_witnesses
from tux3nb.witness.needs import has_root
from tux3nb.witness.recordings import recorded_names

_REQUIRED = os.environ.get("TUX3NB_REQUIRE_ROOT_WITNESSES") == "1"
_INVASIVE = _REQUIRED or os.environ.get("TUX3NB_INVASIVE") == "1"
_RECORDED = recorded_names()


def _marked():
    for witness in list_witnesses():
        marks = []
        if "root" in witness.needs:
            marks = [pytest.mark.root, pytest.mark.slow]
        elif witness.name.startswith("delta-scan"):
            marks = [pytest.mark.slow]
        yield pytest.param(witness, id=witness.name, marks=marks)


@pytest.mark.parametrize("witness", list(_marked()))
def test_witness(witness):
    report = run_witnesses([witness.name], invasive=_INVASIVE)[0]
    if report.verdict is Verdict.UNKNOWN and report.finished:  # a race for the page was lost: once more
        report = run_witnesses([witness.name], invasive=_INVASIVE)[0]
    if report.verdict is Verdict.SKIPPED or (report.verdict is Verdict.UNKNOWN and report.finished):
        if _REQUIRED and has_root() and witness.name in _RECORDED:
            pytest.fail(f"{witness.name} was recorded as root but is skipped here: {report.reason}")
        pytest.skip(f"{witness.name}: {report.reason}")
    assert report.verdict is Verdict.AGREES, report.reason
    assert report.recorded is not False, f"recorded other facts than {report.observed}"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="not Linux")
def test_a_real_witness_differs_when_its_prediction_is_falsified(tmp_path):
    import dataclasses

    from tux3nb.witness.sandbox import choose_scratch, run_one

    witness = next(row for row in list_witnesses() if row.name == "splice-fork")
    wrong = dataclasses.replace(witness, claims=(), predicts={"holder sees the parent's store": True})
    report = run_one(wrong, choose_scratch(None))
    assert report.verdict is Verdict.DIFFERS and "the model says yes, this kernel no" in report.reason
