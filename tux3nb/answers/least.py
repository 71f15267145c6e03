"""What is safe over many worlds at once: how many policies, what they share, the least of them, and why.

Every world leaves some policies, and what all of them leave is safe. Each answer is exact, since a set of policies is
a decision diagram over all features (see `tux3nb.engine.family`); nothing is sampled, and no policy is picked by hand.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, reduce

from tux3nb.answers.worlds import World
from tux3nb.engine.family import PolicySet, Product
from tux3nb.engine.policy import Policy
from tux3nb.engine.result import REFUSED, UNFINISHED, UNREACHED, VIOLATED
from tux3nb.errors import UserError, nearest
from tux3nb.model.features import BLOCK_LAYER, CORE_MM, FEATURES, FILE_SYSTEM, HOLDER, NAMED, TUX3, named_policy
from tux3nb.model.properties import PROPERTIES

NEVER_FORK = {"refuse": TUX3["refuse"], **NAMED["stable_pages"][1]}  # never fork, wait: what `stable_pages` says
BUILDERS = {
    "file system only": (FILE_SYSTEM,),
    "file system and block layer": (FILE_SYSTEM, BLOCK_LAYER),
    "file system, block layer and core mm": (FILE_SYSTEM, BLOCK_LAYER, CORE_MM),
    "with holders": (FILE_SYSTEM, BLOCK_LAYER, CORE_MM, HOLDER),
}
LEFT_OUT = (
    "memory is sequentially consistent and a rule is one step",
    "memory may be short for the copies of forks alone (cases of tight memory): a bounce copy has a reserve",
    "the disk always has room, and no write-out fails (ENOSPC, EIO)",
    "a block is as large as a page, a folio is one page, and at most two folios are in flight",
    "nobody waits for a page to be on disk (fsync), and none is read before it is asked for (read-ahead)",
    "no process calls fork(2), mremap or remap_file_pages",
)


def mechanisms(policy: Policy) -> dict[str, str]:
    """The features in which a policy has more than the bottom of their order, with its values."""
    return {f.id: policy[f.id] for f in FEATURES if not f.control and policy[f.id] in f.below}


def by_owner(policy: Policy) -> dict[str, list[str]]:
    """Owner -> the mechanisms that it would have to build, as ``feature=value``; of two owners: with both."""
    found: dict[str, list[str]] = {}
    for fid, value in mechanisms(policy).items():
        for owner in FEATURES[fid].owner_of(value):
            found.setdefault(owner, []).append(f"{fid}={value}")
    return found


def the_policy(text: str | Policy) -> dict[str, str]:
    """The policy of a name, or of ``feature=value,...`` on top of tux3's (a name may come first, or stand alone).

    UserError for a wrong name, feature or value, for values that contradict each other, and for a mechanism switched
    off on purpose, which no world is explored with.
    """
    if isinstance(text, str):
        first, *rest = (part.strip() for part in text.split(","))
        if "=" in first:
            first, rest = "tux3", [first, *rest]
        if first not in NAMED:
            raise UserError(f"no policy {first!r}{nearest(first, NAMED)}")
        base, changes = named_policy(first), {}
        for part in rest:
            fid, sep, value = part.partition("=")
            if not sep:
                raise UserError(f"{part!r}: write FEATURE=VALUE{nearest(fid, [f.id for f in FEATURES])}")
            changes[fid] = value
    else:
        base, changes = TUX3, dict(text)
    policy = FEATURES.policy(base, **changes)
    if reason := FEATURES.why_not(policy):
        raise UserError(f"these values contradict each other: {reason}")
    off = next((f.id for f in FEATURES if f.control and policy[f.id] != TUX3[f.id]), None)
    if off:
        raise UserError(
            f"{text}: {off}={policy[off]} is a mechanism switched off on purpose; no policy is judged with it"
        )
    return policy


def values_of(policy: str | Policy) -> Policy:
    """The values of a policy that may be given as a text, see `the_policy`."""
    return the_policy(policy) if isinstance(policy, str) else policy


def everything() -> Product:
    """The family of every policy there is."""
    return Product(FEATURES, TUX3, [f.id for f in FEATURES if not f.control])


def counting() -> tuple[str, ...]:
    """The properties that make a policy unsafe where a world judges them: all but the advisory ones."""
    return tuple(p.id for p in PROPERTIES if not p.advisory)


@dataclass(frozen=True)
class Break:
    """A property that a policy violates in a world, and after how many steps; without a depth it is unfinished."""

    world: str
    property: str
    depth: int | None


@dataclass(frozen=True)
class Drop:
    """A mechanism given up, one step down in its feature's order, and what then breaks.

    `impossible` says why there is no such policy, where a constraint rules it out.
    """

    feature: str
    value: str
    lower: str
    breaks: tuple[Break, ...]
    impossible: str | None = None


@dataclass(frozen=True)
class Need:
    """Whether a value is needed. safe, without: how many safe policies have it, and have it not.

    otherwise_safe: how many have it not and would be safe with it. excluded: world -> how many of these it excludes;
    together: worlds that exclude all of them, none to spare (empty where some are safe without).
    """

    safe: int
    without: int
    otherwise_safe: int
    excluded: dict[str, int]
    together: tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """The fewest features that a policy must change in, and all safe policies that differ in no more.

    None and no policies: no change of values that these owners build is enough.
    """

    fewest: int | None
    policies: PolicySet


class Answers:
    """What some worlds together say of every policy. UserError for no world, or a property that none of them judges.

    properties: those that count (None: all that are not advisory). family: the policies in question (None: all there
    are). safe: the policies that violate none of these in any
    world that was explored to its end. What a world that was cut short has shown to be violated counts as well; it
    is named in `unfinished`, and nothing is claimed of it.
    """

    def __init__(self, worlds: Iterable[World], properties: Iterable[str] | None = None, family: Product | None = None):
        self.worlds = {w.name: w for w in worlds}
        if not self.worlds:
            raise UserError("name at least one world")
        judged = {p for w in self.worlds.values() for p in w.properties}
        chosen = counting() if properties is None else tuple(properties)
        for pid in chosen if properties is not None else ():
            if pid not in judged:
                raise UserError(f"no world judges a property {pid!r}{nearest(pid, judged)}")
        if not chosen:
            raise UserError("name at least one property")
        self.properties = tuple(p.id for p in PROPERTIES if p.id in chosen and p.id in judged)
        self.unfinished = tuple(w.name for w in self.worlds.values() if w.stopped)
        self.family = everything() if family is None else family
        self._rows = [
            (w.name, row.property, row.verdict, row.depth, self.family.load(row.diagram))
            for w in self.worlds.values()
            for row in w.rows
            if not (w.stopped and row.verdict == UNFINISHED)
        ]

    def narrowed(self, properties: Iterable[str]) -> Answers:
        """The same worlds with other properties."""
        return Answers(self.worlds.values(), properties, self.family)

    # ---- sets ----------------------------------------------------------------------------------------------
    @cached_property
    def broken(self) -> dict[tuple[str, str], PolicySet]:
        """(world, property that counts) -> the policies that violate it there, or for which it is unfinished."""
        return self._joined(VIOLATED, UNFINISHED)

    def _joined(self, *verdicts: str) -> dict[tuple[str, str], PolicySet]:
        found: dict[tuple[str, str], PolicySet] = {}
        for world, prop, verdict, _, policies in self._rows:
            if verdict in verdicts and prop in self.properties:
                known = found.get((world, prop))
                found[world, prop] = policies if known is None else known | policies
        return found

    @cached_property
    def excluded(self) -> dict[str, PolicySet]:
        """World -> the policies that it excludes; the worlds that exclude none are there, too."""
        found = dict.fromkeys(self.worlds, self.family.none)
        for (world, _), policies in self.broken.items():
            found[world] |= policies
        return found

    @cached_property
    def safe(self) -> PolicySet:
        """The policies that violate nothing that counts in any world."""
        return reduce(operator.sub, self.excluded.values(), self.family.all)

    @cached_property
    def minimal(self) -> PolicySet:
        """The safe policies from which no mechanism can be dropped."""
        return self.safe.minimal()

    @cached_property
    def as_good_as_never_forking(self) -> PolicySet:
        """The policies that in no world violate a property that the same policy keeps when it never forks and waits.

        Where a constraint rules the policy that never forks out, there is nothing to excuse a violation.
        """
        found, violated = self.family.all, self._joined(VIOLATED)
        for key, policies in self.broken.items():
            twins = violated.get(key, self.family.none)
            for fid, value in NEVER_FORK.items():
                twins = twins.having(fid, value)
            found -= policies - twins.whatever(*NEVER_FORK)
        return found

    def excluded_only_by(self) -> dict[str, int]:
        """World -> how many policies it excludes that no other world does; worlds without any are left out."""
        names = list(self.excluded)
        before = [self.family.none]
        for name in names:
            before.append(before[-1] | self.excluded[name])
        after, found = self.family.none, {}
        for k in range(len(names) - 1, -1, -1):
            alone = self.excluded[names[k]] - before[k] - after
            if alone:
                found[names[k]] = alone.count()
            after |= self.excluded[names[k]]
        return {name: found[name] for name in names if name in found}

    def shared(self, policies: PolicySet | None = None) -> dict[str, tuple[str, ...]]:
        """Feature -> the values that occur among the safe policies (or those of a set), where some value does not."""
        policies = self.safe if policies is None else policies
        found = {f.id: tuple(v for v in f.values if policies.having(f.id, v)) for f in self.family.vary}
        return {fid: values for fid, values in found.items() if len(values) < len(FEATURES[fid].values)}

    def built_by(self, builders: Iterable[str]) -> PolicySet:
        """The policies all of whose mechanisms these owners build by themselves."""
        builders, diagrams = set(builders), self.family.diagrams
        own = (
            diagrams.one_of(f.id, [v for v in f.values if v not in f.below or builders >= set(f.owner_of(v))])
            for f in self.family.vary
        )
        return PolicySet(self.family, reduce(operator.and_, own, self.family.all.dd))

    def together(self, policies: PolicySet) -> tuple[str, ...]:
        """Worlds that exclude all of some policies, none to spare; none at all where one of the policies is safe."""
        return () if policies & self.safe else self._together(policies)

    def shrinking(self) -> Iterator[tuple[World, int]]:
        """Each world in turn, with how many policies are safe in it and in all before it."""
        safe = self.family.all
        for name, world in self.worlds.items():
            safe -= self.excluded[name]
            yield world, safe.count()

    # ---- one policy ----------------------------------------------------------------------------------------
    def _single(self, policy: str | Policy) -> PolicySet:
        return self.family.single(values_of(policy))

    def breaks(self, policy: str | Policy, every: bool = False) -> tuple[Break, ...]:
        """What a policy violates, the easiest to read first: cases before free-running worlds, then shortest runs.

        `policy`: a name, ``feature=value,...`` or values, as for `the_policy`. `every`: properties that do not count,
        too.
        """
        return self.breaking(self._single(policy), every)

    def breaking(self, policies: PolicySet, every: bool = False) -> tuple[Break, ...]:
        """What one of some policies at least violates, as in `breaks`."""
        found = [
            Break(world, prop, depth)
            for world, prop, verdict, depth, broken in self._rows
            if verdict in (VIOLATED, UNFINISHED) and (every or prop in self.properties) and broken & policies
        ]
        return tuple(sorted(found, key=lambda b: (self.worlds[b.world].rounds, b.depth is None, b.depth or 0)))

    def qualified(self, policy: str | Policy) -> dict[str, list[str]]:
        """HOLDS(refused) or HOLDS(unreached) -> the worlds in which a policy has it on a property that counts."""
        single = self._single(policy)
        found: dict[str, list[str]] = {}
        for world, prop, verdict, _, policies in self._rows:
            if verdict in (REFUSED, UNREACHED) and prop in self.properties and policies & single:
                worlds = found.setdefault(verdict, [])
                if world not in worlds:
                    worlds.append(world)
        return found

    def drops(self, policy: str | Policy) -> list[Drop]:
        """Every mechanism of a policy, given up one step, with what then breaks: nothing, if it is to spare."""
        policy, found = values_of(policy), []
        for fid, value in mechanisms(policy).items():
            for lower in FEATURES[fid].below[value]:
                dropped = {**policy, fid: lower}
                reason = FEATURES.why_not(dropped)
                found.append(Drop(fid, value, lower, () if reason else self.breaks(dropped), reason))
        return found

    def needs(self, fid: str, value: str) -> Need:
        """Whether safe policies need a value of a feature, and which worlds exclude those without it."""
        FEATURES[fid].need(value)
        having = self.safe.having(fid, value)
        others = having.whatever(fid) - self.family.all.having(fid, value)
        excluded = {name: (policies & others).count() for name, policies in self.excluded.items()}
        return Need(
            having.count(),
            (self.safe - having).count(),
            others.count(),
            {name: n for name, n in sorted(excluded.items(), key=lambda item: -item[1]) if n},
            self.together(others),
        )

    def _together(self, others: PolicySet) -> tuple[str, ...]:
        """Worlds that exclude all of some policies, found greedily; then those are left out that can be spared."""
        chosen, left = [], others
        while left:
            chosen.append(max(self.excluded, key=lambda name: (self.excluded[name] & left).count()))
            left -= self.excluded[chosen[-1]]
        for name in list(chosen):
            rest = [n for n in chosen if n != name]
            if not reduce(operator.sub, (self.excluded[n] for n in rest), others):
                chosen = rest
        return tuple(chosen)

    def least_change(self, base: str | Policy, builders: Iterable[str] = BUILDERS["with holders"]) -> Change:
        """The fewest features in which `base` must change to be safe, where only values of these owners may be added.

        Exact: all policies that differ from it in no feature, in one, in two ... are formed as sets, until one is safe.
        """
        base, builders, diagrams = values_of(base), set(builders), self.family.diagrams
        reached = self.family.single(base)
        allowed = {
            f.id: [v for v in f.values if v == base[f.id] or builders >= set(f.owner_of(v))] for f in self.family.vary
        }
        for fewest in range(len(allowed) + 1):
            if reached & self.safe:
                return Change(fewest, reached & self.safe)
            steps = (diagrams.without(reached.dd, [f]) & diagrams.one_of(f, values) for f, values in allowed.items())
            wider = PolicySet(self.family, reduce(operator.or_, steps, reached.dd))  # constraints hold at the end only
            if wider == reached:
                break
            reached = wider
        return Change(None, self.family.none)


def changes(policy: Policy, base: Mapping[str, str] = TUX3) -> list[str]:
    """The features in which a policy differs from another, as ``feature=value``."""
    return [f"{fid}={value}" for fid, value in policy.items() if value != base[fid]]
