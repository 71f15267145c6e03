"""The catalogue of cases, one module a family; every module in this folder is found by itself."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from ..case import Case
from ..errors import ModelError, UserError, nearest


@cache
def catalogue() -> dict[str, Case]:
    """All shipped cases by name, in the order of the modules."""
    found: dict[str, Case] = {}
    for info in sorted(pkgutil.iter_modules(__path__), key=lambda i: i.name):
        module = importlib.import_module(f"{__name__}.{info.name}")
        for case in vars(module).values():
            if isinstance(case, Case):
                if found.get(case.name, case) is not case:
                    raise ModelError(f"two cases are named {case.name}")
                found[case.name] = case
    return found


def find(name: str) -> Case:
    """The case of that name; UserError names the nearest."""
    cases = catalogue()
    if name not in cases:
        raise UserError(f"no case {name!r}{nearest(name, cases)}")
    return cases[name]
