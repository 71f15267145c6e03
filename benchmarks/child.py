"""One measured job in a process of its own: ``python -m benchmarks.child JOB ARGUMENT...`` prints a JSON line."""

from __future__ import annotations

import json
import random
import statistics
import sys
import time
from pathlib import Path

from tux3nb.catalogue.free import free
from tux3nb.engine.compile import Compiled
from tux3nb.engine.explore import explore
from tux3nb.engine.runs import judge_progress, run_of

from .worlds import family, free_case, world


def search(engine: str, name: str, scope: str) -> dict:
    """prepare: tracing; seconds, processor: the search alone; megabytes: what the process has grown by at the most."""
    import tux3nb.engine.frontier.search  # noqa: F401  numpy takes a while to import

    begin = time.perf_counter()
    system, policies = world(name), family(name, scope)
    traced, before, processor = time.perf_counter(), peak(), time.process_time()
    run = explore(system, policies, engine=engine)
    spent, processor = time.perf_counter() - traced, time.process_time() - processor
    count = policies.count(policies.all)
    return {
        "seconds": spent, "processor": processor, "prepare": traced - begin,
        "states": run.shared_states, "policies": count, "sets": len(run.numbers),
        "megabytes": peak() - before, "finished": run.stopped is None,
    }  # fmt: skip


def peak() -> float:
    """The most main memory that this process had, in MB (Linux)."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(x.split()[1]) for x in lines if x.startswith("VmHWM")) / 1024
    except OSError:
        return 0.0


def answer(name: str) -> dict:
    """Verdict and shortest run of every property under Tux3's policy; the caller measures the whole process."""
    run = explore(world(name), family(name, "one"))
    return {"depths": depths(run, run.numbers.all)}


def depths(run, policy: int) -> dict[str, int]:
    """Property -> length of the shortest run that breaks it."""
    found = {}
    for p in run.system.properties:
        if p.needs_graph:
            judge_progress(run, p.id)
        if shown := run_of(run, policy, p.id):
            found[p.id] = len(shown[1])
    return found


def toggles(policies: str, seed: str = "1") -> dict:
    """From a changed policy to verdicts and shortest runs, for random policies of every case; seconds, sorted."""
    from tests.sampling import some_policies
    from tux3nb.catalogue import catalogue

    found = []
    for case in catalogue().values():
        for policy in some_policies(case, int(policies), int(seed)):
            Compiled(case.system, case.one(policy))  # traced before, as in a notebook that has shown the case
            begin = time.perf_counter()
            run = explore(case.system, case.one(policy))
            depths(run, run.numbers.all)
            found.append((time.perf_counter() - begin, case.name, run.shared_states))
    seconds = [s for s, _, _ in found]
    cuts = statistics.quantiles(seconds, n=20)
    return {"seconds": statistics.median(seconds), "p95": cuts[18], "worst": max(found), "runs": len(found)}


def classes(name: str) -> dict:
    """How many classes of policies of the whole product differ in what they reach: a run of SPIN each, at least."""
    import numpy as np

    run = explore(world(name), family(name, "whole"))
    read, diagrams = run.family.vary, run.family.diagrams
    known: dict = {}

    def members(dd, n: int):
        """Which combinations of the features from the n-th on are in a diagram, as a flat array."""
        if n == len(read):
            return np.array([dd.satisfiable()])
        if (dd, n) not in known:
            known[dd, n] = np.concatenate([members(c, n + 1) for c in diagrams.children(dd, read[n])])
        return known[dd, n]

    hashes = np.zeros(len(members(diagrams.true, 0)), np.uint64)
    multiplier = random.Random(1)
    for number in {*run.state_sets, *run.edge_sets}:
        hashes += members(run.numbers[number].dd, 0) * np.uint64(multiplier.getrandbits(63))
        known.clear()
    return {"classes": len(np.unique(hashes[members(run.family.all.dd, 0)]))}


def sharded(name: str, policy: str, workers: str, kept: str = "") -> dict:
    """A free-running world under a named policy (or ``all``), on so many local workers; 0: in this process.

    seconds: the search; judged: progress after it; cpu: seconds of all processes. bytes: what layers take a state,
    tables: the growth of the workers' memory a state; sent: rows that went from one shard to another.
    """
    from contextlib import nullcontext

    import psutil

    from tux3nb.cases.case import named
    from tux3nb.cluster.connect import connected
    from tux3nb.cluster.worlds import explore_on

    case = free_case(name)
    policies = case.product() if policy == "all" else case.one(named(policy))
    with connected(workers=int(workers)) if int(workers) else nullcontext() as at:
        mine = [psutil.Process(), *psutil.Process().children(recursive=True)]
        before = sum(sum(p.cpu_times()[:2]) for p in mine)
        resident = sum(p.memory_info().rss for p in mine)
        begin = time.perf_counter()
        if at is None:
            run = explore(case.system, policies, engine="numpy")
        else:
            at.checkpoint = kept or None
            run = explore_on(at, case, policies, engine="numpy")
        spent, middle = time.perf_counter() - begin, sum(sum(p.cpu_times()[:2]) for p in mine)
        grown = sum(p.memory_info().rss for p in mine) - resident
        for p in case.properties:
            if p.needs_graph:
                judge_progress(run, p.id)
        heads = [h for heads in run.graph.search.heads for h in heads] if at else []
        return {
            "seconds": spent, "judged": time.perf_counter() - begin - spent, "cpu": middle - before,
            "cpu_judged": sum(sum(p.cpu_times()[:2]) for p in mine) - middle, "states": run.shared_states,
            "layers": len(run.depths), "sets": len(run.numbers),
            "bytes": sum(h.bytes for h in heads) / run.shared_states, "resident": grown / run.shared_states,
            "edges": sum(run.edge_sets.values()),
        }  # fmt: skip


def growth(name: str) -> dict:
    """The states of a free-running world under Tux3's policy, as each of its bounds grows."""
    bounds = {
        "1 round, 3 folios, 1 delta change": (1, 3, 1),
        "a folio more": (1, 4, 1),
        "a delta change more": (1, 3, 2),
        "two delta changes more": (1, 3, 3),
        "2 rounds, 3 folios, 1 delta change": (2, 3, 1),
        "2 rounds, 3 folios, 2 delta changes": (2, 3, 2),
    }
    found = {}
    for what, given in bounds.items():
        case = free(name, *given)
        found[what] = explore(case.system, case.one(case.policy)).shared_states
    return {"states": found}


JOBS = {job.__name__: job for job in (search, answer, toggles, classes, sharded, growth)}

if __name__ == "__main__":
    print(json.dumps(JOBS[sys.argv[1]](*sys.argv[2:])))
