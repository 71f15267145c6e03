"""The increment model in other Python checkers; run as a script by any Python that has them (tux3nb is not imported).

``python peers.py CHECKER N T`` prints {"seconds", "states"}: T threads each do N times read, then write read + 1.
"""

import json
import sys
import time


def steps(state, thread, rounds):
    """The successor by `thread` (done, reading or writing, what was read), or None where it is done."""
    x, at = state[0], 1 + 3 * thread
    done, writing, read = state[at : at + 3]
    if done == rounds:
        return None
    after = (done + 1, 0, 0) if writing else (done, 1, x)
    return (read + 1 if writing else x, *state[1:at], *after, *state[at + 3 :])


def minicheck(rounds, threads):
    from minicheck import Protocol, check_safety

    def transitions(state):
        found = ((str(t), steps(state, t, rounds)) for t in range(threads))
        return [(label, after) for label, after in found if after is not None]

    fields = ("x", *(f"{name}{t}" for t in range(threads) for name in ("done", "writing", "read")))
    model = Protocol("increment", False, fields, (0,) * len(fields), transitions, {"bound": lambda d: d["x"] >= 0})
    return check_safety(model, max_states=10_000_000)["reachable_states"]


def musil(rounds, threads):
    from musil import Action, Model, check

    def action(t):
        return Action(str(t), lambda s: s[1 + 3 * t] < rounds, lambda s: steps(s, t, rounds))

    model = Model(
        init=[(0,) * (1 + 3 * threads)],
        actions=[action(t) for t in range(threads)],
        invariants={"bound": lambda s: s[0] >= 0},
        terminal=lambda s: all(s[1 + 3 * t] == rounds for t in range(threads)),
    )
    return check(model, max_states=10_000_000).states_explored


if __name__ == "__main__":
    checker, rounds, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    begin = time.perf_counter()
    found = {"minicheck": minicheck, "musil": musil}[checker](rounds, threads)
    print(json.dumps({"seconds": time.perf_counter() - begin, "states": found}))
