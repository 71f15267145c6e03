"""Split twins: rules that merge several kernel steps, taken apart into one step each.

A task that is inside a split rule has a `stage` other than 0, and no rule of its routine goes on meanwhile; everybody
else does. `split` makes the twin of a rule from its trace: which fields are written when. A twin whose parts read
what others may change in between is written out by hand.
"""

import copy
import functools
from dataclasses import dataclass, replace

from tux3nb.engine.rule import CannotFire, State, Step
from tux3nb.engine.system import build
from tux3nb.engine.terms import NONE, some, walk, where
from tux3nb.errors import ModelError
from tux3nb.model.features import FEATURES
from tux3nb.model.folio import users
from tux3nb.model.ghosts import section_begins
from tux3nb.model.mmu import flush_tlb, notify
from tux3nb.model.operations import Op
from tux3nb.model.properties import PROPERTIES, halted, settled
from tux3nb.model.rules import all_rules
from tux3nb.model.world import DELTA, FLUSHER, FOLIO

SWEEPER = "sweeper"  # who write-protects after a transition is nobody's routine
STAGES = 255
PTE, TLB, SPTE = ("pte", "pte_write", "pte_dirty", "migrating", "moving"), ("tlb", "tlb_write"), ("spte", "spte_write")


@dataclass(frozen=True)
class Twin:
    """How a rule is split: the fields written by each step, in the kernel's order; the last step writes the rest.

    `by_hand` makes the rules where that is not enough.
    """

    rule: str
    why: str
    parts: tuple[tuple[str, ...], ...] = ()
    by_hand: object = None


class Stages:
    """Numbers for the places inside split rules, one for each binding and part."""

    def __init__(self):
        self._numbers: dict = {}

    def number(self, *key) -> int:
        found = self._numbers.setdefault(key, len(self._numbers) + 1)
        if found > STAGES:
            raise ModelError("too many stages")
        return found


def binding(r, args) -> tuple:
    """What tells one binding of a rule from the others; two operations may have the same text."""
    return r.name, *((a.task, a.line) if isinstance(a, Op) else a for a in args.values())


def inside(s, op, number):
    """The task is in this operation, at this stage of a split rule."""
    return (s.stage[op.task] == number) & (s.line[op.task] == op.line)


def actor_of(r, op) -> str:
    """Whose stage a rule belongs to."""
    if r.function.__name__ == "sweep_protects_pte":
        return SWEEPER
    return op.task if op is not None else FLUSHER


def waits_for_stage(r):
    """`r`, not possible while its task is inside a split rule."""

    @functools.wraps(r.function)
    def function(s, policy, op=None, **args):
        s.require(s.stage[actor_of(r, op)] == 0)
        if r.name == "begins_section":
            s.require((policy.protect != "barrier") | (s.stage[SWEEPER] == 0))
        r.function(s, policy, **({"op": op} if op is not None else {}), **args)

    return replace(r, function=function)


def traced(s, r, policy, args) -> Step:
    """The step that rule `r` would be, as a trace of its own."""
    step = Step(r, args, "")
    r.function(State(s.world, step), policy, **args)
    return step


def split(r, parts, stages):
    """The steps of rule `r`, one for each part of `parts` and one for the rest, in this order.

    A part is a tuple of field names, or of numbers of writes. Parts without a write in a case are left out.
    """
    return [_part(r, parts, n, stages) for n in range(len(parts) + 1)]


def _part(r, parts, n, stages):
    def function(s, policy, **args):
        whole = traced(s, r, policy, args)
        groups = _groups(whole.writes, parts)
        if n >= len(groups):
            raise CannotFire
        actor, key = actor_of(r, args.get("op")), binding(r, args)
        enters(s, whole, actor, None if n == 0 else stages.number(*key, n))
        _nothing_read_late(r, groups[n], groups[:n])
        s.step.take(whole, groups[n], events=n == 0)
        if n + 1 == len(groups):
            s.stage[actor] = 0
        else:
            s.stage[actor] = stages.number(*key, n + 1)

    function.__name__, function.__doc__ = f"{r.name}_{n + 1}", f"{r.says} (part {n + 1})"
    return replace(r, function=function)


def enters(s, whole, actor, stage):
    """The guard of a part: the rule's own for the first, afterwards the stage."""
    if stage is not None:
        s.require(s.stage[actor] == stage)
        return
    s.require(s.stage[actor] == 0, *whole.guard, *whole.allowed)
    for limit in whole.limits:
        s.limit(*limit)


