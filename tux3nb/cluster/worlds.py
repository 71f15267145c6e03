"""A case and its policies as they travel: as data, from which each process traces the rules by itself."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from tux3nb.cases.case import Case
from tux3nb.cluster.checkpoint import Checkpoint
from tux3nb.cluster.connect import Connection
from tux3nb.cluster.graph import ShardedGraph
from tux3nb.cluster.search import Search
from tux3nb.engine.explore import explore
from tux3nb.engine.family import Family, Listed, Product
from tux3nb.engine.result import Budget, Exploration, Limits, Progress
from tux3nb.engine.system import System
from tux3nb.errors import WorkerDied

AGAIN = 3  # times that a search goes back to its checkpoint before it gives up


def as_data(case: Case) -> tuple[type[Case], dict[str, Any]]:
    """The class of a case and its fields, without what has been made of them."""
    return type(case), {f.name: getattr(case, f.name) for f in fields(case)}


def from_data(kind: type[Case], given: dict[str, Any]) -> Case:
    return kind(**given)


def family_data(family: Family) -> tuple:
    """A family as arguments of `family_from`."""
    if isinstance(family, Product):
        varied = [f.id for f in family.vary]
        return family.features, dict(family.base), varied, [f.id for f in family.read if f.id not in varied]
    if isinstance(family, Listed):
        return family.features, family.policies
    raise TypeError(type(family).__name__)


def family_from(features: Any, base: Any, *more: list[str]) -> Family:
    return Product(features, base, *more) if more else Listed(features, base)


def made(kind: type[Case], given: dict[str, Any], family: tuple) -> tuple[System, Family]:
    """The system and the family of a search, in a worker."""
    return from_data(kind, given).system, family_from(*family)


def explore_on(
    at: Connection,
    case: Case,
    family: Family,
    limits: Limits | None = None,
    progress: Progress | None = None,
    folder: str | None = None,
    engine: str = "auto",
) -> Exploration:
    """`tux3nb.engine.explore.explore` of a case on workers: the same answers, whatever their number.

    A small world is explored in this process. folder: where a checkpoint is kept; one of the same search is gone on
    with. Raises UserError for a folder with another search, and WorkerDied when the scheduler or all workers are lost.
    """
    kept = Checkpoint.of(folder, case, family) if folder else None
    making = made, (*as_data(case), family_data(family))

    def go_on(run: Exploration, left: list[dict[int, int]], budget: Budget) -> None:
        for again in range(AGAIN, -1, -1):
            search = Search(at, making, run, budget, kept)
            run.graph = ShardedGraph(search)
            try:
                search.begin(left)
                return search.go_on()
            except WorkerDied as died:
                if not again or not kept or not kept.written or not at.alive():
                    raise WorkerDied(why=f"{died}{_next(kept)}") from None  # what is lost came from the checkpoint

    return explore(case.system, family, limits, progress=progress, engine=engine, go_on=go_on)


def _next(kept: Checkpoint | None) -> str:
    if kept is None:
        return "; with --checkpoint DIR the same command goes on where it stopped"
    return f"; {kept.folder} has {kept.written} layers: the same command goes on from there"
