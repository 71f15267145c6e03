"""One experiment's process and the supervisor process that bounds it in time and cleans up after it.

The supervisor is a child of the tool; it forks the experiment into a process group of its own.  Whatever
happens (the end, a crash, the time limit, the tool being killed, which shows as end of file on standard
input), it kills the group, releases the journal and prints one JSON document.
"""

import errno
import importlib
import json
import os
import select
import sys
import time
import traceback
from pathlib import Path

from tux3nb.witness.base import Inconclusive, Skip
from tux3nb.witness.journal import Journal, die_with_parent, process_started, release
from tux3nb.witness.low.mounts import file_system_of
from tux3nb.witness.needs import enter_user_namespace, has_root, missing

# Errors by which a kernel, a sandbox or a sysctl says that an experiment is not wanted.
_REFUSALS = {
    errno.EPERM: "forbidden here",
    errno.EACCES: "forbidden here",
    errno.ENOSYS: "not in this kernel",
    errno.EOPNOTSUPP: "not in this kernel",
}


class Run:
    """What an experiment function gets.

    ``folder`` is its scratch folder; ``journal`` is for what it takes from the system; ``file_system`` is the
    type it works on (a Volume changes it to its own); ``trace`` may be set to what goes to data/traces.
    """

    def __init__(self, folder: str):
        self.folder = Path(folder)
        self.journal = Journal(folder)
        self.file_system = file_system_of(folder)
        self.trace: dict | None = None

    def new_file(self, name: str, pages: int, folder: Path | None = None) -> int:
        """A read-write descriptor of a fresh, clean file; page i starts with the bytes 'page000i'.

        The pages are written one by one with an fsync between, because one large write makes large folios,
        whose dirty and writeback bits cover all their pages.
        """
        page_size = os.sysconf("SC_PAGE_SIZE")
        fd = os.open((folder or self.folder) / name, os.O_RDWR | os.O_CREAT, 0o600)
        for page in range(pages):
            os.pwrite(fd, (b"page%04d" % page) * (page_size // 8), page * page_size)
            os.fsync(fd)
        return fd


def main(request: dict) -> None:
    """Run ``request`` (made by sandbox.py) and print the outcome document."""
    started = time.monotonic()
    reason = missing(request["needs"], request["folder"], request["invasive"])
    outcome = {"skipped": reason} if reason else _supervise(request)
    outcome.setdefault("file_system", file_system_of(request["folder"]))
    outcome["seconds"] = time.monotonic() - started
    release(request["folder"])  # what fails here the tool tries again, and reports
    sys.stdout.write(json.dumps(outcome) + "\n")
    sys.stdout.flush()


def _supervise(request: dict) -> dict:
    result, writer = os.pipe()
    log = Path(request["folder"]) / "log"
    child = os.fork()
    if child == 0:
        os.close(request["lock"])
        os.close(result)
        _experiment(request, writer, log)
    os.close(writer)
    os.setpgid(child, child)
    Journal(request["folder"]).add("group", pid=child, started=process_started(child))
    data, ending = _collect(result, child, request["timeout"])
    if ending:
        return {"unfinished": ending}
    return json.loads(data) if data else {"unfinished": _last_words(child, log)}


def _collect(result: int, child: int, timeout: float) -> tuple[bytes, str]:
    """The experiment's line (b'' when it ended without one), and why it had to be given up ('' otherwise)."""
    data, end = b"", time.monotonic() + timeout
    while True:
        left = end - time.monotonic()
        # In slices: when the experiment crashes, a child of its own may keep the pipe open.
        ready, _, _ = select.select([result, 0], [], [], min(max(0.0, left), 0.2))
        if 0 in ready and not os.read(0, 1):
            return b"", "the tool went away"
        if result in ready:
            piece = os.read(result, 1 << 16)
            data += piece
            if data.endswith(b"\n"):
                return data, ""
            if not piece:
                return b"", ""
        elif left <= 0:
            return b"", f"timeout after {timeout:g} s"
        elif os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return b"", ""


def _last_words(child: int, log: Path) -> str:
    """How an experiment without a document ended, with the last line that it wrote."""
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
    last = log.read_text(errors="replace").strip().splitlines()[-1:] if log.exists() else []
    return ": ".join([f"the experiment {how}", *last])


def _experiment(request: dict, writer: int, log: Path) -> None:
    """The experiment's process, from fork to exit."""
    code = 1
    try:
        os.setpgid(0, 0)
        die_with_parent()
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        null = os.open(os.devnull, os.O_RDONLY)
        for fd, target in ((null, 0), (output, 1), (output, 2)):
            os.dup2(fd, target)
        os.chdir(request["folder"])
        if "fuse" in request["needs"] and not has_root():
            enter_user_namespace()
        document = json.dumps(_observe(request)).encode() + b"\n"
        while document:
            document = document[os.write(writer, document) :]
        code = 0
    except BaseException:  # noqa: BLE001  (said on standard error; this process must end here)
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(code)


def _observe(request: dict) -> dict:
    function = getattr(importlib.import_module(request["module"]), request["function"])
    run = Run(request["folder"])
    try:
        observed = function(run)
    except Skip as skip:
        return {"skipped": str(skip)}
    except Inconclusive as doubt:
        return {"inconclusive": str(doubt)}
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        return {"skipped": f"{_REFUSALS[error.errno]}: {error.strerror or error}"}
    return {"observed": observed, "trace": run.trace, "file_system": run.file_system}
