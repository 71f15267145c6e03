"""A pipe as a holder: vmsplice(2) and splice(2) keep plain references (FOLL_GET), not pins, on pages."""

import ctypes
import os

from tux3nb.witness.low.memory import PAGE
from tux3nb.witness.low.syscalls import IoVector, syscall

_SPLICE_F_GIFT = 8


class PipeHolder:
    """Holds page references for as long as their bytes stay in the pipe."""

    def __init__(self):
        self.reader, self.writer = os.pipe()

    def hold_memory(self, address: int, length: int = PAGE, gift: bool = False) -> int:
        """vmsplice(2) memory into the pipe; bytes taken or ``-errno`` (fs/splice.c:vmsplice_to_pipe)."""
        vector = IoVector(address, length)
        flags = _SPLICE_F_GIFT if gift else 0
        return syscall("vmsplice", self.writer, ctypes.byref(vector), 1, flags)

    def hold_file(self, fd: int, offset: int, length: int = PAGE) -> int:
        """splice(2) a file's page-cache pages into the pipe; bytes taken."""
        return os.splice(fd, self.writer, length, offset_src=offset)

    def take(self, count: int) -> bytes:
        """Read ``count`` bytes: what the held page contains now."""
        return os.read(self.reader, count)

    def close(self) -> None:
        """Drop every reference."""
        os.close(self.reader)
        os.close(self.writer)
