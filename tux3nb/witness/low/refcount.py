"""The true reference count of a page, read from its struct page by BPF.

/proc/kpagecount is the number of mappings; pins, pipes and LRU batches show only here.  A pin (FOLL_PIN)
counts 1024 on a small folio (GUP_PIN_COUNTING_BIAS).
"""

import os

from tux3nb.witness.low import bpf
from tux3nb.witness.low.btf import TypeInformation
from tux3nb.witness.low.memory import Region
from tux3nb.witness.low.pagemap import frame_of

PIN_BIAS = 1024
_NEW_PAGE = "mm_filemap_add_to_page_cache"


class ReferenceCounter:
    """Reads counts by frame number, after finding the memory map by one page entering the page cache.

    Needs a folder on a disk file system for that page.  OSError when BPF is refused, KeyError when the type
    information lacks struct page.
    """

    def __init__(self, folder):
        types = TypeInformation()
        self._size, self._offset = types.size("page"), types.offset("page", "_refcount")
        self._base = self._find_base(folder)
        self._program = bpf.load(_reader())

    def count(self, frame: int) -> int:
        """The reference count of the page with this frame number."""
        return bpf.run_once(self._program, self._base + frame * self._size + self._offset)

    def _find_base(self, folder) -> int:
        seen = bpf.create_array(8, 1)
        program = bpf.load(_watcher(seen))
        watching = bpf.attach(program, _NEW_PAGE)
        path = os.path.join(folder, "sample")
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(fd, b"sample")
        view = Region(1, fd=fd, access="r", shared=True)
        view.read()
        base = bpf.read_number(seen) - frame_of(view) * self._size
        view.close()
        os.unlink(path)
        for descriptor in (watching, program, seen, fd):
            os.close(descriptor)
        if base <= 0 or base & 0xFFFFF:
            raise OSError("the memory map's base could not be found")
        return base


def _watcher(seen: int) -> bytes:
    """On the tracepoint: note the page that this process adds to the page cache."""
    code = bpf.Assembler()
    code.load64(6, 1, 0)
    code.call(bpf.PID_TGID)
    code.emit(0x77, 0, constant=32)  # r0 >>= 32: the process
    code.jump_if_not(0, os.getpid(), "end")
    code.store32(10, -4, 0)
    code.look_up(seen, "end")
    code.store64(0, 0, 6)
    code.label("end")
    return code.finish()


def _reader() -> bytes:
    """Return the 32 bits at the address in the context."""
    code = bpf.Assembler()
    code.load64(6, 1, 0)
    code.read_kernel(10, -8, 4, 6, 0)
    code.emit(0x61, 0, 10, -8)  # r0 = those four bytes
    return code.finish(keep_result=True)
