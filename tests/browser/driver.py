"""Pages with explorers, and what a test asks of one that is on the screen."""

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tux3nb.show.explorer.assets import css, module

CSP = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def packed(document: Mapping[str, Any]) -> str:
    """The <script> with a document, as a page carries it."""
    data = base64.b64encode(gzip.compress(json.dumps(document).encode(), 9, mtime=0)).decode()
    case = document["case"]
    return (
        f'<script type="application/json" data-case="{case["name"]}" data-title="{case["title"]}" '
        f'data-family="{case["family"]}" data-verdict="VIOLATED">{json.dumps(data)}</script>'
    )


def page_of(*explorers: Sequence[Mapping[str, Any]]) -> str:
    """A page like a report's: an explorer for each list of documents, more than one document being a choice."""
    inside = ["".join(map(packed, documents)) for documents in explorers]
    elements = "".join(f"<tux-explorer><p>static</p>{scripts}</tux-explorer>" for scripts in inside)
    style = json.dumps(css()).replace("</", "<\\/")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>explorers</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{CSP}">'
        f'<meta name="viewport" content="width=device-width"></head>'
        f'<body style="margin: 8px 24px"><main><h1 style="margin: 0; font-size: 18px">Explorers</h1>'
        f'<h2 id="heading">A heading</h2>{elements}</main>'
        f'<script type="application/json" id="tux-explorer-css">{style}</script>'
        f'<script type="module">{module()}</script>'
        f"</body></html>"
    )


def write(path: Path, *explorers: Sequence[Mapping[str, Any]]) -> str:
    """Write such a page; gives its address."""
    path.write_text(page_of(*explorers), encoding="utf-8")
    return path.as_uri()


class Driver:
    """One explorer of a page."""

    def __init__(self, page, number: int = 0):
        self.page = page
        self.el = page.locator("tux-explorer").nth(number)
        self.el.locator(".count").wait_for()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.el, name)

    def press(self, key: str) -> None:
        """Press the control of this name."""
        self.el.locator(f'[data-key="{key}"]').first.click()

    def text(self, selector: str) -> str:
        return " ".join(self.el.locator(selector).first.inner_text().split())

    @property
    def verdict(self) -> str:
        return self.text(".verdict")

    @property
    def trouble(self) -> str:
        return self.el.locator(".trouble").text_content()

    @property
    def step(self) -> str:
        return self.text(".count")

    def choose(self, feature: str, value: str) -> None:
        """Give a feature another value, as a reader does."""
        if not self.el.locator(f'[data-key="word-{feature}"]').count():
            self.press("more")
        self.press(f"word-{feature}")
        self.press(f"value-{value}")

    def keys(self) -> list[str]:
        """The names of all buttons and links that are on the screen now."""
        return self.el.evaluate(
            """el => [...el.shadowRoot.querySelectorAll('button[data-key]:not([disabled])')]
               .filter(one => one.checkVisibility()).map(one => one.dataset.key)"""
        )

    def focused(self) -> str:
        """What has the keyboard's focus: its name, or its class."""
        return self.el.evaluate(
            "el => { const a = el.shadowRoot.activeElement; return a ? a.dataset.key || a.className : '' }"
        )

    def shows_a_run(self) -> None:
        """A run is on the screen: steps in the lanes, and bytes or what stands in their place."""
        assert self.el.locator(".list [role=option]").count() > 0
        assert self.el.locator(".panel").inner_text().strip() or self.el.locator(".panel svg").count()
        assert self.verdict
        assert self.el.locator(".list").is_visible()

    def marks(self) -> int:
        """How many broken things are marked in the bytes and at the lanes' ends: two joined cells are one."""
        return self.el.evaluate(
            """el => { const all = (css) => el.shadowRoot.querySelectorAll(css).length;
               const cells = all('.bytes td.broken'), joined = all('.unlike');
               return cells - joined + all('.seen .broken') + all('tr.broken') + all('.end.broken'); }"""
        )
