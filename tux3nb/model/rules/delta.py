"""The delta engine: transition, the flusher in Tux3's order, commit, and the polling that frees forked folios.

Of a file of two pages two folios can be in flight at once. The flusher lays the bio of the first one aside and takes
the next: before it is submitted, and then both are at once (one bio of two folios, or two bios under one plug), or
afterwards (two bios). A folio that waits in a bio is under writeback, and unlocked.
"""

from tux3nb.engine.rule import rule
from tux3nb.engine.terms import FALSE, NONE, every, has, some, union, where, without
from tux3nb.model.folio import cells_in, held, in_folio, mapped_where, refcount, users, written
from tux3nb.model.ghosts import delta_closes, delta_commits, snapshot_taken
from tux3nb.model.mmu import folio_freed, protect, writable
from tux3nb.model.operations import CELLS, Kind
from tux3nb.model.routine import at, begins, may_start, returns
from tux3nb.model.world import FLUSHER, each, ops

KINDS = (Kind("transition", "close the current delta", page=False),)
TRANSITION = "fs/tux3/commit.c:delta_transition; commit_flusher.c:can_transition"
FLUSH = "fs/tux3/buffer_writeback.c:bufvec_io"
PREPARE = "fs/tux3/buffer_writeback.c:prepare_and_lock_page"
CLEAR = "fs/tux3/buffer_writebacklib.c:tux3_clear_page_dirty_for_io"
BOUNCE = "bounce at submission (Jan Kara, RFC of 9 Feb 2023)"
UNHELD, HELD = 1, 2  # what `bounced` says of a bio of a copy: whether its folio was held at the copy
COMMIT = "fs/tux3/commit.c:do_commit, commit_delta"
FREE = "fs/tux3/buffer_fork.c:free_forked_buffers, is_freeable_forked"


@rule(op=ops("transition"), kernel=TRANSITION)
def transition(s, policy, op):
    """The next delta becomes current; possible only when the previous one is committed and its polling done."""
    s.require(may_start(s, op), may_close(s))
    if writing_holds(s.world):
        s.require((policy.quiesce != "wait") | ~written_by_holders(s))
    next_delta(s)
    returns(s, op)


def writing_holds(world):
    """The holders that may write to the file."""
    return [op.holder for op in world.ops if op.how.holder == "makes" and op.write and not op.own]


def may_meet_writers(world):
    """The transitions of a world with holders that may write."""
    return world.of("transition") if writing_holds(world) else ()


@rule(op=may_meet_writers, kernel="wait for writing holders (fs/dax.c:dax_break_mapping waits so, of a truncation)")
def transition_waits(s, policy, op):
    """Some holder may write: whoever wants the delta closed waits until none is left that may."""
    s.require(may_start(s, op), may_close(s), policy.quiesce == "wait", written_by_holders(s))
    begins(s, op, "quiesce")


@rule(op=may_meet_writers, kernel="wait for writing holders: done")
def transition_goes_on(s, policy, op):
    """No writing hold is left: the next delta becomes current."""
    s.require(at(s, op, "quiesce"), may_close(s), policy.quiesce == "wait", ~written_by_holders(s))
    next_delta(s)
    returns(s, op)


def may_close(s):
    """The previous delta is committed and its polling done."""
    return (s.committed == s.cur) & ~flusher_at(s, "poll")


def written_by_holders(s):
    """There is a hold of the file through which somebody may write."""
    return some(s.hold[h] != NONE for h in writing_holds(s.world))


def next_delta(s):
    """The current delta is closed; the next one is current."""
    s.limit("deltas", s.cur == s.world.last_delta)
    delta_closes(s)
    for c, hole in [(c, s.hole_front[c]) for c in CELLS]:
        s.hole_back[c] = hole
        s.hole_front[c] = 0
    s.cur = s.cur + 1


def flusher_at(s, place):
    """Whether the flusher is at a place of its routine."""
    return s.pc[FLUSHER] == place


def goes_to(s, place):
    """The flusher goes on at a place of its routine."""
    s.pc[FLUSHER] = place


