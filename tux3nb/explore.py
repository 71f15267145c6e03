"""Breadth-first exploration of a system for a whole family of policies at once.

A state carries the set of policies under which it is reachable, as a bit mask; a step that reads a feature splits
that set. Small worlds are searched one state at a time in plain Python (`tux3nb.search`), large ones a whole frontier
at a time with numpy (`tux3nb.layers`) or by generated C (`tux3nb.backend.compiled`); each is imported only where it
is used, and the answers are the same.
"""

from __future__ import annotations

from dataclasses import replace

from .backend.scalar import Printed, print_system
from .errors import UserError, nearest
from .exploration import (
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
from .path import arrival, replay, shortest_run, to_show
from .policy import Family
from .progress import judge_progress, stuck
from .search import search
from .system import System

ENGINES = ("auto", "scalar", "frontier", "compiled")
GROWN = 12_000  # shared states from which on a frontier at a time is worth importing and printing for
LARGE = 200_000  # shared states from which on a search is worth having the system compiled beside it
PAYS = 2.0  # seconds of searching one system from which on compiling it pays: about what that takes


class Overtaken(Exception):
    """A search went on for so long that the system is compiled by now."""


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

    `engine` is "scalar", "frontier", "compiled" (waits for the compiler; as "auto" where there is none) or "auto":
    compiled where that is at hand, else scalar until the search has grown to GROWN shared states, then frontier.
    A system is compiled in the background once a search of it is LARGE or all have taken PAYS seconds; code that is
    ready before a search ends does it again. `printed` is what to search with instead of printing the system.
    """
    if engine not in ENGINES:
        raise UserError(f"no engine {engine!r}{nearest(engine, ENGINES)}")
    limits = limits or Limits()
    policies = family.all if policies is None else policies
    compiling = printed is None and engine in ("auto", "compiled")
    if compiling and (engine == "compiled" or _compiled_by_now(system, family)):
        run = _by_compiled(system, family, limits, policies, progress, engine == "compiled")
        if run:
            return run
    run = Exploration(system, family, printed or print_system(system, family))
    budget = Budget(limits, _watched(system, family, progress) if compiling else progress)
    most = {"scalar": None, "frontier": 0}.get(engine, GROWN)
    try:
        layer = search(run, policies, budget, most)
        if layer:
            from .layers import search_on

            search_on(run, layer, budget)
    except Overtaken:
        left = None if limits.seconds is None else limits.seconds - budget.seconds
        return _by_compiled(system, family, replace(limits, seconds=left), policies, progress, True)
    except Stopped as e:
        run.stopped = str(e)
    except KeyboardInterrupt:
        run.stopped = "interrupted"
    vars(system)["_searched"] = vars(system).get("_searched", 0) + budget.seconds
    return run


def _by_compiled(system, family, limits, policies, progress, wait) -> Exploration | None:
    from .backend.compiled import explore_compiled

    return explore_compiled(system, family, limits, policies, progress, wait)


def compiled(system: System, family: Family, wait: bool = True) -> bool:
    """Have `system` compiled; whether its code is at hand (else there is no compiler, or it is still at work)."""
    from .backend.c_library import compiler
    from .backend.compiled import Engine

    return compiler() is not None and Engine.of(system, family, wait) is not None


def _compiled_by_now(system: System, family: Family) -> bool:
    """Whether compiled code is loaded; once the system has been searched for long, it is loaded or being compiled."""
    about = vars(system)
    return (about.get("_searched", 0) >= PAYS or "_compiled" in about) and compiled(system, family, wait=False)


def _watched(system: System, family: Family, progress: Progress | None) -> Progress:
    """`progress` that also has a system compiled whose search is large, and raises Overtaken once that is done."""

    def layer_done(layer: int, frontier: int, states: int, rate: float):
        if progress:
            progress(layer, frontier, states, rate)
        if frontier and states > LARGE:
            vars(system)["_searched"] = PAYS
            if _compiled_by_now(system, family):
                raise Overtaken

    return layer_done


__all__ = [
    "HOLDS",
    "REFUSED",
    "UNFINISHED",
    "VIOLATED",
    "Exploration",
    "Limits",
    "Violation",
    "arrival",
    "compiled",
    "explore",
    "judge_progress",
    "replay",
    "shortest_run",
    "stuck",
    "to_show",
]
