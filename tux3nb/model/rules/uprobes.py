"""uprobes: a breakpoint in the program text of one process, in an anonymous copy of the page.

A cell of that copy holds a version like any other cell; the breakpoint is a version of its own that no writer of the
file ever wrote, and so is the reference counter. What the process executes there is its PTE's folio until the copy is
mapped, and the copy from then on. The whole of an installation holds mmap_sem for writing.

The rules follow v5.8. In 3.19 and 4.1 a breakpoint is put in by the same steps; the way back to the page cache came
with v5.4 (fb4fb04ff4dd; before that the copy stayed), the reference counter with v4.20 (recalled).
"""

from typing import Any

from tux3nb.engine.rule import rule
from tux3nb.engine.terms import FALSE, NONE, every, has, some, where
from tux3nb.errors import UserError
from tux3nb.model.folio import empty, up_to_date
from tux3nb.model.ghosts import active, begun, read_starts
from tux3nb.model.mmu import flush_and_notify
from tux3nb.model.operations import CELLS, PRIVATE, Kind
from tux3nb.model.routine import at, begins, chooses, may_start, returns
from tux3nb.model.world import VERSION, each, ops

REGISTER, UNREGISTER, COUNT, RUN = "uprobe", "unprobe", "ref_ctr", "run"
THROUGH_GUP: dict[str, Any] = dict(
    one_cell=True, maps=True, looks=True, walks="slow", then="uprobe_copy", pin=False, read_fault="walk", alone=True
)
KINDS = (
    Kind(
        REGISTER,
        "uprobes puts a breakpoint into the process's text",
        writes="private",
        at_once=True,
        reads="instruction",
        holder="makes",
        **THROUGH_GUP,
    ),
    Kind(UNREGISTER, "uprobes takes its breakpoint out again", holder="uses", lets_go=True, **THROUGH_GUP),
    Kind(
        COUNT,
        "uprobes adds to its reference counter in a private writable mapping",
        writes="private",
        at_once=True,
        holder="makes",
        **THROUGH_GUP,
    ),
    Kind(
        RUN, "the process executes an instruction", one_cell=True, maps=True, looks=True, read_fault="idle", alone=True
    ),
)
PLACES = (
    "uprobe_copy",
    "uprobe_rest",
    "uprobe_lock",
    "uprobe_replace",
    "uprobe_put",
    "cow_check",
    "unprobe_drop",
    "unprobe_keep",
)

OPCODE = "kernel/events/uprobes.c:uprobe_write_opcode (013b2deb, about v5.8)"
REPLACE = "kernel/events/uprobes.c:__replace_page (013b2deb, about v5.8)"
COW = "mm/memory.c:do_wp_page of a private mapping, for get_user_pages(FOLL_WRITE)"
IN_PLACE = "switched off: the private copy of uprobe_write_opcode"


def declare(w):
    """The anonymous copy of each probed mapping, and the saved original instruction. Raises UserError."""
    works = w.of(REGISTER, UNREGISTER, COUNT)
    probed = tuple(dict.fromkeys(op.via for op in works))
    if works and w.empties:
        raise UserError("a probe in a page that may leave its slot empty is not modelled")
    for m in probed:
        if w.maps[m].kind != PRIVATE:
            raise UserError(f"uprobes enters private mappings only (valid_vma); {m} is {w.maps[m].kind}")
    for op in w.ops:
        if op.via in probed and op.kind != RUN and op not in works:
            raise UserError(f"{op.task}: {op.kind} through the probed mapping {op.via} is not modelled; use run")
    copied, saved = ("no private copy", "-> a private copy"), "the instruction that {0} saved"
    w.field("anon", w.mappings, when=bool(probed), of="PTE of {0}", says=copied)
    copy = {"kind": VERSION, "of": "cell {1} of the private copy of {0}", "says": "is {value}"}
    w.field("anon_cell", w.mappings, CELLS, when=bool(probed), **copy)
    makers = tuple(dict.fromkeys(op.holder for op in w.of(REGISTER)))
    w.field("saved", makers, kind=VERSION, of=saved, says="is {value}")


def alone(s, op):
    """No other task has the process's mmap_sem: no installation and no fault of that process is under way."""
    works = s.world.of(REGISTER, UNREGISTER, COUNT, RUN)
    return ~some(active(s, o) for o in works if o.via == op.via and o.task != op.task)


