"""Schedulers and workers for these tests, in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tux3nb.safepath import child_environment


@dataclass
class Started:
    """A scheduler and its workers."""

    address: str
    scheduler: subprocess.Popen
    workers: list[subprocess.Popen] = field(default_factory=list)

    def kill(self):
        for process in (self.scheduler, *self.workers):
            process.kill()
        for process in (self.scheduler, *self.workers):
            process.wait()


def start(folder: Path, workers: int = 2) -> Started:
    """A scheduler on a free port, with so many workers of one thread each."""
    told = folder / f"scheduler-{time.monotonic_ns()}.json"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0",
               "--no-dashboard", "--idle-timeout", "900", "--scheduler-file", str(told)]  # fmt: skip
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": child_environment()}
    scheduler = subprocess.Popen(command, **quiet)
    end = time.monotonic() + 60
    while not (told.exists() and told.read_text().strip()):
        assert scheduler.poll() is None and time.monotonic() < end
        time.sleep(0.05)
    address = json.loads(told.read_text())["address"]
    command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny",
               "--no-dashboard", "--death-timeout", "60", "--local-directory", str(folder)]  # fmt: skip
    started = Started(address, scheduler, [subprocess.Popen(command, **quiet) for _ in range(workers)])
    if workers:
        from distributed import Client

        with Client(address, timeout=60, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=120)
    return started


@pytest.fixture(scope="module")
def dask(tmp_path_factory):
    """Two workers of this machine, for tests that leave them alive."""
    pytest.importorskip("distributed", reason="dask.distributed is not installed (tux3nb[cluster])")
    started = start(tmp_path_factory.mktemp("dask"))
    yield started
    started.kill()


@pytest.fixture
def fragile(tmp_path):
    """Two workers that a test may kill."""
    pytest.importorskip("distributed", reason="dask.distributed is not installed (tux3nb[cluster])")
    started = start(tmp_path)
    yield started
    started.kill()


def tool(*argv: str) -> subprocess.CompletedProcess:
    """A command, to its end."""
    command = [sys.executable, "-m", "tux3nb", *argv]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env={**os.environ})