def _groups(writes, parts):
    """The writes of each part that has some, and the rest."""
    groups, rest = [], list(enumerate(writes))
    for part in parts:
        mine = [(k, w) for k, w in rest if k in part or w[0].name in part]
        rest = [(k, w) for k, w in rest if (k, w) not in mine]
        groups.append([w for _, w in mine])
    return [g for g in groups if g] + [[w for _, w in rest]]


def _nothing_read_late(r, writes, before):
    """No part may read a field that an earlier part of the same rule has overwritten."""
    gone = {f.name for group in before for f, _, _ in group}
    for f, flat, value in writes:
        late = {e.args[0].name for e in walk(flat, value) if e.op == "get"} & gone
        if late:
            raise ModelError(f"twin of {r.name}: {f.name} reads {', '.join(sorted(late))} too late")


def twin_case(case, twins):
    """`case` with the rules of `twins` split; a world of its own, so that nothing of the model is changed."""
    twin, stages = copy.copy(case), Stages()
    for name in ("world", "system"):
        twin.__dict__.pop(name, None)
    world = twin.world
    world.field("stage", (*world.tasks, FLUSHER, SWEEPER), hi=STAGES)
    by_name = {t.rule: t for t in twins}
    rules = []
    for r in all_rules():
        t = by_name.get(r.name)
        if t is None:
            rules.append(waits_for_stage(r))
        elif t.by_hand is None:
            rules += split(r, t.parts, stages)
        else:
            rules += t.by_hand(r, world, stages)
    twin.system = build(world, rules, FEATURES, PROPERTIES, None, halted, settled)
    return twin


# ---- twins by hand -------------------------------------------------------------------------------------------
def by_hand(like, name, says, function):
    """A rule made of `function`, which stands for the same routine as rule `like`."""
    function.__name__, function.__doc__ = name, says
    return replace(like, function=function)


def cleared_first(r, world, stages):
    """ptep_clear_flush: the PTE is cleared, then the TLB flushed, then the notifier called, then the PTE set."""

    def clears(s, policy, **args):
        whole = traced(s, r, policy, args)
        op = args["op"]
        enters(s, whole, op.task, None)
        for name in ("pte", "pte_write", "pte_dirty"):
            getattr(s, name)[op.via] = NONE if name == "pte" else 0
        s.stage[op.task] = numbers(args)

    def numbers(args):
        return stages.number(*binding(r, args))

    def sets(s, policy, **args):
        whole, t = traced(s, r, policy, args), args["op"].task
        flushed = [s.tlb[m] == NONE for m in s.world.siblings if args.get("flush", True)]
        s.require(s.stage[t] == numbers(args), *flushed)
        s.step.take(whole, [w for w in whole.writes if w[0].name not in TLB + SPTE], events=False)
        s.stage[t] = 0

    def tears(names):
        def function(s, policy, **args):
            whole, t = traced(s, r, policy, args), args["op"].task
            mine = [w for w in whole.writes if w[0].name in names]
            if not mine:
                raise CannotFire
            s.require(s.stage[t] == numbers(args), some(s._read(f, flat) != 0 for f, flat, _ in mine))
            s.step.take(whole, mine, events=False)

        return function

    return [
        by_hand(r, f"{r.name}_1", "The PTE is cleared.", clears),
        by_hand(r, f"{r.name}_2", "The TLB is flushed.", tears(TLB)),
        by_hand(r, f"{r.name}_3", "The notifier is called.", tears(SPTE)),
        by_hand(r, f"{r.name}_4", "The PTE is set.", sets),
    ]


def folio_taken_first(r, world, stages):
    """clone_page: a new folio is taken (and locked), then the first cell copied into it."""
    number = stages.number(r.name)

    def takes(s, policy, op):
        whole = traced(s, r, policy, {"op": op})
        enters(s, whole, op.task, None)
        taken = ("private", "locked", "snapshot", "index", "copy")
        s.step.take(whole, [w for w in whole.writes if w[0].name in taken], events=False)
        s.stage[op.task] = number

    def copies(s, policy, op):
        t = op.task
        whole = traced(s, r, policy, {"op": op})
        s.require(inside(s, op, number))
        s.step.take(whole, [w for w in whole.writes if w[0].name in ("ok_back", "pc")], events=False)
        first = world.cells_of[op.page][0]
        s.cell[s.copy[t], first] = s.cell[s.folio[t], first]
        s.stage[t] = 0

    return [by_hand(r, f"{r.name}_1", "A folio is taken.", takes), by_hand(r, f"{r.name}_2", "It is filled.", copies)]


