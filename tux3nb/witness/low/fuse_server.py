"""The FUSE protocol for one directory with one file 'f' in memory (include/uapi/linux/fuse.h, 7.x)."""

import contextlib
import errno
import os
import select
import struct
import time

from tux3nb.witness.low.memory import PAGE

HOLD_READS, HOLD_WRITES, RELEASE, STATUS, PEEK = b"R", b"W", b"G", b"?", b"D"
ANSWER = 16

_LOOKUP, _FORGET, _GETATTR, _SETATTR, _OPEN, _READ, _WRITE = 1, 2, 3, 4, 14, 15, 16
_STATFS, _RELEASE, _FSYNC, _FLUSH, _INIT, _OPENDIR = 17, 18, 20, 25, 26, 27
_RELEASEDIR, _FSYNCDIR, _INTERRUPT, _DESTROY, _BATCH_FORGET = 29, 30, 36, 38, 42
_WITHOUT_REPLY = (_FORGET, _INTERRUPT, _BATCH_FORGET)
_EMPTY_REPLY = (_RELEASE, _RELEASEDIR, _FSYNC, _FLUSH, _FSYNCDIR)

_HEADER = struct.Struct("<IIQQ16x")
_WANTED = 1 << 0 | 1 << 5 | 1 << 15 | 1 << 16  # ASYNC_READ, BIG_WRITES, ASYNC_DIO, WRITEBACK_CACHE
_KEEP_CACHE, _SIZE_VALID = 2, 8
_ROOT_NODE, _FILE_NODE, _FOREVER = 1, 2, 3600
_LONGEST_HOLD = 8.0


class Server:
    """Serves ``device`` until it is unmounted or the experiment closes its end of ``orders``."""

    def __init__(self, device: int, orders: int, answers: int, pages: int):
        self.device, self.orders, self.answers = device, orders, answers
        self.data = bytearray(b"".join((b"FUSE%04d" % page) * (PAGE // 8) for page in range(pages)))
        self.held_kinds: set[int] = set()
        self.kept: list[tuple[int, int, bytes]] = []
        self.since = 0.0

    def serve(self) -> None:
        """Answer requests and orders; a hold ends by itself after eight seconds."""
        while True:
            ready, _, _ = select.select([self.device, self.orders], [], [], 0.5)
            if self.kept and time.monotonic() - self.since > _LONGEST_HOLD:
                self.release()
            if self.orders in ready:
                if not self.obey():
                    return
            elif self.device in ready:
                try:
                    request = os.read(self.device, 1 << 18)
                except OSError as error:
                    if error.errno == errno.ENODEV:
                        return
                    continue
                self.handle(request)

    def obey(self) -> bool:
        """Carry out one order of the experiment; False when it has closed its end."""
        order = os.read(self.orders, 1)
        if order == PEEK:
            offset = struct.unpack("<Q", os.read(self.orders, 8))[0]
            os.write(self.answers, bytes(self.data[offset : offset + ANSWER]))
            return True
        if order == HOLD_READS:
            self.held_kinds.add(_READ)
        elif order == HOLD_WRITES:
            self.held_kinds.add(_WRITE)
        elif order == RELEASE:
            self.release()
        if order:
            os.write(self.answers, struct.pack("<q8x", len(self.kept)))
        return bool(order)

    def release(self) -> None:
        """Answer what was kept back."""
        self.held_kinds.clear()
        for kind, unique, body in self.kept:
            self.transfer(kind, unique, body)
        self.kept.clear()

    def handle(self, request: bytes) -> None:
        """Answer, keep back or ignore one request of the kernel."""
        length, kind, unique, node = _HEADER.unpack_from(request)
        body = request[_HEADER.size : length]
        if kind in self.held_kinds:
            self.kept.append((kind, unique, body))
            self.since = time.monotonic()
        elif kind in (_READ, _WRITE):
            self.transfer(kind, unique, body)
        elif kind not in _WITHOUT_REPLY:
            self.answer(kind, unique, node, body)

    def transfer(self, kind: int, unique: int, body: bytes) -> None:
        """Do a READ or a WRITE on the data in memory."""
        offset, size = struct.unpack_from("<QI", body, 8)
        if kind == _READ:
            self.reply(unique, bytes(self.data[offset : offset + size]))
            return
        self.data.extend(bytes(max(0, offset + size - len(self.data))))
        self.data[offset : offset + size] = body[40 : 40 + size]
        self.reply(unique, struct.pack("<II", size, 0))

    def answer(self, kind: int, unique: int, node: int, body: bytes) -> None:
        """Answer everything that is not a transfer."""
        if kind == _INIT:
            self.reply(unique, self.initial(body))
        elif kind == _LOOKUP and body.rstrip(b"\0") == b"f":
            entry = struct.pack("<QQQQII", _FILE_NODE, 0, _FOREVER, _FOREVER, 0, 0)
            self.reply(unique, entry + self.attributes(_FILE_NODE))
        elif kind == _LOOKUP:
            self.reply(unique, error=errno.ENOENT)
        elif kind in (_GETATTR, _SETATTR):
            if kind == _SETATTR and struct.unpack_from("<I", body)[0] & _SIZE_VALID:
                self.resize(struct.unpack_from("<Q", body, 16)[0])
            self.reply(unique, struct.pack("<QII", _FOREVER, 0, 0) + self.attributes(node))
        elif kind in (_OPEN, _OPENDIR):
            self.reply(unique, struct.pack("<QIi", 1, _KEEP_CACHE, 0))
        elif kind in _EMPTY_REPLY:
            self.reply(unique)
        elif kind == _STATFS:
            self.reply(unique, bytes(80))
        elif kind != _DESTROY:
            self.reply(unique, error=errno.ENOSYS)

    def resize(self, size: int) -> None:
        """Cut or extend the file."""
        del self.data[size:]
        self.data.extend(bytes(size - len(self.data)))

    @staticmethod
    def initial(body: bytes) -> bytes:
        """The reply to INIT: what of the kernel's offer is wanted."""
        _, minor, read_ahead, offered = struct.unpack_from("<IIII", body)
        most_write, time_grain, most_pages = 1 << 17, 1, 32
        front = struct.pack("<IIII", 7, min(minor, 38), read_ahead, offered & _WANTED)
        back = struct.pack("<HHIIHH", 16, 12, most_write, time_grain, most_pages, 0)
        return (front + back).ljust(64, b"\0")

    def attributes(self, node: int) -> bytes:
        """struct fuse_attr of the directory or the file."""
        folder = node == _ROOT_NODE
        size, mode = (0, 0o40755) if folder else (len(self.data), 0o100666)
        owner = (os.getuid(), os.getgid())
        return struct.pack("<QQQQQQIIIIIIIIII", node, size, 8, 0, 0, 0, 0, 0, 0, mode, 1, *owner, 0, PAGE, 0)

    def reply(self, unique: int, body: bytes = b"", error: int = 0) -> None:
        """Send one reply; the request may have been aborted meanwhile, which is no matter."""
        with contextlib.suppress(OSError):
            os.write(self.device, struct.pack("<IiQ", 16 + len(body), -error, unique) + body)
