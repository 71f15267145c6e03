"""Features, their values, and policies: one value for every feature.

``policy.fork == "always"`` in a rule is not a truth value but the *set* of policies that have it; an exploration
carries such sets along (see `tux3nb.engine.family`).
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from tux3nb.engine.terms import FALSE, SET, TRUE, Expr
from tux3nb.errors import ModelError, UserError, nearest

Policy = Mapping[str, str]
Owner = str | tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Feature:
    """One choice that a design makes.

    `values` maps value ids to a short text. `below` maps a value to those just below it in the declared partial
    order (dropping a mechanism moves one step down); a value without an entry has nothing below it.
    `owner` is who would have to build it (file system, block layer, core mm, holder), or several who would together;
    a mapping where that depends on the value. A `control` is a mechanism switched off on purpose, one at a time, from a
    named policy: it never multiplies a family.
    """

    id: str
    title: str
    owner: Owner | Mapping[str, Owner]
    values: Mapping[str, str]
    below: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    control: bool = False

    def __post_init__(self):
        for value, lower in self.below.items():
            for v in (value, *lower):
                if v not in self.values:
                    raise ModelError(f"feature {self.id}: the order names {v!r}, which is no value of it")
        if isinstance(self.owner, Mapping) and set(self.owner) != set(self.values):
            raise ModelError(f"feature {self.id}: its owners are not given for just its values")

    def owner_of(self, value: str) -> tuple[str, ...]:
        """Who would have to build `value`. Raises UserError for one that the feature has not."""
        self.need(value)
        found = self.owner[value] if isinstance(self.owner, Mapping) else self.owner
        return (found,) if isinstance(found, str) else tuple(found)

    @property
    def owners(self) -> str:
        """The owner, or a line `value: owner` each where they differ."""
        told = {value: " and ".join(self.owner_of(value)) for value in self.values}
        if len(set(told.values())) == 1:
            return next(iter(told.values()))
        return "\n".join(f"{value}: {owner}" for value, owner in told.items())

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
    """The table of all features, in order; also the `policy` argument of a rule while it is traced.

    `name` ("module:VARIABLE") is where the table is found again when it travels to another process.
    """

    def __init__(self, features: Iterable[Feature], constraints: Iterable[Constraint] = (), name: str = ""):
        self._by_id = {f.id: f for f in features}
        self._name = name
        self.constraints = tuple(constraints)
        for c in self.constraints:
            for fid, values in c.when.items():
                for v in values:
                    self[fid].need(v)

    def __reduce__(self):
        if self._name:
            return pkgutil.resolve_name, (self._name,)
        return Features, (tuple(self), self.constraints)

    def __iter__(self) -> Iterator[Feature]:
        return iter(self._by_id.values())

    def __contains__(self, fid: str) -> bool:
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

    __hash__ = None  # type: ignore[assignment]  # comparing makes an expression

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
