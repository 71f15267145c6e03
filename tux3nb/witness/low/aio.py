"""Linux native asynchronous I/O (io_submit(2)): one request at a time."""

import ctypes
import errno
import struct

from tux3nb.witness.low.syscalls import checked, syscall

_PREAD = 0


class AsyncReader:
    """Submits reads and collects their results."""

    def __init__(self):
        self._context = ctypes.c_ulong(0)
        checked(syscall("io_setup", 4, ctypes.byref(self._context)), "io_setup")

    def submit(self, fd: int, address: int, length: int, offset: int) -> int:
        """Start a read of ``length`` bytes at file ``offset`` into ``address``; 1 or ``-errno``."""
        block = struct.pack("<QIiHhIQQqQII", 1, 0, 0, _PREAD, 0, fd, address, length, offset, 0, 0, 0)
        self._block = ctypes.create_string_buffer(block, 64)
        pointer = ctypes.c_void_p(ctypes.addressof(self._block))
        return syscall("io_submit", self._context.value, 1, ctypes.byref(pointer))

    def wait(self, seconds: float) -> int | None:
        """The finished request's result (bytes or ``-errno``), None when none finished in time."""
        event = (ctypes.c_uint64 * 4)()
        limit = (ctypes.c_long * 2)(int(seconds), int(seconds % 1 * 1e9))
        got = -errno.EINTR
        # A just closed io_uring may still run task work in this call and interrupt it.
        while got == -errno.EINTR:
            got = syscall("io_getevents", self._context.value, 1, 1, ctypes.byref(event), ctypes.byref(limit))
        return ctypes.c_int64(event[2]).value if checked(got, "io_getevents") else None

    def read(self, fd: int, address: int, length: int, offset: int, seconds: float = 5) -> int:
        """Submit and wait; the request's result, or ``-errno`` of the submission."""
        submitted = self.submit(fd, address, length, offset)
        if submitted < 0:
            return submitted
        result = self.wait(seconds)
        return -errno.ETIMEDOUT if result is None else result

    def close(self) -> None:
        """io_destroy(2)."""
        syscall("io_destroy", self._context.value)
