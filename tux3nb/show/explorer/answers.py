"""The explorer document of a case: verdict classes, runs, states and the picture, all from one exploration."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from tux3nb.answers.judge import Judged, Row, judge
from tux3nb.answers.story import actors
from tux3nb.answers.tours import Run
from tux3nb.cases.case import Case
from tux3nb.engine.family import Listed
from tux3nb.engine.rule import State
from tux3nb.engine.terms import Expr
from tux3nb.model.features import FEATURES, NAMED, named_policy
from tux3nb.model.folio import mapcount, pins, refcount
from tux3nb.model.operations import Mapping as Mapped
from tux3nb.show.explorer.document import document_head
from tux3nb.show.picture import World, ownership

SHOWN_EVENTS = ("forked", "snapshot_made", "bounced", "refused", "holder_op")
OFFERED = ("fork", "refuse", "busy", "bounce", "pinfork", "pinfork_for", "redirty", "longterm", "retranslate")


class CaseSource:
    """Answers for one case, policy by policy, for the widget and for the exported page.

    `vary` are the features offered as toggles (default: those of `OFFERED` that the case reads); features read but
    not offered keep their value of the case's base policy.
    """

    def __init__(self, case: Case, vary: Sequence[str] | None = None, progress: Callable | None = None):
        self.case = case
        self.vary = tuple(f for f in (vary or OFFERED) if f in case.features_read)
        self._progress = progress
        self._tours: list[Run] = []

    @cached_property
    def family(self) -> Listed:
        """Every combination of the values offered that is not ruled out."""
        values = itertools.product(*(FEATURES[f].values for f in self.vary))
        found = ({**self.case.policy, **dict(zip(self.vary, combination, strict=True))} for combination in values)
        return Listed(FEATURES, (policy for policy in found if FEATURES.why_not(policy) is None))

    @cached_property
    def judged(self) -> Judged:
        return judge(self.case, self.family, progress=self._progress)

    @cached_property
    def labels(self) -> list[str]:
        """The fields of a state that the document carries: all but the ghosts, which only properties read."""
        return [f.label(i) for f, i in self.case.system.layout.cells if not f.ghost]

    @cached_property
    def _columns(self) -> list[int]:
        return [self.case.system.layout.labels.index(label) for label in self.labels]

    def values(self, packed: int) -> list[int]:
        """A packed state as the values of `labels`."""
        values = self.case.system.layout.unpack(packed)
        return [values[k] for k in self._columns]

    @cached_property
    def picture(self) -> dict[str, Any]:
        world = self.case.world
        names = {f"pc[{t}]": ["", *world.places[1:]] for t in world.tasks}
        paged = world.maps.values() if len(world.pages) > 1 else ()
        titles = {f"pte.{m.name}": f"{m.name}, page {m.page}" for m in paged}
        names["oops"] = list(self.case.system.layout.fields["oops"].names)
        return ownership(
            World(
                folios=len(world.folios),
                cells=len(world.cells),
                mappings=world.mappings,
                tasks=tuple(world.tasks),
                holders=tuple((h.name, "pin" if h.pin else "ref") for h in world.holders),
                fields=frozenset(self.labels),
                deltas=world.last_delta + 1,
                names=names,
                titles=titles,
                counts=counts(world),
            )
        )

    @cached_property
    def _head(self) -> dict[str, Any]:
        """Everything that does not depend on the policy."""
        case = self.case
        return {
            "version": 1,
            "case": {
                "name": case.name,
                "title": case.title,
                "asks": case.asks,
                "bounds": bounds(case),
                "actors": [{"id": a, "title": a} for a in actors(case)],
                "columns": {t: [op.text for op in case.world.ops if op.task == t] for t in case.world.tasks},
                "sources": [{"text": s.text, "url": s.url} for s in case.sources],
            },
            "features": [self._feature(f) for f in FEATURES],
            "presets": self._presets(),
            "start": {"policy": dict(case.policy), "property": None, "step": None},
            "fields": self.labels,
            "names": self._names(),
            "properties": [{"id": p.id, "title": p.title, "sentence": p.sentence} for p in case.properties],
            "picture": self.picture,
            "index": {"features": [[f, list(FEATURES[f].values)] for f in self.vary], "why_not": self._why_not()},
        }

    def _why_not(self) -> list[dict[str, Any]]:
        """Why combinations are ruled out, for the page to say."""
        rules = FEATURES.constraints
        return [
            {"when": dict(zip(c.when, values, strict=True)), "says": c.says}
            for c in rules
            for values in itertools.product(*c.when.values())
        ]

    def _names(self) -> dict[str, list[str]]:
        fields = self.case.system.layout.fields.values()
        return {f.label(i): list(f.names) for f in fields if f.names for i in range(f.size)}

    def _feature(self, f) -> dict[str, Any]:
        return {
            "id": f.id,
            "title": f.title,
            "owner": f.owners.replace("\n", "; "),
            "read": f.id in self.vary,
            "fixed": f.id in self.case.features_read and f.id not in self.vary,
            "values": [{"id": v, "title": text} for v, text in f.values.items()],
        }

    def _presets(self) -> list[dict[str, Any]]:
        """The named policies that differ from the base only in features that this document offers."""
        out = []
        for name, (title, _) in NAMED.items():
            policy = named_policy(name)
            fixed = (f for f in self.case.features_read if f not in self.vary)
            if all(policy[f] == self.case.policy[f] for f in fixed):
                out.append({"id": name, "title": title, "policy": policy})
        return out

    @property
    def document_head(self) -> dict[str, Any]:
        return document_head(self._head)

    @cached_property
    def _numbers(self) -> dict[tuple[str, ...], int]:
        """The number in the family of each combination of offered values; one that is ruled out has none."""
        return {tuple(p[f] for f in self.vary): i for i, p in enumerate(self.family.policies)}

    def number(self, policy: Mapping[str, str]) -> int | None:
        """The number of a policy in the family (None: ruled out); features that are not offered do not matter."""
        return self._numbers.get(tuple(policy[f] for f in self.vary))

    def answer(self, policy: Mapping[str, str]) -> dict[str, Any]:
        """{"class", "runs", "states"} of one policy."""
        number = self.number(policy)
        if number is None:
            return {"class": None, "runs": [], "states": []}
        judged = judge(self.case, self.case.one(policy))
        judged.tours.known = self._tours
        table = _Table(self)
        entry = table.entry(judged, policy)
        return {"class": {"id": 0, "policies": 1, **entry}, "runs": table.runs, "states": table.states}

    def document(self) -> dict[str, Any]:
        """The whole document, with a class for every policy of the family."""
        table, classes, class_of = _Table(self), {}, []
        for combination in itertools.product(*(FEATURES[f].values for f in self.vary)):
            number = self._numbers.get(combination)
            if number is None:
                class_of.append(-1)
                continue
            entry = table.entry(self.judged, self.family.policies[number])
            class_of.append(classes.setdefault(repr(entry), (len(classes), entry))[0])
        entries = [{"id": n, "policies": class_of.count(n), **entry} for n, entry in classes.values()]
        head = self._head
        return {
            **head,
            "index": {**head["index"], "class_of": class_of},
            "classes": entries,
            "runs": table.runs,
            "states": table.states,
        }


class _Table:
    """Runs and states collected for a document, each stored once."""

    def __init__(self, source: CaseSource):
        self.source = source
        self.runs: list[dict[str, Any]] = []
        self.states: list[list[int]] = []
        self._run_at: dict[tuple, int] = {}
        self._state_at: dict[int, int] = {}

    def entry(self, judged: Judged, policy: Mapping[str, str]) -> dict[str, Any]:
        """The class entry of one policy, without its id and its number of policies."""
        answer = judged.answer(policy)
        safe = not any(row.run for row in answer.rows)
        return {
            "verdict": answer.verdict,
            "states": answer.states,
            "edges": answer.edges,
            "depth": answer.depth,
            "rows": [self._row(row) for row in answer.rows],
            "completes": self.add(judged.tours.show(judged.run.number(policy), SHOWN_EVENTS)) if safe else None,
        }

    def _row(self, row: Row) -> dict[str, Any]:
        run = None if row.run is None else self.add(row.run)
        return {
            "property": row.property,
            "verdict": str(row),
            "depth": row.depth,
            "reason": row.reason,
            "run": run,
        }

    def add(self, run: Run) -> int:
        key = (run.states, tuple(id(s) for s in run.steps))
        if key not in self._run_at:
            self._run_at[key] = len(self.runs)
            self.runs.append(self._run(run))
        return self._run_at[key]

    def _run(self, run: Run) -> dict[str, Any]:
        case = self.source.case
        lines = {t: (case.system.layout.fields["line"], k) for k, t in enumerate(case.world.tasks)}
        steps = []
        for step, before in zip(run.steps, run.states, strict=False):
            at = lines.get(step.actor)
            line = case.system.layout.value(before, *at) if at else None
            steps.append(
                {
                    "actor": step.actor,
                    "rule": step.rule.name,
                    "args": {k: str(v) for k, v in step.args.items()},
                    "says": step.rule.says,
                    "line": line,
                    "kernel": step.rule.kernel,
                }
            )
        return {"steps": steps, "states": [self._state(s) for s in run.states]}

    def _state(self, packed: int) -> int:
        if packed not in self._state_at:
            self._state_at[packed] = len(self.states)
            self.states.append(self.source.values(packed))
        return self._state_at[packed]


def counts(world) -> dict[int, dict[str, Any]]:
    """Each folio's refcount, mapcount and pin count, the very expressions that the rules use, for the picture."""
    counted = {"refcount": refcount, "mapcount": mapcount, "pincount": pins}
    s = State(world, None)
    return {f: {name: as_data(count(s, f)) for name, count in counted.items()} for f in world.folios}


