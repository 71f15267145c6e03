"""The properties: each a name, one sentence, and clauses over the state; steps check some of them too."""

from tux3nb.engine.system import Property
from tux3nb.engine.terms import NONE, every, has
from tux3nb.model.folio import empty, in_folio, up_to_date
from tux3nb.model.ghosts import current_now, in_flight, legal_now
from tux3nb.model.operations import CELLS, PRIVATE, READONLY, SHARED
from tux3nb.model.world import FLUSHER


def _paths(s, c):
    """(folio, present) of every CPU path to cell c: the slot, each VM_MAYSHARE PTE, TLB entry and secondary entry.

    By the slot nobody reads a folio that is not up to date.
    """
    page = s.world.page_of(c)
    maps = s.world.maps_of(page)
    yield s.slot[page], ~empty(s) & up_to_date(s, c)
    for m in s.world.of_kind(SHARED, READONLY):
        if m in maps:
            yield s.pte[m], s.pte[m] != NONE
    for m in s.world.siblings:
        if m in maps and s.world.maps[m].kind != PRIVATE:
            yield s.tlb[m], s.tlb[m] != NONE
    for h, via in s.world.secondary:
        if via in maps and s.world.maps[via].kind != PRIVATE:
            yield s.spte[h], s.spte[h] != NONE


def _everywhere(s, c, legal):
    """`legal(value)` on every CPU path that is present."""
    terms = []
    for f, present in _paths(s, c):
        good = legal(s.cell[f, c])
        terms.append(~present | good)
    return every(terms)


def cpu_paths_legal(c):
    """I1: every CPU path to cell c shows a version that may be seen now."""

    def clause(s):
        return _everywhere(s, c, lambda v: legal_now(s, c, v))

    return clause


def cpu_paths_agree(c):
    """Two values that may both be current must be one; a value that may not is another clause's."""

    def clause(s):
        quiet = in_flight(s, c) == 0
        here = s.cell[s.slot[s.world.page_of(c)], c]
        unknown = empty(s) | ~up_to_date(s, c) | ~quiet | ~current_now(s, c, here)
        return unknown | _everywhere(s, c, lambda v: (v == here) | ~current_now(s, c, v))

    return clause


def private_paths_legal(c):
    """I1p: a private mapping shows the file's bytes, or its own."""

    def clause(s):
        maps = [m for m in s.world.of_kind(PRIVATE) if m in s.world.maps_of(s.world.page_of(c))]
        none_of_file = {m: (s.pte[m] == NONE) | (s.anonymous[s.pte[m]] == 1) for m in maps}
        return every(none_of_file[m] | legal_now(s, c, s.cell[s.pte[m], c]) for m in maps)

    return clause


def no_freed_translation(s):
    """I8: no translation leads to a folio that has been freed."""
    w = s.world
    return every(s.tlb_freed[m] == 0 for m in w.siblings) & every(s.spte_freed[h] == 0 for h, _ in w.secondary)


def holder_writes_visible(c):
    """I2: what a holder was told is written is where the process looks."""

    def clause(s):
        return _everywhere(s, c, lambda v: current_now(s, c, v) | ~legal_now(s, c, v))

    return clause


def private_versions(w, c):
    """What is written to cell c of private memory: (mapping, version)."""
    found = [op for op in w.ops if op.how.writes == "private" and c in op.version]
    return [(m, op.version[c]) for op in found for m in reached_through(w, op)]


def reached_through(w, op):
    """The mapping that an operation works through, or those that its hold is got through."""
    makers = [o.via for o in w.ops if o.holder == op.holder and o.how.holder == "makes"]
    return [op.via] if op.via else [m for m in dict.fromkeys(makers) if m]


def never_in_page_cache(c):
    """U2: what was stored privately is in no folio of the file."""

    def clause(s):
        versions = dict.fromkeys(v for _, v in private_versions(s.world, c))
        return every((s.anonymous[f] == 1) | (s.cell[f, c] != v) for f in s.world.folios for v in versions)

    return clause


def never_on_disk(c):
    """U2: what was stored privately is not on disk."""

    def clause(s):
        return every(s.disk[c] != v for _, v in private_versions(s.world, c))

    return clause