def closed_and_drained(s):
    """A delta is closed and its last section has ended."""
    tasks = s.world.fields["section"].axes[0] if "section" in s.world.fields else ()
    return (s.cur > s.committed) & every(s.section[t] != s.committed for t in tasks)


def belongs(s, f):
    """Folio f is dirty for the closed delta."""
    return (s.dirty[f] == 1) & (s.tag[f] == s.committed)


def may_take_a_folio(s):
    """The flusher is idle, or done with one folio of the delta and not yet at the commit, or can lay its bio aside."""
    return (flusher_at(s, "idle") | flusher_at(s, "commit") | lays_aside(s)) & closed_and_drained(s)


def lays_aside(s):
    """There is another page, and the bio that the flusher has at hand, submitted or not, can wait for its folio."""
    if len(s.world.pages) == 1:
        return FALSE
    return (flusher_at(s, "submit") | flusher_at(s, "fetch")) & (s.other_folio == NONE)


def takes(s, f, stage):
    """The flusher goes for folio f, whose bio is at `stage`; what it has at hand is laid aside."""
    if len(s.world.pages) > 1:
        aside = lays_aside(s)
        other = s.other_folio.unless(aside, s.bio_folio)
        stage_of_other = s.other_stage.unless(aside, s.bio_stage)
        bounced = where(aside, s.bounced, s.other_bounced)
        s.other_folio = other
        s.other_stage = stage_of_other
        s.other_bounced = bounced
        s.bounced = 0
    s.bio_folio = f
    s.bio_stage = stage
    goes_to(s, "flush_lock")


@rule(f=each("folios"), kernel=FLUSH + ", bufvec_bio_add_page")
def flush_adds(s, policy, f):
    """A folio of the closed delta, found through its buffers, is added to a bio not yet submitted."""
    s.require(may_take_a_folio(s), belongs(s, f), policy.bounce == "no")
    takes(s, f, "added")


@rule(f=each("folios"), kernel=BOUNCE)
def flush_picks(s, policy, f):
    """A folio of the closed delta is picked; it is added to a bio only after it is known what to submit."""
    s.require(may_take_a_folio(s), belongs(s, f), policy.bounce != "no")
    takes(s, f, "none")


@rule(kernel=PREPARE, actor=FLUSHER)
def flush_locks(s, policy):
    """The flusher locks the folio; it is still dirty for the closed delta."""
    f = s.bio_folio
    s.require(flusher_at(s, "flush_lock"), s.locked[f] == 0, belongs(s, f))
    s.mark("assert_passed")
    s.locked[f] = 1
    goes_to(s, "writeback")


@rule(kernel=BOUNCE, actor=FLUSHER)
def flush_picks_again(s, policy):
    """The picked folio's buffers have moved to a snapshot meanwhile: pick again."""
    f = s.bio_folio
    s.require(flusher_at(s, "flush_lock"), s.locked[f] == 0, ~belongs(s, f), policy.bounce != "no")
    s.require(s.other_stage != "added")
    s.bio_folio = NONE
    goes_to(s, "idle")


@rule(kernel=BOUNCE, actor=FLUSHER)
def flush_goes_back(s, policy):
    """The same, and a bio has been laid aside that is not submitted yet: go back to that."""
    f = s.bio_folio
    s.require(flusher_at(s, "flush_lock"), s.locked[f] == 0, ~belongs(s, f), policy.bounce != "no")
    s.require(s.other_stage == "added")
    s.bio_folio = s.other_folio
    s.bio_stage = "added"
    s.bounced = s.other_bounced
    other_is_over(s)
    goes_to(s, "submit")


def other_is_over(s):
    """No bio is laid aside any more."""
    s.other_folio = NONE
    s.other_stage = "none"
    s.other_bounced = 0


@rule(kernel=PREPARE + ": assert(PageDirty)", actor=FLUSHER)
def flush_finds_clean(s, policy):
    """The folio in the bio is not dirty for the closed delta: the flusher's assertion fails."""
    f = s.bio_folio
    s.require(flusher_at(s, "flush_lock"), s.locked[f] == 0, ~belongs(s, f), policy.bounce == "no")
    s.oops = "flusher met a folio that is not dirty"


