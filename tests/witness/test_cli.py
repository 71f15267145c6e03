"""The command: exit codes, one JSON document, plain errors, and that it works where Linux is not."""

import argparse
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.witness import fakes
from tux3nb.witness import Verdict, cli
from tux3nb.witness.base import Report

_ROOT = Path(__file__).resolve().parents[2]
_LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="not Linux")


def _command(*arguments, prelude: str = "") -> subprocess.CompletedProcess:
    code = f"import sys, runpy; {prelude}\nsys.argv[1:] = {['witness', *arguments]!r}\n"
    code += "runpy.run_module('tux3nb', run_name='__main__')"
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, timeout=120)


def _one_line(text: str) -> bool:
    return text.count("\n") == 1


def test_list_names_every_witness():
    done = _command("--list")
    assert done.returncode == 0 and "pins-shared-file" in done.stdout
    rows = json.loads(_command("--list", "--json").stdout)["witnesses"]
    assert len(rows) == len(done.stdout.splitlines())


def test_a_bad_name_gets_one_line_with_the_nearest_names():
    done = _command("pins-shared-fil")
    assert done.returncode == 2 and done.stdout == "" and _one_line(done.stderr)
    assert "'pins-shared-fil'" in done.stderr and "did you mean pins-shared-file" in done.stderr


def test_a_name_like_no_other_gets_all_names():
    assert "known: " in (said := _command("zzzz").stderr) and "splice-fork" in said and _one_line(said)


def test_a_bad_scratch_folder_gets_one_line():
    done = _command("private-follows-file", "--scratch", "/no/such/folder")
    assert done.returncode == 2 and _one_line(done.stderr) and "/no/such/folder" in done.stderr


@pytest.mark.parametrize("value", ["0", "-1", "soon", "inf", "nan"])
def test_a_bad_timeout_is_refused(value):
    done = _command(f"--timeout={value}")
    assert done.returncode == 2 and "is no number above zero" in done.stderr


@_LINUX
def test_json_is_the_only_thing_on_standard_output(tmp_path):
    done = _command("private-follows-file", "splice-fork", "--json", "--scratch", str(tmp_path))
    document = json.loads(done.stdout)
    assert done.returncode == 0
    assert {"system", "release", "machine"} <= set(document["kernel"])
    assert [row["name"] for row in document["witnesses"]] == ["private-follows-file", "splice-fork"]
    for row in document["witnesses"]:
        assert {"name", "verdict", "reason", "question", "observed", "case", "predicts", "model"} <= set(row)
    assert not list(tmp_path.iterdir())


@_LINUX
def test_a_time_limit_that_is_hit_gives_exit_code_3(tmp_path):
    done = _command("private-follows-file", "--timeout", "0.000001", "--json", "--scratch", str(tmp_path))
    row = json.loads(done.stdout)["witnesses"][0]
    assert done.returncode == 3 and not row["finished"] and "timeout" in row["reason"]


@_LINUX
def test_memory_as_scratch_is_said_and_skips(tmp_path):
    if not Path("/dev/shm").is_dir():
        pytest.skip("no /dev/shm")
    done = _command("private-follows-file", "--scratch", "/dev/shm")
    assert done.returncode == 0 and "is on tmpfs" in done.stderr and "SKIPPED(" in done.stdout


def _report(verdict: Verdict, finished: bool = True) -> Report:
    return Report(fakes.witness(fakes.quick), verdict, "", finished=finished)


@pytest.mark.parametrize(
    ("reports", "code"),
    [
        ([], 0),
        ([_report(Verdict.AGREES), _report(Verdict.SKIPPED), _report(Verdict.UNKNOWN)], 0),
        ([_report(Verdict.AGREES), _report(Verdict.DIFFERS)], 1),
        ([_report(Verdict.DIFFERS), _report(Verdict.UNKNOWN, finished=False)], 1),
        ([_report(Verdict.UNKNOWN, finished=False), _report(Verdict.AGREES)], 3),
    ],
)
def test_exit_codes(reports, code):
    assert cli.exit_code(reports) == code


def test_configure_fits_a_subcommand():
    parser = argparse.ArgumentParser()
    sub = parser.add_subparsers().add_parser("witness")
    cli.configure(sub)
    arguments = parser.parse_args(["witness", "a", "b", "--json", "--timeout", "3"])
    assert arguments.names == ["a", "b"] and arguments.timeout == 3.0


# What Windows lacks: the module fcntl, and all of os and signal that a module might touch when imported.
_ELSEWHERE = (
    "import os, shutil, signal, tempfile; sys.platform = 'win32'; sys.modules['fcntl'] = None; "
    "missing = 'fork sysconf splice O_DIRECT sched_getaffinity memfd_create geteuid'.split(); "
    "[delattr(os, name) for name in missing if hasattr(os, name)]; del signal.SIGKILL"
)


@pytest.mark.slow
def test_elsewhere_it_lists_and_skips_everything():
    listed = _command("--list", prelude=_ELSEWHERE)
    assert listed.returncode == 0, listed.stderr
    done = _command("--json", prelude=_ELSEWHERE)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["witnesses"]
    assert len(rows) == len(listed.stdout.splitlines())
    assert {(row["verdict"], row["reason"]) for row in rows} == {("SKIPPED", "not Linux")}


@_LINUX
def test_an_interrupt_gives_everything_back(tmp_path):
    """What was finished until then is in the document all the same."""
    names = ["private-follows-file", "delta-scan-counter"]
    command = [sys.executable, "-m", "tux3nb", "witness", *names, "--json", "--scratch", str(tmp_path)]
    tool = subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while f"{names[1]} ..." not in tool.stderr.readline():
        pass
    end = time.monotonic() + 20
    while not list(tmp_path.glob("*/journal")) and time.monotonic() < end:
        time.sleep(0.02)
    tool.send_signal(signal.SIGINT)
    out, errors = tool.communicate(timeout=30)
    assert tool.returncode == 130 and "interrupted" in errors and "Traceback" not in errors
    assert [row["name"] for row in json.loads(out)["witnesses"]] == names[:1]
    assert not list(tmp_path.iterdir())
