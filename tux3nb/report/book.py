"""All notebooks of a report as one page: their bodies one after the other, with links between them that stay in it."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence

from tux3nb.report.export import SWITCH, Body, document

TITLE = "Page forking, explored by machine"
_ID = re.compile(r'(<[a-z][^<>]*\sid=")([^"]+)(")', re.IGNORECASE)
_NEAR = re.compile(r'(\shref="#|url\(#|\saria-labelledby=")([^")]+)(["\)])')
_FAR = re.compile(r'(\shref=")([^"#:/]+)\.html(?:#([^"]*))?(")')


def book_html(parts: Sequence[tuple[str, str, Body]]) -> str:
    """Return the page of several notebooks; a part is a name such as ``04-rdma``, a title and a body."""
    names = {name for name, _, _ in parts}
    ids = {name: {found[1] for found in _ID.findall(body.html)} for name, _, body in parts}
    items = "".join(f'<li><a href="#{name}">{html.escape(title)}</a></li>' for name, title, _ in parts)
    inside = "".join(
        f'<section class="tux-part" id="{name}">{_moved(body.html, name, names, ids)}</section>'
        for name, _, body in parts
    )
    bodies = [body for _, _, body in parts]
    every = Body("", any(b.explorers for b in bodies), next((b.weights for b in bodies if b.weights), ""))
    return document(
        TITLE,
        every.scripts,
        f'<header class="tux-top"><b>{TITLE}</b>{SWITCH}</header><div class="tux-page">'
        f'<nav class="tux-contents" aria-label="notebooks"><b>Notebooks</b><ol>{items}</ol></nav>'
        f'<main class="tux-main">{inside}</main></div>{every.assets}',
    )


def _moved(body: str, name: str, names: set[str], ids: Mapping[str, set[str]]) -> str:
    """A body whose ids begin with its name, and whose links lead to where things are in the book."""

    def near(found: re.Match) -> str:
        start, target, end = found.groups()
        return f"{start}{f'{name}--{target}' if target in ids[name] else target}{end}"

    def far(found: re.Match) -> str:
        start, page, target, end = found.groups()
        if page not in names:
            return found[0]
        inside = f"{page}--{target}" if target in ids[page] else target or page
        return f"{start}#{inside}{end}"

    body = _ID.sub(lambda found: f"{found[1]}{name}--{found[2]}{found[3]}", body)
    return _FAR.sub(far, _NEAR.sub(near, body))
