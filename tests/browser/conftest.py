"""A headless Chromium for the browser tests, or a reason to skip them."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.browser.servers import ARGS, jupyterlab
from tools import check_js
from tux3nb.report.browser import chromium_path

AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def _missing(reason: str):
    if os.environ.get("TUX3NB_REQUIRE_BROWSER") == "1":
        pytest.fail(f"TUX3NB_REQUIRE_BROWSER is set and {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def chromium():
    """A running browser."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("playwright is not installed")
    path = chromium_path()
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
    with jupyterlab(tmp_path) as server:
        yield server
