"""Experiments are bounded in time, isolated, and leave nothing behind, however they end."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.witness import fakes
from tux3nb.errors import UserError
from tux3nb.witness import Verdict
from tux3nb.witness.needs import has_root
from tux3nb.witness.sandbox import choose_scratch, run_one, scratch_notice

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="not Linux")

_TOOL = """
import sys
from tests.witness import fakes
from tux3nb.witness.sandbox import run_one
run_one(fakes.witness(getattr(fakes, sys.argv[1]), timeout=60), sys.argv[2])
"""


@pytest.fixture
def scratch(tmp_path):
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def _gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def _eventually(condition, seconds: float = 15) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def _start_tool(function: str, scratch: Path) -> tuple[subprocess.Popen, str]:
    """The tool in a process of its own with the stage set; the process and the experiment's notice."""
    tool = subprocess.Popen([sys.executable, "-c", _TOOL, function, str(scratch)])
    assert _eventually((scratch / "notice").exists)
    return tool, (scratch / "notice").read_text()


def _supervisor_of(tool: subprocess.Popen) -> int:
    children = Path(f"/proc/{tool.pid}/task/{tool.pid}/children").read_text().split()
    assert len(children) == 1
    return int(children[0])


def _only_notice(scratch: Path) -> bool:
    return os.listdir(scratch) == ["notice"]


def test_a_good_experiment_agrees_and_leaves_nothing(scratch):
    report = run_one(fakes.witness(fakes.quick), str(scratch))
    assert (report.verdict, report.finished) == (Verdict.AGREES, True)
    assert report.observed == {"sky": "blue", "stars": 2, "hidden": None}
    assert not list(scratch.iterdir())


def test_a_falsified_prediction_differs(scratch):
    report = run_one(fakes.witness(fakes.quick, predicts={"stars": 3}), str(scratch))
    assert report.verdict is Verdict.DIFFERS
    assert "stars: the model says 3, this kernel 2" in report.reason


def test_the_time_limit_is_enforced(scratch):
    started = time.monotonic()
    report = run_one(fakes.witness(fakes.hang), str(scratch), timeout=0.3)
    assert (report.verdict, report.finished) == (Verdict.UNKNOWN, False)
    assert report.reason == "timeout after 0.3 s"
    assert time.monotonic() - started < 5 and not list(scratch.iterdir())


def test_a_crash_is_named(scratch):
    report = run_one(fakes.witness(fakes.crash), str(scratch))
    assert not report.finished and f"signal {int(signal.SIGSEGV)}" in report.reason


def test_a_crash_is_noticed_also_when_a_child_lives_on(scratch):
    report = run_one(fakes.witness(fakes.fork_and_crash), str(scratch))
    assert not report.finished and f"signal {int(signal.SIGSEGV)}" in report.reason and report.seconds < 5


def test_an_unexpected_error_is_named(scratch):
    report = run_one(fakes.witness(fakes.fail), str(scratch))
    assert not report.finished and "the stage collapsed" in report.reason


def test_skip_and_inconclusive_are_finished(scratch):
    skipped = run_one(fakes.witness(fakes.skip), str(scratch))
    assert (skipped.verdict, skipped.reason, skipped.finished) == (Verdict.SKIPPED, "no stage here", True)
    refused = run_one(fakes.witness(fakes.refused), str(scratch))
    assert refused.verdict is Verdict.SKIPPED
    assert refused.reason == "forbidden here: bpf: Operation not permitted"
    unsure = run_one(fakes.witness(fakes.give_up), str(scratch))
    assert (unsure.verdict, unsure.reason, unsure.finished) == (Verdict.UNKNOWN, "lost the race", True)


def test_output_of_an_experiment_does_not_reach_the_tool(scratch, capfd):
    assert run_one(fakes.witness(fakes.print_noise), str(scratch)).verdict is Verdict.AGREES
    assert capfd.readouterr() == ("", "")


def test_processes_left_behind_are_ended(scratch):
    report = run_one(fakes.witness(fakes.fork_and_leave), str(scratch))
    assert _eventually(lambda: _gone(report.observed["child"]), 2)


