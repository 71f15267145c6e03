"""What an exploration found: counts, depths, violations and events by policy, and the graph to ask further.

Everywhere here a set of policies is a number of `Exploration.numbers`; a policy is the number of the set that has just
it (`Exploration.number`).
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from tux3nb.engine.compile import Compiled
from tux3nb.engine.family import Family, Numbers
from tux3nb.engine.policy import Policy
from tux3nb.engine.system import Event, System

HOLDS, REFUSED, UNREACHED = "HOLDS", "HOLDS(refused)", "HOLDS(unreached)"
VIOLATED, UNFINISHED = "VIOLATED", "UNFINISHED"
NOT_PROMISED = "NOT PROMISED"  # of a property that the design never meant to keep

Progress = Callable[[int, int, int, float], None]


@dataclass
class Limits:
    """What ends an exploration early: shared states, seconds, bytes of the process; None is no limit."""

    states: int | None = None
    seconds: float | None = None
    memory: int | None = None


class Stopped(Exception):
    """A limit of the run was hit; the text says which."""


class Budget:
    """A run's limits and clock; also tells the progress callback about every layer."""

    def __init__(self, limits: Limits, progress: Progress | None):
        self.limits, self.progress = limits, progress
        self.begin = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.begin

    def check(self, states: int):
        """Raise Stopped where a limit is exceeded."""
        limits = self.limits
        if limits.states is not None and states > limits.states:
            raise Stopped(f"states {limits.states}")
        if limits.seconds is not None and self.seconds > limits.seconds:
            raise Stopped(f"seconds {limits.seconds:g}")
        if limits.memory is not None:
            import psutil  # only where memory is limited

            if psutil.Process().memory_info().rss > limits.memory:
                raise Stopped(f"memory {limits.memory}")

    def layer_done(self, layer: int, frontier: int, states: int):
        """One more layer is explored; `frontier` states are to be expanded next."""
        if self.progress:
            self.progress(layer, frontier, states, states / max(self.seconds, 1e-9))
        if frontier:
            self.check(states)


@dataclass
class Violation:
    """Where one property first fails for a set of policies: the layer, the state, and the step if one broke it."""

    property: str
    reason: str
    depth: int
    state: int
    policies: int
    step: int | None = None


class Graph(Protocol):
    """What can still be asked about the states and edges found; a search keeps them in its own form.

    `arrivals` and `edges` are made on demand where a search does not store them, which takes memory.
    """

    @property
    def arrivals(self) -> dict[int, list[tuple[int, int]]]:
        """State -> [(depth, policies)], in order of depth."""

    @property
    def edges(self) -> list[tuple[int, int, int, int]]:
        """(state, step, successor, policies)."""

    def arrival(self, policy: int, state: int) -> int:
        """The layer in which `policy` first reaches `state`; -1 if it never does."""

    def layer(self, depth: int) -> Iterator[tuple[int, int]]:
        """(state, policies that first reach it in that layer), in any order."""

    def before(self, state: int, depth: int) -> Iterator[tuple[int, int, int, int]]:
        """(step to `state`, state that it is taken from, policies that first reach that one in layer ``depth - 1``,
        policies that take the step there).
        """

    def stuck(self) -> Iterator[tuple[int, int]]:
        """(state, policies) from which no settled state can be reached without a releasing step."""

    def first_stuck(self) -> Iterator[tuple[int, int, int]]:
        """(depth, state, policies) such that each policy with a stuck state comes once, with its shallowest."""

    def stuck_in(self, depth: int) -> Iterator[tuple[int, int]]:
        """(state, policies of `layer` under which it is stuck)."""