@rule(kernel=PREPARE + ": set_page_writeback", actor=FLUSHER)
def flush_sets_writeback(s, policy):
    """PG_writeback is set first, so that the folio never looks clean and idle at once."""
    s.require(flusher_at(s, "writeback"), policy.off != "flag_order")
    s.writeback[s.bio_folio] = 1
    goes_to(s, "protect")


@rule(kernel=PREPARE + " (order switched)", actor=FLUSHER)
def flush_clears_dirty_first(s, policy):
    """With the order switched off, PG_dirty is cleared first, and for a while the folio looks clean and idle."""
    s.require(flusher_at(s, "writeback"), policy.off == "flag_order")
    s.dirty[s.bio_folio] = 0
    goes_to(s, "protect")


def live(s, f):
    """The flusher touches the PTEs of a folio only if it is neither forked nor a snapshot."""
    return (s.forked[f] == 0) & (s.snapshot[f] == 0)


@rule(m=each("mappings"), kernel=CLEAR + ", mm/rmap.c:page_mkclean", actor=FLUSHER)
def flush_protects_pte(s, policy, m):
    """page_mkclean: one PTE becomes read-only and clean, its TLB entries are flushed."""
    f = s.bio_folio
    s.require(flusher_at(s, "protect"), live(s, f), s.pte[m] == f, writable(s, m))
    protect(s, m)


def protected(s, f):
    """All PTEs of folio f are read-only, as far as the flusher touches them."""
    return ~live(s, f) | ~mapped_where(s, f, lambda m: writable(s, m))


@rule(kernel=CLEAR, actor=FLUSHER)
def flush_protected(s, policy):
    """No writable PTE is left, and the folio itself will be submitted."""
    f = s.bio_folio
    s.require(flusher_at(s, "protect"), protected(s, f))
    s.require((policy.bounce == "no") | ((policy.bounce == "pinned") & ~held(s, policy, f)))
    s.bio_stage = "added"
    goes_to(s, "clear")


@rule(kept=(False, True), kernel=BOUNCE, actor=FLUSHER)
def flush_bounces(s, policy, kept):
    """The (first) cell is copied to a bounce page, which will be submitted instead; whether it was held is remembered.

    Bounce pages come from a mempool (block/bounce.c), so there always is one sooner or later.
    """
    f = s.bio_folio
    s.require(flusher_at(s, "protect"), protected(s, f))
    s.require((policy.bounce != "no") & held(s, policy, f) if kept else (policy.bounce == "all") & ~held(s, policy, f))
    s.mark("bounced")
    s.bounced = HELD if kept else UNHELD
    if len(s.world.pages) > 1:
        copies_to_bio(s, f, CELLS)
        s.bio_stage = "added"
        goes_to(s, "clear")
        return
    copies_to_bio(s, f, CELLS[:1])
    goes_to(s, "bounce_rest")


def copies_to_bio(s, f, cells):
    """Those of `cells` that are folio f's are copied for the bio."""
    for c in cells:
        mine = in_folio(s, f, c)
        snapshot_taken(s, c, mine)
        s.image[c] = where(mine, s.cell[f, c], s.image[c])


@rule(kernel=BOUNCE, actor=FLUSHER)
def flush_bounces_rest(s, policy):
    """The second cell, where the page has one, is copied to the bounce page."""
    f = s.bio_folio
    s.require(flusher_at(s, "bounce_rest"), policy.bounce != "no")
    copies_to_bio(s, f, CELLS[1:])
    s.bio_stage = "added"
    goes_to(s, "clear")


@rule(kernel=CLEAR + "; buffer_writeback.c:prepare_and_unlock_page", actor=FLUSHER)
def flush_clears_dirty(s, policy):
    """PG_dirty, the buffers' dirty bits and their delta tag are cleared; the folio is unlocked."""
    f = s.bio_folio
    s.require(flusher_at(s, "clear"))
    s.require((policy.redirty == "no") | ~stays_dirty(s, policy, f))
    s.dirty[f] = 0
    s.tag[f] = 0
    s.writeback[f] = 1  # has been, unless the order of the flags is switched off
    s.locked[f] = 0
    goes_to(s, "submit")


