"""The life of a page: reclaim and refill, truncation, eviction, a device that wants stable pages, a crash."""

from tux3nb.cases.case import Case, Source

UNMOUNT = Source(
    "OGAWAHirofumi/tux3 0dd55b3f, user/kernel/inode.c:tux3_drop_inode: a dirty inode stays, but at an unmount it "
    "should be clean, assert(MS_ACTIVE)"
)
FORK = Source("linux-tux3, fs/tux3/buffer_fork.c:tux3_fork_page, forked_buffer_add, is_freeable_forked (18a490ba)")
SCAN = Source(
    "Linux, mm/vmscan.c:shrink_page_list, __remove_mapping (3.19, recalled): the slot of the index is cleared"
)
INVALIDATE = Source("linux-tux3, fs/tux3/buffer_fork.c:bufferfork_to_invalidate (18a490ba)")
TRUNCATE = Source("OGAWAHirofumi/tux3 0dd55b3f, user/kernel/inode.c:tux3_truncate; filemap_hole.c: hole extents")
PARTIAL = Source(
    "OGAWAHirofumi/tux3 0dd55b3f, user/kernel/filemap_blocklib.c: comment in the truncation of a partial block"
)
FAULT = Source("linux-tux3, mm/filemap.c:filemap_fault (9c3845ed): page->mapping and i_size, no test for a forked page")
MKWRITE = Source("linux-tux3, fs/tux3/filemap_mmap.c:tux3_page_mkwrite (07b8aa30): assert(page) after find_get_page")
UMEM = Source("Linux, drivers/infiniband/core/umem.c:ib_umem_get (commit 0446cad9, about v5.3)")
UMEM_READS = Source("Linux, drivers/infiniband/core/umem.c:ib_umem_get since v6.2 (b40656aa7d55)")
STABLE = Source(
    "Linux 3.9 and later, mm/filemap.c:grab_cache_page_write_begin, mm/page-writeback.c:wait_for_stable_page"
)
WRITE = Source("OGAWAHirofumi/tux3 0dd55b3f, user/kernel/filemap_blocklib.c:tux3_write_begin: the wait, then the fork")
COMMIT = Source("OGAWAHirofumi/tux3 0dd55b3f, user/kernel/commit.c:do_commit, save_sb: after tux3_iowait_wait")
EVICT = Source("OGAWAHirofumi/tux3 0dd55b3f, user/kernel/inode.c:tux3_evict_inode: forked pages are freed by force")
WP = Source("linux-tux3, mm/memory.c:do_wp_page (acb71e58): the faulting PTE is replaced by a plain set_pte_at")
FLAGS = Source("linux-tux3, fs/tux3/buffer_fork.c:free_forked_buffers (18a490ba): the order of reading the flags")
ORDER = Source("linux-tux3, fs/tux3/buffer_writeback.c:prepare_and_lock_page (01360bf0): PG_writeback first")
DIRTY = Source("linux-tux3, fs/tux3/filemap_mmap.c:tux3_set_page_dirty_assert (07b8aa30)")

CPU = ("I1", "I3", "I5", "I6", "I7", "I8")

REFILL = Case(
    name="reclaim",
    family="life",
    title="Reclaim takes the folio, and write(2) brings the page back",
    asks="A clean folio is freed between the end of its write-out and the commit. Does the page come back as it was?",
    columns="""
        writer                  | kswapd                 | kernel
        dirty: write p0:0       | reclaim p0 after dirty | closed: transition after dirty
        write p0:1 after closed |                        |
    """,
    mappings=(),
    judges=CPU,
    expect={
        # What is clean has been written, and the tree in memory leads to it before the commit does.
        "tux3": "HOLDS",
        "stable_pages": "HOLDS",
        # Writing into the folio of the closed delta loses the cut, with or without reclaim.
        "in_place": "VIOLATED(I3, I6)",
    },
    bounds="One page, two writes, one folio scanned, one delta closed.",
    sources=(SCAN, FORK),
)

