"""BPF's log of every clean-to-dirty transition of one file's pages and every wait for writeback.

At each one the program notes whether the page is under writeback (where a page fork would be needed) and the
page's reference count beside the references that the kernel explains (page cache, private data, mappings).
"""

import ctypes
import os
import struct
from dataclasses import dataclass

from tux3nb.witness.low import bpf
from tux3nb.witness.low.btf import TypeInformation
from tux3nb.witness.low.memory import READ, SHARED, map_memory
from tux3nb.witness.low.syscalls import libc

DIRTIED, WAITED = 1, 2
_TRACEPOINTS = ((DIRTIED, "writeback_dirty_folio"), (WAITED, "folio_wait_writeback"))
_FLAGS = ("writeback", "head", "private")
_CAPACITY = 1 << 16
_LAYOUT = struct.Struct("<QQQiIQQ")  # time, flags, index, mapcount, refcount, process and thread, kind


@dataclass(frozen=True)
class Event:
    """One record; ``time`` is CLOCK_MONOTONIC in ns, ``holders`` counts references left unexplained."""

    time: int
    kind: int
    page: int
    writeback: bool
    large: bool
    mappings: int
    holders: int
    process: int


class DirtyLog:
    """Logs from construction to stop()."""

    def __init__(self, path):
        types = TypeInformation()
        self._bits = {name: types.enum_value("pageflags", f"PG_{name}") for name in _FLAGS}
        self._count = bpf.create_array(8, 1)
        self._records = bpf.create_array(_LAYOUT.size, _CAPACITY, bpf.MMAPABLE)
        self._memory = map_memory(_CAPACITY * _LAYOUT.size, READ, SHARED, self._records)
        state = os.stat(path)
        self._attached = []
        for kind, tracepoint in _TRACEPOINTS:
            program = bpf.load(_program(types, state, self._count, self._records, kind))
            self._attached += [bpf.attach(program, tracepoint), program]

    def stop(self) -> tuple[list[Event], int]:
        """Detach; the events in order, and how many were lost for want of room."""
        for descriptor in self._attached:
            os.close(descriptor)
        total = bpf.read_number(self._count)
        kept = min(total, _CAPACITY)
        raw = ctypes.string_at(self._memory, kept * _LAYOUT.size)
        libc().munmap(self._memory, _CAPACITY * _LAYOUT.size)
        for descriptor in (self._count, self._records):
            os.close(descriptor)
        events = [self._event(fields) for fields in _LAYOUT.iter_unpack(raw)]
        return sorted(events, key=lambda event: event.time), total - kept

    def _event(self, fields: tuple) -> Event:
        time, flags, page, mapcount, references, task, kind = fields
        has = {name: bool(flags >> bit & 1) for name, bit in self._bits.items()}
        mappings = mapcount + 1
        explained = 1 + has["private"] + mappings  # 1: the page cache
        holders = references - explained
        return Event(time, kind, page, has["writeback"], has["head"], mappings, holders, task >> 32)


def _program(types: TypeInformation, state: os.stat_result, count: int, records: int, kind: int) -> bytes:
    """tracepoint(folio, mapping): one record for a folio of the inode that ``state`` names."""
    code = bpf.Assembler()
    code.load64(7, 1, 0)  # r7 = folio
    code.load64(8, 1, 8)  # r8 = mapping
    _only_inode(code, types, state)
    code.store32(10, -4, 0)
    code.look_up(count, "end")
    code.emit(0xB7, 1, constant=1)
    code.emit(0xDB, 0, 1, 0, 0x01)  # r1 = fetch_add(*r0, 1)
    code.jump_if_at_least(1, _CAPACITY, "end")
    code.emit(0x63, 10, 1, -4)  # the record's index
    code.look_up(records, "end")
    code.copy(9, 0)
    for at, member in ((8, "flags"), (16, "index"), (24, "_mapcount")):  # _refcount follows _mapcount
        code.read_kernel(9, at, 8, 7, types.offset("folio", member))
    code.call(bpf.PID_TGID)
    code.store64(9, 32, 0)
    code.emit(0xB7, 1, constant=kind)
    code.store64(9, 40, 1)
    code.call(bpf.TIME_NS)
    code.store64(9, 0, 0)
    code.label("end")
    return code.finish()


def _only_inode(code: bpf.Assembler, types: TypeInformation, state: os.stat_result) -> None:
    """Go to 'end' unless mapping r8 belongs to the inode; leaves r6 = inode."""
    code.read_kernel(10, -8, 8, 8, types.offset("address_space", "host"))
    code.load64(6, 10, -8)
    code.jump_if_zero(6, "end")
    code.read_kernel(10, -8, 8, 6, types.offset("inode", "i_ino"))
    code.load64(1, 10, -8)
    code.constant(2, state.st_ino)
    code.jump_if_other(1, 2, "end")
    code.read_kernel(10, -8, 8, 6, types.offset("inode", "i_sb"))
    code.load64(8, 10, -8)
    code.store32(10, -4, 0)
    code.read_kernel(10, -8, 4, 8, types.offset("super_block", "s_dev"))
    code.load64(1, 10, -8)
    code.constant(2, os.major(state.st_dev) << 20 | os.minor(state.st_dev))
    code.jump_if_other(1, 2, "end")
