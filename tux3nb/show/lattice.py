"""The least safe policies of a case, and what each of their mechanisms keeps from happening."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tux3nb.answers.judge import Judged
from tux3nb.engine.family import PolicySet
from tux3nb.engine.policy import Feature
from tux3nb.engine.result import HOLDS
from tux3nb.model.features import FEATURES, NAMED

Policy = Mapping[str, str]


@dataclass(frozen=True)
class Node:
    """Least safe policies that differ in values of one rank: one of them, all values, and how many they are.

    name: the named policy that is one of them, else empty.
    """

    name: str
    title: str
    policy: dict[str, str]
    values: dict[str, tuple[str, ...]]
    count: int


def least(judged: Judged, named: Mapping[str, Policy], base: Policy, most: int = 24) -> list[Node]:
    """The safe policies from which no mechanism can be dropped, those nearest to `base` first.

    Safe is who holds without turning anybody away, if anybody is; the sets cover all of them unless there are more
    than `most`.
    """
    product = judged.run.family
    safe = judged.overall()[HOLDS] or judged.safe()
    found = safe.minimal()
    nodes = [_node(judged, found, cube, named, base) for cube in found.cover(most)] if found else []
    return sorted(nodes, key=lambda n: (not n.name, distance(n.policy, base, product.vary)))


def _node(judged: Judged, found: PolicySet, cube: Mapping[str, Sequence[str]], named: Mapping, base: Policy) -> Node:
    members = found
    for fid, values in cube.items():
        members = members.having(fid, *values)
    name = next((n for n, p in named.items() if _inside(members, p, base)), "")
    policy = dict(named[name]) if name else _nearest(members, base)
    title = NAMED[name][0] if name else differing(policy, base, judged.run.family.vary)
    return Node(name, title, policy, {f: tuple(v) for f, v in cube.items()}, members.count())


def _inside(members: PolicySet, policy: Policy, base: Policy) -> bool:
    return all(policy[f.id] == base[f.id] for f in FEATURES if f.control) and policy in members


def _nearest(members: PolicySet, base: Policy) -> dict[str, str]:
    """A policy of the set with the base's value wherever it can have it."""
    for f in members.product.vary:
        members = members.having(f.id, base[f.id]) or members
    return members.pick()


def distance(policy: Policy, base: Policy, features: Sequence[Feature]) -> int:
    """In how many features two policies differ."""
    return sum(policy[f.id] != base[f.id] for f in features)


def differing(policy: Policy, base: Policy, features: Sequence[Feature]) -> str:
    """A policy by what it has other than the base: ``fork=never, refuse=reverse``."""
    return ", ".join(f"{f.id}={policy[f.id]}" for f in features if policy[f.id] != base[f.id]) or "the base"


def drops(judged: Judged, policy: Policy) -> Iterator[tuple[Feature, str, str, dict[str, str], list[str]]]:
    """Each mechanism of a policy with a value just below it: (feature, value, value below, that policy, the properties
    that it breaks).
    """
    if any(policy[f.id] != judged.case.policy[f.id] for f in FEATURES if f.control):
        return
    violated = {p.id: judged.run.violated(p.id) for p in judged.case.properties if not p.advisory}
    for f in judged.run.family.vary:
        for to in f.below.get(policy[f.id], ()):
            lower = {**policy, f.id: to}
            if FEATURES.why_not(lower) is None:
                yield f, policy[f.id], to, lower, [p for p, broken in violated.items() if lower in broken]