def as_data(e: Expr) -> Any:
    """An expression of the model as the picture's plain data (sums, comparisons and truth values only)."""
    if e.op == "const":
        return e.value
    if e.op == "get":
        return ["f", e.args[0].label(e.args[1].value)]
    if e.op == "int":
        return as_data(e.args[0])
    return [e.op, *(as_data(a) for a in e.args)]


def bounds(case: Case) -> str:
    """What the world of a case leaves out, in one sentence."""
    w = case.world
    pages = "One page of two cells" if len(w.pages) == 1 else "Two pages of one cell each"
    maps = ", ".join(_mapping(m) for m in w.maps.values()) or "none"
    said = (
        f"{pages}, a pool of {len(w.folios)} folios, deltas 0 to {w.last_delta}; mappings: {maps}; "
        "interleaving semantics, sequentially consistent, one rule at a time."
    )
    return f"{said} {case.bounds}".strip()


def _mapping(m: Mapped) -> str:
    """A mapping in words: what is not said of it is as usual, one thread and a PTE that is there at the start."""
    said = [m.kind, *(["two threads"] if m.sibling else []), *(["accessed bit may change"] if m.young else [])]
    if not m.mapped:
        said.append("not yet mapped")
    elif not m.present:
        said.append("no PTE at the start")
    return f"{m.name} ({', '.join(said)})"
