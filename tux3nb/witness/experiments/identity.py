"""Mainline's own page forks: the cached page is replaced while a holder keeps the old one.

A holds the page (a pipe by vmsplice(2), or a registered buffer), something replaces the page in the cache,
the process stores through its mapping.  Does the holder see that store?
"""

import os
from collections.abc import Callable

from tux3nb.witness.base import Inconclusive, Witness
from tux3nb.witness.claims import Claim, happens, kept
from tux3nb.witness.low.memory import MADV_DONTNEED, MADV_PAGEOUT, MADV_REMOVE, PAGE, Region
from tux3nb.witness.low.pagemap import changed_frame, frame_of
from tux3nb.witness.low.pipes import PipeHolder
from tux3nb.witness.low.syscalls import call, checked, outcome, syscall
from tux3nb.witness.low.uring import Ring

_FALLOC_KEEP_SIZE, _FALLOC_PUNCH_HOLE = 1, 2

# Gets the descriptor, the mapping and a path to open the file again; returns a value or -errno.
Operation = Callable[[int, Region, str], int]


def _truncate(fd: int, _region: Region, _path: str) -> int:
    os.ftruncate(fd, 0)
    os.ftruncate(fd, 2 * PAGE)
    return 0


def _punch_hole(fd: int, _region: Region, _path: str) -> int:
    return call("fallocate", fd, _FALLOC_PUNCH_HOLE | _FALLOC_KEEP_SIZE, 0, PAGE)


def _madv_remove(_fd: int, region: Region, _path: str) -> int:
    return region.advise(MADV_REMOVE, pages=1)


def odirect_write(_fd: int, _region: Region, path: str, offset: int = 0) -> int:
    """write(2) one page through a descriptor opened O_DIRECT; bytes or ``-errno``."""
    try:
        direct = os.open(path, os.O_RDWR | os.O_DIRECT)
    except OSError as error:
        return -error.errno
    source = Region(1)
    source.write(b"DIOWRITE")
    result = syscall("pwrite64", direct, source.start, PAGE, offset)
    source.close()
    os.close(direct)
    return result


def _madv_dontneed(_fd: int, region: Region, _path: str) -> int:
    return region.advise(MADV_DONTNEED, pages=1)


def _fadvise(fd: int, region: Region, _path: str) -> int:
    region.advise(MADV_DONTNEED, pages=1)
    os.fsync(fd)
    os.posix_fadvise(fd, 0, PAGE, os.POSIX_FADV_DONTNEED)
    return 0


def _pageout(fd: int, region: Region, _path: str) -> int:
    os.fsync(fd)
    return region.advise(MADV_PAGEOUT, pages=1)


def _splice_into(fd: int, _region: Region, _path: str) -> int:
    source, pipe = Region(1), PipeHolder()
    source.write(b"SPLICEIN")
    pipe.hold_memory(source.start, gift=True)
    moved = os.splice(pipe.reader, fd, PAGE, offset_dst=0)
    pipe.close()
    source.close()
    return moved


def _file(run, kind: str, name: str) -> tuple[int, str]:
    """A fresh file of two pages on the scratch disk, or in memory for kind 'memfd'; descriptor and path."""
    if kind == "disk file":
        return run.new_file(name, 2), str(run.folder / name)
    fd = os.memfd_create(name)
    os.write(fd, b"ORIGINAL".ljust(2 * PAGE, b"o"))
    return fd, f"/proc/self/fd/{fd}"


def _pipe_holds(run, kind: str, operation: Operation) -> dict:
    """The facts with a pipe as the holder."""
    fd, path = _file(run, kind, f"pipe-{operation.__name__}")
    region, holder = Region(1, fd=fd, shared=True), PipeHolder()
    region.read()
    checked(holder.hold_memory(region.start), "vmsplice")
    held = frame_of(region)
    result = operation(fd, region, path)
    region.read()
    now = frame_of(region)
    region.write(b"PROCESS!")
    return {
        f"{kind}, pipe: operation": outcome(result),
        f"{kind}, pipe: holder sees the process's store": holder.take(8) == b"PROCESS!",
        f"{kind}, pipe: frame changed": changed_frame(held, now),
    }


def _buffer_holds(run, operation: Operation) -> dict:
    """The facts with a registered buffer as the holder; only memory files may be registered."""
    fd, path = _file(run, "memfd", "registered")
    region, ring = Region(1, fd=fd, shared=True), Ring()
    region.read()
    checked(ring.register(region.start), "IORING_REGISTER_BUFFERS")
    held = frame_of(region)
    result = operation(fd, region, path)
    region.read()
    now = frame_of(region)
    region.write(b"PROCESS!")
    device = os.memfd_create("device")
    sent = ring.write_fixed(device, region.start, PAGE, 0)
    holder_sees = os.pread(device, 8, 0) == b"PROCESS!"
    os.pwrite(device, b"FROM-DEV".ljust(PAGE, b"."), 0)
    received = ring.read_fixed(device, region.start, PAGE, 0)
    if (sent, received) != (PAGE, PAGE):
        raise Inconclusive(f"I/O through the registered buffer: {outcome(sent)}, {outcome(received)}")
    return {
        "memfd, registered buffer: operation": outcome(result),
        "memfd, registered buffer: holder sees the process's store": holder_sees,
        "memfd, registered buffer: process sees the holder's store": region.read() == b"FROM-DEV",
        "memfd, registered buffer: frame changed": changed_frame(held, now),
    }


