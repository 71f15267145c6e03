"""A forked child that touches memory only when told to."""

import ctypes
import os
import struct

from tux3nb.witness.low.pagemap import entry

_REQUEST = struct.Struct("<cQ8s")
_FRAME = struct.Struct("<Q")


class Puppet:
    """fork(2) of the experiment: shares its mappings, reads or stores eight bytes on request."""

    def __init__(self):
        down_reader, self._down = os.pipe()
        self._up, up_writer = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._down)
            os.close(self._up)
            try:
                _serve(down_reader, up_writer)
            finally:
                os._exit(0)
        os.close(down_reader)
        os.close(up_writer)

    def read(self, address: int) -> bytes:
        """Eight bytes as the child sees them."""
        return self._ask(b"r", address)

    def write(self, address: int, data: bytes) -> None:
        """Have the child store eight bytes."""
        self._ask(b"w", address, data)

    def frame(self, address: int) -> int | None:
        """The child's frame at ``address`` (it does not touch the page), None when hidden."""
        return _FRAME.unpack(self._ask(b"f", address))[0] or None

    def close(self) -> None:
        """End the child and wait for it."""
        os.close(self._down)
        os.waitpid(self.pid, 0)
        os.close(self._up)

    def _ask(self, order: bytes, address: int, data: bytes = b"") -> bytes:
        os.write(self._down, _REQUEST.pack(order, address, data))
        answer = os.read(self._up, 8)
        if len(answer) != 8:
            raise ChildProcessError("the child process of the experiment died")
        return answer


def _serve(requests: int, answers: int) -> None:
    while request := os.read(requests, _REQUEST.size):
        order, address, data = _REQUEST.unpack(request)
        if order == b"w":
            ctypes.memmove(address, data, 8)
        answer = _FRAME.pack(entry(address).frame or 0) if order == b"f" else ctypes.string_at(address, 8)
        os.write(answers, answer)
