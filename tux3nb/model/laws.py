"""Laws: what every rule must respect in every case, whatever is asked there; mostly what the kernel asserts itself.

They are no properties of a policy and are not explored with a case. The mutants (`tools.mutants`) are held against
them, and a test holds every case against them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import combinations

from tux3nb.engine.result import Exploration
from tux3nb.engine.rule import State, Step, predicate
from tux3nb.engine.system import Property, System
from tux3nb.engine.terms import NONE, TRUE, Expr, const, count, every, some, without
from tux3nb.model.features import FEATURES
from tux3nb.model.folio import cells_in, holds, mapcount, refs_of_tasks, users
from tux3nb.model.ghosts import active, begun
from tux3nb.model.rules.cpu import FORKING, swept, walking
from tux3nb.model.world import FLUSHER, tasks_of


@dataclass(frozen=True)
class Law:
    """What is asked of every state (a predicate), or of every step: (s, step) -> what must hold where it is taken.

    `source` is where it comes from.
    """

    asks: Callable
    source: str
    of_steps: bool

    @property
    def name(self) -> str:
        return self.asks.__name__

    @property
    def sentence(self) -> str:
        return " ".join((self.asks.__doc__ or "").split())


LAWS: list[Law] = []


def law(source: str, of_steps: bool = True):
    """Make a function a law."""

    def decorate(function: Callable) -> Callable:
        LAWS.append(Law(function, source, of_steps))
        return function

    return decorate


def _axis(s, name: str) -> tuple:
    return s.world.fields[name].axes[0] if name in s.world.fields else ()


def _writes(step: Step, name: str, value: int | None = None) -> list[Expr]:
    """The places to which a step writes a field (`value`: writes just that)."""
    found = [(flat, v) for f, flat, v in step.writes if f.name == name]
    return [flat for flat, v in found if value is None or (v.is_const and v.value == value)]


# ---- of every state ----------------------------------------------------------------------------------------------
@law("the format of a page-table entry", of_steps=False)
def one_entry(s):
    """A page-table entry is one thing at a time, and has flags only if it is present."""

    def entry(m):
        copied = s.anon[m] == 1 if "anon" in s.world.fields else const(False)
        alone = count([s.pte[m] != NONE, s.migrating[m] == 1, s.moving[m] != 0, copied]) < 2
        return alone & ((s.pte[m] != NONE) | (s.pte_write[m] == 0) & (s.pte_dirty[m] == 0))

    return every(entry(m) for m in s.world.mappings)


@law("mm/memory.c:zap_pte_range", of_steps=False)
def entries_of_vma(s):
    """There is no entry where nothing is mapped."""
    none = {m: every([s.pte[m] == NONE, s.migrating[m] == 0, s.moving[m] == 0]) for m in s.world.mappings}
    return every((s.vma[m] == 1) | none[m] for m in s.world.mappings)


@law("mm/page_alloc.c:free_pages_check (bad_page)", of_steps=False)
def free_is_clean(s):
    """A folio that is free has no user, no flag set and no place in the page cache."""
    flags = ("dirty", "writeback", "locked", "forked", "own", "orphan", "snapshot", "frozen")
    clean = {f: every(getattr(s, name)[f] == 0 for name in flags) for f in s.world.folios}
    in_use = {f: (s.private[f] == 1) | (s.detached[f] != 0) for f in s.world.folios}
    return every(in_use[f] | clean[f] & (users(s, f) == 0) & (s.slot[0] != f) for f in s.world.folios)


@law("include/linux/mm.h:get_page: VM_BUG_ON_PAGE(page_ref_count(page) <= 0)", of_steps=False)
def frozen_is_alone(s):
    """While a count is frozen at zero, only the task that froze it refers to the folio."""

    def alone(f):
        return (mapcount(s, f) == 0) & (holds(s, f) == 0) & (count(s.folio[t] == f for t in _axis(s, "folio")) < 2)

    return every((s.frozen[f] == 0) | alone(f) for f in s.world.folios)


@law("kernel/locking/lockdep.c:lockdep_sys_exit", of_steps=False)
def idle_has_nothing(s):
    """A task that is back in its program has let go of every folio of its routines, and of its section."""
    kept = ("folio", "copy", "fault", "seen", "section")
    none = {t: every(getattr(s, name)[t] == NONE for name in kept if t in _axis(s, name)) for t in s.world.tasks}
    return every((s.pc[t] != "idle") | none[t] for t in s.world.tasks)


@law("fs/tux3/buffer_writeback.c:bufvec_io", of_steps=False)
def written_is_flushed(s):
    """Only a folio that the flusher has in a bio, or is about to put into one, is under writeback."""
    return every((s.writeback[f] == 0) | (s.bio_folio == f) | (s.other_folio == f) for f in s.world.folios)


@law("fs/tux3/commit.c:delta_transition", of_steps=False)
def sections_are_open(s):
    """No delta is committed while one of its sections is open, and none is open of a delta to come."""
    tasks = _axis(s, "section")
    return every((s.section[t] == NONE) | (s.section[t] >= s.committed) & (s.section[t] <= s.cur) for t in tasks)


@law("fs/inode.c:iput_final: an inode is evicted with the last reference to it", of_steps=False)
def evicted_is_unused(s):
    """While an inode is evicted no process maps the file, and none is in a call that has it open."""
    w = s.world
    evicting = some(s.pc[op.task] == "evict" for op in w.that("evicts"))
    calls = some(active(s, op) for op in w.ops if op.how.mutex or op.how.reads == "cpu")
    return ~evicting | every(s.vma[m] == 0 for m in w.mappings) & ~calls


@law("fs/read_write.c, fs/open.c: i_mutex", of_steps=False)
def has_mutex_alone(s):
    """Of the calls that take the inode's mutex one is under way at a time."""
    return count(active(s, op) for op in s.world.that("mutex")) < 2


