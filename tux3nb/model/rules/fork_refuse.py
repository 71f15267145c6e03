"""What is done instead of a refused fork: wait for the older delta or for the holder, or write in place."""

from tux3nb.engine.rule import rule
from tux3nb.engine.terms import NONE
from tux3nb.model.folio import empty, extra_references, in_bio, must_fork, pinned, registered
from tux3nb.model.routine import at
from tux3nb.model.rules.fork_decide import BLOCK, lets_go, proceed


def tried_again(op):
    """Where a task starts over after waiting."""
    return op.how.after_fault if op.how.maps else "look"


def starts_over(s, f, op, place):
    """Let go of everything, a fault's reference too, and wait at `place`."""
    lets_go(s, f, op)
    if op.via:
        s.fault[op.task] = NONE
    s.pc[op.task] = place


def submitted(s, policy, f):
    """The policies (and states) for which a reverse fork comes too late."""
    return (policy.refuse == "reverse") & in_bio(s, f)


@rule(op=BLOCK, kernel="refusal: wait, as for stable pages (mm/page-writeback.c:folio_wait_stable)")
def waits_for_delta(s, policy, op):
    """Drop the lock, end the section, and wait until the older delta has written the folio."""
    t = op.task
    f = s.folio[t]
    s.require(at(s, op, "refused"))
    s.require((policy.refuse == "wait_writeback") | (submitted(s, policy, f) & (policy.busy == "wait")))
    starts_over(s, f, op, "wait")


@rule(op=BLOCK, kernel="refusal: wait_event on the commit of the older delta")
def older_delta_written(s, policy, op):
    """The folio in the slot needs no fork any more: start over."""
    t = op.task
    s.require(at(s, op, "wait"), empty(s) | ~must_fork(s, s.slot[op.page], s.cur))
    s.require(policy.refuse.one_of("wait_writeback", "reverse"))
    s.pc[t] = tried_again(op)


@rule(op=BLOCK, kernel="mm/page-writeback.c:folio_wait_writeback, as in btrfs and ext4 today")
def waits_for_submitted(s, policy, op):
    """The folio itself is under write-out: drop the lock, end the section, and wait for that."""
    t = op.task
    f = s.folio[t]
    s.require(at(s, op, "refused"), policy.refuse == "wait_submitted", s.writeback[f] == 1)
    starts_over(s, f, op, "wait")


@rule(op=BLOCK, kernel="mm/page-writeback.c:folio_wait_writeback")
def submitted_written(s, policy, op):
    """The folio in the slot is not under write-out any more: start over."""
    s.require(at(s, op, "wait"), policy.refuse == "wait_submitted", empty(s) | (s.writeback[s.slot[op.page]] == 0))
    s.pc[op.task] = tried_again(op)


@rule(op=BLOCK, kernel="refusal: wait for the pin count to drop")
def waits_for_holder(s, policy, op):
    """Drop the lock, end the section, and wait until nobody holds the folio."""
    t = op.task
    f = s.folio[t]
    s.require(at(s, op, "refused"), policy.refuse == "wait_holder")
    starts_over(s, f, op, "wait_holder")


@rule(op=BLOCK, kernel="refusal: wait for the pin count to drop")
def holder_let_go(s, policy, op):
    """Nobody holds the folio in the slot any more, as far as the policy can see: start over."""
    t = op.task
    f = s.slot[op.page]
    by_pin = policy.fork.one_of("unless_pinned", "unless_pinned_sync", "unless_pinned_unmapped")
    indexed = policy.fork == "unless_registered"
    counted = ~(by_pin | indexed) & extra_references(s, f, t)
    s.require(at(s, op, "wait_holder"), policy.refuse == "wait_holder")
    s.require(~((by_pin & pinned(s, f)) | (indexed & registered(s, f)) | counted))
    s.pc[t] = tried_again(op)


@rule(op=BLOCK, kernel="refusal: write in place (before 3.0; since 3.9 unless the device asks: 1d1d1a767206)")
def writes_in_place(s, policy, op):
    """Write into the folio although an older delta has it (where that matters: not while it is under write-out)."""
    t = op.task
    f = s.folio[t]
    s.require(at(s, op, "refused"))
    idle = (policy.refuse == "wait_submitted") & (s.writeback[f] == 0)
    s.require((policy.refuse == "in_place") | idle | (submitted(s, policy, f) & (policy.busy == "in_place")))
    s.pc[t] = proceed(op)
