"""A crash at any step: memory is gone, and recovery reads the delta that the superblock names.

Columns that begin with ``after`` the crash come to life with the reboot; all others are gone with it.
"""

import itertools

from tux3nb.engine.rule import rule
from tux3nb.engine.terms import NONE, bit, has, union, where, without
from tux3nb.model.ghosts import started
from tux3nb.model.operations import CELLS, Kind
from tux3nb.model.routine import may_start
from tux3nb.model.world import FLUSHER, ops

KINDS = (
    Kind("crash", "the power fails; later columns find what recovery finds", page=False, empties=True, crashes=True),
)
ON_DISK = ("cur", "committed", "disk")
KEPT = ("line", "oops", "slot", "cand", "cand_cpu", "ok_front", "told_front", "reaped_front", *ON_DISK)


def recovered(s, c):
    """What recovery finds in cell c: the committed image, or what there is of one that the superblock names early."""
    written = (s.bio_stage == "completed") | has(s.fetched, c)
    return where((s.ahead == 1) & written, s.image[c], s.disk[c])


@rule(op=ops("crash"), kernel="power failure; user/kernel/replay.c:replay_stage1 (0dd55b3f)", release=True)
def crash(s, policy, op):
    """All memory is lost, the processes with it; after the reboot the file is what recovery finds."""
    w = s.world
    s.require(may_start(s, op))
    s.mark("crashed")
    found = {c: recovered(s, c) for c in CELLS}
    to_come = {c: without(w.full, started(s, c)) for c in CELLS}
    at = s.committed + s.ahead
    for name, field in w.fields.items():
        cleared = 0 if field.none is None else NONE
        for index in itertools.product(*field.axes) if name not in KEPT else ():
            if index:
                getattr(s, name)[index] = cleared
            else:
                setattr(s, name, cleared)
    s.slot[0] = NONE
    s.cur = at
    s.committed = at
    for t in w.tasks:
        first = next(o for o in w.ops if o.task == t)
        if t == op.task:
            s.line[t] = op.next
        elif (op.task, op.line) not in first.after:
            s.line[t] = max(o.next for o in w.ops if o.task == t)
    for c in CELLS:
        s.disk[c] = found[c]
        s.cand[c] = bit(found[c])
        s.cand_cpu[c] = bit(found[c])
        s.ok_front[c] = union(to_come[c], bit(found[c]))
    for c in w.holder_cells:
        s.told_front[c] = w.full
        s.reaped_front[c] = w.full


def once(world):
    """The first crash of a world: where there is none, the order of superblock and data is not looked at."""
    return world.of("crash")[:1]


@rule(op=once, kernel="user/kernel/commit.c:do_commit without tux3_iowait_wait (order switched)", actor=FLUSHER)
def superblock_gets_ahead(s, policy, op):
    """With the order switched off, the superblock is written while the delta's data are still on their way."""
    s.require(s.pc[FLUSHER] == "fetch", s.ahead == 0, policy.off == "superblock")
    s.ahead = 1