def never_elsewhere(c):
    """A mapping other than the one written through shows neither a folio nor a copy with what was written."""

    def clause(s):
        pairs = [(m, v) for via, v in private_versions(s.world, c) for m in s.world.mappings if m != via]
        in_folio = every((s.pte[m] == NONE) | (s.cell[s.pte[m], c] != v) for m, v in pairs)
        return in_folio & every(s.anon_cell[m, c] != v for m, v in pairs)

    return clause


def pins_of_private_memory(w):
    """(holder, mapping) of every long-term pin of private memory."""
    return list(dict.fromkeys((op.holder, op.via) for op in w.that("own") if op.how.longterm))


def pin_is_of_private_memory(s):
    """Where the process has its own copy, the pin is of that."""
    apart = [
        (s.hold[h] != NONE) & (s.pte[m] != NONE) & (s.pte[m] != s.hold[h]) & (s.anonymous[s.pte[m]] == 1)
        for h, m in pins_of_private_memory(s.world)
    ]
    return every(~a for a in apart)


def stable_while_submitted(c):
    """I3: the bytes do not change while the disk reads them."""

    def clause(s):
        bios = [(s.bio_folio, s.bio_stage, s.bounced)]
        if two_pages(s.world):
            bios.append((s.other_folio, s.other_stage, s.other_bounced))
        reads = [((stage == "submitted") & (bounced == 0) & in_folio(s, f, c), f) for f, stage, bounced in bios]
        return every(~out | (s.cell[f, c] == s.image[c]) for out, f in reads)

    return clause


def recovery_is_whole(c):
    """Where the superblock is ahead of the I/O, a cell that has not been written may not be looked for."""

    def clause(s):
        written = (s.bio_stage == "completed") | has(s.fetched, c)
        return (s.ahead == 0) | written | (s.image[c] == s.disk[c])

    return clause


def no_oops(s):
    """I5: no assertion has failed."""
    return s.oops == "none"


def two_pages(world) -> bool:
    """two pages"""
    return len(world.pages) > 1


def cuts_holders_off(world) -> bool:
    """holders, and something that takes the page from the file"""
    return bool(world.holders) and bool(world.that("cuts") or world.that("evicts"))


def ordered_holders(world) -> bool:
    """holders that write both cells, where no CPU does"""
    return all(world.ordered["holder", c] for c in CELLS)


def private_mappings(world) -> bool:
    """private mappings"""
    return bool(world.of_kind(PRIVATE))


def breakpoints(world) -> bool:
    """breakpoints"""
    return any(op.how.reads == "instruction" for op in world.ops)


def private_writes(world) -> bool:
    """what is written to private memory, by uprobes or by anybody"""
    return any(private_versions(world, c) for c in CELLS)


def long_private_pins(world) -> bool:
    """long-term pins of private memory"""
    return bool(pins_of_private_memory(world))


