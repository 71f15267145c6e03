"""Runs: the one to show for a violation, the shortest to a state, covers, replay; progress; why a predicate fails.

A policy is the number of a set with just that policy (`Exploration.number`). Of several shortest runs always the same
one is shown, whichever engine explored and whatever else it explored with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tux3nb.engine.compile import Compiled
from tux3nb.engine.fields import Field, Layout, sentences
from tux3nb.engine.result import Exploration, Violation
from tux3nb.engine.terms import OPERATORS, Expr, walk
from tux3nb.errors import ModelError

Path = list[tuple[int, int]]  # [(step index, state after it), ...] from the start

NO_PROGRESS = "from here no run completes what has begun"


def judge_progress(run: Exploration, prop: str) -> bool:
    """Add the violations of the progress property `prop`: states from which nothing settled can be reached.

    Returns False, and judges nothing, for a run that was cut short: its answer for `prop` is UNFINISHED.
    """
    if run.stopped or run.graph is None:
        return False
    for depth, state, policies in run.graph.first_stuck():
        run.violate(prop, NO_PROGRESS, depth, state, policies)
    run.judged.add(prop)
    return True


def to_show(run: Exploration, policy: int, prop: str) -> Violation | None:
    """Of the shallowest violations of `prop` under `policy` the one to show: a state in which a clause fails before a
    step that breaks it, and then the lowest state, clause and step.
    """
    found = run.first(policy, prop)
    if found is None or run.graph is None:
        return None
    depth, judged = found.depth, run.system.property(prop)
    if judged.needs_graph:
        state = min(s for s, k in run.graph.stuck_in(depth) if run.has(k, policy))
        return Violation(prop, found.reason, depth, state, policy)
    mine = [n for n, (p, _, _) in enumerate(run.system.clauses) if p == prop]
    bits = sum(1 << n for n in mine)
    at = (
        min(((s, f) for s, f, k in _failing(run, depth) if f & bits and run.has(k, policy)), default=()) if mine else ()
    )
    if at:
        reason = next(run.system.clauses[n][1] for n in mine if at[1] >> n & 1)
        return Violation(prop, reason, depth, at[0], policy)
    steps = (event for p, *event, k in _breaking(run, depth - 1) if p == prop and run.has(k, policy))
    step, state, number = min(steps)
    return Violation(prop, run.compiled.events[number].detail, depth, state, policy, step)


def _failing(run: Exploration, depth: int) -> list[tuple[int, int, int]]:
    """(state, clauses that fail as bits, policies) of a layer; remembered, as many policies ask."""
    if depth not in run.failing:
        judge, looked = run.compiled.judge, run.graph and depth < len(run.depths)  # else found, and not looked at
        layer = run.graph.layer(depth) if run.graph and looked else ()
        run.failing[depth] = [(s, bits, k) for s, k in layer if (bits := judge(s))]
    return run.failing[depth]


def _breaking(run: Exploration, depth: int) -> list[tuple[str, int, int, int, int]]:
    """(property, step, state before it, event, policies) of all steps from a layer that break one; remembered, too."""
    if depth not in run.breaking:
        out, compiled, common = run.breaking.setdefault(depth, []), run.compiled, run.numbers.common
        broken = {v.property for v in run.violations if v.depth == depth + 1 and v.step is not None}
        actors = [(a.at, a.mask, {v: p for v, p in a.places.items() if p.checks & broken}) for a in compiled.actors]
        for state, policies in run.graph.layer(depth) if run.graph else ():
            here = [checked[at] for bit, mask, checked in actors if (at := state >> bit & mask) in checked]
            for place in here if not compiled.halted(state) else ():
                found = place.known.get(state & place.reads)
                for i, _, _, k in place.ask(state) if found is None else found:
                    if i < 0 and (event := compiled.events[~i]).kind == "check":
                        out.append((event.name, event.step, state, ~i, common[k][policies]))
    return run.breaking[depth]


def shortest_run(run: Exploration, policy: int, state: int, last: int | None = None) -> Path:
    """A shortest run of `policy` from the start to `state`: [(step index, state after it), ...].

    `last` appends one more step, taken from `state`; where that step is an event only (a failed check that is also
    a limit), the state stays. No search stores parent pointers: each asks its graph for one step back, layer by layer.
    """
    path: Path = []
    at, depth = state, run.graph.arrival(policy, state) if run.graph else -1
    if depth < 0:
        raise ModelError(f"{run.family.pick(run.numbers[policy])} never reaches that state")
    while depth and run.graph:
        if (at, depth) not in run.before:
            run.before[at, depth] = sorted(run.graph.before(at, depth))
        known = run.before[at, depth]
        step, source = next((i, s) for i, s, *sets in known if all(run.has(k, policy) for k in sets))
        path.append((step, at))
        at, depth = source, depth - 1
    path.reverse()
    if last is not None:
        path.append((last, next((t for i, t, _ in run.compiled.steps(state, policy) if i == last), state)))
    return path


def run_of(run: Exploration, policy: int, prop: str) -> tuple[Violation, Path] | None:
    """The violation of a property to show for one policy, and its run; None where the policy does not violate it."""
    found = to_show(run, policy, prop)
    return None if found is None else (found, shortest_run(run, policy, found.state, found.step))


def possible_for(compiled: Compiled, steps: list[int]) -> int:
    """The policies (by number) under which a run, given as step indexes from the start, is possible."""
    policies, state = compiled.numbers.all, compiled.system.start
    for i in steps:
        found = next(((t, k) for n, t, k in compiled.steps(state, policies) if n == i), None)
        if found is None:  # a last step that is an event only
            break
        state, policies = found
    return policies


def covers(run: Exploration, prop: str, most: int | None = None) -> Iterator[tuple[Violation, Path, Any]]:
    """Shortest runs that break a property, shallowest first, each with the set of policies whose shortest run it is.

    Together they serve every policy that violates the property, or the first `most` runs do so for some.
    """
    for depth in sorted({v.depth for v in run.violations if v.property == prop}):
        for found in _covers_at(run, prop, depth, most):
            yield found
            most = None if most is None else most - 1


def _covers_at(run: Exploration, prop: str, depth: int, most: int | None) -> Iterator[tuple[Violation, Path, Any]]:
    """The runs for the policies that violate a property first at a depth."""
    here = left = _first_at(run, prop, depth)
    while left and most != 0:
        policy = run.number(run.family.pick(left))
        found = run_of(run, policy, prop)
        if found is None:
            break
        violation, path = found
        mine = run.numbers[possible_for(run.compiled, [i for i, _ in path])] & here
        yield violation, path, mine
        left, most = left & ~mine, None if most is None else most - 1


def _first_at(run: Exploration, prop: str, depth: int) -> Any:
    """The policies that violate a property first at a depth."""
    earlier = run.spared(prop, depth - 1)
    return run.numbers[run.numbers.minus[earlier][run.spared(prop, depth)]]


def replay(compiled: Compiled, policy: int, steps: list[int]) -> list[int]:
    """The states of a run given as step indexes, start included; ModelError names the step that is not possible."""
    states = [compiled.system.start]
    for n, i in enumerate(steps):
        after = [t for j, t, _ in compiled.steps(states[-1], policy) if j == i]
        if not after:
            raise ModelError(f"step {n + 1}, {compiled.system.steps[i].name}, is not possible there")
        states.append(after[0])
    return states


def find_path(
    compiled: Compiled, policy: int, start: int, wanted: Callable[[int, int], bool], most: int | None = None
) -> Path | None:
    """A shortest path from `start` whose last step is ``wanted(step, state after it)``; None where there is none.

    Steps are tried in order of their number, so that the answer does not depend on the engine. `most`: give up after
    so many states.
    """
    came: dict[int, tuple[int, int] | None] = {start: None}
    layer = [start]
    while layer:
        following = []
        for state in layer:
            for step, after, _ in sorted(compiled.steps(state, policy)):
                if wanted(step, after):
                    return [*_back(came, state), (step, after)]
                if after not in came:
                    came[after] = (state, step)
                    following.append(after)
        layer = following if most is None or len(came) < most else []
    return None


def _back(came: dict[int, tuple[int, int] | None], state: int) -> Path:
    path = []
    while (before := came[state]) is not None:
        path.append((before[1], state))
        state = before[0]
    return path[::-1]


# ---- why a predicate fails -------------------------------------------------------------------------------
def evaluate(e: Expr, layout: Layout, state: int) -> int:
    """The value of an expression without policy sets in one packed state; truth values are 0 and 1.

    An index outside its array reads some other bits: whoever evaluates for a reader has a state that was explored.
    """
    op, a = e.op, e.args
    if op == "const":
        return a[0]
    if op == "get":
        return layout.value(state, a[0], max(0, evaluate(a[1], layout, state)))
    if op in ("and", "or"):
        first = evaluate(a[0], layout, state)
        return first if bool(first) == (op == "or") else evaluate(a[1], layout, state)
    if op == "where":
        return evaluate(a[1] if evaluate(a[0], layout, state) else a[2], layout, state)
    return int(OPERATORS[op].apply(*(evaluate(b, layout, state) for b in a)))


def failing(e: Expr, layout: Layout, state: int) -> Expr:
    """The first conjunct of `e` that is false in `state`."""
    while e.op == "and":
        e = e.args[1] if evaluate(e.args[0], layout, state) else e.args[0]
    return e


def values(e: Expr, layout: Layout, state: int) -> list[str]:
    """What `e` compares in `state`, in the words of the fields: contents, how they are found, and named values.

    What is found by an index comes with the fields that the index reads; ghosts come last.
    """
    found: dict[tuple[str, int], tuple[Field, int, int]] = {}

    def note(node: Expr) -> None:
        f, flat = node.args
        at = evaluate(flat, layout, state)
        if 0 <= at < f.size:
            found.setdefault((f.name, at), (f, at, layout.value(state, f, at)))

    for node in walk(e):
        if node.op == "get" and (node.args[0].kind.content or node.args[0].names):
            for below in walk(node):
                if below.op == "get":
                    note(below)
    return sentences(sorted(found.values(), key=lambda told: told[0].ghost))
