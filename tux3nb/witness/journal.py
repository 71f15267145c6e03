"""The journal of what an experiment took from the system, and the one place that gives it all back.

An experiment notes a resource *before* it takes it and never releases anything itself.  release() runs after
every experiment, however it ended, and may run again: a step with nothing (left) to do does nothing.
"""

import contextlib
import errno
import json
import os
import shutil
import signal
import stat
import tempfile
import time
from pathlib import Path

from tux3nb.errors import ModelError
from tux3nb.witness.low.mounts import mounted_below, unmount
from tux3nb.witness.low.syscalls import call, checked, ioctl

PREFIX = "tux3nb-witness-"
_LOOP_CLEAR = 0x4C01
_LOCK_EXCLUSIVE, _LOCK_NO_WAIT = 2, 4
_PATIENCE = 5.0


class Journal:
    """Appends one JSON line per resource to ``folder``/journal."""

    def __init__(self, folder: str | os.PathLike):
        self.path = Path(folder) / "journal"

    def add(self, kind: str, **details) -> None:
        """Note group(pid, started), mount(path), loop(backing), cgroup(path) or setting(path, value)."""
        if kind not in _RELEASERS:
            raise ModelError(f"the journal knows no resource of kind {kind!r}")
        with open(self.path, "a", encoding="utf-8") as journal:
            journal.write(json.dumps({"kind": kind, **details}) + "\n")

    def change_setting(self, path: str, value: str) -> None:
        """Write ``value`` to a file of /sys or /proc, noting the old one."""
        self.add("setting", path=path, value=Path(path).read_text().strip())
        Path(path).write_text(value)

    def entries(self) -> list[dict]:
        """All notes in order; a line that was cut by a kill is left out."""
        found = []
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            for line in self.path.read_text(encoding="utf-8").splitlines():
                found.append(json.loads(line))
        return found


def release(folder: str | os.PathLike) -> list[str]:
    """Give back all that ``folder``'s journal notes, then remove the folder.

    A line for each thing that failed; the folder stays then, so that a later run tries again.
    """
    problems = []
    entries = Journal(folder).entries()
    # Processes first: they keep mounts and cgroups busy.
    ordered = [row for row in entries if row["kind"] == "group"]
    ordered += [row for row in reversed(entries) if row["kind"] != "group"]
    for row in ordered:
        details = {key: value for key, value in row.items() if key != "kind"}
        try:
            _RELEASERS[row["kind"]](**details)
        except OSError as error:
            problems.append(f"could not release {row}: {error}")
    problems += [f"{point} is still mounted" for point in mounted_below(folder)]
    if not problems:
        shutil.rmtree(folder, ignore_errors=True)
    return problems


def process_started(pid: int) -> str:
    """When a process started, in clock ticks since boot ('' when it is gone): names it for good."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def _end_group(pid: int, started: str) -> None:
    if not started or process_started(pid) not in (started, ""):
        return  # the number now belongs to somebody else
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _unmount(path: str) -> None:
    for point in mounted_below(path):
        try:
            _retry_while_busy(lambda point=point: unmount(point))
        except OSError:
            unmount(point, lazy=True)


def loop_devices(backing: str) -> list[str]:
    """Loop devices ('/dev/loop3') whose backing file is ``backing``."""
    found = []
    for name in Path("/sys/block").glob("loop*/loop/backing_file"):
        with contextlib.suppress(OSError):
            if name.read_text().strip() == backing:
                found.append("/dev/" + name.parts[3])
    return found


def detach_loop(backing: str) -> None:
    """LOOP_CLR_FD on every loop device on ``backing``."""
    for device in loop_devices(backing):
        fd = os.open(device, os.O_RDONLY)
        try:
            _retry_while_busy(lambda fd=fd: ioctl(fd, _LOOP_CLEAR))
        finally:
            os.close(fd)


def _remove_cgroup(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        _retry_while_busy(lambda: os.rmdir(path))


def _restore_setting(path: str, value: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        if Path(path).read_text().strip() != value:
            Path(path).write_text(value)


def _retry_while_busy(action) -> None:
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            return action()
        except OSError as error:
            if error.errno == errno.ENXIO:  # already detached
                return None
            if error.errno != errno.EBUSY or time.monotonic() > end:
                raise
        time.sleep(0.02)


_RELEASERS = {
    "group": _end_group,
    "mount": _unmount,
    "loop": detach_loop,
    "cgroup": _remove_cgroup,
    "setting": _restore_setting,
}


def new_folder(base: str | os.PathLike) -> tuple[str, int]:
    """A fresh folder (mode 0700) below ``base`` and the descriptor whose flock says that it is in use."""
    folder = tempfile.mkdtemp(prefix=PREFIX, dir=base)
    lock = os.open(os.path.join(folder, "lock"), os.O_RDWR | os.O_CREAT, 0o600)
    checked(call("flock", lock, _LOCK_EXCLUSIVE), "flock")
    return folder, lock


def release_stale(base: str | os.PathLike) -> list[str]:
    """Release what killed runs left below ``base``: only this user's folders, and none that is in use."""
    problems = []
    for folder in Path(base).glob(PREFIX + "*"):
        with contextlib.suppress(OSError):
            state = folder.lstat()
            private = stat.S_ISDIR(state.st_mode) and not state.st_mode & 0o077
            if private and state.st_uid == os.geteuid() and not _in_use(folder):
                problems += release(folder)
    return problems


def _in_use(folder: Path) -> bool:
    lock = os.open(folder / "lock", os.O_RDWR)
    result = call("flock", lock, _LOCK_EXCLUSIVE | _LOCK_NO_WAIT)
    os.close(lock)
    return result < 0


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent dies (prctl PR_SET_PDEATHSIG)."""
    call("prctl", 1, signal.SIGKILL, 0, 0, 0)
