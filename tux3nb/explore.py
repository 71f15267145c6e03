"""Breadth-first exploration of a system for a whole family of policies at once.

A state carries the set of policies under which it is reachable, as a bit mask. A step that reads a feature splits
that set. Every (state, policy) pair is expanded exactly once, in the layer where it is first reached, so each policy
gets the same states, edges and shortest depths as a search of its own would give.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .backend.plan import explain
from .backend.scalar import Printed, print_system
from .errors import ModelError
from .policy import Family, bits
from .system import System

HOLDS, REFUSED, VIOLATED, UNFINISHED = "HOLDS", "HOLDS(refused)", "VIOLATED", "UNFINISHED"


@dataclass
class Limits:
    """What ends an exploration early: states, seconds; None is no limit."""

    states: int | None = None
    seconds: float | None = None


@dataclass
class Violation:
    """Where one property first fails for a set of policies: the layer, the state, and the step if one broke it."""

    property: str
    reason: str
    depth: int
    state: int
    policies: int
    step: int | None = None


@dataclass
class Exploration:
    """All that one exploration found, by policy (bit masks over `family`).

    arrivals: state -> [(depth, policies)], in order of depth. edges: (state, step, successor, policies).
    states / edge_count: per policy. reached, limits: name -> policies. fired: step index -> policies.
    finished is False when a limit of the run itself (not of the model) ended it; `stopped` says which.
    """

    system: System
    family: Family
    printed: Printed
    arrivals: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    edges: list[tuple[int, int, int, int]] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    reached: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    limits: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    fired: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    depths: list[int] = field(default_factory=list)
    stopped: str | None = None
    _state_masks: Counter = field(default_factory=Counter)
    _edge_masks: Counter = field(default_factory=Counter)

    @property
    def shared_states(self) -> int:
        return len(self.arrivals)

    def states(self, policy: int) -> int:
        """Distinct states reachable under one policy."""
        return sum(n for mask, n in self._state_masks.items() if mask >> policy & 1)

    def edge_count(self, policy: int) -> int:
        return sum(n for mask, n in self._edge_masks.items() if mask >> policy & 1)

    def depth(self, policy: int) -> int:
        """The last layer that brought a new state, counted from 0."""
        return max(d for d, mask in enumerate(self.depths) if mask >> policy & 1)

    def first(self, policy: int, prop: str) -> Violation | None:
        """The shallowest violation of `prop` under `policy`."""
        mine = (v for v in self.violations if v.property == prop and v.policies >> policy & 1)
        return min(mine, key=lambda v: v.depth, default=None)

    def never_fired(self, policy: int) -> list[str]:
        """Names of rules of which no binding fired under `policy`."""
        names = {step.rule.name for step in self.system.steps}
        names -= {self.system.steps[i].rule.name for i, mask in self.fired.items() if mask >> policy & 1}
        return sorted(names)


def explore(
    system: System,
    family: Family,
    limits: Limits | None = None,
    printed: Printed | None = None,
    policies: int | None = None,
    progress: Callable | None = None,
) -> Exploration:
    """Explore `system` for the policies of `family` (or those of the mask `policies`).

    Raises ModelError when a step writes a value outside its field's range. `progress` is called once a layer with
    (layer, frontier, states). KeyboardInterrupt ends the run as unfinished, keeping what was covered.
    """
    limits = limits or Limits()
    run = Exploration(system, family, printed or print_system(system, family))
    layer = {system.start: family.all if policies is None else policies}
    run.arrivals[system.start] = [(0, layer[system.start])]
    seen = dict(layer)
    end = None if limits.seconds is None else time.monotonic() + limits.seconds
    try:
        while layer:
            _expand_layer(run, layer, seen)
            layer = run_next = run.__dict__.pop("_next")
            if progress:
                progress(len(run.depths), len(run_next), len(seen))
            if limits.states is not None and len(seen) > limits.states:
                run.stopped = f"states {limits.states}"
            elif end is not None and time.monotonic() > end:
                run.stopped = f"seconds {limits.seconds:g}"
            if run.stopped and layer:
                break
            run.stopped = None
    except KeyboardInterrupt:
        run.stopped = "interrupted"
    return run


def _expand_layer(run: Exploration, layer: dict[int, int], seen: dict[int, int]):
    """Judge and expand one layer; leaves the next one in run._next."""
    expand, judge = run.printed.expand, run.printed.judge
    depth = len(run.depths)
    run.depths.append(0)
    found: dict[int, int] = {}
    edges = run.edges
    out: list = []
    for state, mask in layer.items():
        run.depths[depth] |= mask
        run._state_masks[mask] += 1
        broken = judge(state)
        if broken:
            _clauses(run, broken, depth, state, mask)
        del out[:]
        expand(state, mask, out)
        for i, successor, k in out:
            if i < 0:
                _event(run, ~i, depth, state, k)
                continue
            run.fired[i] |= k
            run._edge_masks[k] += 1
            edges.append((state, i, successor, k))
            new = k & ~seen.get(successor, 0)
            if new:
                found[successor] = found.get(successor, 0) | new
    for state, mask in found.items():
        seen[state] = seen.get(state, 0) | mask
        run.arrivals.setdefault(state, []).append((depth + 1, mask))
    run.__dict__["_next"] = found


def _clauses(run: Exploration, broken: int, depth: int, state: int, mask: int):
    for k in bits(broken):
        prop, reason, _ = run.system.clauses[k]
        _violate(run, Violation(prop, reason, depth, state, mask))


def _event(run: Exploration, e: int, depth: int, state: int, mask: int):
    ev = run.printed.events[e]; kind, step, name, detail = ev.kind, ev.step, ev.name, ev.detail
    if kind == "mark":
        run.reached[name] |= mask
    elif kind == "limit":
        run.limits[name] |= mask
    elif kind == "check":
        _violate(run, Violation(name, detail, depth + 1, state, mask, step))
    else:
        raise explain(run.printed.events[e], run.system, state)


def _violate(run: Exploration, found: Violation):
    """Keep a violation for the policies that had none of this property, or a deeper one."""
    for v in run.violations:
        if v.property == found.property and v.depth <= found.depth:
            found.policies &= ~v.policies
    if found.policies:
        run.violations.append(found)


# ---- progress: from every reachable state, completion stays reachable -----------------------------------
def stuck(run: Exploration) -> Iterator[tuple[int, int]]:
    """Yield (state, policies) from which no settled state can be reached without a releasing step.

    A backward fixed point on the stored graph. Releasing steps (by which a holder of unbounded life lets go) are
    left out: nobody may count on them. Halted states are judged by their own property, so they count as settled.
    """
    layout_settled, halted = run.printed.settled, _halted(run)
    can: dict[int, int] = {}
    work: list[int] = []
    reach = {s: _union(a) for s, a in run.arrivals.items()}
    back = defaultdict(list)
    for state, i, successor, k in run.edges:
        if not run.system.steps[i].rule.release:
            back[successor].append((state, k))
    for s, mask in reach.items():
        can[s] = mask if layout_settled(s) or halted(s) else 0
        if can[s]:
            work.append(s)
    while work:
        t = work.pop()
        ok = can[t]
        for s, k in back[t]:
            new = k & ok & ~can[s]
            if new:
                can[s] |= new
                work.append(s)
    for s, mask in reach.items():
        if mask & ~can[s]:
            yield s, mask & ~can[s]


def _halted(run: Exploration) -> Callable[[int], bool]:
    return run.printed.expand.__globals__["halted"]


def _union(arrivals: list[tuple[int, int]]) -> int:
    mask = 0
    for _, m in arrivals:
        mask |= m
    return mask


def judge_progress(run: Exploration, prop: str):
    """Add the violations of the progress property `prop`; a run that was cut short cannot judge it."""
    if run.stopped:
        return
    for state, mask in stuck(run):
        for depth, m in run.arrivals[state]:
            if m & mask:
                reason = "from here no run completes what has begun"
                _violate(run, Violation(prop, reason, depth, state, m & mask))
    keep: dict[tuple, Violation] = {}
    taken: dict[str, int] = defaultdict(int)
    for v in sorted(run.violations, key=lambda v: v.depth):
        v.policies &= ~taken[v.property]
        if v.policies:
            taken[v.property] |= v.policies
            keep[v.property, v.depth, v.state, v.step] = v
    run.violations[:] = keep.values()


# ---- runs ------------------------------------------------------------------------------------------------
def shortest_run(run: Exploration, policy: int, state: int, last: int | None = None) -> list[tuple[int, int]]:
    """A shortest run of `policy` from the start to `state`: [(step index, state after it), ...].

    `last` appends one more step, taken from `state`. Walks the stored edges backwards, so it needs no parent
    pointers; ties are broken by the order of discovery, so the same question has the same answer.
    """
    back = run.__dict__.get("_back")
    if back is None:
        back = defaultdict(list)
        for edge in run.edges:
            back[edge[2]].append(edge)
        run.__dict__["_back"] = back
    path: list[tuple[int, int]] = []
    at, depth = state, arrival(run, policy, state)
    while depth:
        s, i, _, _ = next(
            e for e in back[at] if e[3] >> policy & 1 and arrival(run, policy, e[0]) == depth - 1
        )
        path.append((i, at))
        at, depth = s, depth - 1
    path.reverse()
    if last is not None:
        after = next((t for s, i, t, k in run.edges if s == state and i == last and k >> policy & 1), state)
        path.append((last, after))
    return path


def arrival(run: Exploration, policy: int, state: int) -> int:
    """The layer in which `policy` first reaches `state`; -1 if it never does."""
    return next((d for d, m in run.arrivals.get(state, ()) if m >> policy & 1), -1)


def replay(system: System, printed: Printed, policy: int, steps: list[int]) -> list[int]:
    """The states of a run given as step indexes, start included; ModelError names the step that is not possible."""
    states = [system.start]
    for n, i in enumerate(steps):
        out: list = []
        printed.expand(states[-1], 1 << policy, out)
        after = [t for j, t, _ in out if j == i]
        if not after:
            raise ModelError(f"step {n + 1}, {system.steps[i].name}, is not possible there")
        states.append(after[0])
    return states
