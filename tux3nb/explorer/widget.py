"""The explorer as a Jupyter widget: the kernel answers, the browser shows."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import anywidget
import traitlets

from tux3nb.explorer.document import document_answer, document_head
from tux3nb.explorer.page import explorer_css, fallback_html, plain_text, static_html

_STATIC = Path(__file__).with_name("static")
_VIEW = "application/vnd.jupyter.widget-view+json"


class Source(Protocol):
    """What the widget asks: the head once, an answer for each policy, the whole document for an export."""

    document_head: Mapping[str, Any]

    def answer(self, policy: Mapping[str, str]) -> Mapping[str, Any]: ...

    def document(self) -> Mapping[str, Any]: ...


class _FromDocument:
    """A source that looks everything up in a full document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self.document_head = document_head(document)

    def answer(self, policy: Mapping[str, str]) -> dict[str, Any]:
        return document_answer(self._document, policy)

    def document(self) -> Mapping[str, Any]:
        return self._document


class Explorer(anywidget.AnyWidget):
    """The explorer of one case. `source` is a full document or an object as `Source` says.

    `policy`, `property` and `step` can be read and set from Python while the explorer is on the screen.
    """

    _esm = _STATIC / "explorer.js"
    head = traitlets.Dict().tag(sync=True)
    css = traitlets.Unicode().tag(sync=True)
    policy = traitlets.Dict().tag(sync=True)
    property = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    step = traitlets.Int(None, allow_none=True).tag(sync=True)
    answer = traitlets.Dict().tag(sync=True)

    def __init__(self, source: Mapping[str, Any] | Source, **kwargs: Any) -> None:
        self._source = _FromDocument(source) if isinstance(source, Mapping) else source
        head = dict(self._source.document_head)
        start = head["start"] | {key: kwargs.pop(key) for key in ("property", "step") if key in kwargs}
        start["policy"] = head["start"]["policy"] | dict(kwargs.pop("policy", {}))
        head["start"] = start
        super().__init__(
            head=head,
            css=explorer_css(),
            policy=start["policy"],
            property=start.get("property"),
            step=start.get("step"),
            answer=self._ask(start["policy"]),
            **kwargs,
        )

    def _ask(self, policy: Mapping[str, str]) -> dict[str, Any]:
        """Return the source's answer with the policy it is for, or the error in words, so that the view can show it."""
        try:
            return {"policy": dict(policy), **self._source.answer(policy)}
        except Exception as error:  # the view is the only place where it can be seen
            return {"policy": dict(policy), "error": f"{type(error).__name__}: {error}"}

    @traitlets.observe("policy")
    def _policy_changed(self, change: Mapping[str, Any]) -> None:
        if self.answer.get("policy") != change["new"]:
            self.answer = self._ask(change["new"])

    def static_html(self) -> str:
        """Return the explorer for a page without a kernel, starting where this one stands."""
        start = {"policy": self.policy, "property": self.property, "step": self.step}
        return static_html({**self._source.document(), "start": start})

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Add to the widget view a still image for forges and plain text; in a report, give the offline explorer."""
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        start = {"policy": self.policy, "property": self.property, "step": self.step}
        here, answer = {**self.head, "start": start}, self.answer
        text = plain_text(here, answer) if "class" in answer else answer.get("error", "")
        if os.environ.get("TUX3NB_STATIC") == "1":
            return {"text/html": self.static_html(), "text/plain": text}, {}
        still = fallback_html(here, answer) if "class" in answer else ""
        return {_VIEW: data[_VIEW], "text/html": still, "text/plain": text}, metadata
