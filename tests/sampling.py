"""What tests draw: policies by a seed, so that a failure can be repeated, and all that is said of one; and examples."""

import random

import pytest
from hypothesis import HealthCheck, given, settings

from tux3nb.engine.family import Listed
from tux3nb.model.features import FEATURES

PATIENT = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)


def thousands(test, most, *strategies, **named):
    """A hypothesis test once more, with so many examples, for the slow suite."""
    again = given(*strategies, **named)(test.hypothesis.inner_test)
    return pytest.mark.slow(settings(PATIENT, max_examples=most)(again))


def some_policies(case, most, seed=0):
    """Policies of a case's whole product, its base policy first, drawn at random: no two alike."""
    rng, read = random.Random(f"{case.name} {seed}"), [f for f in case.features_read if not FEATURES[f].control]
    found = [case.policy]
    for _ in range(20 * most):
        policy = {**case.policy, **{f: rng.choice(list(FEATURES[f].values)) for f in read}}
        if len(found) < most and policy not in found and FEATURES.why_not(policy) is None:
            found.append(policy)
    return found


def sampled_family(case, most, seed=0):
    """Some policies as a family."""
    return Listed(FEATURES, some_policies(case, most, seed))


def by_policy(run, policy):
    """All that an exploration says of one policy, to be compared between engines and families."""
    i = run.number(policy)
    firsts = {p.id: run.first(i, p.id) for p in run.system.properties}
    return {
        "states": run.states(i),
        "edges": run.edge_count(i),
        "depth": run.depth(i),
        "first": {prop: found and (found.depth, found.step is None) for prop, found in firsts.items()},
        "marks": {name for name, k in run.reached.items() if run.has(k, i)},
        "limits": {name for name, k in run.limits.items() if run.has(k, i)},
        "fired": {name for name, k in run.fired.items() if run.has(k, i)},
    }
