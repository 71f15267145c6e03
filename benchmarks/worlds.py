"""What is explored: the project's own worlds in growing sizes, with one family; and the increment model."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import cache

from tux3nb.catalogue import find
from tux3nb.catalogue.free import free
from tux3nb.engine.fields import Field
from tux3nb.engine.policy import Family
from tux3nb.engine.rule import rule
from tux3nb.engine.system import System, World, build
from tux3nb.model.features import FEATURES, TUX3

VARIED = ("fork", "refuse", "bounce", "redirty", "longterm")
MORE = {  # name -> what is changed in the case `rdma`
    "small": {},
    "medium": {
        "columns": """
        app               | device            | writer                  | kernel
        dirty: store p0:0 |                   |                         | closed: transition after dirty
        mr_register p0    | device_write p0:1 | write p0:0 after closed |
        store p0:0        |                   |                         |
        mr_deregister p0  |                   |                         |
    """
    },
    "large": {
        "columns": """
        app               | device            | writer     | kernel
        store p0:0        | device_write p0:1 | write p0:0 | transition
        mr_register p0    |                   |            | transition
        mr_deregister p0  |                   |            |
    """,
        "deltas": 2,
        "folios": 4,
    },
    "huge": {
        "columns": """
        app               | device            | writer     | kernel
        store p0:0        | device_write p0:1 | write p0:0 | transition
        mr_register p0    |                   | write p0:1 | transition
        mr_deregister p0  |                   |            |
    """,
        "deltas": 2,
        "folios": 4,
    },
}
FREE = {  # free-running worlds: family, rounds, folios, delta changes
    "wide": ("ptrace", 1, 3, 1),
    "deep": ("ptrace", 1, 3, 4),
    "vast": ("ptrace", 1, 3, 6),
}


@cache
def world(name: str) -> System:
    """A traced system: one of MORE or FREE, ``free-FAMILY-ROUNDS-FOLIOS-DELTAS``, or ``increment-N-T``."""
    if name.startswith("increment-"):
        rounds, threads = map(int, name.split("-")[1:])
        return increment(rounds, threads)
    if name.startswith("free-"):
        kind, *bounds = name.split("-")[1:]
        return free(kind, *map(int, bounds)).system
    return free(*FREE[name]).system if name in FREE else replace(find("rdma"), **MORE[name]).system


def family(name: str, scope: str) -> Family:
    """``family``: the varied features, policies that no guard tells apart merged; ``one``: Tux3's policy."""
    if scope == "one":
        return Family(FEATURES, TUX3)
    full = Family(FEATURES, TUX3, {f: tuple(FEATURES[f].values) for f in VARIED})
    return full.merged(world(name).guards)[0]


def only(family: Family, policies: list[int]) -> Family:
    """The family of some policies of `family`."""
    small = copy.copy(family)
    small.policies = [family.policies[i] for i in policies]
    small.all = (1 << len(policies)) - 1
    small._sets = {}
    return small


def increment(rounds: int, threads: int) -> System:
    """`threads` threads do `rounds` times: read x, then write what was read plus one."""
    everyone = tuple(range(threads))

    @rule(t=everyone, kernel="none")
    def reads(s, policy, t):
        s.require(s.done[t] < rounds, s.writing[t] == 0)
        s.writing[t], s.read[t] = 1, s.x

    @rule(t=everyone, kernel="none")
    def writes(s, policy, t):
        s.require(s.writing[t] == 1)
        s.x, s.writing[t], s.read[t], s.done[t] = s.read[t] + 1, 0, 0, s.done[t] + 1

    most = rounds * threads
    fields = {
        "x": Field("x", (), most),
        "done": Field("done", (everyone,), rounds),
        "writing": Field("writing", (everyone,), 1),
        "read": Field("read", (everyone,), most),
    }
    return build(World(fields), (reads, writes), FEATURES)