# ---- of every step -----------------------------------------------------------------------------------------------
@law("mm/filemap.c:unlock_page: VM_BUG_ON_PAGE(!PageLocked)")
def unlocks_locked(s, step):
    """Only a locked folio is unlocked."""
    return [s.locked[f] == 1 for f in _writes(step, "locked", 0)]


@law("mutual exclusion")
def locks_unlocked(s, step):
    """Only an unlocked folio is locked."""
    return [s.locked[f] == 0 for f in _writes(step, "locked", 1)]


@law("mm/page-writeback.c:clear_page_dirty_for_io: BUG_ON(!PageLocked)")
def cleans_locked(s, step):
    """The dirty bit is cleared under the folio lock, which an eviction takes and drops in the same step."""
    at_once = step.rule.name in ("evict_drops", "evict_synced_last")
    return [s.locked[f] == int(not at_once) for f in _writes(step, "dirty", 0)]


@law("mm/rmap.c:page_mkclean: BUG_ON(!PageLocked(page))")
def protects_locked(s, step):
    """PTEs are write-protected under the folio lock, which the sweep takes and drops in the same step."""
    cleared = {str(m) for m in _writes(step, "pte")}
    locked = int(step.rule.name != "sweep_protects_pte")
    protected = [m for m in _writes(step, "pte_write", 0) if str(m) not in cleared]
    return [(s.pte[m] == NONE) | (s.locked[s.pte[m]] == locked) for m in protected]


@law("fs/tux3/commit.c:do_commit: tux3_iowait_wait")
def commits_what_is_written(s, step):
    """The superblock is written when no I/O of the delta is under way."""
    return [s.writeback[f] == 0 for f in s.world.folios] if _writes(step, "committed") else []


@law("fs/tux3/commit_flusher.c:can_transition")
def closes_one_delta(s, step):
    """A delta is closed, and its closing waited for, when the one before it is committed and its polling done."""
    closes = _writes(step, "cur") or _writes(step, "pc", s.world.places.index("quiesce"))
    return [(s.cur == s.committed) & (s.pc[FLUSHER] != "poll")] if closes else []


@law("block/blk-core.c:blk_update_request: a bio ends when none of it is left")
def completes_what_is_fetched(s, step):
    """Writeback ends when the disk has fetched the whole folio."""
    return [without(cells_in(s, f), s.fetched) == 0 for f in _writes(step, "writeback", 0)]


@law("fs/fuse/file.c: a server may never answer; of a disk the model takes it that it does")
def answers_as_it_must(s, step):
    """Nobody counts on the end of an I/O where the write-out may never complete, and everybody may where it does."""
    return [const(step.rule.release == s.world.endless_disk)] if _writes(step, "writeback", 0) else []