def no_translation(s, m):
    """The PTE is empty: no folio, no copy, no migration entry."""
    return every([s.pte[m] == NONE, s.anon[m] == 0, s.migrating[m] == 0, s.moving[m] == 0])


# ---- the process ------------------------------------------------------------------------------------------------
def removals(world, probe):
    """The operations that take out the breakpoint that `probe` puts in."""
    found = [o for o in world.of(UNREGISTER) if o.holder == probe.holder and o.via == probe.via]
    return [o for o in found if o.cells == probe.cells and (o.task != probe.task or o.line > probe.line)]


def probes(world, m, c):
    """The operations that put a breakpoint into cell c of mapping m."""
    return [o for o in world.of(REGISTER) if o.via == m and c in o.cells]


def registered(s, m, c):
    """A breakpoint has been put into cell c of mapping m, and its removal has not begun."""
    out = FALSE
    for probe in probes(s.world, m, c):
        out |= (s.line[probe.task] > probe.line) & ~some(begun(s, o) for o in removals(s.world, probe))
    return out


def may_be_there(s, m, c):
    """The registration of a breakpoint in cell c of mapping m has begun, and its removal has not ended."""
    out = FALSE
    for probe in probes(s.world, m, c):
        out |= begun(s, probe) & ~some(s.line[o.task] > o.line for o in removals(s.world, probe))
    return out


@rule(op=ops(RUN), kernel="instruction fetch through a present PTE")
def run_executes(s, policy, op):
    """The process executes what its PTE leads to, the anonymous copy or the file's folio; it may hit a breakpoint."""
    c, m = op.cells[0], op.via
    s.require(may_start(s, op), (s.pte[m] != NONE) | (s.anon[m] == 1))
    value = executed(s, m, c)
    hit = some(value == probe.version[c] for probe in probes(s.world, m, c))
    s.ensure("U1", ~registered(s, m, c) | hit, "a registered breakpoint is not hit")
    s.ensure("U1", ~hit | may_be_there(s, m, c), "a breakpoint is hit that is no longer registered")
    s.mark("ran_probed", registered(s, m, c))
    s.mark("private_path", s.anon[m] == 0)
    returns(s, op)


def executed(s, m, c):
    """What the process finds in cell c of its mapping m."""
    return where(s.anon[m] == 1, s.anon_cell[m, c], s.cell[s.pte[m], c])


@rule(op=ops(RUN), kernel="mm/filemap.c:filemap_fault, filemap_map_pages (find_get_page)")
def run_faults(s, policy, op):
    """The process finds no PTE; the read fault looks the folio up in the slot and takes a reference."""
    s.require(may_start(s, op), no_translation(s, op.via), s.vma[op.via] == 1, alone(s, op))
    s.require(~empty(s), s.frozen[s.slot[0]] == 0)
    chooses(s, op)
    looks_up_to_map(s, op)


def looks_up_to_map(s, op):
    """The first step of a read fault: a reference on the folio in the slot."""
    s.folio[op.task] = s.slot[0]
    s.pc[op.task] = "map_lock"


# ---- putting the breakpoint in ----------------------------------------------------------------------------------
@rule(op=ops(REGISTER), kernel="kernel/events/uprobes.c:copy_insn (013b2deb, about v5.8): read_mapping_page")
def uprobe_saves_instruction(s, policy, op):
    """Once for the whole registration, the original instruction is read from the page cache, by index."""
    c = op.cells[0]
    s.require(may_start(s, op), alone(s, op), s.frozen[s.slot[0]] == 0, up_to_date(s))
    s.saved[op.holder] = s.cell[s.slot[0], c]
    read_starts(s, op)
    begins(s, op, "walk")


@rule(op=ops(COUNT), kernel="kernel/events/uprobes.c:update_ref_ctr (013b2deb, about v5.8)")
def ref_ctr_begins(s, policy, op):
    """The counter's page is looked up for writing: a private mapping must make its own copy first."""
    s.require(may_start(s, op), alone(s, op))
    begins(s, op, "walk")


@rule(op=ops(REGISTER, COUNT), kernel="mm/gup.c:__get_user_pages (0005d20b, about v4.12)")
def uprobe_faults(s, policy, op):
    """The walk finds no PTE: the page is faulted in on behalf of GUP."""
    s.require(at(s, op, "walk"), no_translation(s, op.via), ~empty(s), s.frozen[s.slot[0]] == 0)
    looks_up_to_map(s, op)


