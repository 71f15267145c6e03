"""A Chromium and a JupyterLab, for tests and for the benchmark of the explorer."""

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat

from tux3nb.report import browser

ARGS = ["--no-sandbox", *browser.ARGS]


@contextmanager
def jupyterlab(place: Path) -> Iterator[tuple[str, Path]]:
    """A JupyterLab without a token on ``place/notebooks``: its address and that folder.

    Raises RuntimeError if it ends early.
    """
    from tux3nb.report.lab import lab_command, lab_environment

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = place / "notebooks"
    folder.mkdir()
    command = [*lab_command(folder, port, browser=False), "--ServerApp.token=", "--ServerApp.ip=127.0.0.1"]
    address, log = f"http://127.0.0.1:{port}", place / "lab.log"
    with open(log, "w") as out:
        server = subprocess.Popen(command, env=lab_environment(), stdout=out, stderr=out, cwd=place)
        try:
            _wait(server, address, log)
            yield address, folder
        finally:
            server.terminate()
            try:
                server.wait(15)
            except subprocess.TimeoutExpired:
                server.kill()


def _wait(server: subprocess.Popen, address: str, log: Path) -> None:
    for _ in range(240):
        if server.poll() is not None:
            raise RuntimeError(f"JupyterLab ended: {log.read_text()[-800:]} ({sys.executable})")
        try:
            urllib.request.urlopen(f"{address}/api", timeout=2)
            return
        except OSError:
            time.sleep(0.25)


def new_notebook(*sources: str) -> nbformat.NotebookNode:
    """A notebook for the Python kernel with these code cells."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nb = nbformat.v4.new_notebook(metadata={"kernelspec": kernel})
    nb.cells = [nbformat.v4.new_code_cell(source) for source in sources]
    return nb


def open_notebook(page: Any, address: str, folder: Path, *sources: str) -> None:
    """Open a notebook with these cells in JupyterLab and wait until its kernel is ready."""
    nbformat.write(new_notebook(*sources), folder / "w.ipynb")
    page.goto(f"{address}/lab/tree/w.ipynb")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=90_000)
    page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']").wait_for(timeout=90_000)


def run_all(page: Any, shown: Any) -> None:
    """Run all cells until something is shown; too early a run makes JupyterLab ask for a kernel, so try again."""
    accept = page.locator(".jp-Dialog .jp-mod-accept")
    for _ in range(4):
        page.wait_for_timeout(2_000)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).first.click()
        for _ in range(120):
            if shown.is_visible():
                return
            if accept.is_visible():
                accept.click()
                break
            page.wait_for_timeout(250)
    raise RuntimeError(page.locator(".jp-NotebookPanel:visible").inner_text())