@law("mm/page-writeback.c:wait_for_stable_page, as in grab_cache_page_write_begin; page->mapping")
def goes_on_in_file(s, step):
    """A section goes on with a folio that is in the file; write(2) not while a device that wants it stable reads it."""
    op = step.args.get("op")
    if op is None or not _writes(step, "pc", s.world.places.index("decide")):
        return []
    f = s.folio[op.task]
    stable = s.writeback[f] == 0 if s.world.stable_device and not op.how.maps else TRUE
    return [(s.detached[f] == 0) & stable]


@law("fs/tux3/buffer_writeback.c:prepare_and_lock_page")
def flusher_locks_first(s, step):
    """The flusher looks at the folio that it has picked when it can lock it, and fails only there or at the poll."""
    if step.actor != FLUSHER or not (_writes(step, "pc") or _writes(step, "oops")):
        return []
    picked = s.pc[FLUSHER] == "flush_lock"
    placed = picked | (s.pc[FLUSHER] == "poll") if _writes(step, "oops") else TRUE
    return [(~picked | (s.locked[s.bio_folio] == 0)) & placed]


@law("fs/super.c:generic_shutdown_super; fs/fs-writeback.c:inode_wait_for_writeback")
def unmounts_what_is_unused(s, step):
    """An unmount goes on to its next stage while no folio is written out or looked up, and the flusher has no work."""
    op = step.args.get("op")
    if op is None or not op.how.evicts or not _writes(step, "pc") or _writes(step, "line"):
        return []
    calls = some(active(s, o) for o in s.world.ops if o.how.mutex or o.how.reads == "cpu")
    idle = every((s.writeback[f] == 0) & (refs_of_tasks(s, f) == 0) for f in s.world.folios)
    return [every(s.vma[m] == 0 for m in s.world.mappings) & ~calls & idle & (s.pc[FLUSHER] == "idle")]


@law("mm/mmap.c:vm_munmap, mm/gup.c, arch/x86/mm/fault.c: mmap_sem")
def unmaps_under_mmap_sem(s, step):
    """A mapping does not go away while a fault or a slow walk through it is under way."""
    op = step.args.get("op")
    gone = _writes(step, "vma", 0)
    return [~some(walking(s, o) for o in s.world.ops if o.via == op.via and o.task != op.task)] if op and gone else []


@law("mm/filemap.c:find_get_page: page_cache_get_speculative fails while a count is frozen")
def reads_no_frozen(s, step):
    """What uprobes saves of the page cache, or compares with it, is not read while the folio's count is frozen."""
    reads = _writes(step, "saved") or step.rule.name == "unprobe_compares"
    return [s.frozen[s.slot[step.args["op"].page]] == 0] if reads else []


@law("a proposal: the holder takes the folio lock and looks the index up again")
def looks_again_unlocked(s, step):
    """A holder that looks the index up again takes the folio lock for it."""
    op = step.args.get("op")
    if op is None or not op.holder or step.actor != op.task or not _writes(step, "hold"):
        return []
    again = some(s.pc[op.task] == place for place in ("relock", "confirm") if place in s.world.places)
    return [~again | (s.locked[s.hold[op.holder]] == 0)]


@law("mm/filemap.c:end_page_writeback: BUG()")
def ends_writeback(s, step):
    """Writeback ends where it was (a snapshot has no flag)."""
    return [(s.writeback[f] == 1) | (s.snapshot[f] == 1) for f in _writes(step, "writeback", 0)]


@law("mm/gup.c, lib/iov_iter.c: each get_page and pin_user_page has its put")
def takes_one_hold(s, step):
    """A holder that takes a hold has none: the first one would never be put."""
    op = step.args.get("op")
    if op is None or op.how.holder != "makes":
        return []
    return [
        s.hold[op.holder] == NONE for f, _, v in step.writes if f.name == "hold" and not (v.is_const and v.value == 0)
    ]


@law("mm/filemap.c:find_get_page: each reference has its put")
def puts_what_it_looked_up(s, step):
    """A task takes a reference on a folio when it has none on another; a fork has two, and changes their places."""
    if _writes(step, "copy"):
        return []
    taken = [t for f, t, v in step.writes if f.name == "folio" and not (v.is_const and v.value == 0)]
    return [s.folio[t] == NONE for t in taken]