@rule(op=ops(REGISTER, COUNT), c=each("cells"), kernel=OPCODE + ": copy_highpage; mm/memory.c:cow_user_page")
def uprobe_copies(s, policy, op, c):
    """One cell of the folio that GUP returned is copied into a new anonymous page; no lock is held."""
    t, first = op.task, c == CELLS[0]
    s.require(at(s, op, "uprobe_copy" if first else "uprobe_rest"), policy.off != "private_copy")
    s.anon_cell[op.via, c] = s.cell[s.hold[op.holder], c]
    s.pc[t] = "uprobe_rest" if first else "uprobe_lock" if op.kind == REGISTER else "cow_check"


@rule(op=ops(REGISTER), kernel=REPLACE + ": lock_page")
def uprobe_locks(s, policy, op):
    """The old folio is locked."""
    f = s.hold[op.holder]
    s.require(at(s, op, "uprobe_lock"), s.locked[f] == 0)
    s.locked[f] = 1
    s.pc[op.task] = "uprobe_replace"


@rule(op=ops(REGISTER), kernel=REPLACE)
def uprobe_replaces_page(s, policy, op):
    """The PTE still maps the old folio: it is pointed at the anonymous copy, with the breakpoint in it."""
    s.require(at(s, op, "uprobe_replace"), s.pte[op.via] == s.hold[op.holder])
    instruction_replaced(s, op, s.cell[s.hold[op.holder], op.cells[0]])
    maps_copy(s, op)
    s.pc[op.task] = "uprobe_put"


def instruction_replaced(s, op, value):
    """The breakpoint takes the place of `value`: that must be what was saved, but for a write in the meantime."""
    s.mark("probed")
    s.mark("private_written")
    s.ensure(
        "U4",
        (s.saved[op.holder] == value) | has(s.legal[op.task, op.cells[0]], value),
        "the saved instruction is not the one that the process executed there",
    )


def maps_copy(s, op):
    """The PTE leads to the anonymous copy, with what `op` writes in it."""
    m, c = op.via, op.cells[0]
    s.anon[m] = 1
    s.anon_cell[m, c] = op.version[c]
    s.pte[m] = NONE
    flush_and_notify(s, m)


@rule(op=ops(REGISTER), kernel=REPLACE + ": -EAGAIN")
def uprobe_retries(s, policy, op):
    """The PTE no longer maps the old folio: everything but the saved instruction is done again."""
    m = op.via
    s.require(at(s, op, "uprobe_replace"), s.pte[m] != s.hold[op.holder], policy.off != "uprobe_retry")
    s.mark("uprobe_retried")
    s.locked[s.hold[op.holder]] = 0
    drops_copy(s, op)


def drops_copy(s, op):
    """The copy that was prepared and the reference are dropped; the walk starts over."""
    for c in CELLS:
        s.anon_cell[op.via, c] = 0
    s.hold[op.holder] = NONE
    s.pc[op.task] = "walk"


@rule(op=ops(REGISTER), kernel=REPLACE + " without its look at the PTE (switched off)")
def uprobe_replaces_blindly(s, policy, op):
    """The PTE is overwritten although it maps another folio, and the old folio's reference dropped for it."""
    m = op.via
    s.require(at(s, op, "uprobe_replace"), policy.off == "uprobe_retry")
    s.require(s.pte[m] != s.hold[op.holder], s.migrating[m] == 0, s.moving[m] == 0)
    instruction_replaced(s, op, executed(s, m, op.cells[0]))
    s.ensure("I8", s.pte[m] == s.hold[op.holder], "the PTE's reference is dropped on the wrong folio")
    maps_copy(s, op)
    s.pc[op.task] = "uprobe_put"


@rule(op=ops(REGISTER), kernel=OPCODE + ": put_page")
def uprobe_registered(s, policy, op):
    """The old folio is unlocked and put; the breakpoint is in."""
    s.require(at(s, op, "uprobe_put"))
    s.locked[s.hold[op.holder]] = 0
    s.hold[op.holder] = NONE
    s.legal[op.task, op.cells[0]] = 0
    returns(s, op)


@rule(op=ops(REGISTER), kernel=OPCODE)
def uprobe_probes_copy(s, policy, op):
    """The process has an anonymous copy already: the breakpoint goes into that one."""
    m, c = op.via, op.cells[0]
    s.require(at(s, op, "walk"), s.anon[m] == 1)
    instruction_replaced(s, op, s.anon_cell[m, c])
    s.anon_cell[m, c] = op.version[c]
    s.legal[op.task, c] = 0
    returns(s, op)


