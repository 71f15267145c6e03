"""ptrace, /proc/pid/mem and process_vm_writev: one hold a copy, got through the tracee's mapping by slow GUP.

The two differ in the hold alone: ptrace has a plain reference, process_vm_readv and process_vm_writev a counted pin
(pin_user_pages_remote) in the kernels that have pins.
"""

from typing import Any

from tux3nb.engine.rule import rule
from tux3nb.engine.terms import NONE, has
from tux3nb.model.dirty_call import KERNEL as DIRTY
from tux3nb.model.dirty_call import OUTCOMES, dirty_call, ends_in
from tux3nb.model.folio import still_there
from tux3nb.model.ghosts import holder_write_ends, read_starts, used, write_starts
from tux3nb.model.operations import Kind
from tux3nb.model.routine import at, begins, may_start, returns
from tux3nb.model.world import ops

COMMON: dict[str, Any] = dict(one_cell=True, maps=True, walks="slow", then="relock", holder="makes")
WRITING: dict[str, Any] = dict(writes="holder", dirties=True, gup_write=True, **COMMON)
READING: dict[str, Any] = dict(reads="holder", **COMMON)
KINDS = (
    Kind("poke", "ptrace writes a cell of the tracee", pin=False, keeps_mm=True, **WRITING),
    Kind("peek", "ptrace reads a cell of the tracee", pin=False, keeps_mm=True, **READING),
    Kind("vm_write", "process_vm_writev writes a cell of the tracee, with a counted pin", **WRITING),
    Kind("vm_read", "process_vm_readv reads a cell of the tracee, with a counted pin", dirties=True, **READING),
)
POKES, PEEKS = ("poke", "vm_write"), ("peek", "vm_read")
PLACES = ("relock", "touch", "dirty_call", "put")
ACCESS = "mm/memory.c:__access_remote_vm (3.17), mm/process_vm_access.c:process_vm_rw_single_vec"


@rule(op=ops(*POKES), kernel=ACCESS)
def poke_begins(s, policy, op):
    """The tracer asks to write a cell of the tracee's memory."""
    s.require(may_start(s, op))
    write_starts(s, op)
    begins(s, op, "walk")


@rule(op=ops(*PEEKS), kernel=ACCESS)
def peek_begins(s, policy, op):
    """The tracer asks to read a cell of the tracee's memory."""
    s.require(may_start(s, op))
    read_starts(s, op)
    begins(s, op, "walk")


@rule(op=ops(*POKES, *PEEKS), kernel=ACCESS)
def access_copies_at_once(s, policy, op):
    """The access goes on with the folio that GUP returned, whatever has become of it."""
    s.require(at(s, op, "relock"), policy.retranslate == "no")
    s.pc[op.task] = "touch"


@rule(op=ops(*POKES, *PEEKS), kernel="holder takes the folio lock and looks the index up again")
def access_rechecks(s, policy, op):
    """The access locks the folio and finds it still in the slot; the lock is held over the copy."""
    f = s.hold[op.holder]
    s.require(at(s, op, "relock"), policy.retranslate != "no", s.locked[f] == 0, still_there(s, op, f))
    s.require((policy.retranslate == "locked") | (s.writeback[f] == 0))
    s.locked[f] = 1
    s.pc[op.task] = "touch"


@rule(op=ops(*POKES, *PEEKS), kernel="holder takes the folio lock and looks the index up again")
def access_starts_over(s, policy, op):
    """The folio is no longer in the slot: drop it and walk again."""
    f = s.hold[op.holder]
    s.require(at(s, op, "relock"), policy.retranslate != "no", s.locked[f] == 0, ~still_there(s, op, f))
    s.hold[op.holder] = NONE
    s.pc[op.task] = "walk"


@rule(op=ops(*POKES), kernel=ACCESS)
def poke_copies(s, policy, op):
    """The tracer's bytes are copied into the folio, through the kernel's own mapping of it."""
    c = op.cells[0]
    s.require(at(s, op, "touch"))
    s.cell[s.hold[op.holder], c] = op.version[c]
    s.pc[op.task] = "dirty_call"


@rule(op=ops(*POKES), outcome=OUTCOMES, kernel=ACCESS + ": set_page_dirty_lock; " + DIRTY)
def poke_reports_dirty(s, policy, op, outcome):
    """The tracer's dirty call, under the folio lock."""
    f = s.hold[op.holder]
    s.require(at(s, op, "dirty_call"))
    s.require((policy.retranslate != "no") | (s.locked[f] == 0), ends_in(s, policy, f, outcome))
    dirty_call(s, f, outcome, op.cells)
    s.pc[op.task] = "put"


def relocked(policy, yes: bool):
    """The policies under which the copy was made with the folio locked (or not)."""
    return policy.retranslate != "no" if yes else policy.retranslate == "no"


@rule(op=ops(*POKES), kernel=ACCESS + ": put_page", locked=(False, True))
def poke_returns(s, policy, op, locked):
    """The reference is dropped (and the folio unlocked, if it was locked over the copy); the poke returns."""
    f = s.hold[op.holder]
    s.require(at(s, op, "put"), relocked(policy, locked))
    used(s, op)
    holder_write_ends(s, op, pinned=False, told=True)
    if locked:
        s.locked[f] = 0
    s.hold[op.holder] = NONE
    returns(s, op)


@rule(op=ops(*PEEKS), kernel=ACCESS)
def peek_copies(s, policy, op):
    """The tracer reads a cell of the folio that GUP returned."""
    c = op.cells[0]
    s.require(at(s, op, "touch"))
    value = s.cell[s.hold[op.holder], c]
    s.ensure("I2", has(s.legal[op.task, c], value), f"the tracer read an old value of cell {c}")
    used(s, op)
    s.pc[op.task] = "put"


@rule(op=ops(*PEEKS), kernel=ACCESS + ": put_page", locked=(False, True))
def peek_returns(s, policy, op, locked):
    """The reference is dropped; the peek returns."""
    f = s.hold[op.holder]
    s.require(at(s, op, "put"), relocked(policy, locked))
    if locked:
        s.locked[f] = 0
    s.legal[op.task, op.cells[0]] = 0
    s.hold[op.holder] = NONE
    returns(s, op)
