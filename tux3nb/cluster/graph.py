"""What can be asked about states that are on many workers; see `tux3nb.engine.result.Graph`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tux3nb.cluster import shard as on
from tux3nb.cluster.search import Search
from tux3nb.engine.frontier.tables import words_of

if TYPE_CHECKING:
    from distributed import Future


class ShardedGraph:
    """The states of a search, where its workers keep them."""

    def __init__(self, search: Search):
        self.search, self.run = search, search.run

    # ---- asking --------------------------------------------------------------------------------------------
    def _ask(self, name: str, function: Any, depth: int, *args: Any) -> list[Any]:
        """What a function says of each shard's part of a layer."""
        s = self.search
        return s.results([s.submit(n, name, function, s.work, s.layers[n][depth], *args) for n in s.shards])

    @property
    def depths(self) -> range:
        return range(len(self.search.layers[0]))

    @property
    def arrivals(self) -> dict[int, list[tuple[int, int]]]:
        """Made anew at every call: large."""
        out: dict[int, list[tuple[int, int]]] = {}
        for depth in self.depths:
            for found in self._ask("arrived", on.arrived, depth):
                for state, text in found:
                    out.setdefault(state, []).append((depth, self.search.texts.number(text)))
        return out

    @property
    def edges(self) -> list[tuple[int, int, int, int]]:
        """Made anew at every call: large."""
        number = self.search.texts.number
        found = (e for depth in self.depths for part in self._ask("edges", on.edges, depth) for e in part)
        return [(state, step, after, number(text)) for state, step, after, text in found]

    def arrival(self, policy: int, state: int) -> int:
        s = self.search
        policies = s.texts.text(policy)
        shard = on.shard_of(words_of([state], self.run.system.layout)[0], s.work.shards)
        asked = [s.submit(shard, "has", on.has, s.work, f, policies, state) for f in s.layers[shard]]
        return next((depth for depth, found in enumerate(s.results(asked)) if found), -1)

    def layer(self, depth: int) -> Iterator[tuple[int, int]]:
        for found in self._ask("arrived", on.arrived, depth):
            yield from ((state, self.search.texts.number(text)) for state, text in found)

    def before(self, state: int, depth: int) -> Iterator[tuple[int, int, int, int]]:
        number = self.search.texts.number
        for found in self._ask("before", on.before, depth - 1, state):
            yield from ((step, source, number(k), number(mine)) for step, source, k, mine in found)

    # ---- progress ------------------------------------------------------------------------------------------
    @cached_property
    def _stuck(self) -> list[Future]:
        """For each shard the states that cannot settle."""
        settling = Settling(self.search)
        settling.follow(settling.sweep())
        return settling.each("stuck", on.stuck)

    @cached_property
    def _any_stuck(self) -> bool:
        s = self.search
        return any(n for n, _ in s.results([s.submit(k, "gained", on.gained, f) for k, f in enumerate(self._stuck)]))

    def stuck(self) -> Iterator[tuple[int, int]]:
        s = self.search
        asked = [
            s.submit(n, "stuck", on.all_stuck, s.work, layers, lost)
            for n, layers, lost in zip(s.shards, s.layers, self._stuck, strict=True)
        ]
        for found in s.results(asked):
            yield from ((state, s.texts.number(text)) for state, text in found)

    def first_stuck(self) -> Iterator[tuple[int, int, int]]:
        numbers, done = self.run.numbers, 0
        for depth in self.depths if self._any_stuck else ():
            for state, policies in self._stuck_at(depth, False):
                new = numbers.minus[policies][done]
                if new:
                    yield depth, state, new
                    done = numbers.union[done][new]

    def stuck_in(self, depth: int) -> Iterator[tuple[int, int]]:
        return self._stuck_at(depth, True)

    def _stuck_at(self, depth: int, every: bool) -> Iterator[tuple[int, int]]:
        s = self.search
        asked = [
            s.submit(n, "stuck", on.stuck_here, s.work, s.layers[n][depth], lost, every)
            for n, lost in enumerate(self._stuck)
        ]
        for found in s.results(asked):
            yield from ((state, s.texts.number(text)) for state, text in found)


class Settling:
    """From which states, under which policies, a settled state can be reached; see `engine.frontier.graph`.

    A sweep from the last layer to the first asks, for what is open in each state, the owners of its successors. Edges
    that this leaves open are asked about again until no answer brings anything.
    """

    def __init__(self, search: Search):
        self.search = search
        self.keys = [[f.key for f in layers] for layers in search.layers]
        self.gains: list[list[Future]] = [[] for _ in search.shards]

    def each(self, name: str, function: Any, *columns: list) -> list[Future]:
        """A task for each shard as it stands now."""
        s = self.search
        gains = [[*(f.key for f in g[:-1]), *g[-1:]] for g in self.gains]
        rows = zip(s.shards, self.keys, gains, *columns, strict=True)
        return [s.submit(n, name, function, s.work, n, *row, keys, known) for n, keys, known, *row in rows]

    def sweep(self) -> list[Future]:
        """Ask from the last layer to the first; the edges that are left open."""
        for depth in range(len(self.keys[0]) - 1, -1, -1):  # nobody waits: all of it is one graph of tasks
            self._step(self.each("ask", on.ask, [depth] * len(self.keys)))
        s = self.search
        return [s.submit(n, "open", on.left_open, gains) for n, gains in enumerate(self.gains)]

    def follow(self, edges: list[Future]) -> None:
        """Ask about the open edges until nothing changes."""
        while True:
            s = self.search
            edges = self._step([self._again(n, f) for n, f in enumerate(edges)])
            found = s.results([s.submit(n, "gained", on.gained, f) for n, f in enumerate(edges)])
            gained, left = zip(*found, strict=True)
            if not sum(gained) or not sum(left):
                return

    def _again(self, shard: int, edges: Future) -> Future:
        s = self.search
        return s.submit(shard, "ask", on.ask_again, s.work, edges)

    def _step(self, asked: list[Future]) -> list[Future]:
        """Let the owners answer, and enter what each shard has gained."""
        s = self.search
        answers = s.exchanged("answers", self.each("answer", on.answer, s.exchanged("question", asked, 1)))
        gains = [
            s.submit(n, "settle", on.settle, s.work, *both) for n, both in enumerate(zip(asked, answers, strict=True))
        ]
        for known, gain in zip(self.gains, gains, strict=True):
            known.append(gain)
        return gains
