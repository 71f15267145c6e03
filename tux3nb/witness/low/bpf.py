"""A tiny BPF assembler and the bpf(2) calls it takes to run programs (CAP_BPF and CAP_PERFMON)."""

import ctypes
import struct

from tux3nb.witness.low.syscalls import checked, syscall

_MAP_CREATE, _MAP_LOOKUP, _PROG_LOAD, _TEST_RUN, _TRACEPOINT_OPEN = 0, 1, 5, 10, 17
_ARRAY_MAP, _RAW_TRACEPOINT = 2, 17
MMAPABLE = 0x400

# Helper functions (include/uapi/linux/bpf.h).
LOOKUP, TIME_NS, PID_TGID, PROBE_READ_KERNEL = 1, 5, 14, 113


def command(number: int, attributes: bytes, what: str) -> tuple[int, bytes]:
    """bpf(2): its result and the attributes afterwards; OSError names ``what``."""
    size = 144
    buffer = ctypes.create_string_buffer(attributes.ljust(size, b"\0"), size)
    return checked(syscall("bpf", number, ctypes.byref(buffer), size), what), buffer.raw


def create_array(value_size: int, entries: int, flags: int = 0) -> int:
    """An array map's descriptor."""
    attributes = struct.pack("<IIIII", _ARRAY_MAP, 4, value_size, entries, flags)
    return command(_MAP_CREATE, attributes, "BPF_MAP_CREATE")[0]


def read_number(array: int, index: int = 0) -> int:
    """An eight-byte element of an array map."""
    key, value = ctypes.c_uint32(index), ctypes.c_uint64(0)
    pointers = struct.pack("<IIQQQ", array, 0, ctypes.addressof(key), ctypes.addressof(value), 0)
    command(_MAP_LOOKUP, pointers, "BPF_MAP_LOOKUP_ELEM")
    return value.value


def load(program: bytes) -> int:
    """Load a raw tracepoint program; its descriptor, or OSError with the verifier's last words."""
    code = ctypes.create_string_buffer(program, len(program))
    licence, log = ctypes.create_string_buffer(b"GPL"), ctypes.create_string_buffer(1 << 16)
    attributes = struct.pack(
        "<IIQQIIQ",
        _RAW_TRACEPOINT,
        len(program) // 8,
        ctypes.addressof(code),
        ctypes.addressof(licence),
        1,
        len(log),
        ctypes.addressof(log),
    )
    try:
        return command(_PROG_LOAD, attributes, "BPF_PROG_LOAD")[0]
    except OSError as error:
        raise OSError(error.errno, f"BPF_PROG_LOAD: {log.value[-300:].decode(errors='replace')}") from error


def attach(program: int, tracepoint: str) -> int:
    """Attach to a tracepoint; the descriptor that keeps it attached."""
    name = ctypes.create_string_buffer(tracepoint.encode())
    attributes = struct.pack("<QI", ctypes.addressof(name), program)
    return command(_TRACEPOINT_OPEN, attributes, f"tracepoint {tracepoint}")[0]


def run_once(program: int, argument: int) -> int:
    """Run a loaded program once with one eight-byte context word; the 32 bits it returns."""
    context = ctypes.create_string_buffer(struct.pack("<Q", argument), 8)
    # The program's descriptor, 36 bytes that a raw tracepoint has no use for, the context's size and address.
    attributes = struct.pack("<I36xIIQ", program, len(context), 0, ctypes.addressof(context))
    return struct.unpack_from("<I", command(_TEST_RUN, attributes, "BPF_PROG_TEST_RUN")[1], 4)[0]


class Assembler:
    """Collects instructions; registers are numbers (r10 is the frame pointer), jumps go to labels."""

    def __init__(self):
        self._code: list[list[int]] = []
        self._labels: dict[str, int] = {}
        self._jumps: list[tuple[int, str]] = []

    def emit(self, operation: int, to: int = 0, source: int = 0, offset: int = 0, constant: int = 0) -> None:
        """One instruction, as in ``struct bpf_insn``."""
        self._code.append([operation, source << 4 | to, offset, constant & 0xFFFFFFFF])

    def copy(self, to: int, source: int) -> None:
        """to = source"""
        self.emit(0xBF, to, source)

    def constant(self, to: int, value: int) -> None:
        """to = a 64-bit constant"""
        self._wide(to, 0, value)

    def map(self, to: int, descriptor: int) -> None:
        """to = pointer to a map"""
        self._wide(to, 1, descriptor)

    def add(self, to: int, value: int) -> None:
        """to += value"""
        self.emit(0x07, to, constant=value)

    def load64(self, to: int, base: int, offset: int) -> None:
        """to = the eight bytes at base+offset"""
        self.emit(0x79, to, base, offset)

    def store64(self, base: int, offset: int, source: int) -> None:
        """eight bytes at base+offset = source"""
        self.emit(0x7B, base, source, offset)

    def call(self, helper: int) -> None:
        """r0 = helper(r1, ...)"""
        self.emit(0x85, constant=helper)

    def jump_if_zero(self, register: int, label: str) -> None:
        """Go to ``label`` when the register is 0."""
        self._jump(0x15, register, 0, label, 0)

    def jump_if_not(self, register: int, value: int, label: str) -> None:
        """Go to ``label`` when the register differs from a 32-bit constant."""
        self._jump(0x55, register, 0, label, value)

    def jump_if_other(self, register: int, other: int, label: str) -> None:
        """Go to ``label`` when two registers differ."""
        self._jump(0x5D, register, other, label, 0)

    def jump_if_at_least(self, register: int, value: int, label: str) -> None:
        """Go to ``label`` when the register is at least a constant."""
        self._jump(0x35, register, 0, label, value)

    def read_kernel(self, base: int, offset: int, size: int, source: int, source_offset: int) -> None:
        """Copy ``size`` bytes of kernel memory at source+source_offset to base+offset."""
        self.copy(1, base)
        self.add(1, offset)
        self.emit(0xB7, 2, constant=size)
        self.copy(3, source)
        self.add(3, source_offset)
        self.call(PROBE_READ_KERNEL)

    def look_up(self, array: int, label: str) -> None:
        """r0 = pointer to the element that the word at r10-4 numbers; to ``label`` when there is none."""
        self.copy(2, 10)
        self.add(2, -4)
        self.map(1, array)
        self.call(LOOKUP)
        self.jump_if_zero(0, label)

    def store32(self, base: int, offset: int, value: int) -> None:
        """four bytes at base+offset = a constant"""
        self.emit(0x62, base, offset=offset, constant=value)

    def label(self, name: str) -> None:
        """The place that jumps to ``name`` go to."""
        self._labels[name] = len(self._code)

    def finish(self, keep_result: bool = False) -> bytes:
        """Return 0 (or what is in r0), and the program's bytes."""
        if not keep_result:
            self.emit(0xB7, 0)
        self.emit(0x95)
        for at, label in self._jumps:
            self._code[at][2] = self._labels[label] - at - 1
        return b"".join(struct.pack("<BBhI", *instruction) for instruction in self._code)

    def _wide(self, to: int, kind: int, value: int) -> None:
        self.emit(0x18, to, kind, constant=value)
        self.emit(0, constant=value >> 32)

    def _jump(self, operation: int, register: int, other: int, label: str, value: int) -> None:
        self._jumps.append((len(self._code), label))
        self.emit(operation, register, other, constant=value)
