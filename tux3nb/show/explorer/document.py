"""What a page does with a document, in Python: look verdicts and runs up, pack it. The page does the same."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any
from urllib.parse import quote

from tux3nb.model.rules import all_rules

Document = Mapping[str, Any]
Policy = Mapping[str, str]


def web_address(url: str | None) -> str | None:
    """An address of the web as a page may link to it, what could end the link encoded; None for any other."""
    return quote(url, safe="%/:=&?~#+!$,;'@") if url and re.match(r"https?://", url) else None


def has(document: Document, number: int, policy: Policy) -> bool:
    """Whether a set of the document has a policy."""
    while number > 1:
        feature, *targets = document["diagram"][number]
        told = document["features"][feature]
        number = targets[[v["id"] for v in told["values"]].index(policy[told["id"]])]
    return number == 1


def verdict(document: Document, policy: Policy, prop: str = "all") -> str:
    """The verdict of a policy on a property or on all; empty: there is no such policy."""
    return next((v for v, s in document["verdicts"][prop].items() if has(document, s, policy)), "")


def why_not(document: Document, policy: Policy) -> str:
    """Why a combination is ruled out."""
    for rule in document["why_not"]:
        if all(policy.get(f) in values for f, values in rule["when"].items()):
            return rule["says"]
    return document["no_policy"]


def run_of(entries: Sequence[Sequence[int]], document: Document, policy: Policy) -> int | None:
    """The first run of a list of covers or follows that is for a policy."""
    return next((run for run, policies in entries if has(document, policies, policy)), None)


def shown(document: Document, policy: Policy, prop: str | None) -> int | None:
    """The number of the run to show: the one that breaks the property, else its schedule under this policy."""
    if prop and verdict(document, policy, prop) == "VIOLATED":
        return run_of(document["covers"].get(prop, ()), document, policy)
    follows = document["follows"]
    return run_of(follows.get(prop, follows["all"]), document, policy)


def chosen(document: Document, policy: Policy) -> str | None:
    """The property to show first: the start's, if it is broken, else the first broken one, else the start's."""
    start = document["start"]["property"]
    broken = [p["id"] for p in document["properties"] if not p["advisory"]]
    broken = [p for p in broken if verdict(document, policy, p) == "VIOLATED"]
    return start if start in broken or not broken else broken[0]


def marks(run: Mapping[str, Any], prop: str | None) -> Iterator[int]:
    """The mark of a property in every state of a run; 0 for none."""
    bar, mark = run["bars"].get(prop, ()), 0
    changes = dict(map(tuple, bar))
    for k in range(len(run["states"])):
        mark = changes.get(k, mark)
        yield mark


@cache
def rules() -> dict[str, tuple[str, str]]:
    """What is said of each rule of the model, and which kernel code it follows; the front end's module has it, too."""
    return {rule.name: (rule.says, rule.kernel) for rule in all_rules()}


def _slim(document: Document) -> dict[str, Any]:
    """The document without what follows from the rest: of a step what is said of its rule; of a view's graph all but
    the [part, word] that differ from the view before; of what comes next not its view, but how much further on it is
    (0: not here); of a run its first view, and for each step which of those that come next it is, else all of it.
    """
    views, graph = [], [0] * len(document["graph"]["parts"])
    for k, view in enumerate(document["views"]):
        changes = [
            n for at, (was, now) in enumerate(zip(graph, view["graph"], strict=True)) if was != now for n in (at, now)
        ]
        graph = view["graph"]
        following = [[step, after - k if after >= 0 else 0, *rest] for step, after, *rest in view["next"]]
        views.append({**view, "graph": changes, "next": following})
    steps = [
        {k: v for k, v in step.items() if k not in SAID or rules().get(step["rule"]) != tuple(step[k] for k in SAID)}
        for step in document["steps"]
    ]
    runs = []
    for run in document["runs"]:
        rest = {k: v for k, v in run.items() if k not in ("steps", "states")}
        runs.append({"path": [*_path(document["views"], run)], **rest})
    return {**document, "steps": steps, "views": views, "runs": runs}


SAID = ("says", "kernel")


def _path(views: Sequence[Mapping[str, Any]], run: Mapping[str, Any]) -> Iterator[int | list[int]]:
    """A run's first view, and for each step its place among those that come next, or [step, view, text]."""
    yield run["states"][0]
    for (step, text), (before, after) in zip(run["steps"], pairwise(run["states"]), strict=True):
        whole = [step, after, text]
        yield next((n for n, (s, v, _, t) in enumerate(views[before]["next"]) if [s, v, t] == whole), whole)


def _run(views: Sequence[Mapping[str, Any]], slim: Mapping[str, Any]) -> dict[str, Any]:
    """A run from its path."""
    first, *path = slim["path"]
    steps, states = [], [first]
    for at in path:
        step, after, text = at if isinstance(at, list) else [views[states[-1]]["next"][at][n] for n in (0, 1, 3)]
        steps.append([step, text])
        states.append(after)
    return {"steps": steps, "states": states, **{k: v for k, v in slim.items() if k != "path"}}


def _whole(slim: Document) -> dict[str, Any]:
    """What `_slim` was made of; page.js does the same."""
    views, graph = [], [0] * len(slim["graph"]["parts"])
    for k, view in enumerate(slim["views"]):
        graph = list(graph)
        changes = iter(view["graph"])
        for at in changes:
            graph[at] = next(changes)
        following = [[step, after + k if after else -1, *rest] for step, after, *rest in view["next"]]
        views.append({**view, "graph": graph, "next": following})
    steps = [{**dict(zip(SAID, rules().get(step["rule"], ("", "")), strict=True)), **step} for step in slim["steps"]]
    return {**slim, "steps": steps, "views": views, "runs": [_run(views, run) for run in slim["runs"]]}


def pack(document: Document) -> str:
    """The document as base64 of gzip of JSON, the same bytes each time."""
    raw = json.dumps(_slim(document), separators=(",", ":"), ensure_ascii=False).encode()
    packed = bytearray(gzip.compress(raw, 9, mtime=0))
    packed[9] = 255  # "made on an unknown system": Pythons differ in what they put here
    return base64.b64encode(packed).decode()


def unpack(packed: str) -> dict[str, Any]:
    """The document that `pack` packed."""
    return _whole(json.loads(gzip.decompress(base64.b64decode(packed))))
