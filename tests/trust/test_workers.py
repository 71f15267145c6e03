"""Work in several processes ends, whatever happens to one of them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tux3nb.errors import WorkerDied
from tux3nb.workers import each

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")


def double(n: int) -> int:
    if n == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    if n == 5:
        raise ValueError("five")
    return 2 * n


def flag(_) -> str:
    return os.environ["PYTHONSAFEPATH"]


def test_results_come_in_order():
    assert list(each(double, [4, 1, 0, 2], 2)) == [8, 2, 0, 4]


def test_a_dead_worker_is_an_error_after_what_was_done():
    """A process that is killed, as by the kernel when memory runs out, is no wait for ever."""
    results = each(double, [1, 2, 3, 4], 1)
    assert [next(results), next(results)] == [2, 4]
    with pytest.raises(WorkerDied, match="killed, or memory ran out"):
        next(results)


def test_a_worker_that_dies_while_work_is_handed_out():
    """Also where the pool is broken before all of the work is in it."""

    def slowly():
        yield 3
        time.sleep(3)
        yield from range(9)

    with pytest.raises(WorkerDied):
        list(each(double, slowly(), 1))


def test_an_error_comes_as_it_is():
    with pytest.raises(ValueError, match="five"):
        list(each(double, [5, 1], 2))


def test_workers_start_safely(monkeypatch):
    """They look for nothing in the current folder; this process's own environment stays as it was."""
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    assert list(each(flag, [0], 1)) == ["1"] and "PYTHONSAFEPATH" not in os.environ


def workers(pid: int) -> list[int]:
    """The processes of a command that compute."""
    found = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
            found.append(int(child))
    return found


def started(*argv: str, module: str = "tux3nb") -> tuple[subprocess.Popen, list[int]]:
    """A command in a session of its own, and its workers."""
    if os.cpu_count() == 1:
        pytest.skip("one core: a command starts no workers")
    command = [sys.executable, "-m", module, *argv]
    tool = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    end = time.monotonic() + 30
    while len(found := workers(tool.pid)) < 1 and tool.poll() is None and time.monotonic() < end:
        time.sleep(0.01)
    assert found
    return tool, found


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def eventually(condition, seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


@LINUX
@pytest.mark.parametrize("moment", [0.0, 1.0])
def test_a_killed_worker_ends_the_matrix(moment):
    """One line, exit 3, the cells that are done as one document."""
    tool, found = started("matrix", "--json", "--policy", "tux3")
    time.sleep(moment)
    os.kill(found[0], signal.SIGKILL)
    out, err = tool.communicate(timeout=60)
    assert tool.returncode == 3 and "a worker process died: it was killed" in err and "Traceback" not in err
    assert err.count("\n") == 1 and isinstance(json.loads(out)["cells"], list)


@LINUX
@pytest.mark.parametrize(
    ("argv", "module"),
    [
        (["record", "--check", "--verdicts"], "tux3nb"),
        (["record", "--check", "--sets"], "tux3nb"),
        (["policies", "--fresh"], "tux3nb"),
        (["fork_copies"], "tools.mutants"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, list) else "",
)
def test_a_killed_worker_ends_every_command(argv, module):
    """What goes by halves is no answer: one line, exit 3."""
    tool, found = started(*argv, module=module)
    os.kill(found[0], signal.SIGKILL)
    out, err = tool.communicate(timeout=60)
    assert tool.returncode == 3 and "a worker process died: it was killed" in err and "Traceback" not in err
    assert out == "" and err.count("\n") == 1


BROKEN_AT_ITS_START = """
from tux3nb.errors import WorkerDied
from tux3nb.workers import each
if __name__ != "__main__":
    raise ImportError("broken")
try:
    print(list(each(abs, [1, 2, 3], 2)))
except WorkerDied as died:
    print(died)
"""


def test_workers_that_cannot_start(tmp_path):
    """Those that die while they start are not started again and again."""
    script = tmp_path / "script.py"
    script.write_text(BROKEN_AT_ITS_START)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, env=env)
    assert done.stdout.startswith("a worker process died") and done.stderr.count("ImportError: broken") <= 2


@LINUX
@pytest.mark.parametrize(
    ("argv", "module"),
    [
        (["matrix", "--json"], "tux3nb"),
        (["record", "--check"], "tux3nb"),
        (["policies", "--fresh"], "tux3nb"),
        (["fork_copies"], "tools.mutants"),
    ],
    ids=lambda given: given[0] if isinstance(given, list) else "",
)
@pytest.mark.parametrize("moment", [0.0, 1.0])
def test_ctrl_c_ends_all_processes(argv, module, moment):
    """To the whole group, as a terminal sends it, while the workers start or compute: one line, exit 130."""
    tool, found = started(*argv, module=module)
    time.sleep(moment)
    os.killpg(tool.pid, signal.SIGINT)
    out, err = tool.communicate(timeout=60)
    assert tool.returncode == 130 and err.startswith("interrupted") and err.count("\n") == 1
    assert all(map(gone, found))
    assert argv[0] != "matrix" or "cells" in json.loads(out)


@LINUX
def test_workers_end_with_the_command():
    tool, found = started("matrix")
    time.sleep(0.5)
    found = workers(tool.pid)
    tool.kill()
    tool.communicate()
    assert eventually(lambda: all(map(gone, found)))
