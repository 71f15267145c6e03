"""What a property must remember: which writes may be current, which a delta may and must contain.

A write is an interval. ``cand[c]`` is the set of writes to cell c that may be current: a write joins when it
starts, and when it ends those that had completed before its start leave. ``cand_cpu`` is the same except that
holders' writes displace nothing, so that a lost holder write can be told from a lost CPU write. ``ok_front`` and
``ok_back`` are the values that the current and the closed delta may leave on disk. ``overtaken_0[v]`` are the values
that cell 1 had lost for good when a CPU began to write version v to cell 0, ``overtaken_1[v]`` the other way round;
``reaped_before_0`` and ``reaped_before_1`` say the same of what holders write.

What goes through a private mapping, or through a hold got that way (`Op.own`), is no write to the file and obliges
nobody: of that only U2, U3 and I2p speak.
"""

from tux3nb.engine.terms import NONE, TRUE, const, has, some, union, where, without
from tux3nb.model.operations import CELLS, Op
from tux3nb.model.world import ORDER, tasks_of

ORDER_COMMITTED = {"I6m": "order_committed", "I6d": "holder_order_committed"}  # property -> its event


def active(s, op: Op):
    """The operation has begun and not ended."""
    return (s.line[op.task] == op.line) & (s.pc[op.task] != "idle")


def behind(s, op: Op):
    """The operation has ended; one of several alternatives: the choice is behind."""
    return s.line[op.task] >= op.next


def begun(s, op: Op):
    """Whether an operation has begun, or is over."""
    return behind(s, op) | active(s, op)


def in_flight(s, c):
    """The writes to cell c that have begun and not ended."""
    out = const(0)
    for op in s.world.writing(c):
        if op.how.at_once:
            continue
        out = union(out, where(active(s, op), 1 << op.version[c], 0))
    return out


def started(s, c):
    """The writes to cell c that have begun by now, the initial value included.

    A write of one step has not begun before that step, whatever its fault has done.
    """
    out = const(1)
    for op in s.world.writing(c):
        by_now = behind(s, op) if op.how.at_once else begun(s, op)
        out = union(out, where(by_now, 1 << op.version[c], 0))
    return out


def completed(s, c, by):
    """The writes to cell c by CPUs (or holders) that have ended by now, the initial value included."""
    out = const(1)
    for op in s.world.writing(c, by):
        out = union(out, where(behind(s, op), 1 << op.version[c], 0))
    return out


def unbound(s, op: Op):
    """The operation goes through a hold whose bond to the file has ended."""
    return s.unbound[op.holder] == 1 if "holder" in (op.how.writes, op.how.reads) else const(False)


def write_starts(s, op: Op):
    """`op` begins to write its cells; what a holder writes whose bond has ended does not count."""
    if op.own:
        return
    free = unbound(s, op)
    overtakes(s, op)
    parted(s, op, free)
    for c, v in op.version.items():
        s.superseded[op.task, c] = where(free, 0, without(s.cand_cpu[c], in_flight(s, c)))
        new = where(free, 0, 1 << v)
        s.cand[c] = union(s.cand[c], new)
        s.cand_cpu[c] = union(s.cand_cpu[c], new)
        readers_may_see(s, c, v)


def parted(s, op: Op, free):
    """Where the bond of the hold has ended (`free`), device and process no longer work on one page."""
    s.ensure("I2t", ~free, f"{op.kind} works on memory that has been cut off the file")


def used(s, op: Op):
    """A holder has used its hold: of the file, or of private memory."""
    s.mark("private_hold_used" if op.own else "holder_op")


def write_fails(s, op: Op):
    """`op` has begun to write or to read, and ends in an error before it has touched a cell."""
    if op.how.reads == "holder":
        for c in op.cells:
            s.legal[op.task, c] = 0
    if op.own or op.how.at_once or not op.how.writes:
        return
    for c, v in op.version.items():
        s.cand[c] = without(s.cand[c], 1 << v)
        s.cand_cpu[c] = without(s.cand_cpu[c], 1 << v)
        s.superseded[op.task, c] = 0


