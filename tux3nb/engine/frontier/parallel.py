"""How the search by whole layers divides its work: pieces of a layer, some of them at a time in threads."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

LARGEST = 1 << 15  # rows in a piece: with far fewer, threads mostly wait for each other (the GIL)
AHEAD = 3  # pieces under way: enough to keep two cores busy, not a whole layer in memory

Result = TypeVar("Result")


@cache
def threads() -> ThreadPoolExecutor:
    """Threads for big array operations, during which numpy lets others run; one pool for the whole process."""
    return ThreadPoolExecutor(min(2, os.cpu_count() or 1))


def pieces(rows: int) -> list[slice]:
    """So many rows in pieces."""
    return [slice(a, min(a + LARGEST, rows)) for a in range(0, rows, LARGEST)]


def each(function: Callable[[slice], Result], rows: int) -> Iterator[Result]:
    """``function(piece)`` for each piece of so many rows, in order; several at a time where there are several."""
    todo = pieces(rows)
    if len(todo) < 2:
        yield from map(function, todo)
        return
    running = [threads().submit(function, piece) for piece in todo[:AHEAD]]
    for n in range(len(todo)):
        done = running.pop(0).result()
        if n + AHEAD < len(todo):
            running.append(threads().submit(function, todo[n + AHEAD]))
        yield done
