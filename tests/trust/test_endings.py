"""However a command ends, it says so in one line and with a code of its own; --json always prints one document."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import nbformat
import pytest

from tux3nb import cli
from tux3nb.cli import COMMANDS, main
from tux3nb.commands import cases

POSIX = pytest.mark.skipif(os.name != "posix", reason="streams and signals of POSIX")
FULL = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")


def shell(line: str, **env: str) -> subprocess.CompletedProcess:
    """A line of the shell in which `tux3nb` is this package's command."""
    line = line.replace("tux3nb", f"{sys.executable} -m tux3nb", 1)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **env}
    return subprocess.run(line, shell=True, capture_output=True, text=True, timeout=300, env=env)


@POSIX
@FULL
@pytest.mark.parametrize(
    "command", ["check rdma", "cases", "cases --json", "matrix migration", "export-promela migration", "witness --list"]
)
def test_a_full_standard_output(command):
    done = shell(f"tux3nb {command} >/dev/full")
    assert done.returncode == 74 and done.stderr.endswith(
        "standard output cannot be written: No space left on device\n"
    )
    assert done.stderr.count("\n") == 1


@POSIX
@pytest.mark.parametrize("command", ["cases", "check rdma --json"])
def test_a_closed_standard_output(command):
    done = shell(f"tux3nb {command} >&-")
    assert done.returncode == 74 and done.stderr == f"tux3nb {command.split()[0]}: standard output is closed\n"


@POSIX
def test_a_closed_standard_error():
    """What belongs there does not land in the answer."""
    done = shell("tux3nb check rmda 2>&-")
    assert done.returncode == 2 and done.stdout == ""


@POSIX
def test_a_terminal_without_the_letter(tmp_path):
    path = tmp_path / "fälle.py"
    from tests.cli.test_cli import OWN

    path.write_text(OWN.replace("{cell}", "store p0:0").replace("Is it so?", "Ist es schön?"), encoding="utf-8")
    done = shell(f"tux3nb check '{path}'", PYTHONIOENCODING="ascii")
    assert done.returncode == 0 and "sch\\xf6n" in done.stdout and done.stderr == ""
    done = shell(f"tux3nb check '{tmp_path}/keine-fälle.py'", PYTHONIOENCODING="ascii")
    assert done.returncode == 2 and "keine-f\\xe4lle.py: No such file" in done.stderr


@POSIX
@pytest.mark.slow
def test_too_little_memory():
    """What could not be explored is not VIOLATED: exit 3."""
    done = shell("ulimit -v 600000; tux3nb check --free rdma --ops 2")
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr


def test_no_memory_is_unfinished(monkeypatch, capsys):
    def run(_):
        raise MemoryError

    monkeypatch.setattr(cases, "run", run)
    assert main(["cases"]) == 3
    assert capsys.readouterr().err == "tux3nb cases: no memory is left: give --max-memory, or ask for less\n"


def test_a_fault_of_the_program(monkeypatch, capsys):
    """70, and one line that says where, and how to report it; the traceback on demand."""

    def run(_):
        raise KeyError("some\nthing")

    monkeypatch.setattr(cases, "run", run)
    assert main(["cases", "--json"]) == 70
    out, err = capsys.readouterr()
    assert err.count("\n") == 1 and "KeyError: 'some" in err and "TUX3NB_TRACEBACK=1" in err
    assert re.search(r"\(tux3nb[/\\]cli.py, line \d+\)", err) and json.loads(out)["error"] in err
    monkeypatch.setenv("TUX3NB_TRACEBACK", "1")
    assert main(["cases"]) == 70 and "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("command", [c for c in COMMANDS if c in ("cases", "check", "matrix", "witness")])
@pytest.mark.parametrize("wrong", [["--no-such"], ["no-such-name"], ["--json=3"]])
def test_json_of_an_error_is_one_document(capsys, command, wrong):
    assert main([command, *wrong, "--json"]) == 2
    out, err = capsys.readouterr()
    assert f"tux3nb {command}: {json.loads(out)['error']}\n" == err


def test_json_of_no_command(capsys):
    assert main(["--json", "chekc"]) == 2 and "did you mean check" in json.loads(capsys.readouterr().out)["error"]


def test_json_of_an_interrupt(monkeypatch, capsys):
    def run(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cases, "run", run)
    assert main(["cases", "--json"]) == 130
    out, err = capsys.readouterr()
    assert json.loads(out) == {"error": "interrupted"} and err == "interrupted\n"


