"""A file system of the experiment's own on a loop device over a file in the scratch folder."""

import errno
import os
import subprocess
from pathlib import Path

from tux3nb.witness.base import Skip
from tux3nb.witness.journal import detach_loop
from tux3nb.witness.low.mounts import mount, unmount
from tux3nb.witness.low.syscalls import ioctl

_LOOP_GET_FREE, _LOOP_SET_FD = 0x4C82, 0x4C00
_MEBIBYTES = {"ext4": 256, "btrfs": 128, "xfs": 320}
_MAKE = {
    "ext4": ("mkfs.ext4", "-q", "-F", "-b", "4096"),
    "btrfs": ("mkfs.btrfs", "-q", "-f"),
    "xfs": ("mkfs.xfs", "-q", "-f"),
}


class Volume:
    """An image, fresh from mkfs or given, attached to a loop device; mount() makes it usable.

    Everything is noted in the run's journal, which releases it; unmount() and detach() are for experiments
    that need that in the middle.
    """

    def __init__(self, run, kind: str, image: Path | None = None, name: str | None = None):
        self.run, self.kind = run, kind
        self.image = image or Path(run.folder) / f"{name or kind}.img"
        if image is None:
            with open(self.image, "wb") as file:
                file.truncate(_MEBIBYTES[kind] << 20)
            _make_file_system(kind, self.image)
        run.journal.add("loop", backing=str(self.image))
        self.device = _attach(self.image)
        self.point = Path(run.folder) / f"mnt-{self.image.stem}"
        self.point.mkdir()

    def set_stable_writes(self, stable: bool) -> None:
        """Set queue/stable_writes; file systems look at it when they are mounted."""
        path = f"/sys/block/{os.path.basename(self.device)}/queue/stable_writes"
        self.run.journal.change_setting(path, str(int(stable)))

    def mount(self) -> Path:
        """Mount and return the mount point; Skip when this kernel lacks the file system."""
        self.run.journal.add("mount", path=str(self.point))
        self.run.file_system = self.kind
        try:
            mount(self.device, self.point, self.kind)
        except OSError as error:
            if error.errno == errno.ENODEV:
                raise Skip(f"kernel without {self.kind}") from error
            raise
        return self.point

    def unmount(self) -> None:
        """Unmount now."""
        unmount(self.point)

    def detach(self) -> None:
        """Free the loop device now."""
        detach_loop(str(self.image))


def _make_file_system(kind: str, image: Path) -> None:
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    environment = {**os.environ, "PATH": path}
    subprocess.run([*_MAKE[kind], str(image)], check=True, capture_output=True, env=environment)


def _attach(image: Path) -> str:
    backing = os.open(image, os.O_RDWR)
    control = os.open("/dev/loop-control", os.O_RDWR)
    try:
        while True:
            device = f"/dev/loop{ioctl(control, _LOOP_GET_FREE)[0]}"
            try:
                fd = os.open(device, os.O_RDWR)
            except FileNotFoundError as error:
                raise Skip(f"no {device} (container)") from error
            try:
                ioctl(fd, _LOOP_SET_FD, backing)
                return device
            except OSError as error:  # somebody else was quicker
                if error.errno != errno.EBUSY:
                    raise
            finally:
                os.close(fd)
    finally:
        os.close(control)
        os.close(backing)
