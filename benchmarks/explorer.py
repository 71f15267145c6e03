"""From a press to the repaint in the explorer: median and 95th percentile, in a page and in JupyterLab.

``python -m benchmarks.explorer [CASE] [--presses N] [--lab]`` prints one line for each kind of press. The time is what
a reader waits: from the click to the frame in which the answer is painted. Needs Playwright and a Chromium.
"""

import argparse
import random
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.browser.driver import write
from tests.browser.servers import ARGS, jupyterlab, open_notebook, run_all
from tux3nb.catalogue import find
from tux3nb.report.browser import chromium_path
from tux3nb.show.explorer.answers import CaseSource

_PRESS = """async (section, key) => {
  const el = section.querySelector(`[data-key="${key}"]`);
  const begin = performance.now();
  el.click();
  while (section.getAttribute('aria-busy')) await new Promise(done => setTimeout(done));
  await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
  return performance.now() - begin;
}"""
_KEYS = """section => [...section.querySelectorAll('button[data-key]:not([disabled])')]
  .filter(one => one.checkVisibility()).map(one => one.dataset.key)"""
KINDS = {
    "policy": ("chip-", "value-"),
    "step": ("back", "on", "effect-"),
    "property": ("bar-",),
    "other view": ("tab-",),
}


def measured(section: Any, presses: int) -> dict[str, list[float]]:
    """Milliseconds of random presses of each kind, the same ones each time."""
    rng = random.Random(7)
    found: dict[str, list[float]] = {}
    for kind, starts in KINDS.items():
        times = found.setdefault(kind, [])
        while len(times) < presses:
            if kind == "policy" and len(times) % 2:
                section.evaluate(_PRESS, rng.choice([k for k in section.evaluate(_KEYS) if k.startswith("word-")]))
            keys = [k for k in section.evaluate(_KEYS) if k.startswith(starts)]
            times.append(section.evaluate(_PRESS, rng.choice(keys)))
    return found


def tell(where: str, found: dict[str, list[float]]) -> None:
    for kind, times in found.items():
        p95 = statistics.quantiles(times, n=20)[-1]
        print(f"{where:5} {kind:11} median {statistics.median(times):5.0f} ms   p95 {p95:5.0f} ms   n {len(times)}")


def in_page(browser: Any, case: str, presses: int, place: Path) -> None:
    page = browser.new_page(viewport={"width": 1366, "height": 768})
    page.goto(write(place / "case.html", [CaseSource(find(case)).document()]))
    section = page.locator("tux-explorer section.tx")
    section.locator(".list [role=option]").first.wait_for()
    tell("page", measured(section, presses))


def in_lab(browser: Any, case: str, presses: int, place: Path) -> None:
    with jupyterlab(place) as (address, folder):
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        open_notebook(page, address, folder, f"from tux3nb.notebook import explorer\nexplorer({case!r})")
        section = page.locator(".tux-live section.tx")
        run_all(page, section.locator(".list [role=option]").first)
        tell("Lab", measured(section, presses))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", nargs="?", default="rdma")
    parser.add_argument("--presses", type=int, default=40, help="of each kind (40)")
    parser.add_argument("--lab", action="store_true", help="in JupyterLab, too")
    wanted = parser.parse_args()
    hosts: list[Callable] = [in_page, *([in_lab] if wanted.lab else [])]
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=ARGS)
        for host in hosts:
            host(browser, wanted.case, wanted.presses, Path(folder))
        browser.close()


if __name__ == "__main__":
    main()
