"""What a policy costs: counted on workloads that walk through the model, scaled by recorded traces where there are any.

A workload has parts. A part is what one more page costs that is written, held or poked in this way: the counts of a
walk with it less those of the walk without it (see `tux3nb.answers.walks`), for each phase of a write-out that the
next write may meet. ``data/workloads.csv`` says how many pages that are, and where the number comes from; a number that
nobody has recorded is marked as assumed. Delta interval and device are axes. Workloads stand side by side: none meets
the barrier of another.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from tux3nb.answers.least import by_owner, mechanisms
from tux3nb.answers.walks import PHASES, Walk, walks
from tux3nb.cases.case import Case
from tux3nb.engine.family import PolicySet
from tux3nb.engine.policy import Policy
from tux3nb.errors import UserError, nearest
from tux3nb.model.features import BLOCK_LAYER, CORE_MM, FILE_SYSTEM, HOLDER, named_policy
from tux3nb.paths import data_dir, read_record

PAGE = 4096 / 1e6  # MB
COLUMNS = ("workload", "parameter", "value", "unit", "source")
COSTS = {  # cost -> unit and what it is
    "forks": "1/s: page forks",
    "copied": "MB/s: copied by forks, reverse forks and bounces",
    "bounced": "1/s: bounce copies",
    "written": "MB/s: pages of files written to the disk",
    "extra": "MB/s: of these, what the disk has already",
    "waits": "1/s: waits for an I/O, a commit, a holder or the barrier, and of a delta or a device that is held back",
    "stalled": "ms/s: how long all these waits together last",
    "orphans": "folios: forked, and not freed yet",
    "memory": "MB: held beyond one folio a page",
    "faults": "1/s: write faults and faults of GUP",
    "ipis": "1/s: interrupts of other CPUs by TLB flushes",
    "turned_away": "1/s: pages of work that a refusal turns away: done through a copy of the user's own, or not at all",
    "refused": "kinds of workload in which an operation is refused",
    "failed": "kinds of workload in which a page ends in a failed assertion, or never; such pages cost nothing else",
    "file_system": "mechanisms that the file system has to build",
    "block_layer": "mechanisms that the block layer has to build",
    "core_mm": "mechanisms that core mm has to build",
    "holder": "mechanisms that holders have to build",
}
UNIT = {cost: text.partition(": ")[0] if ": " in text else "" for cost, text in COSTS.items()}
OWNERS = {"file_system": FILE_SYSTEM, "block_layer": BLOCK_LAYER, "core_mm": CORE_MM, "holder": HOLDER}
BASELINES = ("stable_pages", "in_place", "tux3", "mainline_6_5", "btrfs_csum")
DEFAULT = (20, "fast")
COUNTED = {  # count of a walk -> the costs that it is, by how many units each
    "forks": {"forks": 1, "copied": PAGE},
    "snapshots": {"copied": PAGE},
    "bounces": {"bounced": 1, "copied": PAGE},
    "written": {"written": PAGE},
    "extra": {"extra": PAGE},
    "waits": {"waits": 1},
    "faults": {"faults": 1},
}


# ---- workloads -------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Part:
    """What one page more costs: a script with it, the same script without it, and the parameter that counts such pages.

    Columns as in a case; `more` are the cells that the script without it leaves out.
    """

    columns: str
    less: str
    mappings: tuple[str, ...]


SHARED, BESIDE = ("app",), ("app", "tail:p1")  # beside the page another one, which the delta before has
NOTHING = "app | kernel\nload p0:0 | transition"
REGISTERED = """
    app            | owner                             | device                       | kernel
    a: store p0:0  | r: mr_register app p0 after a     | w: device_write p0:1 after r | t: transition after w
    {app}          | z: mr_deregister owner p0 after r | {device}                     | {transition}
                   |                                   |                              | transition after z"""
IDLE = REGISTERED.format(app="", device="", transition="u: transition after t")


def after(first: str, then: str, mappings: tuple[str, ...] = SHARED, when: str = "after t") -> Part:
    """A page for which a task does `then` when a delta has closed in which it did `first`."""
    head = f"app | kernel\na: {first} | t: transition after a\n"
    return Part(f"{head}b: {then} {when} | transition after b", f"{head} | transition after t", mappings)


WORKLOADS: dict[str, dict[str, Part]] = {
    "database": {
        "fresh": after("store tail p1", "store p0", BESIDE),
        "again": after("store p0:0", "store p0:0"),
    },
    "log": {
        "fresh": Part("app | kernel\na: write p0:0 | transition after a", NOTHING, SHARED),
        "again": after("write p0:0", "write p0:0"),
    },
    "rdma": {
        "held": Part(IDLE, REGISTERED.format(app="", device="", transition=""), SHARED),
        "received": Part(
            REGISTERED.format(app="", device="x: device_write p0:1 after t", transition="u: transition after x"),
            IDLE,
            SHARED,
        ),
        "stored": Part(
            REGISTERED.format(app="b: store p0:0 after t", device="", transition="u: transition after b"),
            IDLE,
            SHARED,
        ),
    },
    "aio": {
        "read": after("dio_read p0:1", "dio_read p0:1"),
        "crossing": after("dio_read p0:1", "dio_read p0:1", when=""),
    },
    "debugger": {
        "poked": Part(
            """
            app           | tracer                   | kernel
            a: store p0:0 | b: poke app p0:1 after t | t: transition after a
                          |                          | transition after b""",
            "app | kernel\na: store p0:0 | t: transition after a\n | transition after t",
            SHARED,
        ),
    },
    "build": {
        "rewritten": Part(
            """
            linker               | app                  | kernel
            a: write p0:0        | load p0:0 after a    | t: transition after a
            b: write p0:0 after t | load p0:0 after b    | transition after b""",
            """
            linker               | app                  | kernel
            a: write p0:0        | load p0:0 after a    | t: transition after a
                                 | load p0:0 after t    | transition after t""",
            ("app:private",),
        ),
    },
}
NUMBERS = (("rdma", "registered"), ("aio", "lasts"), ("all", "threads"), ("all", "queued"), ("all", "protect"))
UNITS = {"held": "pages", "crossing": "pages", "threads": "threads", "queued": "share"}  # of others: pages/s, or s


@cache
def case_of(columns: str, mappings: tuple[str, ...]) -> Case:
    """The world of a script: room for every copy that a policy may make."""
    pages = 1 + (mappings == BESIDE)
    return Case(
        "workload", "cost", "a workload", "What does it cost?", columns, mappings, pages=pages, folios=6, deltas=4
    )


@cache
def walked(columns: str, mappings: tuple[str, ...], phase: str) -> list[tuple[PolicySet, Walk]]:
    """Every way in which policies walk through a script; see `tux3nb.answers.walks`."""
    case = case_of(columns, mappings)
    return walks(case, case.product(), phase)


@cache
def _walk(columns: str, mappings: tuple[str, ...], phase: str, policy: tuple[tuple[str, str], ...]) -> Walk:
    return next(walk for policies, walk in walked(columns, mappings, phase) if dict(policy) in policies)


def walk_of(columns: str, mappings: tuple[str, ...], phase: str, policy: Policy) -> Walk:
    """How one policy walks through a script, with no mechanism switched off."""
    return _walk(columns, mappings, phase, tuple(policy.items()))


# ---- parameters --------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Device:
    """A disk at one delta interval: seconds between deltas, and of the pages written again the share that meets their
    write-out under way.
    """

    seconds: float
    submitted: float


@dataclass(frozen=True)
class Parameters:
    """How many pages a workload has, and how that is known. rates: (workload, part) -> pages/s.

    device: see `Device`. queued: the share of the pages written again that the flusher has not met. protect,
    registered, lasts: seconds that it takes to write-protect a PTE, that a region is registered, that a direct read
    lasts. assumed: what no trace has recorded, as ``workload.parameter``.
    """

    rates: dict[tuple[str, str], float]
    device: Device
    queued: float
    threads: float
    protect: float
    registered: float
    lasts: float
    assumed: tuple[str, ...]

    @property
    def swept(self) -> float:
        """Seconds that it takes to write-protect the PTEs of a closed delta: those of the pages of the database."""
        pages = sum(rate for (workload, _), rate in self.rates.items() if workload == "database")
        return self.protect * pages * self.device.seconds

    @property
    def shares(self) -> dict[str, float]:
        """Phase -> the share of the pages that meet it."""
        rest = 1 - self.device.submitted
        closed = min(rest, self.swept / self.device.seconds)
        queued = max(0.0, min(rest, self.queued) - closed)
        return {
            "closed": closed,
            "queued": queued,
            "submitted": self.device.submitted,
            "done": rest - closed - queued,
        }


@dataclass(frozen=True)
class Given:
    """A row of the workload file, and its line."""

    workload: str
    parameter: str
    value: str
    unit: str
    source: str
    line: int


def given(path: Path | None = None) -> list[Given]:
    """The rows of the workload file; UserError, which names the row, for one that cannot be right."""
    path = path or data_dir() / "workloads.csv"
    lines = csv.reader(io.StringIO(read_record(path, "it comes with the code")))
    head = tuple(next(lines))
    if head != COLUMNS:
        raise UserError(f"{path}, line 1: the columns are {', '.join(head)}, and should be {', '.join(COLUMNS)}")
    rows = []
    for cells in lines:
        where = f"{path}, line {lines.line_num}"
        if len(cells) != len(COLUMNS):
            raise UserError(f"{where}: {len(cells)} cells, and there are {len(COLUMNS)} columns")
        rows.append(_checked(Given(*cells, lines.line_num), where))
    known = {(r.workload, r.parameter) for r in rows}
    for key in [*((w, p) for w, parts in WORKLOADS.items() for p in parts), *NUMBERS]:
        if key not in known:
            raise UserError(f"{path}: no row for {key[0]}, {key[1]}")
    return rows


def _checked(row: Given, where: str) -> Given:
    if row.parameter == "device":
        known = {"device"}
    elif row.workload == "all" or row.workload in WORKLOADS:
        known = {*WORKLOADS.get(row.workload, ()), *(p for w, p in NUMBERS if w == row.workload)}
    else:
        raise UserError(f"{where}: no workload {row.workload!r}{nearest(row.workload, [*WORKLOADS, 'all'])}")
    if row.parameter not in known:
        raise UserError(f"{where}: {row.workload} has no parameter {row.parameter!r}{nearest(row.parameter, known)}")
    unit = UNITS.get(row.parameter, "s" if (row.workload, row.parameter) in NUMBERS else "pages/s")
    if row.unit not in (unit, "trace") or (row.parameter == "device" and row.unit != "trace"):
        wanted = "trace" if row.parameter == "device" else f"{unit} or trace"
        raise UserError(f"{where}: the unit of {row.parameter} is {wanted}, not {row.unit!r}")
    if not row.source:
        raise UserError(f"{where}: the source is missing; write 'assumed: ...' where nobody has measured")
    if row.unit == "trace":
        _runs(row.value, where)
    else:
        _number(row.value, where, share=unit == "share")
    return row


def _number(text: str, where: str, share: bool = False) -> float:
    try:
        value = float(text)
    except ValueError:
        raise UserError(f"{where}: {text!r} is no number") from None
    if not 0 <= value <= (1 if share else 1e15):
        raise UserError(f"{where}: {text} is out of range{' (a share is between 0 and 1)' if share else ''}")
    return value


def _runs(name: str, where: str) -> dict[int, dict[str, Any]]:
    """Delta interval in ms -> the run of a trace, ``NAME`` or ``NAME:BYTES_PER_SECOND``, that nothing held up."""
    file, _, throttle = name.partition(":")
    known = sorted(p.stem for p in (data_dir() / "traces").glob("*.json"))
    if file not in known:
        raise UserError(f"{where}: no trace {file!r}{nearest(file, known)}")
    speed = int(_number(throttle, where)) if throttle else None
    runs = json.loads((data_dir() / "traces" / f"{file}.json").read_text(encoding="utf-8"))["runs"]
    found = {r["delta_ms"]: r for r in runs if r["write_bytes_per_second"] == speed and not r["stable_writes"]}
    if not found or any(r["under_writeback"] is None for r in found.values()):
        raise UserError(f"{where}: the trace {file} has no run {f'at {speed} bytes/s' if speed else 'at full speed'}")
    return found


def devices(path: Path | None = None) -> dict[str, tuple[int, ...]]:
    """Device -> the delta intervals (ms) that are recorded with it."""
    return {r.workload: tuple(_runs(r.value, "")) for r in given(path) if r.parameter == "device"}


def parameters(delta_ms: int = DEFAULT[0], device: str = DEFAULT[1], path: Path | None = None) -> Parameters:
    """The numbers for one delta interval and device. UserError for those that no trace has."""
    rows = given(path)
    by_key = {(r.workload, r.parameter): r for r in rows}
    if (device, "device") not in by_key:
        raise UserError(f"no device {device!r}{nearest(device, devices(path))}")
    where = f"{device}, {delta_ms} ms"
    recorded = _runs(by_key[device, "device"].value, where)
    if delta_ms not in recorded:
        raise UserError(f"no trace has a delta interval of {delta_ms} ms; recorded: {', '.join(map(str, recorded))}")
    run, throttle = recorded[delta_ms], by_key[device, "device"].value.partition(":")[2]
    seconds = run["seconds"] / len(run["pages"])
    submitted = min(1.0, sum(run["under_writeback"]) / max(1, sum(run["again_next"])))
    numbers = {name: float(by_key[workload, name].value) for workload, name in NUMBERS}
    numbers["queued"] *= 1 - submitted
    rates = {}
    for row in rows:
        if row.workload in WORKLOADS and row.parameter in WORKLOADS[row.workload]:
            rates[row.workload, row.parameter] = _rate(row, throttle, delta_ms, seconds)
    return Parameters(
        rates,
        Device(seconds, submitted),
        assumed=tuple(f"{r.workload}.{r.parameter}" for r in rows if r.unit != "trace"),
        **numbers,
    )


def _rate(row: Given, throttle: str, delta_ms: int, seconds: float) -> float:
    """Pages a second; pages that are held cost so much in every delta."""
    if row.unit == "trace":
        runs = _runs(f"{row.value.partition(':')[0]}{':' * bool(throttle)}{throttle}", f"line {row.line}")
        if delta_ms not in runs:
            raise UserError(f"line {row.line}: the trace {row.value} has no delta interval of {delta_ms} ms")
        run = runs[delta_ms]
        again = sum(run["again_next"])
        return (again if row.parameter == "again" else sum(run["pages"]) - again) / run["seconds"]
    value = float(row.value)
    return value / seconds if row.unit == "pages" else value


# ---- costs -------------------------------------------------------------------------------------------------------
def more(part: Part, phase: str, policy: Policy) -> tuple[Counter, int, int]:
    """What one page more costs in a phase: counts, folios at once, orphans at once.

    Of a run that ends early nothing is counted but what was refused, or else that it failed: the operations that it
    would pay for never come.
    """
    with_it, without = (walk_of(columns, part.mappings, phase, policy) for columns in (part.columns, part.less))
    if with_it.ends != "done":
        refused = with_it.counts["refused"]
        return Counter({"refused": refused, "failed": int(not refused)}), 0, 0
    counts = Counter(with_it.counts)
    counts.subtract(without.counts)
    counts["refused"] = with_it.counts["refused"]
    peak, orphans = max(0, with_it.peak - without.peak), max(0, with_it.orphans - without.orphans)
    return counts, peak, orphans


def costs_of(policy: Policy, numbers: Parameters, workloads: Sequence[str] = tuple(WORKLOADS)) -> dict[str, float]:
    """Every cost of a policy, of some workloads side by side. UserError for an unknown workload."""
    found, delta = dict.fromkeys(COSTS, 0.0), numbers.device.seconds
    for workload in workloads:
        if workload not in WORKLOADS:
            raise UserError(f"no workload {workload!r}{nearest(workload, WORKLOADS)}")
        ends = {"refused": False, "failed": False}
        for name, part in WORKLOADS[workload].items():
            rate = numbers.rates[workload, name]
            asked = rate  # pages that are held cost something in every delta, and are asked for once
            if name == "held":
                asked *= min(1, delta / (numbers.registered or delta))
            for phase, share in numbers.shares.items():
                counts, peak, orphans = more(part, phase, policy)
                ends = {end: known or counts[end] > 0 for end, known in ends.items()}
                found["turned_away"] += asked * share * counts["refused"]
                _add(found, counts, peak, orphans, rate * share, phase, numbers)
        for end, known in ends.items():
            found[end] += known
    for cost, owner in OWNERS.items():
        found[cost] = len(by_owner(policy).get(owner, ()))
    return found


def _add(
    found: dict[str, float], counts: Counter, peak: int, orphans: int, rate: float, phase: str, numbers: Parameters
):
    """Add what so many pages a second cost. A wait lasts half of a write-out where that is under way, and all of it
    where it has not begun; one for a holder lasts as long as the holder stays. A wait for the barrier lasts half of the
    time that the barrier needs; one of a device that is held back, half of that until the flusher has met all pages.
    """
    for count, units in COUNTED.items():
        for cost, unit in units.items():
            found[cost] += rate * counts[count] * unit
    delta, device = numbers.device.seconds, numbers.device
    write_out = delta * device.submitted
    lasts = {
        "wait_io": write_out / (2 if phase == "submitted" else 1),
        "wait_commit": write_out,
        "wait_release": numbers.registered,
        "wait_sweep": numbers.swept / 2,
        "wait_quiesce": numbers.lasts / 2,
        "wait_pause": delta * numbers.queued / 2,
    }
    found["stalled"] += sum(rate * counts[wait] * 1000 * seconds for wait, seconds in lasts.items())
    found["ipis"] += rate * counts["flushes"] * (numbers.threads - 1)
    found["orphans"] += rate * delta * orphans
    found["memory"] += rate * (delta * peak + write_out * counts["bounces"]) * PAGE


# ---- the front -----------------------------------------------------------------------------------------------------
def classes(policies: PolicySet, workloads: Sequence[str] = tuple(WORKLOADS)) -> list[PolicySet]:
    """A set of policies in parts, in each of which all walk alike, and so cost the same, mechanisms aside."""
    parts = [policies]
    for part in (part for workload in workloads for part in WORKLOADS[workload].values()):
        for columns in (part.columns, part.less):
            for phase in PHASES:
                groups = walked(columns, part.mappings, phase)
                parts = [both for p in parts for group, _ in groups if (both := p & group)]
    return parts


def candidates(policies: PolicySet, workloads: Sequence[str] = tuple(WORKLOADS)) -> list[dict[str, str]]:
    """The policies of a set that can be on the front: of those that walk alike, the ones with nothing to spare.

    Exact: any other policy of the set costs no less than one of these, in no respect. Two that cost the same and of
    which one has a mechanism more are one here.
    """
    return [p for alike in classes(policies, workloads) for p in alike.minimal().policies()]


def front(rows: Mapping[Any, Mapping[str, float]], costs: Iterable[str] = tuple(COSTS)) -> list[Any]:
    """The keys of the rows that no other row beats: as low in each of these costs, and lower in one.

    UserError for an unknown cost, or none.
    """
    names = list(costs)
    for name in names:
        if name not in COSTS:
            raise UserError(f"no cost {name!r}{nearest(name, COSTS)}")
    if not names:
        raise UserError("name at least one cost")
    vectors = {key: tuple(row[name] for name in names) for key, row in rows.items()}

    def beaten(mine: tuple[float, ...]) -> bool:
        return any(v != mine and all(a <= b for a, b in zip(v, mine, strict=True)) for v in vectors.values())

    return [key for key, mine in vectors.items() if not beaten(mine)]


def front_of(
    policies: PolicySet,
    numbers: Parameters,
    over: Iterable[str] = tuple(COSTS),
    workloads: Sequence[str] = tuple(WORKLOADS),
) -> list[tuple[dict[str, str], dict[str, float]]]:
    """The policies of a set that no other one beats in every cost of `over`, with their costs."""
    found = candidates(policies, workloads)
    rows = {n: costs_of(p, numbers, workloads) for n, p in enumerate(found)}
    best = sorted(front(rows, over), key=lambda n: (len(mechanisms(found[n])), n))
    return [(found[n], rows[n]) for n in best]


def scaled(numbers: Parameters, name: str, factor: float) -> Parameters:
    """The numbers with one that is assumed (``workload.parameter``) multiplied; a share stays a share."""
    workload, _, parameter = name.partition(".")
    key = workload, parameter
    if key in numbers.rates:
        return replace(numbers, rates={**numbers.rates, key: numbers.rates[key] * factor})
    return replace(numbers, **{parameter: getattr(numbers, parameter) * factor})


def sensitivity(
    policies: PolicySet,
    numbers: Parameters,
    over: Iterable[str] = tuple(COSTS),
    workloads: Sequence[str] = tuple(WORKLOADS),
    factors: Sequence[float] = (0, 0.1, 10),
) -> dict[str, dict[float, tuple[int, int]]]:
    """Assumed number -> factor -> how many policies join the front, and how many leave it, where the number is so much
    smaller or larger. Factors that change nothing are left out: a number without any decides nothing.
    """
    found, costs = candidates(policies, workloads), list(over)

    def best(given: Parameters) -> set[int]:
        return set(front({n: costs_of(p, given, workloads) for n, p in enumerate(found)}, costs))

    now, changed = best(numbers), {}
    for name in numbers.assumed:
        then = {factor: best(scaled(numbers, name, factor)) for factor in factors}
        changed[name] = {f: (len(b - now), len(now - b)) for f, b in then.items() if b != now}
    return changed


def baselines() -> dict[str, dict[str, str]]:
    """The named policies that others are compared with, safe or not."""
    return {name: named_policy(name) for name in BASELINES}
