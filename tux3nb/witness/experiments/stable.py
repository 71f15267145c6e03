"""Stores to a page under writeback: stalled (stable pages) or leaking into the write on its way."""

import os
import struct
import threading
import time

from tux3nb.witness.base import Inconclusive, Witness
from tux3nb.witness.claims import Claim, broken, either, kept
from tux3nb.witness.low.fuse import HeldFile
from tux3nb.witness.low.memory import PAGE, Region
from tux3nb.witness.low.pagemap import frame_of, has_flag, same_frame
from tux3nb.witness.low.syscalls import checked, ioctl, syscall
from tux3nb.witness.low.throttle import Throttle
from tux3nb.witness.low.volume import Volume

_PAGES = 24
_SLOW = 64 * PAGE  # per second
_FIBMAP, _BLOCK = 1, 4096
_STALL_SECONDS = 0.05


class SlowWriteback:
    """A file of 24 pages whose last one can be caught under writeback for some 0.4 s."""

    def __init__(self, run, volume: Volume):
        self.fd = run.new_file("victim", _PAGES, volume.point)
        self.region = Region(_PAGES, fd=self.fd, shared=True)
        self.last = _PAGES - 1
        self._throttle = Throttle(run, volume.device)
        self._flusher = 0

    def dirty(self, text: bytes) -> None:
        """Store ``text`` into every page."""
        for page in range(_PAGES):
            self.region.write(text, page)

    def catch(self) -> None:
        """Begin fsync(2) in a slowed-down child; return once the last page is under writeback."""
        self._throttle.limit(_SLOW)
        self._flusher = os.fork()
        if self._flusher == 0:
            try:
                self._throttle.join()
                os.fsync(self.fd)
            finally:
                os._exit(0)
        end = time.monotonic() + 3
        while time.monotonic() < end:
            if self.in_writeback():
                return
        raise Inconclusive("the page was never seen under writeback")

    def in_writeback(self) -> bool:
        """Whether the last page is under writeback now."""
        return bool(has_flag(self.region, self.last, "WRITEBACK"))

    def finish(self) -> None:
        """Wait for the fsync and lift the limit."""
        os.waitpid(self._flusher, 0)
        self._throttle.limit(0)


