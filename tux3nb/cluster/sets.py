"""Sets of policies as they travel between processes, each of which numbers the sets that it meets in its own way.

A set is told as a text: the nodes of its decision diagram (variable, node if set, node if not), those below first. The
order of variables belongs to the table of features, so that equal sets have equal texts in every process. A number is
told once with an array, and read once by each process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tux3nb.engine.family import Family, Numbers, PolicySet, Product
from tux3nb.engine.frontier.sets import ID


def text_of(policies: Any) -> str:
    """A set as text."""
    if not isinstance(policies, PolicySet):
        return f"{policies:x}"
    diagrams = policies.product.diagrams
    known: dict[Any, int] = {diagrams.false: 0, diagrams.true: 1}
    nodes: list[str] = []

    def visit(node: Any) -> int:
        if node not in known:
            yes, no = map(visit, node.cofactors())
            nodes.append(f"{node.node_var()} {yes} {no}")
            known[node] = len(known)
        return known[node]

    root = visit(policies.dd)
    return ",".join(nodes) or "FT"[root]


def set_of(text: str, family: Family) -> Any:
    """The set that a text tells."""
    if not isinstance(family, Product):
        return int(text, 16)
    diagrams = family.diagrams
    nodes = [diagrams.false, diagrams.true]
    if text in ("F", "T"):
        return PolicySet(family, nodes["FT".index(text)])
    for node in text.split(","):
        variable, yes, no = map(int, node.split())
        nodes.append(diagrams.manager.var(variable).ite(nodes[yes], nodes[no]))
    return PolicySet(family, nodes[-1])


@dataclass(eq=False)
class Ids:
    """Sets, one a row, in no process's numbers: `which` of `texts`."""

    which: np.ndarray
    texts: list[str]

    def __sizeof__(self) -> int:
        """What Dask counts, to know when to put results on disk."""
        return self.which.nbytes + sum(map(len, self.texts))

    def __len__(self) -> int:
        return len(self.which)


class Texts:
    """Between the numbers of one process and texts; both ways are remembered."""

    def __init__(self, numbers: Numbers):
        self._numbers = numbers
        self._text: dict[int, str] = {}
        self._number: dict[str, int] = {}

    def text(self, number: int) -> str:
        found = self._text.get(number)
        if found is None:
            found = self._text[number] = text_of(self._numbers[number])
            self._number[found] = number
        return found

    def number(self, text: str) -> int:
        found = self._number.get(text)
        if found is None:
            found = self._number[text] = self._numbers.number(set_of(text, self._numbers.family))
            self._text[found] = text
        return found

    def tell(self, ids: np.ndarray) -> Ids:
        """Numbers as they travel."""
        used = np.zeros(int(ids.max(initial=-1)) + 1, bool)
        used[ids] = True
        numbers = np.flatnonzero(used)
        place = np.zeros(len(used), ID)
        place[numbers] = np.arange(len(numbers), dtype=ID)
        return Ids(place[ids], [self.text(n) for n in numbers.tolist()])

    def read(self, told: Ids) -> np.ndarray:
        """The numbers of this process."""
        return np.array([self.number(t) for t in told.texts], ID)[told.which]
