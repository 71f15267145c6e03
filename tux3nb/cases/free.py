"""Free-running worlds: every actor may do every operation of its kind, in any order, up to a stated number of rounds.

A scripted case says what each actor does next. Here each line of a column is a choice between alternatives, made when
the actor starts one of them, and no line waits for another. All other rules are the same, so what HOLDS here holds for
every case of these actors within the bound.

A task's `line` counts the alternatives of all its lines: one number before each choice, then one for each alternative.
A rule that starts an alternative may fire from the number before the choice, and then sets the line to its own; a
rule that ends one moves on to the next choice.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from tux3nb.cases.case import Case, Source
from tux3nb.engine.rule import Rule, State, Step
from tux3nb.engine.system import System, build
from tux3nb.engine.terms import BOOL, NONE, Expr, conj, const, disj, negate, walk
from tux3nb.errors import UserError, nearest
from tux3nb.model.features import FEATURES
from tux3nb.model.operations import Op
from tux3nb.model.properties import PROPERTIES, halted, settled
from tux3nb.model.rules import all_rules, declarations
from tux3nb.model.world import PC, World

MOST_OPS = 9


@dataclass(frozen=True)
class Actors:
    """Who is there in a family, and what each may do in a round: a tuple of lines, each a tuple of alternatives.

    `expect` is what is expected of one round, as in a case.
    """

    rounds: dict[str, tuple[tuple[str, ...], ...]]
    mappings: tuple[str, ...]
    judges: tuple[str, ...] = ()
    expect: Mapping[str, str] = field(default_factory=dict)
    folios: int = 3


CPU = ("I1", "I3", "I5", "I6", "I7", "I8")
WRITER, KERNEL = (("write p0:0",),), (("transition",),)
FAMILIES: dict[str, Actors] = {
    "ordinary": Actors(
        {
            "app": (("store p0:0", "load p0:0"),),
            "peer": (("store p0:1", "load p0:0"),),
            "writer": WRITER,
            "kernel": KERNEL,
        },
        ("app", "peer:readonly:sibling"),
        CPU,
        # The mapping of an O_RDONLY file stays behind, and its translations lead to a folio that may be freed.
        {"stable_pages": "HOLDS", "tux3_coherent": "HOLDS", "perfect": "HOLDS"},
    ),
    "rdma": Actors(
        {
            "app": (("store p0:0",),),
            "owner": (("mr_register app p0",), ("mr_deregister owner p0",)),
            "device": (("device_write p0:1", "device_read p0:0"),),
            "writer": WRITER,
            "kernel": KERNEL,
        },
        ("app",),
        expect={"reverse_fork": "HOLDS", "perfect": "HOLDS"},
    ),
    "odp": Actors(
        {
            "app": (("store p0:0",),),
            "device": (("odp_write app p0:1", "odp_read app p0:0"),),
            "writer": WRITER,
            "kernel": KERNEL,
        },
        ("app",),
        ("I1", "I2", "I3", "I5", "I6", "I7", "I8"),
        # The faulting PTE is replaced without a word to the notifier.
        {"stable_pages": "HOLDS", "tux3_coherent": "HOLDS", "tux3": "VIOLATED(I1, I2, I8)"},
    ),
    "ptrace": Actors(
        {
            "tracee": (("store p0:0", "load p0:1"),),
            "tracer": (("poke tracee p0:1", "peek tracee p0:0"),),
            "writer": WRITER,
            "kernel": KERNEL,
        },
        ("tracee",),
        ("I1", "I2", "I3", "I4a", "I5", "I5w", "I6", "I7", "I8"),
        {"perfect": "HOLDS"},
    ),
    "uprobes": Actors(
        {
            "app": (("run p0:0",),),
            "tracer": (("uprobe app p0:0",), ("unprobe app p0:0",)),
            "writer": WRITER,
            "kernel": KERNEL,
        },
        ("app:private:absent",),
        ("U1", "U2", "U3", "U4", "I1", "I5", "I6", "I7", "I8"),
        # With one write there is nothing to fork; the probe itself is safe wherever the page is not forked.
        {"stable_pages": "HOLDS", "redirect_all_recheck": "HOLDS", "perfect": "HOLDS"},
    ),
    "aio": Actors(
        {
            "app": (("dio_read p0:1", "dio_write p0:0"),),
            "writer": WRITER,
            "kernel": KERNEL,
        },
        ("app",),
        expect={"reverse_fork": "HOLDS", "perfect": "HOLDS"},
    ),
    "splice": Actors(
        {
            "pipe": (("splice p0",), ("pipe_read p0:0", "pipe_close")),
            "lender": (("vmsplice app p0",), ("pipe_read p0:0", "pipe_close")),
            "app": (("store p0:0",),),
            "writer": WRITER,
            "kernel": KERNEL,
        },
        ("app",),
        ("I1", "I2", "I3", "I6"),
        # What was lent splits off with a fork, unless the reader looks again.
        {"stable_pages": "HOLDS", "perfect": "HOLDS", "tux3": "VIOLATED(I2)"},
    ),
    "mmap": Actors(
        {
            "app": (("store p0:0", "mr_register p0"), ("munmap app", "mr_register p0")),
            "device": (("device_write p0:1", "device_read p0:0"),),
            "writer": WRITER,
            "kernel": KERNEL,
        },
        ("app",),
        ("I1", "I2", "I5", "I7", "I8"),
        {"stable_pages": "HOLDS", "cowardly_or_pinned": "HOLDS", "perfect": "HOLDS"},
    ),
    "migration": Actors(
        {
            "app": (("store p0:0", "load p0:0", "munmap app"),),
            "aio": (("ring_setup p0", "write p0:0"), ("ring_event p0:1",)),
            "compaction": (("migrate p0", "migrate_ring p0"),),
            "kernel": KERNEL,
        },
        ("app",),
        ("I1", "I2", "I5", "I7", "I8"),  # not I3 and I6: an event is a holder's write, which no delta waits for
        # A fault's own PTE is a migration entry when the fork is done, and is restored on the old folio (I1). The fork
        # knows nothing of the account that lets the page of a ring be moved (I2).
        {"stable_pages": "HOLDS", "tux3_coherent": "VIOLATED(I2)", "tux3": "VIOLATED(I1, I2)"},
    ),
    "life": Actors(
        {
            "app": (("store p0:0", "load p0:0"),),
            "cutter": (("truncate p0", "write p0:0"),),
            "kswapd": (("reclaim p0", "truncate_tail p0:1"),),
            "kernel": KERNEL,
        },
        ("app",),
        CPU,
        # A fault that has met a folio forked by truncation: mapped by a read, asserted by a write.
        {"stable_pages": "HOLDS", "tux3_coherent": "HOLDS", "tux3": "VIOLATED(I1, I5)"},
    ),
    "evict": Actors(
        {
            "app": (("mmap app", "load p0:0", "store p0:1"), ("load p0:0", "store p0:1"), ("munmap app",)),
            "cutter": (("truncate p0", "write p0:0"),),
            "vfs": (("evict", "reclaim p0"),),
            "kernel": KERNEL,
        },
        ("app:unmapped",),
        ("I1", "I5", "I7", "I8"),
        {"stable_pages": "HOLDS", "tux3_coherent": "HOLDS"},
        folios=4,
    ),
}


@dataclass(eq=False)
class FreeCase(Case):
    """A case whose columns list, for each actor, the alternatives of all its lines one under the other.

    `choices` says how many alternatives each of these lines has.
    """

    choices: dict[str, tuple[int, ...]] = field(default_factory=dict)

    @cached_property
    def world(self) -> World:
        w = Case.world.func(self)
        counts = {task: iter(_places(found)) for task, found in self.choices.items()}
        bases, ops, next_base = {}, [], {}
        for op in w.ops:
            base, number, end = next(counts[op.task])
            op = replace(op, line=base + number)
            bases[op], next_base[op] = base, end
            ops.append(op)
        world = World(w.tasks, _share_versions(ops, bases), w.maps.values(), w.holders, len(w.folios), w.last_delta,
                      declarations())  # fmt: skip
        world.bases, world.next_base = bases, next_base
        return world

    @cached_property
    def system(self) -> System:
        rules = [_free(r) for r in all_rules()]
        return build(self.world, rules, FEATURES, PROPERTIES, None, halted, settled)

    def bind(self, rules):
        return super().bind([_free(r) for r in rules])


def _places(counts: tuple[int, ...]):
    """(number before the choice, number of the alternative, number before the next choice) for each alternative."""
    base = 0
    for count in counts:
        end = base + count + 1
        for number in range(1, count + 1):
            yield base, number, end
        base = end


def _share_versions(ops: list[Op], bases: dict[Op, int]) -> list[Op]:
    """The alternatives of one line write the same version, since only one of them will be."""
    numbers: dict[tuple[int, str, int], int] = {}
    found = []
    for op in ops:
        version = {}
        for c in op.version:
            key = (c, op.task, bases[op])
            version[c] = numbers.setdefault(key, 1 + sum(k[0] == c for k in numbers))
        found.append(replace(op, version=version))
    return found


# ---- rules that choose -----------------------------------------------------------------------------------------
def _free(r: Rule) -> Rule:
    """Rule `r` for a world in which its operation may be one of several alternatives of its line."""

    @functools.wraps(r.function)
    def function(s, policy, op=None, **args):
        if op is None:
            r.function(s, policy, **args)
            return
        whole = Step(r, args, "")
        r.function(State(s.world, whole), policy, op=op, **args)
        _write(s, op, whole, _guard(s, op, whole))

    return replace(r, function=function)


def _guard(s: State, op: Op, whole: Step) -> bool:
    """Require what the rule does, from before the choice too; returns whether the rule starts the operation."""
    line = s.line[op.task]
    mine = line == op.line
    guard = [_replaced(g, mine, (line == s.world.bases[op]) | mine) for g in whole.guard]
    starts = any(g is not old for g, old in zip(guard, whole.guard, strict=True)) and _may_be_idle(s, op, whole)
    s.require(*(guard if starts else whole.guard), *whole.allowed)
    if starts and op.how.holder == "makes":
        s.require((s.hold[op.holder] == NONE) | mine)
    if starts and op.how.maps and op.kind != "mmap":
        s.require((s.vma[op.via] == 1) | mine)
    for limit in whole.limits:
        s.limit(*limit)
    return starts


def _may_be_idle(s: State, op: Op, whole: Step) -> bool:
    """The rule does not ask for a place of the routine other than the first."""
    pc = s.pc[op.task]
    places = [e for e in walk(*whole.guard) if e.op == "==" and e.args[0] is pc and e.args[1].is_const]
    return all(e.args[1].value == PC.idle for e in places)


def _replaced(e: Expr, old: Expr, new: Expr) -> Expr:
    """`e` with the truth value `old` replaced by `new` in its conjunctions, disjunctions and negations."""
    if e is old:
        return new
    if e.kind != BOOL or e.op not in ("and", "or", "not"):
        return e
    parts = [_replaced(a, old, new) for a in e.args]
    if all(a is b for a, b in zip(parts, e.args, strict=True)):
        return e
    return negate(*parts) if e.op == "not" else (conj if e.op == "and" else disj)(*parts)


def _write(s: State, op: Op, whole: Step, starts: bool):
    """The rule's checks, marks and writes; the line goes to this alternative, or on to the next choice."""
    line = s.world.fields["line"]
    mine = [w for w in whole.writes if w[0] is line]
    s._step.checks.extend(whole.checks)
    s._step.marks.extend(whole.marks)
    s._step.writes.extend(w for w in whole.writes if w[0] is not line)
    if mine:
        s.line[op.task] = const(s.world.next_base[op])
    elif starts:
        s.line[op.task] = op.line


# ---- the cases ---------------------------------------------------------------------------------------------------
def free(family: str, ops: int = 1, folios: int | None = None, deltas: int | None = None) -> Case:
    """The free-running world of a family with up to `ops` rounds an actor. Raises UserError with the nearest family.

    A round is one operation, and for who owns a registration its end, too; an actor may stop at any time. Deltas may
    close `deltas` times (None: as often as there are rounds).
    """
    if family not in FAMILIES:
        raise UserError(f"no free-running world for {family!r}{nearest(family, FAMILIES)}")
    if not 1 <= ops <= MOST_OPS:
        raise UserError(f"{ops} operations an actor: between 1 and {MOST_OPS}")
    actors = FAMILIES[family]
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
        deltas=deltas,
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
