"""Which pages a real program writes in each delta, seen without privilege by write protection.

Gives the most that page forks could be asked for: every page written again in the next delta, were the older
delta still on its way to the disk by then.
"""

import itertools
import os
import time

from tux3nb.witness.base import Inconclusive, Witness
from tux3nb.witness.experiments.programs import Counter, Lmdb
from tux3nb.witness.low.memory import PAGE
from tux3nb.witness.low.writescan import WriteScan

_DELTAS_MS = (5, 20, 100)
_SECONDS = 1.5
_STEP_PAUSE = 0.001


def _mapping_of(path: str) -> tuple[int, int]:
    """Start and length of this process's writable mapping of ``path``."""
    with open("/proc/self/maps") as maps:
        for line in maps:
            fields = line.split(maxsplit=5)
            if len(fields) == 6 and fields[5].strip() == path and "w" in fields[1]:
                start, end = (int(word, 16) for word in fields[0].split("-"))
                return start, end - start
    raise Inconclusive("the program has no writable mapping of its file")


def _one_run(program, delta_ms: int) -> dict:
    """The trace entry (see recordings.py) of one delta length."""
    scan = WriteScan(*_mapping_of(os.path.realpath(program.path)))
    started, deltas = time.monotonic(), []
    for number in range(int(_SECONDS * 1000 / delta_ms)):
        end = started + (number + 1) * delta_ms / 1000
        while time.monotonic() < end:
            program.step()
            time.sleep(_STEP_PAUSE)
        deltas.append(scan.written())
    scan.close()
    pairs = list(itertools.pairwise(deltas))
    return {
        "delta_ms": delta_ms,
        "write_bytes_per_second": None,
        "stable_writes": None,
        "seconds": round(time.monotonic() - started, 3),
        "pages": [len(pages) for pages, _ in pairs],
        "again_next": [len(pages & later) for pages, later in pairs],
        "under_writeback": None,
        "waits": None,
        "pages_held_by_others": None,
    }


def _scan(run, make) -> dict:
    """All delta lengths; the facts, with the trace left in ``run``."""
    program = make(run.folder)
    runs = [_one_run(program, delta_ms) for delta_ms in _DELTAS_MS]
    run.trace = {
        "program": make.label,
        "method": "userfaultfd write protection and PAGEMAP_SCAN",
        "page_bytes": PAGE,
        "file_pages": os.stat(program.path).st_size // PAGE,
        "runs": runs,
    }
    program.close()
    means = [sum(entry["pages"]) / len(entry["pages"]) for entry in runs]
    shares = [sum(entry["again_next"]) / max(1, sum(entry["pages"])) for entry in runs]
    return {
        "pages are written again in the next delta": all(share > 0 for share in shares),
        "the longest delta writes more pages than the shortest": means[0] < means[-1],
        "it shares more of them with the next": shares[0] < shares[-1],
    }


def scan_counter(run) -> dict:
    """A counter in a shared mapping."""
    return _scan(run, Counter)


def scan_lmdb(run) -> dict:
    """LMDB."""
    return _scan(run, Lmdb)


def _witness(name: str, function, what: str, *needs: str) -> Witness:
    return Witness(
        name=name,
        case="mmap",
        function=function,
        needs=("disk", "writescan", *needs),
        timeout=40,
        question=f"How many pages does {what} write in a delta, and how many of them again in the next?",
        model_says="Some pages are written in every delta: these are the ones a fork may be needed for. "
        "Longer deltas collect more pages and share more of them with the next.",
        beyond="How often is no question to the model; the trace is its cost model's input.",
        predicts={
            "pages are written again in the next delta": True,
            "the longest delta writes more pages than the shortest": True,
            "it shares more of them with the next": True,
        },
        sources=("fs/proc/task_mmu.c:pagemap_scan_pmd_entry",),
    )


WITNESSES = (
    _witness("delta-scan-counter", scan_counter, "a counter in a shared mapping"),
    _witness("delta-scan-lmdb", scan_lmdb, "LMDB with a writable map", "module:lmdb"),
)