def section_by_hand(r, world, stages):
    """delta_get: the current delta is read, then a reference taken on it, which fails once it has drained.

    A delta that closes in between can still be joined while another task is in it.
    """
    others = world.fields["section"].axes[0] if "section" in world.fields else ()
    world.field("delta_read", others, kind=DELTA)
    number = stages.number(r.name)

    def reads(s, policy, op):
        enters(s, traced(s, r, policy, {"op": op}), op.task, None)
        s.delta_read[op.task] = s.cur
        s.stage[op.task] = number

    def alive(s, t):
        """The reference count of the delta that was read is not zero: it is current, or somebody is in it."""
        d = s.delta_read[t]
        return (d == s.cur) | some(s.section[o] == d for o in others if o != t)

    def joins(s, policy, op, late):
        t = op.task
        d = s.delta_read[t]
        s.require(inside(s, op, number), alive(s, t), d != s.cur if late else d == s.cur)
        if op.how.writes == "cpu" and not op.how.at_once and not late:
            section_begins(s, op)
        s.section[t] = d
        s.pc[t] = "decide"
        s.stage[t] = 0
        s.delta_read[t] = 0

    def retries(s, policy, op):
        s.require(inside(s, op, number), ~alive(s, op.task))
        s.stage[op.task] = 0
        s.delta_read[op.task] = 0

    joined = by_hand(r, f"{r.name}_2", "A reference is taken on it, even if it has closed meanwhile.", joins)
    return [
        by_hand(r, f"{r.name}_1", "The current delta is read.", reads),
        replace(joined, domains={**r.domains, "late": (False, True)}),
        by_hand(r, f"{r.name}_2_drained", "It has drained meanwhile: read again.", retries),
    ]


def lookup_by_hand(r, world, stages):
    """find_get_page: the slot is read, a reference taken, the slot read again."""
    read, got = stages.number(r.name), stages.number(r.name, "got")
    if "found" not in world.fields:
        world.field("found", world.fields["folio"].axes[0] if "folio" in world.fields else (), kind=FOLIO, none=0)
    place = "lock" if r.name == "looks_up" else "map_lock"

    def reads(s, policy, op):
        enters(s, traced(s, r, policy, {"op": op}), op.task, None)
        s.found[op.task] = s.slot[op.page]
        s.stage[op.task] = read

    def gets(s, policy, op):
        t = op.task
        f = s.found[t]
        s.require(inside(s, op, read), s.frozen[f] == 0, s.private[f] == 1)
        s.folio[t] = f
        s.stage[t] = got

    def misses(s, policy, op):
        f = s.found[op.task]
        s.require(inside(s, op, read), (s.frozen[f] == 1) | (s.private[f] == 0))
        again(s, op.task)

    def keeps(s, policy, op):
        t = op.task
        s.require(inside(s, op, got), s.slot[op.page] == s.found[t])
        again(s, t)
        s.pc[t] = place

    def drops(s, policy, op):
        t = op.task
        s.require(inside(s, op, got), s.slot[op.page] != s.found[t])
        again(s, t)
        s.folio[t] = NONE

    def again(s, t):
        s.found[t] = NONE
        s.stage[t] = 0

    return [
        by_hand(r, f"{r.name}_1", "The slot is read.", reads),
        by_hand(r, f"{r.name}_2", "A reference is taken, the count being neither zero nor frozen.", gets),
        by_hand(r, f"{r.name}_2_gone", "The count is zero or frozen: look again.", misses),
        by_hand(r, f"{r.name}_3", "The slot reads the same again.", keeps),
        by_hand(r, f"{r.name}_3_moved", "The slot has changed: put the folio, look again.", drops),
    ]