ORPHAN = Case(
    name="reclaim+orphan",
    family="life",
    title="Reclaim meets a forked folio",
    asks="A forked folio has its mapping and its index, but another folio is in the slot. What does its reclaim clear?",
    columns="""
        writer                  | kswapd                  | kernel
        dirty: write p0:0       | reclaim p0 after closed | closed: transition after dirty
        write p0:0 after closed |                         |
    """,
    mappings=(),
    judges=("I1", "I3", "I5", "I6", "I7"),  # not I8: without its own reference a forked folio is never freed by polling
    expect={
        # One reference more than reclaim accounts for.
        "tux3": "HOLDS",
        "stable_pages": "HOLDS",
        # The scan's reference is one that a frozen count does not have, so that only one of the two goes on.
        "migration_rule": "HOLDS",
        # From the unlock until the list of forked folios counts its buffers nothing else keeps it: the new folio loses
        # its slot, and the list gets a folio that is freed.
        "no_own_reference": "VIOLATED(I5)",
    },
    bounds="One page, two writes, one folio scanned, one delta closed.",
    sources=(FORK, SCAN),
)

TRUNCATED = Case(
    name="truncate",
    family="life",
    title="Truncation of a page that the closed delta still has to write",
    asks="The page is dropped, its old content not yet on disk, and written again. Which delta gets what?",
    columns="""
        writer               | cutter                        | kswapd                  | kernel
        dirty: write p0:0    | cut: truncate p0 after closed | reclaim p0 after closed | closed: transition after dirty
        write p0:1 after cut |                               |                         |
    """,
    mappings=(),
    judges=CPU,
    expect={
        # A fork without a copy: the old folio stays for its delta, the slot is empty, and a refill finds the hole.
        "tux3": "HOLDS",
        "reverse_fork": "HOLDS",
        "rik_wait": "HOLDS",
        # Waiting for the older delta, as mainline waits for writeback.
        "stable_pages": "HOLDS",
        # Nobody holds the page: there is nothing to refuse for.
        "bond_refuse": "HOLDS",
        # Dropped under the flusher's hands.
        "in_place": "VIOLATED(I6)",
    },
    bounds="One page, one truncation, two writes, one folio scanned, one delta closed.",
    sources=(INVALIDATE, TRUNCATE),
)

READ_FAULT = Case(
    name="truncate+read_fault",
    family="life",
    title="A read fault sleeps on the folio lock while the page is truncated",
    asks="The folio has left the page cache with its mapping kept. What does the read fault map once the file has "
    "grown again?",
    columns="""
        app               | cutter                   | reader                 | kernel
        dirty: store p0:0 | truncate p0 after closed | load p0:0 after closed | closed: transition after dirty
    """,
    mappings=("app", "reader"),
    judges=CPU,
    expect={
        # A page that mainline deletes has no mapping any more; a page that Tux3 forks keeps it, and the truncated bytes
        # come back.
        "tux3": "VIOLATED(I1)",
        "tux3_coherent": "HOLDS",
        "stable_pages": "HOLDS",
        # The file is mapped, so the page is not forked: it is deleted once it is written, as in mainline.
        "cowardly": "HOLDS",
        # A barrier keeps sections out, not read faults.
        "protected": "VIOLATED(I1)",
        # Nor does it matter when the section of the store begins.
        "no_lock_order": "VIOLATED(I1)",
    },
    bounds="One page, one truncation, one store, one load, one delta closed.",
    sources=(INVALIDATE, FAULT),
)

