"""The recordings in data/ are whole, hold facts only, and --record writes nothing else."""

import json
import re
import sys

import pytest

from tests.witness import fakes
from tux3nb.errors import UserError
from tux3nb.paths import data_dir
from tux3nb.witness import Verdict, list_witnesses, load_recording, recordings, run_witnesses
from tux3nb.witness.base import Report

_WITNESSES = {witness.name: witness for witness in list_witnesses()}


@pytest.mark.parametrize("name", recordings.recorded_names())
def test_a_recording_belongs_to_a_witness_and_still_agrees(name):
    recording, witness = load_recording(name), _WITNESSES[name]
    assert recording["verdict"] == "AGREES" and recording["question"] == witness.question
    predicted = witness.predictions(recording["file_system"])
    assert recording["predicts"] == predicted
    assert recording.get("model", []) == [claim.to_json() for claim in witness.claims]
    assert {key: recording["observed"][key] for key in predicted} == predicted
    assert f"tux3nb witness {name} --record" in recording["command"]


_FILES = sorted(data_dir().glob("witness/*.json")) + sorted(data_dir().glob("traces/*.json"))


@pytest.mark.parametrize("path", _FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_files_hold_no_dates_paths_or_frame_numbers(path):
    text = path.read_text()
    assert not re.search(r"\d{4}-\d\d-\d\d|/tmp|/var|/root|/home|tux3nb-witness-|0x[0-9a-f]{4}", text)
    assert text == recordings._compact(json.dumps(json.loads(text), indent=1, ensure_ascii=False)) + "\n"


@pytest.mark.parametrize("path", sorted(data_dir().glob("traces/*.json")), ids=lambda path: path.stem)
def test_a_trace_has_equal_columns_and_known_units(path):
    trace, name = json.loads(path.read_text()), path.stem
    assert trace["page_bytes"] > 0 and trace["file_pages"] > 0
    assert trace["command"] == f"tux3nb witness {name} --record"
    assert {run["delta_ms"] for run in trace["runs"]} == {5, 20, 100}
    for run in trace["runs"]:
        columns = [run[key] for key in ("pages", "again_next", "under_writeback") if run[key] is not None]
        assert len({len(column) for column in columns}) == 1 and len(columns[0]) > 1
        for column in columns:
            assert all(part <= whole for part, whole in zip(column, run["pages"], strict=True))
        assert run["seconds"] > 0 and name.startswith("census") == (run["under_writeback"] is not None)


def _report(verdict=Verdict.AGREES, observed=None, trace=None) -> Report:
    observed = {"sky": "blue"} if observed is None else observed
    return Report(fakes.witness(fakes.quick), verdict, "", observed, "ext4", trace=trace)


def test_record_writes_facts_and_trace(tmp_path, monkeypatch):
    monkeypatch.setattr(recordings, "data_dir", lambda: tmp_path)
    report = _report(trace={"program": "none", "runs": [{"pages": [1, 2, 3]}]})
    assert recordings.record(report) == tmp_path / "witness" / "quick.json"
    written = recordings.load_recording("quick")
    assert written["observed"] == {"sky": "blue"} and "seconds" not in written
    assert '"pages": [1, 2, 3]' in (tmp_path / "traces" / "quick.json").read_text()
    assert recordings.compare(report, written) is True


@pytest.mark.parametrize("verdict", [Verdict.SKIPPED, Verdict.UNKNOWN])
def test_what_did_not_run_is_never_recorded(tmp_path, monkeypatch, verdict):
    monkeypatch.setattr(recordings, "data_dir", lambda: tmp_path)
    assert recordings.record(_report(verdict)) is None and not list(tmp_path.iterdir())


def test_compare():
    known = {"observed": {"sky": "blue", "frame": True}, "file_system": "ext4"}
    assert recordings.compare(_report(), known) is True
    assert recordings.compare(_report(observed={"sky": "blue", "frame": None}), known) is True
    assert recordings.compare(_report(observed={"sky": "green"}), known) is False
    assert recordings.compare(_report(), None) is None
    assert recordings.compare(_report(), {"observed": {}, "file_system": "xfs"}) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "\xff", '{"kernel": {}, "observed": 3}'])
def test_a_damaged_recording_spoils_only_itself(tmp_path, monkeypatch, text):
    """It is named with what to run; the witness runs as before, and its --record mends the file."""
    monkeypatch.setattr(recordings, "data_dir", lambda: tmp_path)
    (tmp_path / "witness").mkdir()
    path = tmp_path / "witness" / "splice-fork.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match="splice-fork.json.*`tux3nb witness splice-fork --record` writes it anew"):
        load_recording("splice-fork")
    if sys.platform.startswith("linux"):
        report, other = run_witnesses(["splice-fork", "private-follows-file"], save=True)
        assert str(path) in report.damaged and report.verdict is Verdict.AGREES
        assert other.damaged == "" and load_recording("splice-fork")["verdict"] == "AGREES"
