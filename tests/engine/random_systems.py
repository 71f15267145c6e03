"""Random systems, made by hypothesis so that one on which two searches differ is shrunk to the smallest."""

from __future__ import annotations

import itertools

from hypothesis import strategies as st

from tux3nb.engine.family import Listed, Product
from tux3nb.engine.fields import Field
from tux3nb.engine.policy import Constraint, Feature, Features
from tux3nb.engine.rule import rule
from tux3nb.engine.system import Property, System, build
from tux3nb.engine.terms import lift, where

from .random_exprs import Maker
from .worlds import world

TABLE = [
    Feature("a", "", "-", {"x": "", "y": "", "z": ""}, {"y": ("x",), "z": ("y",)}),
    Feature("b", "", "-", {"no": "", "yes": ""}, {"yes": ("no",)}),
]
PLAIN = Features(TABLE)
CONSTRAINED = Features(TABLE, [Constraint({"a": ("z",), "b": ("yes",)}, "z is never yes")])
BASE = {"a": "x", "b": "no"}


def policies_of(features: Features) -> list[dict]:
    """Every policy of a table of features, one by one."""
    every = (dict(zip(BASE, values, strict=True)) for values in itertools.product(*(f.values for f in features)))
    return [p for p in every if features.why_not(p) is None]


@st.composite
def systems(draw, tame: bool = True) -> System:
    """A system of a few hundred states at most, with limits, marks, checks, clauses, halting, progress and releases.

    One that is not `tame` may read outside its array and write what does not fit.
    """
    rng = draw(st.randoms(use_true_random=False))
    features = rng.choice([PLAIN, CONSTRAINED])
    fields = [Field("x", (), 3), Field("y", (), 2), Field("flag", (), 1), Field("cells", ((0, 1, 2),), 2)]
    w = world(*(Field(f.name, f.axes, f.hi, start=_start(rng, f)) for f in fields))
    rules = [_rule(Maker(rng, tame, w), k) for k in range(rng.randint(2, 5))]
    properties = (
        Property("clause", "", "", "", (("", Maker(rng, tame, w).predicate(2)),)),
        Property("checked", "", "", ""),
        Property("progress", "", "", "", needs_graph=True),
    )
    halted, settled = Maker(rng, True, w).predicate(1), Maker(rng, True, w).predicate(1)
    return build(w, rules, features, properties, None, halted if rng.randint(0, 3) == 0 else None, settled)


def families(system: System) -> list:
    """All policies as a product, and as a list."""
    return [Product(system.features, BASE, BASE), Listed(system.features, policies_of(system.features))]


def _start(rng, f: Field) -> dict[str, int]:
    return {f.label(i): rng.randint(0, f.hi) for i in range(f.size)}


def _rule(make: Maker, number: int):
    """A rule that requires, limits, marks and checks some things, and writes up to three cells."""
    rng = make.rng

    def body(s, policy):
        make.state = s
        s.require(make.truth(1) if rng.randint(0, 9) < 6 else s.flag < 2)
        if rng.randint(0, 9) < 6:
            s.require(make.chooser(policy))
        if rng.randint(0, 9) < 3:
            s.limit(f"limit{number}", make.truth(1))
        if rng.randint(0, 9) < 5:
            s.mark(f"mark{number}", make.truth(1))
        if rng.randint(0, 9) < 5:
            s.ensure("checked", make.truth(1), f"rule {number}")
        names = [rng.choice(["x", "y", "flag", "cells"]) for _ in range(rng.randint(1, 2))]
        found = []
        for name in names:
            hi, index = s.world.fields[name].hi, make.index(1) if name == "cells" else None
            old = getattr(s, name) if index is None else s.cells[index]
            value = make.number(2) if rng.randint(0, 2) else where(old < hi, old + 1, 0)
            if make.tame:
                value = where((value >= 0) & (value <= hi), value, where(old < hi, old + 1, rng.randint(0, hi)))
            elif (value := lift(value)).is_const:
                value = value.value % (hi + 1)  # a number that does not fit is found where the rule is traced
            found.append((name, index, value))
        for name, index, value in found:
            if index is None:
                setattr(s, name, value)
            else:
                s.cells[index] = value

    body.__name__ = f"rule{number}"
    return rule(kernel="-", release=rng.randint(0, 9) < 2)(body)