def shared_fault_by_hand(r, world, stages):
    """do_shared_fault: filemap_fault looks the folio up, locks, checks and unlocks it; then comes page_mkwrite."""
    looked, checks = stages.number(r.name), stages.number(r.name, "locked")

    def looks(s, policy, op):
        enters(s, traced(s, r, policy, {"op": op}), op.task, None)
        s.folio[op.task] = s.slot[op.page]
        s.stage[op.task] = looked

    def locks(s, policy, op):
        f = s.folio[op.task]
        s.require(inside(s, op, looked), s.locked[f] == 0)
        s.locked[f] = 1
        s.stage[op.task] = checks

    def passes(s, policy, op):
        f = s.folio[op.task]
        s.require(inside(s, op, checks), s.detached[f] == 0)
        s.locked[f] = 0
        s.stage[op.task] = 0
        s.pc[op.task] = "lock"

    def retries(s, policy, op):
        f = s.folio[op.task]
        s.require(inside(s, op, checks), s.detached[f] != 0)
        s.locked[f] = 0
        s.folio[op.task] = NONE
        s.stage[op.task] = 0

    return [
        by_hand(r, f"{r.name}_1", "The slot is looked up.", looks),
        by_hand(r, f"{r.name}_2", "The folio is locked.", locks),
        by_hand(r, f"{r.name}_3", "It has its mapping: it is unlocked, for page_mkwrite.", passes),
        by_hand(r, f"{r.name}_3_gone", "It has lost its mapping: the access is tried again.", retries),
    ]


def fault_by_hand(r, world, stages):
    """do_wp_page: the PTE is read without a lock; under the page-table lock it is read again, the folio referenced."""
    number = stages.number(r.name)
    if "pte_read" not in world.fields:
        world.field("pte_read", world.fields["fault"].axes[0] if "fault" in world.fields else (), kind=FOLIO, none=0)

    def reads(s, policy, op):
        enters(s, traced(s, r, policy, {"op": op}), op.task, None)
        s.pte_read[op.task] = s.pte[op.via]
        s.stage[op.task] = number

    def same(s, policy, op):
        t = op.task
        s.require(inside(s, op, number), s.pte[op.via] == s.pte_read[t])
        s.folio[t] = s.pte_read[t]
        s.fault[t] = s.pte_read[t]
        s.pte_read[t] = NONE
        s.pc[t] = "lock"
        s.stage[t] = 0

    def changed(s, policy, op):
        t = op.task
        s.require(inside(s, op, number), s.pte[op.via] != s.pte_read[t])
        s.pte_read[t] = NONE
        s.stage[t] = 0

    return [
        by_hand(r, f"{r.name}_1", "The PTE is read.", reads),
        by_hand(r, f"{r.name}_2", "Under the page-table lock it is the same: the folio is referenced.", same),
        by_hand(r, f"{r.name}_2_changed", "It has changed: the access is tried again.", changed),
    ]


def freed_under_lock(r, world, stages):
    """free_forked_page: off the list, then locked and stripped of buffers and mapping, unlocked, put.

    Whoever has got a reference meanwhile keeps the folio until it lets go.
    """

    def stage(f, n):
        return stages.number(r.name, f, n)

    def unlists(s, policy, f):
        enters(s, traced(s, r, policy, {"f": f}), FLUSHER, None)
        s.orphan[f] = 0
        s.stage[FLUSHER] = stage(f, 1)

    def locks(s, policy, f):
        s.require(s.stage[FLUSHER] == stage(f, 1), s.locked[f] == 0)
        s.locked[f] = 1
        s.stage[FLUSHER] = stage(f, 2)

    def strips(s, policy, f):
        s.require(s.stage[FLUSHER] == stage(f, 2))
        s.forked[f] = 0
        s.own[f] = 0
        s.stage[FLUSHER] = stage(f, 3)

    def unlocks(s, policy, f):
        s.require(s.stage[FLUSHER] == stage(f, 3))
        s.locked[f] = 0
        s.stage[FLUSHER] = stage(f, 4)

    def puts(s, policy, f):
        whole = traced(s, r, policy, {"f": f})
        s.require(s.stage[FLUSHER] == stage(f, 4), users(s, f) == 0)
        s.step.take(whole, [w for w in whole.writes if w[0].name not in ("orphan", "forked", "own")])
        s.stage[FLUSHER] = 0

    return [
        by_hand(r, f"{r.name}_1", "It leaves the list, and the count on its buffers is dropped.", unlists),
        by_hand(r, f"{r.name}_2", "It is locked.", locks),
        by_hand(r, f"{r.name}_3", "Its buffers are freed and its mapping cleared: it is of no file any more.", strips),
        by_hand(r, f"{r.name}_4", "It is unlocked.", unlocks),
        by_hand(r, f"{r.name}_5", "The last reference is put.", puts),
    ]