@rule(kernel="pinned stays dirty (Jan Kara: such a folio can never be sure to be clean)", actor=FLUSHER)
def flush_keeps_dirty(s, policy):
    """The folio may be pinned: it is dirty again at once, for the current delta; the folio is unlocked."""
    f = s.bio_folio
    s.require(flusher_at(s, "clear"), policy.redirty == "yes", stays_dirty(s, policy, f))
    s.tag[f] = s.cur
    s.dirty[f] = 1
    s.writeback[f] = 1  # has been, unless the order of the flags is switched off
    s.locked[f] = 0
    goes_to(s, "submit")


def stays_dirty(s, policy, f):
    """A live folio that may be pinned, or was when it was bounced: a short holder may have let go since the copy."""
    return (held(s, policy, f) | (s.bounced == HELD)) & live(s, f)


@rule(kernel="fs/tux3/buffer_writeback.c:bufvec_submit_bio", actor=FLUSHER)
def flush_submits(s, policy):
    """The bio is submitted, with the one laid aside: what it reads must not change from now on until it completes."""
    f = s.bio_folio
    s.require(flusher_at(s, "submit"))
    s.mark("submitted")
    waiting, two = s.other_stage == "added", len(s.world.pages) > 1
    s.mark("submitted_together", waiting)
    for c in CELLS:
        mine = in_folio(s, f, c)
        image = where((s.bounced != 0) | ~mine, s.image[c], s.cell[f, c])
        if two:
            along = waiting & in_folio(s, s.other_folio, c)
            image = where(along & (s.other_bounced == 0), s.cell[s.other_folio, c], image)
            mine |= along
        s.image[c] = image
        snapshot_taken(s, c, mine)
    s.bio_stage = "submitted"
    if two:
        s.other_stage = s.other_stage.unless(waiting, "submitted")
    goes_to(s, "fetch")


@rule(c=each("cells"), kernel="the disk fetches the bio's data by DMA", actor="disk")
def disk_fetches(s, policy, c):
    """The disk fetches one cell of the bio."""
    f = s.bio_folio
    s.require(flusher_at(s, "fetch"), in_folio(s, f, c), ~has(s.fetched, c))
    s.image[c] = where(s.bounced != 0, s.image[c], s.cell[f, c])
    s.fetched = union(s.fetched, 1 << c)


@rule(c=each("cells"), kernel="the disk fetches the bio's data by DMA", actor="disk")
def disk_fetches_other(s, policy, c):
    """The disk fetches the cell of the bio that has been laid aside."""
    f = s.other_folio
    s.require(s.other_stage == "submitted", in_folio(s, f, c), ~has(s.fetched, c))
    s.image[c] = where(s.other_bounced != 0, s.image[c], s.cell[f, c])
    s.fetched = union(s.fetched, 1 << c)


END_IO = "fs/tux3/buffer_writeback.c:bufvec_end_io, mm/filemap.c:end_page_writeback"
ENDLESS = END_IO + ", for a server that may never answer (FUSE, NFS)"


def is_fetched(s, f):
    """The disk has all of folio f."""
    return without(cells_in(s, f), s.fetched) == 0


@rule(kernel=END_IO, actor="disk")
def write_completes(s, policy):
    """The I/O has completed: PG_writeback is cleared; a reverse fork's snapshot is freed."""
    s.require(flusher_at(s, "fetch"), is_fetched(s, s.bio_folio), not s.world.endless_disk)
    io_ends(s)


@rule(kernel=END_IO, actor="disk")
def other_write_completes(s, policy):
    """The same, for the bio that has been laid aside."""
    s.require(s.other_stage == "submitted", is_fetched(s, s.other_folio), not s.world.endless_disk)
    other_io_ends(s)


