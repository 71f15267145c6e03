"""Warm toggles: from a changed policy to verdicts and shortest runs, in a process that has the case loaded.

``python -m benchmarks.toggles CASES POLICIES`` prints JSON: POLICIES random ones of CASES random cases (0: of all).
"""

import json
import random
import sys
import time

from tux3nb.backend.compiled import explore_compiled

from tux3nb.catalogue import catalogue
from tux3nb.engine.explore import explore, judge_progress, shortest_run
from tux3nb.model.features import FEATURES


def random_policy(case, rng: random.Random) -> dict:
    while True:
        policy = dict(case.policy)
        for f in case.features_read:
            policy[f] = rng.choice(list(FEATURES[f].values))
        if FEATURES.why_not(policy) is None:
            return policy


def answer(case, policy, engine) -> int:
    """Verdict of every property and the shortest run of each that is violated; returns the number of states."""
    family = case.one(policy)
    run = explore_compiled(case.system, family) if engine == "compiled" else explore(case.system, family)
    for p in case.properties:
        if p.needs_graph:
            judge_progress(run, p.id)
        found = run.first(0, p.id)
        if found:
            shortest_run(run, 0, found.state, found.step)
    return run.shared_states


def main(cases: int, policies: int) -> dict:
    out: dict = {"auto": [], "compiled": []}
    rng = random.Random(1)
    chosen = list(catalogue().values())
    for case in rng.sample(chosen, cases) if cases else chosen:
        answer(case, case.policy, "compiled")  # from here on the library is there
        for _ in range(policies):
            policy = random_policy(case, rng)
            for engine, found in out.items():
                begin = time.perf_counter()
                states = answer(case, policy, engine)
                found.append((time.perf_counter() - begin, states, case.name))
    return {engine: sorted(found) for engine, found in out.items()}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]))))