@dataclass
class Exploration:
    """All that one exploration found.

    reached, limits: name -> policies. fired: step index -> policies. depths: the policies that brought a new state, by
    layer. stopped: which limit of the run itself (not of the model) ended it, or None. judged: the properties on the
    whole graph that have been judged. state_sets / edge_sets: how many arrivals / edges have one set.
    """

    compiled: Compiled
    graph: Graph | None = None
    shared_states: int = 0
    violations: list[Violation] = field(default_factory=list)
    reached: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    limits: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    fired: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    depths: list[int] = field(default_factory=list)
    stopped: str | None = None
    judged: set[str] = field(default_factory=set)
    state_sets: Counter = field(default_factory=Counter)
    edge_sets: Counter = field(default_factory=Counter)
    failing: dict = field(default_factory=dict)  # what `tux3nb.engine.runs` remembers between policies
    breaking: dict = field(default_factory=dict)
    before: dict = field(default_factory=dict)
    _violated: dict[str, dict[int, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))

    @property
    def system(self) -> System:
        return self.compiled.system

    @property
    def family(self) -> Family:
        return self.compiled.family

    @property
    def numbers(self) -> Numbers:
        return self.compiled.numbers

    # ---- by policy ---------------------------------------------------------------------------------------
    def number(self, policy: Policy) -> int:
        """The number of the set that has just this policy; UserError where it was not explored."""
        return self.numbers.number(self.family.single(policy))

    def has(self, policies: int, policy: int) -> bool:
        """Whether a set has a policy, both by number."""
        return bool(self.numbers.common[policy][policies])

    def states(self, policy: int) -> int:
        """Distinct states reachable under one policy."""
        return self._count(self.state_sets, policy)

    def edge_count(self, policy: int) -> int:
        """Steps taken from these states, each once."""
        return self._count(self.edge_sets, policy)

    def _count(self, sets: Counter, policy: int) -> int:
        row = self.numbers.common[policy]
        return sum(n for policies, n in sets.items() if row[policies])

    def depth(self, policy: int) -> int:
        """The last layer that brought a new state, counted from 0."""
        return max(d for d, policies in enumerate(self.depths) if self.has(policies, policy))

    def first(self, policy: int, prop: str) -> Violation | None:
        """The shallowest violation of `prop` under `policy`."""
        mine = (v for v in self.violations if v.property == prop and self.has(v.policies, policy))
        return min(mine, key=lambda v: v.depth, default=None)

    def never_fired(self, policy: int) -> list[str]:
        """Names of rules of which no binding fired under `policy`."""
        names = {step.rule.name for step in self.system.steps}
        names -= {self.system.steps[i].rule.name for i, policies in self.fired.items() if self.has(policies, policy)}
        return sorted(names)

    # ---- for the whole family, as sets -------------------------------------------------------------------
    def violated(self, prop: str) -> Any:
        """The policies that violate a property."""
        return self.numbers.join(self._violated[prop].values())

    def unfinished(self) -> Any:
        """The policies whose exploration a limit kept from finishing."""
        return self.family.all if self.stopped else self.numbers.join(self.limits.values())

    def passed(self, events: Iterable[str]) -> Any:
        """The policies under which one of these sometimes-events happened."""
        return self.numbers.join(self.reached.get(name, 0) for name in events)

    # ---- how a search reports --------------------------------------------------------------------------
    def spared(self, prop: str, depth: int) -> int:
        """The policies for which no violation of `prop` at `depth` or above is known yet."""
        known = 0
        for at, policies in self._violated[prop].items():
            if at <= depth:
                known = self.numbers.union[known][policies]
        return self.numbers.minus[self.numbers.all][known]

    def violate(self, prop: str, reason: str, depth: int, state: int, policies: int, step: int | None = None) -> None:
        """Keep a violation for those of `policies` that had none of this property, or only deeper ones."""
        new = self.numbers.common[policies][self.spared(prop, depth)]
        if new:
            known = self._violated[prop]
            known[depth] = self.numbers.union[known[depth]][new]
            self.violations.append(Violation(prop, reason, depth, state, new, step))

    def judge_state(self, broken: int, depth: int, state: int, policies: int) -> None:
        """What ``compiled.judge`` said about a state."""
        for k, (prop, reason, _) in enumerate(self.system.clauses):
            if broken >> k & 1:
                self.violate(prop, reason, depth, state, policies)

    def happen(self, event: Event, depth: int, state: int, policies: int) -> None:
        """An event on a step from a state of layer `depth`. Raises ModelError where a read or write goes astray."""
        if event.kind in ("mark", "limit"):
            into = self.reached if event.kind == "mark" else self.limits
            into[event.name] = self.numbers.union[into[event.name]][policies]
        elif event.kind == "check":
            self.violate(event.name, event.detail, depth + 1, state, policies, event.step)
        else:
            raise event.error(self.system, state)
