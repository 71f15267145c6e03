"""A small explorer document made by hand: three features that matter, one that does not, four classes, two runs."""

from tux3nb.show.picture import World, ownership

FIELDS = [
    "slot[0]",
    "cell[0,0]",
    "cell[0,1]",
    "cell[1,0]",
    "cell[1,1]",
    "dirty[0]",
    "dirty[1]",
    "tag[0]",
    "tag[1]",
    "writeback[0]",
    "writeback[1]",
    "locked[0]",
    "locked[1]",
    "forked[0]",
    "forked[1]",
    "private[0]",
    "private[1]",
    "own[0]",
    "own[1]",
    "orphan[0]",
    "orphan[1]",
    "pte[app]",
    "pte_write[app]",
    "pte_dirty[app]",
    "folio[app]",
    "copy[app]",
    "hold[device]",
    "cur",
    "committed",
    "bio_stage",
    "bio_folio",
    "image[0]",
    "image[1]",
    "disk[0]",
    "disk[1]",
    "bounced",
    "oops",
    "pc[app]",
]
NAMES = {
    "pc[app]": ["idle", "fault: lock", "fault: copy", "fault: redirect"],
    "oops": ["none", "BUG: dirty call on a forked folio"],
}
FEATURES = [
    (
        "fork",
        "when to fork",
        "file system",
        True,
        [("never", "never"), ("always", "always (Tux3)"), ("unless_pinned", "unless pinned (checked)")],
    ),
    ("refuse", "on refusal", "file system", True, [("wait", "wait for the writeback"), ("in_place", "write in place")]),
    ("gup", "pin forks first", "core mm", True, [("no", "no"), ("slow_fast", "slow and fast GUP")]),
    ("breakpoints", "re-insert breakpoints", "core mm", False, [("no", "no"), ("yes", "yes")]),
]
TUX3 = {"fork": "always", "refuse": "wait", "gup": "no", "breakpoints": "no"}


def _world() -> World:
    return World(
        folios=2,
        cells=2,
        mappings=("app",),
        tasks=("app",),
        holders=(("device", "pin"),),
        fields=frozenset(FIELDS),
        names=NAMES,
        titles={"app": "app", "device": "MR"},
    )


class _States:
    """Collects states; each is the one before it with some fields changed."""

    def __init__(self) -> None:
        self.all: list[list[int]] = []

    def run(self, start: dict, steps: list[tuple]) -> dict:
        now = dict.fromkeys(FIELDS, 0) | start
        indexes, told = [self._add(now)], []
        for actor, rule, says, line, changes in steps:
            now = now | changes
            indexes.append(self._add(now))
            told.append(
                {
                    "actor": actor,
                    "rule": rule,
                    "args": {"p": 0},
                    "says": says,
                    "line": line,
                    "kernel": "mm/gup.c:pin_user_pages",
                }
            )
        return {"steps": told, "states": indexes}

    def _add(self, state: dict) -> int:
        values = [state[name] for name in FIELDS]
        if values not in self.all:
            self.all.append(values)
        return self.all.index(values)


_START = {"pte[app]": 1, "private[0]": 1, "cur": 0, "slot[0]": 0}
_COMMON = [
    (
        "app",
        "store",
        "The app stores to cell 0 through a writable PTE.",
        0,
        {"cell[0,0]": 1, "pte_write[app]": 1, "pte_dirty[app]": 1, "dirty[0]": 1},
    ),
    ("app", "pin_user_pages", "The registration pins the folio that the PTE maps.", 1, {"hold[device]": 1}),
    ("flusher", "delta_transition", "A new delta becomes the current one.", None, {"cur": 1}),
    (
        "flusher",
        "bio_add",
        "The flusher adds the folio to a bio and sets writeback.",
        None,
        {"bio_stage": 1, "bio_folio": 1, "writeback[0]": 1, "pte_write[app]": 0, "image[0]": 1},
    ),
    ("flusher", "submit_bio", "The flusher submits the bio.", None, {"bio_stage": 2, "dirty[0]": 0}),
]
_FORK = [
    (
        "app",
        "fault_lock",
        "A store faults on the read-only PTE and locks the folio.",
        2,
        {"locked[0]": 1, "folio[app]": 1, "pc[app]": 1},
    ),
    (
        "app",
        "fork_folio_copy",
        "The page fork copies the folio.",
        2,
        {"copy[app]": 2, "cell[1,0]": 1, "locked[1]": 1, "pc[app]": 2},
    ),
    (
        "app",
        "fork_folio_swap",
        "The slot gets the copy; the original becomes an orphan.",
        2,
        {
            "slot[0]": 1,
            "forked[0]": 1,
            "own[0]": 1,
            "private[1]": 1,
            "orphan[0]": 1,
            "copy[app]": 0,
            "dirty[1]": 1,
            "tag[1]": 1,
        },
    ),
    (
        "app",
        "redirect_pte",
        "The PTE is redirected to the copy and the store is done.",
        2,
        {
            "pte[app]": 2,
            "pte_write[app]": 1,
            "cell[1,1]": 1,
            "locked[0]": 0,
            "locked[1]": 0,
            "folio[app]": 0,
            "pc[app]": 3,
        },
    ),
    (
        "device",
        "device_write_dma",
        "The device writes into the folio that it has pinned.",
        0,
        {"cell[0,0]": 2, "pc[app]": 0},
    ),
]
_WAIT = [
    (
        "flusher",
        "bio_end_io",
        "The bio is complete and writeback is clear.",
        None,
        {"bio_stage": 3, "writeback[0]": 0, "disk[0]": 1},
    ),
    (
        "flusher",
        "commit",
        "The superblock is written: the delta is committed.",
        None,
        {"bio_stage": 0, "bio_folio": 0, "committed": 1},
    ),
    ("app", "store", "The app stores in place.", 2, {"pte_write[app]": 1, "dirty[0]": 1, "tag[0]": 1, "cell[0,1]": 1}),
    ("device", "device_write_dma", "The device writes into the folio that it has pinned.", 0, {"cell[0,0]": 2}),
]


