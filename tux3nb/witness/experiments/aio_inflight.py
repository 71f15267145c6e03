"""An asynchronous O_DIRECT read is held in flight by a FUSE server while something happens to its page."""

import os
import time

from tux3nb.witness.base import Inconclusive, Witness
from tux3nb.witness.claims import Claim, happens, kept
from tux3nb.witness.experiments.identity import odirect_write
from tux3nb.witness.low.aio import AsyncReader
from tux3nb.witness.low.fuse import HeldFile, page_text
from tux3nb.witness.low.memory import MADV_DONTNEED, PAGE, Region
from tux3nb.witness.low.pagemap import changed_frame, entry, frame_of, has_flag, same_frame
from tux3nb.witness.low.puppet import Puppet
from tux3nb.witness.low.syscalls import checked, outcome


class _HeldRead:
    """Reads of the FUSE file: start() leaves one in flight, finish() lets it complete."""

    def __init__(self, run):
        self._file = HeldFile(run)
        self._source = os.open(self._file.path, os.O_RDONLY | os.O_DIRECT)
        self._reader = AsyncReader()

    def start(self, address: int, source_page: int) -> None:
        """Read page ``source_page`` of the FUSE file into ``address``; return while it is in flight."""
        self._file.hold_reads()
        checked(self._reader.submit(self._source, address, PAGE, source_page * PAGE), "io_submit")
        self._file.wait_until_held()

    def in_flight(self) -> bool:
        """True while the read has not completed."""
        return self._reader.wait(0) is None

    def finish(self) -> str:
        """Let it complete; 'ok' or the error's name."""
        self._file.release()
        result = self._reader.wait(5)
        if result is None:
            raise Inconclusive("the read never completed")
        return outcome(result)


def _wait_for_dirty(region: Region, page: int) -> bool | None:
    """Whether the page gets dirty within 50 ms: completion re-dirties it from a work queue."""
    end = time.monotonic() + 0.05
    while has_flag(region, page, "DIRTY") is False and time.monotonic() < end:
        time.sleep(0.001)
    return has_flag(region, page, "DIRTY")


def across_fsync(run) -> dict:
    """The target is a shared file page; the file is flushed meanwhile."""
    fd = run.new_file("target", 1)
    region, view = Region(1, fd=fd, shared=True), Region(1, fd=fd, access="r", shared=True)
    read = _HeldRead(run)
    region.read()
    before = frame_of(region)
    read.start(region.start, 1)
    region.write(b"PROCESS!", at=PAGE - 8)
    os.fsync(fd)
    in_flight, dirty, during = read.in_flight(), has_flag(region, 0, "DIRTY"), frame_of(region)
    result = read.finish()
    view.read()
    return {
        "in flight after fsync(2) returned": in_flight,
        "read result": result,
        "mapping has the data": region.read() == page_text(1),
        "read(2) has the data": os.pread(fd, 8, 0) == page_text(1),
        "one frame throughout": same_frame(before, during, frame_of(region), frame_of(view)),
        "page dirty while in flight": dirty,
        "page dirty after completion": _wait_for_dirty(region, 0),
    }


def _truncate_tail(fd: int) -> None:
    os.ftruncate(fd, 0)
    os.ftruncate(fd, PAGE)


def across_replacement(run) -> dict:
    """The target page is replaced in the page cache meanwhile."""
    read, facts = _HeldRead(run), {}
    for source_page, name in enumerate(("ftruncate(2)", "O_DIRECT write(2)"), 1):
        fd = run.new_file(f"target{source_page}", 1)
        region = Region(1, fd=fd, shared=True)
        region.read()
        before = frame_of(region)
        read.start(region.start, source_page)
        if name == "ftruncate(2)":
            _truncate_tail(fd)
        else:
            checked(odirect_write(fd, region, str(run.folder / f"target{source_page}")), name)
        region.read()
        facts[f"{name}: frame changed"] = changed_frame(before, frame_of(region))
        facts[f"{name}: read result"] = read.finish()
        facts[f"{name}: data arrives in the mapping"] = region.read() == page_text(source_page)
        facts[f"{name}: data arrives in the file"] = os.pread(fd, 8, 0) == page_text(source_page)
    return facts


def across_fork(run) -> dict:
    """The target is a private page and the process calls fork(2) meanwhile; a second page is the control."""
    target, control, read = Region(1), Region(1), _HeldRead(run)
    target.write(b"ANONOLD!")
    control.write(b"CONTROL!")
    read.start(target.start, 3)
    target_before, control_before = frame_of(target), frame_of(control)
    puppet = Puppet()
    facts = {
        "target exclusive after fork(2)": entry(target.start).exclusive,
        "control exclusive after fork(2)": entry(control.start).exclusive,
        "child got a copy of the target at fork(2)": changed_frame(target_before, puppet.frame(target.start)),
        "child shares the control": same_frame(control_before, puppet.frame(control.start)),
    }
    target.write(b"PARENTWR", at=2048)
    control.write(b"PARENTWR", at=8)
    facts["a store moves the parent off the target"] = changed_frame(target_before, frame_of(target))
    facts["a store moves the parent off the control"] = changed_frame(control_before, frame_of(control))
    facts["read result"] = read.finish()
    facts["parent has the data"] = target.read() == page_text(3)
    facts["child has the data"] = puppet.read(target.start) == page_text(3)
    puppet.close()
    return facts


