"""Debuggers: what ptrace(2), /proc/PID/mem and process_vm_writev(2) do to a page of a mapped file."""

import ctypes
import errno
import os
import struct

from tux3nb.witness.base import Skip, Witness
from tux3nb.witness.claims import Claim, broken, kept
from tux3nb.witness.low.memory import PAGE, Region
from tux3nb.witness.low.pagemap import changed_frame, entry, frame_of, has_flag
from tux3nb.witness.low.puppet import Puppet
from tux3nb.witness.low.syscalls import IoVector, outcome, syscall

_ATTACH, _DETACH, _POKEDATA = 16, 17, 5
_SOURCES = ("mm/gup.c:check_vma_flags", "mm/memory.c:__access_remote_vm", "fs/proc/base.c:mem_rw")


def _poke(pid: int, address: int, data: bytes) -> int:
    attached = syscall("ptrace", _ATTACH, pid, 0, 0)
    if attached < 0:
        raise Skip(f"PTRACE_ATTACH to an own child: {outcome(attached)}")
    os.waitpid(pid, 0)
    result = syscall("ptrace", _POKEDATA, pid, address, struct.unpack("<q", data)[0])
    syscall("ptrace", _DETACH, pid, 0, 0)
    return result


def _write_proc_mem(pid: int, address: int, data: bytes) -> int:
    try:
        with open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
            return os.pwrite(memory.fileno(), data, address)
    except OSError as error:
        return -error.errno


def _process_vm_write(pid: int, address: int, data: bytes) -> int:
    buffer = ctypes.create_string_buffer(data, len(data))
    local = IoVector(ctypes.addressof(buffer), len(data))
    remote = IoVector(address, len(data))
    return syscall("process_vm_writev", pid, ctypes.byref(local), 1, ctypes.byref(remote), 1, 0)


_TOOLS = (("POKEDATA", _poke), ("/proc/pid/mem", _write_proc_mem), ("process_vm_writev", _process_vm_write))


def _attempt(name: str, write, data: bytes, puppet: Puppet, address: int) -> dict:
    """One tool writes ``data`` to one page of the child; the facts of it."""
    puppet.read(address)
    before = entry(address, puppet.pid)
    result = write(puppet.pid, address, data)
    if result in (-errno.EPERM, -errno.ENOSYS):
        raise Skip(f"{name} is forbidden here (container)")
    seen = puppet.read(address)
    after = entry(address, puppet.pid)
    return {
        f"{name}: result": outcome(result),
        f"{name}: child sees it": seen == data,
        f"{name}: child's page became anonymous": before.file_backed and not after.file_backed,
        f"{name}: frame changed": changed_frame(before.frame, after.frame),
    }


def _refused(name: str, result: str) -> dict:
    return {
        f"{name}: result": result,
        f"{name}: child sees it": False,
        f"{name}: page cache has it": False,
        f"{name}: read(2) has it": False,
        f"{name}: child's page became anonymous": False,
    }


def _of(names, *facts: str) -> tuple[str, ...]:
    return tuple(f"{name}: {fact}" for name in names for fact in facts)


def _try_tools(run, access: str, shared: bool, read_only_file: bool):
    """Run every tool on a page of its own; (facts, puppet, region, fd) for what else is to be asked."""
    fd = run.new_file("traced", len(_TOOLS) + 1)
    mapped = os.open(run.folder / "traced", os.O_RDONLY) if read_only_file else fd
    region = Region(len(_TOOLS) + 1, fd=mapped, access=access, shared=shared)
    view = Region(len(_TOOLS) + 1, fd=fd, access="r", shared=True)
    puppet, facts = Puppet(), {}
    for page, (name, write) in enumerate(_TOOLS):
        data = b"TRACER%02d" % page
        facts |= _attempt(name, write, data, puppet, region.address(page))
        facts[f"{name}: page cache has it"] = view.read(page) == data
        facts[f"{name}: read(2) has it"] = os.pread(fd, 8, page * PAGE) == data
    return facts, puppet, region, fd


