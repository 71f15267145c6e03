"""Many small pieces of work on workers: the same contract as `tux3nb.workers.each`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tux3nb.cluster.connect import Connection


def each(at: Connection, function: Callable, work: Iterable) -> Iterator[Any]:
    """Yield ``function(item)`` for each item of `work`, in its order, computed by whichever worker is free.

    `function` is one of a module. Raises WorkerDied, and what `function` raises; whatever ends the iteration early
    takes back what has not begun.
    """
    futures = [at.client.submit(function, item, pure=False) for item in work]
    try:
        for future in futures:
            yield at.results([future])[0]
    finally:
        at.drop(futures)
