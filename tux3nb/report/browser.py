"""A Chromium, where there is one: it prints pages, and drives the browser tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tux3nb.errors import UserError
from tux3nb.safepath import child_environment

ARGS = """
    --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update
    --disable-sync --disable-dev-shm-usage
""".split()
PRINT_SECONDS = 180


def chromium_path() -> str | None:
    """The browser to use: $TUX3NB_CHROMIUM, else one on the PATH."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return os.environ.get("TUX3NB_CHROMIUM") or next((path for name in names if (path := shutil.which(name))), None)


def need_chromium() -> str:
    """The same; UserError, with what to do, where there is none."""
    path = chromium_path()
    if path is None or shutil.which(path) is None:
        looked = f"{path} is none" if path else "none is on the PATH"
        raise UserError(f"printing takes Chromium or Chrome, and {looked}: install it, or name it in TUX3NB_CHROMIUM")
    return path


def print_page(browser: str, page: Path, pdf: Path) -> None:
    """Print a page of this machine to a PDF file, with no network; UserError where the browser does not do it."""
    with tempfile.TemporaryDirectory() as profile:
        target = Path(profile) / "page.pdf"
        command = [browser, "--headless", *ARGS, *(["--no-sandbox"] if is_root() else [])]
        command += [f"--user-data-dir={profile}", "--host-resolver-rules=MAP * ~NOTFOUND", "--no-pdf-header-footer"]
        command += [f"--print-to-pdf={target}", page.resolve().as_uri()]
        try:
            done = subprocess.run(
                command, capture_output=True, timeout=PRINT_SECONDS, env=child_environment(), check=False
            )
            said = done.stderr.decode(errors="replace").strip().splitlines()
        except (OSError, subprocess.TimeoutExpired) as error:
            said = [str(error)]
        if not target.is_file():
            raise UserError(f"{browser} did not print {page}{f': {said[-1]}' if said else ''}")
        shutil.move(target, pdf)


def is_root() -> bool:
    """Whether root started this: Chromium and JupyterLab want to be told that it is meant."""
    return hasattr(os, "geteuid") and os.geteuid() == 0