PROPERTIES = (
    Property(
        "I1",
        "coherence of every CPU path",
        "A CPU that reads the page, by read(2) or through any shared mapping, sees the newest write, or one that is "
        "under way; with no write under way all of them see the same.",
        "cpu_path",
        tuple((f"a CPU path shows an overwritten value of cell {c}", cpu_paths_legal(c)) for c in CELLS)
        + tuple((f"two CPU paths show different values of cell {c}", cpu_paths_agree(c)) for c in CELLS),
    ),
    Property(
        "I1p",
        "private mappings before their own copy",
        "A private mapping that has made no copy of its own shows the current content (POSIX leaves this open).",
        "private_path",
        tuple((f"a private mapping shows an overwritten value of cell {c}", private_paths_legal(c)) for c in CELLS),
        advisory=True,
        applies=private_mappings,
    ),
    Property(
        "I2",
        "coherence between holder and process",
        "What a holder has written and completed is what the process sees, and what the process has written before "
        "the holder's read began is what the holder sees.",
        "holder_op",
        tuple(
            (f"a completed holder write to cell {c} is not what the CPU sees", holder_writes_visible(c)) for c in CELLS
        ),
    ),
    Property(
        "I2p",
        "private memory and its pin are one page",
        "Once the process has its own copy of a private page, a long-term pin of that memory is of the copy. Only a "
        "case that names this property judges it.",
        "private_held",
        (("the process has a copy of its own, and the pin another page", pin_is_of_private_memory),),
        optional=True,
        applies=long_private_pins,
    ),
    Property(
        "I2t",
        "device and process have not parted",
        "What a holder begins to read or write is the file's page, truncated and filled again meanwhile or not. No "
        "page cache promises it: only a case that names this property judges it.",
        "page_cut",
        optional=True,
        applies=cuts_holders_off,
    ),
    Property(
        "I3",
        "stable while under write-out",
        "From submission to completion the bytes that a bio reads do not change; what a direct write sends is what its "
        "checksum was taken of.",
        "submitted",
        tuple((f"cell {c} changed while the disk was reading it", stable_while_submitted(c)) for c in CELLS),
    ),
    Property(
        "I4a",
        "durability of holder writes, promised",
        "A holder write, completed and then reported dirty, is in the first delta that closes afterwards.",
        "promise_committed",
    ),
    Property(
        "I4b",
        "durability of holder writes, design goal",
        "A holder write completed before a delta closed, its pin still held, is in that delta.",
        "reaped_committed",
    ),
    Property(
        "I5",
        "no failed assertion",
        "No kernel assertion (BUG) fails.",
        "assert_passed",
        (("a kernel assertion failed", no_oops),),
    ),
    Property("I5w", "no warning", "No kernel warning (WARN) is printed.", "assert_passed"),
    Property(
        "I6",
        "content and order of deltas",
        "What a commit leaves on disk is a cut of its delta. (1) Nothing of a later section is there. (2) Nothing is "
        "there that a completed section of the delta has overwritten. (3) Nothing is there that began after the "
        "snapshot. (4) No CPU write to one cell is there without what had completed in the other before it began. "
        "Recovery finds exactly that.",
        "committed",
        tuple((f"recovery would find cell {c} of a delta that is not on disk", recovery_is_whole(c)) for c in CELLS),
    ),
    Property(
        "I6m",
        "order of writes to two pages",
        "If a CPU write to one page completed before one to another page began, and the later is in a delta, then the "
        "earlier is in that delta or an earlier one. POSIX promises nothing of the kind without msync: only a case "
        "that names this property judges it.",
        "order_committed",
        optional=True,
        applies=two_pages,
    ),
    Property(
        "I6d",
        "order of what holders write",
        "If a holder's write was reaped before another one was begun, and a delta has the second, it has the first. No "
        "file system promises it: only a case that names this property judges it.",
        "holder_order_committed",
        optional=True,
        applies=ordered_holders,
    ),
    Property(
        "I7",
        "progress",
        "From every state every operation that has begun, and the commit of a closed delta, can still complete "
        "without help from a holder that may stay for ever.",
        "completed",
        needs_graph=True,
    ),
    Property(
        "I8",
        "no leak, no early free",
        "A forked folio that nobody uses is freed by the next commit, and no translation leads to a freed folio.",
        "polled",
        (("a translation still leads to a freed folio", no_freed_translation),),
    ),
    Property(
        "U1",
        "a registered breakpoint is hit",
        "A process hits a breakpoint as long as it is registered, and not afterwards.",
        "ran_probed",
        applies=breakpoints,
    ),
    Property(
        "U2",
        "private memory stays out of the file",
        "What is written to private memory, a breakpoint or counter of uprobes included, never reaches the page cache "
        "or the disk.",
        "private_written",
        tuple((f"the page cache has private bytes in cell {c}", never_in_page_cache(c)) for c in CELLS)
        + tuple((f"the disk has private bytes in cell {c}", never_on_disk(c)) for c in CELLS),
        applies=private_writes,
    ),
    Property(
        "U3",
        "private memory stays in its process",
        "What is written to the private memory of one process never shows in another mapping of the file.",
        "private_written",
        tuple((f"another mapping shows private bytes in cell {c}", never_elsewhere(c)) for c in CELLS),
        applies=private_writes,
    ),
    Property(
        "U4",
        "the saved instruction is the replaced one",
        "The original instruction that uprobes keeps is the one that the process executed at that place, or one that a "
        "write put there while the breakpoint was being set.",
        "probed",
        applies=breakpoints,
    ),
)


def halted(s):
    """A failed assertion stops the world."""
    return s.oops != "none"


def settled(s):
    """No operation under way, no closed delta uncommitted (no commit is expected of a disk that may never answer)."""
    quiet = every(s.pc[t] == "idle" for t in s.world.tasks)
    return quiet if s.world.endless_disk else quiet & (s.pc[FLUSHER] == "idle") & (s.cur == s.committed)