def overtakes(s, op: Op):
    """A write begins: what its like have written to the other cell and it has lost by now comes before this write."""
    by = op.how.writes
    current = s.cand_cpu if by == "cpu" else s.cand
    for c, v in op.version.items():
        if v in s.world.ordered.get((by, c), ()):
            overtaken(s, by, c)[v] = without(completed(s, 1 - c, by), current[1 - c])


def overtaken(s, by, c):
    """By version of cell c: the values that the other cell had lost for good when that was begun to be written."""
    return getattr(s, f"{ORDER[by]}_{c}")


def bonds_end(s):
    """Truncation or eviction of the index: a holder of one of its folios is bound to the file no more."""
    for h in s.world.holders:
        s.unbound[h.name] = where(s.hold[h.name] != NONE, 1, s.unbound[h.name])
    for c in s.world.holder_cells:
        s.owed[c] = 0
    writers = [op for op in s.world.ops if op.how.writes == "holder"]
    for task, c in [(task, c) for task in tasks_of(writers) for c in CELLS]:
        mine = [op for op in writers if op.task == task and c in op.version]
        free = some(active(s, op) & (s.hold[op.holder] != NONE) for op in mine)
        s.superseded[task, c] = where(free, 0, s.superseded[task, c])
    readers = [op for op in s.world.that("reads") if op.how.reads == "holder"]
    for task in tasks_of(readers):
        for c in CELLS:
            mine = [op for op in readers if op.task == task and c in op.cells]
            if mine:
                free = some(active(s, op) & (s.hold[op.holder] != NONE) for op in mine)
                s.legal[task, c] = where(free, s.world.full, s.legal[task, c])


def readers_may_see(s, c, v):
    """A write that begins while a holder's read is under way may be what that read returns."""
    readers = [op for op in s.world.that("reads") if c in op.cells]
    for task in tasks_of(readers):
        reading = some(active(s, op) for op in readers if op.task == task)
        s.legal[task, c] = where(reading, union(s.legal[task, c], 1 << v), s.legal[task, c])


def cpu_write_ends(s, op: Op, delta):
    """`op` (a write(2) of this delta) has completed: what it superseded is current no more."""
    for c in op.version:
        old = s.superseded[op.task, c]
        s.cand[c] = without(s.cand[c], old)
        s.cand_cpu[c] = without(s.cand_cpu[c], old)
        s.ok_front[c] = without(s.ok_front[c], old)
        s.ok_back[c] = where(delta < s.cur, without(s.ok_back[c], old), s.ok_back[c])
        s.superseded[op.task, c] = 0


def store_completes(s, op: Op):
    """A CPU store is an interval of one step."""
    if op.own:
        s.mark("private_written")
        return
    s.mark("cpu_path")
    (c,) = op.cells
    v = op.version[c]
    overtakes(s, op)
    old = without(s.cand_cpu[c], in_flight(s, c))
    s.cand[c] = union(without(s.cand[c], old), 1 << v)
    s.cand_cpu[c] = union(without(s.cand_cpu[c], old), 1 << v)
    s.ok_front[c] = without(s.ok_front[c], old)
    readers_may_see(s, c, v)


def holder_write_ends(s, op: Op, pinned: bool, told: bool):
    """A device write has been reaped, or a poke returned (`told`: after its dirty call; `pinned`: pin still held)."""
    if op.own:
        s.mark("private_written")
        return
    for c in op.version:
        old = s.superseded[op.task, c]
        s.cand[c] = without(s.cand[c], old)
        if told:
            s.told_front[c] = without(s.told_front[c], old)
        else:
            s.owed[c] = union(s.owed[c], old)
        if pinned:
            s.reaped_front[c] = without(s.reaped_front[c], old)
        s.superseded[op.task, c] = 0


def dirty_call_returned(s, op: Op):
    """What a holder has written and reaped is promised to the current delta."""
    if op.own:
        return
    for c in s.world.holder_cells:
        s.told_front[c] = without(s.told_front[c], s.owed[c])
        s.owed[c] = 0


