"""``python -m benchmarks``: every engine in turn, round after round, so that all see the same noise; then the table.

QUICK=1: the small world only (a minute). FULL=1: adds the huge one (an hour, 16 GB). WORLDS=small,large: just these.
RESULTS=name: what the JSON file is called.
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
from pathlib import Path

from tux3nb.backend.promela import FASTEST, SpinError, compile_pan, compiler, missing

from .report import write_readme
from .worlds import family, only, world

HERE = Path(__file__).parent
QUICK, FULL = bool(os.environ.get("QUICK")), bool(os.environ.get("FULL"))
SLOTS = {"small": 22, "medium": 24, "large": 27, "huge": 28}  # log2 of SPIN's hash table, no smaller than its states
PATIENCE = 3600
NOT_RUN = {"error": "not run"}


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
        return runs[-1] if runs else NOT_RUN
    seconds = [r["seconds"] for r in good]
    spread = {"seconds": statistics.median(seconds), "low": min(seconds), "high": max(seconds), "runs": len(good)}
    if "cpu" in good[-1]:
        spread["cpu"] = statistics.median(r["cpu"] for r in good)
    return {**good[-1], **spread}


def round_robin(jobs: dict, rounds: int) -> dict[str, dict]:
    """Each job once a round, in turn; jobs are name -> (function, most rounds)."""
    found: dict[str, list] = {name: [] for name in jobs}
    for n in range(rounds):
        for name, (job, most) in jobs.items():
            if n < most:
                say(f"  {name}, round {n + 1}")
                found[name].append(job())
    return {name: summary(runs) for name, runs in found.items()}


def say(text: str):
    print(text, file=sys.stderr, flush=True)


# ---- one world -------------------------------------------------------------------------------------------
class Spin:
    """SPIN prepared for one world and family, with the best flags found (see README.md)."""

    def __init__(self, name: str, policies, folder: Path, flags=FASTEST):
        folder.mkdir()
        self.name, self.pan = name, compile_pan(world(name), policies, folder, flags)
        self.policies = policies

    def run(self) -> dict:
        """All policies in one search."""
        return self._figures([self.pan.run(slots=SLOTS[self.name])])

    def each(self) -> dict:
        """One search a policy, with one compiled program."""
        return self._figures([self.pan.run(p, slots=18) for p in range(len(self.policies))])

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


def measure_world(name: str, scope: str, rounds: int, folder: Path) -> dict:
    """All engines on one world, for the whole family or one policy."""
    say(f"{name}, {scope}")
    big = name in ("large", "huge")
    jobs = {}
    for engine in ("scalar", "frontier", "compiled"):
        most = {"scalar": 0 if big else 1 if name == "medium" else rounds, "frontier": 2 if big else rounds}
        command = ("-m", "benchmarks.child", engine, name, scope)
        jobs[engine] = (lambda command=command: child(*command), most.get(engine, rounds))
    if not missing():
        jobs |= spin_jobs(name, scope, rounds, folder)
    found = {job: figures for job, figures in round_robin(jobs, rounds).items() if figures != NOT_RUN}
    for figures in found.values():
        figures.pop("differ", None)
    return found


def spin_jobs(name: str, scope: str, rounds: int, folder: Path) -> dict:
    """SPIN's ways to answer; for a large family the quickest only, once."""
    policies, big = family(name, scope), name in ("large", "huge")
    spin = Spin(name, policies, folder / f"{name}-{scope}")
    jobs = {"spin": (spin.run, 1 if big and scope == "family" else rounds)}
    if scope == "one" and not QUICK:
        flags = tuple(f for f in FASTEST if f != "-DNOREDUCE")
        jobs["spin, reduced"] = (Spin(name, policies, folder / f"{name}-{scope}-reduced", flags).run, rounds)
    if scope == "family" and not big and not QUICK:
        differ = child("-m", "benchmarks.child", "frontier", name, scope).get("differ", [])
        if differ:
            few = Spin(name, only(policies, differ), folder / f"{name}-differ")
            jobs["spin, policies that differ"] = (few.run, rounds)
        if name == "small":
            jobs["spin, one run a policy"] = (spin.each, 1)
    return jobs


# ---- the rest --------------------------------------------------------------------------------------------
def measure_increment(rounds: int) -> dict:
    """361,775 states: ours against the Python checkers of the same kind."""
    say("increment")
    peer = os.environ.get("BENCH_PEER_PYTHON", sys.executable)
    size = ("3", "4")
    jobs = {
        e: (lambda e=e: child("-m", "benchmarks.child", e, f"increment-{size[0]}-{size[1]}", "one"), rounds)
        for e in ("scalar", "frontier", "compiled")
    }
    for checker in ("minicheck", "musil"):
        jobs[checker] = (lambda c=checker: child(str(HERE / "peers.py"), c, *size, python=peer), rounds)
    return round_robin(jobs, rounds)


def measure_cold(rounds: int, folder: Path) -> dict:
    """Process start to verdict for `rdma` under Tux3's policy; for SPIN: spin, cc and pan."""
    say("cold")

    def check() -> dict:
        begin = time.perf_counter()
        done = subprocess.run([sys.executable, "-m", "tux3nb", "check", "rdma"], cwd=HERE.parent, capture_output=True)
        spent = time.perf_counter() - begin
        return {"seconds": spent} if done.returncode in (0, 1, 3) else {"error": done.stderr.decode()[-200:]}

    jobs = {"tux3nb check rdma": (check, rounds)}
    for label, optimise in (("spin + cc -O0 + pan", "-O0"), ("spin + cc -O2 + pan", "-O2")):

        def spin(optimise=optimise) -> dict:
            with tempfile.TemporaryDirectory(dir=folder) as own:
                flags = (optimise, *FASTEST[1:])
                run = compile_pan(world("small"), family("small", "one"), Path(own), flags).run(slots=18)
            return {"seconds": sum(run.seconds.values())}

        if not missing() and not (QUICK and optimise == "-O2"):
            jobs[label] = (spin, rounds)
    return round_robin(jobs, rounds)


def measure_toggles() -> dict:
    say("toggles")
    cases, policies = (4, 3) if QUICK else (0, 3) if FULL else (12, 3)
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


def main() -> int:
    names = ["small"] if QUICK else ["small", "medium", "large"] + ["huge"] * FULL
    names = os.environ.get("WORLDS", ",".join(names)).split(",")
    rounds = 2 if QUICK else 3
    mode = "QUICK" if QUICK else "FULL" if FULL else "default"
    found: dict = {"mode": mode, "machine": machine(), "when": time.strftime("%Y-%m-%d %H:%M"), "worlds": {}}
    with tempfile.TemporaryDirectory(prefix="tux3nb-bench-") as name:
        folder = Path(name)
        try:
            for world_name in names:
                for scope in ("family", "one"):
                    found["worlds"][f"{world_name}, {scope}"] = measure_world(world_name, scope, rounds, folder)
            found["increment"] = measure_increment(1 if QUICK else rounds)
            found["cold"] = measure_cold(rounds, folder)
            found["toggles"] = measure_toggles()
            found["profile"] = child("-m", "benchmarks.profiles")
        except SpinError as e:
            say(f"SPIN failed: {e}")
            return 1
    results = HERE / "results" / f"{os.environ.get('RESULTS', mode)}.json"
    results.parent.mkdir(exist_ok=True)
    results.write_text(json.dumps(found, indent=1) + "\n")
    print(write_readme(HERE / "README.md", found, mode))
    return 0


if __name__ == "__main__":
    sys.exit(main())