PUNCHED = Case(
    name="punch",
    family="life",
    title="A hole is punched while the page is read, through a mapping and by read(2)",
    asks="The page stays within the file, so a fault or a read may fill it again at once. From what?",
    columns="""
        app               | cutter             | reader              | caller              | kernel
        dirty: store p0:0 | punch p0 after end | load p0:0 after end | read p0:0 after end | end: transition after dirty
    """,
    mappings=("app", "reader"),
    judges=CPU,
    expect={
        # As of a truncation: a read fault that has slept on the lock maps the forked folio.
        "tux3": "VIOLATED(I1)",
        "tux3_coherent": "HOLDS",
        "stable_pages": "HOLDS",
        # Between the page's end and the hole's record the disk still has the old bytes, and the refill puts them back.
        "no_truncate_lock": "VIOLATED(I1)",
    },
    bounds="One page, one hole, one store, one load, one read(2), one delta closed. Tux3 has no such call (2015).",
    sources=(
        INVALIDATE,
        Source(
            "Linux, 730633f0b7f9 (v5.15, invalidate_lock), d4f5258eae7b (read(2)); ea3d7209ca01 (ext4, CVE-2015-8839)"
        ),
    ),
)

WRITE_FAULT = Case(
    name="truncate+write_fault",
    family="life",
    title="A write fault whose folio is truncated before it gets the lock",
    asks="page_mkwrite meets a forked folio and looks its index up again. What if there is none?",
    columns="""
        app                     | cutter                   | kernel
        dirty: store p0:0       | truncate p0 after closed | closed: transition after dirty
        store p0:1 after closed |                          |
    """,
    mappings=("app",),
    judges=CPU,
    expect={
        # The retry asserts that the look-up finds a page; after a fork without a clone there is none. reason: I1 was
        # expected too, since a store without a PTE was a read fault, which maps the forked folio, and then a write
        # fault; do_shared_fault asks page_mkwrite before it maps anything.
        "tux3": "VIOLATED(I5)",
        "tux3_coherent": "HOLDS",
        # Without a fork the folio has lost its mapping, and the fault starts over.
        "stable_pages": "HOLDS",
        # A fault that is let in forks the folio between truncation's look-up and its lock: a BUG in need_fork.
        "no_truncate_lock": "VIOLATED(I5)",
    },
    bounds="One page, one truncation, two stores, one delta closed.",
    sources=(MKWRITE, INVALIDATE),
)

PINNED = Case(
    name="truncate+pinned",
    family="life",
    title="Truncation of a page that a device has registered",
    asks="Truncation ends the bond of pin and file in every kernel. What is left to go wrong?",
    columns="""
        app                        | device            | cutter                             | kernel
        w: store p0:0              | device_write p0:1 | cut: truncate p0 after end, pinned | end: transition after w
        pinned: mr_register p0     |                   |                                    |
        mr_deregister p0 after cut |                   |                                    |
    """,
    mappings=("app",),
    judges=("I1", "I2", "I5", "I7", "I8"),
    expect={
        # The pin's dirty call meets a forked folio that its delta has cleaned.
        "tux3": "VIOLATED(I5)",
        # A folio that is deleted has no mapping: the dirty call reaches no file system.
        "stable_pages": "HOLDS",
        # Nothing is in the slot, so there is nothing to forward to.
        # reason: it was VIOLATED as long as the registration could come after the truncation, by its own faults (the
        # two cases above); the truncation now waits for the pin.
        "forward_range": "HOLDS",
        "no_longterm": "HOLDS(refused)",
        # Nobody unpins before the truncation has returned, and that waits for the unpin.
        "bond_wait": "VIOLATED(I7)",
    },
    bounds="One page, one registration, one device write, one truncation, one delta closed.",
    sources=(INVALIDATE, DIRTY),
)

TAIL = Case(
    name="truncate+tail",
    family="life",
    title="Truncation within the page, then reclaim",
    asks="Of the page only zeros are new, and there is nothing to write. May it be clean while the old folio is not on "
    "disk?",
    columns="""
        writer               | cutter                            | kswapd               | kernel
        dirty: write p0:0    | cut: truncate_tail p0:1 after end | reclaim p0 after cut | end: transition after dirty
        write p0:1 after cut |                                   |                      |
    """,
    mappings=(),
    judges=CPU,
    expect={
        # Tux3 dirties it, only to pin it.
        "tux3": "HOLDS",
        "stable_pages": "HOLDS",
        # A clean page is reclaimed, and the refill reads what the disk had before the old folio's delta.
        "no_clone_dirty": "VIOLATED(I1)",
    },
    bounds="One page, one truncation, two writes, one folio scanned, one delta closed.",
    sources=(PARTIAL, TRUNCATE),
)

