"""A small explorer document made by hand: a card writes a page that has been forked. For tests of the front end alone.

Two policies break (`always`, and `pinned` that writes in place), one holds (`pinned` that waits), one holds because the
card is turned away, and one combination makes no sense. The figures are the story's, not an exploration's.
"""

from typing import Any

NEVER, ALWAYS, PINNED = range(3)
_READ, _WRITE = "page cache: read(2), write(2)", "PTE of app (rw)"
FEATURES = [
    ("fork", "when to fork", "Forks {}", [("never", "never"), ("always", "always"), ("pinned", "unless pinned")]),
    ("refuse", "instead of a fork", "a refused fork {}", [("wait", "waits"), ("in_place", "writes in place")]),
    ("longterm", "long-term pins", "long-term pins are {}", [("allowed", "allowed"), ("refused", "refused")]),
]
#: Sets of policies. 2: long-term pins allowed; 3: refused; the others ask for a feature and go on to one of these.
DIAGRAM: list[Any] = [
    None, None, [2, 1, 0], [2, 0, 1], [1, 0, 2], [0, 0, 2, 4], [1, 2, 0], [0, 1, 0, 6], [1, 3, 0], [0, 0, 3, 8],
    [1, 1, 2], [0, 1, 1, 10], [0, 0, 1, 0], [0, 1, 0, 1],
]  # fmt: skip
BROKEN, HOLDS, REFUSED, ALL, FORKS, OTHERS = 5, 7, 9, 11, 12, 13


def _feature(fid: str, title: str, sentence: str, values: list[tuple[str, str]]) -> dict[str, Any]:
    return {
        "id": fid,
        "title": title,
        "sentence": sentence,
        "control": False,
        "values": [
            {"id": v, "title": f"What {word} does.", "word": word, "owner": "file system", "below": []}
            for v, word in values
        ],
    }  # fmt: skip


def policy(fork: str, refuse: str = "wait", longterm: str = "allowed") -> dict[str, str]:
    return {"fork": fork, "refuse": refuse, "longterm": longterm}


NAMED = {
    "tux3": ("Tux3", policy("always")),
    "stable_pages": ("Never fork", policy("never")),
    "fork_wait": ("Fork unless pinned, else wait", policy("pinned")),
    "in_place": ("Fork unless pinned, else write in place", policy("pinned", "in_place")),
    "no_longterm": ("Tux3 without long-term pins", policy("always", longterm="refused")),
}
_STEPS = [  # actor, rule, op, line, effect, cells of A and B (None: no B), who looks at A, who at B
    ("app", "store_faults", "store p0:0", 0, "", "00", None, [_READ], []),
    ("app", "fault_locks", "store p0:0", 0, "", "00", None, [_READ], []),
    ("app", "fault_maps", "store p0:0", 0, "PTE of app writable", "00", None, [_READ, _WRITE], []),
    ("app", "store_lands", "store p0:0", 0, "A.0 = v1", "10", None, [_READ, _WRITE], []),
    ("app", "register", "mr_register p0", 1, "pins A", "10", None, [_READ, _WRITE, "device, by app's pin"], []),
    ("kernel", "delta_ends", "", None, "delta d1 begins", "10", None, [_READ, _WRITE, "device, by app's pin"], []),
    ("writer", "write_begins", "write p0:0", 0, "", "10", None, [_READ, _WRITE, "device, by app's pin"], []),
    ("writer", "fork_allocates", "write p0:0", 0, "B.0 = v1", "10", "10", [_READ, _WRITE, "device, by app's pin"], []),
    ("writer", "fork_copies", "write p0:0", 0, "B.1 = A.1 (v0)", "10", "10",
     [_READ, _WRITE, "device, by app's pin"], []),
    ("writer", "fork_moves", "write p0:0", 0, "page 0 is B", "10", "10", ["device, by app's pin"], [_READ, _WRITE]),
    ("device", "device_starts", "device_write p0:1", 0, "", "10", "10", ["device, by app's pin"], [_READ, _WRITE]),
    ("device", "device_writes", "device_write p0:1", 0, "A.1 = v1", "11", "10",
     ["device, by app's pin"], [_READ, _WRITE]),
    ("device", "device_done", "device_write p0:1", 0, "", "11", "10", ["device, by app's pin"], [_READ, _WRITE]),
    ("app", "load", "load p0:1", 2, "app reads v0", "11", "10", ["device, by app's pin"], [_READ, _WRITE]),
]  # fmt: skip


