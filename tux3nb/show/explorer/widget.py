"""The explorer as a Jupyter widget: the kernel answers, the browser shows.

A cell that shows one has a second output beside the live one: the page's explorer with the runs of the named policies.
It is seen where the live one is not, in a notebook that was saved and opened again, on a forge, in a page.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import anywidget
import traitlets

from tux3nb.errors import UserError
from tux3nb.model.features import named_policy
from tux3nb.show.explorer.answers import CaseSource, source_of
from tux3nb.show.explorer.assets import css, module
from tux3nb.show.explorer.choice import Start, in_words, table
from tux3nb.show.explorer.page import First, choice_html, figure, page_assets, plain_text, static_html

_VIEW = "application/vnd.jupyter.widget-view+json"
# Jupyter's own classes: the saved explorer is shown only where no live one is, and then instead of the widget's error.
_SAVED = (
    "<style>.tux-saved{display:none}"
    ".jp-OutputArea:not(:has(.tux-live)) .tux-saved{display:block}"
    ".jp-OutputArea:has(.tux-saved):not(:has(.tux-live)) .jupyter-widgets{display:none}</style>"
)


class Explorer(anywidget.AnyWidget):
    """The explorer of one case.

    `policy` names features of the case (others have the base's values), `property` and `step` the view; all three can
    be read and set from Python while the explorer is on the screen. What names nothing is said in `trouble`.
    """

    _esm = module()
    head = traitlets.Dict().tag(sync=True)
    css = traitlets.Unicode().tag(sync=True)
    policy = traitlets.Dict().tag(sync=True)
    property = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    step = traitlets.Int(None, allow_none=True).tag(sync=True)
    answer = traitlets.Dict().tag(sync=True)
    trouble = traitlets.Unicode("").tag(sync=True)
    cases = traitlets.List().tag(sync=True)
    chosen = traitlets.Unicode("").tag(sync=True)

    def __init__(self, source: CaseSource, policy: Mapping[str, str] | None = None, property: str | None = None,
                 step: int | None = None, **kwargs: Any) -> None:  # fmt: skip
        super().__init__(css=css(), **kwargs)
        self._show(source, policy, property, step)
        self.on_msg(self._asked)

    def _show(self, source: CaseSource, policy: Mapping[str, str] | None, prop: str | None, step: int | None) -> None:
        """Show a case from a policy and a property on; what is wrong with them is said, and the base shown."""
        self._source, self._replied, trouble = source, {}, ""
        try:
            answer = source.answer(policy or {}, prop)
        except UserError as error:
            trouble, answer = str(error), source.answer({})
        start = {**source.start(source.whole(answer["policy"]), answer["property"], step)}
        with self.hold_sync():
            self.head, self.answer = {**source.head, "start": start}, answer
            self.policy, self.property, self.step = answer["policy"], answer["property"], step
            self.trouble = trouble

    @traitlets.observe("policy", "property")
    def _moved(self, change: Mapping[str, Any]) -> None:
        """A policy or property that names nothing, set from Python, is said and not shown."""
        if not self.head or change["new"] == change["old"]:
            return
        try:
            known = {"policy": self._source.diagram.policy(self._source.whole(self.policy)), "property": self.property}
            if known not in (self._replied, {name: self.answer.get(name) for name in known}):
                self.answer = self._source.answer(self.policy, self.property)
            self.trouble = ""
        except UserError as error:
            self.trouble = str(error)

    def _asked(self, _: Any, message: Mapping[str, Any], __: Any) -> None:
        """A question of the view; the answer, or in words why there is none."""
        reply: dict[str, Any] = {"ask": message.get("ask"), "error": ""}
        try:
            reply["answer"] = self._reply(message)
        except UserError as error:
            reply["error"] = str(error)
        except Exception as error:  # noqa: BLE001  (the view is the only place where it can be seen)
            reply["error"] = f"{type(error).__name__}: {error}"
        self.send(reply)

    def _reply(self, message: Mapping[str, Any]) -> dict[str, Any]:
        source, what, policy = self._source, message.get("what"), message.get("policy", {})
        prop, path = message.get("property"), list(message.get("path", ()))
        if what == "run":
            answer = source.answer(policy, prop)
            self._replied = {name: answer[name] for name in ("policy", "property")}
            return answer
        if what == "compare":
            return source.compare(policy, message.get("against", {}), prop)
        if what == "step":
            return source.step(policy, [*path, message["step"]], prop)
        if what == "finish":
            return source.finish(policy, path, prop)
        raise UserError(f"the view asks for {what!r}, which the kernel does not know: restart the kernel")

    # ---- what is shown elsewhere ------------------------------------------------------------------------------------
    def _first(self) -> First:
        """The view as it stands now."""
        start = {"policy": self.answer["policy"], "property": self.property, "step": self.step, "name": ""}
        return First({**self.head, "start": start}, self.answer)

    def static_html(self, light: bool = False) -> str:
        """The explorer for a page without a kernel, from where this one stands; light: with runs of named policies."""
        start = self._source.start(self._source.whole(self.policy), self.property, self.step)
        return static_html(self._source.document(start, light))

    def _text(self) -> str:
        return plain_text(self._first())

    def _still(self) -> str:
        return figure(self._first(), image=True)

    def _ipython_display_(self, **kwargs: Any) -> None:
        from IPython.display import display

        if os.environ.get("TUX3NB_STATIC") == "1":
            display({"text/html": self.static_html(), "text/plain": self._text()}, raw=True)
            return
        bundle = super()._repr_mimebundle_(**kwargs)
        data = bundle[0] if isinstance(bundle, tuple) else bundle or {}
        display({_VIEW: data[_VIEW], "text/html": self._still(), "text/plain": self._text()}, raw=True)
        saved = f'<div class="tux-saved">{_SAVED}{self.static_html(light=True)}{page_assets()}</div>'
        display({"text/html": saved, "text/plain": ""}, raw=True)


class CaseChoice(Explorer):
    """The explorers of several cases, one at a time; `name` tells it from others in a page's address."""

    def __init__(self, name: str, starts: Sequence[Start], **kwargs: Any) -> None:
        self._name = name
        self._starts = {start.case.name: start for start in starts}
        told = [
            {"name": s.case.name, "title": s.case.title, "family": s.case.family, "verdict": s.verdict} for s in starts
        ]
        first = starts[0]
        source, policy = self._source_of(first.case.name), named_policy(first.policy)
        super().__init__(source, policy, first.property, cases=told, chosen=first.case.name, **kwargs)

    def _source_of(self, name: str) -> CaseSource:
        return source_of(self._starts[name].case)

    @traitlets.observe("chosen")
    def _case_chosen(self, change: Mapping[str, Any]) -> None:
        """Show another case, from its own start."""
        name = change["new"]
        if not self.head or name == self.head["case"]["name"]:
            return
        if name not in self._starts:
            self.trouble = f"there is no case {name!r} here"
            return
        start = self._starts[name]
        self._show(self._source_of(name), named_policy(start.policy), start.property, None)

    def static_html(self, light: bool = False) -> str:
        """All the explorers for a page without a kernel, each starting where a named policy is broken; light: the one
        on screen.
        """
        if light:
            return super().static_html(light)
        documents = []
        for name, start in self._starts.items():
            source = self._source_of(name)
            documents.append(source.document(source.start(named_policy(start.policy), start.property)))
        return choice_html(self._name, documents, self.cases, table(self._starts.values()))

    def _still(self) -> str:
        return table(self._starts.values()) + super()._still()

    def _text(self) -> str:
        """The cases, each with its shortest broken run and what holds, and the view of the first."""
        return in_words(list(self._starts.values())) + "\n\n" + super()._text()
