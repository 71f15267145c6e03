"""Steps printed as plain Python on one packed int: fastest for small worlds, and with no import but the standard
library.

A printed system has three functions: ``expand(s, m, out)`` appends ``(step index, successor, policies)`` for every
step that some policy of the set `m` takes, ``judge(s)`` tells the violated clauses as a bit mask, and
``settled(s)`` whether nothing is under way. What happens on a step (checks, marks, limits) is reported through
``out`` with negative indexes, see `Printed.events`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from ..errors import ModelError
from ..expr import BOOL, FALSE, TRUE, Expr, negate
from ..layout import WORD
from ..policy import Family
from ..rule import Step
from ..system import System


@dataclass(eq=False)
class Printed:
    """Compiled functions, the events they report, and the source they came from.

    events: (kind, step index, name, detail); kind is "check", "mark", "limit" or "overflow". ``out`` gets
    ``(~event index, state, policies)`` for an event.
    """

    expand: object
    judge: object
    settled: object
    events: list[tuple[str, int, str, str]]
    source: str


class Printer:
    """Prints expressions as Python text over the int `s`; reads are shared inside one block."""

    def __init__(self, full: int, family: Family | None):
        self.full, self.family = full, family

    def read(self, e: Expr) -> str:
        f, flat = e.args
        if flat.is_const:
            at = f.word * WORD + f.shift(flat.value)
            return f"(s >> {at} & {f.mask})" if at else f"(s & {f.mask})"
        at = f"{f.word * WORD + f.base} + {f.width} * {self.number(flat)}"
        return f"(s >> ({at}) & {f.mask})"

    def number(self, e: Expr) -> str:
        op, a = e.op, e.args
        if op == "const":
            return str(a[0])
        if op == "get":
            return self.read(e)
        if op == "int":
            return f"(1 if {self.truth(a[0])} else 0)"
        if op == "where":
            return f"({self.number(a[1])} if {self.truth(a[0])} else {self.number(a[2])})"
        if op == "bit":
            return f"(1 << {self.number(a[0])})"
        x, y = self.number(a[0]), self.number(a[1])
        if op == "without":
            return f"({x} & ~{y})"
        return f"({x} {'|' if op == 'union' else op} {y})"

    def truth(self, e: Expr) -> str:
        op, a = e.op, e.args
        if op == "const":
            return str(bool(a[0]))
        if op == "not":
            return f"(not {self.truth(a[0])})"
        if op in ("and", "or"):
            return f"({self.truth(a[0])} {op} {self.truth(a[1])})"
        if op == "has":
            return f"({self.number(a[0])} >> {self.number(a[1])} & 1)"
        return f"({self.number(a[0])} {op} {self.number(a[1])})"

    def policies(self, e: Expr) -> str:
        """The set of policies for which `e` holds in state `s`, as an int mask."""
        op, a = e.op, e.args
        if e.kind == BOOL:
            return f"({self.full} if {self.truth(e)} else 0)"
        if op == "feature":
            return str(self.family.members(*a))
        if op == "not":
            return f"({self.full} ^ {self.policies(a[0])})"
        return f"({self.policies(a[0])} {'&' if op == 'and' else '|'} {self.policies(a[1])})"

    def writes(self, step: Step) -> list[str]:
        """Statements that turn `s` into the successor `n`; out-of-range values go to `over`."""
        keep, parts, late = 0, [], []
        dynamic = [w for w in step.writes if not w[1].is_const]
        for f, flat, value in step.writes:
            if flat.is_const and not any(f is g for g, _, _ in dynamic):
                at = f.word * WORD + f.shift(flat.value)
                keep |= f.mask << at
                if not (value.is_const and value.value == 0):
                    text = self.number(value)
                    parts.append(f"{text} << {at}" if at else text)
            else:
                at = f"{f.word * WORD + f.base} + {f.width} * {self.number(flat)}"
                late.append(f"b = {at}; n = n & ~({f.mask} << b) | {self.number(value)} << b")
        first = f"n = s & ~{keep}" if keep else "n = s"
        return [" | ".join([first, *(f"({p})" for p in parts)]), *late]


def control_test(step: Step):
    """The guard `field == constant` by which a step is found: the place in an actor's routine, if there is one."""
    tests = [
        (g.args[0].args[0], g.args[0].args[1].value, g.args[1].value, g)
        for g in step.guard
        if g.op == "==" and g.args[0].op == "get" and g.args[0].args[1].is_const and g.args[1].is_const
    ]
    if not tests:
        return None
    return max(tests, key=lambda t: t[0].hi)


