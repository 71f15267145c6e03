"""What a page or the widget is given of runs: every text, row, mark and view once, by number."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cached_property
from typing import Any

from tux3nb.answers.follow import Shown
from tux3nb.answers.story import actors
from tux3nb.cases.case import Case
from tux3nb.engine.compile import Compiled
from tux3nb.engine.family import Family
from tux3nb.engine.rule import Step
from tux3nb.engine.runs import evaluate
from tux3nb.engine.terms import SET, Expr
from tux3nb.model.broken import Broken, broken, reads
from tux3nb.model.world import FLUSHER
from tux3nb.show.lanes import Told, stopped
from tux3nb.show.picture.ownership import broken_parts, drawn, ownership
from tux3nb.show.places import Row, letter, scene
from tux3nb.show.steps import effect, held_back


class Tables:
    """The tables of section "tables" of a document, filled as runs are added.

    compiled and policies: of the exploration; what may come next is told for these policies (by number). `known` gives
    the number in the document of a set by its number in the exploration. `graph`: word of the picture -> its number.
    """

    def __init__(
        self, case: Case, compiled: Compiled, policies: int, known: Callable[[Any], int], graph: dict[str, int]
    ):
        self.case, self.compiled, self.policies, self.known = case, compiled, policies, known
        self.graph = graph
        self.steps = _Numbered(self._step)
        self.texts = _Numbered(str)
        self.lookers = _Numbered(lambda k: {"key": k.key, "kind": k.kind, "text": k.text})
        self.rows = _Numbered(self._row)
        self.marks = _Numbered(lambda m: m)
        self.texts(""), self.marks(None)
        self.views: list[dict[str, Any]] = []
        self.runs: list[dict[str, Any]] = []
        self._view_at: dict[int, int] = {}
        self._states: list[int] = []
        self._run_at: dict[tuple, int] = {}
        self._allowed: dict[int, int] = {}
        self._indexes = {id(s): k for k, s in enumerate(case.system.steps)}
        self.actors = actors(case)

    # ---- entries ----------------------------------------------------------------------------------------------------
    def _step(self, index: int) -> dict[str, Any]:
        step = self.case.system.steps[index]
        op = step.args.get("op")
        return {
            "n": index,
            "actor": step.actor,
            "rule": step.rule.name,
            "op": op.text if op else "",
            "folio": letter(step.args["f"]) if "f" in step.args else "",
            "line": op.line if op else None,
            "says": step.rule.says,
            "kernel": step.rule.kernel,
        }

    def _row(self, row: Row) -> dict[str, Any]:
        return {
            "key": row.key,
            "kind": row.kind,
            "title": row.title,
            "note": row.note,
            "cells": [None if c is None else {"v": c.v, "by": c.by} for c in row.cells],
            "lookers": [self.lookers(k) for k in row.lookers],
        }

    def mark(self, found: Broken | None, state: int) -> int:
        """The number of a mark; of its places those that a state shows, 0 where it shows none."""
        if found is None:
            return 0
        rows = {r.key: r for r in scene(self.case, state).rows}
        lookers = {k.key for r in rows.values() for k in r.lookers}
        places = [
            p
            for p in found.places
            if p.actor or p.looker in lookers or (p.row in rows and (p.cell is None or rows[p.row].cells[p.cell]))
        ]
        if not places:
            return 0
        shown = Broken(found.property, found.sentence, tuple(places))
        return self.marks(
            {
                "property": found.property,
                "sentence": found.sentence,
                "kind": "differ" if len(places) == 2 else "place",
                "places": [_place(p) for p in places],
                "parts": broken_parts(shown, drawn(self.case, state)),
            }
        )

    def view(self, state: int) -> int:
        if state not in self._view_at:
            self._view_at[state] = len(self.views)
            self._states.append(state)
            seen, words, system = scene(self.case, state), drawn(self.case, state), self.case.system
            marks = {p: self.mark(broken(self.case.world, system, p, state), state) for p in self._failing(state)}
            self.views.append(
                {
                    "rows": [self.rows(r) for r in seen.rows],
                    "graph": [self._word(words.get(part, "")) for part, _ in ownership(self.case).parts],
                    "notes": [n for n in seen.notes if n],
                    **({"marks": found} if (found := {p: m for p, m in marks.items() if m}) else {}),
                }
            )
        return self._view_at[state]

    def _failing(self, state: int) -> list[str]:
        """The properties of which a clause fails in a state."""
        bits = self.compiled.judge(state)
        return list(dict.fromkeys(p for k, (p, _, _) in enumerate(self.case.system.clauses) if bits >> k & 1))

    def _word(self, word: str) -> int:
        return self.graph.setdefault(word, len(self.graph))

    # ---- runs -------------------------------------------------------------------------------------------------------
    def run(
        self, shown: Shown, schedule: Shown | None = None, why: str = "", prop: str = "", stuck: int | None = None
    ) -> int:
        """The number of a run. schedule: what it follows. prop: what it breaks. stuck: the policy for which its end is
        stuck.
        """
        key = (shown.run.states, tuple(id(s) for s in shown.run.steps), shown.mirrors, prop, stuck)
        if key in self._run_at:
            return self._run_at[key]
        self._run_at[key] = len(self.runs)
        told = Told(self.case, shown.run)
        parts = shown.parts(schedule.run) if schedule else None
        bars = self._bars(shown, prop, stuck)
        out = {
            "steps": [[self.steps(self._indexes[id(s)]), self.texts(t)] for s, t in told.steps],
            "states": [self.view(s) for s in shown.run.states],
            "depth": shown.depth,
            "why": why,
            "bars": bars,
            "arrows": [{"from": a.begin, "to": a.end, "kind": a.kind, "text": a.text} for a in told.arrows],
            "arcs": {p: arc for p, bar in bars.items() if (arc := self._arc(told, bar))},
            "mirrors": None if shown.mirrors is None else list(shown.mirrors),
            "differs": parts,
            "differs_text": self._differs(shown, schedule, parts),
        }
        self.runs.append(out)
        return self._run_at[key]

    def _bars(self, shown: Shown, prop: str, stuck: int | None) -> dict[str, list[list[int]]]:
        """Property -> [from state, mark] along a run; what a step broke stays marked as long as it is in sight."""
        run, system, world = shown.run, self.case.system, self.case.world
        bars: dict[str, list[list[int]]] = {}
        events: dict[str, Broken] = {}
        for k, state in enumerate(run.states):
            found = dict(self.views[self.view(state)].get("marks", {}))
            if k:
                step, before = run.steps[k - 1], run.states[k - 1]
                for p in {p for p, holds, _ in step.checks if not evaluate(holds, system.layout, before)}:
                    events[p] = broken(world, system, p, state, before, step)
                for p in self._failing(state):
                    if p not in events and p not in found:  # only the step says where: who failed an assertion
                        events[p] = broken(world, system, p, state, before, step)
            if stuck is not None and k == len(run):
                events[prop] = stopped(self.case, self.compiled, stuck, prop, run)
            if shown.reader and prop and k == len(run):
                events[prop] = self._read(shown, prop)
            found |= {p: self.mark(event, state) for p, event in events.items()}
            for p in {*bars, *found}:
                bar, mark = bars.setdefault(p, [[0, 0]]), found.get(p, 0)
                if mark != bar[-1][1]:
                    bar.append([k, mark])
        judged = {p.id for p in self.case.properties}
        return {p: bar for p, bar in sorted(bars.items()) if p in judged and len(bar) > 1}

    def _read(self, shown: Shown, prop: str) -> Broken | None:
        """What is broken at the end of a run whose last step reads it."""
        run, system = shown.run, self.case.system
        found = broken(self.case.world, system, prop, run.states[-1])
        if found is None:
            return None
        seen = dict(reads(system.layout, run.steps[-1], run.states[-2]))
        read = [f"; {shown.reader} reads v{seen[p.row, p.cell]}" for p in found.places[-1:] if (p.row, p.cell) in seen]
        return replace(found, sentence=f"{found.sentence}{''.join(read)}")

    def _arc(self, told: Told, bar: list[list[int]]) -> dict[str, Any] | None:
        """The window of a race: from the step that fixed one of the two places to the one that wrote the other."""
        at, number = next(((k, m) for k, m in bar if m), (0, 0))
        return told.window(self.marks.entries[number]["places"], at) if number else None

    def _differs(self, shown: Shown, schedule: Shown | None, parts: int | None) -> str:
        """What both do where they part: ``16: fork begins | fork refused``."""
        if schedule is None or parts is None:
            return ""
        theirs, mine = (_said(run.steps[parts]) if parts < len(run) else "-" for run in (schedule.run, shown.run))
        return f"{parts + 1}: {theirs} | {mine}"

    # ---- what comes next --------------------------------------------------------------------------------------------
    def finish(self) -> None:
        """Tell of every view what may come next, now that all views are there."""
        for state, view in zip(list(self._states), self.views, strict=True):
            view["next"], view["stuck"] = self._next(state), []
            if not evaluate(self.case.system.halted, self.case.system.layout, state):
                view["stuck"] = self._stuck(state, self._enabled(state))

    def _enabled(self, state: int) -> list[tuple[int, int, int]]:
        return [(i, t, k) for i, t, k in self.compiled.steps(state, self.policies) if t != state]

    def _next(self, state: int) -> list[list[int]]:
        steps, out = self.case.system.steps, []
        for i, after, policies in self._enabled(state):
            text = effect(self.case, steps[i], state, after)
            out.append([self.steps(i), self._view_at.get(after, -1), self.known(policies), self.texts(text)])
        return out

    def _stuck(self, state: int, enabled: Iterable[tuple[int, int, int]]) -> list[list[int]]:
        numbers, able = self.compiled.numbers, dict.fromkeys(self.actors, 0)
        for i, _, k in enabled:
            actor = self.case.system.steps[i].actor
            able[actor] = numbers.union[able[actor]][k]
        out, look = [], scene(self.case, state).look
        for n, actor in enumerate(self.actors):
            waits = actor in self.case.world.tasks or (actor == FLUSHER and look.cur() > look.committed())
            if not waits:
                continue
            rest = numbers.minus[self.policies][able[actor]]
            for step, text in held_back(self.case, actor, state) if rest else ():
                index = self._indexes[id(step)]
                mine = numbers.common[rest][self._asked(index)]
                if mine:
                    out.append([n, self.steps(index), self.texts(text), self.known(mine)])
                    rest = numbers.minus[rest][mine]
        return out

    def _asked(self, index: int) -> int:
        """The policies that ask for a step, whatever the state, by number."""
        if index not in self._allowed:
            family, found = self.compiled.family, self.compiled.family.all
            for e in self.case.system.steps[index].allowed:
                found = found & _members(family, e)
            self._allowed[index] = self.compiled.numbers.number(found)
        return self._allowed[index]

    @cached_property
    def document(self) -> dict[str, Any]:
        """The tables as plain data."""
        self.finish()
        named = ("steps", "texts", "rows", "lookers", "marks")
        tables = {n: getattr(self, n).entries for n in named}
        return {**tables, "words": list(self.graph), "views": self.views, "runs": self.runs}


class _Numbered:
    """Things by number, each once; `entries` are what `told` makes of them."""

    def __init__(self, told: Callable[[Any], Any]):
        self.told, self.entries = told, []
        self._at: dict[Any, int] = {}

    def __call__(self, thing: Any) -> int:
        key = repr(thing) if isinstance(thing, dict) else thing
        if key not in self._at:
            entry = self.told(thing)
            self._at[key] = len(self.entries)
            self.entries.append(entry)
        return self._at[key]


def _members(family: Family, e: Expr) -> Any:
    """The policies for which a guard may hold: what it asks of the state is taken to hold."""
    if e.op == "feature":
        return family.members(*e.args)
    if e.op == "not" and e.args[0].op == "feature":
        return family.all & ~family.members(*e.args[0].args)
    if e.op in ("and", "or") and e.kind == SET:
        one, two = (_members(family, a) for a in e.args)
        return one & two if e.op == "and" else one | two
    return family.all


def _place(p) -> dict[str, Any]:
    if p.looker:
        return {"looker": p.looker}
    return {"actor": p.actor} if p.actor else {"row": p.row, "cell": p.cell}


def _said(step: Step) -> str:
    return step.rule.name.replace("_", " ")
