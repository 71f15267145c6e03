"""Progress (I7): from every reachable state, completion stays reachable without help from a holder."""

from __future__ import annotations

from collections.abc import Iterator

from tux3nb.engine.result import Exploration

REASON = "from here no run completes what has begun"


def stuck(run: Exploration) -> Iterator[tuple[int, int]]:
    """Yield (state, policies) from which no settled state can be reached without a releasing step."""
    return run.graph.stuck()


def judge_progress(run: Exploration, prop: str) -> bool:
    """Add the violations of the progress property `prop`, and `prop` to ``run.judged``.

    A run that was cut short or forgets its states cannot judge it: nothing is added, the answer for `prop` is
    UNFINISHED, and False is returned.
    """
    if run.stopped:
        return False
    for depth, state, policies in run.graph.first_stuck():
        run.violate(prop, REASON, depth, state, policies)
    run.judged.add(prop)
    return True
