"""An explorer document is one plain dict; here are its look-ups and its packing. explorer.js has the same look-up.

The *head* is what does not depend on the policy; the *answer* is the class of one policy with its runs and states.
"""

import base64
import gzip
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

BUDGET = 600_000  # bytes of a packed document that a page may carry
_NOT_HEAD = ("classes", "runs", "states")


def web_address(url: str | None) -> str | None:
    """Return an address of the web as a page may link to it, what could end the link encoded; None for any other."""
    return quote(url, safe="%/:=&?~#+!$,;'@") if url and re.match(r"https?://", url) else None


def harmless(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document with links only to the web: a script's address would run when it is followed."""
    sources = [{**source, "url": web_address(source.get("url"))} for source in document["case"].get("sources", ())]
    return {**document, "case": {**document["case"], "sources": sources}}


def document_head(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document without its classes, runs, states and class table."""
    head = {key: value for key, value in harmless(document).items() if key not in _NOT_HEAD}
    head["index"] = {key: value for key, value in document["index"].items() if key != "class_of"}
    return head


def class_number(index: Mapping[str, Any], policy: Mapping[str, str]) -> int:
    """Return the class of a policy, -1 for a combination that is ruled out; the table is row-major."""
    at = 0
    for feature, values in index["features"]:
        at = at * len(values) + values.index(policy[feature])
    return index["class_of"][at]


def document_answer(document: Mapping[str, Any], policy: Mapping[str, str]) -> dict[str, Any]:
    """Return {"class", "runs", "states"} of one policy with run and state numbers made local; no class: None."""
    number = class_number(document["index"], policy)
    if number < 0:
        return {"class": None, "runs": [], "states": []}
    entry = document["classes"][number]
    used = [row["run"] for row in entry["rows"]] + [entry["completes"]]
    runs = sorted({run for run in used if run is not None})
    states = sorted({state for run in runs for state in document["runs"][run]["states"]})
    run_at = {run: k for k, run in enumerate(runs)} | {None: None}
    state_at = {state: k for k, state in enumerate(states)}
    return {
        "class": entry
        | {
            "rows": [row | {"run": run_at[row["run"]]} for row in entry["rows"]],
            "completes": run_at[entry["completes"]],
        },
        "runs": [
            document["runs"][run] | {"states": [state_at[state] for state in document["runs"][run]["states"]]}
            for run in runs
        ],
        "states": [document["states"][state] for state in states],
    }


def why_not(head: Mapping[str, Any], policy: Mapping[str, str]) -> str:
    """Return why a combination is ruled out."""
    for rule in head["index"].get("why_not", ()):
        if all(policy.get(feature) == value for feature, value in rule["when"].items()):
            return rule["says"]
    return "this combination is ruled out"


def chosen_run(answer: Mapping[str, Any], prop: str | None) -> dict[str, Any] | None:
    """Return the run to show: the property's (with none, the first violated one's), else one that completes."""
    entry = answer["class"]
    if entry is None:
        return None
    rows = [row for row in entry["rows"] if (row["property"] == prop if prop else row["verdict"] == "VIOLATED")]
    for number in [*(row["run"] for row in rows), entry["completes"]]:
        if number is not None:
            return answer["runs"][number]
    return None


def pack(document: Mapping[str, Any]) -> str:
    """Return the document as base64 of gzip of JSON, the same bytes each time."""
    raw = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    packed = bytearray(gzip.compress(raw, 9, mtime=0))
    packed[9] = 255  # "made on an unknown system": Pythons differ in what they put here
    return base64.b64encode(packed).decode()


def unpack(packed: str) -> dict[str, Any]:
    """Return the document that `pack` packed."""
    return json.loads(gzip.decompress(base64.b64decode(packed)))


def fit(document: Mapping[str, Any], budget: int = BUDGET) -> tuple[str, bool]:
    """Return the packed document and whether runs had to be left out to stay within the budget.

    Verdicts always stay. Runs are left out from the last one on, half of those left at a time; the run of the start
    policy goes last, and its rows say "cut" where a run is missing.
    """
    document = harmless(document)
    packed = pack(document)
    first = class_number(document["index"], document["start"]["policy"])
    order = sorted(range(len(document["runs"])), key=lambda run: run not in _runs_of(document, first))
    keep = len(order)
    cut = False
    while len(packed) > budget and keep:
        keep, cut = keep // 2, True
        packed = pack(_without_runs(document, set(order[:keep])))
    return packed, cut


def _runs_of(document: Mapping[str, Any], number: int) -> set[int | None]:
    if number < 0:
        return set()
    entry = document["classes"][number]
    return {row["run"] for row in entry["rows"]} | {entry["completes"]}


def _without_runs(document: Mapping[str, Any], keep: set[int]) -> dict[str, Any]:
    """Return the document with only some runs, and only the states that these need."""
    run_at = {run: k for k, run in enumerate(sorted(keep))}
    states = sorted({state for run in keep for state in document["runs"][run]["states"]})
    state_at = {state: k for k, state in enumerate(states)}

    def slim(row: Mapping[str, Any]) -> dict[str, Any]:
        gone = row["run"] is not None and row["run"] not in run_at
        return {**row, "run": run_at.get(row["run"])} | ({"cut": 1} if gone else {})

    return {
        **document,
        "classes": [
            {**entry, "rows": [slim(row) for row in entry["rows"]], "completes": run_at.get(entry["completes"])}
            for entry in document["classes"]
        ],
        "runs": [
            {**document["runs"][run], "states": [state_at[s] for s in document["runs"][run]["states"]]}
            for run in sorted(keep)
        ],
        "states": [document["states"][state] for state in states],
    }
