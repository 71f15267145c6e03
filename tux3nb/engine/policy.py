"""Features, their values, policies and families of policies.

A policy gives one value to every feature. ``policy.fork == "always"`` in a rule is not a truth value but the *set* of
policies that have it; an exploration carries such sets along as bit masks, one bit a policy of the family.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from tux3nb.engine.terms import FALSE, SET, TRUE, Expr, building, rebuild, walk
from tux3nb.errors import ModelError, UserError, nearest

MOST_POLICIES = 4096


@dataclass(frozen=True, eq=False)
class Feature:
    """One choice that a design makes.

    `values` maps value ids to a short text. `below` maps a value to those just below it in the declared partial
    order (dropping a mechanism moves one step down); a value without an entry has nothing below it.
    `owner` is who would have to build it: file system, core mm or holder. A `control` is a mechanism switched off on
    purpose, one at a time, from a named policy: it never multiplies a family.
    """

    id: str
    title: str
    owner: str
    values: Mapping[str, str]
    below: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    control: bool = False

    def __post_init__(self):
        for value, lower in self.below.items():
            for v in (value, *lower):
                if v not in self.values:
                    raise ModelError(f"feature {self.id}: the order names {v!r}, which is no value of it")

    def need(self, value: str) -> str:
        """`value` if it is one of the feature's, else UserError with the nearest."""
        if value not in self.values:
            raise UserError(f"feature {self.id} has no value {value!r}{nearest(value, self.values)}")
        return value


@dataclass(frozen=True, eq=False)
class Constraint:
    """A combination of values that makes no sense together, and why."""

    when: Mapping[str, tuple[str, ...]]
    says: str

    def excludes(self, policy: Mapping[str, str]) -> bool:
        return all(policy[f] in values for f, values in self.when.items())


class Features:
    """The table of all features, in order; also the `policy` argument of a rule while it is traced."""

    def __init__(self, features: Iterable[Feature], constraints: Iterable[Constraint] = ()):
        self._by_id = {f.id: f for f in features}
        self.constraints = tuple(constraints)
        for c in self.constraints:
            for fid, values in c.when.items():
                for v in values:
                    self[fid].need(v)

    def __iter__(self):
        return iter(self._by_id.values())

    def __contains__(self, fid):
        return fid in self._by_id

    def __getitem__(self, fid: str) -> Feature:
        if fid not in self._by_id:
            raise UserError(f"no feature {fid!r}{nearest(fid, self._by_id)}")
        return self._by_id[fid]

    def __getattr__(self, fid: str) -> Choice:
        if fid.startswith("_"):
            raise AttributeError(fid)
        if fid not in self._by_id:
            raise ModelError(f"no feature {fid!r}{nearest(fid, self._by_id)}")
        return Choice(self._by_id[fid])

    def policy(self, base: Mapping[str, str], **changes: str) -> dict[str, str]:
        """A whole policy: `base` with `changes`, every feature and value checked, constraints not."""
        policy = {**base, **changes}
        for fid, value in policy.items():
            self[fid].need(value)
        missing = [f.id for f in self if f.id not in policy]
        if missing:
            raise UserError(f"the policy says nothing about {', '.join(missing)}")
        return {f.id: policy[f.id] for f in self}

    def why_not(self, policy: Mapping[str, str]) -> str | None:
        """The reason why a combination is ruled out, or None."""
        return next((c.says for c in self.constraints if c.excludes(policy)), None)


class Choice:
    """``policy.fork`` inside a rule: comparing it gives a set of policies."""

    __hash__ = None

    def __init__(self, feature: Feature):
        self._feature = feature

    def one_of(self, *values: str) -> Expr:
        """The policies that have one of these values (of none: no policy)."""
        if not values:
            return FALSE
        if set(values) >= set(self._feature.values):
            return TRUE
        for v in values:
            if v not in self._feature.values:
                raise ModelError(f"feature {self._feature.id} has no value {v!r}{nearest(v, self._feature.values)}")
        return Expr("feature", (self._feature, tuple(sorted(values))), SET)

    def __eq__(self, value):
        return self.one_of(value)

    def __ne__(self, value):
        return ~self.one_of(value)

    def __bool__(self):
        raise ModelError(f"policy.{self._feature.id} was used with if, and, or, not: compare it with ==")


