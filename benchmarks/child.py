"""One measured exploration in a process of its own: ``python -m benchmarks.child ENGINE WORLD SCOPE`` prints JSON.

ENGINE: scalar, frontier, compiled, or forgetting (compiled, dropping the states that no run can come back to).
"""

import json
import sys
import time
from pathlib import Path

from tux3nb.backend.compiled import Engine, explore_compiled, ranks_of

from tux3nb.engine.compile import print_system
from tux3nb.engine.explore import explore

from .worlds import family, world

C = {"compiled": {"forget": False}, "forgetting": {"forget": True}}
SHORT = 0.3  # seconds; what is faster is repeated, the best counts


def main(engine: str, name: str, scope: str) -> dict:
    """prepare: tracing, printing, and (compiled) loading or building the library; seconds: the search alone."""
    begin = time.perf_counter()
    system, policies = world(name), family(name, scope)
    printed = None
    if engine in C:
        Engine.of(system, policies)
        if C[engine]["forget"]:
            ranks_of(system)
    else:
        printed = print_system(system, policies)
        import tux3nb.engine.frontier.search  # noqa: F401  numpy takes a while to import
    prepared = time.perf_counter()
    spent, used, run = [], [], None
    while not spent or (sum(spent) < SHORT and len(spent) < 5):
        begin_run, begin_cpu = time.perf_counter(), time.process_time()
        if engine in C:
            run = explore_compiled(system, policies, **C[engine])
        else:
            run = explore(system, policies, printed=printed, engine=engine)
        spent.append(time.perf_counter() - begin_run)
        used.append(time.process_time() - begin_cpu)
    everyone = range(len(policies))
    return {
        "seconds": min(spent),
        "cpu": min(used),
        "prepare": prepared - begin,
        "states": run.shared_states,
        "summed": sum(map(run.states, everyone)),
        "edges": sum(map(run.edge_count, everyone)),
        "policies": len(policies),
        "differ": differing(run),
        "megabytes": peak(),
        **(stored(run) if engine in C else {}),
        **({"asked": run.graph.code.asked} if engine == "frontier" else {}),
    }


def stored(run) -> dict:
    """Bytes of the compiled search at its peak, and what a state takes at least: its words and its policy set, which
    is a number and a share of the different sets."""
    handle = run.printed.handle
    return {
        "bytes": handle.peak(),
        "packed": 8 * handle.kw,
        "set_share": 4 + 8 * handle.nw * handle.sets() / run.shared_states,
        "layers": handle.layers(),
    }


def peak() -> float:
    """The most main memory that this process had, in MB (Linux; ru_maxrss also counts the parent's)."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(x.split()[1]) for x in lines if x.startswith("VmHWM")) / 1024
    except OSError:
        return 0.0


def differing(run) -> list[int]:
    """One policy of each class with different reachable sets; only engines that keep policy sets can tell."""
    masks = [*run.state_masks, *run.edge_masks]
    if len(run.family) == 1 or all(m & (m - 1) == 0 for m in masks):
        return []
    classes: dict[tuple, int] = {}
    for p in range(len(run.family)):
        classes.setdefault(tuple(m >> p & 1 for m in masks), p)
    return list(classes.values())


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
