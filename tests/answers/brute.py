"""All policies of a few features, one at a time: what the sets of `tux3nb.answers.least` must say, found by trying."""

from __future__ import annotations

import itertools
from functools import cache

from tux3nb.answers.judge import judge
from tux3nb.catalogue import find
from tux3nb.engine.family import Listed
from tux3nb.model.features import FEATURES, TUX3

VARIED = ("fork", "refuse", "busy", "bounce", "optout", "redirty", "warn_forked")
WORLDS = ("stable_device", "reclaim", "splice")  # they read these features and no other


def every_policy() -> list[dict[str, str]]:
    """Every combination of the varied features, which no constraint rules out; the others are tux3's."""
    values = (FEATURES[f].values for f in VARIED)
    return [{**TUX3, **dict(zip(VARIED, chosen, strict=True))} for chosen in itertools.product(*values)]


@cache
def violated() -> dict[tuple[str, str], dict[tuple, int]]:
    """(world, property) -> policy -> depth of its violation, as an exploration of a list of policies found it."""
    found: dict = {}
    for name in WORLDS:
        case, policies = find(name), every_policy()
        assert set(case.features_read) - {"off"} == set(VARIED), name
        run = judge(case, Listed(FEATURES, policies)).run
        assert not run.limits
        judged = {p.id for p in case.properties if not p.advisory}
        for v in (v for v in run.violations if v.property in judged):
            depths, bits = found.setdefault((name, v.property), {}), run.numbers[v.policies]
            for policy in (p for n, p in enumerate(policies) if bits >> n & 1):
                depths[key(policy)] = min(v.depth, depths.get(key(policy), v.depth))
    return found


def key(policy) -> tuple:
    return tuple(policy[f] for f in VARIED)


@cache
def safe() -> frozenset[tuple]:
    return frozenset(map(key, every_policy())) - {p for broken in violated().values() for p in broken}


def dropped(policy: tuple) -> list[tuple]:
    """The policies one step down."""
    found = []
    for k, f in enumerate(VARIED):
        found += [(*policy[:k], w, *policy[k + 1 :]) for w in FEATURES[f].below.get(policy[k], ())]
    return found


def distance(a: tuple, b: tuple) -> int:
    return sum(x != y for x, y in zip(a, b, strict=True))
