"""A case and its policies as they travel: as data, from which each process traces the rules by itself."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from tux3nb.cases.case import Case
from tux3nb.engine.family import Family, Listed, Product
from tux3nb.engine.system import System



def as_data(case: Case) -> tuple[type[Case], dict[str, Any]]:
    """The class of a case and its fields, without what has been made of them."""
    return type(case), {f.name: getattr(case, f.name) for f in fields(case)}


def from_data(kind: type[Case], given: dict[str, Any]) -> Case:
    return kind(**given)


def family_data(family: Family) -> tuple:
    """A family as arguments of `family_from`."""
    if isinstance(family, Product):
        varied = [f.id for f in family.vary]
        return family.features, dict(family.base), varied, [f.id for f in family.read if f.id not in varied]
    if isinstance(family, Listed):
        return family.features, family.policies
    raise TypeError(type(family).__name__)


def family_from(features: Any, base: Any, *more: list[str]) -> Family:
    return Product(features, base, *more) if more else Listed(features, base)


def made(kind: type[Case], given: dict[str, Any], family: tuple) -> tuple[System, Family]:
    """The system and the family of a search, in a worker."""
    return from_data(kind, given).system, family_from(*family)
