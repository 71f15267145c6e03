"""Every rule of the model, one module per actor. A new file in this folder is found by itself."""

import importlib
import pkgutil

from ...rule import Rule


def all_rules() -> list[Rule]:
    """The rules of all modules of this package, in order of module and definition."""
    found = []
    for info in sorted(pkgutil.iter_modules(__path__), key=lambda i: i.name):
        module = importlib.import_module(f"{__name__}.{info.name}")
        found += [v for v in vars(module).values() if isinstance(v, Rule) and v not in found]
    return found