def private_text(run) -> dict:
    """Program text: MAP_PRIVATE, readable and executable."""
    facts, puppet, region, fd = _try_tools(run, "rx", shared=False, read_only_file=True)
    refused = facts["/proc/pid/mem: result"] != "ok"
    if refused and facts["POKEDATA: result"] == "ok":
        raise Skip("this kernel restricts /proc/pid/mem (proc_mem.force_override)")
    untouched = len(_TOOLS)
    puppet.read(region.address(untouched))
    for page in (0, untouched):
        os.pwrite(fd, b"NEWFILE!", page * PAGE)
    for name, page in (("the poked page", 0), ("an untouched page", untouched)):
        shown = puppet.read(region.address(page))
        facts[f"after write(2), {name} shows the new bytes"] = shown == b"NEWFILE!"
    return facts


def shared_writable(run) -> dict:
    """A writable shared mapping."""
    facts, _, region, _ = _try_tools(run, "rw", shared=True, read_only_file=False)
    region.read(0)
    facts["page is dirty"] = has_flag(region, 0, "DIRTY") if frame_of(region) else None
    return facts


def shared_read_only(run) -> dict:
    """A read-only shared mapping of a file opened read-only."""
    return _try_tools(run, "r", shared=True, read_only_file=True)[0]


_FORCED, _PLAIN = ("POKEDATA", "/proc/pid/mem"), "process_vm_writev"
_ALL = (*_FORCED, _PLAIN)
_SAME_FRAMES = {f"{name}: frame changed": False for name, _ in _TOOLS}
_EIO, _EFAULT = errno.errorcode[errno.EIO], errno.errorcode[errno.EFAULT]

WITNESSES = (
    Witness(
        name="ptrace-private",
        case="ptrace",
        function=private_text,
        needs=("disk", "ptrace"),
        question="Where does a debugger's store to program text (MAP_PRIVATE) go?",
        model_says="To a private anonymous copy: the page cache, and so any page fork, is not concerned.",
        claims=(
            # What is written for one process through a private mapping stays out of the file: its own copy first.
            Claim(
                "uprobes+ref_ctr",
                "stable_pages",
                "U2",
                {
                    **broken(*_of(_FORCED, "page cache has it", "read(2) has it")),
                    **kept(*_of(_FORCED, "child's page became anonymous")),
                },
            ),
            Claim(
                "ordinary+private", "stable_pages", "I1p", kept("after write(2), an untouched page shows the new bytes")
            ),
        ),
        predicts={
            **dict.fromkeys(_of(_FORCED, "result"), "ok"),
            **dict.fromkeys(_of(_FORCED, "child sees it"), True),
            **_refused(_PLAIN, _EFAULT),
            "after write(2), the poked page shows the new bytes": False,
        },
        predicts_if_visible={
            "POKEDATA: frame changed": True,
            "/proc/pid/mem: frame changed": True,
            "process_vm_writev: frame changed": False,
        },
        sources=(*_SOURCES, "mm/memory.c:do_cow_fault", "mm/memory.c:wp_page_copy"),
    ),
    Witness(
        name="ptrace-shared",
        case="ptrace",
        function=shared_writable,
        needs=("disk", "ptrace"),
        question="Where does a debugger's store to a writable shared mapping go?",
        model_says="Into the page-cache page itself, by a short reference: a page fork in that moment would lose it.",
        claims=(
            Claim(
                "ptrace+lost",
                "stable_pages",
                "I2",
                kept(*_of(_ALL, "child sees it", "page cache has it", "read(2) has it")),
            ),
        ),
        predicts={
            **dict.fromkeys(_of(_ALL, "result"), "ok"),
            **dict.fromkeys(_of(_ALL, "child's page became anonymous"), False),
        },
        predicts_if_visible={**_SAME_FRAMES, "page is dirty": True},
        sources=_SOURCES,
    ),
    Witness(
        name="ptrace-read-only",
        case="ptrace",
        function=shared_read_only,
        needs=("disk", "ptrace"),
        question="Can a debugger force a store into a read-only shared mapping?",
        model_says="No: FOLL_FORCE never writes through a shared mapping that is not writable.",
        beyond="A store that the kernel refuses is no step of the model.",
        predicts={
            **_refused(_FORCED[0], _EIO),
            **_refused(_FORCED[1], _EIO),
            **_refused(_PLAIN, _EFAULT),
        },
        predicts_if_visible=_SAME_FRAMES,
        sources=_SOURCES,
    ),
)