@law("mm/filemap.c:__delete_from_page_cache: BUG_ON(page_mapped(page))")
def deletes_unmapped(s, step):
    """A folio that leaves the page cache with none in its place, or loses its mapping, has no PTE."""
    gone = [s.slot[p] for p in _writes(step, "slot", 0)] + _writes(step, "detached", 1)
    return [mapcount(s, f) == 0 for f in gone]


@law("fs/tux3/commit.c:change_begin")
def nests_no_section(s, step):
    """Sections do not nest."""
    return [
        s.section[t] == NONE for f, t, v in step.writes if f.name == "section" and not (v.is_const and v.value == 0)
    ]


@law("include/linux/pagemap.h:lock_page")
def leaves_locked_alone(s, step):
    """Only the task that has a folio locked changes its dirt and its place in the file, unless it is unlocked."""
    mine = [step.actor] if step.actor in s.world.tasks else []
    op = step.args.get("op")
    out = []
    for f in (place for name in ("dirty", "tag", "private", "forked", "detached") for place in _writes(step, name)):
        owns = [s.folio[t] == f for t in mine if t in _axis(s, "folio")]
        owns += [s.copy[t] == f for t in mine if t in _axis(s, "copy")]
        if step.actor in (FLUSHER, "disk"):
            owns += [s.bio_folio == f, s.other_folio == f]
        if op is not None and op.how.then == "relock":
            owns.append(s.hold[op.holder] == f)
        out.append((s.locked[f] == 0) | some(owns))
    return out


@law("mm/page-writeback.c:set_page_dirty_lock")
def calls_dirty_unlocked(s, step):
    """A dirty call waits for the folio lock; a holder like ptrace may have it already, and the flusher has not."""
    op = step.args.get("op")
    if "outcome" not in step.args:
        return []
    f = s.hold[op.holder]
    if op.how.then == "relock":
        working = some(s.pc[FLUSHER] == place for place in ("writeback", "protect", "bounce_rest", "clear"))
        return [(s.bio_folio != f) | ~working]
    return [s.locked[f] == 0]


@law("the MMU; mm/migrate.c:migration_entry_wait")
def faults_for_need(s, step):
    """A fault is taken where the entry does not allow the access, and goes on only if it is no migration entry.

    A pin that forks first (a proposal) or that copies first (v6.2) faults although the entry allows it.
    """
    op = step.args.get("op")
    if step.rule.name in ("gup_slow_forks_first", "gup_unshares"):
        return []
    if not (op and op.via and step.actor == op.task and any(f.name in ("fault", "folio") for f, _, _ in step.writes)):
        return []
    m = op.via
    writes = op.write if op.how.walks else bool(op.how.writes)
    denied = (s.pte[m] == NONE) | (s.pte_write[m] == 0 if writes else const(False))
    begins = (s.pc[op.task] == "idle") | (s.pc[op.task] == "walk")
    return [~begins | denied & (s.migrating[m] == 0) & (s.moving[m] == 0)]


@law("what columns mean")
def stays_in_line(s, step):
    """A task does the operation of its line, and begins it once those that it waits for are behind.

    What others do for it, like a work item, they do when it has begun.
    """
    op = step.args.get("op")
    if op is None:
        return []
    if step.actor != op.task:
        return [begun(s, op)]
    idle, at = s.pc[op.task] == "idle", s.line[op.task]
    chooses = idle & (at == op.choice.start) if op.choice else const(False)
    waited = every(s.line[task] > line for task, line in op.after)
    return [((at == op.line) | chooses) & (waited | ~idle)]


# ---- of every run --------------------------------------------------------------------------------------------------
ALONE = "goes_on_alone"  # an actor that runs alone never comes back to a state in which it was
ONE_WAY = "has_one_way_on"  # where a routine is, in one state, one thing comes next; code has no choice