def swept_under_lock(r, world, stages):
    """page_mkclean: the folio is locked, its PTE changed, flushed and notified, the folio unlocked."""
    world.field("sweeping", kind=FOLIO, none=0)

    def locks(s, policy, m):
        enters(s, traced(s, r, policy, {"m": m}), SWEEPER, None)
        s.sweeping = s.pte[m]
        s.locked[s.pte[m]] = 1
        s.stage[SWEEPER] = stages.number(r.name, m, 1)

    def protects(s, policy, m):
        """The PTE may lead elsewhere by now: then it is left alone."""
        s.require(s.stage[SWEEPER] == stages.number(r.name, m, 1))
        s.pte_write[m] = where(s.pte[m] == s.sweeping, 0, s.pte_write[m])
        s.stage[SWEEPER] = stages.number(r.name, m, 2)

    def flushes(s, policy, m):
        s.require(s.stage[SWEEPER] == stages.number(r.name, m, 2))
        flush_tlb(s, m)
        s.stage[SWEEPER] = stages.number(r.name, m, 3)

    def unlocks(s, policy, m):
        s.require(s.stage[SWEEPER] == stages.number(r.name, m, 3))
        notify(s, m)
        s.locked[s.sweeping] = 0
        s.sweeping = NONE
        s.stage[SWEEPER] = 0

    return [
        by_hand(r, f"{r.name}_1", "The folio is locked.", locks),
        by_hand(r, f"{r.name}_2", "Its PTE becomes read-only.", protects),
        by_hand(r, f"{r.name}_3", "The TLB is flushed.", flushes),
        by_hand(r, f"{r.name}_4", "The notifier is called, the folio unlocked.", unlocks),
    ]


