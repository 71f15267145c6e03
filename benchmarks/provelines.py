"""ProVeLines, the closest tool: a synthetic family printed as the featured transition system that it reads; its run."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

from .peers import steps

READING = 30  # seconds, more than it takes to read the largest model here


def leaving(state: tuple[int, ...], rounds: int, features: int) -> list[tuple[tuple[int, ...], str]]:
    """The steps that leave a state of `worlds.synthetic`: the state after it, the feature expression ("": true).

    A state without any steps to itself: ProVeLines takes it for an error, and no longer follows its products.
    """
    found = []
    for thread in range(len(state) // 3):
        if (after := steps(state, thread, rounds)) is None:
            continue
        at = 1 + 3 * thread
        done, writing, _ = state[at : at + 3]
        feature = thread * rounds + done
        if writing or feature >= features:
            found.append((after, ""))
        else:
            found += [(after, f"f{feature}"), ((*state[:at], done + 1, *state[at + 1 :]), f"!(f{feature})")]
    return found or [(state, "")]


def write(path: Path, threads: int, rounds: int, features: int) -> None:
    """The family as ProVeLines reads it (its src/core/fts/fstm/JsonParser.cpp): every step, grouped by source.

    The first step's source is the start. Every combination of the features is a product: no feature model is needed.
    """
    start = (0,) * (1 + 3 * threads)
    numbers, states, count, comma = {start: 0}, [start], 0, ""
    with path.open("w") as file:
        file.write('{"transitions": [\n')
        for source, state in enumerate(states):  # grows
            for after, expression in leaving(state, rounds, features):
                if (target := numbers.setdefault(after, len(states))) == len(states):
                    states.append(after)
                one = f'"source": "{source}", "target": "{target}", "event": "e", "featureExp": "{expression}"'
                file.write(f"{comma}{{{one}}}")
                count, comma = count + 1, ",\n"
        file.write(f'], "FSTM": {{"nbOfTransitions": {count}, "nbOfLtlProperties": 0}}}}\n')


def search(program: str, model: Path, limit: int) -> dict:
    """processor: seconds of its exploration alone, as it tells them; states: how many it explored.

    It is stopped after `limit` seconds of processor time, and READING for the model before: states is None then.
    """
    done = subprocess.run(
        ["/bin/sh", "-c", f'ulimit -S -t {limit + READING}; exec "$0" "$1"', program, str(model)],
        env={"MINIMIZE_HOME": "", **os.environ},  # must be set; the program there shortens the expressions of errors
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode == -signal.SIGXCPU:
        return {"processor": float(limit), "states": None}
    explored = re.search(r"\[(\d+) explored", done.stderr)
    spent = re.search(r"CPU time used: (\S+) ms", done.stderr)
    if not explored or not spent or "Satisfied" not in done.stdout:
        raise RuntimeError(f"ProVeLines: exit {done.returncode}: {(done.stderr + done.stdout).strip()[-200:]}")
    return {"processor": float(spent[1]) / 1000, "states": int(explored[1])}
