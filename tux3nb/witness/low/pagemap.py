"""What /proc says of a page: pagemap bits without privilege, frame numbers and folio flags with it.

A frame number is not an identity: a freed frame is reused at once.  Compare frames only while the first one
is held.
"""

import os
import struct
from dataclasses import dataclass

from tux3nb.witness.low.memory import PAGE

_FRAME_MASK = (1 << 55) - 1
_FLAGS = {4: "DIRTY", 8: "WRITEBACK", 12: "ANON", 15: "HEAD", 16: "TAIL", 21: "KSM", 22: "THP"}


@dataclass(frozen=True)
class Entry:
    """One page table entry as /proc/PID/pagemap shows it; ``frame`` is None when it is hidden or absent."""

    present: bool
    file_backed: bool
    exclusive: bool
    frame: int | None


def entry(address: int, pid: int | str = "self") -> Entry:
    """The entry of the page at ``address`` (Documentation/admin-guide/mm/pagemap.rst)."""
    with open(f"/proc/{pid}/pagemap", "rb", buffering=0) as pagemap:
        bits = struct.unpack("<Q", os.pread(pagemap.fileno(), 8, address // PAGE * 8))[0]
    present = bool(bits >> 63)
    frame = bits & _FRAME_MASK if present else 0
    return Entry(present, bool(bits >> 61 & 1), bool(bits >> 56 & 1), frame or None)


def frame_of(region, page: int = 0, pid: int | str = "self") -> int | None:
    """The frame number of a page of ``region``, or None when the kernel hides it."""
    return entry(region.address(page), pid).frame


def same_frame(*frames: int | None) -> bool | None:
    """True when all are one frame, False when not, None when any of them is unknown."""
    return None if None in frames else len(set(frames)) == 1


def changed_frame(before: int | None, after: int | None) -> bool | None:
    """The opposite of same_frame, None staying None."""
    same = same_frame(before, after)
    return None if same is None else not same


def folio_flags(frame: int | None) -> frozenset | None:
    """Names of the folio flags set on ``frame`` (of those listed above), None when they are hidden."""
    if frame is None:
        return None
    try:
        with open("/proc/kpageflags", "rb", buffering=0) as flags:
            bits = struct.unpack("<Q", os.pread(flags.fileno(), 8, frame * 8))[0]
    except OSError:
        return None
    return frozenset(name for bit, name in _FLAGS.items() if bits >> bit & 1)


def has_flag(region, page: int, flag: str) -> bool | None:
    """Whether the folio now mapped at a page of ``region`` carries ``flag``; None when hidden."""
    flags = folio_flags(frame_of(region, page))
    return None if flags is None else flag in flags
