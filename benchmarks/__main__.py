"""``make bench``: figures side by side with the peers', round after round, so that all see the same noise.

QUICK=1: a minute or two. FULL=1: adds 10^7 and 10^8 shared states and `make report` (an hour, 20 GiB). ONLY="cold
synthetic": just these parts. BENCH_PROVELINES: a build of ProVeLines; BENCH_PEER_PYTHON: a Python that has the peers.
"""

from __future__ import annotations

import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.oracles.spin import FASTEST, SpinError, compile_pan, compiler, missing

from . import provelines
from .worlds import SYNTHETIC, by_hand, family, world

HERE = Path(__file__).parent
QUICK, FULL = bool(os.environ.get("QUICK")), bool(os.environ.get("FULL"))
MODE = "QUICK" if QUICK else "FULL" if FULL else "default"
PATIENCE = 3600  # seconds
SPIN_MEMORY = 8192  # MiB that a run of SPIN may take, so that the machine keeps some
Row = tuple[str, str, str, bool | None]  # what, measured, asked for, whether that is reached (None: nothing asked)


def child(*command: str, python: str = sys.executable) -> dict:
    """Run a measuring process; its figures, and `process`: the seconds from its start to its end."""
    begin = time.perf_counter()
    done = subprocess.run(
        [python, *command], cwd=HERE.parent, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    spent = time.perf_counter() - begin
    last = done.stdout.strip().splitlines()[-1:]
    if done.returncode not in (0, 1, 3) or not last:
        raise RuntimeError(done.stderr.strip()[-300:] or f"exit {done.returncode}")
    return {**(json.loads(last[0]) if last[0].startswith("{") else {}), "process": spent}


job = partial(child, "-m", "benchmarks.child")


def medians(jobs: dict[str, Callable[[], dict]], rounds: int, key: str = "seconds") -> dict[str, dict]:
    """Each job once a round, in turn; the figures of the last run with the median, lowest and highest of `key`."""
    found: dict[str, list[dict]] = {name: [] for name in jobs}
    for n in range(1 if QUICK else rounds):
        for name, one in jobs.items():
            if found[name] and found[name][-1].get("states", 0) is None:
                continue  # it was stopped, and would be again
            print(f"  {name}, round {n + 1}", file=sys.stderr, flush=True)
            found[name].append(one())
    out = {}
    for name, runs in found.items():
        values = [run[key] for run in runs]
        out[name] = {
            **runs[-1],
            key: statistics.median(values),
            "low": min(values),
            "high": max(values),
            "n": len(values),
        }
    return out


def told(figures: dict, key: str = "seconds") -> str:
    return f"{figures[key]:.3g} s ({figures['low']:.3g}-{figures['high']:.3g}, n={figures['n']})"


def times(ratio: float) -> str:
    return f"{ratio:,.0f}x" if ratio >= 10 else f"{ratio:.2g}x"


# ---- parts ---------------------------------------------------------------------------------------------------
def products() -> Iterator[Row]:
    """The whole product of a case, against a run of SPIN for each policy and for each class of policies that differ."""
    for name in ("rdma",) if QUICK else ("rdma", "ptrace", "wide"):
        ours = medians({name: partial(job, "search", "numpy", name, "whole")}, 3)[name]
        size = f"{name}: {ours['policies']:,} policies, {ours['states']:,} shared states"
        yield f"{size}, numpy", told(ours), "", None
        if reason := missing():
            yield f"{name}: SPIN", f"not measured: {reason}", "", None
            continue
        each = spin_each(name, 5 if QUICK else 30)
        whole = each * ours["policies"] / ours["seconds"]
        yield (
            f"{name}: one SPIN run a policy ({each:.3g} s, mean of random ones), extrapolated",
            times(whole),
            "10,000x",
            whole >= 1e4,
        )
        differ = job("classes", name)["classes"]
        ratio = each * differ / ours["seconds"]
        yield f"{name}: one SPIN run for each of {differ:,} classes that differ", times(ratio), "100x", ratio >= 100


def spin_each(name: str, policies: int) -> float:
    """Seconds of pan alone for one policy: the mean of random ones of the product, with one compiled program."""
    product = family(name, "whole")
    rng, vary = random.Random(name), {f.id: list(f.values) for f in product.vary}
    spent: list[float] = []
    with tempfile.TemporaryDirectory(prefix="tux3nb-bench-") as folder:
        pan = compile_pan(world(name), product.base, vary, Path(folder), FASTEST)
        while len(spent) < policies:
            policy = {**product.base, **{f: rng.choice(values) for f, values in vary.items()}}
            if product.features.why_not(policy) is None:
                spent.append(pan.run({f: policy[f] for f in vary}, slots=20).seconds["pan"])
    return statistics.mean(spent)


def synthetic() -> Iterator[Row]:
    """Families made for it: against one nondeterministic run of SPIN written by hand, and ProVeLines where it is."""
    for size in ("2^9",) if QUICK else SYNTHETIC:
        search = partial(job, "search", "auto", f"synthetic-{size}", "whole")
        ours = medians({size: search}, 3)[size]
        yield f"{size} products, {ours['states']:,} shared states", told(ours), "", None
        if SYNTHETIC[size][2] > 20:
            yield f"{size}: SPIN by hand", "impossible: it keeps each product's states apart", "", None
        elif not missing():
            found = [spin_by_hand(size) for _ in range(1 if QUICK else 3)]
            spent, whole = statistics.median(s for s, _ in found), all(done for _, done in found)
            what = "" if whole else f", not finished: {SPIN_MEMORY >> 10} GiB were full"
            ratio, least = spent / ours["seconds"], "" if whole else "> "
            yield f"{size}: SPIN by hand {spent:.3g} s{what}", least + times(ratio), "2x", ratio >= 2
        yield beside_provelines(size, search)


def beside_provelines(size: str, search: Callable[[], dict]) -> Row:
    """Our search and that of ProVeLines in turn, in processor time, for it tells nothing else."""
    if not (program := os.environ.get("BENCH_PROVELINES")):
        return f"{size}: ProVeLines", "not measured: BENCH_PROVELINES names no build of it", "3x", None
    limit = PATIENCE if FULL else 300
    with tempfile.TemporaryDirectory(prefix="tux3nb-bench-") as folder:
        model = Path(folder) / "model.json"
        provelines.write(model, *SYNTHETIC[size])
        jobs = {"ours": search, "ProVeLines": partial(provelines.search, program, model, limit)}
        try:
            ours, theirs = medians(jobs, 3, "processor").values()
        except RuntimeError as e:
            return f"{size}: ProVeLines", f"failed: {str(e)[:200]}", "3x", False
    ratio = theirs["processor"] / ours["processor"]
    what = f"{size}: ProVeLines {told(theirs, 'processor')} of processor time, ours {told(ours, 'processor')}"
    if theirs["states"] is None:
        return f"{what}: stopped unfinished", f"more than {times(ratio)}", "3x", ratio >= 3
    if theirs["states"] != ours["states"]:
        return f"{size}: ProVeLines", f"failed: it explored {theirs['states']:,} states", "3x", False
    return what, times(ratio), "3x", ratio >= 3


def spin_by_hand(size: str) -> tuple[float, bool]:
    """Seconds of pan alone, and whether it has been through every state before its memory was full."""
    with tempfile.TemporaryDirectory(prefix="tux3nb-bench-") as name:
        folder = Path(name)
        (folder / "model.pml").write_text(by_hand(*SYNTHETIC[size]))
        build = [compiler() or "cc", *FASTEST, f"-DMEMLIM={SPIN_MEMORY}", "-w", "-o", "pan", "pan.c"]
        for command in (["spin", "-a", "model.pml"], build):
            subprocess.run(command, cwd=folder, check=True, capture_output=True)
        begin = time.perf_counter()
        pan = ["./pan", "-E", "-n", "-m1000000", "-w24"]
        done = subprocess.run(pan, cwd=folder, check=False, capture_output=True, text=True)
        spent, said = time.perf_counter() - begin, done.stdout + done.stderr
        full = "memory limit" in said or "out of memory" in said
        if done.returncode and not full:
            raise SpinError(said[-300:])
        return spent, not full and "Search not completed" not in said


def everything() -> Iterator[Row]:
    """Every world from nothing, as a user asks for it: two processes."""
    if not QUICK:
        for what, more, most in (
            ("all cases", ["--worlds", "cases"], 30),
            ("all cases and free-running worlds", [], 240),
        ):
            spent = child("-m", "tux3nb", "policies", "--fresh", "--json", *more)["process"]
            yield f"{what}, whole product, from nothing", f"{spent:.3g} s", f"{most} s", spent < most


def one_policy() -> Iterator[Row]:
    """A large world under one policy against SPIN's run; and from nothing to verdicts and shortest runs."""
    for name in () if QUICK else ("huge", "deep") if FULL else ("huge",):
        ours = medians({name: partial(job, "search", "numpy", name, "one")}, 3)[name]
        yield f"{name}: {ours['states']:,} states of one policy, numpy", told(ours), "", None
        if not missing():
            with tempfile.TemporaryDirectory(prefix="tux3nb-bench-") as folder:
                pan = compile_pan(world(name), family(name, "one").policies[0], {}, Path(folder), FASTEST)
                spent = statistics.median(pan.run(slots=26).seconds["pan"] for _ in range(2))
            yield f"{name}: SPIN's run {spent:.3g} s", times(spent / ours["seconds"]), "1x", spent >= ours["seconds"]
    for name in ("rdma",) if QUICK else ("rdma", "medium", "huge"):
        ours = medians({name: partial(job, "answer", name)}, 3, "process")[name]
        if not missing():
            with tempfile.TemporaryDirectory(prefix="tux3nb-bench-") as folder:
                flags = ("-O0", *FASTEST[1:], "-DBFS")
                run = compile_pan(world(name), family(name, "one").policies[0], {}, Path(folder), flags).run(slots=24)
            spent = sum(run.seconds.values())
            yield (
                f"{name}: verdicts and shortest runs from nothing",
                told(ours, "process"),
                f"before spin + cc + pan, {spent:.3g} s",
                ours["process"] < spent,
            )


def increments() -> Iterator[Row]:
    """361,775 states: against the Python checkers of the same kind."""
    peer = os.environ.get("BENCH_PEER_PYTHON", sys.executable)
    ours = medians({"numpy": partial(job, "search", "numpy", "increment-3-4", "one")}, 3)["numpy"]
    yield f"increment, {ours['states']:,} states, numpy", told(ours), "", None
    for checker in ("minicheck", "musil"):
        try:
            found = child(str(HERE / "peers.py"), checker, "3", "4", python=peer)
        except RuntimeError as e:
            yield f"increment: {checker}", f"not measured: {str(e).splitlines()[-1][:80]}", "8x", None
        else:
            ratio = found["seconds"] / ours["seconds"]
            yield f"increment: {checker} {found['seconds']:.3g} s", times(ratio), "8x", ratio >= 8


def cold() -> Iterator[Row]:
    """From process start to the verdict of `rdma` with its run; and a toggle in a notebook that has shown the case."""
    command = ("-m", "tux3nb", "check", "rdma")
    ours = medians({"cold": lambda: child(*command)}, 7, "process")["cold"]
    yield "cold `tux3nb check rdma`", told(ours, "process"), "0.5 s", ours["process"] < 0.5
    found = job("toggles", "1" if QUICK else "3")
    what = f"toggle to answer, {found['runs']} over all cases"
    yield f"{what}, median", f"{found['seconds'] * 1000:.1f} ms", "50 ms", found["seconds"] < 0.05
    yield f"{what}, 95th percentile", f"{found['p95'] * 1000:.1f} ms", "100 ms", found["p95"] < 0.1
    seconds, name, states = found["worst"]
    yield "the slowest of them", f"{seconds:.3g} s: {name}, {states:,} states", "", None
    if FULL:
        spent = child("-m", "tux3nb", "report", "--out", tempfile.mkdtemp())["process"]
        yield "`tux3nb report` on a set-up clone", f"{spent:.3g} s", "60 s", spent < 60


def memory() -> Iterator[Row]:
    """Bytes of a shared state, with all that the search holds."""
    for name, scope in (
        (("rdma", "whole"),)
        if QUICK
        else (("wide", "whole"), ("deep", "one"), ("vast", "one"))
        if FULL
        else (("wide", "whole"),)
    ):
        found = job("search", "numpy", name, scope)
        each = found["megabytes"] * (1 << 20) / found["states"]
        large = found["states"] >= 10**7
        size = f"{found['states']:,} shared states in {found['seconds']:.3g} s, {found['megabytes'] / 1024:.2f} GiB"
        yield (
            f"{name}, {scope}: {size}",
            f"{each:.0f} bytes a state",
            "120 bytes" if large else "",
            each <= 120 if large else None,
        )


def scale() -> Iterator[Row]:
    """One world divided among workers, against the search in one process; and how worlds grow with each bound."""
    name = "aio+2" if QUICK else "mmap+2"
    told_of = {0: "in this process", 1: "1 worker", 2: "2 workers"}
    jobs = {w: partial(job, "sharded", name, "stable_pages", str(n)) for n, w in told_of.items()}
    found = medians(jobs, 3)
    plain, one, two = found.values()
    size = f"{name} under stable_pages, {plain['states']:,} states in {plain['layers']} layers"
    for what, figures in found.items():
        cpu = (
            f"{figures['cpu']:.3g} s of processors; progress {figures['judged']:.3g} s ({figures['cpu_judged']:.3g} s)"
        )
        yield f"{size}, {what}", f"{told(figures)}, {cpu}", "", None
    yield (
        "the price of sharding: processor time of 1 worker against this process",
        times(one["cpu"] / plain["cpu"]),
        "",
        None,
    )
    yield "what the second worker gives", times(one["seconds"] / two["seconds"]), "", None
    yield "bytes of a state in its layer, as it is sent and kept by Dask", f"{two['bytes']:.0f}", "", None
    yield "memory of the workers, all told", f"{two['resident']:.0f} bytes a state", "", None
    for bound, states in job("growth", "aio")["states"].items():
        yield f"aio under tux3, {bound}", f"{states:,} states", "", None


PARTS = (products, synthetic, everything, one_policy, increments, cold, memory, scale)


# ---- tables --------------------------------------------------------------------------------------------------
def machine() -> str:
    """Enough to tell two machines apart."""
    model = platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), model)
    except OSError:
        pass
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return f"{model}, {os.cpu_count()} processors, load before the run {load}, Python {platform.python_version()}"


