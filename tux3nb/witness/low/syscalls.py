"""Raw Linux system calls through ctypes: results are values or ``-errno``, never exceptions."""

import ctypes
import errno
import functools
import os
import platform

# Numbers from the kernel's arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
_NUMBERS = {
    "x86_64": {
        "ptrace": 101,
        "process_vm_writev": 311,
        "vmsplice": 278,
        "io_setup": 206,
        "io_destroy": 207,
        "io_getevents": 208,
        "io_submit": 209,
        "io_uring_setup": 425,
        "io_uring_enter": 426,
        "io_uring_register": 427,
        "userfaultfd": 323,
        "bpf": 321,
        "perf_event_open": 298,
        "pread64": 17,
        "pwrite64": 18,
    },
    "aarch64": {
        "ptrace": 117,
        "process_vm_writev": 271,
        "vmsplice": 75,
        "io_setup": 0,
        "io_destroy": 1,
        "io_getevents": 4,
        "io_submit": 2,
        "io_uring_setup": 425,
        "io_uring_enter": 426,
        "io_uring_register": 427,
        "userfaultfd": 282,
        "bpf": 280,
        "perf_event_open": 241,
        "pread64": 67,
        "pwrite64": 68,
    },
}


class IoVector(ctypes.Structure):
    """``struct iovec``."""

    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


def machine_known() -> bool:
    """True when this processor's system call numbers are in the table."""
    return platform.machine() in _NUMBERS


@functools.cache
def libc():
    """The C library with the prototypes whose default (int) would cut a pointer or an offset."""
    library = ctypes.CDLL(None, use_errno=True)
    library.syscall.restype = ctypes.c_long
    pointer, size, number = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    library.mmap.restype = pointer
    library.mmap.argtypes = [pointer, size, number, number, number, ctypes.c_long]
    library.munmap.argtypes = [pointer, size]
    library.madvise.argtypes = [pointer, size, number]
    library.msync.argtypes = [pointer, size, number]
    library.mlock.argtypes = [pointer, size]
    library.fallocate.argtypes = [number, number, ctypes.c_long, ctypes.c_long]
    library.ioctl.argtypes = [number, ctypes.c_ulong, pointer]
    return library


def call(function: str, *arguments) -> int:
    """Call a C library function; its result, or ``-errno`` when it returned -1."""
    ctypes.set_errno(0)
    result = getattr(libc(), function)(*arguments)
    return -ctypes.get_errno() if result == -1 else result


def syscall(name: str, *arguments) -> int:
    """Make the system call ``name``; its result or ``-errno`` (``-ENOSYS`` on an unknown processor)."""
    number = _NUMBERS.get(platform.machine(), {}).get(name)
    if number is None:
        return -errno.ENOSYS
    wide = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    ctypes.set_errno(0)
    result = libc().syscall(ctypes.c_long(number), *wide)
    return -ctypes.get_errno() if result == -1 else result


def ioctl(fd: int, request: int, argument: int | bytes = 0) -> tuple[int, bytes]:
    """ioctl(2) with a number or a structure; its result, and the structure as the kernel left it.

    OSError on failure.  (Python's fcntl module does not exist where this package must still import.)
    """
    if isinstance(argument, int):
        return checked(call("ioctl", fd, request, argument), f"ioctl {request:#x}"), b""
    buffer = ctypes.create_string_buffer(argument, len(argument))
    result = checked(call("ioctl", fd, request, ctypes.addressof(buffer)), f"ioctl {request:#x}")
    return result, buffer.raw


def outcome(result: int) -> str:
    """'ok' for a success, the error's name ('EFAULT') for ``-errno``; counts are left out on purpose."""
    return "ok" if result >= 0 else errno.errorcode.get(-result, str(result))


def checked(result: int, what: str) -> int:
    """``result``, or OSError naming ``what`` when it is ``-errno``."""
    if result < 0:
        raise OSError(-result, f"{what}: {os.strerror(-result)}")
    return result
