"""A system printed as Promela, and SPIN run on it: an independent check of our explorations.

Fields are arrays of bytes (not packed words), a step is one ``d_step``, and the policy is either folded into the
guards (a family of one) or chosen first, nondeterministically. SPIN would stop at the first violated assertion; so
that it tells everything of every policy, violated properties, marks, limits and fired steps are recorded by embedded
C in memory outside the state vector. Values outside a field's range and indexes outside an array are assertions:
they end the run.

The embedded C hides behind macros because SPIN refuses a ``c_expr`` that calls a function. That is sound here: the
calls only record, and SPIN evaluates each of them for every state it stores.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from tux3nb.engine.fields import Field
from tux3nb.engine.plan import control_test
from tux3nb.engine.policy import Family
from tux3nb.engine.printer import Printer
from tux3nb.engine.rule import Step
from tux3nb.engine.system import System
from tux3nb.engine.terms import Expr, negate, walk
from tux3nb.errors import ModelError, UserError

C_FORMS = Printer.forms | {
    "int": "({0} ? 1 : 0)",
    "and": "({0} && {1})",
    "or": "({0} || {1})",
    "not": "(!{0})",
    "where": "({0} ? {1} : {2})",
    "has": "({0} >> ({1} & 63) & 1)",
}
RESERVED = set(
    "active assert atomic bit bool break byte chan d_step do else empty enabled end eval false fi full goto hidden if "
    "init inline int len mtype nempty never nfull nr_pr od of pc_value pid policy printf priority proctype provided "
    "run short skip timeout true typedef unless unsigned xr xs np_ c_code c_decl c_expr c_state c_track ltl for in "
    "select get_priority set_priority D_proctype trace notrace local show return scratch".split()
)
TYPES = ((255, "byte"), (2**15 - 1, "short"), (2**31 - 1, "int"))


class SpinError(UserError):
    """SPIN, or the C compiler that it needs, is missing or failed; the message says which and how."""


def variable(f: Field) -> str:
    """A field's name in Promela and in C."""
    return f.name + "_" if f.name in RESERVED else f.name


def cell_type(f: Field) -> str:
    """The smallest Promela type that holds 0..hi; ModelError for a field wider than 31 bits."""
    for most, name in TYPES:
        if f.hi <= most:
            return name
    raise ModelError(f"field {f.name} reaches {f.hi}; Promela's numbers end at {2**31 - 1}")


class PromelaText(Printer):
    """Expressions as Promela; reads name the array cell."""

    forms = C_FORMS | {"where": "({0} -> {1} : {2})", "int": "({0} -> 1 : 0)", "bit": "(1 << {0})"}
    now = ""

    def constant(self, e: Expr) -> str:
        return str(e.value)

    def read(self, field: Field, flat: Expr) -> str:
        if not field.axes:
            return self.now + variable(field)
        return f"{self.now}{variable(field)}[{self.index(field, flat)}]"

    def index(self, field: Field, flat: Expr) -> str:
        return self.text(flat)  # SPIN checks it

    def feature(self, e: Expr) -> str:
        feature, values = e.args
        tests = [f"P_{feature.id}[{self.now}policy] == {_value(feature.id, v)}" for v in values]
        return f"({' || '.join(tests)})"


class EmbeddedText(PromelaText):
    """Expressions as C over SPIN's current state, for the recording functions."""

    forms = C_FORMS | {"bit": "(1 << {0})"}
    now = "now."

    def index(self, field: Field, flat: Expr) -> str:
        text = self.text(flat)
        return text if 0 <= flat.lo and flat.hi < field.size else f"inside({text}, {field.size})"


def _settings(policy: dict[str, str]) -> str:
    return " ".join(f"{feature}={value}" for feature, value in policy.items())


def _value(feature: str, value: str) -> str:
    return f"{feature}__{value}".upper()