def read_starts(s, op: Op):
    """A read begins. Anything will do for a holder's whose bond has ended, or that was never bound to the file.

    What CPUs read, only CPUs' writes oblige.
    """
    if op.own and op.how.reads == "holder":
        for c in op.cells:
            s.legal[op.task, c] = s.world.full
        return
    free = unbound(s, op)
    parted(s, op, free)
    for c in op.cells:
        current = s.cand_cpu[c] if op.how.reads == "cpu" else s.cand[c]
        s.legal[op.task, c] = where(free, s.world.full, current)


def section_begins(s, op: Op):
    """A section of a delta later than the closed one: its write may not show in the closed one."""
    for c, v in op.version.items():
        s.ok_back[c] = where(s.cur > s.committed, without(s.ok_back[c], 1 << v), s.ok_back[c])


def snapshot_taken(s, c, due=TRUE):
    """The content of the closed delta is fixed for cell c, where it is due: only writes begun by now may show."""
    late = without(s.world.full, started(s, c))
    s.ok_back[c] = where(due, without(s.ok_back[c], late), s.ok_back[c])


def delta_closes(s):
    """What the closing delta may have on disk becomes what it was allowed until now."""
    for c in CELLS:
        s.ok_back[c] = s.ok_front[c]
    for c in s.world.holder_cells:
        s.told_back[c] = s.told_front[c]
        s.reaped_back[c] = s.reaped_front[c]


def delta_commits(s, value):
    """Judge what the closed delta leaves on disk (`value` by cell), then forget its sets."""
    for c in CELLS:
        s.ensure("I6", has(s.ok_back[c], value[c]), f"cell {c} of the committed delta is not a value of its cut")
    for c in s.world.holder_cells:
        s.ensure(
            "I4a",
            has(s.told_back[c], value[c]) | ~has(s.ok_back[c], value[c]),
            f"cell {c}: a holder's write, reaped and reported dirty before the delta closed, is not in it",
        )
        s.ensure(
            "I4b",
            has(s.reaped_back[c], value[c]) | ~has(s.ok_back[c], value[c]),
            f"cell {c}: a holder's write, reaped before the delta closed, is not in it",
        )
        s.mark("promise_committed", s.told_back[c] != s.world.full)
        s.mark("reaped_committed", s.reaped_back[c] != s.world.full)
    judge_order(s, value)
    for c in CELLS:
        s.ok_back[c] = 0
    for c in s.world.holder_cells:
        s.told_back[c] = 0
        s.reaped_back[c] = 0


def judge_order(s, value):
    """A CPU write that is in the delta brings along what had completed in the other cell before it began.

    Of one page that is I6: its content is of one instant. Of two pages it is I6m, which POSIX does not promise. Of what
    holders write it is I6d.
    """
    two = len(s.world.pages) > 1
    name = "page" if two else "cell"
    for (by, c), versions in s.world.ordered.items():
        prop = "I6d" if by == "holder" else "I6m" if two else "I6"
        for v in versions:
            judge_pair(s, prop, name, (c, v), value, overtaken(s, by, c)[v])


def judge_pair(s, prop, name, written, value, lost):
    """Judge of one write, (cell, version): where it is in the delta, the other cell has nothing of `lost`."""
    c, v = written
    there = value[c] == v
    s.ensure(
        prop,
        ~there | ~has(lost, value[1 - c]),
        f"version {v} of {name} {c} is in the delta, and not what {name} {1 - c} was given before it",
    )
    if prop in ORDER_COMMITTED:
        s.mark(ORDER_COMMITTED[prop], there & (lost != 0))


def legal_now(s, c, v):
    """Reading `v` from cell c is legal at this instant for a reader that only CPU writes oblige."""
    return has(s.cand_cpu[c], v)


def current_now(s, c, v):
    """Reading `v` from cell c is legal at this instant."""
    return has(s.cand[c], v)