def _row(prop: str, verdict: str, depth: int | None, reason: str, run: int | None) -> dict:
    return {"property": prop, "verdict": verdict, "depth": depth, "reason": reason, "run": run}


def _class(number: int, verdict: str, policies: int, rows: list[dict], completes: int | None) -> dict:
    return {
        "id": number,
        "verdict": verdict,
        "policies": policies,
        "states": 40 + number,
        "edges": 71 + number,
        "depth": 12,
        "rows": rows,
        "completes": completes,
    }


def document() -> dict:
    """Return the document; policy -> class goes over fork x refuse x gup, row-major."""
    states = _States()
    lost = states.run(_START, _COMMON + _FORK)
    waits = states.run(_START, _COMMON + _WAIT)
    in_place = states.run(
        _START,
        _COMMON
        + [
            (
                "app",
                "store_in_place",
                "The app stores into the folio under writeback.",
                2,
                {"cell[0,1]": 1, "pte_write[app]": 1},
            )
        ],
    )
    fine2 = _row("I2", "HOLDS", None, "every device write is seen by the process", None)
    fine3 = _row("I3", "HOLDS", None, "no cell changes between submit and complete", None)
    torn = _row("I3", "VIOLATED", 6, "cell 1 of folio A changed from v0 to v1 while its bio was submitted", 2)
    lost2 = _row(
        "I2",
        "VIOLATED",
        10,
        "the device wrote v2 into folio A, which no mapping and no slot shows: slot[0] holds folio B",
        0,
    )
    return {
        "version": 1,
        "case": {
            "name": "rdma",
            "title": "RDMA registration and page forking",
            "asks": "Does a device that has pinned a folio still write where the process looks?",
            "bounds": "One page, two cells, one device write; no memory ordering, no timing.",
            "actors": [
                {"id": "app", "title": "app process"},
                {"id": "device", "title": "RDMA device"},
                {"id": "flusher", "title": "flusher"},
            ],
            "columns": {"app": ["store p0:0", "mr_register p0", "store p0:1", "load p0:0"], "device": ["write p0:0"]},
            "sources": [{"text": "Rik van Riel, 14 May 2015", "url": None}],
        },
        "features": [
            {"id": i, "title": t, "owner": o, "read": r, "values": [{"id": v, "title": s} for v, s in values]}
            for i, t, o, r, values in FEATURES
        ],
        "presets": [
            {"id": "tux3", "title": "Tux3 as posted in 2015", "policy": TUX3},
            {
                "id": "cowardly",
                "title": "unless pinned, wait",
                "policy": TUX3 | {"fork": "unless_pinned", "gup": "slow_fast"},
            },
            {"id": "old", "title": "no page fork, in place", "policy": TUX3 | {"fork": "never", "refuse": "in_place"}},
        ],
        "start": {"policy": TUX3, "property": "I2", "step": None},
        "fields": FIELDS,
        "names": NAMES,
        "properties": [
            {
                "id": "I2",
                "title": "coherence between holder and process",
                "sentence": "What the holder writes the process reads, and the other way round.",
            },
            {"id": "I3", "title": "stable snapshot", "sentence": "Under writeback no cell changes."},
        ],
        "index": {
            "features": [[i, [v for v, _ in values]] for i, _, _, r, values in FEATURES if r],
            "class_of": [1, 1, 2, 2, 0, -1, 0, -1, 3, 1, 2, 2],
            "why_not": [
                {"when": {"fork": "always", "gup": "slow_fast"}, "says": "always forking leaves no pin to fork first"}
            ],
        },
        "classes": [
            _class(0, "VIOLATED", 2, [lost2, fine3], None),
            _class(1, "HOLDS", 3, [fine2, fine3], 1),
            _class(2, "VIOLATED", 4, [fine2, torn], None),
            _class(3, "UNFINISHED", 1, [_row("I2", "UNFINISHED", None, "limit: 3 folios", None), fine3], 1),
        ],
        "runs": [lost, waits, in_place],
        "states": states.all,
        "picture": ownership(_world()),
    }
