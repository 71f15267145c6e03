"""What stands in a page for the explorer: the element with its packed table, a still for forges, plain text."""

import base64
import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from tux3nb.show.explorer.document import BUDGET, chosen_run, document_answer, fit, why_not
from tux3nb.show.picture.table import describe, still


def _asset(name: str) -> str:
    return files("tux3nb.show.explorer").joinpath("static", name).read_text(encoding="utf-8")


def explorer_css() -> str:
    """Return the explorer's style sheet with the dark palette filled in."""
    dark = files("tux3nb.show.picture").joinpath("dark.css").read_text(encoding="utf-8")
    return _asset("explorer.css").replace("/*dark*/", dark)


def page_assets() -> str:
    """Return what a page needs once, at the end of its body, for all its <tux-explorer> elements."""
    css = json.dumps(explorer_css()).replace("</", "<\\/")
    return (
        f'<script type="application/json" id="tux-explorer-css">{css}</script>\n'
        f'<script type="module">{_module()}</script>'
    )


def _module() -> str:
    return "\n" + _asset("explorer.js")


def module_hash() -> str:
    """Return the explorer's module as a source for a content security policy: this text and no other may run."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(_module().encode()).digest()).decode()}'"


def first_view(head: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the view that the document starts with: run, step, state numbers and the answer."""
    start = head["start"]
    run = chosen_run(answer, start.get("property"))
    if run is None:
        return {"run": None, "step": 0, "state": None, "before": None}
    last = len(run["steps"])
    step = last if start.get("step") is None else max(0, min(start["step"], last))
    return {
        "run": run,
        "step": step,
        "state": answer["states"][run["states"][step]],
        "before": answer["states"][run["states"][step - 1]] if step else None,
    }


def _svg(head: Mapping[str, Any], view: Mapping[str, Any]) -> str:
    return still(head["picture"], head["fields"], view["state"], before=view["before"])


def _caption(view: Mapping[str, Any]) -> str:
    if view["run"] is None:
        return ""
    steps = view["run"]["steps"]
    if not view["step"]:
        return f"Start of a run of {len(steps)} steps."
    step = steps[view["step"] - 1]
    return f"Step {view['step']} of {len(steps)}, {step['actor']}: {step['says']}"


def _verdicts(head: Mapping[str, Any], answer: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return (property, verdict, reason) for each property, or the reason why there is no such policy."""
    if answer["class"] is None:
        return [("-", "no such policy", why_not(head, head["start"]["policy"]))]
    titles = {p["id"]: p["title"] for p in head["properties"]}
    return [
        (f"{row['property']} {titles.get(row['property'], '')}".strip(), row["verdict"], row["reason"] or "")
        for row in answer["class"]["rows"]
    ]


def policy_words(head: Mapping[str, Any], policy: Mapping[str, str]) -> str:
    """Return a policy as words: the features that the case reads and their values."""
    parts = []
    for feature in head["features"]:
        if feature["read"]:
            title = next(
                (v["title"] for v in feature["values"] if v["id"] == policy[feature["id"]]), policy[feature["id"]]
            )
            parts.append(f"{feature['title']}: {title}")
    return "; ".join(parts)


def _figure(head: Mapping[str, Any], answer: Mapping[str, Any], image: bool) -> str:
    """Return the first view as a plain figure and a table; `image` wraps the SVG in an <img>, which forges keep."""
    view = first_view(head, answer)
    say = html.escape
    rows = "".join(
        f"<tr><td>{say(p)}</td><td><b>{say(v)}</b></td><td>{say(r)}</td></tr>" for p, v, r in _verdicts(head, answer)
    )
    picture = ""
    if view["state"] is not None:
        picture = _svg(head, view)
        if image:
            words = " ".join(describe(head["picture"], head["fields"], view["state"]))
            data = base64.b64encode(picture.encode()).decode()
            picture = f'<img alt="{say(words)}" style="max-width:100%" src="data:image/svg+xml;base64,{data}">'
    return (
        f'<figure class="tux-still"><p><b>{say(head["case"]["title"])}</b>: {say(head["case"]["asks"])}</p>'
        f"<p>Policy: {say(policy_words(head, head['start']['policy']))}</p>"
        f"<table><thead><tr><th>property</th><th>verdict</th><th>reason</th></tr></thead><tbody>{rows}</tbody></table>"
        f"{picture}<figcaption>{say(_caption(view))}</figcaption></figure>"
    )


def fallback_html(head: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    """Return the view for readers without widgets: a still image and the verdicts."""
    return _figure(head, answer, image=True)


def _packed(document: Mapping[str, Any], budget: int, **about: str) -> tuple[str, str]:
    """Return the <script> with a document's packed table, and a sentence where that is more than `budget` allows.

    `about` is what the page must know of the case before it unpacks the table.
    """
    packed, cut = fit(document, budget)
    name = document["case"]["name"]
    if len(packed) > budget:
        size = f"{len(packed) / 1000:.0f} kB compressed, more than a page carries ({budget / 1000:.0f} kB)"
        return "", f"<p>The table of case {html.escape(name)} is {size}: <code>tux3nb lab</code> has it.</p>"
    known = {"case": name, **about} | ({"cut": "1"} if cut else {})
    data = " ".join(f'data-{key}="{html.escape(value)}"' for key, value in known.items())
    return f'<script type="application/json" {data}>{json.dumps(packed)}</script>', ""


def static_html(document: Mapping[str, Any], budget: int = BUDGET) -> str:
    """Return a <tux-explorer> element: its first view readable without scripts, and the packed table."""
    figure = _figure(document, document_answer(document, document["start"]["policy"]), image=False)
    script, too_large = _packed(document, budget)
    if too_large:
        return f'<div class="tux-explorer-off">{figure}{too_large}</div>'
    return f"<tux-explorer>{figure}{script}</tux-explorer>"


def choice_html(
    name: str,
    documents: Sequence[Mapping[str, Any]],
    cases: Sequence[Mapping[str, str]],
    told: str,
    budget: int = BUDGET // 8,
) -> str:
    """Return a <tux-explorer> element with a choice of cases, `name` in the page's address; each has its own table.

    `cases` gives title, family and first verdict of each document's case; `told` stands before the first document's
    first view where scripts are off.
    """
    about = [{key: case[key] for key in ("title", "family", "verdict")} for case in cases]
    packed = [_packed(d, budget, **known) for d, known in zip(documents, about, strict=True)]
    scripts, notes = zip(*packed, strict=True)
    first = documents[0]
    figure = _figure(first, document_answer(first, first["start"]["policy"]), image=False)
    element = f'<tux-explorer data-choice="{html.escape(name)}">{told}{figure}{"".join(scripts)}</tux-explorer>'
    return element + "".join(notes)


def plain_text(head: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    """Return the first view as plain text."""
    view = first_view(head, answer)
    lines = [
        f"{head['case']['title']}: {head['case']['asks']}",
        f"Policy: {policy_words(head, head['start']['policy'])}",
    ]
    lines += [
        f"  {verdict:14s} {prop}{': ' + reason if reason else ''}" for prop, verdict, reason in _verdicts(head, answer)
    ]
    if view["state"] is not None:
        lines += [_caption(view), *(f"  {said}" for said in describe(head["picture"], head["fields"], view["state"]))]
    return "\n".join(lines)
