"""Where the time goes, on the small world's family: ``python -m benchmarks.profiles`` prints JSON.

For the compiled engine seconds by phase; for the others the functions with most time of their own.
"""

import cProfile
import json
import pstats
import time

from tux3nb.backend.c_text import c_source
from tux3nb.backend.compiled import Engine, explore_compiled

from tux3nb.engine.compile import print_system
from tux3nb.engine.explore import explore, judge_progress, shortest_run

from .worlds import family, world


def phases() -> dict[str, float]:
    """Seconds of each phase from nothing to the shortest run of every violation, by compiled code."""
    out, last = {}, time.perf_counter()

    def done(name: str):
        nonlocal last
        now = time.perf_counter()
        out[name], last = now - last, now

    system, policies = world("small"), family("small", "family")
    done("trace the rules, merge policies")
    source = c_source(system)
    done("plan and print C")
    Engine.of(system, policies)
    done("plan and print again, load (or compile) the library")
    source.tables(policies)
    done("policy tables")
    run = explore_compiled(system, policies)
    done("policy tables and search")
    for p in system.properties:
        if p.needs_graph:
            judge_progress(run, p.id)
    done("progress on the whole graph")
    for v in run.violations:
        shortest_run(run, (v.policies & -v.policies).bit_length() - 1, v.state, v.step)
    done(f"{len(run.violations)} shortest runs")
    return out


def functions(engine: str) -> dict[str, float]:
    """The ten functions with most seconds of their own (profiling slows small functions down most)."""
    system, policies = world("small"), family("small", "family")
    profile = cProfile.Profile()
    profile.enable()
    explore(system, policies, printed=print_system(system, policies), engine=engine)
    profile.disable()
    rows = pstats.Stats(profile).stats
    top = sorted(rows.items(), key=lambda row: -row[1][2])[:10]
    return {f"{file.rpartition('tux3nb/')[2]}:{name}": row[2] for (file, _, name), row in top}


if __name__ == "__main__":
    print(json.dumps({"compiled": phases(), "frontier": functions("frontier"), "scalar": functions("scalar")}))
