"""Mappings made with mmap(2) whose address and pages an experiment can name."""

import ctypes
import mmap
import os

from tux3nb.witness.low.syscalls import call, libc

PAGE = mmap.PAGESIZE
READ, WRITE, EXECUTE = 1, 2, 4
SHARED, PRIVATE, FIXED, ANONYMOUS, POPULATE = 1, 2, 0x10, 0x20, 0x8000

MADV_DONTNEED, MADV_REMOVE, MADV_MERGEABLE, MADV_HUGEPAGE, MADV_NOHUGEPAGE = 4, 9, 12, 14, 15
MADV_PAGEOUT, MADV_COLLAPSE = 21, 25
_MS_SYNC = 4
_MAP_FAILED = ctypes.c_void_p(-1).value


def map_memory(length: int, protection: int, flags: int, fd: int = -1, offset: int = 0, at=None) -> int:
    """mmap(2): the address of ``length`` bytes, or OSError."""
    address = libc().mmap(at, length, protection, flags, fd, offset)
    if address is None or address == _MAP_FAILED:
        raise OSError(ctypes.get_errno(), "mmap")
    return address


class Region:
    """``pages`` mapped pages; ``access`` is made of the letters r, w, x; anonymous without ``fd``."""

    def __init__(self, pages: int, *, fd: int = -1, access: str = "rw", shared: bool = False, at=None):
        protection = sum({"r": READ, "w": WRITE, "x": EXECUTE}[letter] for letter in access)
        flags = (SHARED if shared else PRIVATE) | (ANONYMOUS if fd < 0 else 0) | (FIXED if at else 0)
        self.pages = pages
        self.length = pages * PAGE
        self.start = map_memory(self.length, protection, flags, fd, 0, at)

    def address(self, page: int = 0) -> int:
        """The address of page number ``page``."""
        return self.start + page * PAGE

    def read(self, page: int = 0, count: int = 8, at: int = 0) -> bytes:
        """``count`` bytes of the page, read by the processor through this mapping."""
        return ctypes.string_at(self.address(page) + at, count)

    def write(self, data: bytes, page: int = 0, at: int = 0) -> None:
        """Store ``data`` into the page through this mapping (a write fault if need be)."""
        ctypes.memmove(self.address(page) + at, data, len(data))

    def advise(self, advice: int, page: int = 0, pages: int | None = None) -> int:
        """madvise(2) on ``pages`` pages (default: all from ``page``); 0 or ``-errno``."""
        count = self.pages - page if pages is None else pages
        return call("madvise", self.address(page), count * PAGE, advice)

    def sync(self) -> int:
        """msync(MS_SYNC); 0 or ``-errno``."""
        return call("msync", self.start, self.length, _MS_SYNC)

    def close(self) -> None:
        """Unmap."""
        libc().munmap(self.start, self.length)


def drain_lru_batches() -> None:
    """Empty every processor's LRU batch: a fresh folio sits there with one reference that nobody asked for.

    mlock(2) of any page empties the batch of the processor it runs on (mm/mlock.c:mlock_drain_local).
    """
    processors = os.sched_getaffinity(0)
    for processor in processors:
        os.sched_setaffinity(0, {processor})
        spare = Region(1)
        libc().mlock(spare.start, spare.length)
        spare.close()
    os.sched_setaffinity(0, processors)
