"""The explorer: a policy as a sentence, a run as lanes, the bytes and who looks at them, the verdict with its reason.

The widget needs anywidget and is imported only when asked for; the exported page needs none of it.
"""

from typing import Any

from tux3nb.show.explorer.page import page_assets, static_html

__all__ = ["CaseChoice", "Explorer", "page_assets", "static_html"]


def __getattr__(name: str) -> Any:
    if name in ("CaseChoice", "Explorer"):
        from tux3nb.show.explorer.widget import CaseChoice, Explorer

        return {"CaseChoice": CaseChoice, "Explorer": Explorer}[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
