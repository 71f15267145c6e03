"""Where the notebooks are: beside the checkout, or inside the installed package."""

from collections.abc import Sequence
from pathlib import Path

import tux3nb
from tux3nb.errors import UserError, nearest

_PACKAGE = Path(tux3nb.__file__).parent


def in_checkout() -> bool:
    """Return whether this is a checkout and not an installed package."""
    return (_PACKAGE.parent / "pyproject.toml").is_file() and not (_PACKAGE / "_notebooks").is_dir()


def notebooks_folder() -> Path:
    """Return the folder of the notebooks that belong to this code."""
    return _PACKAGE.parent / "notebooks" if in_checkout() else _PACKAGE / "_notebooks"


def all_notebooks(folder: Path) -> list[Path]:
    """Return the notebooks of a folder in reading order."""
    return sorted(path for path in folder.glob("*.ipynb") if not path.name.startswith("."))


def find_notebooks(wanted: Sequence[str]) -> list[Path]:
    """Return the notebooks asked for by path or by name ("04-rdma" or "rdma"); all of them when none is named."""
    known = all_notebooks(notebooks_folder())
    if not wanted:
        if not known:
            raise UserError(f"no notebooks in {notebooks_folder()}")
        return known
    return [_find(name, known) for name in wanted]


def _find(name: str, known: Sequence[Path]) -> Path:
    path = Path(name)
    if path.suffix == ".ipynb" and path.is_file():
        return path
    for notebook in known:
        if name in (notebook.name, notebook.stem, notebook.stem.partition("-")[2]):
            return notebook
    raise UserError(f"no notebook {name!r}{nearest(name, [notebook.stem for notebook in known])}")


def writable_folder(folder: Path) -> Path:
    """Make a folder for output and make sure that files can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".tux3nb-write-probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror}") from None
    return folder