def _all_holders(run, operation: Operation) -> dict:
    return {
        **_pipe_holds(run, "disk file", operation),
        **_pipe_holds(run, "memfd", operation),
        **_buffer_holds(run, operation),
    }


def truncate(run) -> dict:
    """ftruncate(2) to nothing and back."""
    return _all_holders(run, _truncate)


def punch_hole(run) -> dict:
    """fallocate(2) FALLOC_FL_PUNCH_HOLE."""
    return _all_holders(run, _punch_hole)


def madv_remove(run) -> dict:
    """madvise(2) MADV_REMOVE."""
    return _all_holders(run, _madv_remove)


def odirect(run) -> dict:
    """O_DIRECT write(2) to the range."""
    return _all_holders(run, odirect_write)


def look_alikes(run) -> dict:
    """Four operations that look similar but keep the page."""
    facts = {}
    named = {
        "MADV_DONTNEED": _madv_dontneed,
        "fadvise(DONTNEED)": _fadvise,
        "MADV_PAGEOUT": _pageout,
        "splice(2) into the file": _splice_into,
    }
    for name, operation in named.items():
        for key, value in _pipe_holds(run, "disk file", operation).items():
            facts[f"{name}: {key.partition(': ')[2]}"] = value
    return facts


def _sees(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}: holder sees the process's store" for name in names)


def _ok(*names: str) -> dict:
    return {f"{name}: operation": "ok" for name in names}


def _coherent(policy: str, *pipes: str, buffer: bool) -> tuple[Claim, ...]:
    """Whether pipes and the registered buffer stay with the process, if the page is treated as by ``policy``."""
    frames = [f"{name}: frame changed" for name in (*pipes, *((_BUFFER,) if buffer else ()))]
    claims = (
        Claim("vmsplice", policy, "I2", kept(*_sees(*pipes))),
        Claim("vmsplice", policy, "forked", happens(*frames), visible_only=True),
    )
    if not buffer:
        return claims
    return (
        *claims,
        Claim("rdma+device_read", policy, "I2", kept(*_sees(_BUFFER))),
        Claim("rdma", policy, "I2", kept(f"{_BUFFER}: process sees the holder's store")),
    )


_DISK, _MEMFD, _BUFFER = "disk file, pipe", "memfd, pipe", "memfd, registered buffer"
_KEPT = ("MADV_DONTNEED", "fadvise(DONTNEED)", "MADV_PAGEOUT", "splice(2) into the file")
_MODEL = "The page is replaced without asking who holds it, as Tux3's fork does: the holder keeps the old one."
_NEEDS = ("disk", "io_uring")


def _replacing(name: str, function, question: str, source: str) -> Witness:
    return Witness(
        name=name,
        case="splice",
        function=function,
        needs=_NEEDS,
        question=question,
        model_says=_MODEL,
        claims=_coherent("tux3", _DISK, _MEMFD, buffer=True),
        predicts=_ok(_DISK, _MEMFD, _BUFFER),
        sources=(source, "mm/truncate.c:truncate_inode_folio", "mm/shmem.c:shmem_undo_range"),
    )


WITNESSES = (
    _replacing(
        "identity-truncate",
        truncate,
        "Does a holder still share the page after ftruncate(2)?",
        "mm/truncate.c:truncate_pagecache",
    ),
    _replacing(
        "identity-punch-hole",
        punch_hole,
        "Does a holder still share the page after a hole punch?",
        "mm/truncate.c:truncate_pagecache_range",
    ),
    _replacing(
        "identity-madv-remove",
        madv_remove,
        "Does a holder still share the page after MADV_REMOVE?",
        "mm/madvise.c:madvise_remove",
    ),
    Witness(
        name="identity-odirect-write",
        case="splice",
        function=odirect,
        needs=_NEEDS,
        question="Does a holder still share the page after an O_DIRECT write(2) to its range?",
        model_says="Not on a disk: the cached page is invalidated and read again. A memory file is written in place.",
        claims=(*_coherent("tux3", _DISK, buffer=False), *_coherent("in_place", _MEMFD, buffer=True)),
        predicts=_ok(_DISK, _MEMFD, _BUFFER),
        # btrfs writes checksummed data through the page cache, O_DIRECT or not.
        predicts_on={
            "btrfs": {f"{_DISK}: holder sees the process's store": True, f"{_DISK}: frame changed": False},
        },
        sources=("mm/filemap.c:kiocb_invalidate_pages", "mm/truncate.c:invalidate_inode_pages2_range"),
    ),
    Witness(
        name="identity-kept",
        case="splice",
        function=look_alikes,
        needs=("disk",),
        question="Which look-alikes keep the page under a holder?",
        model_says="Eviction and unmapping respect an extra reference; splice(2) into a file copies into the page.",
        claims=(
            Claim("vmsplice", "migration_rule", "I2", kept(*_sees(*_KEPT[:-1]))),
            Claim("vmsplice", "in_place", "I2", kept(*_sees(_KEPT[-1]))),
        ),
        predicts=_ok(*_KEPT),
        predicts_if_visible={f"{name}: frame changed": False for name in _KEPT},
        sources=(
            "mm/vmscan.c:__remove_mapping",
            "mm/truncate.c:mapping_evict_folio",
            "fs/splice.c:iter_file_splice_write",
        ),
    ),
)
