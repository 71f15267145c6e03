"""A pinned page changes under writeback although pages are stable; its checksum on the disk is wrong."""

import errno
import os
import shutil

from tux3nb.witness.base import Witness
from tux3nb.witness.claims import Claim, broken, either
from tux3nb.witness.experiments.stable import SlowWriteback
from tux3nb.witness.low.aio import AsyncReader
from tux3nb.witness.low.fuse import HeldFile, page_text
from tux3nb.witness.low.memory import PAGE
from tux3nb.witness.low.pagemap import frame_of, same_frame
from tux3nb.witness.low.syscalls import call, checked, outcome
from tux3nb.witness.low.volume import Volume


def pinned_before_writeback(run) -> dict:
    """An O_DIRECT read pins the page before writeback begins and lands while it is under way."""
    return _crash_image(run, early=True)


def pinned_control(run) -> dict:
    """The same, but the read lands only after the image of the disk was taken."""
    return _crash_image(run, early=False)


def _crash_image(run, early: bool) -> dict:
    held = HeldFile(run)  # first: its server, a forked child, must not inherit what keeps the volume busy
    volume = Volume(run, "btrfs")
    volume.mount()
    victim, reader = SlowWriteback(run, volume), AsyncReader()
    checked(call("syncfs", victim.fd), "syncfs")
    victim.dirty(b"DELTA-2.")
    source = os.open(held.path, os.O_RDONLY | os.O_DIRECT)
    held.hold_reads()
    target = victim.region.address(victim.last)
    checked(reader.submit(source, target, PAGE, PAGE), "io_submit")
    held.wait_until_held()
    before = frame_of(victim.region, victim.last)
    victim.catch()
    facts = {}
    if early:
        held.release()
        facts["read result"] = outcome(reader.wait(5))
        facts["page changed under writeback"] = victim.in_writeback() and victim.region.read(victim.last) == page_text(
            1
        )
    facts["one frame throughout"] = same_frame(before, frame_of(victim.region, victim.last))
    victim.finish()
    image = _copy_of_disk(run, volume)
    if not early:
        held.release()
        facts["read result"] = outcome(reader.wait(5))
    victim.region.close()
    os.close(victim.fd)
    volume.unmount()
    volume.detach()  # btrfs knows devices by the file system's id, which the copy shares
    return facts | _read_crashed(run, image, victim.last)


def _copy_of_disk(run, volume: Volume):
    """What the disk would hold after losing power now."""
    fd = os.open(volume.device, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)
    return shutil.copyfile(volume.image, run.folder / "crashed.img")


def _read_crashed(run, image, last: int) -> dict:
    point = Volume(run, "btrfs", image).mount()
    fd, facts = os.open(point / "victim", os.O_RDONLY), {}
    for name, page in (("first page", 0), ("last page", last)):
        try:
            facts[f"crash image, {name}"] = os.pread(fd, 8, page * PAGE).decode(errors="replace")
        except OSError as error:
            facts[f"crash image, {name}"] = errno.errorcode[error.errno]
    os.close(fd)
    return facts


_NEEDS = ("disk", "root", "frames", "loop", "throttle", "fuse", "aio", "tool:mkfs.btrfs")
_SOURCES = (
    "fs/btrfs/bio.c:btrfs_submit_chunk",
    "fs/btrfs/file-item.c:btrfs_csum_one_bio",
    "mm/gup.c:pin_user_pages_fast",
)

WITNESSES = (
    Witness(
        name="btrfs-pinned-crash",
        case="aio",
        function=pinned_before_writeback,
        needs=_NEEDS,
        timeout=60,
        question="Do stable pages protect a write-out from a holder that pinned the page earlier?",
        model_says="No: the holder changes the page under writeback, and after a crash its checksum does not match.",
        claims=(
            Claim(
                "aio+writeout",
                "stable_pages",
                "I3",
                {
                    **broken("page changed under writeback"),
                    **either("DELTA-2.", "EIO", "crash image, last page"),
                },
            ),
        ),
        predicts={"read result": "ok", "one frame throughout": True, "crash image, first page": "DELTA-2."},
        sources=_SOURCES,
    ),
    Witness(
        name="btrfs-pinned-control",
        case="aio",
        function=pinned_control,
        needs=_NEEDS,
        timeout=60,
        question="Is it the holder's store that breaks the checksum (control: it lands after the crash)?",
        model_says="Yes: without it the crash image is whole.",
        claims=(
            Claim(
                "ordinary",
                "stable_pages",
                "I3",
                either("DELTA-2.", "EIO", "crash image, first page", "crash image, last page"),
            ),
        ),
        predicts={"read result": "ok", "one frame throughout": True},
        sources=_SOURCES,
    ),
)
