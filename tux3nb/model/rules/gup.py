"""get_user_pages: the slow walk under the page-table lock and the lockless fast walk.

With a holder index a hold is registered in the step that takes it, and not while the folio is being forked: the fork
marks the index entry when it decides, and a walk that meets the mark puts the folio and waits for the fork. The index's
lock is the innermost one (under the page-table lock) and is never held over the fork itself. The new folio is marked
with the old one: it is in the slot before the fork is over. In a kernel the index would have to see more than walks: a
reference that is copied from another one looks nothing up (tee(2), fragments of network buffers, cloned io_uring
buffers), and a caller that has the fast walk alone (perf, in an interrupt) cannot wait for the mark.

A long-term pin of private memory that only reads makes the process's own copy first where the kernel unshares (v6.2).
A walk for private memory asks no tag: what it finds is not the file's for long.
"""

from tux3nb.engine.rule import rule
from tux3nb.engine.terms import NONE, const
from tux3nb.model.folio import must_fork
from tux3nb.model.ghosts import write_fails
from tux3nb.model.routine import at, begins, may_start, returns, turn
from tux3nb.model.rules.cpu import being_forked, fault_takes_reference
from tux3nb.model.world import that

SLOW = "mm/gup.c:__get_user_pages (80a79516, about v4.10)"
FAST = "mm/gup.c:gup_pte_range (80a79516, about v4.10)"
WALKS = that("walks")


def forks_first(s, policy, op, f, *values):
    """The policies (and states) in which a pin of f must wait until f has been forked.

    A plain reference (ptrace) is not a pin: only FOLL_PIN holders are asked to fork first.
    """
    if op.own or not s.world.holder(op.holder).pin:
        return policy.pinfork.one_of()
    which = policy.pinfork.one_of(*values)
    if not op.write:
        which &= policy.pinfork_for == "all"
    return which & must_fork(s, f, s.cur)


def may_register(s, policy, f):
    """Without a holder index nothing is registered; with one, no hold of a folio while that is being forked."""
    return (policy.fork != "unless_registered") | ~being_forked(s, policy, f)


def unshares_first(s, policy, op, f):
    """The policies (and states) in which a long-term read-only pin of f makes the process's own copy first."""
    if not (op.own and op.how.longterm) or op.write:
        return const(False)
    return (policy.unshare == "yes") & (s.anonymous[f] == 0)


@rule(op=WALKS, kernel=SLOW)
def gup_slow_takes(s, policy, op):
    """Slow GUP finds a PTE that allows the access and takes the reference under the page-table lock."""
    m = op.via
    f = s.pte[m]
    s.require(at(s, op, "walk"), s.pte[m] != NONE)
    if op.write:
        s.require(s.pte_write[m] == 1)
    s.require(~forks_first(s, policy, op, f, "slow", "slow_fast"), may_register(s, policy, f))
    s.require(~unshares_first(s, policy, op, f))
    takes(s, op, s.pte[m])


def walks_of(test):
    """A rule's domain: the operations that walk, those that pass `test(world, op)`."""
    return lambda world: [op for op in world.that("walks") if test(world, op)]


WALKS_OF_FILE = walks_of(lambda world, op: op.how.faults)


@rule(op=WALKS_OF_FILE, kernel=SLOW)
def gup_slow_faults(s, policy, op):
    """Slow GUP wants to write and finds the PTE read-only: it takes the write fault."""
    s.require(op.write, at(s, op, "walk"), s.pte[op.via] != NONE, s.pte_write[op.via] == 0)
    fault_takes_reference(s, op)


@rule(op=WALKS_OF_FILE, kernel="pin forks first: after FAULT_FLAG_UNSHARE (v5.19)")
def gup_slow_forks_first(s, policy, op):
    """Slow GUP finds a folio that an older delta still has, and takes the write fault so that it is forked first."""
    f = s.pte[op.via]
    s.require(at(s, op, "walk"), s.pte[op.via] != NONE)
    if op.write:
        s.require(s.pte_write[op.via] == 1)
    s.require(forks_first(s, policy, op, f, "slow", "slow_fast"))
    fault_takes_reference(s, op)


COMES_AND_GOES = walks_of(lambda w, op: (op.via in w.comes_and_goes or not w.maps[op.via].mapped) and not op.how.alone)