class Family:
    """A list of policies, bit i standing for policy i, and the classes that a system can tell apart.

    `vary` maps feature ids to the values explored; every other feature keeps the value it has in `base`.
    Raises UserError for an unknown feature or value and for a family larger than 4,096 policies.
    """

    def __init__(self, features: Features, base: Mapping[str, str], vary: Mapping[str, Iterable[str]] = ()):
        self.features = features
        self.base = features.policy(base)
        self.vary = {fid: tuple(features[fid].need(v) for v in values) for fid, values in dict(vary).items()}
        size = 1
        for values in self.vary.values():
            size *= len(values)
        if size > MOST_POLICIES:
            raise UserError(f"{size} policies in one family; at most {MOST_POLICIES}: vary fewer features")
        combos = itertools.product(*self.vary.values())
        drafts = [{**self.base, **dict(zip(self.vary, combo, strict=True))} for combo in combos]
        self.policies = [p for p in drafts if features.why_not(p) is None or len(drafts) == 1]
        self.all = (1 << len(self.policies)) - 1
        self._sets: dict[tuple[str, tuple[str, ...]], int] = {}

    @classmethod
    def listed(cls, features: Features, policies: Iterable[Mapping[str, str]]) -> Family:
        """The family of just these policies, in this order (at least one)."""
        policies = [features.policy(p) for p in policies]
        family = cls(features, policies[0])
        family.policies = policies
        family.all = (1 << len(policies)) - 1
        return family

    def __len__(self):
        return len(self.policies)

    def members(self, feature: Feature, values: tuple[str, ...]) -> int:
        """The bit mask of the policies that give `feature` one of `values`."""
        key = (feature.id, values)
        if key not in self._sets:
            self._sets[key] = sum(1 << i for i, p in enumerate(self.policies) if p[feature.id] in values)
        return self._sets[key]

    def fold(self, guard: Expr) -> Expr:
        """`guard` with every feature test that is the same for the whole family replaced by a constant."""

        def leaf(e: Expr) -> Expr:
            if e.op != "feature":
                return e
            mask = self.members(*e.args)
            return TRUE if mask == self.all else FALSE if mask == 0 else e

        return rebuild(guard, leaf)

    def merged(self, guards: Iterable[Expr]) -> tuple[Family, list[int]]:
        """The family with one policy for each class that no guard tells apart.

        Returns the smaller family and, for every policy of this one, the index of its representative there.
        """
        with building:
            signature = self._signatures(guards)
        order: dict[tuple, int] = {}
        index = [order.setdefault(tuple(sig), len(order)) for sig in signature]
        small = object.__new__(Family)
        small.features, small.base, small.vary = self.features, self.base, self.vary
        small.policies = [self.policies[index.index(k)] for k in range(len(order))]
        small.all = (1 << len(small.policies)) - 1
        small._sets = {}
        return small, index

    def _signatures(self, guards: Iterable[Expr]) -> list[list[int]]:
        """For each policy what is left of every guard under it, by identity."""
        signature: list[list[int]] = [[] for _ in self.policies]
        for guard in {id(g): g for g in guards}.values() if len(self.policies) > 1 else ():
            tests = [e for e in walk(guard) if e.op == "feature"]
            folded: dict[tuple, int] = {}
            for i, p in enumerate(self.policies):
                key = tuple([p[e.args[0].id] in e.args[1] for e in tests])
                if key not in folded:
                    folded[key] = id(rebuild(guard, _decide(p)))
                signature[i].append(folded[key])
        return signature


def _decide(policy: Mapping[str, str]) -> Callable[[Expr], Expr]:
    """Replace feature tests by their truth under one policy."""

    def leaf(e: Expr) -> Expr:
        if e.op != "feature":
            return e
        return TRUE if policy[e.args[0].id] in e.args[1] else FALSE

    return leaf


def bits(mask: int) -> Iterable[int]:
    """The positions of the set bits, lowest first."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def parse_policy(features: Features, base: Mapping[str, str], settings: Iterable[str]) -> dict[str, str]:
    """``["fork=always", ...]`` on top of `base`; UserError names what is wrong."""
    changes: dict[str, str] = {}
    for setting in settings:
        fid, sep, value = setting.partition("=")
        if not sep:
            raise UserError(f"--policy {setting}: write FEATURE=VALUE{nearest(fid, [f.id for f in features])}")
        if changes.setdefault(fid, features[fid].need(value)) != value:
            raise UserError(f"feature {fid} is given two values: {changes[fid]} and {value}")
    policy = features.policy(base, **changes)
    reason = features.why_not(policy)
    if reason:
        raise UserError(f"these values contradict each other: {reason}")
    return policy
