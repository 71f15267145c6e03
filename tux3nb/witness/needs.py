"""Capability probes: each says in one phrase why something is missing here, or None when it is there."""

import ctypes
import errno
import importlib.util
import os
import shutil
import sys
from pathlib import Path

from tux3nb.witness.low.mounts import file_system_of, mount
from tux3nb.witness.low.syscalls import call, checked, machine_known, syscall

_CAP_SYS_PTRACE, _CAP_SYS_ADMIN = 19, 21
_CLONE_NEWUSER, _CLONE_NEWNS = 0x10000000, 0x00020000
_MEMORY_FILE_SYSTEMS = ("tmpfs", "ramfs", "devtmpfs", "rootfs")
_REMOTE_FILE_SYSTEMS = (
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "9p",
    "virtiofs",
    "fuse",
    "fuse.sshfs",
    "ceph",
    "vboxsf",
)


def missing(needs, scratch: str, invasive: bool) -> str | None:
    """The first reason why one of ``needs`` is not met, or None.

    Meant for a process of its own: some probes open devices or make a system call that a sandbox may dislike.
    """
    if not sys.platform.startswith("linux"):
        return "not Linux"
    if not machine_known():
        return "the system call numbers of this processor are not in the table"
    for need in needs:
        kind, _, argument = need.partition(":")
        reason = _PROBES[kind](argument or scratch, invasive)
        if reason:
            return reason
    return None


def known_needs() -> tuple[str, ...]:
    """The words that Witness.needs may use ('tool:mkfs.xfs' and 'module:lmdb' carry an argument)."""
    return tuple(_PROBES)


def is_memory_file_system(kind: str) -> bool:
    """True for file systems whose pages never reach a disk."""
    return kind in _MEMORY_FILE_SYSTEMS


def _status_word(key: str) -> str:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return line.split()[1]
    return "0"


def _has_capability(number: int) -> bool:
    in_initial_namespace = Path("/proc/self/uid_map").read_text().split() == ["0", "0", "4294967295"]
    return in_initial_namespace and bool(int(_status_word("CapEff"), 16) >> number & 1)


def has_root() -> bool:
    """CAP_SYS_ADMIN in the initial user namespace: what mounting a disk and reading frame numbers takes."""
    try:
        return _has_capability(_CAP_SYS_ADMIN)
    except OSError:
        return False


def _root(_argument, _invasive):
    if has_root():
        return None
    return "root in a container without CAP_SYS_ADMIN" if os.geteuid() == 0 else "not root"


def _disk(scratch, _invasive):
    kind = file_system_of(scratch)
    if is_memory_file_system(kind):
        return f"the scratch folder is on {kind}, not on a disk (give --scratch DIR)"
    if kind in _REMOTE_FILE_SYSTEMS:
        return f"the scratch folder is on {kind}, whose page cache follows other rules (give --scratch DIR)"
    return None


def _ptrace(_argument, _invasive):
    try:
        scope = int(Path("/proc/sys/kernel/yama/ptrace_scope").read_text())
    except OSError:
        return None
    allowed = scope < 2 or (scope == 2 and _has_capability(_CAP_SYS_PTRACE))
    return None if allowed else f"kernel.yama.ptrace_scope is {scope}"


def _frames(_argument, _invasive):
    if reason := _root("", False):
        return f"frame numbers are hidden ({reason})"
    return None if os.access("/proc/kpageflags", os.R_OK) else "no /proc/kpageflags"


def _call_probe(what: str, result: int) -> str | None:
    if result >= 0:
        return None
    name = errno.errorcode.get(-result, str(-result))
    why = {"ENOSYS": "not in this kernel", "EPERM": "forbidden here (container or sysctl)"}.get(name, name)
    return f"{what}: {why}"


def _opened(what: str, result: int) -> str | None:
    if result >= 0:
        os.close(result)
    return _call_probe(what, result)


def _io_uring(_argument, _invasive):
    parameters = (ctypes.c_uint32 * 30)()
    return _opened("io_uring_setup", syscall("io_uring_setup", 1, ctypes.byref(parameters)))


def _aio(_argument, _invasive):
    context = ctypes.c_ulong(0)
    result = syscall("io_setup", 1, ctypes.byref(context))
    if result >= 0:
        syscall("io_destroy", context.value)
    return _call_probe("io_setup", result)


def _write_scan(_argument, _invasive):
    from tux3nb.witness.low.memory import Region
    from tux3nb.witness.low.writescan import WriteScan

    region = Region(1)
    try:
        WriteScan(region.start, region.length).close()
    except OSError as error:
        return f"no asynchronous write protection (Linux 6.7): {error.strerror}"
    finally:
        region.close()
    return None


def _huge_pages(_argument, _invasive):
    if not Path("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size").exists():
        return "kernel without transparent huge pages"
    return None


def _fuse(scratch, _invasive):
    if not os.path.exists("/dev/fuse"):
        return "no /dev/fuse (container, or kernel without FUSE)"
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except PermissionError:
        return f"/dev/fuse is closed to uid {os.geteuid()}"
    except OSError as error:
        return f"/dev/fuse does not open: {error.strerror}"
    return None if has_root() else _user_namespace(scratch)


def _user_namespace(folder: str) -> str | None:
    """Try in a child whether a user namespace lets us mount (some systems give one without that power)."""
    child = os.fork()
    if child == 0:
        code = 0
        try:
            enter_user_namespace()
            mount("none", folder, "tmpfs")
        except OSError as error:
            code = error.errno
        os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return _call_probe("mounting in a user namespace", -code)


def enter_user_namespace() -> None:
    """Move this process into a user and mount namespace of its own, where it may mount FUSE."""
    user, group = os.geteuid(), os.getegid()
    checked(call("unshare", _CLONE_NEWUSER | _CLONE_NEWNS), "unshare")
    Path("/proc/self/setgroups").write_text("deny")  # the kernel's condition for mapping a group
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def _loop(_argument, _invasive):
    if os.path.exists("/dev/loop-control"):
        return None
    return "no /dev/loop-control (container, or no loop driver)"


def _throttle(_argument, invasive):
    from tux3nb.witness.low.throttle import unavailable

    return unavailable(invasive)


def _tool(name, _invasive):
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    return None if shutil.which(name, path=path) else f"{name} is not installed"


def _module(name, _invasive):
    return None if importlib.util.find_spec(name) else f"Python module {name} is not installed"


def _uprobes(_argument, _invasive):
    if os.path.exists("/sys/bus/event_source/devices/uprobe/type"):
        return None
    return "kernel without uprobes as perf events"


def _bpf(_argument, _invasive):
    return None if os.path.exists("/sys/kernel/btf/vmlinux") else "kernel without BPF type information (BTF)"


def _ksm(_argument, _invasive):
    return None if os.path.exists("/sys/kernel/mm/ksm/run") else "kernel without KSM"


def _invasive(_argument, invasive):
    return None if invasive else "changes a system-wide setting for a moment (give --invasive)"


_PROBES = {
    "root": _root,
    "disk": _disk,
    "ptrace": _ptrace,
    "frames": _frames,
    "io_uring": _io_uring,
    "aio": _aio,
    "writescan": _write_scan,
    "hugepages": _huge_pages,
    "fuse": _fuse,
    "loop": _loop,
    "throttle": _throttle,
    "tool": _tool,
    "module": _module,
    "uprobes": _uprobes,
    "bpf": _bpf,
    "ksm": _ksm,
    "invasive": _invasive,
}
