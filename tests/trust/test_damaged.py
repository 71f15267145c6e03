"""Damaged data speak: a record that is missing, empty or cut is an error that names the file and what to run."""

import pytest

from tux3nb import notebook
from tux3nb.answers import matrix
from tux3nb.cli import main
from tux3nb.commands import record
from tux3nb.errors import UserError
from tux3nb.paths import data_dir
from tux3nb.show import holders

WHOLE = (data_dir() / "verdicts.csv").read_bytes()
LINES = WHOLE.splitlines(keepends=True)
DAMAGED = {
    "missing": None,
    "empty": b"",
    "blank": b"\n\n",
    "header alone": LINES[0],
    "no header": b"".join(LINES[1:]),
    "cut in a row": b"".join(LINES[:99]) + LINES[99][:9],
    "another word": WHOLE.replace(b",VIOLATED,", b",VILOATED,", 1),
    "no text": WHOLE[:999] + b"\xff" + WHOLE[1000:],
    "of zeros": bytes(4096),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for module in (matrix, record):
        monkeypatch.setattr(module, "data_dir", lambda: tmp_path)
    matrix.recorded_verdicts.cache_clear()
    yield tmp_path
    matrix.recorded_verdicts.cache_clear()


@pytest.mark.parametrize("how", DAMAGED)
def test_a_damaged_record_says_nothing_of_policies(folder, capsys, how):
    """Neither `everywhere` nor `record --check` takes it for an answer."""
    path = folder / "verdicts.csv"
    if DAMAGED[how] is not None:
        path.write_bytes(DAMAGED[how])
    with pytest.raises(UserError, match="`tux3nb record` writes it anew") as told:
        notebook.everywhere("tux3")
    assert str(path) in str(told.value)
    assert main(["record", "--check"]) == 2
    err = capsys.readouterr().err
    assert err == f"tux3nb record: {told.value}\n"


def test_a_record_that_lacks_a_row(folder):
    """Cut between two rows it reads well, but is not all cases."""
    (folder / "verdicts.csv").write_bytes(b"".join(LINES[:-1]))
    last = LINES[-1].decode().split(",")
    with pytest.raises(UserError, match="has no row for"):
        notebook.everywhere(last[1])
    assert notebook.everywhere("tux3").loc["tux3", "VIOLATED"] > 0 or last[1] == "tux3"


def test_the_record_as_it_is(folder):
    (folder / "verdicts.csv").write_bytes(WHOLE)
    assert notebook.everywhere("tux3").loc["tux3", "VIOLATED"] > 0


def test_record_writes_a_damaged_one_anew(folder, monkeypatch, capsys):
    """It says what was wrong."""
    cells = matrix.matrix([matrix.find("ordinary+readonly")])
    monkeypatch.setattr(record, "matrix", lambda *_, **__: cells)
    monkeypatch.setattr(record, "catalogue", lambda: {"ordinary+readonly": matrix.find("ordinary+readonly")})
    (folder / "verdicts.csv").write_bytes(DAMAGED["no text"])
    assert main(["record", "--verdicts"]) == 0
    assert "verdicts.csv is damaged (no UTF-8)" in capsys.readouterr().err
    assert (folder / "verdicts.csv").read_text() == matrix.record(cells)


def test_a_catalogue_of_holders_that_is_no_text(tmp_path):
    path = tmp_path / "holders.csv"
    path.write_bytes(b"id,\xff")
    with pytest.raises(UserError, match="holders.csv is damaged"):
        holders.holders(path, {})
