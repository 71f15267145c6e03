"""How states grow with each bound of a free-running world: ``python -m benchmarks.growth MOST STEPS`` prints JSON.

One bound is raised at a time, at most STEPS values, until the world has more than MOST shared states; there the search
stops.
"""

import json
import sys

from tux3nb.backend.compiled import explore_compiled

from tux3nb.engine.result import Limits
from tux3nb.model.features import TUX3

from .worlds import family, world

KIND = "aio"
BASE = {"rounds": 1, "folios": 3, "deltas": 1}
LOWEST = {"rounds": 1, "folios": 2, "deltas": 1}


def point(bounds: dict[str, int], most: int) -> dict:
    """Shared states of the family and those of Tux3's policy; `more`: the search stopped, there are more."""
    name = "-".join(map(str, ("free", KIND, *bounds.values())))
    policies = family(name, "family")
    run = explore_compiled(world(name), policies, Limits(states=most))
    same = {f: TUX3[f] for f in policies.policies[0]}
    tux3 = next(i for i, p in enumerate(policies.policies) if p == same)
    return {"shared": run.shared_states, "tux3": run.states(tux3), "more": run.stopped is not None,
            "policies": len(policies), "short": sorted(run.limits)}  # fmt: skip


def main(most: int, steps: int) -> dict:
    out: dict = {"kind": KIND, "base": BASE, "most": most, "points": {}}
    for bound, lowest in LOWEST.items():
        points = out["points"][bound] = {}
        for value in range(lowest, lowest + steps):
            points[value] = point({**BASE, bound: value}, most)
            if points[value]["more"]:
                break
    return out


if __name__ == "__main__":
    print(json.dumps(main(*map(int, sys.argv[1:]))))
