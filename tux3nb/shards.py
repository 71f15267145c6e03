"""How the search by whole layers divides its work: shards of states, chunks of a layer, two cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np

from .backend.chunk import Chunk
from .backend.sets import ID
from .backend.visited import hashes

SHARDS = 2  # states are divided by hash; each shard is deduplicated by itself, so the cores do not meet
SMALLEST, LARGEST = 1 << 16, 1 << 18  # rows in a chunk: with fewer, two threads mostly wait for each other (the GIL)
BATCH = 1 << 20  # rows deduplicated at once: bounds memory beside the states

Part = tuple[np.ndarray, np.ndarray]  # words (n, words of a state), policy sets (n)
Piece = tuple[np.ndarray, np.ndarray, np.ndarray]  # words, hashes, policy sets


@cache
def cores() -> ThreadPoolExecutor:
    """Threads for big array operations, during which numpy lets others run; one pool for the whole process."""
    return ThreadPoolExecutor(min(SHARDS, os.cpu_count() or 1))


def spread(function: Callable, rows: int, *arguments: Iterable) -> Iterator:
    """``map``, on both cores where the arrays have so many rows together that this pays."""
    return (cores().map if rows > SMALLEST else map)(function, *arguments)


def shard_of(h: np.ndarray) -> np.ndarray:
    """The shard of each state, by its hash."""
    return (h >> np.uint64(40)).astype(np.int64) % SHARDS


def joined(arrays: list[np.ndarray], kind) -> np.ndarray:
    return np.concatenate(arrays) if arrays else np.empty(0, kind)


def successors(chunk: Chunk) -> Part:
    """All successors of a chunk in one array."""
    total = sum(len(rows) for _, rows, _, _ in chunk.moves)
    words, ids = np.empty((total, len(chunk.words)), np.int64), np.empty(total, ID)
    at = 0
    for _, rows, policies, columns in chunk.moves:
        end = at + len(rows)
        ids[at:end] = policies
        for k, column in enumerate(columns):
            words[at:end, k] = column
        at = end
    return words, ids


def divide(words: np.ndarray, ids: np.ndarray) -> list[Piece]:
    """(words, hashes, policy sets) for each shard."""
    h = hashes(words)
    shard = shard_of(h)
    where = [np.flatnonzero(shard == n) for n in range(SHARDS)]
    return [(words[at], h[at], ids[at]) for at in where]
