"""Reading the world as the kernel does: reference counts, need_fork, free folios. Used by the rules."""

from tux3nb.engine.terms import NONE, as_int, const, count, every, has, some, union, where
from tux3nb.model.operations import CELLS
from tux3nb.model.world import tasks_of


def refs_of_tasks(s, f, but=None):
    """Transient references: a task's looked-up folio, and the folio that its fault came from."""
    w = s.world
    out = count(s.folio[t] == f for t in _axis(w, "folio") if t != but)
    for t in _axis(w, "fault"):
        if t != but:
            out = out + as_int((s.fault[t] == f) & (s.folio[t] != f))
    return out


def _axis(w, name):
    f = w.fields.get(name)
    return f.axes[0] if f else ()


def mapcount(s, f):
    """How many PTEs lead to folio f."""
    return count(s.pte[m] == f for m in s.world.mappings)


def holds(s, f, pins_only=False):
    """How many holders hold folio f (`pins_only`: with a counted pin)."""
    return count(s.hold[h.name] == f for h in s.world.holders if h.pin or not pins_only)


def pins(s, f):
    """What folio_maybe_dma_pinned can see: held pins, and those that GUP-fast is about to keep or drop."""
    out = holds(s, f, pins_only=True)
    for task in tasks_of(op for op in s.world.ops if "fast" in op.how.walks and op.how.pin):
        out = out + as_int((s.pc[task] == "fast_check") & (s.folio[task] == f))
    return out


def pinned(s, f):
    """Whether somebody has pinned folio f."""
    return pins(s, f) > 0


def registered(s, f):
    """What a holder index knows: the holds on f, plain references too."""
    return holds(s, f) > 0


def held(s, policy, f):
    """f may be held, as far as the policy can see: by a registered hold where there is an index, else by a pin."""
    indexed = policy.fork == "unless_registered"
    return (indexed & registered(s, f)) | (~indexed & pinned(s, f))


def users(s, f):
    """How many PTEs, tasks and holders refer to f."""
    return mapcount(s, f) + refs_of_tasks(s, f) + holds(s, f)


def empty(s):
    """The page-cache slot has no folio; only the slot of a single page can be without."""
    return s.slot[0] == NONE


def refcount(s, f):
    """References by kind: cache (or the dummy cache of a forked folio), buffers, own, and users."""
    cache = as_int(some(s.slot[p] == f for p in s.world.pages) | (s.forked[f] == 1))
    return cache + buffers(s, f) + s.own[f] + users(s, f)


def buffers(s, f):
    """The reference of the folio's buffers; reclaim may have taken them."""
    return as_int((s.private[f] == 1) & (s.stripped[f] == 0))


def up_to_date(s, c=None):
    """The folio in the slot has its content (that of cell c): no migrator is about to copy that into it."""
    movers = _axis(s.world, "to_copy")
    return every(s.to_copy[t] == 0 if c is None else ~has(s.to_copy[t], c) for t in movers)


def extra_references(s, f, task):
    """There are references beyond those of cache, buffers, PTEs and the caller `task`."""
    return (refs_of_tasks(s, f, but=task) + holds(s, f)) > 0


def in_folio(s, f, c):
    """Cell c is one of folio f's: it belongs to the page of f's index."""
    return s.index[f] == s.world.page_of(c)


def cells_in(s, f):
    """The cells of folio f's page, as a set."""
    out = const(0)
    for c in CELLS:
        out = union(out, where(in_folio(s, f, c), 1 << c, 0))
    return out


def may_write(s, policy, op):
    """Whether a device may write to the file: where it is held back, not before the closed delta has all its copies.

    It has one of a folio that it has no claim on any more, unless the bio reads the folio itself and is not submitted.
    """
    if op.own:
        return const(True)
    due = some((s.dirty[f] == 1) & (s.tag[f] == s.committed) for f in s.world.folios)
    late = (s.bio_stage == "added") & (s.bounced == 0) | (s.other_stage == "added") & (s.other_bounced == 0)
    return (policy.quiesce != "pause") | (s.cur == s.committed) | ~(due | late)


def written(s, c):
    """The closed delta's I/O for cell c is done."""
    return has(s.written, c) if len(s.world.pages) > 1 else s.bio_stage == "completed"


def in_bio(s, f):
    """A bio reads, or will read, this very folio."""
    return (s.writeback[f] == 1) | ((s.bio_folio == f) & (s.bio_stage != "none") & (s.bounced == 0))


def still_there(s, op, f):
    """What a holder that looks again finds: f is in the slot of its index, or it is the process's own copy."""
    return (s.slot[op.page] == f) | (s.anonymous[f] == 1)


def must_fork(s, f, delta):
    """need_fork says NEED_FORK: under writeback, or dirty for another delta than `delta`."""
    return (s.writeback[f] == 1) | ((s.dirty[f] == 1) & (s.tag[f] != delta))


def free_folio(s):
    """(the lowest free folio, whether there is none).

    A live or orphaned folio has buffers; a free one has not, and is not one that its last holder keeps.
    """
    pool = s.world.folios
    choice = pool[-1]
    for f in reversed(pool[:-1]):
        choice = where((s.private[f] == 0) & (s.detached[f] == 0), f, choice)
    return choice, every((s.private[f] == 1) | (s.detached[f] != 0) for f in pool)


def unmapped(s, f):
    """No PTE maps folio f."""
    return ~some(s.pte[m] == f for m in s.world.mappings)


def mapped_where(s, f, test):
    """Whether some mapping that maps f passes `test(m)`."""
    return some((s.pte[m] == f) & test(m) for m in s.world.mappings)
