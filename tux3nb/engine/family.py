"""Families of policies and sets of policies: what a state carries along while a family is explored.

A family says which policies there are and which of them have a value of a feature. There are two kinds. `Listed` is a
list of a few policies; its sets are ints, one bit a policy. `Product` is every combination of the features that vary,
hundreds of millions of them; its sets are decision diagrams (`PolicySet`). Both know ``&``, ``|``, ``& ~`` and
truth (a set is false when it is empty), so one search serves both. `Numbers` gives every set that occurs a small
number and remembers each operation: few different sets occur, and most operations repeat.

This is family-based model checking of featured transition systems (Classen et al., ICSE 2010).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, reduce
from threading import RLock
from typing import Any

from tux3nb.engine.policy import Feature, Features, Policy
from tux3nb.engine.terms import FALSE, TRUE, Expr, rebuild
from tux3nb.errors import UserError

# Most nodes of all diagrams of a table of features (room is taken as it is needed), and results that are kept.
NODES, REMEMBERED = 1 << 28, 1 << 20


class Family:
    """What both kinds of family have: the tests of features, folded where all policies agree.

    `none` and `all` are the sets of no policy and of every policy. `policy` names the value of the features that do
    not vary.
    """

    features: Features
    none: Any
    all: Any

    def members(self, feature: Feature, values: tuple[str, ...]) -> Any:
        """The set of the policies that give `feature` one of `values`."""
        raise NotImplementedError

    def single(self, policy: Policy) -> Any:
        """The set of just this policy; UserError where it is not in the family."""
        raise NotImplementedError

    def pick(self, policies: Any) -> dict[str, str]:
        """One policy of a set that is not empty: always the same one."""
        raise NotImplementedError

    def count(self, policies: Any) -> int:
        """How many policies a set has."""
        raise NotImplementedError

    def fold(self, guard: Expr) -> Expr:
        """`guard` with every feature test that is the same for the whole family replaced by a constant."""

        def leaf(e: Expr) -> Expr:
            if e.op != "feature":
                return e
            found = self.members(*e.args)
            return TRUE if found == self.all else e if found else FALSE

        return rebuild(guard, leaf)


class Listed(Family):
    """The family of just these policies, in this order; a set is an int with one bit a policy.

    Raises UserError for a policy that leaves a feature out or names a value that there is not.
    """

    none = 0

    def __init__(self, features: Features, policies: Iterable[Policy]):
        self.features = features
        self.policies = [features.policy(p) for p in policies]
        if not self.policies:
            raise UserError("name at least one policy")
        self.all = (1 << len(self.policies)) - 1
        self._members: dict[tuple[str, tuple[str, ...]], int] = {}

    def __len__(self) -> int:
        return len(self.policies)

    def members(self, feature: Feature, values: tuple[str, ...]) -> int:
        key = feature.id, values
        if key not in self._members:
            self._members[key] = sum(1 << i for i, p in enumerate(self.policies) if p[feature.id] in values)
        return self._members[key]

    def single(self, policy: Policy) -> int:
        try:
            return 1 << self.policies.index(dict(policy))
        except ValueError:
            raise UserError("that policy is not one of those that were explored") from None

    def pick(self, policies: int) -> dict[str, str]:
        return self.policies[(policies & -policies).bit_length() - 1]

    def count(self, policies: int) -> int:
        return policies.bit_count()


class _Diagrams:
    """The decision diagrams of one table of features: a few boolean variables for each, the lowest bit on top."""

    def __init__(self, features: Features):
        try:
            from oxidd.bdd import BDDManager
        except ImportError as e:  # pragma: no cover: every environment of tests has it
            raise UserError(f"the library oxidd cannot be loaded ({e}); install it with: pip install oxidd") from None
        self.manager = BDDManager(NODES, REMEMBERED, 1)
        self.first: dict[str, int] = {}
        self.bits: dict[str, int] = {}
        self._numbers: dict[str, dict[str, int]] = {}
        for f in (f for f in features if not f.control):
            self.bits[f.id] = (len(f.values) - 1).bit_length()
            self.first[f.id] = self.manager.add_vars(self.bits[f.id]).start
            self._numbers[f.id] = {v: n for n, v in enumerate(f.values)}
        self.true, self.false = self.manager.true(), self.manager.false()

    def one_of(self, fid: str, values: Iterable[str]) -> Any:
        """The diagram of all that have one of these values."""
        out = self.false
        for v in values:
            cube, number = self.true, self._numbers[fid][v]
            for b in range(self.bits[fid]):
                variable = self.manager.var(self.first[fid] + b)
                cube &= variable if number >> b & 1 else ~variable
            out |= cube
        return out

    def without(self, dd: Any, fids: Iterable[str]) -> Any:
        """What is left of a diagram when these features may have any value."""
        bits = [self.first[fid] + b for fid in fids for b in range(self.bits[fid])]
        return dd.exists(reduce(operator.and_, map(self.manager.var, bits), self.true))

    def children(self, dd: Any, feature: Feature) -> list[Any]:
        """What is left of a diagram for each value of a feature, where the features before it are decided."""
        nodes = {0: dd}
        for b in range(self.bits[feature.id]):
            at, halves = self.first[feature.id] + b, {}
            for code, node in nodes.items():
                yes, no = node.cofactors() if node.node_var() == at else (node, node)
                halves[code], halves[code | 1 << b] = no, yes
            nodes = halves
        return [nodes[n] for n in range(len(feature.values))]


@cache
def _diagrams(features: Features) -> _Diagrams:
    return _Diagrams(features)


class Product(Family):
    """Every combination of the features in `vary`, less what a constraint rules out; a set is a `PolicySet`.

    `read` are these and those in `fixed`, which keep their value of `base`; every other one is free in every set. A
    combination that only some value of these could make possible is possible. Raises UserError for an unknown feature
    or value and for a control, which is switched off one at a time and never multiplies a family.
    """

    def __init__(self, features: Features, base: Policy, vary: Iterable[str], fixed: Iterable[str] = ()):
        self.features, self.base = features, features.policy(base)
        self._given = tuple(vary), tuple(f for f in fixed if not features[f].control)
        self.vary = tuple(f for f in features if f.id in self._given[0])
        self.read = tuple(f for f in features if f.id in self._given[0] + self._given[1])
        for fid in self._given[0]:
            if features[fid].control:
                raise UserError(f"feature {fid} is a control: it never varies; name it with --policy")
        self.diagrams = _diagrams(features)
        one_of, dd = self.diagrams.one_of, self.diagrams.true
        for f in (f for f in features if not f.control):
            dd &= one_of(f.id, f.values)
        for c in features.constraints:
            dd &= ~reduce(operator.and_, (one_of(fid, values) for fid, values in c.when.items()))
        for fid in self._given[1]:
            dd &= one_of(fid, (self.base[fid],))
        unread = set(self.diagrams.bits) - set(self._given[0]) - set(self._given[1])
        self._free = sum(self.diagrams.bits[fid] for fid in unread)
        self.all = PolicySet(self, self.diagrams.without(dd, unread))
        self.none = PolicySet(self, self.diagrams.false)
        if not self.all:
            raise UserError("no policy is left: these values contradict each other")

    def __reduce__(self):
        return Product, (self.features, self.base, *self._given)

    def __len__(self) -> int:
        return self.all.count()

    def members(self, feature: Feature, values: tuple[str, ...]) -> PolicySet:
        if feature.control:
            return self.all if self.base[feature.id] in values else self.none
        return PolicySet(self, self.diagrams.one_of(feature.id, values)) & self.all

    def single(self, policy: Policy) -> PolicySet:
        found = self.all
        for f in self.vary:
            found &= self.members(f, (policy[f.id],))
        kept = [*self._given[1], *(f.id for f in self.features if f.control)]
        if not found or any(policy[fid] != self.base[fid] for fid in kept):
            raise UserError("that policy is not in the family that was explored")
        return found

    def pick(self, policies: PolicySet) -> dict[str, str]:
        return policies.pick()

    def count(self, policies: PolicySet) -> int:
        return policies.count()

    def load(self, text: str) -> PolicySet:
        """The set that `PolicySet.text` has told. Raises ValueError or UserError for a text that tells none."""
        known = {"T": self.diagrams.true, "F": self.diagrams.false}
        root = text
        for node in text.split():
            name, sep, rest = node.partition("=")
            if sep:
                fid, _, arms = rest.rstrip(")").partition("(")
                dd = self.diagrams.false
                for arm in arms.split(";"):
                    values, _, target = arm.partition(":")
                    chosen = [self.features[fid].need(v) for v in values.split(",")]
                    dd |= self.diagrams.one_of(fid, chosen) & known[target]
                known[name], root = dd, name
        if root not in known:
            raise ValueError(f"{text!r} tells no set of policies")
        return PolicySet(self, known[root]) & self.all


class PolicySet:
    """A set of policies of a product, as a decision diagram; two sets are equal if they have the same policies.

    Sets of several products of one table of features can be joined: what a product does not vary is free in its sets,
    and the result belongs to the product on the left.
    """

    __slots__ = ("dd", "product")

    def __init__(self, product: Product, dd: Any):
        self.product, self.dd = product, dd

    def __and__(self, other: PolicySet) -> PolicySet:
        return PolicySet(self.product, self.dd & other.dd)

    def __or__(self, other: PolicySet) -> PolicySet:
        return PolicySet(self.product, self.dd | other.dd)

    def __sub__(self, other: PolicySet) -> PolicySet:
        return PolicySet(self.product, self.dd & ~other.dd)

    def __invert__(self) -> PolicySet:
        """All policies of the product that are not in the set."""
        return self.product.all - self

    def __bool__(self) -> bool:
        return self.dd.satisfiable()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PolicySet) and self.dd == other.dd

    def __hash__(self) -> int:
        return hash(self.dd)

    def __contains__(self, policy: Policy) -> bool:
        dd = self.dd
        for f in self.product.read:
            dd = self.product.diagrams.children(dd, f)[list(f.values).index(policy[f.id])]
        return dd.satisfiable()

    def __reduce__(self):
        return Product.load, (self.product, self.text())

    def __repr__(self) -> str:
        return f"<{self.count():,} of {len(self.product):,} policies>"

    @property
    def empty(self) -> bool:
        return not self

    def count(self) -> int:
        """How many policies of the product are in the set: combinations of the features that vary."""
        return self.dd.sat_count(self.product.diagrams.manager.num_vars()) >> self.product._free

    def pick(self) -> dict[str, str]:
        """The first policy of the set, in the order of features and of their values."""
        if not self:
            raise ValueError("an empty set has no policy")
        policy, dd = dict(self.product.base), self.dd
        for f in self.product.read:
            children = self.product.diagrams.children(dd, f)
            n = next(n for n, child in enumerate(children) if child.satisfiable())
            policy[f.id], dd = list(f.values)[n], children[n]
        return policy

    def policies(self) -> Iterator[dict[str, str]]:
        """Every policy of the set, in the same order; there may be very many."""
        left = self
        while left:
            policy = left.pick()
            yield policy
            left -= self.product.single(policy)

    def having(self, fid: str, *values: str) -> PolicySet:
        """Those that give a feature one of these values."""
        return self & self.product.members(self.product.features[fid], values)

    def whatever(self, *fids: str) -> PolicySet:
        """The set with every policy that differs from one of it in these features only."""
        return PolicySet(self.product, self.product.diagrams.without(self.dd, fids)) & self.product.all

    def minimal(self) -> PolicySet:
        """Those from which no mechanism can be dropped: a step down in the order of values leaves the set."""
        can_drop = self.product.none
        for f in self.product.vary:
            for value, lower in f.below.items():
                for w in lower:
                    can_drop |= self.having(f.id, value) & self.having(f.id, w).whatever(f.id)
        return self - can_drop

    def text(self) -> str:
        """The diagram as one line, the same for the same set: ``0=refuse(reverse:T;wait:F) 1=fork(never:0;always:F)``.

        Each node names a feature and, for its values, the node to go on with, ``T`` (in the set) or ``F`` (not). The
        last one is the first to ask.
        """
        lines: list[str] = []
        names: dict[Any, str] = {self.product.diagrams.true: "T", self.product.diagrams.false: "F"}

        def visit(dd: Any, n: int) -> str:
            while n < len(read):
                children = self.product.diagrams.children(dd, read[n])
                if any(c != children[0] for c in children):
                    break
                dd, n = children[0], n + 1
            if dd in names or n == len(read):
                return names[dd]
            arms: dict[str, list[str]] = {}
            for value, child in zip(read[n].values, children, strict=True):
                arms.setdefault(visit(child, n + 1), []).append(value)
            told = ";".join(f"{','.join(values)}:{target}" for target, values in arms.items())
            names[dd] = str(len(lines))
            lines.append(f"{names[dd]}={read[n].id}({told})")
            return names[dd]

        read = self.product.read
        root = visit(self.dd, 0)
        return " ".join(lines) or root

    def cover(self, most: int | None = None) -> list[dict[str, tuple[str, ...]]]:
        """The set as a short list of products ``{feature: values}``, each as large as it can be, none of them to spare.

        A feature that is not named may have any value. `most`: stop after so many, which then do not cover all.
        """
        found: list[tuple[dict[str, tuple[str, ...]], PolicySet]] = []
        left = self
        while left and (most is None or len(found) < most):
            seed = left.pick()
            orders = self.product.vary, self.product.vary[::-1]
            candidates = [self._grown(seed, order) for order in orders]
            cube = max(candidates, key=lambda c: (left & c[1]).count())
            found.append(cube)
            left -= cube[1]
        for cube in found[::-1]:
            others = [c for c in found if c is not cube]
            if most is None and not reduce(operator.sub, (c[1] for c in others), self):
                found = others
        return [cube for cube, _ in found]

    def _grown(self, seed: Policy, order: Iterable[Feature]) -> tuple[dict[str, tuple[str, ...]], PolicySet]:
        """The largest product around a policy that one can grow inside the set, feature by feature."""
        product = self.product
        cube: dict[str, tuple[str, ...]] = {f.id: (seed[f.id],) for f in product.vary}

        def of(cube: Mapping[str, tuple[str, ...]]) -> PolicySet:
            tests = (product.members(product.features[f], v) for f, v in cube.items())
            return reduce(operator.and_, tests, product.all)

        for f in order:
            for values in (tuple(f.values), *((v,) for v in f.values)):
                wider = tuple(v for v in f.values if v in cube[f.id] or v in values)
                if wider != cube[f.id] and not of({**cube, f.id: wider}) - self:
                    cube[f.id] = wider
        told = {f.id: cube[f.id] for f in product.vary if len(cube[f.id]) < len(f.values)}
        return told, of(cube)


# ---- sets by number -------------------------------------------------------------------------------------
class Numbers:
    """The sets that an exploration meets, by number: 0 is the empty set. Threads may use it at the same time.

    ``common[a][b]``, ``union[a][b]`` and ``minus[a][b]`` are numbers, too; each is computed once.
    """

    def __init__(self, family: Family):
        self.family = family
        self.sets: list[Any] = [family.none]
        self._numbers: dict[Any, int] = {family.none: 0}
        self._lock = RLock()
        self.all = self.number(family.all)
        self.common, self.union = _Table(self, operator.and_), _Table(self, operator.or_)
        self.minus = _Table(self, lambda a, b: a & ~b)

    def __len__(self) -> int:
        return len(self.sets)

    def __getitem__(self, number: int) -> Any:
        return self.sets[number]

    def number(self, policies: Any) -> int:
        """The number of a set."""
        with self._lock:
            found = self._numbers.get(policies)
            if found is None:
                found = self._numbers[policies] = len(self.sets)
                self.sets.append(policies)
            return found

    def join(self, numbers: Iterable[int]) -> Any:
        """The union of sets given by number, as a set."""
        return reduce(operator.or_, (self.sets[n] for n in set(numbers)), self.family.none)


class _Table(dict):
    """Rows of results, made when asked for."""

    def __init__(self, numbers: Numbers, op: Callable):
        self._numbers, self._op = numbers, op

    def __missing__(self, a: int) -> _Row:
        row = self[a] = _Row(self._numbers, self._op, self._numbers.sets[a])
        return row


class _Row(dict):
    """The results with one set on the left."""

    def __init__(self, numbers: Numbers, op: Callable, left: Any):
        self._numbers, self._op, self._left = numbers, op, left

    def __missing__(self, b: int) -> int:
        found = self[b] = self._numbers.number(self._op(self._left, self._numbers.sets[b]))
        return found