PTE_STEPS = "the PTE change, the TLB flush and the notifier call are three steps"
MARKED = (("stripped",), ("tag",), ("dirty",))  # buffers come back, and are marked for a delta; then the folio
DIRTY = (("cell",), *MARKED)
TWINS = (
    Twin("munmap", "the mapping goes, so that nobody faults there; then " + PTE_STEPS, (("vma",), PTE, TLB, SPTE)),
    Twin("sweep_protects_pte", "lock, the PTE change, the TLB flush, the notifier, unlock", by_hand=swept_under_lock),
    Twin("section_meets_barrier", "unlock, put", (("locked",), ("folio", "fault"))),
    Twin("clone_protects_pte", PTE_STEPS, (PTE, TLB, SPTE)),
    Twin("reverse_protects_pte", PTE_STEPS, (PTE, TLB, SPTE)),
    Twin("fork_unmaps_pte", PTE_STEPS, (PTE, TLB, SPTE)),
    Twin("fork_redirects_pte", PTE_STEPS, (PTE, TLB, SPTE)),
    Twin("flush_protects_pte", PTE_STEPS, (PTE, TLB, SPTE)),
    Twin("migrate_unmaps_pte", PTE_STEPS, (PTE, TLB, SPTE)),
    Twin("fault_installs_pte", "the PTE is cleared, flushed, notified, then set", by_hand=cleared_first),
    Twin("cow_maps", "the PTE is cleared, flushed, notified, then set", by_hand=cleared_first),
    Twin("store_faults_absent", "filemap_fault's lock and check, then page_mkwrite", by_hand=shared_fault_by_hand),
    Twin("odp_retries", "the put, then the walk's look at the sequence", (("hold",),)),
    Twin("fault_ends", "unlock, put, return", (("locked",), ("folio",))),
    Twin("read_fault_maps", "set the PTE, unlock, put", (("pte",), ("locked",), ("folio",))),
    Twin("read_fault_retries", "unlock, put, fault again", (("locked",), ("folio",))),
    Twin("mkwrite_marks_dirty", "buffers, PG_dirty, the end of the section", (*MARKED, ("section",))),
    Twin("write_returns", "buffers, PG_dirty, unlock, put, end of the section", (*MARKED, ("locked",), ("folio",))),
    Twin("forked_meanwhile", "end of the section, unlock, put", (("section",), ("locked",), ("folio",))),
    Twin("waits_for_delta", "unlock, put, end of the section", (("locked",), ("folio", "fault"), ("section",))),
    Twin("waits_for_submitted", "unlock, put, end of the section", (("locked",), ("folio", "fault"), ("section",))),
    Twin("reverse_gets_no_memory", "unlock, put, end of the section", (("locked",), ("folio", "fault"), ("section",))),
    Twin("waits_for_holder", "unlock, put, end of the section", (("locked",), ("folio", "fault"), ("section",))),
    Twin("fork_marks_forked", "the own reference, then PG_forked, then the delta's dirt", (("own",), ("forked",))),
    Twin("fork_ends", "unlock, then the list of forked folios", (("locked",), ("orphan",))),
    Twin("fork_copies", "a new folio is taken, then its first cell copied", by_hand=folio_taken_first),
    Twin("reverse_fork_copies", "a new folio is taken, then its first cell copied", by_hand=folio_taken_first),
    Twin("begins_section", "the current delta is read, then a reference taken on it", by_hand=section_by_hand),
    Twin("looks_up", "the slot is read, a reference taken, the slot read again", by_hand=lookup_by_hand),
    Twin("load_faults", "the slot is read, a reference taken, the slot read again", by_hand=lookup_by_hand),
    Twin("store_faults", "the PTE is read, then compared under its lock", by_hand=fault_by_hand),
    Twin("gup_slow_faults", "the PTE is read, then compared under its lock", by_hand=fault_by_hand),
    Twin("gup_slow_forks_first", "the PTE is read, then compared under its lock", by_hand=fault_by_hand),
    Twin(
        "flush_clears_dirty",
        "PG_dirty, the buffers' delta tag, unlock",
        (("dirty",), ("tag",), ("writeback",), ("locked",)),
    ),
    Twin("flush_keeps_dirty", "the new delta tag, unlock", (("tag",), ("dirty", "writeback"), ("locked",))),
    Twin(
        "write_completes",
        "the I/O is done, then end_page_writeback",
        (("bio_stage", "other_stage", "fetched", "written"), ("writeback",)),
    ),
    Twin(
        "other_write_completes",
        "the I/O is done, then end_page_writeback",
        (("other_stage", "fetched", "written"), ("writeback",)),
    ),
    Twin(
        "server_answers",
        "the I/O is done, then end_page_writeback",
        (("bio_stage", "other_stage", "fetched", "written"), ("writeback",)),
    ),
    Twin("migrate_skips", "unlock, put", (("locked",), ("folio",))),
    Twin("poll_frees", "off the list, lock, buffers and mapping, unlock, put", by_hand=freed_under_lock),
    Twin("commits", "the superblock is on disk, then the delta counts as committed", (("disk",),)),
    Twin("poke_returns", "the copy's lock, then the put", (("locked",), ("hold",))),
    Twin("peek_returns", "the copy's lock, then the put", (("locked",), ("hold",))),
    Twin("mr_reports_dirty", "forwarded cells, delta tag, PG_dirty, return", DIRTY),
    Twin("poke_reports_dirty", "forwarded cells, delta tag, PG_dirty, return", DIRTY),
    Twin("dio_reports_dirty_late", "forwarded cells, delta tag, PG_dirty, return", DIRTY),
    Twin("access_rechecks", "lock, then look at the slot", (("locked",),)),
    Twin("odp_installs", "the translation, then the put", (SPTE, ("hold",))),
    Twin("dio_reports_dirty_early", "forwarded cells, delta tag, PG_dirty, return", DIRTY),
    Twin("folio_lost_mapping", "unlock, put, end of the section", (("locked",), ("folio", "fault"), ("section",))),
    Twin("read_fault_is_off_the_end", "unlock, put, fault again", (("locked",), ("folio",))),
    Twin("reclaim_keeps", "unlock, put", (("locked",), ("folio",))),
    Twin("truncate_zaps_pte", PTE_STEPS, (PTE, TLB, SPTE)),
    Twin("reclaim_unmaps", PTE_STEPS, (PTE, TLB, SPTE)),
    Twin("evict_synced_last", "buffers, PG_dirty, the bond", (("tag",), ("dirty",))),
    Twin(
        "truncate_forks",
        "out of the slot, own reference, PG_forked, queued, unlock, put",
        (("slot",), ("own",), ("forked",), ("tag", "dirty"), ("orphan",), ("locked",), ("folio",)),
    ),
    Twin(
        "truncate_deletes",
        "buffers, slot, mapping, unlock, put",
        (("private", "stripped", "dirty", "tag"), ("slot",), ("detached",), ("locked",), ("folio",)),
    ),
    Twin("truncate_waits", "unlock, put, end of the section", (("locked",), ("folio",), ("section",))),
    Twin("truncate_meets_holder", "unlock, put, end of the section", (("locked",), ("folio",), ("section",))),
    Twin("truncate_refused", "unlock, put, end of the section", (("locked",), ("folio",), ("section",))),
    Twin("tail_returns", "buffers, PG_dirty, unlock, put, end", (*MARKED, ("locked",), ("folio",))),
    Twin("evict_drops", "buffers, slot, mapping", (("private", "stripped"), ("slot",))),
    Twin("evict_frees_forked", "the list, the own reference, buffers, mapping", (("orphan",), ("own",))),
    Twin("migrate_gives_up", "unlock, put", (("locked",), ("folio",))),
    Twin("migrate_ends", "unlock, then the old folio is freed", (("locked",),)),
    Twin("migrate_ends_with_reference", "unlock, then the old folio is put", (("locked",),)),
    Twin("pipe_read_returns", "unlock, put", (("locked",), ("hold",))),
    Twin("uprobe_retries", "unlock, put, drop the copy", (("locked",), ("hold",))),
    Twin("uprobe_registered", "unlock, put", (("locked",), ("hold",))),
    Twin("cow_retries", "put, drop the copy", (("hold",),)),
)

