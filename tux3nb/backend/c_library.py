"""C text to a loaded library: compiled once, kept in the user's cache by content. No compiler is no error."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

FLAGS = ("-O1", "-std=gnu11", "-w", "-shared", "-fPIC", "-pthread")
KEPT = 256  # libraries in the cache, more than there are cases; the longest unused go first
PATIENCE = 300  # seconds after which a compiler is given up

_given_up: set[Path] = set()
_building: dict[Path, threading.Thread] = {}


def compiler() -> str | None:
    """The system's C compiler; TUX3NB_CC names another one, or none (set to nothing)."""
    named = os.environ.get("TUX3NB_CC")
    if named is not None:
        return shutil.which(named) if named else None
    return next((found for found in map(shutil.which, ("cc", "gcc", "clang")) if found), None)


def cache_folder() -> Path:
    """Where this platform keeps what can be made again; XDG_CACHE_HOME is obeyed."""
    home = Path.home()
    if sys.platform == "darwin":
        base = home / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local"))
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return base / "tux3nb" / "compiled"


def library_path(text: str, words: int, cc: str) -> Path:
    """The name depends on all that the machine code depends on."""
    about = "\0".join((text, str(words), cc, *FLAGS, platform.machine(), platform.system()))
    return cache_folder() / f"{hashlib.sha256(about.encode()).hexdigest()[:32]}.so"


def library(text: str, words: int, wait: bool = True) -> ctypes.CDLL | None:
    """The library of a C text, for policy sets of `words` 64-bit words.

    None where there is no compiler or it fails, and where the user has no cache folder. With ``wait=False`` a library
    that is not there yet is built in the background and None is returned meanwhile.
    """
    cc = compiler()
    if cc is None:
        return None
    try:
        path = library_path(text, words, cc)
        there = path.exists()
    except (OSError, RuntimeError):  # a home that is closed to this user, or none at all
        return None
    if not there:
        if path in _given_up:
            return None
        thread = _building.get(path)
        if thread is None or not thread.is_alive():
            thread = threading.Thread(target=_build, args=(text, words, cc, path), daemon=True)
            _building[path] = thread
            thread.start()
        if not wait:
            return None
        thread.join()
    try:
        os.utime(path)
        return ctypes.CDLL(str(path))
    except OSError:  # removed by somebody, or of no use on this machine
        with contextlib.suppress(OSError):
            path.unlink()
        return None


def _build(text: str, words: int, cc: str, path: Path):
    """Compile into a folder of its own, then move into place in one step: nobody sees half a library."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            source, made = Path(folder, "explore.c"), Path(folder, path.name)
            source.write_text(text)
            command = [cc, *FLAGS, f"-DNW={words}", "-o", str(made), str(source)]
            subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE, stdin=subprocess.DEVNULL)
            os.replace(made, path)
        _tidy(path.parent)
    except (OSError, subprocess.SubprocessError):
        _given_up.add(path)


def _tidy(folder: Path):
    """Remove the libraries that were not used for longest, if there are many, and what a build left that was killed."""
    found = sorted(folder.glob("*.so"), key=lambda p: p.stat().st_mtime, reverse=True)
    for old in found[KEPT:]:
        old.unlink(missing_ok=True)
    for left in folder.glob("tmp*"):
        with contextlib.suppress(OSError):  # another process may have been quicker
            if time.time() - left.stat().st_mtime > PATIENCE:
                shutil.rmtree(left)
