"""A headless Chromium for the browser tests, or a reason to skip them."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tools import check_js

ARGS = """
    --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update
    --disable-sync --disable-dev-shm-usage
""".split()
AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def _missing(reason: str):
    if os.environ.get("TUX3NB_REQUIRE_BROWSER") == "1":
        pytest.fail(f"TUX3NB_REQUIRE_BROWSER is set and {reason}")
    pytest.skip(reason)


def _chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return os.environ.get("TUX3NB_CHROMIUM") or next((path for name in names if (path := shutil.which(name))), None)


@pytest.fixture(scope="session")
def chromium():
    """A running browser."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("playwright is not installed")
    path = _chromium()
    if path is None:
        _missing("there is no Chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    """A page whose errors fail the test and whose requests are recorded; only local addresses are let through."""
    context = chromium.new_context(viewport={"width": 1280, "height": 1000}, color_scheme="light")
    page = context.new_page()
    page.asked, page.errors = [], []

    def gate(route):
        url = route.request.url
        page.asked.append(url)
        local = url.startswith(("file:", "data:", "blob:", "http://127.0.0.1", "http://localhost", "ws://127.0.0.1"))
        route.continue_() if local else route.abort()

    context.route("**/*", gate)
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    yield page
    context.close()
    assert page.errors == []


@pytest.fixture(scope="session")
def axe():
    """A function that gives the findings of axe-core in a page: rule, what is wrong, and where."""
    npm = shutil.which("npm")
    folder = Path(sys.prefix) / "js"
    why = check_js.fetched(folder, npm) if npm else "there is no npm on the PATH"
    if why:
        _missing(why)
    script = (folder / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")

    def findings(page, within=None):
        page.evaluate(script)
        found = page.evaluate("([within, options]) => axe.run(within || document, options)", [within, AXE])
        return [(v["id"], v["help"], [node["target"] for node in v["nodes"]]) for v in found["violations"]]

    return findings


@pytest.fixture
def lab_server(tmp_path):
    """A real JupyterLab on a folder; gives its address and the folder."""
    from tux3nb.report.lab import lab_command, lab_environment

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path / "notebooks"
    folder.mkdir()
    command = [*lab_command(folder, port, browser=False), "--ServerApp.token=", "--ServerApp.ip=127.0.0.1"]
    log = open(tmp_path / "lab.log", "w")
    server = subprocess.Popen(command, env=lab_environment(), stdout=log, stderr=log, cwd=tmp_path)
    address = f"http://127.0.0.1:{port}"
    for _ in range(240):
        if server.poll() is not None:
            pytest.fail(f"JupyterLab ended: {(tmp_path / 'lab.log').read_text()[-800:]} ({sys.executable})")
        try:
            urllib.request.urlopen(f"{address}/api", timeout=2)
            break
        except OSError:
            time.sleep(0.25)
    yield address, folder
    server.terminate()
    try:
        server.wait(15)
    except subprocess.TimeoutExpired:
        server.kill()
    log.close()
