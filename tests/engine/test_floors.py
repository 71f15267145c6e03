"""A module imports only from the floors below its own, and only what its floor may need."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import tux3nb

ROOT = Path(tux3nb.__file__).parent

# From the ground up. A name stands for a module or a package; a module belongs to the longest name that fits.
FLOORS = [
    ("errors", "places"),
    ("expr", "layout"),
    ("rule", "policy", "system"),
    ("event", "exploration", "explain"),
    ("backend",),
    ("search", "pieces", "settling", "layergraph", "layers", "path", "progress", "explore"),
    ("model",),
    ("columns", "case", "cases", "freerun", "race"),
    ("verdicts", "matrix", "synthesis", "cost", "told", "display", "survivors", "mutants"),
    ("picture",),
    ("explorer", "report", "witness", "holders", "lookup", "notebook", "lab"),
    ("commands", "cli", "__main__"),
]
HEAVY = {"numpy", "pandas", "graphviz", "nbconvert", "nbclient", "nbformat", "jupyterlab", "ipywidgets", "anywidget"}


def modules() -> list[Path]:
    return sorted(p for p in ROOT.rglob("*.py") if "_notebooks" not in p.parts)


def name_of(path: Path) -> str:
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def floor_of(name: str) -> int | None:
    for n, floor in enumerate(FLOORS):
        if name.split(".")[0] in floor:
            return n
    return None


@cache
def imports(path: Path) -> set[str]:
    """What a module imports, full names; those only for a type checker are left out."""
    package = ["tux3nb", *path.relative_to(ROOT).parts[:-1]]
    found, todo = set(), [ast.parse(path.read_text())]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            todo += node.orelse
            continue
        todo += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = [*base, *([node.module] if node.module else [])]
            found |= {".".join(base)} if node.module else {".".join([*base, a.name]) for a in node.names}
    return found


def upward(path: Path) -> list[str]:
    """The imports of a module that do not lie on a floor below, or beside it in its own package or floor."""
    mine, here, out = name_of(path), floor_of(name_of(path)), []
    for full in imports(path):
        if not full.startswith("tux3nb."):
            continue
        target = full.removeprefix("tux3nb.")
        there = floor_of(target)
        if there is not None and here is not None and there > here:
            out.append(f"{mine} (floor {here}) imports {target} (floor {there})")
    return out


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_point_downwards(path):
    """No module imports from a floor above its own."""
    assert upward(path) == []


def test_every_module_has_a_floor():
    """A new module is given its floor here."""
    homeless = {name_of(p) for p in modules() if floor_of(name_of(p)) is None and name_of(p) != "__init__"}

    assert homeless == set()


def test_no_two_modules_import_each_other():
    """Imports make no ring, so that every module can be read after those that it stands on."""
    below = {name_of(p): {i.removeprefix("tux3nb.") for i in imports(p) if i.startswith("tux3nb.")} for p in modules()}
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]):
        assert name not in path, " -> ".join([*path, name])
        if name not in done:
            for other in sorted(below.get(name, ())):
                visit(other, (*path, name))
            done.add(name)

    for name in below:
        visit(name, ())


def test_an_upward_import_is_found(tmp_path, monkeypatch):
    """The test can fail: a rule module that imports the exploration is named."""
    (tmp_path / "rule.py").write_text("from .explore import explore\nfrom .expr import lift\n")
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)

    assert upward(tmp_path / "rule.py") == ["rule (floor 2) imports explore (floor 5)"]


def test_only_the_explorer_imports_anywidget():
    """The widget protocol is needed in one place."""
    users = {name_of(p).split(".")[0] for p in modules() if "anywidget" in imports(p)}

    assert users <= {"explorer"}


def test_checking_a_small_case_imports_nothing_heavy():
    """`check` of a small case needs the standard library only; numpy comes in when a world has grown."""
    code = (
        "import sys; from tux3nb.cases import find; from tux3nb.verdicts import check; "
        "c = find('rdma+deregister_clean'); check(c, c.policy); "
        "print(sorted({m.partition('.')[0] for m in sys.modules}))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT.parent)

    assert HEAVY & set(ast.literal_eval(out.stdout)) == set()
