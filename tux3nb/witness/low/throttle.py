"""A cgroup that slows writes to one block device, so that writeback lasts long enough to look."""

import os
from pathlib import Path

_VERSION_1 = Path("/sys/fs/cgroup/blkio")
_VERSION_2 = Path("/sys/fs/cgroup")
# Version 2 charges writeback to whoever dirtied the page, which it knows by the memory controller.
_NEEDED = ("io", "memory")


def unavailable(invasive: bool) -> str | None:
    """Why no such cgroup can be made, or None."""
    if (_VERSION_1 / "blkio.throttle.write_bps_device").exists() and os.access(_VERSION_1, os.W_OK):
        return None
    if not (_VERSION_2 / "cgroup.controllers").exists():
        return "no blkio cgroup"
    if not os.access(_VERSION_2, os.W_OK):
        return "the cgroup tree is read-only (container)"
    existing = (_VERSION_2 / "cgroup.controllers").read_text().split()
    for controller in _NEEDED:
        if controller not in existing:
            return f"the cgroup tree has no {controller} controller"
    if _switched_off() and not invasive:
        names = " and ".join(_switched_off())
        return f"cgroup controllers {names} are off below the root (--invasive switches them on meanwhile)"
    return None


def _switched_off() -> list[str]:
    enabled = (_VERSION_2 / "cgroup.subtree_control").read_text().split()
    return [controller for controller in _NEEDED if controller not in enabled]


class Throttle:
    """A cgroup of its own for ``run``, limiting writes to ``device`` (a path).

    In version 1 whoever submits the write must join(); in version 2 whoever dirties the page, so the
    experiment does.
    """

    def __init__(self, run, device: str):
        number = os.stat(device).st_rdev
        self._device = f"{os.major(number)}:{os.minor(number)}"
        self._old = (_VERSION_1 / "blkio.throttle.write_bps_device").exists()
        parent = _VERSION_1 if self._old else _VERSION_2
        for controller in [] if self._old else _switched_off():
            control = parent / "cgroup.subtree_control"
            run.journal.add("setting", path=str(control), value=f"-{controller}")
            control.write_text(f"+{controller}")
        self._folder = parent / f"{Path(run.folder).name}-{os.path.basename(device)}"
        run.journal.add("cgroup", path=str(self._folder))
        self._folder.mkdir()
        if not self._old:
            self.join()

    def join(self) -> None:
        """Make the calling process a member."""
        (self._folder / "cgroup.procs").write_text(str(os.getpid()))

    def limit(self, bytes_per_second: int) -> None:
        """Set the limit; 0 lifts it."""
        if self._old:
            rule = f"{self._device} {bytes_per_second}"
            (self._folder / "blkio.throttle.write_bps_device").write_text(rule)
        else:
            rule = f"{self._device} wbps={bytes_per_second or 'max'}"
            (self._folder / "io.max").write_text(rule)
            self.join()  # an experiment with two of these has left this one meanwhile
