"""``make bench``: every engine in turn, round after round, so that all see the same noise; then the tables.

QUICK=1: the small world only (a minute). FULL=1: adds 10^7 shared states, 10^7 states of one policy and 10^8 shared
states (an hour or two, 16 GB). WORLDS="small family,vast family": just these. RESULTS=name: what the JSON file is
called.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.oracles.spin import FASTEST, SpinError, compile_pan, compiler, missing
from tux3nb.model.features import TUX3

from .plot import plot
from .report import write_readme
from .worlds import family, only, world

HERE = Path(__file__).parent
QUICK, FULL = bool(os.environ.get("QUICK")), bool(os.environ.get("FULL"))
SLOTS = {"small": 22, "medium": 24, "wide": 25, "large": 26, "huge": 28, "deep": 25}  # log2 of SPIN's hash table
MODE = "QUICK" if QUICK else "FULL" if FULL else "default"
PATIENCE = 7200
DIFFER, EACH, REDUCED, HASHED = (
    "spin, policies that differ", "spin, one run a policy", "spin, reduced", "spin, hash-compact (not exact)"
)  # fmt: skip
ROUNDS = {  # (world, scope) -> engine -> how often it is measured
    ("small", "family"): {"scalar": 1, "frontier": 3, "compiled": 3, "forgetting": 1, "spin": 3, DIFFER: 1},
    ("medium", "family"): {"frontier": 2, "compiled": 3, "forgetting": 1, "spin": 1},
    ("wide", "family"): {"frontier": 2, "compiled": 3, "forgetting": 1, "spin": 1},
    ("small", "one"): {"scalar": 3, "frontier": 3, "compiled": 3, "spin": 3, REDUCED: 1},
    ("medium", "one"): {"scalar": 1, "frontier": 3, "compiled": 3, "spin": 3},
    ("large", "one"): {"frontier": 2, "compiled": 3, "spin": 2},
    ("huge", "one"): {"frontier": 1, "compiled": 3, "spin": 1},
}
FULL_ROUNDS = {
    ("small", "family"): {**ROUNDS["small", "family"], EACH: 1},
    ("medium", "family"): {**ROUNDS["medium", "family"], DIFFER: 1},
    ("large", "family"): {"frontier": 2, "compiled": 3, "forgetting": 1, "spin": 1},
    ("huge", "family"): {"frontier": 1, "compiled": 2, "forgetting": 1, HASHED: 1},  # exactly: more than 16 GB
    ("deep", "one"): {"frontier": 1, "compiled": 2, "spin": 1},
    ("vast", "family"): {"forgetting": 1},
}
ENGINES = ("scalar", "frontier", "compiled")
ANSWERED = {"small": ("-O0",), "medium": ("-O0",), "huge": ("-O1",)}  # cc that wins


def child(*command: str, python: str = sys.executable) -> dict:
    """Run a measuring process; {"error"} instead of figures where it failed."""
    try:
        done = subprocess.run([python, *command], cwd=HERE.parent, capture_output=True, text=True, timeout=PATIENCE)
    except (OSError, subprocess.TimeoutExpired) as e:
        return {"error": str(e)}
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit {done.returncode}"}
    return json.loads(done.stdout.splitlines()[-1])


def summary(runs: list[dict]) -> dict:
    """Median and spread of the seconds, median of the processor seconds; all else of the last run."""
    good = [r for r in runs if "error" not in r]
    if not good:
        return runs[-1]
    seconds = [r["seconds"] for r in good]
    spread = {"seconds": statistics.median(seconds), "low": min(seconds), "high": max(seconds), "runs": len(good)}
    if "cpu" in good[-1]:
        spread["cpu"] = statistics.median(r["cpu"] for r in good)
    return {**good[-1], **spread}


def round_robin(jobs: dict) -> dict[str, dict]:
    """Each job once a round, in turn; jobs are name -> (function, rounds)."""
    found: dict[str, list] = {name: [] for name in jobs}
    for n in range(max(most for _, most in jobs.values())):
        for name, (job, most) in jobs.items():
            if n < most:
                say(f"  {name}, round {n + 1}")
                found[name].append(attempt(job))
    return {name: summary(runs) for name, runs in found.items()}


def attempt(job: Callable[[], dict]) -> dict:
    """A SPIN that gives up (no memory) is a row without figures, not the end of the run."""
    try:
        return job()
    except SpinError as e:
        return {"error": str(e).splitlines()[0][:200]}


def say(text: str):
    print(text, file=sys.stderr, flush=True)


def keep_bytecode(folder: Path):
    """Processes started from now on keep their bytecode, as Python does unless it is told not to, and find it made."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(folder)
    timed("-m", "tux3nb", "check", "rdma")
    for engine in ENGINES:
        timed("-m", "benchmarks.answer", engine, "small")


