"""Real workers, a real scheduler: answers, and what becomes of them when one is killed, lost or of another version."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.cluster.conftest import start, tool
from tests.engine.compare import same_answers
from tux3nb.answers.matrix import matrix
from tux3nb.answers.parts import worlds_on
from tux3nb.answers.worlds import explore_worlds
from tux3nb.cases.case import named
from tux3nb.catalogue import find
from tux3nb.catalogue.free import free
from tux3nb.cluster import connect
from tux3nb.cluster.connect import connected
from tux3nb.cluster.worlds import explore_on
from tux3nb.engine.explore import explore
from tux3nb.errors import UserError, WorkerDied

pytest.importorskip("distributed", reason="dask.distributed is not installed (tux3nb[cluster])")


@pytest.fixture(scope="module")
def at(dask):
    with connected(dask.address) as at:
        yield at


def small():
    """A case of few layers, and the family of one policy."""
    case = find("uprobes+read_fault")
    return case, case.one(named("tux3"))


def test_a_world_on_two_workers(at):
    case, family = small()
    told = []

    class Follow:
        def __call__(self, layer, frontier, states, rate):
            told.append((layer, frontier, states))

        def workers(self, found):
            told.append({worker: states for worker, (states, _, memory) in found.items() if memory})

    run = explore_on(at, case, family, progress=Follow(), engine="numpy")
    same_answers(explore(case.system, family, engine="numpy"), run)
    last = [t for t in told if isinstance(t, dict)][-1]
    assert len(last) == 2 and sum(last.values()) == run.shared_states


def test_many_worlds_on_two_workers(at):
    """A case each is a task; a world alone is explored in parts of the product, and what these say is united."""
    names = ["uprobes+read_fault", "aio+writeout", "rdma+deregister_clean"]
    cases = [find(n) for n in names]
    policies = ["tux3", "rik_wait"]
    assert [c.row for c in matrix(cases, policies, at=at)] == [c.row for c in matrix(cases, policies)]
    for asked in (names, names[:1]):
        assert worlds_on(at, asked) == explore_worlds(asked)


def test_the_command_says_the_same(dask):
    """Byte for byte, with the run."""
    argv = ("matrix", "--policy", "tux3", "--json", "aio+writeout", "uprobes+read_fault")
    assert tool(*argv, "--scheduler", dask.address).stdout == tool(*argv, "--workers", "1").stdout


def test_who_has_another_version_is_named(dask, monkeypatch):
    monkeypatch.setattr(connect, "__version__", "9.9")
    connect.fingerprint.cache_clear()
    with pytest.raises(UserError, match=r"tcp://.* has tux3nb .*, and this is 9\.9 \("), connected(dask.address):
        pass
    connect.fingerprint.cache_clear()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("tcp://127.0.0.1:9", "no scheduler answers at tcp://127.0.0.1:9"),
        ("here", "'here' is no address of a sched"),
    ],
)
def test_an_address_without_a_scheduler(address, said, monkeypatch):
    monkeypatch.setattr("tux3nb.cluster.connect.ANSWERS", 0.5)
    with pytest.raises(UserError, match=said), connected(address):
        pass


def test_a_scheduler_without_workers(tmp_path, monkeypatch):
    monkeypatch.setattr("tux3nb.cluster.connect.COMES", 0.2)
    started = start(tmp_path, workers=0)
    try:
        with pytest.raises(UserError, match="has no workers"), connected(started.address):
            pass
    finally:
        started.kill()


# ---- deaths --------------------------------------------------------------------------------------------------
class Kill:
    """Kills a process when a layer has been explored."""

    def __init__(self, pid: int, layer: int):
        self.pid, self.layer, self.done = pid, layer, False

    def __call__(self, layer, frontier, states, rate):
        if layer >= self.layer and not self.done:
            self.done = True
            os.kill(self.pid, signal.SIGKILL)


@pytest.mark.slow
def test_a_killed_worker_costs_time_and_no_verdict(fragile):
    """What it had is computed again by the other one, from the layers before."""
    case = free("ordinary")
    family = case.one(named("tux3"))
    with connected(fragile.address) as at:
        kill = Kill(fragile.workers[0].pid, 25)
        run = explore_on(at, case, family, progress=kill, engine="numpy")
        assert kill.done and len(at.workers()) == 1
        same_answers(explore(case.system, family, engine="numpy"), run)


@pytest.mark.slow
def test_a_worker_killed_while_progress_is_judged(fragile):
    case = free("uprobes")
    family = case.one(named("tux3"))
    with connected(fragile.address) as at:
        run = explore_on(at, case, family, engine="numpy")
        fragile.workers[1].kill()
        same_answers(explore(case.system, family, engine="numpy"), run)


@pytest.mark.slow
def test_a_lost_scheduler_leaves_a_checkpoint(fragile, dask, tmp_path):
    """One line, and the same command goes on elsewhere."""
    case = free("uprobes")
    family = case.one(named("tux3"))
    kept = str(tmp_path / "kept")
    said = f"is lost; {kept} has 2[0-9] layers: the same command goes on from there"
    with connected(fragile.address) as at:
        at.checkpoint, kill = kept, Kill(fragile.scheduler.pid, 25)
        with pytest.raises(WorkerDied, match=said):
            explore_on(at, case, family, progress=kill, engine="numpy")
    with connected(dask.address) as at:
        at.checkpoint = kept
        run = explore_on(at, case, family, engine="numpy")
        same_answers(explore(case.system, family, engine="numpy"), run)


@pytest.mark.slow
def test_ctrl_c_ends_the_command_and_its_workers():
    """To the whole group, as a terminal sends it: exit 130, one document, no word of the workers', and none is left."""
    command = [sys.executable, "-m", "tux3nb", "check", "--free", "aio", "--ops", "2", "--workers", "2", "--json"]
    tool = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)

    def processes() -> int:
        found = subprocess.run(["ps", "-o", "stat=", "-s", str(tool.pid)], capture_output=True, text=True)
        return sum(not line.startswith("Z") for line in found.stdout.splitlines())

    assert eventually(lambda: processes() >= 4, 120)  # the command, multiprocessing's tracker, two workers
    time.sleep(10)
    os.killpg(tool.pid, signal.SIGINT)
    out, err = tool.communicate(timeout=120)
    assert tool.returncode == 130 and json.loads(out) and err.strip() in ("", "interrupted")
    assert eventually(lambda: processes() == 0, 60)


def eventually(condition, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.2)
    return condition()
