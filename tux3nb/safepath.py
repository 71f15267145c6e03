"""Where this process and its children look for modules: never in the current folder, where a stranger's file may lie.

Only `os` and `sys` are imported here: both are loaded before Python looks into the current folder.
"""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def safe_path() -> list[str]:
    """Return `sys.path` without the current folder.

    Where this package itself lies there (a checkout that is not installed), the folder stands behind the standard
    library and before the other packages, so that no file of it takes the place of a module of Python.
    """
    try:
        here = os.path.realpath(os.getcwd())
    except OSError:  # the folder was removed
        here = ""
    given = dict.fromkeys(os.path.abspath(entry) for entry in sys.path if entry)
    kept = [entry for entry in given if os.path.realpath(entry) != here]
    if ROOT not in kept:
        packages = (k for k, entry in enumerate(kept) if entry.endswith(("site-packages", "dist-packages")))
        kept.insert(next(packages, len(kept)), ROOT)
    return kept


def child_environment() -> dict[str, str]:
    """Return the environment for a child Python: it leaves the current folder out, and finds this very package."""
    given = [os.path.abspath(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    checkout = [] if ROOT.endswith(("site-packages", "dist-packages")) else [ROOT]
    path = os.pathsep.join(dict.fromkeys([*checkout, *given]))
    return {**os.environ, "PYTHONSAFEPATH": "1", **({"PYTHONPATH": path} if path else {})}