# ---- one world -------------------------------------------------------------------------------------------
class Spin:
    """SPIN prepared for one world and family, with the best flags found (see README.md)."""

    def __init__(self, name: str, policies, folder: Path, flags=FASTEST):
        folder.mkdir()
        self.name, self.pan = name, compile_pan(world(name), policies.base, policies.vary, folder, flags)
        self.policies = policies

    def run(self) -> dict:
        """All combinations of the varied features in one search."""
        return self._figures([self.pan.run(slots=SLOTS[self.name])])

    def each(self) -> dict:
        """One search a policy, with one compiled program."""
        return self._figures([self.pan.run(p, slots=18) for p in self.policies.policies])

    def _figures(self, runs) -> dict:
        """Seconds of searching only; how long spin and cc took stands beside them."""
        return {
            "seconds": sum(r.seconds["pan"] for r in runs),
            "cpu": sum(r.cpu or 0 for r in runs),
            "prepare": sum(v for k, v in runs[0].seconds.items() if k != "pan"),
            "states": sum(r.states for r in runs),
            "edges": sum(r.transitions for r in runs),
            "policies": len(self.policies),
            "megabytes": max(r.memory for r in runs),
        }


def rounds_of(name: str, scope: str) -> dict[str, int]:
    """Engine -> how often it is measured in this mode."""
    rounds = ROUNDS | FULL_ROUNDS if FULL else FULL_ROUNDS | ROUNDS
    if not QUICK:
        return rounds[name, scope]
    found = {engine: min(most, 2) for engine, most in rounds[name, scope].items() if engine in ENGINES}
    return {**found, "scalar": 1, "spin": 1}


def measure_world(name: str, scope: str, folder: Path) -> dict:
    """All engines on one world, for the whole family or one policy."""
    say(f"{name}, {scope}")
    jobs = {}
    for engine, most in rounds_of(name, scope).items():
        if engine.startswith("spin"):
            job = None if missing() else spin_job(engine, name, scope, folder)
        else:
            job = partial(child, "-m", "benchmarks.child", engine, name, scope)
        if job:
            jobs[engine] = job, most
    found = round_robin(jobs)
    for figures in found.values():
        figures.pop("differ", None)
    return found


def spin_job(way: str, name: str, scope: str, folder: Path) -> Callable[[], dict] | None:
    """One of SPIN's ways to answer, prepared; None where no two policies differ."""
    policies, flags = family(name, scope), FASTEST
    if way == REDUCED:
        flags = tuple(f for f in FASTEST if f != "-DNOREDUCE")
    if way == HASHED:
        flags = (*FASTEST, "-DHC4")
    if way == DIFFER:
        differ = child("-m", "benchmarks.child", "frontier", name, scope).get("differ", [])
        if not differ:
            return None
        policies = only(policies, differ)
    spin = Spin(name, policies, folder / f"{name}-{scope}-{len(list(folder.iterdir()))}", flags)
    return spin.each if way in (EACH, DIFFER) else spin.run


# ---- the rest --------------------------------------------------------------------------------------------
def measure_increment() -> dict:
    """361,775 states: ours against the Python checkers of the same kind."""
    say("increment")
    peer = os.environ.get("BENCH_PEER_PYTHON", sys.executable)
    size, rounds = ("3", "4"), 1 if QUICK else 3
    name = f"increment-{size[0]}-{size[1]}"
    jobs = {e: (partial(child, "-m", "benchmarks.child", e, name, "one"), rounds) for e in ENGINES[1:]}
    jobs["scalar"] = partial(child, "-m", "benchmarks.child", "scalar", name, "one"), 1
    for checker in ("minicheck", "musil"):
        jobs[checker] = partial(child, str(HERE / "peers.py"), checker, *size, python=peer), min(rounds, 2)
    return round_robin(jobs)


def timed(*command: str, **environment: str) -> dict:
    """A whole process, from start to end."""
    begin = time.perf_counter()
    done = subprocess.run([sys.executable, *command], cwd=HERE.parent, capture_output=True,
                          env={**os.environ, **environment})  # fmt: skip
    spent = time.perf_counter() - begin
    return {"seconds": spent} if done.returncode in (0, 1, 3) else {"error": done.stderr.decode()[-200:]}


def measure_cold(folder: Path) -> dict:
    """From process start to the verdict of `rdma` with its run; to those of all cases under all named policies."""
    say("cold")
    jobs = {"tux3nb check rdma": (partial(timed, "-m", "tux3nb", "check", "rdma"), 2 if QUICK else 5)}

    def matrix() -> dict:
        with tempfile.TemporaryDirectory(dir=folder) as cache:
            return timed("-m", "tux3nb", "matrix", XDG_CACHE_HOME=cache)

    if not QUICK:
        jobs["tux3nb matrix"] = matrix, 2
    return round_robin(jobs)


