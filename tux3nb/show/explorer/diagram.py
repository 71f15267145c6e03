"""Sets of policies as numbers: nodes of one shared decision diagram that JavaScript walks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tux3nb.engine.family import PolicySet, Product
from tux3nb.engine.policy import Feature


class Diagram:
    """nodes: [feature, target for each of its values] from number 2 on; 0 is nobody, 1 everybody.

    features: those that a policy names here, in the order of the table, with the values that there are. `outside` are
    policies with a control of their own, which no product has; a set may have some of them too.
    """

    def __init__(self, features: Sequence[tuple[Feature, Sequence[str]]], product: Product):
        self.features = [(f, list(values)) for f, values in features]
        self.product = product
        self.nodes: list[list[int] | None] = [None, None]
        self._known: dict[tuple[int, ...], int] = {}
        self._at = {f.id: k for k, (f, _) in enumerate(self.features)}

    def policy(self, policy: Mapping[str, str]) -> dict[str, str]:
        """A policy, of it only what is a feature here."""
        return {f.id: policy[f.id] for f, _ in self.features}

    def of(self, policies: PolicySet | int, outside: Iterable[Mapping[str, str]] = ()) -> int:
        """The number of a set of the product, with some policies outside of it."""
        inside = policies if isinstance(policies, int) else self._load(policies.text())
        controls = [k for k, (f, _) in enumerate(self.features) if f.control]
        for k in controls:
            feature, values = self.features[k]
            arms = [inside if v == self.product.base[feature.id] else 0 for v in values]
            for policy in outside:
                n = values.index(policy[feature.id])
                arms[n] = self._join(arms[n], self._one(policy, k))
            inside = self._node(k, arms)
        return inside

    def _node(self, feature: int, targets: Sequence[int]) -> int:
        if len(set(targets)) == 1:
            return targets[0]
        key = (feature, *targets)
        if key not in self._known:
            self._known[key] = len(self.nodes)
            self.nodes.append(list(key))
        return self._known[key]

    def _load(self, text: str) -> int:
        """A set from its text, see `PolicySet.text`."""
        known, root = {"T": 1, "F": 0}, text
        for line in text.split():
            name, sep, rest = line.partition("=")
            if not sep:
                continue
            fid, _, arms = rest.rstrip(")").partition("(")
            targets: dict[str, int] = {}
            for arm in arms.split(";"):
                values, _, target = arm.partition(":")
                targets |= dict.fromkeys(values.split(","), known[target])
            k = self._at[fid]
            known[name], root = self._node(k, [targets[v] for v in self.features[k][1]]), name
        return known[root]

    def _one(self, policy: Mapping[str, str], but: int) -> int:
        """The set of one policy, whatever feature number `but`."""
        found = 1
        for k in range(len(self.features) - 1, -1, -1):
            if k != but:
                feature, values = self.features[k]
                found = self._node(k, [found if v == policy[feature.id] else 0 for v in values])
        return found

    def _join(self, a: int, b: int) -> int:
        if a == b or b == 0:
            return a
        if a == 0 or 1 in (a, b):
            return b if a == 0 else 1
        one, two = self.nodes[a], self.nodes[b]
        first = min(one[0], two[0])
        targets = [
            self._join(one[1 + n] if one[0] == first else a, two[1 + n] if two[0] == first else b)
            for n in range(len(self.features[first][1]))
        ]
        return self._node(first, targets)

    def has(self, number: int, policy: Mapping[str, str]) -> bool:
        """Whether a set has a policy: the walk that the page does."""
        while number > 1:
            feature, *targets = self.nodes[number]
            f, values = self.features[feature]
            number = targets[values.index(policy[f.id])]
        return number == 1
