"""Families for tests: small enough for every engine, chosen by a seed so that a failure can be repeated."""

import random

from tux3nb.engine.policy import Family
from tux3nb.model.features import FEATURES


def sampled_family(case, most, seed=0):
    """All combinations of as many features that the case reads (in a shuffled order) as give at most `most`."""
    names = list(case.features_read)
    random.Random(f"{case.name} {seed}").shuffle(names)
    vary, size = {}, 1
    for name in names:
        values = tuple(FEATURES[name].values)
        if size * len(values) <= most:
            vary[name], size = values, size * len(values)
    family, _ = Family(FEATURES, case.policy, vary).merged(case.system.guards)
    return family


def by_policy(run, policy):
    """All that an exploration says of one policy, to be compared between engines."""
    firsts = {p.id: run.first(policy, p.id) for p in run.system.properties}
    return {
        "states": run.states(policy),
        "edges": run.edge_count(policy),
        "depth": run.depth(policy),
        "first": {prop: found and (found.depth, found.step is None) for prop, found in firsts.items()},
        "marks": names(run.reached, policy),
        "limits": names(run.limits, policy),
        "fired": names(run.fired, policy),
    }


def names(masks, policy):
    """The keys whose policy set holds `policy`."""
    return {name for name, mask in masks.items() if mask >> policy & 1}
