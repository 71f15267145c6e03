"""The reference: a plain breadth-first search of one policy, on tuples of numbers, by walking expressions.

It shares nothing with the printed code but the traced expressions themselves: no packing, no policy sets, no folding.
"""

from __future__ import annotations

import operator
from collections import defaultdict
from dataclasses import dataclass, field

from tux3nb.engine.terms import Expr

PLAIN = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "+": operator.add, "-": operator.sub, "*": operator.mul, "union": operator.or_, "not": operator.not_,
    "int": int, "bit": lambda n: 1 << n, "without": lambda a, b: a & ~b, "has": lambda a, n: bool(a >> n & 1),
}  # fmt: skip


def value(e: Expr, state: dict, policy: dict):
    """The value of `e` in a state {(field name, index): number}; KeyError for an index outside its array."""
    op, a = e.op, e.args
    if op == "const":
        return a[0]
    if op == "get":
        return state[a[0].name, value(a[1], state, policy)]
    if op == "feature":
        return policy[a[0].id] in a[1]
    if op == "where":
        return value(a[1] if value(a[0], state, policy) else a[2], state, policy)
    if op == "and":
        return value(a[0], state, policy) and value(a[1], state, policy)
    if op == "or":
        return value(a[0], state, policy) or value(a[1], state, policy)
    return PLAIN[op](*(value(x, state, policy) for x in a))


@dataclass
class Found:
    """What one policy reaches. first: property -> depth of its first violation. edges: (state, step, state)."""

    depth: int = 0
    arrival: dict = field(default_factory=dict)
    edges: list = field(default_factory=list)
    first: dict = field(default_factory=dict)
    reached: set = field(default_factory=set)
    limits: set = field(default_factory=set)
    fired: set = field(default_factory=set)
    curbed: set = field(default_factory=set)


class Reference:
    """One system under one policy. States are tuples in the order of the layout's cells."""

    def __init__(self, system, policy: dict):
        self.system, self.policy = system, policy
        self.cells = [(f.name, i) for f, i in system.layout.cells]

    def value(self, e: Expr, state: tuple):
        return value(e, dict(zip(self.cells, state, strict=True)), self.policy)

    def after(self, step, state: tuple) -> tuple:
        """The successor; AssertionError for a write outside range or array."""
        new = dict(zip(self.cells, state, strict=True))
        for f, flat, v in step.writes:
            index, number = self.value(flat, state), self.value(v, state)
            assert (f.name, index) in new and 0 <= number <= f.hi, f"{step.name} writes {f.name}[{index}] = {number}"
            new[f.name, index] = int(number)
        return tuple(new.values())

    def search(self, most: int | None = None) -> Found:
        """All that the policy reaches; or the first layers, all of them expanded, until `most` states are found."""
        start = self.system.layout.unpack(self.system.start)
        found, layer = Found(arrival={start: 0}), [start]
        while layer and (most is None or len(found.arrival) <= most):
            found.depth = found.arrival[layer[0]]
            layer = [t for s in layer for t in self._expand(s, found)]
        return found

    def _expand(self, s: tuple, found: Found) -> list[tuple]:
        """The states first reached from `s`."""
        depth, new = found.arrival[s], []
        for prop, _, good in self.system.clauses:
            if not self.value(good, s):
                found.first[prop] = min(depth, found.first.get(prop, depth))
        if self.value(self.system.halted, s):
            return []
        for i, step in enumerate(self.system.steps):
            if not all(self.value(g, s) for g in step.guard + step.allowed):
                continue
            limits = {name for name, where in step.limits if self.value(where, s)}
            if limits:
                found.limits |= limits
                found.curbed.add(s)
                continue
            for prop, good, _ in step.checks:
                if not self.value(good, s):
                    found.first[prop] = min(depth + 1, found.first.get(prop, depth + 1))
            found.reached |= {name for name, where in step.marks if self.value(where, s)}
            found.fired.add(i)
            t = self.after(step, s)
            found.edges.append((s, i, t))
            if t not in found.arrival:
                found.arrival[t] = depth + 1
                new.append(t)
        return new

    def stuck(self, found: Found) -> set:
        """The states from which nothing settled, halted or curbed by a limit can be reached without a release."""
        good = (s for s in found.arrival if self.value(self.system.settled, s) or self.value(self.system.halted, s))
        can, back = {*good, *found.curbed}, defaultdict(list)
        for s, i, t in found.edges:
            if not self.system.steps[i].rule.release:
                back[t].append(s)
        work = list(can)
        while work:
            for s in back[work.pop()]:
                if s not in can:
                    can.add(s)
                    work.append(s)
        return set(found.arrival) - can