# ---- taking it out ----------------------------------------------------------------------------------------------
@rule(op=ops(UNREGISTER), kernel=OPCODE)
def unprobe_begins(s, policy, op):
    """The breakpoint's removal begins, once it has been put in."""
    there = [s.line[o.task] > o.line for o in s.world.of(REGISTER) if op in removals(s.world, o)]
    s.require(may_start(s, op), alone(s, op), some(there))
    begins(s, op, "walk")


@rule(op=ops(UNREGISTER), identical=(True, False), kernel=OPCODE + ": pages_identical, since fb4fb04ff4dd (v5.4)")
def unprobe_compares(s, policy, op, identical):
    """A copy with the saved instruction put back is compared with the page cache, looked up by index."""
    m, c, now = op.via, op.cells[0], s.slot[0]
    restored = {k: s.saved[op.holder] if k == c else s.anon_cell[m, k] for k in CELLS}
    same = every(restored[k] == s.cell[now, k] for k in CELLS)
    s.require(at(s, op, "walk"), s.anon[m] == 1, s.frozen[now] == 0, same if identical else ~same)
    s.require(up_to_date(s))
    s.pc[op.task] = "unprobe_drop" if identical else "unprobe_keep"


@rule(op=ops(UNREGISTER), kernel=REPLACE)
def unprobe_drops_copy(s, policy, op):
    """The copy was identical: it is dropped and the PTE left empty, so that the next fault maps the page cache."""
    s.require(at(s, op, "unprobe_drop"))
    s.mark("back_to_page_cache")
    s.anon[op.via] = 0
    for c in CELLS:
        s.anon_cell[op.via, c] = 0
    returns(s, op)


@rule(op=ops(UNREGISTER), kernel=REPLACE)
def unprobe_keeps_copy(s, policy, op):
    """The page cache differs: the process keeps an anonymous page, with the saved instruction in it, for good."""
    c = op.cells[0]
    s.require(at(s, op, "unprobe_keep"))
    s.mark("stays_anonymous")
    s.anon_cell[op.via, c] = s.saved[op.holder]
    returns(s, op)


# ---- the reference counter --------------------------------------------------------------------------------------
@rule(op=ops(COUNT), kernel=COW)
def cow_maps_copy(s, policy, op):
    """The PTE still maps the old folio: the copy is mapped, writable, and the counter raised in it."""
    s.require(at(s, op, "cow_check"), s.pte[op.via] == s.hold[op.holder])
    s.mark("private_written")
    maps_copy(s, op)
    s.hold[op.holder] = NONE
    returns(s, op)


@rule(op=ops(COUNT), kernel=COW + ": pte_same")
def cow_retries(s, policy, op):
    """The PTE no longer maps the old folio: the copy is dropped and the access tried again."""
    s.require(at(s, op, "cow_check"), s.pte[op.via] != s.hold[op.holder])
    drops_copy(s, op)


@rule(op=ops(COUNT), kernel="kernel/events/uprobes.c:update_ref_ctr (013b2deb, about v5.8)")
def ref_ctr_adds(s, policy, op):
    """The process has an anonymous page there already: the counter is raised in it."""
    m, c = op.via, op.cells[0]
    s.require(at(s, op, "walk"), s.anon[m] == 1)
    s.anon_cell[m, c] = op.version[c]
    returns(s, op)


# ---- what uprobes never does ------------------------------------------------------------------------------------
@rule(op=ops(REGISTER, COUNT), kernel=IN_PLACE)
def uprobe_writes_in_place(s, policy, op):
    """With the private copy switched off, the breakpoint (or count) goes straight into the page-cache folio."""
    c = op.cells[0]
    f = s.hold[op.holder]
    s.require(at(s, op, "uprobe_copy"), policy.off == "private_copy")
    if op.kind == REGISTER:
        instruction_replaced(s, op, s.cell[f, c])
        s.legal[op.task, c] = 0
    else:
        s.mark("private_written")
    s.cell[f, c] = op.version[c]
    s.hold[op.holder] = NONE
    returns(s, op)


@rule(op=ops(UNREGISTER), kernel=IN_PLACE)
def unprobe_writes_in_place(s, policy, op):
    """With the private copy switched off, the saved instruction goes straight into the page-cache folio."""
    c = op.cells[0]
    s.require(at(s, op, "uprobe_copy"), policy.off == "private_copy")
    s.cell[s.hold[op.holder], c] = s.saved[op.holder]
    s.hold[op.holder] = NONE
    returns(s, op)