def table(rows: list[Row]) -> str:
    signs = {None: "", True: "reached", False: "NOT reached"}
    lines = ["| what | measured | asked for | |", "|---|---|---|---|"]
    return "\n".join([*lines, *(f"| {what} | {value} | {goal} | {signs[ok]} |" for what, value, goal, ok in rows)])


def write(path: Path, text: str) -> None:
    """Put the tables of this mode between their markers in the README."""
    begin, end = f"<!-- {MODE} begin -->\n", f"<!-- {MODE} end -->"
    old = path.read_text()
    if begin in old and end in old:
        head, rest = old.split(begin)
        path.write_text(head + begin + text + "\n" + end + rest.split(end, 1)[1])


def main() -> int:
    only, began = os.environ.get("ONLY", "").split(), time.monotonic()
    head, rows = machine(), []
    with tempfile.TemporaryDirectory(prefix="tux3nb-bench-") as folder:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # bytecode is kept, as for any user
        os.environ["PYTHONPYCACHEPREFIX"] = folder
        child("-m", "tux3nb", "check", "rdma")
        for part in PARTS:
            if only and part.__name__ not in only:
                continue
            print(part.__name__, file=sys.stderr, flush=True)
            try:
                for row in part():
                    rows.append(row)
                    print(f"  {row[0]}: {row[1]}", file=sys.stderr, flush=True)
            except (SpinError, RuntimeError, subprocess.SubprocessError) as e:
                rows.append((f"{part.__name__}: the rest of it", f"failed: {str(e)[:200]}", "", False))
    minutes = (time.monotonic() - began) / 60
    text = f"{time.strftime('%Y-%m-%d %H:%M')}, {MODE}: {head}; {minutes:.1f} minutes\n\n{table(rows)}"
    if not only:
        write(HERE / "README.md", text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
