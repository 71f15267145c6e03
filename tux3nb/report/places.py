"""Which notebooks a command is to run."""

from collections.abc import Sequence
from pathlib import Path

from tux3nb.errors import UserError, nearest
from tux3nb.paths import notebooks_dir


def all_notebooks(folder: Path) -> list[Path]:
    """Return the notebooks of a folder in reading order."""
    return sorted(path for path in folder.glob("*.ipynb") if not path.name.startswith("."))


def find_notebooks(wanted: Sequence[str]) -> list[Path]:
    """Return the notebooks asked for by path or by name ("04-rdma" or "rdma"); all of them when none is named.

    One that is asked for twice comes once. UserError for a name that no notebook has.
    """
    known = all_notebooks(notebooks_dir())
    if not wanted:
        if not known:
            raise UserError(f"no notebooks in {notebooks_dir()}")
        return known
    found = [_find(name, known) for name in wanted]
    return list({path.resolve(): path for path in found}.values())


def _find(name: str, known: Sequence[Path]) -> Path:
    path = Path(name)
    if path.suffix == ".ipynb" and path.is_file():
        return path
    for notebook in known:
        if name in (notebook.name, notebook.stem, notebook.stem.partition("-")[2]):
            return notebook
    raise UserError(f"no notebook {name!r}{nearest(name, [notebook.stem for notebook in known])}")
