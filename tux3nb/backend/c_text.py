"""A system printed as C: the part of `explore.c` that knows the model.

The text depends on the system only, never on a family: policy guards are rows of tables that are handed over at run
time. So one compiled library serves every policy and every family of a case that has as many words of policies.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..expr import Expr, walk
from ..layout import WORD, Field
from ..policy import Family, Feature
from ..system import System
from .plan import Move, Plan, plan
from .printer import Printer

SKELETON = Path(__file__).with_name("explore.c")
C_FORMS = Printer.forms | {
    "int": "({0} ? 1 : 0)",
    "and": "({0} && {1})",
    "or": "({0} || {1})",
    "not": "(!{0})",
    "where": "({0} ? {1} : {2})",
    "bit": "((i64)1 << ({0} & 63))",
    "has": "({0} >> ({1} & 63) & 1)",
}


class CPrinter(Printer):
    """Expressions over the words ``s0``, ``s1``, ... of the state before the step."""

    forms = C_FORMS

    def constant(self, e: Expr) -> str:
        return f"INT64_C({e.value})" if abs(e.value) >= 1 << 31 else f"({e.value})" if e.value < 0 else str(e.value)

    def read(self, field: Field, flat: Expr) -> str:
        return f"(i64)(s{field.word} >> {self.place(field, flat)} & {field.mask})"

    def place(self, field: Field, flat: Expr) -> str:
        """The position of a cell in its word; kept below 64 for an index whose value nobody looks at."""
        if flat.is_const:
            return str(field.shift(flat.value))
        return f"(({field.base} + {field.width} * {self.text(flat)}) & 63)"

    def text(self, e: Expr) -> str:
        text = super().text(e)
        return f"({text})" if e.op == "get" else text


class PolicySet:
    """A set of policies that depends on few features: one bit for every combination of their values.

    It does for `plan` what the bit mask of a family does, for all families at once.
    """

    __slots__ = ("features", "bits")

    def __init__(self, features: tuple[Feature, ...], bits: int):
        self.features, self.bits = features, bits

    def over(self, features: tuple[Feature, ...]) -> int:
        """The bits over more features."""
        if features == self.features:
            return self.bits
        at = [features.index(f) for f in self.features]
        bits = 0
        for n, combo in enumerate(itertools.product(*(range(len(f.values)) for f in features))):
            old = 0
            for f, i in zip(self.features, at, strict=True):
                old = old * len(f.values) + combo[i]
            bits |= (self.bits >> old & 1) << n
        return bits

    def join(self, other, combine) -> PolicySet:
        other = other if isinstance(other, PolicySet) else PolicySet((), int(bool(other)))
        both = tuple(sorted({*self.features, *other.features}, key=lambda f: f.id))
        return PolicySet(both, combine(self.over(both), other.over(both)))

    def __and__(self, other):
        return self.join(other, int.__and__)

    def __or__(self, other):
        return self.join(other, int.__or__)

    def __xor__(self, other):
        return self.join(other, int.__xor__)

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def __bool__(self):
        return self.bits != 0

    def __eq__(self, other):
        return not self ^ other

    def __hash__(self):
        return hash((self.features, self.bits))

    def members(self, family: Family) -> int:
        """The bit mask of those policies of `family` that are in the set."""
        mask = 0
        places = [(f.id, {v: k for k, v in enumerate(f.values)}) for f in self.features]
        for i, policy in enumerate(family.policies):
            n = 0
            for fid, place in places:
                n = n * len(place) + place[policy[fid]]
            mask |= (self.bits >> n & 1) << i
        return mask


class AnyFamily:
    """Stands for every family while a plan is made: nothing folds, and sets of policies are `PolicySet`."""

    all = PolicySet((), 1)

    def fold(self, guard: Expr) -> Expr:
        return guard

    def members(self, feature: Feature, values: Iterable[str]) -> PolicySet:
        order = list(feature.values)
        return PolicySet((feature,), sum(1 << order.index(v) for v in values))


@dataclass(eq=False)
class Source:
    """A whole C file and what its numbers mean: the plan it was printed from, and the rows of its policy tables."""

    text: str
    plan: Plan
    rows: list[PolicySet]

    def tables(self, family: Family) -> list[int]:
        """The rows as policy sets of `family`."""
        done: dict[PolicySet, int] = {}
        for row in self.rows:
            if row not in done:
                done[row] = row.members(family)
        return [done[row] for row in self.rows]


def c_source(system: System) -> Source:
    """Print `system`. Raises ModelError where it is too wide for C."""
    planned = plan(system, AnyFamily())
    out = _Text(planned)
    model = out.model()
    sizes = {
        "KW": system.layout.words,
        "STEPS": len(system.steps),
        "EVENTS": len(planned.events),
        "CLAUSES": len(system.clauses),
        "PROPERTIES": len(system.properties),
    }
    head = [f"#define {name} {value}" for name, value in sizes.items()]
    skeleton = SKELETON.read_text()
    text = "\n".join([*head, skeleton.replace('#include "model.h"\n', "\n".join(model) + "\n")])
    return Source(text, planned, out.rows)


class _Text:
    """Prints one plan."""

    def __init__(self, planned: Plan):
        self.plan, self.system = planned, planned.system
        self.print = CPrinter()
        self.rows: list[PolicySet] = []
        self.property = {p.id: k for k, p in enumerate(self.system.properties)}

    def model(self) -> list[str]:
        lines = []
        for name in ("halted", "settled"):
            e = getattr(self.system, name)
            lines += [f"static int {name}(const u64 *S) {{", *self.words([e]), f"  return {self.print.text(e)};", "}"]
        return [*lines, *self.judge(), *self.expand()]

    def words(self, roots: Iterable[Expr], always: Iterable[int] = ()) -> list[str]:
        """Declarations of the words of the state that `roots` read."""
        used = {e.args[0].word for e in walk(*roots) if e.op == "get"} | set(always)
        return [f"  const u64 s{k} = S[{k}];" for k in sorted(used)] or ["  (void)S;"]

    def judge(self) -> list[str]:
        wrong = [self.plan.events[n] for n in self.plan.errors]
        roots = [good for _, good in self.plan.clauses] + [event.where for event in wrong]
        lines = ["static void judge(Worker *w, const u64 *S, const u64 *M) {", *self.words(roots)]
        for n, event in zip(self.plan.errors, wrong, strict=True):
            lines.append(f"  if ({self.print.text(event.where)}) {{ fail(w, {n}, S); return; }}")
        for k, good in self.plan.clauses:
            prop = self.property[self.system.clauses[k][0]]
            lines.append(f"  if (!{self.print.text(good)}) clause(w, {k}, {prop}, S, M);")
        return [*lines, "}"]

    def expand(self) -> list[str]:
        """One function for every place of each actor, and `expand`, which calls those where the actors are."""
        places: dict = defaultdict(lambda: defaultdict(list))
        for move in self.plan.moves:
            places[move.control][move.value].append(move)
        lines, calls = [], []
        for g, (control, by_value) in enumerate(places.items()):
            for value, moves in by_value.items():
                lines += self.place(f"at_{g}_{value}", moves)
            if control is None:
                calls.append(f"  at_{g}_0(w, S, M);")
                continue
            field, flat = control
            calls.append(f"  switch (S[{field.word}] >> {field.shift(flat)} & {field.mask}) {{")
            calls += [f"  case {value}: at_{g}_{value}(w, S, M); break;" for value in by_value]
            calls.append("  }")
        head = "static void expand(Worker *w, const u64 *S, const u64 *M) {"
        return [*lines, head, "  if (halted(S)) return;", *calls, "}"]

    def place(self, name: str, moves: list[Move]) -> list[str]:
        everything = range(self.system.layout.words)
        lines = [f"static void {name}(Worker *w, const u64 *S, const u64 *M) {{", *self.words([], everything)]
        for move in moves:
            lines += ["  " + line for line in self.move(move)]
        return [*lines, "}"]

    def move(self, move: Move) -> list[str]:
        """The statements of one move, in the order that `tux3nb.backend.plan` states."""
        text, policies = self.print.text, "M"
        lines, ends = [f"/* {move.step.name.replace('*/', '* /')} */"], 0
        for tests, before in ((move.first, []), (move.guard, move.astray)):
            lines += [self.event(n, policies) for n in before]
            if tests:
                lines.append(f"if ({' && '.join(text(t) for t in tests)}) {{")
                ends += 1
        if move.tables:
            lines += self.cut(move)
            policies, ends = "B", ends + 2
        lines += [self.event(n, policies) for n in move.limits]
        if not (move.taken.is_const and move.taken.value):
            lines.append(f"if ({text(move.taken)}) {{")
            ends += 1
        lines += [self.event(n, policies) for n in move.errors + move.seen]
        lines += ["{", *self.writes(move), f"put(w, {move.index}, N, {policies});", "}"]
        return [*lines, "}" * ends] if ends else lines

    def cut(self, move: Move) -> list[str]:
        """Policies B: those of the state, cut down by every table of the move."""
        lines, factors = ["{", "u64 B[NW], some = 0;"], []
        for k, table in enumerate(move.tables):
            index = [f"{1 << n} * !!{self.print.text(t)}" for n, t in enumerate(table.tests)]
            lines.append(f"const u64 *t{k} = w->run->tables + ({' + '.join([str(len(self.rows)), *index])}) * NW;")
            factors.append(f"t{k}[j]")
            self.rows += [m if isinstance(m, PolicySet) else PolicySet((), int(bool(m))) for m in table.masks]
        lines.append(f"for (int j = 0; j < NW; j++) some |= B[j] = M[j] & {' & '.join(factors)};")
        return [*lines, "if (some) {"]

    def event(self, n: int, policies: str) -> str:
        event = self.plan.events[n]
        if event.kind == "check":
            call = f"check(w, {n}, {self.property[event.name]}, {event.step}, S, {policies});"
        elif event.kind in ("mark", "limit"):
            call = f"{event.kind}(w, {n}, {policies});"
        else:
            call = f"{{ fail(w, {n}, S); return; }}"
        return call if event.where.is_const else f"if ({self.print.text(event.where)}) {call}"

    def writes(self, move: Move) -> list[str]:
        """Statements that make the words N of the successor."""
        words = self.system.layout.words
        keep, parts, late = [0] * words, [[] for _ in range(words)], []
        computed = [f for f, flat, _ in move.writes if not flat.is_const]
        for f, flat, value in move.writes:
            text = f"(u64){self.print.text(value)}"
            if any(f is g for g in computed):  # which cell is known only now: one after the other
                at = self.print.place(f, flat)
                late.append(f"N[{f.word}] = (N[{f.word}] & ~((u64){f.mask} << {at})) | {text} << {at};")
                continue
            keep[f.word] |= f.mask << f.shift(flat.value)
            if not (value.is_const and value.value == 0):
                parts[f.word].append(f"{text} << {f.shift(flat.value)}")
        first = [f"(s{k} & 0x{~keep[k] & (1 << WORD) - 1:x}u)" if keep[k] else f"s{k}" for k in range(words)]
        return [f"u64 N[KW] = {{{', '.join(' | '.join([a, *p]) for a, p in zip(first, parts, strict=True))}}};", *late]