def promela(system: System, family: Family, breadth_first: bool = False) -> str:
    """The Promela text of `system` for every policy of `family`.

    A family of one has its features folded away, and its start state is the first that SPIN stores. For a larger
    one the policy is chosen first, so SPIN stores one state more: that in which no policy is chosen yet.
    `breadth_first` leaves out hidden variables, which ``-DBFS`` does not know; only a family of one can do that.
    """
    if breadth_first and len(family) > 1:
        raise UserError("SPIN searches breadth first for one policy only (the policies' table is a hidden variable)")
    return _Model(system, family, breadth_first).text()


class _Model:
    """The parts of one Promela text."""

    def __init__(self, system: System, family: Family, breadth_first: bool = False):
        self.system, self.family, self.breadth_first = system, family, breadth_first
        self.many = len(family) > 1
        self.write, self.embedded = PromelaText(), EmbeddedText()
        self.steps: list[tuple[int, Step, list[Expr]]] = []
        for i, s in enumerate(system.steps):
            allowed = [family.fold(g) for g in s.allowed]
            if not any(g.is_const and not g.value for g in allowed):
                self.steps.append((i, s, [g for g in allowed if not g.is_const]))
        self.marks = sorted({name for s in system.steps for name, _ in s.marks})
        self.limits = sorted({name for s in system.steps for name, _ in s.limits})
        self.properties = [p.id for p in system.properties]
        self.orders = {i: order_writes(s) for i, s, _ in self.steps}

    def text(self) -> str:
        what = f"{len(self.family)} policies, chosen first" if self.many else _settings(self.family.policies[0])
        lines = [f"/* Printed by tux3nb: {what}. */", *self.variables()]
        lines += [*self.policy(), *self.recording(), *self.process()]
        return "\n".join(lines) + "\n"

    def variables(self) -> list[str]:
        """One variable or array a field, with its start values; helpers of parallel assignments, 0 between steps."""
        layout, lines = self.system.layout, []
        for f in layout.fields.values():
            start = [str(layout.value(self.system.start, f, i)) for i in range(f.size)]
            if f.axes:
                labels = ", ".join(f.label(i) for i in range(f.size))
                lines.append(f"{cell_type(f)} {variable(f)}[{f.size}] = {{{', '.join(start)}}};  /* {labels} */")
            else:
                lines.append(f"{cell_type(f)} {variable(f)} = {start[0]};")
        most = max((len(kept) for kept, _ in self.orders.values()), default=0)
        word = "int" if self.breadth_first else "hidden int"
        return lines + [f"{word} kept_{k};" for k in range(most)]

    def features(self) -> list:
        """The features that some guard still mentions, in the order of the table."""
        used = {e.args[0].id for _, _, allowed in self.steps for g in allowed for e in walk(g) if e.op == "feature"}
        return [f for f in self.family.features if f.id in used]

    def policy(self) -> list[str]:
        """The chosen policy (part of the state), and each policy's value of each feature (not part of it)."""
        if not self.many:
            return []
        lines = ["short policy = 0;"]
        for f in self.features():
            lines += [f"#define {_value(f.id, v)} {k}" for k, v in enumerate(f.values)]
            lines.append(f"hidden byte P_{f.id}[{len(self.family)}];")
        return lines

    def setup(self) -> list[str]:
        """C that fills the policy table in; TUX3NB_POLICY narrows the choice to one policy."""
        if not self.many:
            return []
        lines = [f"static int first_policy = 0, last_policy = {len(self.family) - 1};", "static void setup(void) {"]
        for f in self.features():
            values = list(f.values)
            table = ", ".join(str(values.index(p[f.id])) for p in self.family.policies)
            lines.append(f"  static const unsigned char {f.id}_of[] = {{{table}}};")
            lines.append(f"  for (int i = 0; i < {len(self.family)}; i++) P_{f.id}[i] = {f.id}_of[i];")
        lines.append('  char *only = getenv("TUX3NB_POLICY");')
        lines.append("  if (only) first_policy = last_policy = atoi(only);")
        return [*lines, "}", "\\#define FIRST_POLICY first_policy", "\\#define LAST_POLICY last_policy"]

    def recording(self) -> list[str]:
        """Embedded C: what is seen, by policy, and printed when the run ends."""
        n, at = len(self.family), "now.policy" if self.many else "0"
        sizes = [len(self.properties), len(self.marks), len(self.limits), len(self.system.steps)]
        names = ("seen_broken", "seen_reached", "seen_limit", "seen_fired")
        lines = ["c_code {", f"\\#define POLICY {at}", "extern void (*uerror)(char *);"]
        for name, size in zip(names, sizes, strict=True):
            lines.append(f"static unsigned char {name}[{n}][{size + 1}];")
        lines += ["static int inside(int i, int n) {", '  if (i < 0 || i >= n) uerror("invalid array index");']
        lines += ["  return i;", "}", *self.setup(), "static void report(void) {"]
        lines.append(f"  for (int p = 0; p < {n}; p++) {{")
        lines.append('    printf("TUX3NB %d", p);')
        for name, size in zip(names, sizes, strict=True):
            lines.append(f'    putchar(\' \'); putchar(\':\'); for (int i = 0; i < {size}; i++) '
                         f"putchar('0' + {name}[p][i]);")  # fmt: skip
        lines += ["    putchar('\\n');", "  }", "}", *self.judge()]
        for i, step, _ in self.steps:
            lines += self.took(i, step)
        return [*lines, "}"]

    def judge(self) -> list[str]:
        """Called once for every stored state: failed clauses, and limits of the steps that could be taken here."""
        lines = ["static int judge(void) {", "  static int begun = 0;"]
        lines.append("  if (!begun) { begun = 1; atexit(report); }")
        for prop, _, good in self.system.clauses:
            if not (good.is_const and good.value):
                k = self.properties.index(prop)
                lines.append(f"  if (!{self.embedded.text(good)}) seen_broken[POLICY][{k}] = 1;")
        for _, step, allowed in self.steps:
            for name, where in step.limits:
                terms = [self.embedded.text(g) for g in (negate(self.system.halted), *step.guard, *allowed, where)]
                lines.append(f"  if ({' && '.join(terms)}) seen_limit[POLICY][{self.limits.index(name)}] = 1;")
        return [*lines, "  return 0;", "}", "\\#define JUDGE judge()"]

    def took(self, i: int, step: Step) -> list[str]:
        """Called when step `i` is taken, before its writes."""
        lines = [f"static int took_{i}(void) {{", f"  seen_fired[POLICY][{i}] = 1;"]
        for prop, good, _ in step.checks:
            k = self.properties.index(prop)
            lines.append(f"  if (!{self.embedded.text(good)}) seen_broken[POLICY][{k}] = 1;")
        for name, where in step.marks:
            lines.append(f"  if ({self.embedded.text(where)}) seen_reached[POLICY][{self.marks.index(name)}] = 1;")
        return [*lines, "  return 1;", "}", f"\\#define TOOK_{i} took_{i}()"]

    def process(self) -> list[str]:
        lines = ["active proctype system() {"]
        if self.many:
            lines += ["  atomic {", "    c_code { setup(); };", "    do"]
            lines.append("    :: c_expr { now.policy < LAST_POLICY } -> policy++")
            lines += ["    :: c_expr { now.policy >= FIRST_POLICY } -> break", "    od", "  }"]
        lines += ["end:", "  do", "  :: c_expr { JUDGE } -> skip"]
        for i, step, allowed in self.steps:
            lines += self.option(i, step, allowed)
        return [*lines, "  od", "}"]

    def option(self, i: int, step: Step, allowed: list[Expr]) -> list[str]:
        """One step as an option of the loop; the most selective test first, as SPIN tries all in turn."""
        text, test = self.write.text, control_test(step.guard)
        first = [] if test is None else [test]
        guard = [*first, negate(self.system.halted), *(g for g in step.guard if g is not test)]
        guard += allowed + [negate(where) for _, where in step.limits]
        terms = [text(g) for g in guard if not (g.is_const and g.value)]
        body = [f"c_expr {{ TOOK_{i} }}", *self.ranges(step), *self.writes(i)]
        return [f"  :: d_step {{ /* {step.name.replace('*/', '* /')} */", f"       {' && '.join(terms)} ->",
                "       " + "; ".join(body) + " }"]  # fmt: skip

    def ranges(self, step: Step) -> list[str]:
        """Assertions that written values fit; SPIN itself checks indexes."""
        out = []
        for f, _, value in step.writes:
            if value.lo < 0 or value.hi > f.hi:
                text = self.write.text(value)
                out.append(f"assert({text} >= 0 && {text} <= {f.hi})")
        return list(dict.fromkeys(out))

    def writes(self, i: int) -> list[str]:
        """Assignments one after the other with the effect of all at once."""
        kept, order = self.orders[i]
        text, step = self.write.text, self.system.steps[i]
        out = [f"kept_{n} = {text(step.writes[k][2])}" for n, k in enumerate(kept)]
        for k in order:
            f, flat, value = step.writes[k]
            now = f"kept_{kept.index(k)}" if k in kept else text(value)
            out.append(f"{self.write.read(f, flat)} = {now}")
        return out + [f"kept_{n} = 0" for n in range(len(kept))]


