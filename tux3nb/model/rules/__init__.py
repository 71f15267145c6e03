"""Every rule of the model, one module per actor. A new file in this folder is found by itself."""

import importlib
import pkgutil
from collections.abc import Iterable
from functools import cache

from tux3nb.engine.rule import Rule
from tux3nb.errors import ModelError, nearest
from tux3nb.model.operations import Kind, Op
from tux3nb.model.world import PLACES


@cache
def modules() -> tuple:
    """The modules of this package, by name.

    Each may have rules, ``KINDS`` of operations, the ``PLACES`` in their routines, and ``declare(world)``.
    """
    names = sorted(info.name for info in pkgutil.iter_modules(__path__))
    return tuple(importlib.import_module(f"{__name__}.{name}") for name in names)


def kinds() -> dict[str, Kind]:
    """Every kind of operation by name. Raises ModelError if two modules define the same one."""
    found: dict[str, Kind] = {}
    for module in modules():
        for kind in getattr(module, "KINDS", ()):
            if found.setdefault(kind.name, kind) is not kind:
                raise ModelError(f"{module.__name__} defines the operation {kind.name} a second time")
    return found


def places(ops: Iterable[Op]) -> list[str]:
    """The places in the routines of these operations: `world.PLACES`, and those of the modules of their kinds."""
    named = {op.kind for op in ops}
    mine = [m for m in modules() if named & {kind.name for kind in getattr(m, "KINDS", ())}]
    return list(dict.fromkeys([*PLACES, *(place for m in mine for place in getattr(m, "PLACES", ()))]))


def declarations() -> list:
    """The functions by which rule modules add their fields to a world."""
    return [module.declare for module in modules() if hasattr(module, "declare")]


def all_rules() -> list[Rule]:
    """The rules of all modules of this package, in order of module and definition.

    Raises ModelError for a rule that asks for an operation which its module does not define.
    """
    found = []
    for module in modules():
        mine = [v for v in vars(module).values() if isinstance(v, Rule) and v not in found]
        for r in mine:
            check_names(r, [k.name for k in getattr(module, "KINDS", ())], kinds())
        found += mine
    return found


def check_names(r: Rule, own: Iterable[str], known: Iterable[str]):
    """Raise ModelError if a domain of the rule names an operation that is not one of its module's own."""
    for name in (name for domain in r.domains.values() for name in getattr(domain, "asks", ())):
        if name not in known:
            raise ModelError(f"rule {r.name}: no operation {name!r}{nearest(name, known)}")
        if name not in own:
            raise ModelError(f"rule {r.name}: {name} is another module's operation; ask for a trait of its kind")
