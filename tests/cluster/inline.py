"""Workers that are none: tasks are done at once, as functions in this process."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import Any


@dataclass(eq=False)
class Done:
    """A result."""

    result: Any
    key: str


class Inline:
    """A connection (and a client) without Dask; every result travels as bytes, as between processes."""

    def __init__(self, shards: int):
        self.shards, self.client, self.tasks = shards, self, 0

    def place(self, shard: int) -> str:
        return ""

    def submit(self, function, *args, key: str = "", **_) -> Done:
        self.tasks += 1
        return Done(pickle.loads(pickle.dumps(function(*map(self._given, args)))), key)

    def scatter(self, data, **_) -> Done:
        return Done(data, "scattered")

    def results(self, futures, budget=None) -> list:
        return [f.result for f in futures]

    def alive(self) -> bool:
        return True

    def _given(self, arg: Any) -> Any:
        if isinstance(arg, list):
            return [self._given(a) for a in arg]
        return arg.result if isinstance(arg, Done) else arg
