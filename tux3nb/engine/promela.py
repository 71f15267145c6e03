"""A system printed as Promela, for SPIN: an independent check of our explorations, and a model for other hands.

A field is an array of bytes, a step one ``d_step``. A feature that is to vary is a variable, chosen before anything
else; every other feature is folded away, so a whole product of features makes a model hardly larger than one policy.

SPIN would stop at the first assertion that fails. So that it tells everything, violated properties, marks, limits and
fired steps are events: embedded C notes them outside the state, and pan prints those that happened when it ends, for
all chosen policies together, one a line: ``TUX3NB violated I2``. ``POLICY_fork=always ./pan -E -n`` narrows the choice
of one feature. Values outside a field's range and indexes outside an array are assertions: they end the run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from tux3nb.engine.fields import Field
from tux3nb.engine.policy import Choice
from tux3nb.engine.rule import Step
from tux3nb.engine.system import System
from tux3nb.engine.terms import FALSE, OPERATORS, SET, TRUE, Expr, every, negate, rebuild, some, walk
from tux3nb.errors import ModelError

FORMS = {op: known.c for op, known in OPERATORS.items()} | {
    "where": "({0} -> {1} : {2})",
    "int": "{0}",  # a truth value is 0 or 1 already
}
RESERVED = set(
    "active assert atomic bit bool break byte chan d_step do else empty enabled end eval false fi full goto hidden if "
    "init inline int len mtype nempty never nfull nr_pr od of pc_value pid printf priority proctype provided "
    "run short skip timeout true typedef unless unsigned xr xs np_ c_code c_decl c_expr c_state c_track ltl for in "
    "select get_priority set_priority D_proctype trace notrace local show return".split()
)
MOST = 2**31 - 1

# SPIN refuses a c_expr that calls a function or assigns; these two macros hide the assignment. It is sound: noting an
# event changes no state, and SPIN evaluates an option only in states that it has reached.
EMBEDDED = r"""c_code {
\#define NOTE (seen[
\#define DONE ] = 1)
static unsigned char seen[%d], open_[%d];
static const char *const event[] = {%s};
static const char *const value[][2] = {%s};
static void report(void) {
  for (int i = 0; i < %d; i++) if (seen[i]) printf("TUX3NB %%s\n", event[i]);
}
static void __attribute__((constructor)) prepare(void) {
  for (int i = 0; i < %d; i++) {
    const char *only = getenv(value[i][0]);
    open_[i] = !only || !strcmp(only, value[i][1]);
  }
  atexit(report);
}
}"""


def promela(system: System, policy: Mapping[str, str], vary: Mapping[str, Sequence[str]] = {}) -> str:
    """The Promela text of `system` for `policy`, or for all policies that differ from it in the features of `vary`.

    vary: feature id -> the values to choose from; combinations that a constraint rules out are left out. With nothing
    to vary SPIN stores our states and no other. Otherwise it stores one more, before the choice, and one more where a
    combination was ruled out. Raises UserError for an unknown feature or value, ModelError for a number of more than
    31 bits.
    """
    return _Text(system, policy, vary).whole()


class _Text:
    """The parts of one Promela text. events: what can be noted, in the order of its number."""

    def __init__(self, system: System, policy: Mapping[str, str], vary: Mapping[str, Sequence[str]]):
        features = system.features
        self.system, self.policy = system, features.policy(policy)
        self.vary = {fid: [features[fid].need(v) for v in values] for fid, values in vary.items()}
        self.choices = [(fid, v) for fid, values in self.vary.items() for v in values]
        self.events: dict[str, int] = {}

    def whole(self) -> str:
        fixed = " ".join(f"{fid}={v}" for fid, v in self.policy.items() if fid not in self.vary)
        chosen = f"; SPIN chooses {', '.join(self.vary)}" if self.vary else ""
        process = [*self.choice(), "end:", "  do", *self.clauses(), *self.steps(), "  :: false", "  od", "}"]
        head = [f"/* Printed by tux3nb: {fixed}{chosen}. */", *self.variables()]
        return "\n".join([*head, self.embedded(), "active proctype system() {", *process]) + "\n"

    # ---- expressions
    def fold(self, e: Expr) -> Expr:
        """`e` with every test of a feature decided that is the same for all policies."""

        def leaf(e: Expr) -> Expr:
            if e.op != "feature":
                return e
            having = [v in e.args[1] for v in self.vary.get(e.args[0].id, [self.policy[e.args[0].id]])]
            return TRUE if all(having) else e if any(having) else FALSE

        return rebuild(e, leaf) if e.kind == SET else e

    def text(self, e: Expr) -> str:
        """One closed piece of text."""
        if e.lo < -MOST or e.hi > MOST or (e.op == "has" and e.args[1].hi > 30):
            raise ModelError(f"{e} may reach {e.hi}; Promela's numbers end at {MOST}")
        if e.op == "const":
            return str(e.value)
        if e.op == "get":
            return cell(e.args[0], self.text(e.args[1]))
        if e.op == "feature":
            feature, values = e.args
            tests = [f"f_{feature.id} == {k}" for k, v in enumerate(feature.values) if v in values]
            return f"({' || '.join(tests)})"
        return FORMS[e.op].format(*map(self.text, e.args))

    def all(self, tests: Iterable[Expr]) -> str:
        return " && ".join(self.text(t) for t in tests if not always(t)) or "true"

    def note(self, event: str) -> str:
        """An expression that is true and notes `event`."""
        return f"c_expr {{ NOTE {self.events.setdefault(event, len(self.events))} DONE }}"

    # ---- declarations
    def variables(self) -> list[str]:
        """One variable or array a field, with its start values; the chosen features; `kept_*`, 0 between steps."""
        layout, lines = self.system.layout, []
        for f in layout.fields.values():
            start = ", ".join(str(layout.value(self.system.start, f, i)) for i in range(f.size))
            labels = ", ".join(f.label(i) for i in range(f.size))
            start = f"{{{start}}};  /* {labels} */" if f.axes else f"{start};"
            lines.append(f"{cell_type(f)} {cell(f, str(f.size))} = {start}")
        for fid in self.vary:
            words = ", ".join(f"{k} {v}" for k, v in enumerate(self.system.features[fid].values))
            lines.append(f"byte f_{fid};  /* {words} */")
        most = max((len(kept(s)) for s in self.system.steps), default=0)
        return lines + [f"int kept_{k};" for k in range(most)]

    def embedded(self) -> str:
        """The events and choices, for pan. Print everything else first."""
        events = "".join(f"\n  {json.dumps(e)}," for e in self.events)
        values = "".join(f'\n  {{"POLICY_{fid}", "{v}"}},' for fid, v in self.choices)
        n, m = len(self.events), len(self.choices)
        return EMBEDDED % (n + 1, m + 1, events + " 0", values + " {0}", n, m)

    # ---- the process
    def choice(self) -> list[str]:
        """Choose a value of each feature; a combination that is ruled out ends in a state of its own."""
        if not self.vary:
            return []
        lines = ["  atomic {"]
        for fid, values in self.vary.items():
            known, at = list(self.system.features[fid].values), self.choices.index((fid, values[0]))
            options = [
                f"    :: c_expr {{ open_[{at + k}] }} -> f_{fid} = {known.index(v)}" for k, v in enumerate(values)
            ]
            lines += ["    if", *options, "    fi;"]
        table = self.system.features
        wrong = (every(Choice(table[f]).one_of(*vs) for f, vs in c.when.items()) for c in table.constraints)
        excluded = self.fold(some(wrong))
        if not never(excluded):
            reset = "; ".join(f"f_{fid} = 0" for fid in self.vary)
            lines.append(f"    if :: {self.text(excluded)} -> {self.note('excluded')}; {reset}; false :: else fi")
        return [*lines, "  }"]

    def clauses(self) -> list[str]:
        """Options that are never taken: evaluated in every state, they note the properties that fail there."""
        bad = [(prop, good) for prop, _, good in self.system.clauses if not always(good)]
        return [f"  :: !{self.text(good)} && !{self.note(f'violated {prop}')} -> skip" for prop, good in bad]

    def steps(self) -> list[str]:
        """Each step as an option, behind one for each of its limits that is never taken and only notes the limit."""
        lines = []
        for i, step in enumerate(self.system.steps):
            guard = [negate(self.system.halted), *step.guard, *map(self.fold, step.allowed)]
            if any(map(never, guard)):
                continue
            limits = [(name, where) for name, w in step.limits if not never(where := self.fold(w))]
            for name, where in limits:
                lines.append(f"  :: {self.all([*guard, where])} && !{self.note(f'limit {name}')} -> skip")
            taken = self.all([*guard, *(negate(where) for _, where in limits)])
            body = [self.note(f"fired {i} {step.name}"), *self.seen(step), *self.ranges(step), *self.writes(step)]
            lines += [f"  :: d_step {{ /* {step.name} */", f"       {taken} ->", f"       {'; '.join(body)} }}"]
        return lines

    def seen(self, step: Step) -> list[str]:
        """Statements that note failed checks and marks."""
        bad = [(f"violated {prop}", self.fold(good)) for prop, good, _ in step.checks]
        bad += [(f"reached {name}", negate(self.fold(where))) for name, where in step.marks]
        noted = [(good, self.note(event)) for event, good in bad if not always(good)]
        return [note if never(good) else f"({self.text(good)} || {note})" for good, note in noted]

    def ranges(self, step: Step) -> list[str]:
        """Assertions that written values fit; SPIN itself checks indexes."""
        loose = [(self.text(value), f.hi) for f, _, value in step.writes if value.lo < 0 or value.hi > f.hi]
        return list(dict.fromkeys(f"assert({text} >= 0 && {text} <= {hi})" for text, hi in loose))

    def writes(self, step: Step) -> list[str]:
        """Assignments one after the other with the effect of all at once: what would be read too late is kept first."""
        name = {id(e): f"kept_{k}" for k, e in enumerate(kept(step))}
        out = [f"{name[id(e)]} = {self.text(e)}" for e in kept(step)]
        for f, *found in step.writes:
            flat, value = (name.get(id(e)) or self.text(e) for e in found)
            out.append(f"{cell(f, flat)} = {value}")
        return out + [f"{k} = 0" for k in name.values()]


def always(e: Expr) -> bool:
    """Whether an expression is true in every state."""
    return e.is_const and bool(e.value)


def never(e: Expr) -> bool:
    """Whether an expression is false in every state."""
    return e.is_const and not e.value


def variable(f: Field) -> str:
    """A field's name in Promela."""
    return f.name + "_" if f.name in RESERVED or f.name.startswith(("f_", "kept_")) else f.name


def cell(f: Field, flat: str) -> str:
    """A field at a flat index, as Promela names it."""
    return f"{variable(f)}[{flat}]" if f.axes else variable(f)


def cell_type(f: Field) -> str:
    """The smallest Promela type that holds 0..hi; ModelError for a field wider than 31 bits."""
    if f.hi > MOST:
        raise ModelError(f"field {f.name} reaches {f.hi}; Promela's numbers end at {MOST}")
    return "byte" if f.hi < 256 else "short" if f.hi < 2**15 else "int"


def kept(step: Step) -> list[Expr]:
    """The values and indexes of a step's writes that read a cell which an earlier write may change."""
    return [e for k, w in enumerate(step.writes) for e in w[1:] if any(_reads(e, v) for v in step.writes[:k])]


def _reads(e: Expr, write: tuple) -> bool:
    """Whether `e` may read the cell that is written."""
    return any(n.op == "get" and _same(n.args, write) for n in walk(e))


def _same(a: tuple, b: tuple) -> bool:
    """Whether two cells (field, flat index, ...) may be the same."""
    return a[0] is b[0] and (a[1] is b[1] or not (a[1].is_const and b[1].is_const and a[1].value != b[1].value))