def test_a_missing_need_is_the_reason(scratch):
    report = run_one(fakes.witness(fakes.quick, needs=("tool:mkfs.moonfs",)), str(scratch))
    assert (report.verdict, report.reason) == (Verdict.SKIPPED, "mkfs.moonfs is not installed")
    report = run_one(fakes.witness(fakes.quick, needs=("module:no_such_module",)), str(scratch))
    assert report.reason == "Python module no_such_module is not installed"
    invasive = fakes.witness(fakes.quick, needs=("invasive",))
    assert "--invasive" in run_one(invasive, str(scratch)).reason
    assert run_one(invasive, str(scratch), invasive=True).verdict is Verdict.AGREES


@pytest.mark.parametrize("victim", ["tool", "supervisor"])
def test_a_killed_run_still_ends_its_processes(scratch, victim):
    tool, child = _start_tool("hang_with_child", scratch)
    os.kill(tool.pid if victim == "tool" else _supervisor_of(tool), signal.SIGKILL)
    tool.wait(30)
    assert _eventually(lambda: _gone(int(child)) and _only_notice(scratch))


def test_the_next_run_releases_what_an_all_out_kill_left(scratch):
    tool, _ = _start_tool("hang_with_child", scratch)
    supervisor = _supervisor_of(tool)
    for pid in (supervisor, tool.pid):
        os.kill(pid, signal.SIGSTOP)
    for pid in (supervisor, tool.pid):
        os.kill(pid, signal.SIGKILL)
    tool.wait(30)
    assert _eventually(lambda: _gone(supervisor))
    assert not _only_notice(scratch)
    from tux3nb.witness.journal import release_stale

    assert release_stale(scratch) == []
    assert _only_notice(scratch)


def test_a_run_in_progress_is_not_stale(scratch):
    from tux3nb.witness.journal import release, release_stale

    tool, _ = _start_tool("hang_with_child", scratch)
    assert release_stale(scratch) == [] and not _only_notice(scratch)
    tool.terminate()
    tool.wait(30)
    assert _eventually(lambda: _only_notice(scratch))
    assert release(scratch / "never-there") == []


@pytest.mark.root
@pytest.mark.slow
@pytest.mark.parametrize("how", ["timeout", "tool", "supervisor"])
def test_mounts_loops_cgroups_and_settings_are_given_back(tmp_path_factory, how):
    if not has_root():
        pytest.skip("not root")
    scratch = tmp_path_factory.mktemp("scratch")
    if how == "timeout":
        needs = ("root", "loop", "throttle", "tool:mkfs.ext4")
        report = run_one(fakes.witness(fakes.take_everything, needs=needs), str(scratch), timeout=3)
        if report.verdict is Verdict.SKIPPED:
            pytest.skip(report.reason)
        assert report.reason == "timeout after 3 s"
        notice = (scratch / "notice").read_text()
    else:
        tool, notice = _start_tool("take_everything", scratch)
        os.kill(tool.pid if how == "tool" else _supervisor_of(tool), signal.SIGKILL)
        tool.wait(60)
    device, point, cgroup = notice.split()
    name = os.path.basename(device)
    assert _eventually(lambda: _only_notice(scratch))
    assert point not in Path("/proc/self/mountinfo").read_text()
    assert not Path(f"/sys/block/{name}/loop").exists() and not Path(cgroup).exists()
    assert Path(f"/sys/block/{name}/queue/stable_writes").read_text().strip() == "0"


def test_a_folder_in_memory_is_noticed_and_skips_what_needs_a_disk():
    memory = "/dev/shm"
    if not os.access(memory, os.W_OK):
        pytest.skip("no /dev/shm")
    assert "tmpfs" in scratch_notice(memory)
    report = run_one(fakes.witness(fakes.quick, needs=("disk",)), memory)
    assert report.verdict is Verdict.SKIPPED and "tmpfs" in report.reason


def test_scratch_folders_that_cannot_be_used_are_refused(tmp_path):
    with pytest.raises(UserError, match="no folder"):
        choose_scratch(tmp_path / "missing")
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(UserError, match="no folder"):
        choose_scratch(file)


def test_elsewhere_everything_is_skipped(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "platform", "darwin")
    report = run_one(fakes.witness(fakes.hang), str(tmp_path))
    assert (report.verdict, report.reason) == (Verdict.SKIPPED, "not Linux")
    assert json.dumps(dataclasses.replace(report).to_json())
