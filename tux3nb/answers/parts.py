"""Worlds on many workers, each in parts of the product: a part is a set of policies, those with one value of a feature.

What parts have said is united as diagrams. A state that several parts reach is counted once: parts keep their states
where they are, and a task counts those that differ.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tux3nb.answers.judge import judge
from tux3nb.answers.worlds import TOLD, Row, World, family_of, find_world, said, weight
from tux3nb.cases.case import Case
from tux3nb.engine.result import Exploration, Limits
from tux3nb.model.features import FEATURES

if TYPE_CHECKING:
    from tux3nb.cluster.connect import Connection

Part = tuple[str, str] | None  # a feature and its value; None: all policies


def worlds_on(
    at: Connection,
    names: Iterable[str],
    limits: Limits | None = None,
    progress: Callable[[str], None] | None = None,
) -> list[World]:
    """`tux3nb.answers.worlds.explore_worlds` on workers: a world in parts where there are more threads than worlds."""
    from tux3nb.cluster.shard import part
    from tux3nb.cluster.worlds import as_data

    threads, cases = sum(at.workers().values()), list(map(find_world, names))
    asked: dict[str, tuple[list[Any], Any]] = {}
    for case in sorted(cases, key=lambda case: weight(case.name)):
        parts = parts_of(case) if threads > len(cases) else [None]
        done = [at.client.submit(explore_part, as_data(case), limits, p, pure=False) for p in parts]
        count = at.client.submit(different, [at.client.submit(part, f, 1) for f in done]) if len(parts) > 1 else None
        asked[case.name] = [at.client.submit(part, f, 0) for f in done], count
    every = [f for told, count in asked.values() for f in (*told, *([count] if count else []))]
    found: dict[str, World] = {}
    try:
        for name, (told, count) in asked.items():
            found[name] = united(at.results(told), at.results([count])[0] if count else None)
            if progress:
                progress(name)
    finally:
        at.drop(every)
    return [found[case.name] for case in cases]


def parts_of(case: Case) -> list[Part]:
    """The values of the feature that has most of them, of those that the case reads."""
    family = family_of(case)
    if not family.vary:
        return [None]
    most = max(family.vary, key=lambda f: len(f.values))
    return [(most.id, value) for value in most.values if family.members(most, (value,))]


def explore_part(data: tuple, limits: Limits | None, part: Part) -> tuple[World, Any]:
    """What a world, as data, says of a part of the policies; and the states found, as rows of words."""
    kind, given = data
    case = kind(**given)
    family = family_of(case)
    policies = family.members(FEATURES[part[0]], part[1:]) if part else family.all
    judged = judge(case, family, limits, policies=policies)
    out = said(judged, policies), _states(judged.run) if part else None
    del judged
    gc.collect()  # an exploration is large and points to itself
    return out


def _states(run: Exploration) -> Any:
    from tux3nb.engine.frontier.tables import words_of

    seen = run.graph.seen  # a dict of packed states, or an index of rows
    return words_of(seen, run.system.layout) if isinstance(seen, dict) else seen.words[: seen.n]


def different(several: list[Any]) -> int:
    """How many rows of some arrays differ."""
    import numpy as np

    rows = np.ascontiguousarray(np.concatenate(several))
    return len(np.unique(rows.view([("", rows.dtype)] * rows.shape[1])))


def united(parts: list[World], states: int | None) -> World:
    """What the parts of a world have said together."""
    if states is None:
        return parts[0]
    first = parts[0]
    family, rows = first.product, {}
    for row in (r for world in parts for r in world.rows):
        key = row.property, row.verdict, row.depth
        rows[key] = rows.get(key, family.none) | family.load(row.diagram)
    order = {p: n for n, p in enumerate(first.properties)}
    ordered = sorted(rows, key=lambda k: (order[k[0]], TOLD.index(k[1]), k[2] or 0))
    stopped = next((w.stopped for w in parts if w.stopped), "")
    told = tuple(Row(p, verdict, depth, rows[p, verdict, depth].count(), rows[p, verdict, depth].text())
                 for p, verdict, depth in ordered)  # fmt: skip
    return replace(first, states=states, stopped=stopped, rows=told)