STABLE_DEVICE = Case(
    name="stable_device",
    family="life",
    title="write(2) on a device that asks for stable pages",
    asks="The generic code waits for the write-out before Tux3 could fork. Is a fork needed at all then?",
    columns="""
        writer                  | kernel
        dirty: write p0:0       | closed: transition after dirty
        write p0:1 after closed |
    """,
    mappings=(),
    judges=CPU,
    stable_device=True,
    expect={
        "tux3": "HOLDS",
        "stable_pages": "HOLDS",
        # A folio that is dirty for the closed delta and not yet in a bio has no write-out to wait for: what is written
        # in place then gets into the wrong delta, although the page is stable on its way to the disk.
        "in_place": "VIOLATED(I6)",
        # One writer: nobody is kept from the folio by a section that has begun before its lock.
        "no_lock_order": "HOLDS",
    },
    bounds="One page, two writes, one delta closed.",
    sources=(STABLE, WRITE),
)

STABLE_HOLDER = Case(
    name="stable_device+device_read",
    family="life",
    title="The same, with a device that reads the page",
    asks="Does the wait for stable pages keep holder and process on one page?",
    columns="""
        app                     | device           | writer                  | kernel
        dirty: store p0:0       | device_read p0:0 | write p0:0 after closed | closed: transition after dirty
        mr_register p0 readonly |                  |                         |
    """,
    mappings=("app",),
    judges=("I1", "I2", "I3", "I5", "I6", "I7", "I8"),
    stable_device=True,
    expect={
        # The fork comes before the write-out has begun.
        "tux3": "VIOLATED(I2)",
        "stable_pages": "HOLDS",
    },
    bounds="One page, one read-only registration, one device read, one write(2), one delta closed.",
    sources=(STABLE, WRITE, UMEM_READS),
)

STABLE_FORCED = Case(
    name="stable_device+device_read+forced",
    family="life",
    title="The same, with a region that is pinned for writing whatever it is for",
    asks="Does a pin for writing, as before v6.2, leave the check of the fork a gap?",
    columns="""
        app                     | device           | writer                  | kernel
        dirty: store p0:0       | device_read p0:0 | write p0:0 after closed | closed: transition after dirty
        mr_register p0 forced   |                  |                         |
    """,
    mappings=("app",),
    judges=("I1", "I2", "I3", "I5", "I6", "I7", "I8"),
    stable_device=True,
    # As without a device that asks for stable pages: the pin needs a writable PTE, and the check comes after that.
    expect={"tux3": "VIOLATED(I2)", "reverse_fork": "HOLDS", "perfect": "HOLDS", "stable_pages": "HOLDS"},
    bounds="One page, one registration that the device only reads, one device read, one write(2), one delta closed.",
    sources=(STABLE, WRITE, UMEM),
)

CRASH = Case(
    name="crash",
    family="life",
    title="The power fails at any step",
    asks="What does recovery find: one delta or the other, whole?",
    columns="""
        writer                | power          | reader                  | kernel
        dirty: write p0       | crashed: crash | load p0:0 after crashed | closed: transition after dirty
        write p0 after closed |                | load p0:1 after crashed |
    """,
    mappings=("reader:absent",),
    judges=("I1", "I3", "I5", "I6", "I7"),  # not I8: memory is gone
    expect={
        # The superblock is written when all I/O of its delta is done.
        "tux3": "HOLDS",
        "stable_pages": "HOLDS",
        # It leads to a cell that has not been written.
        "no_superblock_order": "VIOLATED(I6)",
    },
    bounds="One page, two writes of both cells, one crash, one delta closed.",
    sources=(COMMIT,),
)

