"""need_fork: what is decided about a folio under its lock. A fork begins, is refused, or is not needed.

Used by write(2) and by every write fault; operations that ``dirties`` can get here. What follows is in the modules
beside this one: fork_prepare, then fork_refuse or fork_reverse, or fork_swap.
"""

from tux3nb.engine.rule import rule
from tux3nb.engine.terms import NONE, some
from tux3nb.model.folio import extra_references, held, must_fork, pinned, registered
from tux3nb.model.operations import PRIVATE, SHARED
from tux3nb.model.routine import at
from tux3nb.model.world import that

NEED_FORK = "fs/tux3/buffer_fork.c:need_fork"
FORK = "fs/tux3/buffer_fork.c:pagefork_for_blockdirty"
BLOCK = that("dirties")


def proceed(op):
    """Where a task goes on with a folio that may be dirtied."""
    return "dirty" if op.how.maps else "data"


def needs_fork(s, f, op):
    """Folio f is in the file, and an older delta than the section's needs it."""
    return (s.forked[f] == 0) & must_fork(s, f, s.section[op.task])


def lets_go(s, f, op):
    """End the section, unlock, put the lookup's reference."""
    t = op.task
    s.locked[f] = 0
    s.section[t] = NONE
    s.folio[t] = NONE


@rule(op=BLOCK, warn=(False, True), kernel=FORK + " (18a490ba): WARN_ON(1); 489cb8dc: WARN_ON(vma == NULL)")
def forked_meanwhile(s, policy, op, warn):
    """FORKED: the folio left the slot before it was locked; end the section, unlock, look the index up again.

    Tux3 warns of it: in 18a490ba always, in 489cb8dc where no fault has brought the folio along, in write(2).
    """
    f = s.folio[op.task]
    values = ("warn",) if op.via else ("warn", "warn_write")
    warns = policy.warn_forked.one_of(*values)
    s.require(at(s, op, "decide"), s.forked[f] == 1, warns if warn else ~warns)
    if warn:
        s.ensure("I5w", False, "the kernel warns of a folio that was forked meanwhile")
    lets_go(s, f, op)
    s.pc[op.task] = "look"


@rule(op=BLOCK, kernel=NEED_FORK)
def can_dirty(s, policy, op):
    """CAN_DIRTY or ALREADY_DIRTY: clean, or dirty for the same delta; no fork."""
    t = op.task
    f = s.folio[t]
    s.require(at(s, op, "decide"), s.forked[f] == 0, ~needs_fork(s, f, op))
    s.pc[t] = proceed(op)


def opted_out(s, policy, f):
    """The policies that never fork this file as it is mapped now."""
    w = s.world
    mapped = some(s.vma[m] == 1 for m in w.mappings)
    return (
        policy.optout.one_of("executable") & some(s.vma[m] == 1 for m in w.of_kind(PRIVATE))
        | policy.optout.one_of("shared_writable") & some(s.vma[m] == 1 for m in w.of_kind(SHARED))
        | policy.optout.one_of("mapped", "mapped_or_pinned") & mapped
        | policy.optout.one_of("ever_mapped") & (s.ever_mapped == 1)
        | policy.optout.one_of("mapped_or_pinned") & held(s, policy, f)
    )


def refused_at_once(s, policy, f, op):
    """The policies that refuse before any PTE is touched.

    With a holder index this is exact, although no PTE is write-protected yet: while the fork goes on no hold can
    be registered (see gup.py).
    """
    return (
        opted_out(s, policy, f)
        | (policy.fork == "never")
        | ((policy.fork == "unless_refs") & extra_references(s, f, op.task))
        | ((policy.fork == "unless_pinned") & pinned(s, f))
        | ((policy.fork == "unless_registered") & registered(s, f))
    )


UNMAPPING = ("unless_refs_frozen", "unless_pinned_unmapped")


@rule(op=BLOCK, kernel=FORK)
def fork_begins(s, policy, op):
    """NEED_FORK: the fork goes ahead; PTEs will be write-protected first."""
    t = op.task
    f = s.folio[t]
    s.require(at(s, op, "decide"), needs_fork(s, f, op), ~refused_at_once(s, policy, f, op))
    s.require(~policy.fork.one_of(*UNMAPPING), policy.off != "mkclean")
    s.pc[t] = "write_protect"


@rule(op=BLOCK, kernel=FORK + " without prepare_clone_page")
def fork_begins_unprotected(s, policy, op):
    """NEED_FORK, and the write-protect before the copy is switched off."""
    t = op.task
    f = s.folio[t]
    s.require(at(s, op, "decide"), needs_fork(s, f, op), ~refused_at_once(s, policy, f, op))
    s.require(~policy.fork.one_of(*UNMAPPING), policy.off == "mkclean")
    s.pc[t] = "copy"


@rule(op=BLOCK, kernel="mm/rmap.c:try_to_migrate (as in migration)")
def fork_begins_by_unmapping(s, policy, op):
    """NEED_FORK: every PTE will be unmapped before the decision."""
    t = op.task
    f = s.folio[t]
    s.require(at(s, op, "decide"), needs_fork(s, f, op), policy.fork.one_of(*UNMAPPING), ~opted_out(s, policy, f))
    s.pc[t] = "unmap"


@rule(op=BLOCK, kernel=NEED_FORK)
def fork_refused(s, policy, op):
    """NEED_FORK, but the policy refuses to fork this folio."""
    t = op.task
    f = s.folio[t]
    s.require(at(s, op, "decide"), needs_fork(s, f, op), refused_at_once(s, policy, f, op))
    s.mark("refused")
    s.pc[t] = "refused"
