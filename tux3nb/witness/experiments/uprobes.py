"""Uprobes: where the kernel puts a breakpoint, and when the page goes back.

The probed 'program' is any file with a few bytes of code that returns 42, mapped executable and called by
ctypes; the probe is a perf event, which goes away with its descriptor.
"""

import ctypes
import os
import platform
import struct
from pathlib import Path

from tux3nb.witness.base import Skip, Witness
from tux3nb.witness.claims import Claim, broken, either, kept
from tux3nb.witness.low.memory import PAGE, Region, drain_lru_batches
from tux3nb.witness.low.pagemap import frame_of, same_frame
from tux3nb.witness.low.syscalls import checked, syscall

_CODE = {"x86_64": bytes.fromhex("b82a000000c3"), "aarch64": bytes.fromhex("40058052c0035fd6")}
_OFFSET, _ELSEWHERE = 0x40, 512
_CLOSE_ON_EXEC = 8
_THIS_PROCESS, _ANY_PROCESSOR, _NO_GROUP = 0, -1, -1


class _Attributes(ctypes.Structure):
    """The front of ``struct perf_event_attr``; config1 and config2 are the file's name and the offset."""

    _fields_ = [
        ("type", ctypes.c_uint32),
        ("size", ctypes.c_uint32),
        ("config", ctypes.c_uint64),
        ("between", ctypes.c_uint64 * 5),
        ("config1", ctypes.c_uint64),
        ("config2", ctypes.c_uint64),
        ("rest", ctypes.c_uint64 * 8),
    ]


def _register(path: str) -> int:
    """A uprobe at _OFFSET of the file; its descriptor."""
    kind = int(Path("/sys/bus/event_source/devices/uprobe/type").read_text())
    name = ctypes.create_string_buffer(os.fsencode(path))
    attributes = _Attributes(type=kind, size=ctypes.sizeof(_Attributes), config1=ctypes.addressof(name))
    attributes.config2 = _OFFSET
    place = (_THIS_PROCESS, _ANY_PROCESSOR, _NO_GROUP, _CLOSE_ON_EXEC)
    return checked(syscall("perf_event_open", ctypes.byref(attributes), *place), "perf_event_open")


class _Program:
    """The file with code, a private and a shared executable mapping of it, and a view of the page cache."""

    def __init__(self, run):
        self.path = str(run.folder / "program")
        image = bytearray(b"\x90" * PAGE)
        self.code = _CODE[platform.machine()]
        image[_OFFSET : _OFFSET + len(self.code)] = self.code
        self.fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o700)
        os.pwrite(self.fd, image, 0)
        os.fsync(self.fd)
        self.read_only = os.open(self.path, os.O_RDONLY)
        try:
            self.private = Region(1, fd=self.read_only, access="rx")
            self.shared = Region(1, fd=self.read_only, access="rx", shared=True)
        except OSError as error:
            raise Skip(f"the scratch folder forbids executable mappings (noexec?): {error}") from error
        self.view = Region(1, fd=self.fd, access="r", shared=True)

    def on_cache_page(self, region: Region) -> bool | None:
        """Whether a mapping shows the page-cache page itself."""
        region.read()
        self.view.read()
        return same_frame(frame_of(region), frame_of(self.view))

    def intact(self, region: Region) -> bool:
        """Whether a mapping shows the instruction of the file."""
        return region.read(count=len(self.code), at=_OFFSET) == self.code

    def call(self, region: Region) -> int:
        """Run the code through a mapping."""
        return ctypes.CFUNCTYPE(ctypes.c_int)(region.address() + _OFFSET)()