EVICTED = Case(
    name="evict",
    family="life",
    title="The inode is evicted while a device has a forked folio of it pinned",
    asks="A pin does not keep the inode. The forked folio's mapping leads to it: what does the dirty call meet?",
    columns="""
        app                         | writer                    | vfs                        | kernel
        store p0:0                  | new: write p0:0 after end | gone: evict after off, new | end: transition after pin
        pin: mr_register p0         |                           |                            | transition after new
        off: munmap app             |                           |                            | transition after gone
        mr_deregister p0 after gone |                           |                            |
    """,
    mappings=("app",),
    deltas=4,
    judges=("I5", "I7", "I8"),
    expect={
        # Freed by force, the folio lives on by the holder's reference, with no mapping: the dirty call is harmless, and
        # what the device has written is lost, as in any kernel.
        "tux3": "HOLDS",
        "stable_pages": "HOLDS",
        # The fork is refused for the pin; the munmap waits for the entries that it has taken away.
        "migration_rule": "HOLDS",
        # Left alone, its mapping is that of a freed inode.
        "no_forced_free": "VIOLATED(I5)",
        # A page that stays dirty for its pin is never clean, so an unmount finds it dirty: an open hole.
        # reason: these held, since eviction waited for a clean inode and never began.
        "reverse_fork": "VIOLATED(I5)",
        "perfect": "VIOLATED(I5)",
        "perfect_index": "VIOLATED(I5)",
        "evict_drop": "HOLDS",
        "evict_wait": "VIOLATED(I7)",
    },
    bounds="One page, one registration, one write(2), one eviction, up to four deltas closed.",
    sources=(EVICT, FORK, UNMOUNT),
)

UNMOUNTED = Case(
    name="evict+written",
    family="life",
    title="A device writes into its pinned page until the file system is unmounted",
    asks="An unmount writes everything out and then evicts the inodes. A page that stays dirty for a pin is dirty "
    "again by then. What becomes of it, and of what the device has written since?",
    columns="""
        app                 | device            | vfs                   | kernel
        store p0:0          | device_write p0:1 | gone: evict after off | transition after gone
        pin: mr_register p0 |                   |                       |
        off: munmap app     |                   |                       |
        mr_deregister p0    |                   |                       |
    """,
    mappings=("app",),
    deltas=3,
    judges=("I4b", "I5", "I7", "I8"),
    expect={
        # Cleaned by the sync, the page is dropped with what came later: lost, as in any kernel. Before that, the dirty
        # call meets a clean page.
        "tux3": "VIOLATED(I4b, I5)",
        "stable_pages": "VIOLATED(I4b, I5)",
        # Dirty again when the unmount's last delta is on disk; Tux3 asserts that there is no such inode.
        "perfect": "VIOLATED(I5)",
        # Dropping the dirt loses what the device has written since that delta,
        "evict_drop": "VIOLATED(I4b)",
        # and waiting for the last holder need never end.
        "evict_wait": "VIOLATED(I7)",
        "no_longterm": "HOLDS(refused)",
    },
    bounds="One page, one registration, one device write, one unmount, up to three deltas closed.",
    sources=(UNMOUNT, EVICT),
)

UNMOUNTED_IN_FLIGHT = Case(
    name="evict+direct_read",
    family="life",
    title="An unmount while a direct read is in flight",
    asks="A direct read is in flight into a page that its process has unmapped meanwhile; its pin holds neither the "
    "mapping nor the file. The unmount writes everything out and evicts the inode. What does it meet?",
    columns="""
        app                 | reader            | vfs
        dirty: store p0:0   | dio_read p0:1 app | evict after gone
        gone: munmap app    |                   |
    """,
    mappings=("app",),
    deltas=4,
    judges=("I4a", "I4b", "I5", "I5w", "I7", "I8"),
    # A pin for the time of one I/O is refused by nobody, so what refuses long-term pins does not help here. A reader
    # asked for this case when the record had thirty-one policies that break nothing; each of them breaks it.
    expect={
        # Dirty for its pin, or dirtied by the direct read's completion: Tux3 asserts that no inode is dirty then.
        "tux3": "VIOLATED(I5)",
        "stable_pages": "VIOLATED(I5)",
        "copy_for_disk": "VIOLATED(I5)",
        "perfect_index": "VIOLATED(I5)",
        "no_longterm": "VIOLATED(I5)",
        # What came after the last delta is dropped with the page, and was never reported dirty before it.
        "evict_drop": "HOLDS",
        "evict_wait": "HOLDS",
        "mainline_6_5": "HOLDS",
    },
    bounds="One page, one store, one direct read through a mapping that goes, one unmount, up to four deltas closed.",
    sources=(UNMOUNT, EVICT),
)

