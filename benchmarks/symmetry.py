"""What merging states that differ by folio numbers only would save: ``python -m benchmarks.symmetry CASE ...``.

Every reachable state under Tux3's policy is renamed in all ways; the lowest stands for its class. Prints a line a case.
"""

import itertools
import sys

from tux3nb.backend.compiled import explore_compiled
from tux3nb.cases import find

HOLDS_FOLIO = {"pte", "tlb", "spte", "folio", "copy", "fault", "seen", "hold", "bio_folio"}  # 0 or a folio's number + 1


def renaming(layout, folios: int, names: tuple[int, ...]) -> list[tuple[int, list[int] | None]]:
    """For each cell of a renamed state: the cell it comes from, and its values' new names if it holds a folio."""
    number = {(f, i): n for n, (f, i) in enumerate(layout.cells)}
    after = [0, *(names[k] + 1 for k in range(folios))]
    out = []
    for f, i in layout.cells:
        values = after if f.name in HOLDS_FOLIO else [*names, folios] if f.name == "slot" else None
        if f.axes and f.axes[0] == tuple(range(folios)) and f.name != "slot":
            folio, rest = divmod(i, f.size // folios)
            i = names.index(folio) * (f.size // folios) + rest
        out.append((number[f, i], values))
    return out


def merged(case) -> tuple[int, int]:
    """(states, classes of states) of a case under its policy."""
    layout, folios = case.system.layout, len(case.world.folios)
    ways = [renaming(layout, folios, names) for names in itertools.permutations(range(folios))]
    run, classes = explore_compiled(case.system, case.one(case.policy)), set()
    for state in run.arrivals:
        old = layout.unpack(state)
        classes.add(min(tuple(v[old[n]] if v else old[n] for n, v in way) for way in ways))
    return run.shared_states, len(classes)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        states, classes = merged(find(name))
        print(f"{name}: {states:,} states, {classes:,} classes, {states / classes:.2f}x")
