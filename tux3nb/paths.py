"""Where this package's own files are, and how a file is read and written.

A file is beside the package in a checkout, and inside it where it was installed from a wheel. What a command writes is
there whole or not at all.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tux3nb.errors import UserError

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


def read_record(path: Path, remedy: str) -> str:
    """The text of a file of this code's own; UserError, with what to do, where it is missing, empty or no text."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}: {remedy}") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is damaged (no UTF-8): {remedy}") from None
    if not text.strip():
        raise UserError(f"{path} is empty: {remedy}")
    return text


def write_whole(path: str | os.PathLike, content: str | bytes) -> None:
    """Write a file so that it has the old content or the new one, however this ends; text is UTF-8.

    A device or a pipe is just written. UserError, which names the file, where it cannot be written.
    """
    write_all_whole({Path(path): content})


def write_all_whole(files: Mapping[Path, str | bytes]) -> None:
    """Write several files: all content is on the disk before the first file takes its place.

    A link in the place of a file is replaced, not followed. UserError as in `write_whole`.
    """
    staged: list[tuple[str, Path]] = []
    path = Path()
    try:
        for path, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            if _special(path):
                path.write_bytes(data)
            else:
                staged.append((_staged(path, data), path))
        for temporary, path in staged:
            os.replace(temporary, path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from None
    except UnicodeEncodeError as error:
        raise UserError(f"cannot write {path}: {error.object[error.start]!r} is half of a letter") from None
    finally:
        for temporary, _ in staged:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)


def _special(path: Path) -> bool:
    """Whether something other than a file is there, such as a device, to which nothing can be renamed."""
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return False


def _staged(path: Path, data: bytes) -> str:
    """A temporary file beside `path` with its new content and the old one's mode; removed where this fails."""
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(13, "Permission denied")
    file, name = tempfile.mkstemp(prefix=".tux3nb-", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(file, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        os.chmod(name, stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o666 & ~_umask())
    except BaseException:
        os.unlink(name)
        raise
    return name


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def writable_folder(folder: Path) -> Path:
    """Make a folder for output; UserError where no file can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror}") from None
    return folder
