"""SPIN, run on a system printed as Promela: compile once, then search the whole product or one policy of it."""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tux3nb.engine.promela import promela
from tux3nb.engine.system import System
from tux3nb.errors import ModelError, UserError

# Partial-order reduction finds nothing to leave out (one process), so it only costs; FASTEST also trusts indexes.
CHECKED = ("-O0", "-DSAFETY", "-DNOREDUCE")
BREADTH_FIRST = (*CHECKED, "-DBFS")
FASTEST = ("-O2", "-DSAFETY", "-DNOREDUCE", "-DNOBOUNDCHECK")
NUMBERS = {
    "states": r"([\d.e+]+) states, stored",
    "transitions": r"([\d.e+]+) transitions",
    "depth": r"depth reached (\d+)",
    "vector": r"State-vector (\d+)",
    "memory": r"([\d.]+)\s+total actual memory",
}
# Where a search is breadth first, the depth at which an event is first noted is the least there is. The printed macros
# only note that it happened; in their place stand these, which also note where: in a state (HERE) or on a step from it.
DEPTHS = r"""\#define NOTE (noted(1,
\#define HERE (noted(0,
\#define DONE ))
extern long depth;
static long at[sizeof(event) / sizeof(*event)];
static int noted(int later, int e) {
  if (!seen[e] || at[e] > depth + later) at[e] = depth + later;
  return seen[e] = 1;
}
static void report(void) {
  for (unsigned i = 0; i < sizeof(event) / sizeof(*event); i++)
    if (seen[i]) printf("TUX3NB_AT %ld %s\nTUX3NB %s\n", at[i], event[i], event[i]);
}
static void without_depths(void) {"""


class SpinError(UserError):
    """SPIN, or the C compiler that it needs, is missing or failed; the message says which and how."""


@dataclass
class SpinRun:
    """What one run of SPIN told.

    states: stored states, summed over the policies. transitions: steps taken between them. What SPIN adds is left
    out: the state before the choice of a policy, the state of excluded combinations, and a transition into these and
    into every start state. depth: the longest search path (breadth first: the last layer). first: property id -> the
    depth of its first violation (breadth first only; of the counts, those of one policy are right there).
    violated, reached, limits: property ids, marks, limits of at least one policy; fired: step indexes. vector: bytes
    of a state; memory: MB; seconds: by phase (spin, cc, pan); cpu: of pan, where known.
    """

    states: int
    transitions: int
    depth: int
    vector: int
    memory: float
    violated: set[str]
    reached: set[str]
    limits: set[str]
    fired: set[int]
    first: dict[str, int] | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    cpu: float | None = None


@dataclass
class Pan:
    """A compiled verifier in a folder: run it as often as you like, for all policies or for one."""

    policy: Mapping[str, str]
    vary: Mapping[str, Sequence[str]]
    folder: Path
    seconds: dict[str, float]

    def run(self, policy: Mapping[str, str] | None = None, depth=1_000_000, slots=22, timeout=None) -> SpinRun:
        """Explore all policies, or those with these values. `slots`: log2 of the hash table's size; `timeout`: seconds.

        Raises UserError for a policy that was not compiled, ModelError for a failed range or index assertion,
        SpinError where SPIN did not finish.
        """
        env = {k: v for k, v in os.environ.items() if not k.startswith("POLICY_")}
        for fid, value in (policy or {}).items():
            if value not in self.vary.get(fid, [self.policy[fid]]):
                raise UserError(f"this verifier was compiled without {fid}={value}")
            env[f"POLICY_{fid}"] = value
        command = ["./pan", "-E", "-n", f"-m{depth}", f"-w{slots}"]
        began, used = time.perf_counter(), _children_cpu()
        try:
            done = subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True, timeout=timeout)
        except subprocess.TimeoutExpired:
            raise SpinError(f"SPIN did not finish within {timeout} s") from None
        spent = time.perf_counter() - began
        if "max search depth too small" in done.stdout:
            if depth >= 10**9:
                raise SpinError("SPIN: the search is deeper than 10^9 steps")
            return self.run(policy, depth * 10, slots, timeout)
        if done.returncode < 0:
            raise SpinError(f"SPIN was killed by signal {-done.returncode} (out of memory?): {done.stdout[-200:]}")
        found = _parse(done.stdout + done.stderr, self._choices(policy or {}))
        found.seconds, found.cpu = {**self.seconds, "pan": spent}, used and _children_cpu() - used
        return found

    def _choices(self, policy: Mapping[str, str]) -> int | None:
        """How many combinations SPIN chooses from, excluded ones too; None where it has nothing to choose."""
        return math.prod(len(values) for fid, values in self.vary.items() if fid not in policy) if self.vary else None


