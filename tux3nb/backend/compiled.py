"""Exploration by generated C: the fastest way, where the system has a C compiler.

The search itself is `explore.c`; this module compiles it with the model (`c_text`, `c_library`), hands the policy
tables over, and reads the answers back into an :class:`~tux3nb.exploration.Exploration`. The C function returns every
twentieth of a second, so Ctrl-C, limits and the progress line work as in the other engines.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import weakref
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cached_property, partial

from ..errors import ModelError
from ..event import explain
from ..exploration import FORGOTTEN, Budget, Exploration, Limits, Progress, Stopped
from ..layout import WORD
from ..policy import Family
from ..system import System
from .c_library import library
from .c_text import Source, c_source
from .plan import Plan
from .ranks import Ranks
from .scalar import Printed, print_system

MORE, LAYER, DONE, ERROR, NO_MEMORY, WENT_BACK = range(6)
SLICE = 0.05  # seconds between two looks at the clock and at Ctrl-C
EXPORTED = 4096  # arrivals whose edges are exported at once

_U64P = ctypes.POINTER(ctypes.c_uint64)
_SIGNATURES = {  # result, arguments; every function but the first takes the run
    "explore_begin": (
        ctypes.c_void_p,
        [_U64P, _U64P, _U64P, ctypes.c_char_p, ctypes.c_int, _U64P, ctypes.c_uint64, ctypes.c_uint64],
    ),
    "explore_free": (None, []),
    "explore_some": (ctypes.c_int, [ctypes.c_double]),
    "explore_stop": (None, []),
    "explore_states": (ctypes.c_uint64, []),
    "explore_frontier": (ctypes.c_uint64, []),
    "explore_bytes": (ctypes.c_uint64, []),
    "explore_peak": (ctypes.c_uint64, []),
    "explore_sets": (ctypes.c_uint64, []),
    "explore_layers": (ctypes.c_uint64, []),
    "explore_counts": (None, [ctypes.c_int, _U64P]),
    "explore_fired": (None, [_U64P]),
    "explore_noted": (None, [_U64P]),
    "explore_found": (ctypes.c_uint64, []),
    "explore_found_at": (ctypes.c_void_p, []),
    "explore_reached_by": (ctypes.c_void_p, []),
    "explore_error": (ctypes.c_int64, [_U64P]),
    "explore_arrival": (ctypes.c_int64, [_U64P, ctypes.c_int]),
    "explore_before": (ctypes.c_int64, [ctypes.c_uint64, ctypes.c_int, _U64P, _U64P]),
    "explore_export": (ctypes.c_int64, [ctypes.c_int, ctypes.c_uint64, ctypes.c_uint64, ctypes.POINTER(_U64P)]),
    "explore_from": (ctypes.c_int64, [_U64P, _U64P, ctypes.POINTER(_U64P)]),
    "explore_settled": (ctypes.c_int, [_U64P]),
    "explore_halted": (ctypes.c_int, [_U64P]),
    "explore_arrived": (ctypes.c_uint64, [ctypes.c_int]),
    "explore_arrival_at": (ctypes.c_uint64, [ctypes.c_int, ctypes.c_uint64, _U64P, _U64P]),
    "explore_sweep": (ctypes.c_int64, [ctypes.c_uint64]),
    "explore_stuck": (ctypes.c_int64, [ctypes.c_int, ctypes.c_uint64, ctypes.c_uint64, _U64P, _U64P, _U64P]),
}


def explore_compiled(
    system: System,
    family: Family,
    limits: Limits | None = None,
    policies: int | None = None,
    progress: Progress | None = None,
    wait: bool = True,
    threads: int | None = None,
    forget: bool = False,
) -> Exploration | None:
    """Explore as `tux3nb.explore.explore` does, by compiled code; None where there is no (working) C compiler.

    The first call for a system compiles it (about two seconds), later ones find it in the user's cache. With
    ``wait=False`` compiling goes on in the background and None is returned until it is done. `threads` is 1 or 2
    (default: as many processors as there are); the answers do not depend on it.

    With ``forget=True`` a state is dropped once no run can come back to it (see `ranks`): a fraction of the memory, the
    same counts, depths, events and violations by policy. What needs the whole graph is not there: progress is
    unfinished, `arrivals` and `edges` are errors. A shortest run is found by exploring its one policy again. Levels are
    not in order of depth: where such a run is stopped early, its violations are real, perhaps not the shallowest.

    Raises ModelError as explore does, and where nothing can be forgotten.
    """
    engine = Engine.of(system, family, wait)
    if engine is None:
        return None
    begin = partial(Handle, engine, system, family, threads=threads)
    handle = begin(family.all if policies is None else policies, ranks=ranks_of(system) if forget else None)
    graph = ForgottenGraph(begin, engine.source.plan) if forget else CompiledGraph(handle, engine.source.plan)
    run = Exploration(system, family, Stepper(system, family, handle), graph)
    if forget:
        run.unjudged.update({p.id: FORGOTTEN for p in system.properties if p.needs_graph})
    try:
        search_compiled(run, handle, Budget(limits or Limits(), progress))
    except Stopped as e:
        run.stopped = str(e)
    except KeyboardInterrupt:
        run.stopped = "interrupted"
    return run


class Engine:
    """One loaded library with its source: the search of one system, for policy sets of one size."""

    def __init__(self, source: Source, words: int, code: ctypes.CDLL):
        self.source, self.words, self.code = source, words, code
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(code, name)
            function.restype = result
            function.argtypes = arguments if name == "explore_begin" else [ctypes.c_void_p, *arguments]

    @classmethod
    def of(cls, system: System, family: Family, wait: bool = True) -> Engine | None:
        """The engine of `system`, compiled if need be (see `explore_compiled`); None where that is not possible."""
        words = max(1, -(-len(family) // WORD))
        kept = vars(system).setdefault("_compiled", {})  # lives as long as the system
        if words not in kept:
            if "source" not in kept:
                kept["source"] = c_source(system)
            code = library(kept["source"].text, words, wait)
            if code is None:
                return None
            kept[words] = cls(kept["source"], words, code)
        return kept[words]


def ranks_of(system: System) -> Ranks:
    """The ranks of `system`, found once."""
    kept = vars(system).setdefault("_compiled", {})
    if "ranks" not in kept:
        kept["ranks"] = Ranks(system)
    return kept["ranks"]


class Handle:
    """A run inside the library, with the buffers that it needs to live."""

    def __init__(
        self,
        engine: Engine,
        system: System,
        family: Family,
        policies: int,
        threads: int | None = None,
        ranks: Ranks | None = None,
    ):
        self.engine, self.kw, self.nw = engine, system.layout.words, engine.words
        self._tables = _words([word for row in engine.source.tables(family) for word in _split(row, self.nw)])
        self._parts = _words(ranks.words() if ranks else [])
        parts, levels = (len(ranks.parts), ranks.levels) if ranks else (0, 1)
        self._releases = bytes(step.rule.release for step in system.steps)
        start, mask = self.words(system.start, self.kw), self.words(policies, self.nw)
        threads = threads or min(2, os.cpu_count() or 1)
        self._run = engine.code.explore_begin(
            start, mask, self._tables, self._releases, threads, self._parts, parts, levels
        )
        if not self._run:
            raise MemoryError
        weakref.finalize(self, engine.code.explore_free, self._run)

    def __getattr__(self, name):
        function = getattr(self.engine.code, f"explore_{name}")
        return lambda *arguments: function(self._run, *arguments)

    @staticmethod
    def words(value: int, n: int):
        """A buffer of `n` words that holds `value`."""
        return (ctypes.c_uint64 * n)(*_split(value, n))

    @staticmethod
    def value(buffer) -> int:
        return int.from_bytes(bytes(buffer), "little")

    def masks(self, ask, n: int) -> list[int]:
        """`n` policy sets that the function `ask` writes into a buffer."""
        buffer = (ctypes.c_uint64 * (n * self.nw + 1))()
        ask(buffer)
        raw, size = bytes(buffer), 8 * self.nw
        return [int.from_bytes(raw[i * size : (i + 1) * size], "little") for i in range(n)]

    def edges_at(self, address, n: int) -> Iterator[tuple[int, int, int, int]]:
        """(state, step, successor, policies) of `n` exported edges."""
        if n < 0:
            raise MemoryError
        kw, size = self.kw * 8, 8 * (1 + 2 * self.kw + self.nw)
        raw = ctypes.string_at(address, n * size) if n else b""
        for i in range(0, len(raw), size):
            cuts = (i, i + 8, i + 8 + kw, i + 8 + 2 * kw, i + size)
            step, a, b, k = (int.from_bytes(raw[x:y], "little") for x, y in itertools.pairwise(cuts))
            yield a, step, b, k


def _words(values: list[int]):
    """A buffer of words that the library may read as long as it lives."""
    words = array("Q", values or [0])
    return (ctypes.c_uint64 * len(words)).from_buffer(words)


def _split(value: int, n: int) -> Iterator[int]:
    return (value >> WORD * k & (1 << WORD) - 1 for k in range(n))


class Stepper:
    """What `tux3nb.backend.scalar.Printed` is to the other engines, without printing Python for a family anew."""

    def __init__(self, system: System, family: Family, handle: Handle):
        self._system, self._family, self.handle = system, family, handle

    def expand(self, state: int, policies: int, out: list):
        """Append (step index, successor, policies) for every step that some of `policies` take; no events."""
        h, at = self.handle, _U64P()
        n = getattr(h, "from")(h.words(state, h.kw), h.words(policies, h.nw), ctypes.byref(at))
        out += [(step, after, k) for _, step, after, k in h.edges_at(at, n)]

    def settled(self, state: int) -> bool:
        return bool(self.handle.settled(self.handle.words(state, self.handle.kw)))

    def halted(self, state: int) -> bool:
        return bool(self.handle.halted(self.handle.words(state, self.handle.kw)))

    @cached_property
    def _printed(self) -> Printed:
        return print_system(self._system, self._family)

    def __getattr__(self, name):  # judge, events, plan, source: for curious readers only
        return getattr(self._printed, name)


def search_compiled(run: Exploration, handle: Handle, budget: Budget):
    """Explore into `run`. Raises Stopped and KeyboardInterrupt with what was covered kept, ModelError as explore."""
    try:
        code = MORE
        while code in (MORE, LAYER):
            code = handle.some(SLICE)
            states = handle.states()
            if code in (LAYER, DONE):
                budget.layer_done(handle.layers(), handle.frontier(), states)
            elif code == MORE:
                budget.check(states)
        if code == NO_MEMORY:
            raise Stopped("memory")
        if code == ERROR:
            state = handle.words(0, handle.kw)
            event = run.graph.plan.events[handle.error(state) - 1]
            raise explain(event, run.system, handle.value(state))
        if code == WENT_BACK:
            raise ModelError("a step leads back to a state that may be forgotten: the ranks are wrong")
    finally:
        handle.stop()
        _read_back(run, handle)


def _read_back(run: Exploration, handle: Handle):
    """Counts, events and violations into `run`."""
    system, planned = run.system, run.graph.plan
    run.shared_states = handle.states()
    for edges, masks in ((0, run.state_masks), (1, run.edge_masks)):
        counts = (ctypes.c_uint64 * (handle.nw * WORD))()
        handle.counts(edges, counts)
        masks.update(Counter({1 << i: counts[i] for i in range(len(run.family)) if counts[i]}))
    run.depths = _masks_at(handle.reached_by(), handle.layers(), handle.nw)
    fired = handle.masks(handle.fired, len(system.steps))
    run.fired.update({i: mask for i, mask in enumerate(fired) if mask})
    for event, mask in zip(planned.events, handle.masks(handle.noted, len(planned.events)), strict=True):
        if mask:
            (run.reached if event.kind == "mark" else run.limits)[event.name] |= mask
    size = 4 + handle.kw + handle.nw
    raw = ctypes.string_at(handle.found_at(), handle.found() * size * 8) if handle.found() else b""
    found = []
    for at in range(0, len(raw), size * 8):
        what, _, depth, step = (int.from_bytes(raw[at + 8 * k : at + 8 * k + 8], "little") for k in range(4))
        state = int.from_bytes(raw[at + 32 : at + 32 + 8 * handle.kw], "little")
        mask = int.from_bytes(raw[at + 32 + 8 * handle.kw : at + 8 * size], "little")
        event = planned.events[what] if step else None
        prop, reason = (event.name, event.detail) if event else system.clauses[what][:2]
        found.append((depth, prop, reason, state, mask, step - 1 if step else None))
    for depth, prop, reason, state, mask, step in sorted(found, key=lambda f: f[0]):  # levels are not in this order
        run.violate(prop, reason, depth, state, mask, step)


def _masks_at(address: int, n: int, words: int) -> list[int]:
    raw = ctypes.string_at(address, 8 * n * words) if n else b""
    return [int.from_bytes(raw[8 * words * i : 8 * words * (i + 1)], "little") for i in range(n)]


class CompiledGraph:
    """The `tux3nb.exploration.Graph` of a compiled run: states stay in C, edges are computed again when asked for."""

    def __init__(self, handle: Handle, plan: Plan):
        self._handle, self.plan = handle, plan
        self._swept = False

    @property
    def arrivals(self) -> dict[int, list[tuple[int, int]]]:
        """Made anew each time it is asked for."""
        h, found = self._handle, []
        state, mask = h.words(0, h.kw), h.words(0, h.nw)
        for shard in range(2):
            for n in range(h.arrived(shard)):
                depth = h.arrival_at(shard, n, state, mask)
                found.append((depth, h.value(state), h.value(mask)))
        out: dict[int, list[tuple[int, int]]] = {}
        for depth, packed, policies in sorted(found, key=lambda a: a[0]):
            out.setdefault(packed, []).append((depth, policies))
        return out

    @property
    def edges(self) -> list[tuple[int, int, int, int]]:
        """Made anew each time it is asked for."""
        h, out, at = self._handle, [], _U64P()
        for shard in range(2):
            for begin in range(0, h.arrived(shard), EXPORTED):
                out += h.edges_at(at, h.export(shard, begin, EXPORTED, ctypes.byref(at)))
        return out

    def arrival(self, policy: int, state: int) -> int:
        return self._handle.arrival(self._handle.words(state, self._handle.kw), policy)

    def layer(self, policy: int, depth: int) -> Iterator[int]:
        h = self._handle
        state, mask = h.words(0, h.kw), h.words(0, h.nw)
        for shard in range(2):
            numbers = range(h.arrived(shard))
            first = bisect_left(numbers, depth, key=lambda n, t=shard: h.arrival_at(t, n, state, mask))
            for n in numbers[first:]:
                if h.arrival_at(shard, n, state, mask) != depth:
                    break
                if h.value(mask) >> policy & 1:
                    yield h.value(state)

    def before(self, policy: int, state: int, depth: int) -> tuple[int, int]:
        """Of several the one with the lowest step number, then the lowest state."""
        h = self._handle
        source = h.words(0, h.kw)
        step = h.before(depth - 1, policy, h.words(state, h.kw), source)
        if step < 0:
            raise ModelError(f"policy {policy} does not reach that state in layer {depth}")
        return h.value(source), step

    def _sweep(self):
        """Find out which policies can settle from where: sweeps over all layers, until one changes nothing."""
        h, changes = self._handle, 0 if self._swept else 1
        while changes:
            changes = 0
            for layer in reversed(range(h.layers())):
                found = h.sweep(layer)
                if found < 0:
                    raise MemoryError
                changes += found
        self._swept = True

    def _stuck(self, first: bool) -> Iterator[tuple[int, int, int]]:
        """(depth, state, policies) of every arrival of policies that cannot settle, layer by layer; with `first` a
        policy comes once."""
        self._sweep()
        h = self._handle
        state, mask, skip = h.words(0, h.kw), h.words(0, h.nw), h.words(0, h.nw)
        for layer in range(h.layers()):
            for shard in range(2):
                at = -1
                while (at := h.stuck(shard, layer, at + 1, skip, state, mask)) >= 0:
                    yield layer, h.value(state), h.value(mask)
                    if first:
                        skip = h.words(h.value(skip) | h.value(mask), h.nw)

    def stuck(self) -> Iterator[tuple[int, int]]:
        found: Counter = Counter()
        for _, state, mask in self._stuck(False):
            found[state] |= mask
        return iter(found.items())

    def first_stuck(self) -> Iterator[tuple[int, int, int]]:
        return self._stuck(True)

    def stuck_in(self, policy: int, depth: int) -> Iterator[int]:
        self._sweep()
        h = self._handle
        state, mask = h.words(0, h.kw), h.words(0, h.nw)
        others = h.words(~(1 << policy) & (1 << WORD * h.nw) - 1, h.nw)
        for shard in range(2):
            at = -1
            while (at := h.stuck(shard, depth, at + 1, others, state, mask)) >= 0:
                yield h.value(state)


class ForgottenGraph:
    """The `tux3nb.exploration.Graph` of a run that forgot its states: it can still tell shortest runs.

    For these one policy is explored again and kept, as far as it takes; the policy asked for last stays.
    """

    def __init__(self, begin: Callable[[int], Handle], plan: Plan):
        self._begin, self.plan = begin, plan
        self._kept: tuple[int, Handle] | None = None

    def _explored(self, policy: int, enough: Callable[[CompiledGraph], bool]) -> CompiledGraph:
        """The graph of one policy, as far as `enough` wants it or to its end."""
        if self._kept is None or self._kept[0] != policy:
            self._kept = None  # first free the old one
            self._kept = policy, self._begin(1 << policy)
        handle = self._kept[1]
        graph = CompiledGraph(handle, self.plan)
        while handle.frontier() and not enough(graph):
            if handle.some(SLICE) == NO_MEMORY:
                raise MemoryError
        return graph

    def arrival(self, policy: int, state: int) -> int:
        return self._explored(policy, lambda graph: graph.arrival(policy, state) >= 0).arrival(policy, state)

    def layer(self, policy: int, depth: int) -> Iterator[int]:
        return self._explored(policy, lambda _: self._kept[1].layers() >= depth).layer(policy, depth)

    def before(self, policy: int, state: int, depth: int) -> tuple[int, int]:
        return self._explored(policy, lambda _: self._kept[1].layers() >= depth).before(policy, state, depth)

    def _gone(self, *_):
        raise ModelError("this run forgot its states; explore without forget for the whole graph")

    arrivals = edges = property(_gone)
    stuck = first_stuck = stuck_in = _gone
