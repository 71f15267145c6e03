"""The census: how often would a page fork be needed by a real program, and did anybody else hold the page?

A flusher calls fdatasync(2) every few milliseconds, the stand-in for a delta's end.  A page that is written
while it is under writeback is where Tux3 would fork.  A page that was dirtied in the old delta but is not yet
submitted shows no clean-to-dirty transition and is not counted; fdatasync submits quickly, so that is little.
"""

import bisect
import itertools
import os
import time

from tux3nb.witness.base import Inconclusive, Witness
from tux3nb.witness.experiments.programs import Counter, Lmdb, Sqlite
from tux3nb.witness.low.dirtylog import DIRTIED, WAITED, DirtyLog, Event
from tux3nb.witness.low.flusher import Flusher
from tux3nb.witness.low.memory import PAGE, Region
from tux3nb.witness.low.pipes import PipeHolder
from tux3nb.witness.low.syscalls import call, checked
from tux3nb.witness.low.throttle import Throttle
from tux3nb.witness.low.volume import Volume

_DELTAS_MS = (5, 20, 100)
_SECONDS = 1.5
_SLOW = 2_000_000
_STEP_PAUSE = 0.001
# (bytes written per second or None for full speed, stable pages)
_DEVICES = ((None, False), (_SLOW, False), (_SLOW, True))
# Whoever dirties a page holds it, always; the flusher walking the dirty pages, and an LRU batch that the page
# waits in, hold it now and then.
_OWN_HOLDERS, _PASSING_HOLDERS = 1, 2
_OFTEN = 3


def _watch(program, throttle: Throttle, delta_ms: int, rate: int | None):
    """Step the program beside a flusher; events, number of lost events, flush times, the flusher's pid."""
    log = DirtyLog(program.path)
    throttle.limit(rate or 0)
    flusher = Flusher(throttle, program.path, delta_ms)
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        program.step()
        time.sleep(_STEP_PAUSE)
    throttle.limit(0)
    moments = flusher.stop()
    events, lost = log.stop()
    return events, lost, moments, flusher.pid


def held_pages(events: list[Event]) -> set[int]:
    """Pages that somebody beyond the kernel's own bookkeeping held while they were dirtied.

    That is: more references at once than the kernel can have, or one too many at every one of three and more
    times that the page was dirtied outside writeback.  Nothing is said of large folios, which pages share.
    """
    times: dict[int, list[int]] = {}
    found = set()
    for event in events:
        if event.kind == DIRTIED and not event.large:
            if event.holders > _OWN_HOLDERS + _PASSING_HOLDERS:
                found.add(event.page)
            if not event.writeback:
                times.setdefault(event.page, []).append(event.holders)
    return found | {page for page, seen in times.items() if len(seen) >= _OFTEN and min(seen) > _OWN_HOLDERS}


def count_deltas(events: list[Event], moments: list[int]) -> dict:
    """The trace's lists (see recordings.py): per delta, from one flush's begin to the next one's."""
    deltas = [set() for _ in moments[1:]]
    under = [set() for _ in deltas]
    for event in events:
        number = bisect.bisect_right(moments, event.time) - 1
        if event.kind == DIRTIED and 0 <= number < len(deltas):
            deltas[number].add(event.page)
            if event.writeback:
                under[number].add(event.page)
    pairs = list(itertools.pairwise(deltas))  # the last delta is only looked at as the one after
    return {
        "pages": [len(pages) for pages, _ in pairs],
        "again_next": [len(pages & later) for pages, later in pairs],
        "under_writeback": [len(pages) for pages in under[:-1]],
    }


def _one_run(program, throttle: Throttle, delta_ms: int, device: tuple) -> tuple[dict, int]:
    """The trace entry of one run, and how many events were lost."""
    rate, stable = device
    events, lost, moments, flusher = _watch(program, throttle, delta_ms, rate)
    if len(moments) < 3:
        raise Inconclusive("fewer than two deltas were flushed")
    waits = [event for event in events if event.kind == WAITED and event.writeback and event.process != flusher]
    entry = {
        "delta_ms": delta_ms,
        "write_bytes_per_second": rate,
        "stable_writes": stable,
        "seconds": round((moments[-1] - moments[0]) / 1e9, 3),
        **count_deltas(events, moments),
        "waits": len(waits),
        "pages_held_by_others": len(held_pages(events)),
    }
    return entry, lost