def _parse(out: str, choices: int | None) -> SpinRun:
    """`choices`: see `Pan._choices`. Excluded combinations all lead to one and the same state."""
    wrong = re.search(r"pan:\d+: (.*)", out)
    if wrong:
        raise ModelError(f"SPIN: {wrong[1]}")
    numbers = {name: re.search(pattern, out) for name, pattern in NUMBERS.items()}
    if not all(numbers.values()) or "Search not completed" in out:
        raise SpinError(f"SPIN did not finish: {out[-500:]}")
    run = SpinRun(*(float(n[1]) for n in numbers.values()), set(), set(), set(), set())
    events = re.findall(r"^TUX3NB (\w+) ?(.*)$", out, re.MULTILINE)
    for kind, name in events:
        if kind == "fired":
            run.fired.add(int(name.split(" ")[0]))
        elif kind != "excluded":
            {"violated": run.violated, "reached": run.reached, "limit": run.limits}[kind].add(name)
    extra = 0 if choices is None else 1 + (("excluded", "") in events)
    states, transitions = int(run.states), int(run.transitions)
    run.states, run.transitions = states - extra, transitions - (1 if choices is None else 1 + choices)
    run.depth, run.vector = int(run.depth), int(run.vector)
    at = {event: int(depth) for depth, event in re.findall(r"^TUX3NB_AT (\d+) (.*)$", out, re.MULTILINE)}
    if at:  # breadth first: of one policy, each step of its choice is a state
        chosen = min(at.values()) - 1
        run.states, run.transitions, run.depth = states - chosen, transitions - chosen - 1, run.depth - chosen
        run.first = {e.removeprefix("violated "): d - chosen for e, d in at.items() if e.startswith("violated ")}
    return run


def with_depths(text: str) -> str:
    """A Promela text whose verifier also tells at which depth each event was first noted."""
    parts = [r"\#define NOTE (seen[", r"\#define DONE ] = 1)", "static void report(void) {"]
    if any(text.count(part) != 1 for part in parts):
        raise ModelError("the printed Promela notes events in another way than the tests know")
    text = text.replace(parts[0], "").replace(parts[1], "").replace(parts[2], DEPTHS)
    return text.replace("!c_expr { NOTE", "!c_expr { HERE")


def missing() -> str | None:
    """What SPIN needs and this machine has not, or None."""
    if not shutil.which("spin"):
        return "spin is not installed (Debian: apt install spin)"
    if not compiler():
        return "no C compiler (cc, gcc or clang) is installed"
    return None


def compiler() -> str | None:
    """The first C compiler found."""
    return next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), None)


def translate(text: str, folder: Path):
    """``spin -a`` on a Promela text, in `folder`; SpinError where SPIN finds anything to say of it."""
    (folder / "model.pml").write_text(text)
    said = _tool(["spin", "-a", "model.pml"], folder)
    if said.strip():
        raise SpinError(f"spin says: {said[-1000:]}")


def compile_pan(system: System, policy: Mapping[str, str], vary: Mapping[str, Sequence[str]], folder: Path,
                flags=CHECKED) -> Pan:  # fmt: skip
    """Print, ``spin -a`` and compile into `folder`; `flags` go to the C compiler (BREADTH_FIRST: with depths).

    policy, vary: see `promela`. Raises SpinError if either tool is missing or fails.
    """
    reason = missing()
    if reason:
        raise SpinError(reason)
    text = promela(system, policy, vary)
    if "-DBFS" in flags:
        text = with_depths(text)
    began = time.perf_counter()
    translate(text, folder)
    spun = time.perf_counter()
    _tool([compiler(), *flags, "-w", "-DMEMLIM=16000", "-o", "pan", "pan.c"], folder)
    return Pan(policy, vary, folder, {"spin": spun - began, "cc": time.perf_counter() - spun})


def spin(system: System, policy: Mapping[str, str], vary: Mapping[str, Sequence[str]] = {}, flags=CHECKED, **options):
    """The `SpinRun` of the whole product, in a temporary folder; `options` go to `Pan.run`."""
    with tempfile.TemporaryDirectory(prefix="tux3nb-spin-") as name:
        return compile_pan(system, policy, vary, Path(name), flags).run(**options)


def _tool(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode or "Error:" in done.stdout:
        raise SpinError(f"{command[0]} failed: {(done.stdout + done.stderr)[-1000:]}")
    return done.stdout + done.stderr


def _children_cpu() -> float | None:
    """Processor seconds of all processes that have ended and were waited for; None where nobody counts them."""
    times = os.times()
    return times.children_user + times.children_system or None
