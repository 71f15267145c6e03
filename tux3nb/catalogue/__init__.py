"""The catalogue of cases, one module a family; every module in this folder is found by itself."""

from __future__ import annotations

import importlib
import pkgutil
import runpy
import traceback
from functools import cache

from tux3nb.cases.case import Case
from tux3nb.errors import ModelError, UserError, nearest


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


def from_file(path: str) -> Case:
    """The case that a Python file defines (the one object of type `Case` in it).

    Raises UserError for a file that cannot be read or run, or that defines no case or more than one.
    """
    try:
        space = runpy.run_path(path)
    except OSError as e:
        raise UserError(f"{path}: {e.strerror}") from None
    except UserError:
        raise
    except (Exception, SystemExit) as e:
        at = [f.lineno for f in traceback.extract_tb(e.__traceback__) if f.filename == path]
        line = at[-1] if at else getattr(e, "lineno", None)
        text = str(e).partition("\n")[0]
        raise UserError(f"{path}{f', line {line}' if line else ''}: {type(e).__name__}: {text}") from None
    found = list({id(v): v for v in space.values() if isinstance(v, Case)}.values())
    if len(found) != 1:
        raise UserError(f"{path} defines {len(found) or 'no'} cases; write just one: CASE = Case(...)")
    return found[0]


def find(name: str) -> Case:
    """The shipped case of that name, or the one that the file `name` (ending in .py) defines.

    Raises UserError with the nearest names.
    """
    if name.endswith(".py"):
        return from_file(name)
    cases = catalogue()
    if name not in cases:
        raise UserError(f"no case {name!r}{nearest(name, cases)}")
    return cases[name]