def across_eviction(run) -> dict:
    """The target page is unmapped, cleaned and asked to leave the page cache meanwhile."""
    fd = run.new_file("target", 1)
    region, read = Region(1, fd=fd, shared=True), _HeldRead(run)
    region.read()
    before = frame_of(region)
    read.start(region.start, 4)
    region.advise(MADV_DONTNEED)
    os.fsync(fd)
    os.posix_fadvise(fd, 0, PAGE, os.POSIX_FADV_DONTNEED)
    region.read()
    during = frame_of(region)
    return {
        "read result": read.finish(),
        "data arrives in the mapping": region.read() == page_text(4),
        "one frame throughout": same_frame(before, during, frame_of(region)),
    }


_NEEDS = ("disk", "aio", "fuse")
_REPLACED = ("ftruncate(2)", "O_DIRECT write(2)")
_GUP = "mm/gup.c:pin_user_pages_fast"

WITNESSES = (
    Witness(
        name="aio-across-fsync",
        case="aio",
        function=across_fsync,
        needs=_NEEDS,
        question="What becomes of a read into a file page when the file is flushed while it is in flight?",
        model_says="fsync does not wait; the page is clean while in flight and dirtied again at completion, "
        "so the data goes to disk one delta later. A page fork in between would lose it.",
        claims=(
            Claim("aio+fork", "stable_pages", "I2", kept("mapping has the data", "read(2) has the data")),
            Claim("aio+durable", "stable_pages", "I4a", kept("page dirty after completion"), visible_only=True),
        ),
        predicts={"in flight after fsync(2) returned": True, "read result": "ok"},
        predicts_if_visible={"one frame throughout": True, "page dirty while in flight": False},
        sources=(_GUP, "block/bio.c:bio_check_pages_dirty", "fs/iomap/direct-io.c:iomap_dio_bio_end_io"),
    ),
    Witness(
        name="aio-across-truncate",
        case="aio",
        function=across_replacement,
        needs=_NEEDS,
        question="What becomes of a read in flight when its target page is replaced in the page cache?",
        model_says="The read succeeds into the orphan; its data is lost to the process. A page fork does the same.",
        claims=(
            Claim(
                "aio+fork",
                "tux3",
                "I2",
                kept(
                    *(f"{name}: data arrives in the {place}" for name in _REPLACED for place in ("mapping", "file")),
                ),
            ),
            Claim(
                "aio+fork",
                "tux3",
                "forked",
                happens(*(f"{name}: frame changed" for name in _REPLACED)),
                visible_only=True,
            ),
        ),
        predicts={f"{name}: read result": "ok" for name in _REPLACED},
        predicts_on={
            "btrfs": {
                "O_DIRECT write(2): data arrives in the mapping": True,
                "O_DIRECT write(2): frame changed": False,
                "O_DIRECT write(2): data arrives in the file": True,
            }
        },
        sources=(_GUP, "mm/truncate.c:truncate_inode_folio", "mm/truncate.c:invalidate_inode_pages2_range"),
    ),
    Witness(
        name="aio-across-fork",
        case="aio",
        function=across_fork,
        needs=_NEEDS,
        question="Which process keeps the page when fork(2) is called while a read into it is in flight?",
        model_says="The parent: the child gets its copy at once, because the page may be pinned, as by a "
        "reverse fork. This is the rule that Tux3's fork lacks.",
        claims=(Claim("aio+fork", "reverse_fork", "I2", kept("parent has the data")),),
        predicts={
            "target exclusive after fork(2)": True,
            "control exclusive after fork(2)": False,
            "read result": "ok",
            "child has the data": False,
        },
        predicts_if_visible={
            "child got a copy of the target at fork(2)": True,
            "child shares the control": True,
            "a store moves the parent off the target": False,
            "a store moves the parent off the control": True,
        },
        sources=("mm/memory.c:copy_present_ptes", "include/linux/mm.h:folio_needs_cow_for_dma"),
    ),
    Witness(
        name="aio-across-eviction",
        case="aio",
        function=across_eviction,
        needs=_NEEDS,
        question="Can a page leave the page cache while a read into it is in flight?",
        model_says="No: eviction freezes the count and leaves a held page alone, by the rule of migration.",
        claims=(Claim("aio+fork", "migration_rule", "I2", kept("data arrives in the mapping")),),
        predicts={"read result": "ok"},
        predicts_if_visible={"one frame throughout": True},
        sources=(_GUP, "mm/truncate.c:mapping_evict_folio"),
    ),
)
