"""A FUSE file whose replies can be held back: I/O stays in flight for exactly as long as wanted.

The server (fuse_server.py) is a forked child.  When it dies /dev/fuse closes and the kernel aborts every
pending request, so nothing can hang on it.
"""

import os
import struct
import threading
import time
from pathlib import Path

from tux3nb.witness.base import Inconclusive
from tux3nb.witness.low import fuse_server
from tux3nb.witness.low.fuse_server import ANSWER, HOLD_READS, HOLD_WRITES, PEEK, RELEASE, STATUS
from tux3nb.witness.low.mounts import mount


def page_text(page: int) -> bytes:
    """The eight bytes that page number ``page`` of the served file starts with."""
    return b"FUSE%04d" % page


class HeldFile:
    """Mounts the server below ``run``'s folder; ``path`` is the file to open."""

    def __init__(self, run, pages: int = 16):
        folder = Path(run.folder) / "fuse"
        folder.mkdir()
        self.path = str(folder / "f")
        device = os.open("/dev/fuse", os.O_RDWR)
        orders, self._orders = os.pipe()
        self._answers, answers = os.pipe()
        run.journal.add("mount", path=str(folder))
        options = f"fd={device},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
        mount("tux3nb-witness", folder, "fuse", options)
        if os.fork() == 0:
            os.close(self._orders)
            os.close(self._answers)
            try:
                fuse_server.Server(device, orders, answers, pages).serve()
            finally:
                os._exit(0)
        for fd in (device, orders, answers):
            os.close(fd)
        self._turn = threading.Lock()

    def hold_reads(self) -> None:
        """Keep back READ replies from now on."""
        self._ask(HOLD_READS)

    def hold_writes(self) -> None:
        """Keep back WRITE replies (writeback of the page cache) from now on."""
        self._ask(HOLD_WRITES)

    def release(self) -> None:
        """Answer everything that was kept back, and keep back nothing more."""
        self._ask(RELEASE)

    def wait_until_held(self, seconds: float = 3) -> None:
        """Return once a request is being kept back, or raise Inconclusive."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if struct.unpack_from("<q", self._ask(STATUS))[0]:
                return
            time.sleep(0.001)
        raise Inconclusive("the kernel never sent the request that was to be held")

    def device_bytes(self, offset: int = 0) -> bytes:
        """Eight bytes of what 'the device', the server's own memory, holds now."""
        return self._ask(PEEK + struct.pack("<Q", offset))[:8]

    def _ask(self, order: bytes) -> bytes:
        with self._turn:
            os.write(self._orders, order)
            return os.read(self._answers, ANSWER)