class _Book:
    """Tables that grow: the same thing gets the same number."""

    def __init__(self) -> None:
        self.texts, self.rows, self.lookers, self.views = [""], [], [], []
        self.steps: list[dict[str, Any]] = []
        self.words = ["", "shown", "folio A", "folio B", "A.1 = v0", "A.1 = v1"]

    @staticmethod
    def number(table: list[Any], thing: Any) -> int:
        if thing not in table:
            table.append(thing)
        return table.index(thing)

    def row(self, letter: str, cells: str, lookers: list[str], note: str) -> int:
        kinds = {_READ: "cache", _WRITE: "pte"}
        seen = [self.number(self.lookers, {"key": t.split(":")[0], "kind": kinds.get(t, "pin"), "text": t})
                for t in lookers]  # fmt: skip
        told = [{"v": f"v{c}", "by": ("", ("app", "device")[n])[c == "1"]} for n, c in enumerate(cells)]
        key = f"folio{'AB'.index(letter)}"
        row = {"key": key, "kind": "folio", "title": f"folio {letter}", "note": note, "cells": told, "lookers": seen}
        return self.number(self.rows, row)

    def view(self, a: str, b: str | None, on_a: list[str], on_b: list[str], at: int) -> int:
        rows = [self.row("A", a, on_a, "dirty d0"), *([self.row("B", b, on_b, "")] if b else [])]
        disk = {"key": "disk", "kind": "disk", "title": "disk, d0", "note": "committed",
                "cells": [{"v": "v0", "by": ""}] * 2, "lookers": []}  # fmt: skip
        rows.append(self.number(self.rows, disk))
        graph = [1, 2, 4 + (a[1] == "1"), 1 if b else 0, 3 if b else 0]
        view = {"rows": rows, "graph": graph, "next": [], "stuck": [], "notes": [f"step {at}"]}
        self.views.append(view)
        return len(self.views) - 1


SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="90" viewBox="0 0 300 90" font-size="12">'
    '<g data-part="folio0" class="card"><rect x="5" y="5" width="120" height="60" fill="none" stroke="#555"/>'
    '<text data-part="folio0.t" x="10" y="22"/><text data-part="folio0.cell1" x="10" y="45"/></g>'
    '<g data-part="folio1" class="card"><rect x="165" y="5" width="120" height="60" fill="none" stroke="#555"/>'
    '<text data-part="folio1.t" x="170" y="22"/></g></svg>'
)
PARTS = [("folio0", "group"), ("folio0.t", "text"), ("folio0.cell1", "text"), ("folio1", "group"), ("folio1.t", "text")]
LOST = (
    "I2 is broken: the device's write of cell 1 was reported done, yet the page is folio B and cell 1 of B still has v0"
)


def _runs(book: _Book) -> list[dict[str, Any]]:
    """The run that breaks, the same schedule under a fork that is refused, and one that writes in place."""
    steps, start = [], book.view("00", None, [_READ], [], 0)
    states = [start]
    for n, (actor, rule, op, line, effect, a, b, on_a, on_b) in enumerate(_STEPS):
        known = {"n": n + 40, "actor": actor, "rule": rule, "op": op, "line": line,
                 "says": f"What {rule.replace('_', ' ')} does.", "kernel": "mm/memory.c (4.0)"}  # fmt: skip
        steps.append([book.number(book.steps, known), book.number(book.texts, effect)])
        states.append(book.view(a, b, on_a, on_b, n + 1))
    waits = book.number(book.steps, {**book.steps[steps[7][0]], "n": 80, "rule": "fork_refused"})
    refused = [waits, book.number(book.texts, "refused: A is pinned")]
    on_a = [_READ, _WRITE, "device, by app's pin"]
    kept = [book.view(a, None, on_a, [], 20 + n) for n, a in enumerate(["10", "11", "11"])]
    for view, (step, after, who) in zip(
        states, [(*s, BROKEN) for s in zip(steps, states[1:], strict=False)], strict=False
    ):
        book.views[view]["next"].append([step[0], after, who, step[1]])
    book.views[states[7]]["next"] = [[steps[7][0], states[8], BROKEN, steps[7][1]], [waits, kept[0], HOLDS, refused[1]]]
    for view in states[:7]:
        book.views[view]["next"][0][2] = 1
    book.views[kept[0]]["next"] = [[steps[11][0], kept[1], 1, steps[11][1]]]
    book.views[kept[0]]["stuck"] = [[2, steps[7][0], "A is pinned", 1]]
    own = [*steps[:7], refused, steps[10], steps[11]]
    seen = [*states[:8], kept[0], kept[0], kept[1]]
    broken = {
        "steps": steps, "states": states, "depth": 13, "bars": {"I2": [[0, 0], [13, 1]]}, "mirrors": None,
        "why": "the shortest run that breaks I2 has 13 steps; this one goes on until app reads", "differs": None,
        "differs_text": "", "arrows": [{"from": 4, "to": 8, "kind": "copy", "text": "A.0 to B.0"}],
        "arcs": {"I2": {"from": 9, "to": 12, "text": "copied at 9, written at 12"}},
    }  # fmt: skip
    follow = {
        "steps": own, "states": seen, "depth": 10, "why": "", "bars": {}, "arrows": [], "arcs": {}, "differs": 7,
        "mirrors": [*range(7), -1, 10, 11], "differs_text": "8: forks | refused: A is pinned",
    }  # fmt: skip
    return [broken, follow]


