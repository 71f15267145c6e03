"""Work in several processes: the one pool of all commands.

A process that dies (killed, out of memory, broken at its start) ends the work with an error and never with a wait.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context, parent_process

from tux3nb.errors import WorkerDied
from tux3nb.safepath import child_environment, safe_path

MOST = 60  # Windows can wait for no more


def each(function: Callable, work: Iterable, jobs: int) -> Iterator:
    """Yield ``function(item)`` for each item of `work`, in its order, computed in `jobs` processes.

    `function` is one of a module; items and results can be pickled. Raises WorkerDied, and what `function` raises.
    Whatever ends the iteration early, Ctrl-C or an error, ends the processes at once.
    """
    before = set(active_children())
    pool = ProcessPoolExecutor(max(1, min(jobs, MOST)), get_context("spawn"), _begin)
    try:
        with safe_start():
            futures = [pool.submit(function, item) for item in work]
        for future in futures:
            yield future.result()
    except BaseException as error:
        for process in set(active_children()) - before:
            process.kill()
        if isinstance(error, BrokenProcessPool):
            raise WorkerDied from None
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def safe_start() -> Iterator[None]:
    """Processes started inside look for no module in the current folder, and Ctrl-C reaches this process only.

    It does so when they are started: a process that got only half of what it needs would tell of that at length.
    """
    path, environment, pressed = sys.path[:], dict(os.environ), []
    handler = signal.getsignal(signal.SIGINT) if threading.current_thread() is threading.main_thread() else None
    if callable(handler):
        signal.signal(signal.SIGINT, lambda *_: pressed.append(True))
    sys.path[:] = safe_path()
    os.environ.update(child_environment())
    masked = hasattr(signal, "pthread_sigmask") and signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        if masked is not False:
            signal.pthread_sigmask(signal.SIG_SETMASK, masked)
        sys.path[:] = path
        for name in ("PYTHONPATH", "PYTHONSAFEPATH"):
            if name in environment:
                os.environ[name] = environment[name]
            else:
                os.environ.pop(name, None)
        if callable(handler):
            signal.signal(signal.SIGINT, handler)
        if pressed:
            signal.raise_signal(signal.SIGINT)


def _begin():
    """In a worker: leave Ctrl-C to the first process, and end when that one is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # little of what these few minutes leave behind are cycles: looking for them takes a fifth of the time
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent():
    parent_process().join()
    os._exit(1)
