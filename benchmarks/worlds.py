"""What is explored: the project's own worlds in growing sizes, synthetic families, and the increment model."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from tux3nb.cases.case import Case
from tux3nb.catalogue import find
from tux3nb.catalogue.free import free
from tux3nb.engine.family import Family, Listed, Product
from tux3nb.engine.fields import Field
from tux3nb.engine.policy import Feature, Features
from tux3nb.engine.rule import rule
from tux3nb.engine.system import System, World, build
from tux3nb.model.features import FEATURES, TUX3

LARGER = {  # name -> what is changed in the case `rdma`
    "medium": {
        "columns": """
        app               | device            | writer                  | kernel
        dirty: store p0:0 |                   |                         | closed: transition after dirty
        mr_register p0    | device_write p0:1 | write p0:0 after closed |
        store p0:0        |                   |                         |
        mr_deregister p0  |                   |                         |
    """
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
    "deep": ("ptrace", 1, 3, 5),
    "vast": ("rdma", 1, 3, 14),
}
SYNTHETIC = {  # threads, rounds, features: each feature lets one step of one thread be atomic or late
    "2^9": (3, 3, 9),
    "2^12": (4, 3, 12),
    "2^28": (2, 14, 28),
}


@cache
def free_case(name: str) -> Case:
    """``FAMILY+ROUNDS`` or a name of FREE, as the free-running world."""
    if name in FREE:
        return free(*FREE[name])
    kind, _, rounds = name.partition("+")
    return free(kind, int(rounds))


@cache
def world(name: str) -> System:
    """A traced system: a case, one of LARGER or FREE, ``synthetic-2^N``, or ``increment-ROUNDS-THREADS``."""
    kind, _, rest = name.partition("-")
    if kind == "increment":
        return increment(*map(int, rest.split("-")))
    if kind == "synthetic":
        return synthetic(*SYNTHETIC[rest])
    if name in FREE:
        return free(*FREE[name]).system
    return (replace(find("rdma"), **LARGER[name]) if name in LARGER else find(name)).system


def family(name: str, scope: str) -> Family:
    """``whole``: every combination of the features that the world reads; ``one``: Tux3's policy."""
    features = world(name).features
    base = TUX3 if features is FEATURES else {f.id: next(iter(f.values)) for f in features}
    if scope == "one":
        return Listed(features, [base])
    read = world(name).features_read()
    return Product(features, base, [f.id for f in features if f.id in read and not f.control])


def increment(rounds: int, threads: int) -> System:
    """`threads` threads do `rounds` times: read x, then write what was read plus one."""
    return synthetic(threads, rounds, 0)


def synthetic(threads: int, rounds: int, features: int) -> System:
    """The increment model in which boolean features let the n-th increment of a thread happen, or skip it."""
    table = Features([Feature(f"f{n}", "", "-", {"no": "", "yes": ""}) for n in range(features)])
    everyone = tuple(range(threads))
    rounds_of = tuple(range(rounds))

    def chosen(policy, t, n):
        return policy.__getattr__(f"f{t * rounds + n}") == "yes" if t * rounds + n < features else True

    @rule(kernel="-", t=everyone, n=rounds_of)
    def reads(s, policy, t, n):
        s.require(s.done[t] == n, s.writing[t] == 0, chosen(policy, t, n))
        s.writing[t], s.read[t] = 1, s.x

    @rule(kernel="-", t=everyone)
    def writes(s, policy, t):
        s.require(s.writing[t] == 1)
        s.x, s.writing[t], s.read[t], s.done[t] = s.read[t] + 1, 0, 0, s.done[t] + 1

    @rule(kernel="-", t=everyone, n=rounds_of)
    def skips(s, policy, t, n):
        skip = chosen(policy, t, n)
        s.require(s.done[t] == n, s.writing[t] == 0, ~skip if skip is not True else False)
        s.done[t] = s.done[t] + 1

    most = rounds * threads
    fields = {
        "x": Field("x", (), most),
        "done": Field("done", (everyone,), rounds),
        "writing": Field("writing", (everyone,), 1),
        "read": Field("read", (everyone,), most),
    }
    return build(World(fields), (reads, writes, skips), table)


def by_hand(threads: int, rounds: int, features: int) -> str:
    """The same family as one nondeterministic Promela model, written as its author would: the fair peer for SPIN."""
    choose = "\n".join(f"  if :: f[{n}] = 0 :: f[{n}] = 1 fi;" for n in range(features))
    runs = "\n".join(f"  run thread({t});" for t in range(threads))
    return f"""byte x; bit f[{max(1, features)}];
proctype thread(byte t) {{
  byte n, r;
  do
  :: n < {rounds} && f[t * {rounds} + n] -> atomic {{ r = x }}; atomic {{ x = r + 1; r = 0; n++ }}
  :: n < {rounds} && !f[t * {rounds} + n] -> n++
  :: n == {rounds} -> break
  od
}}
init {{ atomic {{
{choose}
{runs}
}} }}
"""
