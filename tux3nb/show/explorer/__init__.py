"""The explorer: policy features as toggles, a run step by step, who holds which folio, the verdict with its reason.

The widget needs anywidget and is imported only when asked for; the exported page needs none of it.
"""

from typing import Any

from tux3nb.show.explorer.document import document_answer, document_head, pack, unpack
from tux3nb.show.explorer.page import fallback_html, page_assets, plain_text, static_html

__all__ = [
    "CaseChoice",
    "Explorer",
    "document_answer",
    "document_head",
    "fallback_html",
    "pack",
    "page_assets",
    "plain_text",
    "static_html",
    "unpack",
]


def __getattr__(name: str) -> Any:
    if name in ("CaseChoice", "Explorer"):
        from tux3nb.show.explorer.widget import CaseChoice, Explorer

        return {"CaseChoice": CaseChoice, "Explorer": Explorer}[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