def document() -> dict[str, Any]:
    """The document, as `answers` makes one for a case."""
    book = _Book()
    runs = _runs(book)
    mark = {"property": "I2", "sentence": LOST, "kind": "differ", "parts": ["folio0.cell1"],
            "places": [{"row": "folio0", "cell": 1}, {"row": "folio1", "cell": 1}]}  # fmt: skip
    named = [{"id": n, "title": t, "policy": p, "expected": True} for n, (t, p) in NAMED.items()]
    drop = {"feature": "refuse", "from": "wait", "to": "in_place", "title": "wait",
            "policy": policy("pinned", "in_place"), "breaks": "I2"}  # fmt: skip
    chip = {one["id"]: {**one, "kind": "least", "drops": [drop] if one["id"] == "fork_wait" else []} for one in named}
    verdicts = {"HOLDS": HOLDS, "VIOLATED": BROKEN, "HOLDS(refused)": REFUSED}
    said = {"HOLDS": {"I2": "I2 holds in every run", "I3": "I3 holds in every run", "all": "all hold"},
            "HOLDS(refused)": {"all": "nothing breaks, since the card is turned away"}}  # fmt: skip
    properties = [("I2", "holder and process agree", False), ("I3", "what is written does not change", False)]
    reference = {"run": 0, "policy": policy("always"), "name": "Tux3"}
    return {
        "version": 4,
        "case": {"name": "card", "title": "A card writes to memory", "family": "rdma", "asks": "Is its write seen?",
                 "scenario": "app | writer after dirty",
                 "bounds": "One page.", "columns": {"app": ["store p0:0", "mr_register p0", "load p0:1"],
                 "device": ["device_write p0:1"], "writer": ["write p0:0"]},
                 "sources": [{"text": "a mail", "url": "https://example.org/x"}]},
        "actors": [{"id": a, "title": a, "kind": "task"} for a in ("app", "device", "writer", "kernel")],
        "features": [_feature(*f) for f in FEATURES], "unread": "This case does not read: busy.",
        "start": {"policy": policy("always"), "property": "I2", "step": None, "name": "tux3"},
        "named": named, "chips": [{**chip["tux3"], "kind": "start"}, chip["stable_pages"], chip["fork_wait"]],
        "properties": [{"id": p, "title": t, "sentence": t, "advisory": a} for p, t, a in properties],
        "diagram": DIAGRAM, "all": ALL, "verdicts": {"all": verdicts, "I2": verdicts, "I3": {"HOLDS": ALL}},
        "counts": {}, "said": {**said, "UNFINISHED": {}}, "no_policy": "not carried",
        "why_not": [{"when": {"fork": ["pinned"], "refuse": ["in_place"], "longterm": ["refused"]},
                     "says": "nothing is pinned"}],
        "size": {"policies": 11, "states": 99, "told": "11 policies explored at once: 99 states"},
        "lattice": [{**chip["fork_wait"], "values": {}, "count": 1, "mechanisms": [
            {"feature": "refuse", "value": "wait", "title": "wait", "owner": "file system", "to": "in_place",
             "breaks": ["I2"]}]}],
        "graph": {"svg": SVG, "parts": [{"id": i, "kind": k} for i, k in PARTS], "legend": []},
        "tux": {"lab": "tux3nb lab has this run."},
        "words": book.words, "steps": book.steps, "texts": book.texts, "rows": book.rows, "lookers": book.lookers,
        "marks": [None, mark], "views": book.views, "runs": runs,
        "covers": {"I2": [[0, BROKEN]]}, "references": dict.fromkeys(("I2", "all"), reference),
        "follows": {"I2": [[0, FORKS], [1, OTHERS]], "all": [[0, FORKS], [1, OTHERS]]},
    }  # fmt: skip
