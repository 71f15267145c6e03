"""Where the package's own files are: beside it in a checkout, inside it when it was installed from a wheel."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def in_checkout() -> bool:
    """Whether this is a checkout and not an installed package."""
    return (PACKAGE.parent / "pyproject.toml").is_file() and not (PACKAGE / "_notebooks").is_dir()


def data_dir() -> Path:
    """The folder of the records that commands write, and of the catalogue of holders."""
    return PACKAGE.parent / "data" if in_checkout() else PACKAGE / "_data"


def notebooks_dir() -> Path:
    """The folder of the notebooks that belong to this code."""
    return PACKAGE.parent / "notebooks" if in_checkout() else PACKAGE / "_notebooks"
