"""A case and its policies as they travel: as data, from which each process traces the rules by itself."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from tux3nb.cases.case import Case
from tux3nb.cluster.checkpoint import Checkpoint
from tux3nb.cluster.connect import Connection
from tux3nb.cluster.graph import ShardedGraph
from tux3nb.cluster.search import Search
from tux3nb.engine.compile import Compiled
from tux3nb.engine.explore import GROWN, search
from tux3nb.engine.family import Family, Listed, Product
from tux3nb.engine.result import Budget, Exploration, Limits, Progress, Stopped
from tux3nb.engine.system import System
from tux3nb.errors import WorkerDied

AGAIN = 3  # times that a search goes back to its checkpoint before it gives up


def as_data(case: Case) -> tuple[type[Case], dict[str, Any]]:
    """The class of a case and its fields, without what has been made of them."""
    return type(case), {f.name: getattr(case, f.name) for f in fields(case)}


def family_data(family: Family) -> tuple:
    """A family as arguments of `family_from`."""
    if isinstance(family, Product):
        varied = [f.id for f in family.vary]
        return family.features, dict(family.base), varied, [f.id for f in family.read if f.id not in varied]
    if isinstance(family, Listed):
        return family.features, family.policies
    raise TypeError(type(family).__name__)


def family_from(features: Any, base: Any, *more: list[str]) -> Family:
    """The family of which `family_data` has told."""
    return Product(features, base, *more) if more else Listed(features, base)


def made(kind: type[Case], given: dict[str, Any], family: tuple) -> tuple[System, Family]:
    """The system and the family of a search, in a worker."""
    return kind(**given).system, family_from(*family)


def explore_on(
    at: Connection,
    case: Case,
    family: Family,
    limits: Limits | None = None,
    progress: Progress | None = None,
    engine: str = "auto",
) -> Exploration:
    """`tux3nb.engine.explore.explore` of a case on workers: the same answers, whatever their number.

    A small world is explored in this process. A checkpoint is kept in the folder ``at.checkpoint``; one of the same
    search is gone on with. Raises UserError for a folder with another search, and WorkerDied when the scheduler or all
    workers are lost.
    """
    kept = Checkpoint.of(at.checkpoint, case, family) if at.checkpoint else None
    making = made, (*as_data(case), family_data(family))
    run, budget = Exploration(Compiled(case.system, family)), Budget(limits or Limits(), progress)
    try:
        left = search(run, run.numbers.all, budget, 0 if engine == "numpy" else GROWN)
        if left:
            _go_on(Search(at, making, run, budget, kept), left)
    except Stopped as e:
        run.stopped = str(e)
    except KeyboardInterrupt:
        run.stopped = "interrupted"
    return run


def _go_on(search: Search, left: list[dict[int, int]]) -> None:
    """Search on; what was lost with a worker, since it came from a checkpoint, comes from there again."""
    kept, again = search.kept, AGAIN
    while True:
        search.run.graph = ShardedGraph(search)
        try:
            search.begin(left)
            search.go_on()
            return
        except WorkerDied as died:
            if not again or not kept or not kept.written or not search.at.alive():
                raise WorkerDied(why=f"{died}{_next(kept)}") from None
        again -= 1
        search = replace(search, layers=[], heads=[])


def _next(kept: Checkpoint | None) -> str:
    if kept is None:
        return "; with --checkpoint DIR the same command goes on where it stopped"
    return f"; {kept.folder} has {kept.written} layers: the same command goes on from there"
