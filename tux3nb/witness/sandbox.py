"""The tool's side of running one witness: starts the supervisor, reads its document, judges."""

import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from tux3nb.errors import UserError
from tux3nb.safepath import safe_path
from tux3nb.witness.base import Report, Verdict, Witness, judge
from tux3nb.witness.low.mounts import file_system_of
from tux3nb.witness.needs import is_memory_file_system

# What the supervisor may need beyond the experiment's own limit: unmounting a slow device, syncing.
_CLEANUP_SECONDS = 30.0
# It may run as root, so it is started isolated (-I): no module comes from the current folder.
_BOOTSTRAP = (
    "import json,sys; request=json.loads(sys.stdin.buffer.raw.readline()); sys.path[:]=request['path']; "
    "from tux3nb.witness.supervisor import main; main(request)"
)


def choose_scratch(asked: str | os.PathLike | None) -> str:
    """The folder for experiments: ``asked``, or the first of /var/tmp, home and cwd that is on a disk.

    UserError names an asked folder that is missing or closed.  Without any disk the system's temporary
    folder is returned, where the experiments that need a disk will skip.
    """
    if asked is not None:
        if not Path(asked).is_dir():
            raise UserError(f"--scratch: no folder {asked}")
        if not os.access(asked, os.W_OK | os.X_OK):
            raise UserError(f"--scratch: cannot write in {asked}")
        return os.path.realpath(asked)
    for folder in ("/var/tmp", os.path.expanduser("~"), os.getcwd()):
        usable = os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK)
        if usable and not is_memory_file_system(file_system_of(folder)):
            return os.path.realpath(folder)
    return os.path.realpath(tempfile.gettempdir())


def scratch_notice(scratch: str) -> str | None:
    """A sentence when ``scratch`` lies in memory, else None."""
    kind = file_system_of(scratch)
    if not is_memory_file_system(kind):
        return None
    return f"scratch folder {scratch} is on {kind}: what needs a disk is skipped (use --scratch DIR)"


def run_one(witness: Witness, scratch: str, invasive: bool = False, timeout: float | None = None) -> Report:
    """Run one witness to its Report; never raises for what the experiment does."""
    if not sys.platform.startswith("linux"):
        return Report(witness, Verdict.SKIPPED, "not Linux")
    from tux3nb.witness.journal import new_folder, release

    folder, lock = new_folder(scratch)
    try:
        outcome = _ask_supervisor(_request(witness, folder, lock, invasive, timeout), lock)
    finally:
        os.close(lock)
        problems = release(folder)  # the supervisor has done it, unless it was killed or failed
    report = _report(witness, outcome)
    if problems:
        report.reason += "; cleaning up: " + "; ".join(problems)
        report.finished = False
    return report


def _request(witness: Witness, folder: str, lock: int, invasive: bool, timeout: float | None) -> dict:
    return {
        "module": witness.function.__module__,
        "function": witness.function.__qualname__,
        "needs": list(witness.needs),
        "folder": folder,
        "lock": lock,
        "invasive": invasive,
        "timeout": timeout or witness.timeout,
        "path": safe_path(),
    }


def _ask_supervisor(request: dict, lock: int) -> dict:
    """The supervisor's document; {'unfinished': ...} when it died or hangs itself."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", _BOOTSTRAP],
        pass_fds=(lock,),
        start_new_session=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    # A wrong supervisor must not hang the tool: beyond every limit of its own it is killed.
    watchdog = threading.Timer(request["timeout"] + _CLEANUP_SECONDS, process.kill)
    watchdog.start()
    try:
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.flush()
        document = process.stdout.read()
        errors = process.stderr.read().decode(errors="replace").strip()
    finally:
        process.stdin.close()  # the sign to give up, should we leave early
        process.wait()
        watchdog.cancel()
    try:
        return json.loads(document)
    except ValueError:
        last = errors.splitlines()[-1] if errors else f"code {process.returncode}"
        return {"unfinished": f"the supervisor died: {last}"}


def _report(witness: Witness, outcome: dict) -> Report:
    file_system, seconds = outcome.get("file_system", "unknown"), outcome.get("seconds", 0.0)
    common = {"file_system": file_system, "seconds": seconds}
    if "skipped" in outcome:
        return Report(witness, Verdict.SKIPPED, outcome["skipped"], **common)
    if "inconclusive" in outcome:
        return Report(witness, Verdict.UNKNOWN, outcome["inconclusive"], **common)
    if "observed" in outcome:
        observed = outcome["observed"]
        verdict, reason = judge(witness, observed, file_system)
        return Report(witness, verdict, reason, observed, trace=outcome["trace"], **common)
    return Report(witness, Verdict.UNKNOWN, outcome["unfinished"], finished=False, **common)