def order_writes(step: Step) -> tuple[list[int], list[int]]:
    """An order of the writes in which nothing is read after it was written: (values to compute first, order).

    Where writes read each other's cells in a ring, one value is computed beforehand. ModelError where an index
    would have to be.
    """
    left, kept, order = list(range(len(step.writes))), [], []
    while left:
        free = next((k for k in left if not any(_before(step, j, k, kept) for j in left if j != k)), None)
        if free is not None:
            left.remove(free)
            order.append(free)
            continue
        extra = next((k for k in left if k not in kept), None)
        if extra is None:
            raise ModelError(f"rule {step.name}: its writes use each other's cells as indexes")
        kept.append(extra)
    return kept, order


def _before(step: Step, j: int, k: int, kept: list[int]) -> bool:
    """Whether write `j` must come before write `k`: it reads what `k` writes, or both write one cell in order."""
    (f, flat, value), (g, target, _) = step.writes[j], step.writes[k]
    if j < k and f is g and _same(flat, target):
        return True
    reads = walk(flat) if j in kept else walk(flat, value)
    return any(e.op == "get" and e.args[0] is g and _same(e.args[1], target) for e in reads)


def _same(a: Expr, b: Expr) -> bool:
    """Whether two flat indexes may name the same cell."""
    return not (a.is_const and b.is_const) or a.value == b.value