def print_system(system: System, family: Family) -> Printed:
    """Print and compile a system for a family of policies."""
    printer = Printer(family.all, family)
    events: list[tuple[str, int, str, str]] = []
    groups: dict = defaultdict(list)
    for i, step in enumerate(system.steps):
        test = control_test(step)
        block = _block(printer, family, i, step, test[3] if test else None, events)
        if block:
            groups[test and (test[0], test[1])].append((test and test[2], block))
    lines = _dispatch(printer, groups)
    lines += ["def halted(s):", f"  return {printer.truth(system.halted)}"]
    lines += ["def settled(s):", f"  return {printer.truth(system.settled)}"]
    lines += ["def judge(s):", "  v = 0"]
    for k, (_, _, good) in enumerate(system.clauses):
        if not (good.is_const and good.value):
            lines.append(f"  if not {printer.truth(good)}: v |= {1 << k}")
    lines.append("  return v")
    source = "\n".join(lines)
    space: dict = {}
    exec(compile(source, "<scalar>", "exec"), space)
    return Printed(space["expand"], space["judge"], space["settled"], events, source)


def _dispatch(printer: Printer, groups: dict) -> list[str]:
    """One function per value of each control field, and `expand`, which calls them."""
    lines, calls = [], []
    for g, (key, blocks) in enumerate(groups.items()):
        if key is None:
            calls += [line for _, block in blocks for line in block]
            continue
        f, flat = key
        by_value = defaultdict(list)
        for value, block in blocks:
            by_value[value] += block
        for value, body in by_value.items():
            lines += [f"def at_{g}_{value}(s, m, out):", *("  " + line for line in body)]
        table = ", ".join(f"{v}: at_{g}_{v}" for v in by_value)
        lines.append(f"table_{g} = {{{table}}}")
        where = f.word * WORD + f.shift(flat)
        calls += [f"f = table_{g}.get(s >> {where} & {f.mask})", "if f: f(s, m, out)"]
    return [*lines, "def expand(s, m, out):", "  if halted(s): return", *("  " + c for c in calls), "  return"]


def _block(printer, family, i: int, step: Step, tested: Expr | None, events: list) -> list[str]:
    """The statements of one step; empty if no policy of the family allows it."""
    guard = [g for g in step.guard if g is not tested]
    allowed = [family.fold(g) for g in step.allowed]
    if any(g.is_const and not g.value for g in allowed):
        return []
    allowed = [g for g in allowed if not g.is_const]
    out, pad = [], ""
    if guard:
        out.append(f"if {' and '.join(printer.truth(g) for g in guard)}:")
        pad += "  "
    k = "m"
    if allowed:
        out.append(f"{pad}k = m & {' & '.join(printer.policies(g) for g in allowed)}")
        out.append(f"{pad}if k:")
        pad, k = pad + "  ", "k"

    def event(kind, name, detail, where: Expr, state="s"):
        if where.is_const and not where.value:
            return
        events.append((kind, i, name, detail))
        text = f"out.append(({~(len(events) - 1)}, {state}, {k}))"
        out.append(f"{pad}{text}" if where.is_const else f"{pad}if {printer.truth(where)}: {text}")

    stop = TRUE
    for name, where in step.limits:
        event("limit", name, "", where)
        stop = stop & negate(where)
    if stop.is_const and not stop.value:
        return out
    if not stop.is_const:
        out.append(f"{pad}if {printer.truth(stop)}:")
        pad += "  "
    for prop, good, reason in step.checks:
        event("check", prop, reason, negate(good))
    for name, where in step.marks:
        event("mark", name, "", where)
    over = overflow(step)
    if not (over.is_const and not over.value):
        event("overflow", ", ".join(sorted({w[0].name for w in step.writes if risky(*w)})), "", over)
        out.append(f"{pad}if not {printer.truth(over)}:")
        pad += "  "
    out += [pad + line for line in printer.writes(step)]
    out.append(f"{pad}out.append(({i}, n, {k}))")
    return out


def risky(f, flat: Expr, value: Expr) -> bool:
    """Whether a write can leave the field's range or the array, judged by static ranges."""
    return not (0 <= value.lo and value.hi <= f.hi and 0 <= flat.lo and flat.hi < f.size)


def overflow(step: Step) -> Expr:
    """Where a written value is outside its field's range, or an index outside its array.

    Negative values are below 0 in Python and huge where numbers are unsigned; both are caught.
    """
    out = FALSE
    for f, flat, value in step.writes:
        if risky(f, flat, value):
            for x, most in ((value, f.hi), (flat, f.size - 1)):
                if x.lo < 0 or x.hi > most:
                    out = out | (x > most) | (x < 0)
    return out


def overflow_error(system: System, event, state: int) -> ModelError:
    """The error for a write outside a field's range, naming rule, field and state."""
    _, i, name, _ = event
    nonzero = {k: v for k, v in zip(system.layout.labels, system.layout.unpack(state), strict=True) if v}
    return ModelError(f"rule {system.steps[i].name} writes {name} outside its range, from state {nonzero}")