def measure_answers(name: str, folder: Path) -> dict:
    """Verdict and shortest run of each property for Tux3's policy: whole processes; for SPIN spin, cc and pan."""
    say(f"{name}, from nothing to verdicts and shortest runs")
    command, rounds = ("-m", "benchmarks.answer"), 1 if QUICK else 2
    jobs = {"default engines": (partial(timed, *command, "auto", name), rounds),
            "compiled": (partial(timed, *command, "compiled", name), rounds)}  # fmt: skip

    def built() -> dict:
        with tempfile.TemporaryDirectory(dir=folder) as cache:
            return timed(*command, "compiled", name, XDG_CACHE_HOME=cache)

    if not QUICK:
        jobs["compiled, built anew"] = (built, 1)
    for optimise in () if missing() else ANSWERED[name]:

        def spin(optimise=optimise) -> dict:
            with tempfile.TemporaryDirectory(dir=folder) as own:
                flags = (optimise, *FASTEST[1:], "-DBFS")
                run = compile_pan(world(name), TUX3, {}, Path(own), flags).run(slots=22)
            return {"seconds": sum(run.seconds.values())}

        jobs[f"spin + cc {optimise} + pan, breadth first"] = (spin, 1)
    return round_robin(jobs)


def measure_growth() -> dict:
    """States by bound, and the plot of them."""
    say("growth")
    most, steps = (30_000, 1) if QUICK else (20_000_000, 5) if FULL else (2_000_000, 5)
    found = child("-m", "benchmarks.growth", str(most), str(steps))
    if "error" not in found:
        title = f"Shared states of free-running {found['kind']}, one bound raised at a time"
        lines = {bound: [(int(x), p["shared"], p["more"]) for x, p in points.items()]
                 for bound, points in found["points"].items()}  # fmt: skip
        (HERE / "results" / f"growth-{MODE}.svg").write_text(plot(title, "bound", lines))
    return found


def measure_toggles() -> dict:
    say("toggles")
    cases, policies = (2, 3) if QUICK else (0, 3) if FULL else (12, 3)
    found = child("-m", "benchmarks.toggles", str(cases), str(policies))
    if "error" in found:
        return {"error": found}
    out = {}
    for engine, runs in found.items():
        seconds = [r[0] for r in runs]
        out[engine] = {"seconds": statistics.median(seconds), "low": min(seconds), "high": max(seconds),
                       "runs": len(runs), "worst": runs[-1][2], "states": runs[-1][1]}  # fmt: skip
    return out


def machine() -> dict:
    """Enough to tell two machines apart."""
    model = platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), model)
    except OSError:
        pass
    tools = {}
    for name, command in (("cc", [compiler() or "cc", "--version"]), ("spin", ["spin", "-V"])):
        try:
            tools[name] = subprocess.run(command, capture_output=True, text=True).stdout.splitlines()[0]
        except (OSError, IndexError):
            tools[name] = "none"
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {"cpu": model, "cpus": os.cpu_count(), "python": platform.python_version(), "load": load, **tools}


def chosen() -> list[tuple[str, str]]:
    """(world, scope) of all measurements, in order."""
    named = os.environ.get("WORLDS")
    if named:
        return [tuple(run.split()) for run in named.split(",")]
    if QUICK:
        return [("small", "family"), ("small", "one")]
    return list(ROUNDS | FULL_ROUNDS if FULL else ROUNDS)


def main() -> int:
    found: dict = {"mode": MODE, "machine": machine(), "when": time.strftime("%Y-%m-%d %H:%M"), "worlds": {}}
    begin = time.monotonic()
    (HERE / "results").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tux3nb-bench-") as name:
        folder = Path(name)
        keep_bytecode(folder / "bytecode")
        try:
            for world_name, scope in chosen():
                found["worlds"][f"{world_name}, {scope}"] = measure_world(world_name, scope, folder)
            answered = [w for w, scope in chosen() if scope == "one" and w in ANSWERED]
            found["answers"] = {w: measure_answers(w, folder) for w in answered}
            found["increment"] = measure_increment()
            found["cold"] = measure_cold(folder)
            found["toggles"] = measure_toggles()
            found["growth"] = measure_growth()
            found["profile"] = child("-m", "benchmarks.profiles")
        except SpinError as e:
            say(f"SPIN failed: {e}")
            return 1
    found["minutes"] = (time.monotonic() - begin) / 60
    results = HERE / "results" / f"{os.environ.get('RESULTS') or MODE}.json"
    results.write_text(json.dumps(found, indent=1) + "\n")
    print(write_readme(HERE / "README.md", found, MODE))
    return 0


if __name__ == "__main__":
    sys.exit(main())