# Rules that write several fields, and yet are one step of the kernel or of the machine.
NAMES = "the fields are the model's names for one thing, which changes hands"
ONE_BIO = "the bio is the flusher's own until it is submitted; the fields say how far it has come"
UNSEEN = "nobody else sees the new folio before a PTE leads to it"
ONE_WORD = "one page-table entry, written at once under its lock"
LOCKED_PTE = "under the page-table lock, which the walks that could tell take too"
MACHINE = "one instruction of the CPU or one transfer of the device"
FROZEN = "the count is frozen at zero meanwhile, or the new folio locked and not up to date: nobody gets in"
CONTROL = "a control: what must not be done, not a routine of a kernel"
WHOLE = {
    "dio_read_dma": MACHINE,
    "disk_fetches": MACHINE,
    "disk_fetches_other": MACHINE,
    "store": MACHINE,
    "sibling_fills_tlb": MACHINE,
    "crash": "the power goes",
    "dio_puts_late": NAMES,
    "gup_fast_gets": NAMES,
    "gup_fast_keeps": NAMES,
    "fork_lists": NAMES,
    "last_reference_put": NAMES,
    "anonymous_freed": NAMES,
    "cow_copies": UNSEEN,
    "copy_is_late": UNSEEN,
    "unprobe_drops_copy": NAMES,
    "transition": "the delta's number changes at once; the rest is what properties remember",
    "transition_goes_on": "the delta's number changes at once; the rest is what properties remember",
    "truncate_returns": "the section ends; the rest is what properties remember",
    "mmap": "under mmap_sem for writing",
    "flush_adds": ONE_BIO,
    "flush_picks": ONE_BIO,
    "flush_goes_back": ONE_BIO,
    "flush_bounces": ONE_BIO,
    "flush_bounces_rest": ONE_BIO,
    "flush_submits": ONE_BIO,
    "fork_restores_pte": ONE_WORD,
    "fork_remaps_pte": ONE_WORD,
    "migrate_restores_pte": ONE_WORD,
    "migrate_maps_target": ONE_WORD,
    "uprobe_replaces_page": LOCKED_PTE,
    "cow_maps_copy": LOCKED_PTE,
    "reverse_fork_moves_delta": "the dirty buffers change lists under one lock: none sees both folios, or neither",
    "reclaim_frees": FROZEN,
    "reclaim_drops_held": CONTROL,
    "refills": FROZEN,
    "migrate_moves": FROZEN,
    "migrate_moves_blindly": CONTROL,
    "migrate_copies": "what is copied is told by the cells; to_copy says how far the copy has come",
    "uprobe_replaces_blindly": CONTROL,
    "uprobe_writes_in_place": CONTROL,
    "unprobe_writes_in_place": CONTROL,
}