# ---- Ctrl-C -------------------------------------------------------------------------------------------------
def interrupted(
    argv: list[str], begun, group: bool, number=signal.SIGINT, **more
) -> tuple[subprocess.Popen, tuple[str, str]]:
    """A process that gets Ctrl-C, by itself or as a terminal sends it, as soon as it has begun."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    tool = subprocess.Popen(argv, text=True, start_new_session=True, **pipes, **more)
    end = time.monotonic() + 60
    while not begun(tool) and tool.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    (os.killpg if group else os.kill)(tool.pid, number)
    return tool, tool.communicate(timeout=60)


def kernels(of: int) -> list[int]:
    """The kernels that a command has started, on Linux."""
    found = []
    for child in Path(f"/proc/{of}/task").glob("*/children"):
        for pid in child.read_text().split():
            if b"ipykernel" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(int(pid))
    return found


SPINS = "open('at', 'w').close()\nwhile True: pass"
SLEEPS = "import time\nopen('at', 'w').close()\ntime.sleep(600)"
STUBBORN = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n" + SPINS


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
@pytest.mark.parametrize(
    ("command", "cell"),
    [
        pytest.param("report", SPINS, id="spins"),
        pytest.param("report", SLEEPS, id="sleeps", marks=pytest.mark.slow),
        pytest.param("report", STUBBORN, id="stubborn", marks=pytest.mark.slow),
        pytest.param("notebooks", SPINS, id="notebooks", marks=pytest.mark.slow),
    ],
)
def test_ctrl_c_ends_the_notebooks(tmp_path, command, cell):
    """At once, whatever the cell does, with one word; nothing is written and no kernel stays."""
    path = tmp_path / "mine.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)]), path)
    before = path.read_bytes()
    out = ["--out", str(tmp_path / "out")] if command == "report" else []
    argv = [sys.executable, "-m", "tux3nb", command, str(path), *out]
    running, began = [], []

    def begun(tool):
        running[:], began[:] = kernels(tool.pid), [time.monotonic()]
        return (tmp_path / "at").exists()

    tool, said = interrupted(argv, begun, group=True)
    assert running
    assert tool.returncode == 130 and said == ("", "interrupted\n")
    soon = 20  # seconds: a busy machine needs some, and no cell of these ends in so many
    assert time.monotonic() - began[0] < soon and not any(Path(f"/proc/{pid}").exists() for pid in running)
    assert path.read_bytes() == before and not list(tmp_path.glob("out/*.html"))


LAB = """
import sys
from tux3nb import cli
from tux3nb.report import lab
_, code, folder = sys.argv
lab.lab_command = lambda *_: [sys.executable, "-c", code]
lab.PATIENCE = 1
sys.argv = ["tux3nb", "lab", "--no-browser", "--dir", folder]
sys.exit(cli.main())
"""
PID = "import os, time\nprint(os.getpid(), file=open('{at}', 'w'), flush=True)\n"
ENDS = PID + "time.sleep(600)"
STUBBORN_LAB = "import signal\nfor s in (2, 15): signal.signal(s, signal.SIG_IGN)\n" + PID + "while True: time.sleep(1)"


@POSIX
@pytest.mark.parametrize("group", [True, False], ids=["terminal", "alone"])
@pytest.mark.parametrize("lab", [ENDS, STUBBORN_LAB], ids=["ends", "stubborn"])
def test_ctrl_c_ends_jupyterlab(tmp_path, lab, group):
    """With one word and 130, and JupyterLab with it, also one that does not want to."""
    at = tmp_path / "at"
    argv = [sys.executable, "-c", LAB, lab.format(at=at), str(tmp_path)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    tool, (_, err) = interrupted(argv, lambda _: at.exists() and at.read_text().strip(), group, env=env)
    assert tool.returncode == 130 and err.endswith("interrupted\n") and "tux3nb/" not in err
    with pytest.raises(ProcessLookupError):
        os.kill(int(at.read_text()), 0)


@POSIX
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["killed", "terminal closed"])
def test_jupyterlab_ends_with_the_command(tmp_path, number):
    at = tmp_path / "at"
    argv = [sys.executable, "-c", LAB, ENDS.format(at=at), str(tmp_path)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    begun = lambda _: at.exists() and at.read_text().strip()  # noqa: E731
    tool, (_, err) = interrupted(argv, begun, False, number, env=env)
    assert tool.returncode == 128 + number and err == ""
    with pytest.raises(ProcessLookupError):
        os.kill(int(at.read_text()), 0)


@POSIX
@pytest.mark.slow
@pytest.mark.parametrize("group", [True, False], ids=["terminal", "alone"])
def test_ctrl_c_ends_the_real_jupyterlab(tmp_path, group):
    """It says what it wants to a log; the last word is ours, and nobody is asked anything."""
    runtime = tmp_path / "runtime"
    argv = [sys.executable, "-m", "tux3nb", "lab", "--no-browser", "--port", "0", "--dir", str(tmp_path / "books")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "JUPYTER_RUNTIME_DIR": str(runtime)}

    def answers(_) -> bool:
        with contextlib.suppress(OSError, ValueError):
            for server in runtime.glob("jpserver-*.json"):
                return urlopen(json.loads(server.read_text())["url"] + "api", timeout=10).status == 200
        return False

    tool, (_, err) = interrupted(argv, answers, group, env=env)
    assert tool.returncode == 130 and err.endswith("interrupted\n") and "y/[n]" not in err
    assert not list(runtime.glob("jpserver-*.json"))


@POSIX
def test_a_second_ctrl_c_ends_the_process():
    """Also where the first one is being answered; without a traceback."""
    code = (
        "import os, signal, sys, time\nfrom tux3nb import cli\nfrom tux3nb.commands import cases\n"
        "def run(args):\n    try:\n        os.kill(os.getpid(), signal.SIGINT)\n        time.sleep(60)\n"
        "    finally:\n        os.kill(os.getpid(), signal.SIGINT)\n        time.sleep(60)\n"
        "cases.run = run\nsys.argv = ['tux3nb', 'cases']\nsys.exit(cli.main())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert done.returncode == 130 and done.stdout == done.stderr == ""


def test_a_process_that_ignores_ctrl_c_goes_on_to(monkeypatch):
    """As `nohup` starts it."""
    monkeypatch.setattr(signal, "getsignal", lambda _: signal.SIG_IGN)
    monkeypatch.setattr(signal, "signal", None)
    cli._be_interruptible()
