"""`tux3nb lab`: JupyterLab on the notebooks, without its news and update popups."""

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

from tux3nb.paths import in_checkout, notebooks_dir, writable_folder, write_whole
from tux3nb.report.browser import is_root
from tux3nb.report.places import all_notebooks
from tux3nb.safepath import child_environment

CONFIG = Path(__file__).with_name("lab_config")
PATIENCE = 10  # seconds that JupyterLab has to end its kernels


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "--dir", type=Path, metavar="DIR", help="where the notebooks are, or are copied to when there are none"
    )
    parser.add_argument("--port", type=int, default=8888, metavar="N", help="port to try first (default: 8888)")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")


def lab_folder(wanted: Path | None) -> Path:
    """Return a writable folder with the notebooks: the checkout's, else a copy that is never overwritten."""
    source = notebooks_dir()
    if wanted is None and in_checkout() and source.is_dir():
        return source
    folder = writable_folder(wanted or Path("tux3nb-notebooks"))
    for notebook in all_notebooks(source):
        if not (folder / notebook.name).exists():
            write_whole(folder / notebook.name, notebook.read_bytes())
    return folder


def lab_environment() -> dict[str, str]:
    """Return the environment for JupyterLab: its defaults here are without popups."""
    path = os.pathsep.join(part for part in (str(CONFIG), os.environ.get("JUPYTER_CONFIG_PATH")) if part)
    return {**child_environment(), "JUPYTER_CONFIG_PATH": path}


def lab_command(folder: Path, port: int, browser: bool) -> list[str]:
    """Return the command line of JupyterLab."""
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder.resolve()}", f"--port={port}"]
    if not browser:
        command.append("--no-browser")
    if is_root():
        command.append("--allow-root")
    return command


def run(args: argparse.Namespace) -> int:
    """Start JupyterLab and stay until it ends; Ctrl-C ends it, with its kernels, without asking.

    It starts in this package's folder, because it reads its configuration, which is Python, from where it starts.
    Its group of processes is its own, so that a terminal's Ctrl-C reaches this process alone, which then ends it as
    JupyterLab wants to be ended.
    """
    command = lab_command(lab_folder(args.dir), args.port, not args.no_browser)
    alone = {"process_group": 0} if os.name == "posix" else {}
    for name in ("SIGTERM", "SIGHUP"):
        if (number := getattr(signal, name, None)) and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _leave)
    lab = subprocess.Popen(command, env=lab_environment(), cwd=CONFIG, stdin=subprocess.DEVNULL, **alone)
    try:
        return lab.wait()
    finally:
        if lab.poll() is None:
            lab.terminate()
            try:
                lab.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                lab.kill()
                lab.wait()


def _leave(number: int, _frame):
    """Somebody ends this process, or has closed its terminal: what it has started ends, too."""
    raise SystemExit(128 + number)
