"""Breadth-first exploration of a system for a whole family of policies at once.

A state carries the set of policies under which it is reachable, as a bit mask; a step that reads a feature splits
that set. Small worlds are searched one state at a time in plain Python, large ones a whole frontier
at a time with numpy (`frontier.search`), which is imported only where it is used, and the answers are the same.
"""

from __future__ import annotations

from tux3nb.engine.compile import Printed, print_system
from tux3nb.engine.policy import Family
from tux3nb.engine.progress import judge_progress, stuck
from tux3nb.engine.result import (
    HOLDS,
    REFUSED,
    UNFINISHED,
    VIOLATED,
    Budget,
    Exploration,
    Limits,
    Progress,
    Stopped,
    Violation,
)
from tux3nb.engine.runs import arrival, replay, shortest_run, to_show
from tux3nb.engine.search import search
from tux3nb.engine.system import System
from tux3nb.errors import UserError, nearest

ENGINES = ("auto", "scalar", "frontier")
GROWN = 12_000  # shared states from which on a frontier at a time is worth importing numpy for


def explore(
    system: System,
    family: Family,
    limits: Limits | None = None,
    printed: Printed | None = None,
    policies: int | None = None,
    progress: Progress | None = None,
    engine: str = "auto",
) -> Exploration:
    """Explore `system` for the policies of `family` (or those of the mask `policies`).

    `progress` is called once a layer with (layer, frontier, states, states per second). A limit or KeyboardInterrupt
    ends the run as unfinished (`stopped` says why), keeping what was covered. Raises ModelError when a step reads
    outside an array or writes a value outside its field's range.

    `engine` is "scalar", "frontier" or "auto": scalar until the search has grown to GROWN shared states, then frontier.
    `printed` is what to search with instead of printing the system.
    """
    if engine not in ENGINES:
        raise UserError(f"no engine {engine!r}{nearest(engine, ENGINES)}")
    limits = limits or Limits()
    policies = family.all if policies is None else policies
    run = Exploration(system, family, printed or print_system(system, family))
    budget = Budget(limits, progress)
    most = {"scalar": None, "frontier": 0}.get(engine, GROWN)
    try:
        layer = search(run, policies, budget, most)
        if layer:
            from tux3nb.engine.frontier.search import search_on

            search_on(run, layer, budget)
    except Stopped as e:
        run.stopped = str(e)
    except KeyboardInterrupt:
        run.stopped = "interrupted"
    return run


__all__ = [
    "HOLDS",
    "REFUSED",
    "UNFINISHED",
    "VIOLATED",
    "Exploration",
    "Limits",
    "Violation",
    "arrival",
    "explore",
    "judge_progress",
    "replay",
    "shortest_run",
    "stuck",
    "to_show",
]