def _block_of(fd: int, page: int) -> int:
    """The number of the device's block where a page of a clean file begins."""
    _, answer = ioctl(fd, _FIBMAP, struct.pack("i", page * PAGE // _BLOCK))
    return struct.unpack("i", answer)[0]


def _device_bytes(device: str, block: int) -> bytes:
    """Six bytes of a block, read past the page cache."""
    fd, buffer = os.open(device, os.O_RDONLY | os.O_DIRECT), Region(1)
    checked(syscall("pread64", fd, buffer.start, PAGE, block * _BLOCK), "read of the device")
    os.close(fd)
    return buffer.read(count=6)


def _store_under_writeback(run, kind: str, stable: bool | None) -> dict:
    """The facts of one store; ``stable`` None leaves the device's setting alone."""
    volume = Volume(run, kind)
    if stable is not None:
        volume.set_stable_writes(stable)
    volume.mount()
    victim = SlowWriteback(run, volume)
    block = _block_of(victim.fd, victim.last) if kind != "btrfs" else 0
    victim.dirty(b"dirty1")
    before = frame_of(victim.region, victim.last)
    victim.catch()
    started = time.perf_counter()
    victim.region.write(b"STORE!", victim.last)
    stalled = time.perf_counter() - started > _STALL_SECONDS
    facts = {
        "store stalled": stalled,
        "under writeback after the store": victim.in_writeback(),
        "page dirty after the store": has_flag(victim.region, victim.last, "DIRTY"),
    }
    victim.finish()
    facts["one frame throughout"] = same_frame(before, frame_of(victim.region, victim.last))
    if block:
        on_device = _device_bytes(volume.device, block)
        facts["that write-out put on the device"] = on_device.decode(errors="replace")
    return facts


def ext4_unstable(run) -> dict:
    """ext4, queue/stable_writes = 0."""
    return _store_under_writeback(run, "ext4", False)


def ext4_stable(run) -> dict:
    """ext4, queue/stable_writes = 1."""
    return _store_under_writeback(run, "ext4", True)


def xfs_unstable(run) -> dict:
    """XFS, queue/stable_writes = 0."""
    return _store_under_writeback(run, "xfs", False)


def xfs_stable(run) -> dict:
    """XFS, queue/stable_writes = 1."""
    return _store_under_writeback(run, "xfs", True)


def btrfs(run) -> dict:
    """btrfs, which always asks for stable pages because of its checksums."""
    return _store_under_writeback(run, "btrfs", None)


def fuse_stall(run) -> dict:
    """FUSE with a writeback cache; the server keeps the WRITE back."""
    held = HeldFile(run)
    fd = os.open(held.path, os.O_RDWR)
    region = Region(1, fd=fd, shared=True)
    region.write(b"DELTA-1!")
    before = frame_of(region)
    held.hold_writes()
    flusher = threading.Thread(target=region.sync)
    flusher.start()
    held.wait_until_held()
    writer = threading.Thread(target=region.write, args=(b"DELTA-2!",))
    writer.start()
    writer.join(_STALL_SECONDS)
    facts = {"store stalled": writer.is_alive()}
    held.release()
    writer.join()
    flusher.join()
    facts["first write-out"] = held.device_bytes().decode(errors="replace")
    facts["one frame throughout"] = same_frame(before, frame_of(region))
    region.sync()
    facts["second write-out"] = held.device_bytes().decode(errors="replace")
    return facts


_ROOT = ("disk", "root", "frames", "loop", "throttle")
_WAIT = ("mm/page-writeback.c:folio_wait_stable",)


def _disk_witness(kind: str, function, stable: bool, source: str) -> Witness:
    name = f"stable-{'on' if stable else 'off'}-{kind}"
    stalls = "The store waits for the write-out, which keeps its old bytes: no fork is needed, but the stall."
    leaks = "The store goes through at once and leaks into the write-out of the older delta: no snapshot."
    # Where nothing is forked, what is written out can only stay as it is if the store waits.
    facts = {**kept("store stalled"), **broken("under writeback after the store")}
    if kind != "btrfs":
        facts |= either("dirty1", "STORE!", "that write-out put on the device")
    return Witness(
        name=name,
        case="ordinary",
        function=function,
        needs=(*_ROOT, f"tool:mkfs.{kind}"),
        question=f"A store to a page under writeback on {kind}, "
        f"{'stable pages' if stable else 'no stable pages'}: who waits, what reaches the disk?",
        model_says=stalls if stable else leaks,
        sources=(*_WAIT, source),
        timeout=40,
        claims=(Claim("ordinary", "stable_pages" if stable else "in_place", "I3", facts),),
        predicts={"page dirty after the store": True, "one frame throughout": True},
    )


WITNESSES = (
    Witness(
        name="fuse-writeback-stall",
        case="ordinary",
        function=fuse_stall,
        needs=("fuse",),
        question="Does a store to a page that FUSE is writing back wait for the reply?",
        model_says="Yes: one page, and the older write-out gets the older bytes.",
        claims=(
            Claim(
                "ordinary",
                "stable_pages",
                "I3",
                {
                    **kept("store stalled"),
                    **either("DELTA-1!", "DELTA-2!", "first write-out"),
                },
            ),
        ),
        predicts={"second write-out": "DELTA-2!"},
        predicts_if_visible={"one frame throughout": True},
        sources=("fs/fuse/file.c:fuse_page_mkwrite", "fs/fuse/file.c:fuse_writepages"),
    ),
    _disk_witness("ext4", ext4_unstable, False, "fs/ext4/inode.c:ext4_page_mkwrite"),
    _disk_witness("ext4", ext4_stable, True, "fs/ext4/inode.c:ext4_page_mkwrite"),
    _disk_witness("xfs", xfs_unstable, False, "fs/iomap/buffered-io.c:iomap_page_mkwrite"),
    _disk_witness("xfs", xfs_stable, True, "fs/iomap/buffered-io.c:iomap_page_mkwrite"),
    _disk_witness("btrfs", btrfs, True, "fs/btrfs/file.c:btrfs_page_mkwrite"),
)
