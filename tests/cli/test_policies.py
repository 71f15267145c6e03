"""``tux3nb policies``: from the record in no time, from the rules the same; one line for a mistake."""

import json
import subprocess
import sys

import pytest

from tests.cli.test_cli import run
from tux3nb.answers.least import BUILDERS
from tux3nb.answers.worlds import recorded_worlds
from tux3nb.model.features import FEATURES

FEW = ["stable_device", "reclaim", "free+uprobes+1"]


def document(capsys, *argv):
    code, out, err = run(capsys, "policies", *argv, "--json")
    assert code == 0 and err == ""
    return json.loads(out)


def test_the_document_has_the_keys_that_others_rely_on(capsys):
    found = document(capsys, "--minimal")
    assert set(found) >= {"family", "worlds", "safe", "as_good_as_never_forking", "minimal", "excluded_by"}
    assert found["worlds"] == list(found["excluded_by"]) and len(found["worlds"]) > 90
    assert 0 < len(found["minimal"]) <= found["safe"] < found["as_good_as_never_forking"] < found["family"]
    for one in found["minimal"]:
        assert set(one) == {"policy", "owners", "drops"} and set(one["policy"]) == {f.id for f in FEATURES}
        for drop in one["drops"]:
            assert set(drop) >= {"feature", "from", "to", "case", "property", "depth"}
            assert drop["case"] in found["worlds"] or drop["impossible"]


def test_from_the_rules_it_is_what_the_record_says(capsys):
    asked = ["--minimal", "--bounds", "--worlds", *FEW]
    assert document(capsys, *asked) == document(capsys, *asked, "--fresh", "--jobs", "1")


def test_a_reader_sees_who_builds_what_and_what_breaks(capsys):
    code, out, _ = run(capsys, "policies", "--minimal", "--needs", "redirty=yes", "--bounds", "--why", "tux3")
    assert code == 0
    assert "file system" in out and "without " in out and "steps" in out
    assert "Excluded of these by:" in out and "operations" in out
    assert "tux3: tux3 with nothing changed" in out and "I2 in rdma (" in out


def test_the_runs_of_the_drops_come_from_the_rules(capsys):
    asked = ["--worlds", "aio+flush", "--minimal", "--runs"]
    code, out, _ = run(capsys, "policies", *asked)
    assert code == 0 and "is broken after" in out and "dio_reports_dirty_early" in out
    drops = [d for least in document(capsys, *asked)["minimal"] for d in least["drops"]]
    assert drops and all(len(d["run"]) == d["depth"] for d in drops)


def test_the_least_change_and_why_as_data(capsys):
    found = document(capsys, "--least-change", "tux3", "--why", "stable_pages", "--needs", "redirty=yes")
    change = found["least_change"]["tux3"]
    assert list(change) == list(BUILDERS)
    for who in change.values():
        assert who["fewest"] is None or all(len(c) == who["fewest"] for c in who["changes"])
    why = found["why"]["stable_pages"]
    assert not why["safe"] and why["as_good_as_never_forking"] and why["breaks"]
    assert found["needs"]["redirty=yes"]["safe"] <= found["safe"]


def test_the_front_as_data(capsys):
    found = document(capsys, "--front", "--delta-ms", "100", "--device", "slow", "--over", "copied", "stalled")["front"]
    assert found["front"] and {"stable_pages", "in_place", "tux3"} <= set(found["baselines"])
    assert (found["delta_ms"], found["device"]) == (100, "slow") and "rdma.held" in found["assumed"]


def test_a_limit_makes_the_answer_unfinished(capsys):
    code, out, _ = run(capsys, "policies", "--worlds", "crash", "reclaim", "--fresh", "--max-states", "1000")
    assert code == 3 and "UNFINISHED, and no part of what is said: reclaim\n" in out


def test_it_takes_under_two_seconds_of_work_and_imports_nothing_heavy():
    code = (
        "import sys, time; from tux3nb.cli import main; main(['policies', '--minimal', '--json']); "
        "print(time.process_time(), {'numpy', 'pandas', 'matplotlib'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, _, heavy = done.stderr.partition(" ")
    assert float(seconds) < 2 and heavy.strip() == "set()"


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--worlds"], "name at least one world"),
        (["--worlds", "rdmx"], "no world 'rdmx'; did you mean rdma"),
        (["--worlds", "free+rdma+9"], "free+rdma+9 is not in the record; --fresh explores it"),
        (["--properties"], "name at least one property"),
        (["--properties", "I9"], "no world judges a property 'I9'"),
        (["--needs", "redirty"], "'redirty': write FEATURE=VALUE"),
        (["--needs", "redirty=yess"], "feature redirty has no value 'yess'; did you mean yes"),
        (["--needs", "off=mkclean"], "off is a control"),
        (["--why", "tux4"], "no policy 'tux4'; did you mean tux3"),
        (["--least-change", "no_mkclean"], "switched off on purpose"),
        (["--runs"], "--runs goes with --minimal"),
        (["--front", "--over", "copies"], "no cost 'copies'; did you mean copied"),
        (["--front", "--over"], "name at least one cost"),
        (["--front", "--device", "fats"], "no device 'fats'; did you mean fast"),
        (["--front", "--delta-ms", "7"], "no trace has a delta interval of 7 ms"),
    ],
)
def test_a_mistake_is_one_line(capsys, argv, says):
    code, out, err = run(capsys, "policies", *argv)
    assert code == 2 and out == "" and says in err and err.count("\n") == 1


def test_more_rounds_are_those_that_are_recorded(capsys):
    more = [n for n, w in recorded_worlds().items() if w.rounds == 2]
    code, out, _ = run(capsys, "policies", "--rounds", "2", "--json")
    found = json.loads(out)
    assert [n for n in found["worlds"] if n.endswith("+2")] == sorted(more, key=found["worlds"].index)
    assert set(found["unfinished"]) == {n for n in more if recorded_worlds()[n].stopped} and code in (0, 3)
