"""A child process that flushes a file again and again: the stand-in for the ends of deltas."""

import os
import select
import struct
import time

from tux3nb.witness.low.throttle import Throttle


class Flusher:
    """A slowed-down child that calls fdatasync(2) every ``delta_ms`` and remembers when."""

    def __init__(self, throttle: Throttle, path: str, delta_ms: int):
        self._result, writer = os.pipe()
        self._stop, self._go = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.close(self._go)
                throttle.join()
                os.write(writer, _flush_until_closed(self._stop, path, delta_ms / 1000))
            finally:
                os._exit(0)
        os.close(writer)
        os.close(self._stop)

    def stop(self) -> list[int]:
        """End it; the times (CLOCK_MONOTONIC, ns) at which it began to flush."""
        os.close(self._go)
        data = b""
        while piece := os.read(self._result, 1 << 16):
            data += piece
        os.close(self._result)
        os.waitpid(self.pid, 0)
        return [moment for (moment,) in struct.iter_unpack("<Q", data)]


def _flush_until_closed(stop: int, path: str, pause: float) -> bytes:
    fd, moments, due = os.open(path, os.O_RDWR), b"", time.monotonic()
    while not select.select([stop], [], [], max(0.0, due - time.monotonic()))[0]:
        moments += struct.pack("<Q", time.monotonic_ns())
        os.fdatasync(fd)
        due = max(due + pause, time.monotonic())
    return moments