def breakpoint_page(run) -> dict:
    """Register, call, write(2) elsewhere in the page, unregister."""
    program = _Program(run)
    program.private.read()
    program.shared.read()
    probe = _register(program.path)
    facts = {
        "private: on the page-cache page": program.on_cache_page(program.private),
        "private: instruction intact": program.intact(program.private),
        "shared: on the page-cache page": program.on_cache_page(program.shared),
        "shared: instruction intact": program.intact(program.shared),
        "file: instruction intact": os.pread(program.fd, len(program.code), _OFFSET) == program.code,
        "calls return": f"{program.call(program.private)},{program.call(program.shared)}",
        "hits": struct.unpack("<Q", os.read(probe, 8))[0],
    }
    os.pwrite(program.fd, b"NEWBYTES", _ELSEWHERE)
    facts["probed: shows write(2) elsewhere in the page"] = program.private.read(at=_ELSEWHERE) == b"NEWBYTES"
    os.close(probe)
    facts["after: instruction intact"] = program.intact(program.private)
    facts["after: shows write(2) elsewhere in the page"] = program.private.read(at=_ELSEWHERE) == b"NEWBYTES"
    return facts


def going_back(run) -> dict:
    """Unregister on an unmodified page whose copy has one reference too many, and then none too many."""
    processor = min(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {processor})  # the batch to be drained is this processor's
    program, facts = _Program(run), {}
    for name, drained in (("extra reference", False), ("no extra reference", True)):
        region = Region(1, fd=program.read_only, access="rx")
        region.read()
        probe = _register(program.path)
        region.read()
        if drained:
            _settle(region)
        os.close(probe)
        facts[f"{name}: instruction intact"] = program.intact(region)
        facts[f"{name}: back on the page-cache page"] = program.on_cache_page(region)
        region.close()
    return facts


def _settle(region: Region) -> None:
    """Leave the copy without an LRU batch's reference, also when the kernel looks at it once more."""
    with open("/proc/self/mem", "rb", buffering=0) as memory:
        for _ in range(3):  # makes the folio active, so that a later look queues no activation
            os.pread(memory.fileno(), 1, region.address() + _OFFSET)
    drain_lru_batches()


_NEEDS = ("disk", "root", "frames", "uprobes")

WITNESSES = (
    Witness(
        name="uprobe-private-copy",
        case="uprobes",
        function=breakpoint_page,
        needs=_NEEDS,
        question="Where does a uprobe's breakpoint go, and who sees it?",
        model_says="Into a private anonymous copy in private mappings only; neither the page cache, the disk "
        "nor a shared mapping ever has it, so a page fork cannot lose it. The copy goes stale.",
        claims=(
            Claim(
                "uprobes",
                "stable_pages",
                "U1",
                {
                    **broken("private: instruction intact"),
                    **either(1, 0, "hits"),
                },
            ),
            Claim(
                "uprobes",
                "stable_pages",
                "U2",
                {
                    **broken("private: on the page-cache page"),
                    **kept("file: instruction intact"),
                },
            ),
            Claim("uprobes", "stable_pages", "U3", kept("shared: instruction intact")),
            Claim("uprobes+unregister", "stable_pages", "U1", kept("after: instruction intact")),
        ),
        predicts={
            "shared: on the page-cache page": True,
            "calls return": "42,42",
            "probed: shows write(2) elsewhere in the page": False,
            "after: shows write(2) elsewhere in the page": False,
        },
        sources=("kernel/events/uprobes.c:uprobe_write", "kernel/events/uprobes.c:valid_vma"),
    ),
    Witness(
        name="uprobe-goes-back",
        case="uprobes",
        function=going_back,
        needs=_NEEDS,
        question="Does a mapping return to the page-cache page when the probe goes?",
        model_says="Only if nobody else holds the copy: the same question as the page fork's, answered by counting.",
        beyond="In the model the copy stays; since v5.4 a mapping goes back if the bytes are the same.",
        predicts={
            "extra reference: instruction intact": True,
            "no extra reference: instruction intact": True,
            "extra reference: back on the page-cache page": False,
            "no extra reference: back on the page-cache page": True,
        },
        sources=("kernel/events/uprobes.c:orig_page_is_identical", "kernel/events/uprobes.c:__uprobe_write"),
    ),
)