# ---- running SPIN ----------------------------------------------------------------------------------------
@dataclass
class SpinRun:
    """What one run of SPIN told.

    states: stored states; transitions: steps taken between them. What SPIN adds is left out: the state before the
    choice of a policy, and a transition into that and into every start state. depth: the longest search path
    (breadth-first: the last layer). broken, reached, limits, fired: policy -> property ids, marks, limits, step
    indexes. vector: bytes of a state; memory: MB; seconds: by phase (spin, cc, pan); cpu: of pan, where known.
    """

    states: int
    transitions: int
    depth: int
    vector: int
    memory: float
    broken: list[set[str]] = field(default_factory=list)
    reached: list[set[str]] = field(default_factory=list)
    limits: list[set[str]] = field(default_factory=list)
    fired: list[set[int]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    cpu: float | None = None


# Partial-order reduction finds nothing to leave out (one process), so it only costs; FASTEST also trusts indexes.
CHECKED = ("-O0", "-DSAFETY", "-DNOREDUCE")
FASTEST = ("-O2", "-DSAFETY", "-DNOREDUCE", "-DNOBOUNDCHECK")


def missing() -> str | None:
    """What SPIN needs and this machine has not, or None."""
    if not shutil.which("spin"):
        return "spin is not installed (Debian: apt install spin)"
    if not _compiler():
        return "no C compiler (cc, gcc or clang) is installed"
    return None


@dataclass
class Pan:
    """A compiled verifier in a folder: run it as often as you like, one policy or all."""

    system: System
    family: Family
    folder: Path
    seconds: dict[str, float]

    def run(self, policy: int | None = None, depth: int = 1_000_000, slots: int = 22, timeout=None) -> SpinRun:
        """Explore: all policies of the family, or one by its number. `slots`: log2 of the hash table's size.

        Raises ModelError for a failed range or index assertion, SpinError where SPIN did not finish.
        """
        env = dict(os.environ)
        env.pop("TUX3NB_POLICY", None)
        if policy is not None:
            env["TUX3NB_POLICY"] = str(policy)
        command = ["./pan", "-E", "-n", f"-m{depth}", f"-w{slots}"]
        began, used = time.perf_counter(), _children_cpu()
        try:
            done = subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True, timeout=timeout)
        except subprocess.TimeoutExpired:
            raise SpinError(f"SPIN did not finish within {timeout} s") from None
        spent = time.perf_counter() - began
        if "max search depth too small" in done.stdout:
            if depth >= 10**9:
                raise SpinError("SPIN: the search is deeper than 10^9 steps")
            return self.run(policy, depth * 10, slots, timeout)
        if done.returncode < 0:
            raise SpinError(f"SPIN was killed by signal {-done.returncode} (out of memory?): {done.stdout[-200:]}")
        found = self._parse(done.stdout + done.stderr, 1 if policy is not None else len(self.family))
        found.seconds, found.cpu = {**self.seconds, "pan": spent}, used and _children_cpu() - used
        return found

    def _parse(self, out: str, starts: int) -> SpinRun:
        wrong = re.search(r"pan:\d+: (.*)", out)
        if wrong:
            raise ModelError(f"SPIN: {wrong[1]}")
        numbers = [re.search(p, out) for p in (
            r"([\d.e+]+) states, stored", r"([\d.e+]+) transitions", r"depth reached (\d+)", r"State-vector (\d+)",
            r"([\d.]+)\s+total actual memory")]  # fmt: skip
        if not all(numbers) or "TUX3NB" not in out or "Search not completed" in out:
            raise SpinError(f"SPIN did not finish: {out[-500:]}")
        states, transitions, depth, vector, memory = (float(n[1]) for n in numbers)
        before = 1 if len(self.family) > 1 else 0
        run = SpinRun(int(states) - before, int(transitions) - before - starts, int(depth), int(vector), memory)
        model = _Model(self.system, self.family)
        for line in re.findall(r"^TUX3NB .*$", out, re.M):
            broken, reached, limits, fired = ([i for i, c in enumerate(w) if c == "1"] for w in
                                              (part[1:] for part in line.split(" ")[2:]))  # fmt: skip
            run.broken.append({model.properties[i] for i in broken})
            run.reached.append({model.marks[i] for i in reached})
            run.limits.append({model.limits[i] for i in limits})
            run.fired.append(set(fired))
        return run