@rule(op=COMES_AND_GOES, kernel="mm/gup.c:__get_user_pages (find_extend_vma): -EFAULT")
def gup_finds_no_vma(s, policy, op):
    """Slow GUP finds nothing mapped at the address: the call fails, and nothing is held."""
    s.require(at(s, op, "walk"), s.vma[op.via] == 0)
    s.mark("no_mapping")
    write_fails(s, op)
    returns(s, op)


@rule(op=lambda world: [op for op in world.ops if op.refused], kernel="mm/gup.c:check_vma_flags: -EFAULT")
def gup_is_refused(s, policy, op):
    """GUP is to write through a mapping of a file opened for reading: it is refused, FOLL_FORCE or not."""
    s.require(turn(s, op))
    s.mark("access_refused")
    returns(s, op)


def takes(s, op, pte):
    """The walk's reference becomes the holder's; a registration is done, a ptrace access goes on."""
    if op.own and op.how.longterm:
        s.mark("private_held")
    s.hold[op.holder] = pte
    s.unbound[op.holder] = 0
    if op.how.then:
        s.pc[op.task] = op.how.then
    else:
        returns(s, op)


# ---- the fast walk: read the PTE, try to get, read the PTE again -------------------------------------------
def fast_walks(world):
    """The operations that try GUP-fast first."""
    return [op for op in world.ops if "fast" in op.how.walks]


def allows(s, op):
    """The PTE is present, and writable if the pin is to write."""
    present = s.pte[op.via] != NONE
    return present & (s.pte_write[op.via] == 1) if op.write else present


def fast_starts(s, op):
    """A registration begins with its fast walk; an I/O, an interval of its own, has begun before."""
    return at(s, op, "fast_walk") if op.how.writes or op.how.reads else may_start(s, op)


@rule(op=fast_walks, kernel=FAST)
def gup_fast_reads_pte(s, policy, op):
    """Fast GUP reads the PTE, with interrupts off and no lock."""
    t = op.task
    s.require(fast_starts(s, op), allows(s, op), permitted(s.world, policy, op))
    s.seen[t] = s.pte[op.via]
    begins(s, op, "fast_get")


@rule(op=fast_walks, kernel=FAST)
def gup_fast_gets(s, policy, op):
    """Fast GUP takes a speculative reference: the count was neither zero nor frozen."""
    t = op.task
    f = s.seen[t]
    s.require(at(s, op, "fast_get"), s.frozen[f] == 0, s.private[f] == 1)
    s.folio[t] = s.seen[t]
    s.seen[t] = NONE
    s.pc[t] = "fast_check"


@rule(op=fast_walks, kernel=FAST)
def gup_fast_cannot_get(s, policy, op):
    """The count is zero or frozen: fall back to the slow walk."""
    t = op.task
    f = s.seen[t]
    s.require(at(s, op, "fast_get"), (s.frozen[f] == 1) | (s.private[f] == 0))
    s.seen[t] = NONE
    s.pc[t] = "walk"


@rule(op=fast_walks, kernel=FAST)
def gup_fast_keeps(s, policy, op):
    """The PTE reads the same again: the reference becomes the holder's."""
    t = op.task
    f = s.folio[t]
    s.require(at(s, op, "fast_check"), s.pte[op.via] == s.folio[t], allows(s, op))
    s.require(~forks_first(s, policy, op, f, "slow_fast"), may_register(s, policy, f))
    s.require(~unshares_first(s, policy, op, f))
    takes(s, op, s.folio[t])
    s.folio[t] = NONE


@rule(op=fast_walks, kernel=FAST)
def gup_fast_drops(s, policy, op):
    """The PTE has changed, or a fork or a copy must come first or is under way: drop the reference, walk slowly."""
    t = op.task
    f = s.folio[t]
    changed = (s.pte[op.via] != s.folio[t]) | ~allows(s, op)
    late = forks_first(s, policy, op, f, "slow_fast") | ~may_register(s, policy, f)
    late |= unshares_first(s, policy, op, f)
    s.require(at(s, op, "fast_check"), late | changed)
    s.folio[t] = NONE
    s.pc[t] = "walk"


def permitted(world, policy, op):
    """Whether the policy lets this registration pin at all: private memory and tmpfs it does."""
    if op.own or world.shmem or not op.how.longterm:
        return policy.longterm.one_of("allowed", "refused", "all_refused")
    return policy.longterm.one_of(*(("allowed",) if op.write else ("allowed", "refused")))
