"""The explorer of a case: its head, a document for a page, and answers for the widget, from one exploration.

Everything is asked of the whole product of the features that the case reads; a mechanism switched off on purpose never
varies, so the named policies that switch one off are explored beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from textwrap import dedent
from typing import Any

from tux3nb.answers.follow import Schedules, Shown
from tux3nb.answers.judge import Judged, Verdicts, judge
from tux3nb.answers.story import actors
from tux3nb.answers.tours import Run
from tux3nb.cases.case import Case
from tux3nb.engine.explore import no_collector
from tux3nb.engine.family import Listed, PolicySet, Product
from tux3nb.engine.policy import Feature
from tux3nb.engine.result import HOLDS, REFUSED, UNFINISHED, UNREACHED
from tux3nb.engine.runs import replay
from tux3nb.errors import ModelError, UserError, nearest
from tux3nb.model.features import FEATURES, NAMED, named_policy
from tux3nb.model.operations import Mapping as Mapped
from tux3nb.show.explorer.diagram import Diagram
from tux3nb.show.explorer.document import web_address
from tux3nb.show.explorer.tables import Tables
from tux3nb.show.explorer.words import lowest, owner, sentence, word
from tux3nb.show.lattice import drops, least
from tux3nb.show.picture.cards import LOOKS
from tux3nb.show.picture.ownership import ownership

LAB = "This page does not carry that run; tux3nb lab explores it."
CHIPS = 5
NO_POLICY = "A mechanism is switched off one at a time, from a named policy; there is no other such policy here."
SAID = {
    HOLDS: "{} holds in every run.",
    REFUSED: "{} holds, because somebody is turned away before anything can happen.",
    UNREACHED: "{} holds, and what could break it never happens in this case.",
    UNFINISHED: "{} is not decided: the exploration did not finish.",
}
Policy = Mapping[str, str]


class CaseSource:
    """Answers for one case: `head`, `document` for a page, `answer`, `step`, `finish` and `compare` for the widget."""

    def __init__(self, case: Case, progress: Callable | None = None):
        self.case = case
        self._progress = progress
        self._singles: dict[tuple[str, ...], Schedules] = {}
        self._bodies: dict[bool, dict[str, Any]] = {}

    # ---- explorations -----------------------------------------------------------------------------------------------
    @cached_property
    def product(self) -> Product:
        return self.case.product()

    @cached_property
    def judged(self) -> Judged:
        """The whole product, explored once."""
        return judge(self.case, self.product, progress=self._progress)

    @cached_property
    def schedules(self) -> Schedules:
        return Schedules(self.judged)

    @cached_property
    def outside(self) -> dict[str, dict[str, str]]:
        """The named policies that switch a mechanism off which this case reads: name -> policy, in features that it
        reads.
        """
        read, base = self.case.features_read, self.case.policy
        controls = [f for f in read if FEATURES[f].control]
        named = {name: named_policy(name) for name in NAMED if name in self.case.expect}
        told = {name: {**base, **{f: policy[f] for f in read}} for name, policy in named.items()}
        return {n: p for n, p in told.items() if any(p[f] != self.case.policy[f] for f in controls)}

    @cached_property
    def controls(self) -> Schedules | None:
        """Those policies, explored."""
        if not self.outside:
            return None
        return Schedules(judge(self.case, Listed(FEATURES, self.outside.values())))

    def schedules_of(self, policy: Policy) -> Schedules:
        """An exploration that has a policy: the whole product's, that of the controls, or one of its own."""
        if all(policy[f.id] == self.case.policy[f.id] for f in FEATURES if f.control):
            return self.schedules
        key = tuple(policy.values())
        if key not in self._singles:
            known = policy in self.outside.values()
            self._singles[key] = self.controls if known else Schedules(judge(self.case, self.case.one(policy)))
        return self._singles[key]

    def whole(self, policy: Policy) -> dict[str, str]:
        """A policy that names only what this case reads, on top of the base. Raises UserError for a wrong name."""
        for fid in policy:
            FEATURES[fid]  # says which feature there is not
        policy = FEATURES.policy(self.case.policy, **policy)
        if reason := FEATURES.why_not(policy):
            raise UserError(f"these values contradict each other: {reason}")
        return policy

    # ---- head -------------------------------------------------------------------------------------------------------
    @cached_property
    def features(self) -> list[tuple[Feature, list[str]]]:
        """The features that the case reads, each with its values; of a control those that a policy outside has."""
        out = []
        for f in (FEATURES[fid] for fid in self.case.features_read):
            used = {self.case.policy[f.id], *(p[f.id] for p in self.outside.values())}
            values = [v for v in f.values if not f.control or v in used]
            out += [(f, values)] if len(values) > 1 else []
        return out

    @cached_property
    def diagram(self) -> Diagram:
        return Diagram(self.features, self.product)

    def _set(self, policies: PolicySet, outside: Callable[[Policy], bool] = lambda _: False) -> int:
        return self.diagram.of(policies, [p for p in self.outside.values() if outside(p)])

    @cached_property
    def _verdicts(self) -> dict[str, dict[str, int]]:
        """ "all" or property -> verdict -> the set that has it."""
        rows = {"all": self.judged.overall(), **{p.id: self.judged.verdicts(p.id) for p in self.case.properties}}
        out: dict[str, dict[str, int]] = {}
        for name, row in rows.items():
            told = {v: self._set(s, lambda p, v=v, n=name: self._outside_verdict(p, n) == v) for v, s in row.items()}
            out[name] = {v: s for v, s in told.items() if s}
        return out

    def _outside_verdict(self, policy: Policy, prop: str) -> str:
        answer = self.controls.judged.told(policy)
        return answer.verdict if prop == "all" else answer.row(prop).verdict

    def verdict(self, policy: Policy, prop: str = "all") -> str:
        """The verdict of a policy by walking the diagram, as the page does; empty: there is no such policy here."""
        found = (v for v, number in self._verdicts[prop].items() if self.diagram.has(number, policy))
        return next(found, "")

    @cached_property
    def head(self) -> dict[str, Any]:
        """Everything that does not depend on the policy."""
        case, graph = self.case, ownership(self.case)
        rows = {"all": self.judged.overall(), **{p.id: self.judged.verdicts(p.id) for p in case.properties}}
        counts = {name: {v: s.count() for v, s in row.items() if s} for name, row in rows.items()}
        policies, states = len(self.product), self.judged.run.shared_states
        return {
            "version": 4,
            "case": {
                "name": case.name,
                "title": case.title,
                "family": case.family,
                "asks": case.asks,
                "bounds": bounds(case),
                "scenario": dedent(case.columns).strip("\n"),
                "columns": {t: [op.text for op in case.world.ops if op.task == t] for t in case.world.tasks},
                "sources": [{"text": s.text, "url": web_address(s.url)} for s in case.sources],
            },
            "actors": [
                {"id": a, "title": a, "kind": "task" if a in case.world.tasks else "kernel"} for a in actors(case)
            ],
            "features": [self._feature(f, values) for f, values in self.features],
            "unread": self._unread(),
            "start": self.start(),
            "named": self._named(),
            "chips": self._chips(),
            "properties": [
                {"id": p.id, "title": p.title, "sentence": p.sentence, "advisory": p.advisory} for p in case.properties
            ],
            "verdicts": self._verdicts,
            "all": self._set(self.product.all, lambda _: True),
            "counts": {"policies": policies, **counts},
            "said": self._said(),
            "why_not": [{"when": {f: list(v) for f, v in c.when.items()}, "says": c.says} for c in self._constraints()],
            "no_policy": NO_POLICY,
            "size": {
                "policies": policies,
                "states": states,
                "told": f"{policies:,} policies explored at once, {states:,} states",
            },
            "lattice": self._lattice(),
            "graph": {
                "svg": graph.svg,
                "parts": [{"id": part, "kind": kind} for part, kind in graph.parts],
                "legend": [{"class": f"s-{look}", "text": text} for look, text in LOOKS.items()],
            },
            "tux": {"lab": LAB},
            "diagram": self.diagram.nodes,
        }

    def start(self, policy: Policy | None = None, prop: str | None = None, step: int | None = None) -> dict[str, Any]:
        policy = self.case.policy if policy is None else policy
        name = next((n for n in NAMED if self._same(named_policy(n), policy)), "")
        return {"policy": self.diagram.policy(policy), "property": prop, "step": step, "name": name}

    def _same(self, one: Policy, two: Policy) -> bool:
        return all(one[f] == two[f] for f in self.case.features_read)

    def _feature(self, f: Feature, values: Sequence[str]) -> dict[str, Any]:
        return {
            "id": f.id,
            "title": f.title,
            "sentence": sentence(f),
            "control": f.control,
            "values": [
                {
                    "id": v,
                    "title": f.values[v],
                    "word": word(f, v),
                    "owner": owner(f, v),
                    "below": [w for w in f.below.get(v, ()) if w in values],
                }
                for v in values
            ],
        }

    def _unread(self) -> str:
        read = {f.id for f, _ in self.features}
        rest = [f.title for f in FEATURES if f.id not in read and not f.control]
        return f"This case does not read: {', '.join(rest)}." if rest else ""

    def _constraints(self) -> list:
        read = {f.id for f, _ in self.features}
        return [c for c in FEATURES.constraints if set(c.when) <= read]

    def _named(self) -> list[dict[str, Any]]:
        """The named policies, of those that are one in this case the first that it speaks of."""
        out: dict[tuple[str, ...], dict[str, Any]] = {}
        for name in sorted(NAMED, key=lambda n: n not in self.case.expect):
            policy = self.diagram.policy(self._inside(named_policy(name)))
            everybody = self._verdicts["all"].values()
            if self._inside(named_policy(name)) and any(self.diagram.has(s, policy) for s in everybody):
                expected = name in self.case.expect
                told = {"id": name, "title": NAMED[name][0], "policy": policy, "expected": expected}
                out.setdefault(tuple(policy.values()), told)
        return sorted(out.values(), key=lambda n: list(NAMED).index(n["id"]))

    def _inside(self, policy: dict[str, str]) -> dict[str, str]:
        """The policy, or the base with a control that no policy here has replaced: then it is another's."""
        values = {f.id: v for f, v in self.features}
        fits = all(policy[f] in values.get(f, FEATURES[f].values) for f in self.case.features_read)
        return policy if fits else self.case.policy

    def _chips(self) -> list[dict[str, Any]]:
        """The start, a named repair, the least safe policies nearest to the start, and never to fork, each with its
        drops. The repair is the first that the case names and that still forks, or one with only some of its changes.
        """
        named = {n["id"]: self.whole(n["policy"]) for n in self._named()}
        wanted: list[tuple[str, str, dict[str, str], str]] = []
        base = next((n for n in named if self._same(named[n], self.case.policy)), "")
        wanted.append((base, NAMED[base][0] if base else "the start", self.case.policy, "start"))
        repairs = [n for n, expected in self.case.expect.items() if str(expected) == HOLDS and n in named and n != base]
        repairs = [n for n in repairs if named[n]["fork"] != "never"] or repairs
        if repairs:
            changes = {n: {f.id: named[n][f.id] for f in self.product.vary}.items() for n in repairs}
            changes = {n: mine - self.case.policy.items() for n, mine in changes.items()}
            repair = min((n for n in repairs if changes[n] <= changes[repairs[0]]), key=lambda n: len(changes[n]))
            wanted.append((repair, NAMED[repair][0], named[repair], "named"))
        never = [n for n in ("stable_pages",) if n in named and n not in (w[0] for w in wanted)]
        for node in least(self.judged, named, self.case.policy):
            known = any(self._same(node.policy, policy) for _, _, policy, _ in wanted) or node.name in never
            if not known and len(wanted) + len(never) < CHIPS:
                wanted.append((node.name, node.title, node.policy, "least"))
        wanted += [(n, NAMED[n][0], named[n], "named") for n in never]
        out = []
        for name, title, policy, kind in wanted:
            told = self.diagram.policy(policy)
            if told not in [c["policy"] for c in out] and len(out) < CHIPS:
                drops_of = self._drops(policy)
                out.append({"id": name, "title": title, "policy": told, "kind": kind, "drops": drops_of})
        return out

    def _drops(self, policy: Policy) -> list[dict[str, Any]]:
        return [
            {
                "feature": f.id,
                "from": value,
                "to": to,
                "title": word(f, value) if len(f.values) > 2 or value not in ("yes", "no") else f.title,
                "policy": self.diagram.policy(lower),
                "breaks": next(iter(breaks), None),
            }
            for f, value, to, lower, breaks in drops(self.judged, policy)
        ]

    def _lattice(self) -> list[dict[str, Any]]:
        named = {n["id"]: self.whole(n["policy"]) for n in self._named()}
        return [
            {
                "id": node.name,
                "title": node.title,
                "policy": self.diagram.policy(node.policy),
                "values": {f: list(v) for f, v in node.values.items()},
                "count": node.count,
                "mechanisms": [
                    {
                        "feature": f.id,
                        "value": value,
                        "title": f.values[value],
                        "owner": owner(f, value),
                        "to": to,
                        "breaks": breaks,
                    }
                    for f, value, to, _, breaks in drops(self.judged, node.policy)
                    if not lowest(f, value)
                ],
            }
            for node in least(self.judged, named, self.case.policy)
        ]

    def _said(self) -> dict[str, dict[str, str]]:
        """The sentence of the head where nothing is broken."""
        out = {}
        for verdict, text in SAID.items():
            said = {p.id: f"{text.format(p.id)} {p.sentence}" for p in self.case.properties}
            out[verdict] = {"all": text.format("Everything that this case judges"), **said}
        return out

    # ---- the document of a page -------------------------------------------------------------------------------------
    def document(self, start: dict[str, Any] | None = None, light: bool = False) -> dict[str, Any]:
        """The head, the tables, and the runs by policy: for every policy that breaks a property a run that does, and
        the schedule that broke Tux3 under the others. light: the runs that the named policies need, which serve many
        others too.
        """
        if light not in self._bodies:
            self._bodies[light] = self._body(light)
        return {**self._bodies[light], "start": start or self.start(prop=self.main)}

    @no_collector()
    def _body(self, light: bool) -> dict[str, Any]:
        """The document without its start."""
        head = self.head
        run = self.judged.run
        whom = self._spoken_of(head) if light else self.product.all
        known = cache(lambda k: self._set(run.numbers[k]))
        tables = Tables(self.case, run.compiled, run.numbers.all, known, {"": 0})
        covers: dict[str, list] = {}
        references: dict[str, dict[str, Any]] = {}
        follows: dict[str, list] = {}
        for p in self.case.properties:
            covers[p.id] = [*self._covers(tables, p.id, whom)]
            found = self.reference(p.id)
            if found:
                policy, shown = found
                references[p.id] = self._reference(tables, policy, shown, p.id)
                follows[p.id] = [*self._follows(tables, shown, whom)]
        main = self.main
        if main in references:
            references["all"], follows["all"] = references[main], follows[main]
        else:
            shown = self.schedules.plain()
            references["all"] = self._reference(tables, self.case.policy, shown, "")
            follows["all"] = [[references["all"]["run"], self._set(self.schedules.possible(shown.run))]]
            follows["all"] += self._follows(tables, shown, whom)
        told = tables.document
        return {
            **head,
            "diagram": self.diagram.nodes,
            **told,
            "covers": {p: c for p, c in covers.items() if c},
            "references": references,
            "follows": follows,
        }

    def reference(self, prop: str) -> tuple[dict[str, str], Shown] | None:
        """The run that others are compared with for a property: see `Schedules.reference`. What only a mechanism
        switched off breaks is shown with that.
        """
        return self.schedules.reference(prop) or (self.controls.reference(prop) if self.controls else None)

    @cached_property
    def main(self) -> str | None:
        """The property that the explorer opens with: the first that Tux3 breaks, else the first that is broken."""
        broken = [p.id for p in self.case.properties if not p.advisory and self.reference(p.id)]
        ours = [p for p in broken if self._broken_by(self.case.policy, p)]
        return next(iter(ours or broken), None)

    def _broken_by(self, policy: Policy, prop: str) -> bool:
        return self.schedules_of(policy).judged.row(policy, prop).run is not None

    def _spoken_of(self, head: Mapping[str, Any]) -> PolicySet:
        """The policies that the head names."""
        found = self.product.none
        for told in (*head["named"], *head["chips"]):
            policy = self.whole(told["policy"])
            if policy not in self.outside.values():
                found |= self.product.single(policy)
        return found

    def _covers(self, tables: Tables, prop: str, whom: PolicySet) -> Iterator[list[int]]:
        run = self.judged.run
        for shown, policies in self.schedules.covers(prop, whom):
            yield [self._shown(tables, shown, prop, run.number(policies.pick())), self._set(policies)]
        for policy in self.outside.values():
            shown = self.controls.broken(policy, prop)
            if shown:
                number = self.controls.run.number(policy)
                yield [self._shown(tables, shown, prop, number), self._just(policy)]

    def _just(self, policy: Policy) -> int:
        """The set of one policy outside of the product."""
        return self._set(self.product.none, lambda p: p == policy)

    def _shown(self, tables: Tables, shown: Shown, prop: str, number: int) -> int:
        """A run that breaks a property, with what is said of its length."""
        why = f"{shown.told(prop)}."
        graph = self.case.system.property(prop).needs_graph
        return tables.run(shown, None, why, prop, number if graph else None)

    def _reference(self, tables: Tables, policy: Policy, shown: Shown, prop: str) -> dict[str, Any]:
        whose = self.schedules_of(policy).run.number(policy)
        number = self._shown(tables, shown, prop, whose) if prop else tables.run(shown)
        return {"run": number, "policy": self.diagram.policy(policy), "name": self._name(policy)}

    def _follows(self, tables: Tables, shown: Shown, whom: PolicySet) -> Iterator[list[int]]:
        for follow, policies in self.schedules.follows(shown.run, whom):
            yield [tables.run(follow, shown, _told(follow, shown)), self._set(policies)]
        for policy in self.outside.values():
            number = self.controls.run.number(policy)
            follow = self.controls.follow(policy, shown.run, number)
            yield [tables.run(follow, shown, _told(follow, shown)), self._just(policy)]

    # ---- answers for the widget -------------------------------------------------------------------------------------
    def answer(self, policy: Policy, prop: str | None = None) -> dict[str, Any]:
        """The run to show for one policy and property, with the reference's run and its schedule under this policy.

        Raises UserError for a policy or a property that there is not.
        """
        return self._with(policy, prop, None)

    def compare(self, policy: Policy, against: Policy, prop: str | None = None) -> dict[str, Any]:
        """The run of one policy, and its schedule under another."""
        return self._with(policy, prop, self.whole(against))

    def _with(self, policy: Policy, prop: str | None, against: Policy | None) -> dict[str, Any]:
        policy, schedules, judged, number = self._asked(policy)
        prop = self._chosen(judged, prop)
        tables = self._tables(schedules, number)
        own = schedules.broken(policy, prop) if prop else None
        base, reference, shows = self._compared_with(prop)
        mine = schedules.follow(policy, reference.run, number)
        if against is not None:
            reference, base, shows = own or Shown(mine.run), policy, prop if own else ""
            mine = self.schedules_of(against).follow(against, reference.run)
        left = self._shown(tables, reference, shows, number) if shows else tables.run(reference)
        follow = tables.run(mine, reference, _told(mine, reference))
        run = left if against is not None else self._shown(tables, own, prop, number) if own else follow
        return self._told(tables, judged, run=run, property=prop, reference=left, follow=follow, name=self._name(base))

    def step(self, policy: Policy, path: Sequence[int], prop: str | None = None) -> dict[str, Any]:
        """A run of the reader's own, by the numbers of its steps. Raises UserError for a step that is not possible."""
        policy, schedules, judged, number = self._asked(policy)
        tables = self._tables(schedules, number)
        run = tables.run(Shown(self._run(schedules, number, path)))
        return self._told(tables, judged, run=run, property=self._chosen(judged, prop), reference=None, follow=None)

    def finish(self, policy: Policy, path: Sequence[int], prop: str | None = None) -> dict[str, Any]:
        """The same run, gone on: to the nearest state or step that breaks the property, else to the end of all."""
        policy, schedules, judged, number = self._asked(policy)
        prop = self._chosen(judged, prop)
        tables = self._tables(schedules, number)
        run = schedules.goes_on(number, self._run(schedules, number, path), prop)
        return self._told(tables, judged, run=tables.run(Shown(run)), property=prop, reference=None, follow=None)

    def _asked(self, policy: Policy) -> tuple[dict[str, str], Schedules, Verdicts, int]:
        policy = self.whole(policy)
        schedules = self.schedules_of(policy)
        return policy, schedules, schedules.judged.told(policy), schedules.run.number(policy)

    def _chosen(self, judged: Verdicts, prop: str | None) -> str | None:
        """The property asked for, else the first that is broken, else the case's main one."""
        known = [p.id for p in self.case.properties]
        if prop is not None and prop not in known:
            raise UserError(f"case {self.case.name} judges no property {prop!r}{nearest(prop, known)}")
        return prop or next(iter(judged.violated), None) or self.main

    def _compared_with(self, prop: str | None) -> tuple[Policy, Shown, str]:
        """(policy, run, property that it breaks) of the run that others are compared with."""
        for name in (prop, self.main):
            found = self.reference(name) if name else None
            if found:
                return found[0], found[1], name or ""
        return self.case.policy, self.schedules.plain(), ""

    def _name(self, policy: Policy) -> str:
        return next((NAMED[n][0] for n in NAMED if self._same(named_policy(n), policy)), "another policy")

    def _tables(self, schedules: Schedules, number: int) -> Tables:
        return Tables(self.case, schedules.run.compiled, number, lambda k: int(bool(k)), {"": 0})

    def _run(self, schedules: Schedules, number: int, path: Sequence[int]) -> Run:
        if not all(isinstance(k, int) and 0 <= k < len(self.case.system.steps) for k in path):
            raise UserError(f"case {self.case.name} has no such steps: {path}")
        try:
            states = replay(schedules.run.compiled, number, list(path))
        except ModelError as e:
            raise UserError(str(e)) from None
        return Run.of(self.case, list(zip(path, states[1:], strict=True)))

    def _told(self, tables: Tables, judged: Verdicts, name: str = "", **runs: Any) -> dict[str, Any]:
        return {
            "policy": self.diagram.policy(judged.policy),
            "name": name,
            **runs,
            "verdicts": {"all": judged.verdict, **{r.property: r.verdict for r in judged.rows}},
            "depths": {r.property: r.depth for r in judged.rows if r.depth is not None},
            "error": "",
            **tables.document,
        }


@cache
def source_of(case: Case) -> CaseSource:
    """What all explorers of a case share: its whole product is explored once, and its document made once."""
    return CaseSource(case)


def _told(follow: Shown, schedule: Shown) -> str:
    """What is said of a run that follows another's schedule."""
    parts = follow.parts(schedule.run)
    if parts is None:
        return "The same schedule, step by step."
    return f"The same schedule as far as this policy's rules allow; the policies part at step {parts + 1}."


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
