"""Asking the model in tests: a case under a named policy with some features changed, and what its runs pass."""

from functools import cache

from tux3nb.answers.judge import judge
from tux3nb.cases.case import Case, named
from tux3nb.catalogue import find
from tux3nb.model.features import FEATURES


def check(case, policy, **changes):
    """One case, given as an object, judged under one policy."""
    return judge(case, case.one(FEATURES.policy(named(policy), **changes)))


@cache
def judged(name, policy, **changes):
    """A shipped case, judged under one policy."""
    return check(find(name), policy, **changes)


def answer(name, policy, **changes):
    return judged(name, policy, **changes).only


def rules_of(run):
    return [step.rule.name for step in run.steps]


def fired(found):
    return {s.rule.name for k, s in enumerate(found.case.system.steps) if found.run.fired.get(k)}


def reached(found):
    return {name for name, mask in found.run.reached.items() if mask}


def states(found):
    """Every reachable state as {label: value}."""
    layout = found.case.system.layout
    return [dict(zip(layout.labels, layout.unpack(state), strict=True)) for state in found.run.graph.arrivals]


def small(columns, mappings=(), family="test", **more):
    """A case of a test's own."""
    return Case(name="test", family=family, title="a test", asks="Does it?", columns=columns, mappings=mappings, **more)