READ_UNTIL_UNMOUNTED = Case(
    name="evict+read_in",
    family="life",
    title="A direct read ends after the unmount's last delta",
    asks="The same unmount. Once it has returned, is what the process has read on disk?",
    columns="""
        app               | reader            | vfs                   | kernel
        store p0:0        | dio_read p0:1 app | gone: evict after off | transition after gone
        off: munmap app   |                   |                       |
    """,
    mappings=("app",),
    deltas=4,
    judges=("I4b", "I5", "I7", "I8"),
    # The same as `evict+written` with a pin that nobody refuses, and that comes to an end.
    expect={
        "tux3": "VIOLATED(I4b, I5)",
        # Lost with what is dropped, as in any kernel (mainline does not promise it);
        "mainline_6_5": "HOLDS",
        "evict_drop": "VIOLATED(I4b)",
        "no_longterm": "VIOLATED(I4b, I5)",
        # the unmount has to wait for the read.
        "evict_wait": "HOLDS",
    },
    bounds="One page, one store, one direct read through a mapping that goes, one unmount, up to four deltas closed.",
    sources=(UNMOUNT, EVICT),
)

READ_BY_A_REGION = Case(
    name="evict+region_read",
    family="life",
    title="A device that only reads has its page when the file system is unmounted",
    asks="The registration is for reading, so that Linux allows it. The page stays dirty for the pin. Whom does an "
    "unmount wait for?",
    columns="""
        app                          | vfs                   | kernel
        store p0:0                   | gone: evict after off | transition after gone
        pin: mr_register p0 readonly |                       |
        off: munmap app              |                       |
        mr_deregister p0             |                       |
    """,
    mappings=("app",),
    deltas=4,
    judges=("I5", "I7", "I8"),
    # A reader asked for this case, and for the next one, when the policies of a kernel of today were twenty-four.
    expect={
        "tux3": "HOLDS",
        "mainline_6_5": "HOLDS",
        # Tux3 asserts that no inode is dirty then.
        "perfect": "VIOLATED(I5)",
        # What is dirty for a reader's pin is on disk.
        "evict_drop": "HOLDS",
        # A pin does not tell that its holder only reads, and need never end;
        "evict_wait": "VIOLATED(I7)",
        # where it tells, nobody waits for it.
        "evict_wait_writing": "HOLDS",
        "no_longterm_at_all": "HOLDS",
    },
    bounds="One page, one registration for reading, one unmount, up to four deltas closed.",
    sources=(UNMOUNT, EVICT),
)

LENT_AND_READ_IN = Case(
    name="evict+lent",
    family="life",
    title="A pipe has a page into which a direct read was under way at the unmount",
    asks="The page is dirty for the direct read, and a pipe holds it by a plain reference for as long as it likes. "
    "Does the unmount end?",
    columns="""
        app               | reader            | piper           | vfs                   | kernel
        store p0:0        | dio_read p0:1 app | vmsplice p0 app | gone: evict after off | transition after gone
        off: munmap app   |                   | pipe_read p0    |                       |
    """,
    mappings=("app",),
    deltas=4,
    judges=("I4b", "I5", "I7"),
    expect={
        "tux3": "VIOLATED(I4b, I5)",
        "evict_drop": "VIOLATED(I4b)",
        # It waits for the pin, which ends, and not for the pipe.
        "evict_wait": "HOLDS",
        "evict_wait_writing": "HOLDS",
    },
    bounds="One page, one store, one direct read, one page lent, one unmount, up to four deltas closed.",
    sources=(UNMOUNT, EVICT),
)

