"""A minimal io_uring: one registered buffer (a long-term pin, FOLL_LONGTERM) and I/O through it."""

import ctypes
import os
import struct

from tux3nb.witness.low.memory import PAGE, POPULATE, READ, SHARED, WRITE, map_memory
from tux3nb.witness.low.syscalls import IoVector, checked, libc, syscall

_OFFSET_SQES = 0x10000000
_REGISTER_BUFFERS = 0
_ENTER_GETEVENTS = 1
_READ_FIXED, _WRITE_FIXED = 4, 5


class Ring:
    """io_uring_setup(2) with eight entries; the queues are mapped when first used."""

    def __init__(self):
        self._parameters = (ctypes.c_uint32 * 30)()
        self.fd = checked(syscall("io_uring_setup", 8, ctypes.byref(self._parameters)), "io_uring_setup")
        self._queues = None

    def register(self, address: int, length: int = PAGE) -> int:
        """IORING_REGISTER_BUFFERS: pin the memory until close(); 0 or ``-errno``."""
        vector = IoVector(address, length)
        return syscall("io_uring_register", self.fd, _REGISTER_BUFFERS, ctypes.byref(vector), 1)

    def read_fixed(self, fd: int, address: int, length: int, offset: int) -> int:
        """Read from ``fd`` into the registered buffer; bytes or ``-errno``."""
        return self._submit(_READ_FIXED, fd, address, length, offset)

    def write_fixed(self, fd: int, address: int, length: int, offset: int) -> int:
        """Write the registered buffer to ``fd``; bytes or ``-errno``."""
        return self._submit(_WRITE_FIXED, fd, address, length, offset)

    def close(self) -> None:
        """Unpin and free the ring."""
        if self._queues:
            libc().munmap(self._queues, self._queues_length)
            libc().munmap(self._entries, self._entries_length)
        os.close(self.fd)

    def _map(self) -> None:
        # struct io_uring_params: 10 words, then io_sqring_offsets and io_cqring_offsets of 10 words each.
        words = list(self._parameters)
        self._submission, self._completion = words[10:20], words[20:30]
        self._queues_length = max(self._submission[6] + words[0] * 4, self._completion[5] + words[1] * 16)
        self._entries_length = words[0] * 64
        flags = SHARED | POPULATE
        self._queues = map_memory(self._queues_length, READ | WRITE, flags, self.fd)
        self._entries = map_memory(self._entries_length, READ | WRITE, flags, self.fd, _OFFSET_SQES)

    def _word(self, offset: int) -> ctypes.c_uint32:
        return ctypes.c_uint32.from_address(self._queues + offset)

    def _submit(self, operation: int, fd: int, address: int, length: int, offset: int) -> int:
        if self._queues is None:
            self._map()
        tail = self._word(self._submission[1])
        slot = tail.value & self._word(self._submission[2]).value
        entry = struct.pack("<BBHiQQIIQHHi", operation, 0, 0, fd, offset, address, length, 0, 0, 0, 0, 0)
        ctypes.memmove(self._entries + 64 * slot, entry.ljust(64, b"\0"), 64)
        self._word(self._submission[6] + 4 * slot).value = slot
        tail.value += 1
        entered = syscall("io_uring_enter", self.fd, 1, 1, _ENTER_GETEVENTS, None, 0)
        return self._reap() if entered >= 0 else entered

    def _reap(self) -> int:
        head = self._word(self._completion[0])
        slot = head.value & self._word(self._completion[2]).value
        record = ctypes.string_at(self._queues + self._completion[5] + 16 * slot, 16)
        head.value += 1
        return struct.unpack_from("<i", record, 8)[0]
