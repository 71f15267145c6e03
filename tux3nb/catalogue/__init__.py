"""The catalogue of cases, one module a family; every module in this folder is found by itself."""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
import re
import runpy
import sys
import traceback
from collections.abc import Iterable
from dataclasses import fields
from functools import cache
from pathlib import Path

from tux3nb.cases.case import Case
from tux3nb.cases.place import in_file
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
    """The case that a Python file defines (the one object of type `Case` in it), with its world built.

    What the file prints goes to standard error. Raises UserError, which names the file and its line, for a file that
    cannot be read or run, that defines no case or more than one, or whose case is broken.
    """
    try:
        with contextlib.redirect_stdout(sys.stderr):
            space = runpy.run_path(path)
    except OSError as e:
        raise UserError(f"{path}: {e.strerror}") from None
    except (Exception, SystemExit) as e:  # noqa: BLE001  (a user's file may raise anything)
        at = [f.lineno for f in traceback.extract_tb(e.__traceback__) if f.filename == path]
        line = at[-1] if at else getattr(e, "lineno", None)
        raise UserError(f"{path}{f', line {line}' if line else ''}: {_told(e)}") from None
    found = list({id(v): v for v in space.values() if isinstance(v, Case)}.values())
    if len(found) != 1:
        raise UserError(f"{path} defines {len(found) or 'no'} cases; write just one: CASE = Case(...)")
    (case,) = found
    case.place = in_file(path, case.name, case.columns)
    if case.name in catalogue():
        raise UserError(f"{case.where.of('name')}: {case.name!r} is the name of a shipped case; take another")
    try:
        case.system, case.properties  # noqa: B018
    except (UserError, ModelError) as e:
        told = str(e).removeprefix(f"case {case.name}: ")
        raise UserError(told if told.startswith(path) else f"{path}: {told}") from None
    return case


def _told(e: BaseException) -> str:
    """An error in a file, in one line."""
    text = str(e).partition("\n")[0]
    if isinstance(e, UserError):
        return text
    if unknown := re.search(r"Case\.__init__\(\) got an unexpected keyword argument '(\w+)'", text):
        return f"a case has no field {unknown[1]!r}{nearest(unknown[1], [f.name for f in fields(Case)])}"
    return f"{type(e).__name__}: {re.sub(r' [(][^()]*, line [0-9]+[)]$', '', text)}"


def find(name: str) -> Case:
    """The shipped case of that name, or the one that the file `name` (ending in .py) defines.

    Raises UserError with the nearest names.
    """
    if name.endswith(".py"):
        return from_file(name)
    cases = catalogue()
    if name not in cases:
        path = Path(name)
        if path.is_dir():
            raise UserError(f"{name} is a folder; name one case, or use `tux3nb matrix {name}`")
        near = f"; did you mean {name}.py?" if path.with_name(f"{path.name}.py").is_file() else nearest(name, cases)
        raise UserError(f"no case {name!r}{near}")
    return cases[name]


def find_all(names: Iterable[str]) -> tuple[list[Case], list[str]]:
    """The cases of names, files and folders of files; with them what is wrong with the files of a folder.

    Raises UserError for a name or file that is wrong, for a folder without files, and for two cases of one name.
    """
    found, wrong = [], []
    for name in names:
        if not (folder := Path(name)).is_dir():
            found.append(find(name))
            continue
        files = sorted(folder.glob("*.py"))
        if not files:
            raise UserError(f"{name}: no file of a case (*.py) in this folder")
        for file in files:
            try:
                found.append(from_file(str(file)))
            except UserError as e:
                wrong.append(str(e))
    for case in found:
        if twice := next((c for c in found if c.name == case.name and c is not case), None):
            raise UserError(f"{twice.where} and {case.where}: two cases of the name {case.name}")
    return found, wrong
