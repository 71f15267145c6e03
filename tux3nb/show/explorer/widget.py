"""The explorer as a Jupyter widget: the kernel answers, the browser shows."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import anywidget
import traitlets

from tux3nb.model.features import named_policy
from tux3nb.show.explorer.choice import MANY, Start, in_words, table
from tux3nb.show.explorer.document import document_answer, document_head
from tux3nb.show.explorer.page import choice_html, explorer_css, fallback_html, plain_text, static_html

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
    matrix_of = traitlets.Unicode("").tag(sync=True)
    matrix = traitlets.Dict().tag(sync=True)
    cases = traitlets.List().tag(sync=True)
    chosen = traitlets.Unicode("").tag(sync=True)

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

    @traitlets.observe("matrix_of")
    def _matrix_wanted(self, change: Mapping[str, Any]) -> None:
        """Give the named policies' verdicts when the view first shows them: one exploration, but of many policies."""
        self.matrix = {"case": change["new"], "rows": self._named_verdicts()}

    def _named_verdicts(self) -> dict[str, Any]:
        from tux3nb.show.explorer.answers import CaseSource
        from tux3nb.show.explorer.matrix import named_verdicts

        if isinstance(self._source, CaseSource):
            return named_verdicts(self._source)
        answers = {p["id"]: self._source.answer(p["policy"])["class"] for p in self.head["presets"]}
        return {
            name: {"verdict": a["verdict"], "rows": {row["property"]: row["verdict"] for row in a["rows"]}}
            for name, a in answers.items()
            if a is not None
        }

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
        text = self._told(plain_text(here, answer) if "class" in answer else answer.get("error", ""), as_html=False)
        if os.environ.get("TUX3NB_STATIC") == "1":
            return {"text/html": self.static_html(), "text/plain": text}, {}
        still = self._told(fallback_html(here, answer) if "class" in answer else "", as_html=True)
        return {_VIEW: data[_VIEW], "text/html": still, "text/plain": text}, metadata

    def _told(self, view: str, as_html: bool) -> str:
        """Return what stands where the widget can't: the view."""
        return view


class CaseChoice(Explorer):
    """The explorers of several cases, one at a time; `name` tells it from others in a page's address."""

    def __init__(self, name: str, starts: Sequence[Start], **kwargs: Any) -> None:
        self._name = name
        self._starts = {start.case.name: start for start in starts}
        self._sources: dict[str, Source] = {}
        first = starts[0]
        told = [
            {"name": s.case.name, "title": s.case.title, "family": s.case.family, "verdict": s.verdict} for s in starts
        ]
        super().__init__(
            self._source_of(first.case.name),
            policy=named_policy(first.policy),
            property=first.property,
            cases=told,
            chosen=first.case.name,
            **kwargs,
        )

    def _source_of(self, name: str) -> Source:
        if name not in self._sources:
            self._sources[name] = self._starts[name].source(MANY)
        return self._sources[name]

    def _start_of(self, name: str) -> dict[str, Any]:
        start = self._starts[name]
        return {"policy": named_policy(start.policy), "property": start.property, "step": None}

    @traitlets.observe("chosen")
    def _case_chosen(self, change: Mapping[str, Any]) -> None:
        """Show another case, from its own start."""
        name = change["new"]
        if name not in self._starts or name == self.head["case"]["name"]:
            return
        self._source, start = self._source_of(name), self._start_of(name)
        with self.hold_sync():
            self.head = {**self._source.document_head, "start": start}
            self.policy, self.property, self.step = start["policy"], start["property"], None
            self.answer = self._ask(start["policy"])

    def static_html(self) -> str:
        """Return all the explorers for a page without a kernel, each starting where a named policy is broken."""
        starts = self._starts.items()
        documents = [{**start.source().document(), "start": self._start_of(name)} for name, start in starts]
        return choice_html(self._name, documents, self.cases, table(self._starts.values()))

    def _told(self, view: str, as_html: bool) -> str:
        """Return the cases, each with its shortest broken run and what holds, and the view of the first."""
        starts = list(self._starts.values())
        return (table(starts) if as_html else in_words(starts) + "\n\n") + view
