"""One large world on many workers: a layer at a time, states divided among shards by their hash.

What a search of one process does in a loop is done here in tasks (`tux3nb.cluster.shard`): each shard expands what
arrived in it, gives every successor to the shard that its hash names, and takes in what it is given. What a layer has
told (violations, events, counts) comes back as a report and is entered once. Layers are kept by Dask: a worker that
dies takes its layers along, and Dask computes just these again, from those before them.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tux3nb.cluster import shard as on
from tux3nb.cluster.checkpoint import Checkpoint
from tux3nb.cluster.connect import Connection
from tux3nb.cluster.sets import Texts
from tux3nb.cluster.shard import Head, Layer, Work, divided, heard
from tux3nb.engine.frontier.graph import LayerGraph
from tux3nb.engine.frontier.hashing import hashes
from tux3nb.engine.result import Budget, Exploration

if TYPE_CHECKING:
    from distributed import Future


@dataclass(eq=False)
class Search:
    """A search of one run on a cluster. making: see `Work`. kept: the checkpoint, if there is to be one.

    layers: by shard, a result for each layer. heads: the same in numbers.
    """

    at: Connection
    making: on.Making
    run: Exploration
    budget: Budget
    kept: Checkpoint | None = None
    layers: list[list[Future]] = field(default_factory=list)
    heads: list[list[Head]] = field(default_factory=list)
    _begun: int = 0

    def __post_init__(self) -> None:
        self._told = self.kept.head() if self.kept else None
        shards = self._told["shards"] if self._told else self.at.shards
        self.texts = Texts(self.run.numbers)
        self.work = Work(uuid.uuid4().hex, self.making, shards, self.budget.limits.memory)
        self.layers, self.heads = [[] for _ in range(shards)], [[] for _ in range(shards)]

    @property
    def shards(self) -> range:
        return range(self.work.shards)

    # ---- tasks ---------------------------------------------------------------------------------------------
    def submit(self, shard: int, name: str, function: Callable, *args: Any) -> Future:
        """A task, best done where the shard is."""
        return self.at.submit(shard, f"{name}-{self.work.run}-{uuid.uuid4().hex[:12]}", function, *args)

    def each(self, name: str, function: Callable, *columns: list) -> list[Future]:
        """A task for each shard, of the run, and of what stands in each column for the shard."""
        rows = zip(self.shards, *columns, strict=True)
        return [self.submit(s, name, function, self.work, *row) for s, *row in rows]

    def exchanged(self, name: str, several: list[Future], *path: int) -> list[list[Future]]:
        """Of each shard's list for all shards (a part of its result), what is meant for a shard: [to][from]."""
        return [[self.submit(s, name, on.part, several[s], *path, t) for s in self.shards] for t in self.shards]

    def results(self, futures: list[Future]) -> list[Any]:
        """The results, once all are there. Raises what a task raised, and WorkerDied."""
        return self.at.results(futures)

    # ---- searching -----------------------------------------------------------------------------------------
    def begin(self, layers: list[dict[int, int]]) -> None:
        """The layers of a search in this process, of which the last is still to be expanded; or a checkpoint's."""
        if self.kept and self._told:
            self.kept.restore(self.run, self.texts, self._told)
            for depth in range(self.kept.written):
                for s, layer in enumerate(self.kept.layer(depth, self.work.shards)):
                    self.enter(s, layer, data=True)
            return
        tables = [LayerGraph(self.run) for _ in self.shards]
        for states in layers:
            for s, (words, ids) in enumerate(divided(states, self.run.system.layout, self.work.shards)):
                tables[s].arrive((words, hashes(words.T), ids))
                self.enter(s, on.closed(tables[s], self.texts))

    def enter(self, shard: int, layer: Layer, data: bool = False) -> None:
        """A layer that this process has. data: too large for the scheduler to remember, and lost with a worker."""
        future = self.at.send(shard, layer) if data else self.submit(shard, "begin", on.itself, layer)
        self.layers[shard].append(future)
        self.heads[shard].append(on.head(layer))

    def go_on(self) -> None:
        """Expand one layer after the other, until none brings anything."""
        self._begun = len(self.layers[0]) - 1
        while any(heads[-1].arrivals for heads in self.heads):
            self._layer()
            states = sum(heads[-1].states for heads in self.heads)
            self.run.shared_states = states
            frontier = sum(heads[-1].arrivals for heads in self.heads)
            if self.kept:
                self.kept.keep(self.layers, self.results, self.run, self.texts)
            self.tell()
            self.budget.layer_done(len(self.run.depths), frontier, states)

    def _layer(self) -> None:
        depth = len(self.layers[0]) - 1
        last = [layers[-1] for layers in self.layers]
        with_all = self._begun == depth  # nobody has a table yet: whoever makes it is given all layers
        given = [layers if with_all else layers[-1:] for layers in self.layers]
        keys = [[] if with_all else [f.key for f in layers[:-1]] for layers in self.layers]
        expanded = self.each("expand", on.expand, [depth] * len(last), last)
        reports = [self.submit(s, "report", on.part, f, 0) for s, f in enumerate(expanded)]
        parcels = self.exchanged("parcel", expanded, 1)
        new = self.each("absorb", on.absorb, list(self.shards), given, parcels, keys)
        heads = [self.submit(s, "head", on.head, f) for s, f in enumerate(new)]
        found = self.at.results(reports + heads, self.budget)
        numbers = self.run.numbers
        here = found[: len(reports)]
        for report in here:
            heard(self.run, self.texts, report)
        self.run.depths.append(numbers.number(numbers.join(self.texts.number(r.depth) for r in here)))
        for s, future in enumerate(new):
            self.layers[s].append(future)
            self.heads[s].append(found[len(reports) + s])

    def tell(self) -> None:
        """Tell whoever follows how each worker is."""
        show = getattr(self.budget.progress, "workers", None)
        if show:
            last = [heads[-1] for heads in self.heads]
            seconds = max(self.budget.seconds, 1e-9)
            show(
                {
                    worker: (
                        sum(h.states for h in last if h.worker == worker),
                        sum(h.states for h in last if h.worker == worker) / seconds,
                        max(h.memory for h in last if h.worker == worker),
                    )
                    for worker in sorted({h.worker for h in last})
                }
            )
