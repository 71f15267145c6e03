"""Verdict and shortest run of every property under Tux3's policy: ``python -m benchmarks.answer ENGINE WORLD``.

The caller measures the whole process, start-up, tracing and all. ENGINE: auto (the default install) or compiled.
Prints JSON: property -> depth of its first violation.
"""

import json
import sys

from tux3nb.engine.explore import explore, judge_progress, shortest_run

from .worlds import family, world


def main(engine: str, name: str) -> dict[str, int]:
    system, policies = world(name), family(name, "one")
    run = explore(system, policies, engine=engine)
    depths = {}
    for p in system.properties:
        if p.needs_graph:
            judge_progress(run, p.id)
        found = run.first(0, p.id)
        if found:
            depths[p.id] = len(shortest_run(run, 0, found.state, found.step))
    return depths


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