TRUNCATED_GET = Case(
    name="truncate+direct_read+get",
    family="life",
    title="The same with a plain reference, as in 2015",
    asks="No test for pins sees the read, so whoever forks unless pinned forks. What does the late dirty call meet?",
    columns="""
        app               | reader                | cutter                   | kernel
        dirty: store p0:0 | dio_read_get p0:1 app | truncate p0 after closed | closed: transition after dirty
    """,
    mappings=("app",),
    folios=4,
    judges=("I5", "I5w", "I7", "I8"),
    expect={
        "tux3": "VIOLATED(I5, I5w)",
        "reverse_fork": "VIOLATED(I5, I5w)",
        # Never forked, or known to be held and the late call ignored.
        "copy_for_disk": "HOLDS",
        "perfect_index": "HOLDS",
    },
    bounds="One page, one store, one direct read, one truncation, one delta closed.",
    sources=(INVALIDATE, DIRTY),
)

POKED_WHILE_CUT = Case(
    name="truncate+poked",
    family="life",
    title="A debugger writes a word while its page is truncated in the next delta",
    asks="The debugger has looked the page up before it is truncated, and reports it dirty after that. What does the "
    "late dirty call meet?",
    columns="""
        app               | tracer          | cutter                   | kernel
        dirty: store p0:0 | poke app p0:1   | truncate p0 after closed | closed: transition after dirty
    """,
    mappings=("app",),
    judges=("I5", "I5w", "I7", "I8"),
    # `truncate+direct_read` with another holder: the dirty call is always made, and not only on a clean page.
    expect={
        "tux3": "VIOLATED(I5, I5w)",
        "reverse_fork": "VIOLATED(I5, I5w)",
        "stable_pages": "VIOLATED(I5)",
        "copy_for_disk": "HOLDS",
        "mainline_6_5": "HOLDS",
    },
    bounds="One page, one store, one poke, one truncation, one delta closed.",
    sources=(INVALIDATE, DIRTY),
)

TRUNCATED_IN_FLIGHT = Case(
    name="truncate+direct_read",
    family="life",
    title="A direct read in flight while its page is truncated in the next delta",
    asks="The page that a direct read was started into is truncated before the read completes. What does its late "
    "dirty call meet?",
    columns="""
        app               | cutter                   | kernel
        dirty: store p0:0 | truncate p0 after closed | closed: transition after dirty
        dio_read p0:1     |                          |
    """,
    mappings=("app",),
    judges=("I1", "I3", "I5", "I5w", "I6", "I7", "I8"),
    expect={
        # The truncation forks a dirty page of the older delta; the dirty call meets a forked folio.
        "tux3": "VIOLATED(I3, I5, I5w)",
        # The copy for the disk is made, and the forked folio is asserted about all the same.
        "reverse_fork": "VIOLATED(I5, I5w)",
        "perfect": "VIOLATED(I5, I5w)",
        # Never forked, and every folio bounced.
        "copy_for_disk": "HOLDS",
        "stable_bounced": "HOLDS",
        "stable_pages": "VIOLATED(I3, I5)",
    },
    bounds="One page, one store, one direct read, one truncation, one delta closed.",
    sources=(INVALIDATE, DIRTY),
)

REUSED = Case(
    name="reuse",
    family="life",
    title="A freed folio is used again while an old translation leads to it",
    asks="The folio that a thread's TLB still has is freed, and becomes the next copy. What does the thread see?",
    columns="""
        app                             | thread                | kernel
        dirty: store p0:0               | sibling_load app p0:0 | closed: transition after dirty
        again: store p0:0 after closed  |                       | more: transition after again
        store p0:0 after more           |                       |
    """,
    mappings=("app:sibling",),
    deltas=2,
    judges=("I7", "I8"),
    expect={
        # The faulting PTE is replaced without a flush, and its folio freed by the next poll.
        "tux3": "VIOLATED(I8)",
        "tux3_coherent": "HOLDS",
        "stable_pages": "HOLDS",
    },
    bounds="One page, three stores, one load by another thread, two deltas closed.",
    sources=(WP, FORK),
)

