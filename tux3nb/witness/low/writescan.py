"""Which pages of a mapping were stored to since the last look: userfaultfd and PAGEMAP_SCAN.

Needs Linux 6.7 but no privilege (UFFD_USER_MODE_ONLY on own memory).  Counts stores through the page tables;
write(2) to the file does not show.  Interfaces: include/uapi/linux/userfaultfd.h, include/uapi/linux/fs.h.
"""

import ctypes
import os
import struct

from tux3nb.witness.low.memory import PAGE
from tux3nb.witness.low.syscalls import checked, ioctl, syscall

_O_CLOEXEC, _USER_MODE_ONLY = 0x80000, 1
_API_VERSION, _FEATURE_WP_UNPOPULATED, _FEATURE_WP_ASYNC = 0xAA, 1 << 13, 1 << 15
_UFFDIO_API, _UFFDIO_REGISTER, _PAGEMAP_SCAN = 0xC018AA3F, 0xC020AA00, 0xC0606610
_MODE_WP = 2
_SCAN_WP_MATCHING, _SCAN_CHECK_WPASYNC = 1, 2
_PAGE_IS_WRITTEN, PAGE_IS_HUGE = 2, 64
_VECTORS = 4096


def scan_pages(start: int, length: int, category: int, flags: int = 0) -> set[int]:
    """Numbers of the pages in [start, start+length) of ``category``; OSError without PAGEMAP_SCAN."""
    vectors = (ctypes.c_uint64 * (3 * _VECTORS))()
    # struct pm_scan_arg: size, flags, start, end, walk_end, vec, vec_len, max_pages, and four category masks.
    where = (96, flags, start, start + length, 0, ctypes.addressof(vectors), _VECTORS, 0)
    fields = (*where, 0, category, 0, category)
    pagemap = os.open("/proc/self/pagemap", os.O_RDONLY)
    try:
        found, _ = ioctl(pagemap, _PAGEMAP_SCAN, struct.pack("<12Q", *fields))
    finally:
        os.close(pagemap)
    if found == _VECTORS:
        raise OverflowError("more written ranges than one PAGEMAP_SCAN can return")
    ranges = [((vectors[3 * i] - start) // PAGE, (vectors[3 * i + 1] - start) // PAGE) for i in range(found)]
    return {page for first, end in ranges for page in range(first, end)}


class WriteScan:
    """Registers [start, start+length) and counts from the first call of written() on."""

    def __init__(self, start: int, length: int):
        self.start, self.length = start, length
        self._fd = checked(syscall("userfaultfd", _O_CLOEXEC | _USER_MODE_ONLY), "userfaultfd")
        features = _FEATURE_WP_ASYNC | _FEATURE_WP_UNPOPULATED
        ioctl(self._fd, _UFFDIO_API, struct.pack("<QQQ", _API_VERSION, features, 0))
        ioctl(self._fd, _UFFDIO_REGISTER, struct.pack("<QQQQ", start, length, _MODE_WP, 0))
        self.written()

    def written(self) -> set[int]:
        """Numbers of the pages stored to since the last call; they are write-protected again at once."""
        return scan_pages(self.start, self.length, _PAGE_IS_WRITTEN, _SCAN_WP_MATCHING | _SCAN_CHECK_WPASYNC)

    def close(self) -> None:
        """Stop counting."""
        os.close(self._fd)
