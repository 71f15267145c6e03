"""Finding a scheduler and its workers, and what becomes of an error on the way.

Dask is imported here and in the other modules of this package only, and this package only where it is asked for.
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from tux3nb import __version__
from tux3nb.engine.result import Budget
from tux3nb.errors import UserError, WorkerDied
from tux3nb.paths import PACKAGE
from tux3nb.workers import safe_start

if TYPE_CHECKING:
    from distributed import Client, Future

MISSING = "dask.distributed is not installed: pip install 'tux3nb[cluster]'"
ANSWERS = 30.0  # seconds that a scheduler has to answer
COMES = 30.0  # seconds that its first worker has to come
PATIENCE = 60.0  # seconds without any worker after which a run ends
# Dask has glibc give every freed array back at once; asking for it again costs a third of the processors' time.
ARENAS = {"MALLOC_TRIM_THRESHOLD_": 64 << 20, "MALLOC_MMAP_THRESHOLD_": 32 << 20}
LOOK = 0.5  # seconds between two looks at the clock and at the workers
SAME = ("cases", "catalogue", "cluster", "engine", "model", "answers")  # what client and workers must have the same of


@cache
def fingerprint() -> str:
    """The version of this package and a hash of the code that explores, as ``0.2.0 (1a2b3c4d)``."""
    found = hashlib.sha256()
    for path in sorted(p for folder in SAME for p in (PACKAGE / folder).rglob("*.py")):
        found.update(f"{path.relative_to(PACKAGE).as_posix()}\n".encode() + path.read_bytes())
    return f"{__version__} ({found.hexdigest()[:8]})"


@dataclass(eq=False)
class Connection:
    """A client with workers of the same code. shards: into how many parts states are divided (0: one a thread).

    checkpoint: the folder in which a search is kept, or None.
    """

    client: Client
    shards: int = 0
    checkpoint: str | None = None
    _places: dict[int, str] = field(default_factory=dict)
    _live: list[str] = field(default_factory=list)
    _seen: float = 0.0

    def __post_init__(self) -> None:
        with translated(self.client):
            threads = self.workers()
            end = time.monotonic() + COMES
            while not threads and time.monotonic() < end:
                time.sleep(0.1)
                threads = self.workers()
            if not threads:
                raise UserError(f"the scheduler at {self.address} has no workers")
            self._same_code()
        self.shards = self.shards or sum(threads.values())

    @property
    def address(self) -> str:
        return self.client.scheduler.address if self.client.scheduler else "?"

    def workers(self) -> dict[str, int]:
        """Address -> threads, of the workers that there are now. Raises WorkerDied where the scheduler is lost."""
        with translated(self.client):
            return self.client.nthreads()

    def alive(self) -> bool:
        """Whether the scheduler answers, and has a worker."""
        try:
            return bool(self.workers())
        except WorkerDied:
            return False

    def _same_code(self) -> None:
        """UserError where a worker has no tux3nb, or another one."""
        try:
            found = self.client.run(fingerprint)
        except (ImportError, AttributeError) as error:
            raise UserError(f"the workers of {self.address} cannot import tux3nb of this version: {error}") from None
        mine = fingerprint()
        for worker, other in found.items():
            if other != mine:
                raise UserError(f"{worker} has tux3nb {other}, and this is {mine}: install the same everywhere")

    def place(self, shard: int) -> str:
        """The worker where a shard is at home; another one when that is gone."""
        if time.monotonic() - self._seen > LOOK:
            self._live = sorted(self.workers())
            self._seen = time.monotonic()
        at = self._places.get(shard)
        if at not in self._live and self._live:
            homes = [w for s, w in self._places.items() if s != shard]
            at = self._places[shard] = min(self._live, key=lambda w: (homes.count(w), w))
        return at or ""

    def submit(self, shard: int, key: str, function: Callable, *args: Any) -> Future:
        """A task, best done where a shard is at home."""
        where = [self.place(shard)]
        with translated(self.client):
            return self.client.submit(function, *args, key=key, workers=where, allow_other_workers=True, pure=False)

    def send(self, shard: int, data: Any) -> Future:
        """Data of this process, to where a shard is at home; lost with that worker."""
        with translated(self.client):
            return self.client.scatter(data, workers=[self.place(shard)], hash=False)

    def drop(self, futures: list[Future]) -> None:
        """Take tasks back; what a lost scheduler says to that is of no interest."""
        with suppress(Exception):
            self.client.cancel(futures)

    def results(self, futures: list[Future], budget: Budget | None = None) -> list[Any]:
        """The results of tasks, once all are there.

        Raises Stopped where a limit of `budget` is exceeded, what a task raised, and WorkerDied when no worker is left.
        """
        from distributed import wait

        alone = time.monotonic()
        with translated(self.client):
            while True:
                with suppress(TimeoutError), self.client.as_current():
                    wait(futures, timeout=LOOK)
                    return self.client.gather(futures)
                if budget:
                    budget.check(0)
                if self.workers():
                    alone = time.monotonic()
                elif time.monotonic() - alone > PATIENCE:
                    raise WorkerDied(why=f"the scheduler at {self.address} has lost all of its workers")


@contextmanager
def translated(client: Client) -> Iterator[None]:
    """Dask's own errors as ours: WorkerDied where a worker, or the scheduler, is gone."""
    from distributed import CancelledError, KilledWorker
    from distributed.comm import CommClosedError

    address = client.scheduler.address if client.scheduler else "?"
    try:
        yield
    except KilledWorker:
        raise WorkerDied(why="worker processes died time and again: they were killed, or memory ran out") from None
    except (CancelledError, CommClosedError, OSError, RuntimeError, ValueError) as error:
        if isinstance(error, CancelledError | CommClosedError | OSError) or client.status != "running":
            raise WorkerDied(why=f"the scheduler at {address} is lost") from None
        raise


@contextmanager
def connected(scheduler: str | None = None, workers: int = 0) -> Iterator[Connection]:
    """The workers of a scheduler, or so many processes of this machine; they end with the block.

    Raises UserError where Dask is missing, the address is none, nothing answers or the code differs.
    """
    try:
        import distributed
    except ImportError:
        raise UserError(MISSING) from None
    for name in [*logging.root.manager.loggerDict, "tornado.application", "asyncio"]:
        if name.partition(".")[0] in ("distributed", "tornado", "asyncio"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what they tell of is told by an error here
    if scheduler is None:
        with safe_start():
            for name, size in ARENAS.items():
                os.environ.setdefault(name, str(size))
            cluster = distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                dashboard_address=":0",
                silence_logs=logging.CRITICAL,
                preload=["tux3nb.cluster.local"],
            )
        with cluster, distributed.Client(cluster) as client:
            yield Connection(client)
        return
    try:
        client = distributed.Client(scheduler, timeout=ANSWERS, set_as_default=False)
    except ValueError as error:
        raise UserError(f"{scheduler!r} is no address of a scheduler ({error}); write tcp://HOST:PORT") from None
    except OSError:
        raise UserError(f"no scheduler answers at {scheduler}") from None
    with client:
        yield Connection(client)