FLAG_ORDER = Case(
    name="flag_order",
    family="life",
    title="PG_writeback is set before PG_dirty is cleared",
    asks="In the other order a folio on its way to the disk looks clean and idle for a while. Who looks?",
    columns="""
        app                              | device            | writer                  | kernel
        w: store p0:0                    | device_write p0:1 | write p0:1 after pinned | end: transition after w
        pinned: mr_register p0 after end |                   |                         |
    """,
    mappings=("app",),
    judges=("I1", "I2", "I7", "I8"),
    expect={
        "tux3": "VIOLATED(I2)",
        "pin_forks": "HOLDS",
        # need_fork and reclaim look under the folio lock, and the poll for forked folios runs in the flusher's own
        # task: none of them can tell. A pin that asks need_fork under the page-table lock alone can.
        "no_flag_order": "VIOLATED(I2)",
    },
    bounds="One page, one registration, one device write, one write(2), one delta closed.",
    sources=(FLAGS, ORDER),
)

DISCARDED = Case(
    name="truncate+discarded",
    family="life",
    title="A page that a device has pinned is discarded, and used again",
    asks="A guest gives memory back that an assigned device has pinned, and uses it again later. Do guest and device "
    "have one page?",
    columns="""
        owner               | device           | guest
        pin: mr_register p0 | device_read p0:0 | gone: truncate p0 after pin
                            |                  | store p0:0 owner after gone
    """,
    mappings=("owner",),
    deltas=0,
    judges=("I2", "I2t", "I7"),
    expect={
        # The bond ends with the truncation in every page cache: nothing was promised, and nobody was told.
        "tux3": "VIOLATED(I2t)",
        "stable_pages": "VIOLATED(I2t)",
        # Waiting for a registration need never end;
        "bond_wait": "VIOLATED(I7)",
        # QEMU refuses, or has VFIO unmap first.
        "bond_refuse": "HOLDS(refused)",
        "bond_tell": "HOLDS",
        "no_longterm": "HOLDS(refused)",
    },
    bounds="One page, one registration, one device read, one truncation, one store, no delta closed.",
    sources=(
        Source("QEMU commit 238e91728503: no balloon while VFIO has guest memory pinned"),
        Source("QEMU, virtio-mem and vfio: RamDiscardListener (2021)"),
        Source("Linux, DAX: Christoph Hellwig and Dan Williams, October 2017, truncation waits for DMA (recalled)"),
    ),
)

KEPT = Case(
    name="reclaim+held",
    family="life",
    title="Reclaim meets a clean page into which a device writes",
    asks="The page is clean, and no process maps it. What keeps reclaim from dropping it?",
    columns="""
        app                 | device            | kswapd               | reader              | kernel
        store p0:0          | device_write p0:1 | reclaim p0 after off | load p0:1 after end | end: transition after pin
        pin: mr_register p0 |                   |                      |                     |
        off: munmap app     |                   |                      |                     |
    """,
    mappings=("app", "reader:absent"),
    judges=("I1", "I2", "I7"),
    expect={
        # The count: one reference more than cache, buffers and the scan account for.
        "tux3": "HOLDS",
        "stable_pages": "HOLDS",
        # Without a look at it the page is dropped, and what the device writes is in a page of its own.
        "no_reclaim_accounting": "VIOLATED(I2)",
    },
    bounds="One page, one registration, one device write, one folio scanned, one delta closed.",
    sources=(
        SCAN,
        Source("Linux v5.18, Mauricio Faria de Oliveira: MADV_FREE pages freed under a direct read (recalled)"),
    ),
)