def compile_pan(system: System, family: Family, folder: Path, flags=CHECKED) -> Pan:
    """Print, ``spin -a`` and compile into `folder`. Raises SpinError if either tool is missing or fails."""
    reason = missing()
    if reason:
        raise SpinError(reason)
    (folder / "model.pml").write_text(promela(system, family, "-DBFS" in flags))
    began = time.perf_counter()
    _tool(["spin", "-a", "model.pml"], folder)
    spun = time.perf_counter()
    _tool([_compiler(), *flags, "-w", "-DMEMLIM=16000", "-o", "pan", "pan.c"], folder)
    return Pan(system, family, folder, {"spin": spun - began, "cc": time.perf_counter() - spun})


def _children_cpu() -> float | None:
    """Processor seconds of all processes that have ended and were waited for; None where nobody counts them."""
    times = os.times()
    return times.children_user + times.children_system or None


def _tool(command: list[str], folder: Path):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode or "Error:" in done.stdout:
        raise SpinError(f"{command[0]} failed: {(done.stdout + done.stderr)[-1000:]}")


def spin(system: System, family: Family, policy: int | None = None, flags=CHECKED, **options) -> SpinRun:
    """Run SPIN in a temporary folder for the whole family, or for one policy (features folded).

    `flags` go to the C compiler (``-DBFS`` searches breadth first, for a family of one); `options` to `Pan.run`.
    """
    if policy is not None:
        family = Family(family.features, family.policies[policy])
    with tempfile.TemporaryDirectory(prefix="tux3nb-spin-") as name:
        return compile_pan(system, family, Path(name), flags).run(**options)


def _compiler() -> str | None:
    return next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), None)
