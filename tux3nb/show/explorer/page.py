"""What stands in a page for the explorer: the element with its packed document, a figure for forges, plain text."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from typing import Any

from tux3nb.model.broken import Place
from tux3nb.model.features import named_policy
from tux3nb.show.explorer.assets import css, module
from tux3nb.show.explorer.document import chosen, marks, pack, shown, verdict, why_not
from tux3nb.show.picture.cards import Picture
from tux3nb.show.places import Cell, Looker, Row, bytes_html, bytes_text
from tux3nb.show.verdicts import verdict_html

say = html.escape


def page_assets() -> str:
    """What a page needs once, at the end of its body, for all its <tux-explorer> elements."""
    style = json.dumps(css()).replace("</", "<\\/")
    return (
        f'<script type="application/json" id="tux-explorer-css">{style}</script>\n'
        f'<script type="module">{_module()}</script>'
    )


def _module() -> str:
    return "\n" + module()


def module_hash() -> str:
    """The explorer's module as a source for a content security policy: this text and no other may run."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(_module().encode()).digest()).decode()}'"


class First:
    """The view that a document (or a head with an answer) opens with: policy, property, run, step."""

    def __init__(self, document: Mapping[str, Any], answer: Mapping[str, Any] | None = None):
        self.document, self.tables = document, answer or document
        start = document["start"]
        self.policy = start["policy"]
        self.there = bool(verdict(document, self.policy))
        self.property = start["property"]
        number = None
        if answer is not None:
            self.property, number = answer.get("property"), answer.get("run")
        elif self.there:
            self.property = chosen(document, self.policy)
            number = shown(document, self.policy, self.property)
        self.run = None if number is None else self.tables["runs"][number]
        last = len(self.run["steps"]) if self.run else 0
        self.step = last if start["step"] is None else max(0, min(start["step"], last))

    @property
    def mark(self) -> Mapping[str, Any] | None:
        """The broken thing in this view."""
        found = list(marks(self.run, self.property))[self.step] if self.run else 0
        return self.tables["marks"][found]

    def sentence(self) -> str:
        """What the head says: the broken thing, or why nothing is broken, or why there is no such policy."""
        if not self.there:
            return why_not(self.document, self.policy)
        if self.mark:
            return self.mark["sentence"]
        word = verdict(self.document, self.policy, self.property or "all")
        return self.document["said"].get(word, {}).get(self.property or "all", "")

    def verdicts(self) -> list[tuple[str, str, str]]:
        """(property, title, verdict)."""
        return [
            (p["id"], p["title"], verdict(self.document, self.policy, p["id"])) for p in self.document["properties"]
        ]

    def caption(self) -> str:
        if self.run is None:
            return ""
        steps = self.run["steps"]
        if not self.step:
            return f"Start of a run of {len(steps)} steps."
        step = self.tables["steps"][steps[self.step - 1][0]]
        why = self.run["why"] if self.step == len(steps) else ""
        return f"Step {self.step} of {len(steps)}, {step['actor']}: {step['says']} {why}".rstrip()

    def rows(self) -> list[Row]:
        """The rows of bytes, and who looks at each."""
        if self.run is None:
            return []
        rows = (self.tables["rows"][n] for n in self.tables["views"][self.run["states"][self.step]]["rows"])
        return [
            Row(
                **{**row, "cells": tuple(c and Cell(**c) for c in row["cells"])}
                | {"lookers": tuple(Looker(**self.tables["lookers"][k]) for k in row["lookers"])}
            )
            for row in rows
        ]

    @property
    def places(self) -> list[Place]:
        """Where something is broken in this view."""
        return [Place(**p) for p in self.mark["places"]] if self.mark else []

    def svg(self) -> str:
        """The graph of this view."""
        graph = self.document["graph"]
        parts = tuple((p["id"], p["kind"]) for p in graph["parts"])
        states = [self.run["states"][k] for k in (self.step, max(0, self.step - 1))] if self.run else []
        now, before = (
            {
                part: self.tables["words"][n]
                for (part, _), n in zip(parts, self.tables["views"][v]["graph"], strict=True)
            }
            for v in states
        )
        return Picture(graph["svg"], parts).still(now, before, self.mark["parts"] if self.mark else ())

    def policy_words(self) -> str:
        """The policy as a sentence: what it has other than Tux3, of what the case reads."""
        tux3, parts = named_policy("tux3"), []
        for f in self.document["features"]:
            value = next(v for v in f["values"] if v["id"] == self.policy[f["id"]])
            if value["id"] != tux3[f["id"]]:
                parts.append(f["sentence"].replace("{}", value["word"]))
        return f"Other than Tux3: {'; '.join(parts)}." if parts else "This is Tux3 as posted."


def figure(first: First, image: bool = False) -> str:
    """A view as a plain figure: the case, the policy, the verdicts, the bytes, and `image`: the graph, which forges
    keep.
    """
    head = first.document
    rows = "".join(
        f"<tr><td>{say(p)}</td><td>{say(title)}</td><td>{verdict_html(word) if word else 'no such policy'}</td></tr>"
        for p, title, word in first.verdicts()
    )
    table = bytes_html(first.rows(), first.places) if first.run else ""
    if image and first.run:
        data, alt = base64.b64encode(first.svg().encode()).decode(), " ".join(bytes_text(first.rows(), first.places))
        table += f'<img alt="{say(alt)}" style="max-width:100%" src="data:image/svg+xml;base64,{data}">'
    return (
        f'<figure class="tux-still"><p><b>{say(head["case"]["title"])}</b>: {say(head["case"]["asks"])}</p>'
        f"<p><b>{say(first.sentence())}</b></p><p>{say(first.policy_words())}</p>{table}"
        f"<figcaption>{say(first.caption())}</figcaption>"
        f"<details><summary>all properties</summary><table><tbody>{rows}</tbody></table></details></figure>"
    )


def _packed(document: Mapping[str, Any], **about: str) -> str:
    """The <script> with a document packed; `about` is what the page must know of the case before it unpacks it."""
    known = {"case": document["case"]["name"], **about}
    data = " ".join(f'data-{key}="{say(value)}"' for key, value in known.items())
    return f'<script type="application/json" {data}>{json.dumps(pack(document))}</script>'


def static_html(document: Mapping[str, Any]) -> str:
    """A <tux-explorer> element: its first view readable without scripts, and the packed document."""
    return f"<tux-explorer>{figure(First(document))}{_packed(document)}</tux-explorer>"


def choice_html(
    name: str, documents: Sequence[Mapping[str, Any]], cases: Sequence[Mapping[str, str]], told: str
) -> str:
    """A <tux-explorer> element with a choice of cases, `name` in the page's address; each has its own document.

    `cases` gives title, family and first verdict of each document's case; `told` stands before the first document's
    first view where scripts are off.
    """
    about = [{key: case[key] for key in ("title", "family", "verdict")} for case in cases]
    scripts = "".join(_packed(d, **known) for d, known in zip(documents, about, strict=True))
    return f'<tux-explorer data-choice="{say(name)}">{told}{figure(First(documents[0]))}{scripts}</tux-explorer>'


def plain_text(first: First) -> str:
    """A view as plain text."""
    head = first.document
    lines = [f"{head['case']['title']}: {head['case']['asks']}", first.sentence(), first.policy_words()]
    lines += [f"  {word or 'no such policy':16s} {p} {title}" for p, title, word in first.verdicts()]
    lines += [first.caption()] if first.run else []
    return "\n".join([*lines, *(f"  {line}" for line in bytes_text(first.rows(), first.places))])
