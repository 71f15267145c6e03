"""The kernel's own test programs: the model answers as they expect, or a row says why it is not asked."""

import json

import pytest

from tux3nb.cli import main
from tux3nb.errors import UserError
from tux3nb.show.outside import NONE, Selftest, selftest_rows, selftests, witness_saw


@pytest.fixture(scope="module")
def rows():
    return selftest_rows()


def test_every_row_has_a_case_a_witness_or_a_reason():
    for row in selftests():
        assert (row.case == NONE) == (row.policy == NONE)
        assert NONE not in (row.case, row.witness) or row.why != NONE, row
        assert row.kernel.partition(":")[0] in ("works", "refused")


def test_the_model_answers_as_the_kernel_is_to(rows):
    asked = [row for row in rows if row["case"] != NONE]
    assert len(asked) >= 4
    assert [row for row in asked if row["agrees"] != "yes"] == []


def test_a_witness_saw_what_the_kernel_is_to_answer(rows):
    """A refusal is an error number; whatever works ends in ok, or in something that was seen."""
    for row in rows:
        if row["saw"] != NONE:
            assert row["saw"].endswith(": EFAULT") == row["kernel"].startswith("refused"), row


def test_an_unknown_fact_is_named():
    with pytest.raises(UserError, match="no recording of 'pins-shared-file: nonsense'"):
        witness_saw("pins-shared-file: nonsense")


def test_the_table_is_printed(capsys):
    assert main(["matrix", "selftests", "--json"]) == 0
    assert [r["row"] for r in json.loads(capsys.readouterr().out)["selftests"]] == [r.row for r in selftests()]
    assert main(["matrix", "selftests"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:2] == ["test", "row"] and len(lines) == 1 + len(selftests())


def test_a_row_that_differs_is_an_exit_code(monkeypatch):
    """A row whose kernel answers otherwise than the model makes the command say so."""
    wrong = Selftest("t", "r", "m", "works", "rdma+deregister_clean", "tux3", NONE, NONE)
    monkeypatch.setattr("tux3nb.show.outside.selftests", lambda: [wrong])
    assert selftest_rows()[0]["agrees"] == "no" and main(["matrix", "selftests"]) == 1