def _census(run, make) -> dict:
    """All delta lengths on all devices; the facts, with the trace left in ``run``."""
    runs, lost_events, file_pages = [], 0, 0
    volumes = {stable: _volume(run, stable) for stable in (False, True)}
    throttles = {stable: Throttle(run, volume.device) for stable, volume in volumes.items()}
    for number, (device, delta_ms) in enumerate(itertools.product(_DEVICES, _DELTAS_MS)):
        _, stable = device
        folder = volumes[stable].point / str(number)
        folder.mkdir()
        program = make(folder)
        _sync_volume(folder)
        entry, lost = _one_run(program, throttles[stable], delta_ms, device)
        file_pages = os.stat(program.path).st_size // PAGE
        program.close()
        runs.append(entry)
        lost_events += lost
    run.trace = {
        "program": make.label,
        "method": "BPF on writeback_dirty_folio and folio_wait_writeback",
        "page_bytes": PAGE,
        "file_pages": file_pages,
        "runs": runs,
    }
    return _facts(runs, lost_events)


def _sync_volume(folder) -> None:
    fd = os.open(folder, os.O_RDONLY)
    checked(call("syncfs", fd), "syncfs")
    os.close(fd)


def _volume(run, stable: bool) -> Volume:
    volume = Volume(run, "ext4", name=f"census-{int(stable)}")
    volume.set_stable_writes(stable)
    volume.mount()
    return volume


def _facts(runs: list[dict], lost_events: int) -> dict:
    full, slowed, slowed_stable = (
        [run for run in runs if (run["write_bytes_per_second"], run["stable_writes"]) == device] for device in _DEVICES
    )
    return {
        "pages are written again in the next delta": any(sum(run["again_next"]) for run in full),
        "slow device: pages are written under writeback": any(sum(run["under_writeback"]) for run in slowed),
        "slow device, stable pages: the program waits": any(run["waits"] for run in slowed_stable),
        "somebody else held a page that was written": any(run["pages_held_by_others"] for run in runs),
        "events were lost": lost_events > 0,
    }


def census_counter(run) -> dict:
    """A counter in a shared mapping."""
    return _census(run, Counter)


def census_lmdb(run) -> dict:
    """LMDB."""
    return _census(run, Lmdb)


def census_sqlite(run) -> dict:
    """SQLite."""
    return _census(run, Sqlite)


def census_control(run) -> dict:
    """Would the census notice a holder?  One page is held by one pipe, one by four, one by nobody."""
    volume = _volume(run, stable=False)
    fd = run.new_file("victim", 3, volume.point)
    region = Region(3, fd=fd, shared=True)
    for page in range(3):
        region.read(page)
    for page, holders in ((1, 1), (2, 4)):
        for _ in range(holders):
            checked(PipeHolder().hold_memory(region.address(page)), "vmsplice")
    log = DirtyLog(volume.point / "victim")
    for _ in range(_OFTEN):
        for page in range(3):
            region.write(b"store", page)
        os.fsync(fd)
    events, _ = log.stop()
    held = held_pages(events)
    return {
        "events were seen": len(events) >= 3 * _OFTEN,
        "free page counts as held": 0 in held,
        "page in one pipe counts as held": 1 in held,
        "page in four pipes counts as held": 2 in held,
    }


_NEEDS = ("disk", "root", "frames", "loop", "throttle", "bpf", "tool:mkfs.ext4")
_SOURCES = ("mm/page-writeback.c:folio_account_dirtied", "mm/page-writeback.c:folio_wait_writeback")


def _witness(name: str, case: str, function, what: str, *needs: str) -> Witness:
    return Witness(
        name=name,
        case=case,
        function=function,
        needs=(*_NEEDS, *needs),
        timeout=90,
        question=f"How often would a page fork be needed under {what}, and did anybody else hold the page?",
        model_says="Often as soon as the device is slower than the program, and nobody else holds the page: "
        "a check for extra references would hardly ever refuse.",
        beyond="How often is no question to the model; the trace is its cost model's input.",
        predicts={
            "pages are written again in the next delta": True,
            "slow device: pages are written under writeback": True,
            "slow device, stable pages: the program waits": True,
            "somebody else held a page that was written": False,
            "events were lost": False,
        },
        sources=_SOURCES,
    )


WITNESSES = (
    Witness(
        name="census-control",
        case="splice",
        function=census_control,
        needs=_NEEDS,
        question="Does the census notice a page that somebody else holds?",
        model_says="Yes: a pipe's reference shows beside those that the kernel explains.",
        beyond="Whether a measurement sees what it should is no question to the model.",
        predicts={
            "events were seen": True,
            "free page counts as held": False,
            "page in one pipe counts as held": True,
            "page in four pipes counts as held": True,
        },
        sources=_SOURCES,
    ),
    _witness("census-counter", "mmap", census_counter, "a counter in a shared mapping"),
    _witness("census-lmdb", "mmap", census_lmdb, "LMDB, which stores through a mapping", "module:lmdb"),
    _witness("census-sqlite", "ordinary", census_sqlite, "SQLite, which uses write(2)", "module:sqlite3"),
)
