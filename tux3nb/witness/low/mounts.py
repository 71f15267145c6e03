"""Mounting, unmounting and asking what is mounted where."""

import os
from pathlib import Path

from tux3nb.witness.low.syscalls import call, checked

_MNT_DETACH, _UMOUNT_NOFOLLOW = 2, 8


def _table() -> list[tuple[str, str]]:
    """(mount point, file system type) of every mount, in order of mounting."""
    rows = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        rows.append((_unescape(left.split()[4]), right.split()[0]))
    return rows


def _unescape(text: str) -> str:
    for code, letter in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, letter)
    return text


def file_system_of(folder: str | os.PathLike) -> str:
    """The type ('ext4') of the file system that holds ``folder``; 'unknown' without /proc."""
    try:
        rows = _table()
    except OSError:
        return "unknown"
    path = os.path.realpath(folder)
    holding = [(len(point), index, kind) for index, (point, kind) in enumerate(rows) if is_below(path, point)]
    return max(holding)[2] if holding else "unknown"


def is_below(path: str, folder: str) -> bool:
    """True when ``path`` is ``folder`` or inside it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def mounted_below(folder: str | os.PathLike) -> list[str]:
    """Mount points inside ``folder`` or at it, the last mounted first."""
    top = os.path.realpath(folder)
    return [point for point, _ in reversed(_table()) if is_below(point, top)]


def mount(source: str, point: str | os.PathLike, kind: str, options: str = "", flags: int = 6) -> None:
    """mount(2), by default nosuid and nodev; OSError on failure."""
    arguments = (source.encode(), os.fsencode(point), kind.encode(), flags, options.encode())
    checked(call("mount", *arguments), f"mount {kind}")


def unmount(point: str | os.PathLike, lazy: bool = False) -> None:
    """umount2(2); OSError on failure."""
    flags = _UMOUNT_NOFOLLOW | (_MNT_DETACH if lazy else 0)
    checked(call("umount2", os.fsencode(point), flags), "umount")