CHOICES = {  # rule -> why it may be taken where another rule of the same actor may, too
    "gup_fast_reads_pte": "who pins may take the fast walk or the slow one",
    "sweep_protects_pte": "the sweep goes on beside the write-out, whose actor it has",
    "last_reference_put": "whoever puts the last reference frees the folio; the actor is the kernel",
    "fork_gives_up": "memory may be short",
    "fork_gets_no_memory": "memory may be short",
    "reverse_gets_no_memory": "memory may be short",
    "fault_finds_pte_touched": "the accessed bit may change by itself",
    "evict_drops": "the folios of an inode are dropped in any order",
    "poll_meets_freed_inode": "the inode may be freed beside the polling",
    "flush_adds": "whether the next folio goes into the same bio is up to where its blocks are",
    "flush_picks": "whether the next folio goes into the same bio is up to where its blocks are",
    "disk_fetches": "two bios are fetched and completed in any order",
    "disk_fetches_other": "two bios are fetched and completed in any order",
    "write_completes": "two bios are fetched and completed in any order",
    "other_write_completes": "two bios are fetched and completed in any order",
    "server_answers": "two bios are fetched and completed in any order",
    "server_answers_other": "two bios are fetched and completed in any order",
}


def run_laws(run: Exploration, policies: Iterable[int]) -> set[tuple[str, int]]:
    """(what is broken, policy) of the laws of every run, for each of `policies`, by number."""
    edges: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    ways: dict[tuple[int, str], dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for source, i, after, k in run.graph.edges if run.graph else ():
        step = run.system.steps[i]
        edges[step.actor].append((source, after, k))
        if not _may_choose(step):
            ways[source, step.actor][_way(step)].add(k)
    found = set()
    for actor, mine in edges.items():
        left = _circles(mine)
        circles = (p for p in policies if left and _circles([e for e in left if run.has(e[2], p)]))
        found |= {(f"{ALONE} is broken by {actor}", p) for p in circles}
    for choice in ways.values():
        for pair in combinations(sorted(choice), 2):
            both = run.numbers.join(choice[pair[0]]) & run.numbers.join(choice[pair[1]])
            found |= {(f"{ONE_WAY} is broken by {' and '.join(pair)}", p) for p in policies if both & run.numbers[p]}
    return found


def _may_choose(step: Step) -> bool:
    """The step is one of several that may be taken; of the walks only a registration may choose, others try the fast
    one first.
    """
    if step.rule.name == "gup_fast_reads_pte":
        return step.args["op"].how.longterm
    return step.rule.name in CHOICES


def _way(step: Step) -> str:
    """A rule, and how it goes where that is no matter of its place: which folio, cell or mapping comes first."""
    how = [f"{name}={step.args[name]}" for name, domain in step.rule.domains.items() if not callable(domain)]
    return " ".join([step.rule.name, *how])


def _circles(edges: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """What is left of edges when those that lead to a state without a way on are taken away, again and again."""
    ways, sources = Counter(source for source, _, _ in edges), defaultdict(list)
    for source, after, _ in edges:
        sources[after].append(source)
    ended = [state for state in sources if not ways[state]]
    while ended:
        for source in sources[ended.pop()]:
            ways[source] -= 1
            if not ways[source]:
                ended.append(source)
    return [e for e in edges if ways[e[0]] and ways[e[1]]]


# ---- what only some policies do ----------------------------------------------------------------------------------
MECHANISMS = {  # event -> feature -> values: it happens only under a policy that has one of them
    "forked": {"fork": tuple(v for v in FEATURES["fork"].values if v != "never")},
    "refused": {
        "fork": tuple(v for v in FEATURES["fork"].values if v != "always"),
        "enomem": ("refuse",),
        "optout": tuple(v for v in FEATURES["optout"].values if v != "nothing"),
    },
    "bounced": {"bounce": ("pinned", "all")},
    "snapshot_made": {"refuse": ("reverse",)},
    "holder_met": {"bond": ("wait", "tell")},
    "discard_refused": {"bond": ("refuse",)},
    "longterm_refused": {"longterm": ("refused", "all_refused")},
    "count is frozen": {"fork": ("unless_refs_frozen",)},
    "a waiting entry is made": {"fork": ("unless_refs_frozen", "unless_pinned_unmapped")},
    "dirty again at once": {"redirty": ("yes",)},
    "superblock gets ahead": {"off": ("superblock",)},
    "a PTE is swept": {"protect": ("sweep", "barrier")},
    "in a bio before it is known what to submit": {"bounce": ("no",)},
    "picked before it is in a bio": {"bounce": ("pinned", "all")},
    "a section begins before the closed delta is swept": {"protect": ("no", "sweep")},
    "a device writes before all copies are made": {"quiesce": ("no", "wait")},
    "what is being forked is looked up and held": {
        "fork": tuple(v for v in FEATURES["fork"].values if v != "unless_registered"),
        "off": ("index_of_copy",),
    },
    "the faulting PTE is flushed": {"flush_orig": ("yes",)},
    "the faulting PTE is told": {"notify_orig": ("yes",)},
}


def _mechanisms(s: State, step: Step) -> list[tuple[str, Expr]]:
    """The events of `MECHANISMS` that no rule marks, by what a step writes."""
    flusher, faulting = step.actor == FLUSHER, bool(_writes(step, "pte_write", 1))
    told = {
        "count is frozen": _writes(step, "frozen", 1),
        "a waiting entry is made": _writes(step, "migrating", 1),
        "dirty again at once": flusher and _writes(step, "dirty", 1),
        "superblock gets ahead": _writes(step, "ahead", 1),
        "in a bio before it is known what to submit": _writes(step, "bio_folio")
        and _writes(step, "bio_stage", 1)
        and not _writes(step, "other_folio", 0),  # back to the bio that was laid aside
        "picked before it is in a bio": _writes(step, "bio_folio")
        and not _writes(step, "bio_folio", 0)
        and _writes(step, "bio_stage", 0),
        "the faulting PTE is flushed": faulting and _writes(step, "tlb", 0),
        "the faulting PTE is told": faulting and _writes(step, "spte", 0),
    }
    found = [(name, TRUE) for name, places in told.items() if places]
    op = step.args.get("op")
    if op is not None and step.rule.name.endswith("_dma") and not op.own and _writes(step, "cell"):
        found.append(("a device writes before all copies are made", copies_to_come(s)))
    if s.world.mappings and [1 for f, _, v in step.writes if f.name == "section" and not (v.is_const and v.value == 0)]:
        found.append(("a section begins before the closed delta is swept", ~swept(s)))
    if step.rule.name in ("splice_takes", "pipe_looks_again", "ring_is_set_up"):
        found.append(("what is being forked is looked up and held", in_fork(s, s.slot[step.args["op"].page])))
    if flusher and _writes(step, "pte_write", 0):
        found.append(("a PTE is swept", s.pc[FLUSHER] != "protect"))
    return found


def in_fork(s: State, f: Expr) -> Expr:
    """Some task is between the decision to fork folio f, or to make it of another, and the end of that."""
    tasks = [t for t in _axis(s, "copy") if t in tasks_of(s.world.that("dirties"))]
    mine = {t: (s.folio[t] == f) | (s.copy[t] == f) for t in tasks}
    return some(mine[t] & (s.pc[t] == place) for t in tasks for place in FORKING)


def copies_to_come(s: State) -> Expr:
    """The closed delta has folios that are in no bio yet, or a bio of it that reads its folio is not submitted."""
    dirty = some((s.dirty[f] == 1) & (s.tag[f] == s.committed) for f in s.world.folios)
    waits = (s.bio_stage == "added") & (s.bounced == 0) | (s.other_stage == "added") & (s.other_bounced == 0)
    return (s.cur > s.committed) & (dirty | waits)


# ---- a system under the laws -------------------------------------------------------------------------------------
def lawful(system: System, world) -> System:
    """The same system, with every law as one more property."""
    s = State(world, None)
    return replace(
        system,
        steps=[held(s, step) for step in system.steps],
        properties=(*system.properties, *(Property(x.name, x.name, x.sentence, "", advisory=True) for x in LAWS)),
        clauses=system.clauses + [(x.name, x.sentence, predicate(x.asks, world)) for x in LAWS if not x.of_steps],
    )


def held(s: State, step: Step) -> Step:
    """A step with the laws as checks, and with the events of `MECHANISMS`."""
    if "op" in step.args and step.args["op"].how.crashes:  # the power fails: no routine has ended
        return step
    more = [(x.name, good, x.sentence) for x in LAWS if x.of_steps for good in x.asks(s, step)]
    checks = step.checks + [c for c in more if c[1] is not TRUE]
    return replace(step, checks=checks, marks=step.marks + _mechanisms(s, step))
