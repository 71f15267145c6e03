"""Free-running worlds: every actor may do every operation of its kind, in any order, up to a stated number of rounds.

A scripted case says what each actor does next. Here each line of a column is a choice between alternatives, made when
the actor starts one of them, and no line waits for another. The rules are the same, so what HOLDS here holds for every
case of these actors within the bound.

A task's `line` counts the alternatives of all its lines: one number before each choice, then one for each alternative.
`Op.choice` says where the choice of an operation is; `may_start` and `returns` of model/routine.py read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tux3nb.cases.case import Case, Source
from tux3nb.model.operations import Choice, Op


@dataclass(frozen=True)
class Actors:
    """The actors of a family, and what each may do in a round: a tuple of lines, each a tuple of alternatives.

    `expect` is what is expected of one round, as in a case. `syncs`: how many deltas others than `kernel` may close
    in a round.
    """

    rounds: dict[str, tuple[tuple[str, ...], ...]]
    mappings: tuple[str, ...]
    judges: tuple[str, ...] = ()
    expect: Mapping[str, str] = field(default_factory=dict)
    folios: int = 3
    syncs: int = 0


@dataclass(eq=False)
class FreeCase(Case):
    """A case whose columns list, for each actor, the alternatives of all its lines one under the other.

    `choices` says how many alternatives each of these lines has.
    """

    scripted = False

    choices: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def arranged(self, ops: list[Op]) -> list[Op]:
        """Each operation with its choice; the alternatives of a line share its versions, since one of them writes."""
        choices = {task: iter(_choices(found)) for task, found in self.choices.items()}
        chosen: list[Op] = []
        versions: dict[tuple[int, str, int], int] = {}
        for op in ops:
            line, choice = next(choices[op.task])
            version = {}
            for c in op.version:
                key = (c, op.task, choice.start)
                version[c] = versions.setdefault(key, 1 + sum(k[0] == c for k in versions))
            chosen.append(replace(op, line=line, choice=choice, version=version))
        return chosen


def _choices(counts: tuple[int, ...]):
    """(line, choice) of each alternative of a task whose lines have so many alternatives."""
    start = 0
    for count in counts:
        choice = Choice(start, start + count + 1)
        for number in range(1, count + 1):
            yield start + number, choice
        start = choice.end


def free_case(family: str, actors: Actors, ops: int, folios: int | None = None, deltas: int | None = None) -> FreeCase:
    """The world of these actors with up to `ops` rounds each and `deltas` delta changes (None: as many)."""
    deltas = ops if deltas is None else deltas
    folios = actors.folios if folios is None else folios
    lines = {task: [line for _ in range(deltas if task == "kernel" else ops) for line in r]
             for task, r in actors.rounds.items()}  # fmt: skip
    bounds = f"Every actor does up to {ops} of its operations in any order; {deltas} delta changes, {folios} folios."
    return FreeCase(
        name=f"free+{family}+{ops}",
        family=family,
        title=f"Anything that the actors of {family} can do",
        asks=f"With every order of up to {ops} operations an actor, what can go wrong?",
        columns=_columns({task: [text for line in found for text in line] for task, found in lines.items()}),
        mappings=actors.mappings,
        folios=folios,
        deltas=deltas + actors.syncs * ops,
        judges=actors.judges,
        expect=actors.expect if ops == deltas == 1 and folios == actors.folios else {},
        bounds=bounds,
        sources=(Source("the cases of this family, with no script"),),
        choices={task: tuple(map(len, found)) for task, found in lines.items()},
    )


def _columns(lines: dict[str, list[str]]) -> str:
    rows = max(map(len, lines.values()))
    text = [" | ".join(lines)]
    for n in range(rows):
        text.append(" | ".join(found[n] if n < len(found) else "" for found in lines.values()))
    return "\n".join(text)