@rule(kernel=ENDLESS, actor="disk", release=True)
def server_answers(s, policy):
    """The server has answered: the I/O has completed. Nobody may count on that."""
    s.require(flusher_at(s, "fetch"), is_fetched(s, s.bio_folio), s.world.endless_disk)
    io_ends(s)


@rule(kernel=ENDLESS, actor="disk", release=True)
def server_answers_other(s, policy):
    """The same, for the bio that has been laid aside."""
    s.require(s.other_stage == "submitted", is_fetched(s, s.other_folio), s.world.endless_disk)
    other_io_ends(s)


def io_ends(s):
    """The bio at hand is over."""
    folio_written(s, s.bio_folio)
    if len(s.world.pages) > 1:
        s.bio_folio = NONE
        s.bio_stage = "none"
    else:
        s.bio_stage = "completed"
    s.bounced = 0
    goes_to(s, "commit")


def other_io_ends(s):
    """The bio that has been laid aside is over."""
    folio_written(s, s.other_folio)
    other_is_over(s)


def folio_written(s, f):
    """Folio f is under writeback no more, and freed if it is a reverse fork's snapshot. Of two, one is remembered."""
    gone, two = s.snapshot[f] == 1, len(s.world.pages) > 1
    mine = cells_in(s, f)
    fetched, written = without(s.fetched, mine), union(s.written, mine) if two else s.written
    s.writeback[f] = 0
    s.fetched = fetched
    s.written = written
    s.index[f] = where(gone, 0, s.index[f])
    s.private[f] = where(gone, 0, s.private[f])
    for c, left in [(c, where(gone, 0, s.cell[f, c])) for c in CELLS]:
        s.cell[f, c] = left
    s.snapshot[f] = 0


@rule(kernel=COMMIT + ": the superblock, with flush and FUA", actor=FLUSHER)
def commits(s, policy):
    """All I/O of the delta is done: the superblock makes it the one that recovery will find."""
    s.require(some([flusher_at(s, "commit"), flusher_at(s, "idle") & closed_and_drained(s)]))
    s.require(every(~belongs(s, f) for f in s.world.folios), s.other_folio == NONE)
    s.mark("committed")
    behind = {c: where(s.hole_back[c] != 0, s.hole_back[c], s.disk[c]) for c in CELLS}
    value = {c: where(written(s, c), s.image[c], behind[c]) for c in CELLS}
    delta_commits(s, value)
    for c in CELLS:
        s.disk[c] = value[c]
        s.image[c] = 0
        s.hole_back[c] = 0
    s.ahead = 0
    s.written = 0
    s.bio_stage = "none"
    s.bio_folio = NONE
    s.committed = s.committed + 1
    goes_to(s, "poll")


def freeable(s, f):
    """is_freeable_forked: clean, not under writeback, and a count of three: dummy cache, buffers, own."""
    return (s.orphan[f] == 1) & (s.dirty[f] == 0) & (s.writeback[f] == 0) & (refcount(s, f) == 3)


@rule(f=each("folios"), kernel=FREE, actor=FLUSHER)
def poll_frees(s, policy, f):
    """After the commit, a forked folio with no other reference is locked, stripped and freed."""
    s.require(flusher_at(s, "poll"), freeable(s, f), s.locked[f] == 0, s.detached[f] == 0)
    s.mark("orphan_freed")
    folio_freed(s, f)
    for name in ("orphan", "forked", "own", "private", "tag", "index"):
        getattr(s, name)[f] = 0
    for c in CELLS:
        s.cell[f, c] = 0


@rule(kernel=FREE, actor=FLUSHER)
def poll_ends(s, policy):
    """No forked folio is left that could be freed now."""
    s.require(flusher_at(s, "poll"), every(~freeable(s, f) for f in s.world.folios))
    s.mark("polled")
    for f in s.world.folios:
        unused = (s.orphan[f] == 1) & (s.dirty[f] == 0) & (s.writeback[f] == 0) & (users(s, f) == 0)
        s.ensure("I8", ~unused, "a forked folio that nobody uses is not freed")
    goes_to(s, "idle")
