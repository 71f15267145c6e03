"""aio: direct I/O on another file with a mapping of ours as the memory, and io_uring's registered buffers."""

from tux3nb.cases.case import Case, Source

RIK = Source("Rik van Riel, 14 May 2015", "https://phunq.net/pipermail/tux3/2015-May/002238.html")
DIRECT = Source("Linux, fs/direct-io.c:dio_bio_submit, dio_bio_end_aio (commit 00e23707, v5.0)")
CHECK = Source("Linux, block/bio.c:bio_check_pages_dirty, bio_dirty_fn (v4.19 to v5.1)")
ASSERT = Source("linux-tux3, fs/tux3/filemap_mmap.c:tux3_set_page_dirty_assert (commits 7e0293b4, 07b8aa30)")
FORK = Source("linux-tux3, fs/tux3/buffer_fork.c (commits 18a490ba, 489cb8dc)")
PINS = Source("Linux, Documentation/core-api/pin_user_pages.rst (commit 07c7b547)")
STABLE = Source(
    "Jan Kara, RFC: Writeback handling of pinned pages, 9 Feb 2023",
    "https://lore.kernel.org/all/20230209121046.25360-1-jack@suse.cz/",
)
VMA = Source("linux-tux3, mm/rmap.c:page_cow_file (commits acb71e58, e09c3834); Linux, mm/mmap.c:do_mmap")
RSRC = Source("Linux, io_uring/rsrc.c:io_sqe_buffer_register, io_buffer_unmap (commit ab9b0d47, about v6.5)")
BAN = Source(
    "Lorenzo Stoakes, mm/gup: disallow GUP writing to file-backed mappings by default, 2 May 2023 (v6.5)",
    "https://lore.kernel.org/all/cover.1683067198.git.lstoakes@gmail.com/",
)

FLUSHED = Case(
    name="aio+flush",
    family="aio",
    title="A direct read whose target is written out meanwhile",
    asks="A direct read into a mapping is in flight while the flusher writes the page out and cleans it. Nobody forks "
    "anything. What do the dirty calls, at submission and at completion, find?",
    columns="""
        app           | kernel
        dio_read p0:1 | transition
    """,
    mappings=("app",),
    folios=2,
    judges=("I5",),
    expect={
        # set_page_dirty asserts that the folio is dirty already; the flusher has just made it clean
        "tux3": "VIOLATED(I5)",
        "tux3_coherent": "VIOLATED(I5)",
        # no fork is needed for this, so never forking, or forking less, does not help
        "stable_pages": "VIOLATED(I5)",
        "in_place": "VIOLATED(I5)",
        "rik_wait": "VIOLATED(I5)",
        "rik_wait_holder": "VIOLATED(I5)",
        "rik_in_place": "VIOLATED(I5)",
        "migration_rule": "VIOLATED(I5)",
        "cowardly": "VIOLATED(I5)",
        # the ban is on long-term pins; direct I/O is short
        "no_longterm": "VIOLATED(I5)",
        # the repair: while it may be pinned, the folio is dirty again before the flusher unlocks it
        "reverse_fork": "HOLDS",
        "reverse_fork_holders": "HOLDS",
        "perfect": "HOLDS",
        # nor does holding the device back while the delta takes its copies do harm
        "quiesced": "HOLDS",
    },
    bounds="One page, one read of one cell, one delta closed.",
    sources=(DIRECT, CHECK, ASSERT),
)

AGAIN = Case(
    name="aio+flush+again",
    family="aio",
    title="A second direct read while the first one's work item still has the page",
    asks="The first read completes on a clean folio, so that a work item has yet to report it dirty. The process reads "
    "into the same page again. Do the two get into each other's way?",
    columns="""
        app           | kernel
        dio_read p0:0 | transition
        dio_read p0:1 |
    """,
    mappings=("app",),
    folios=2,
    judges=("I2", "I5", "I7"),
    expect={
        # the first dirty call that meets the clean folio fails, at submission of the second read or at completion
        "tux3": "VIOLATED(I5)",
        "stable_pages": "VIOLATED(I5)",
        # accepted and queued, the calls are independent
        "queued": "HOLDS",
        # nothing is left to a work item
        "reverse_fork": "HOLDS",
    },
    bounds="One page, two reads of one cell each by one process, one delta closed; one I/O at a time has the page.",
    sources=(DIRECT, CHECK, ASSERT),
)

FLUSHED_GET = Case(
    name="aio+flush+get",
    family="aio",
    title="The same with a plain reference",
    asks="The direct read holds a plain reference, as in 2015, that no test for pins can see. What do the "
    "dirty calls, at submission and at completion, find?",
    columns="""
        app               | kernel
        dio_read_get p0:1 | transition
    """,
    mappings=("app",),
    folios=2,
    judges=("I5",),
    expect={
        "tux3": "VIOLATED(I5)",
        "stable_pages": "VIOLATED(I5)",
        "migration_rule": "VIOLATED(I5)",
        # nothing tells the flusher that the folio is held, so it is cleaned and left clean
        "reverse_fork": "VIOLATED(I5)",
        # the repair that needs no pin: a dirty call on a clean folio is queued to the current delta
        "reverse_fork_holders": "HOLDS",
        "perfect": "HOLDS",
    },
    bounds="One page, one read of one cell, one delta closed.",
    sources=(DIRECT, CHECK, ASSERT, PINS),
)

FORKED = Case(
    name="aio+fork",
    family="aio",
    title="A direct read whose target is forked meanwhile",
    asks="While a direct read is in flight the delta changes and another task writes the page, which is forked. Once "
    "io_getevents has returned, does the process see what was read?",
    columns="""
        app           | writer                  | kernel
        dio_read p0:1 | write p0:0 after closed | closed: transition
    """,
    mappings=("app",),
    judges=("I2",),
    expect={
        # the device writes to the folio that left the page cache
        "tux3": "VIOLATED(I2)",
        "tux3_coherent": "VIOLATED(I2)",
        # counted before the PTEs are write-protected: the pin comes through a PTE that is still writable
        "rik_wait": "VIOLATED(I2)",
        "rik_wait_holder": "VIOLATED(I2)",
        "rik_in_place": "VIOLATED(I2)",
        "no_longterm": "VIOLATED(I2)",
        # no fork, no split
        "stable_pages": "HOLDS",
        "in_place": "HOLDS",
        "cowardly": "HOLDS",
        # no PTE is left during the decision and the count is frozen
        "migration_rule": "HOLDS",
        # pins are looked for after write-protecting, and the disk gets the copy
        "reverse_fork": "HOLDS",
        "reverse_fork_holders": "HOLDS",
        "perfect": "HOLDS",
    },
    bounds="One page, one read of one cell, one writer, one delta closed.",
    sources=(RIK, DIRECT, FORK),
)

FORKED_GET = Case(
    name="aio+fork+get",
    family="aio",
    title="The same with a plain reference",
    asks="The direct read holds a plain reference, as in 2015. Which rules still see it?",
    columns="""
        app               | writer                  | kernel
        dio_read_get p0:1 | write p0:0 after closed | closed: transition
    """,
    mappings=("app",),
    judges=("I2",),
    expect={
        "tux3": "VIOLATED(I2)",
        "tux3_coherent": "VIOLATED(I2)",
        "rik_wait": "VIOLATED(I2)",
        "rik_wait_holder": "VIOLATED(I2)",
        "rik_in_place": "VIOLATED(I2)",
        "no_longterm": "VIOLATED(I2)",
        # a test for pins does not see a plain reference, and a device cannot look the folio up again
        "reverse_fork": "VIOLATED(I2)",
        "reverse_fork_holders": "VIOLATED(I2)",
        "perfect": "VIOLATED(I2)",
        # the repairs are those that ask for no pin: never fork, count every reference with the count frozen, or
        # register every hold
        "holder_index": "HOLDS",
        "holder_index_wait": "HOLDS",
        "stable_pages": "HOLDS",
        "in_place": "HOLDS",
        "cowardly": "HOLDS",
        "migration_rule": "HOLDS",
    },
    bounds="One page, one read of one cell, one writer, one delta closed.",
    sources=(RIK, DIRECT, FORK, PINS),
)

TORN = Case(
    name="aio+tear",
    family="aio",
    title="A direct read of two cells with a fork between them",
    asks="One half of a direct read lands before the fork copies the page, the other half after. Does the process get "
    "all of it?",
    columns="""
        app         | writer                  | kernel
        dio_read p0 | write p0:0 after closed | closed: transition
    """,
    mappings=("app",),
    judges=("I2",),
    expect={
        # half of the data was copied, half went to the folio that left the page cache
        "tux3": "VIOLATED(I2)",
        "tux3_coherent": "VIOLATED(I2)",
        "rik_wait": "VIOLATED(I2)",
        "no_longterm": "VIOLATED(I2)",
        "stable_pages": "HOLDS",
        "cowardly": "HOLDS",
        "migration_rule": "HOLDS",
        # the disk's copy may be torn; the folio that everybody uses gets all the bytes
        "reverse_fork": "HOLDS",
        "perfect": "HOLDS",
    },
    bounds="One page of two cells; the device moves them in any order.",
    sources=(RIK, DIRECT, FORK),
)

UNSTABLE = Case(
    name="aio+writeout",
    family="aio",
    title="A direct read into a page that is being written out",
    asks="The disk fetches the page while a direct read stores into it. Do stable pages, or forks, keep the bytes "
    "still?",
    columns="""
        app           | kernel
        dio_read p0:1 | transition
    """,
    mappings=("app",),
    folios=2,
    judges=("I3",),
    expect={
        # a fork is triggered by a CPU's write; the device asks nobody
        "tux3": "VIOLATED(I3)",
        "tux3_coherent": "VIOLATED(I3)",
        # nor does it wait for the end of the write-out
        "stable_pages": "VIOLATED(I3)",
        "in_place": "VIOLATED(I3)",
        "rik_wait": "VIOLATED(I3)",
        "rik_wait_holder": "VIOLATED(I3)",
        "rik_in_place": "VIOLATED(I3)",
        "migration_rule": "VIOLATED(I3)",
        "no_longterm": "VIOLATED(I3)",
        "cowardly": "VIOLATED(I3)",
        # the repair: a folio that may be pinned is copied before it is submitted
        "reverse_fork": "HOLDS",
        "reverse_fork_holders": "HOLDS",
        "perfect": "HOLDS",
    },
    bounds="One page, one read of one cell, one delta closed.",
    sources=(STABLE, DIRECT),
)

LONG = Case(
    name="aio+long",
    family="aio",
    title="A direct read that got the newest folio, one delta later",
    asks="The read's own write fault forks a page that the closed delta still has, so it holds the newest folio. It is "
    "still in flight when the next delta closes and a task writes the page. Was it enough to fork first?",
    columns="""
        app                        | writer                  | kernel
        dio_read p0:1 after closed | dirty: write p0:0       | closed: transition after dirty
                                   | write p0:0 after second | second: transition
    """,
    mappings=("app",),
    deltas=2,
    judges=("I2",),
    expect={
        # the hold outlives the delta, and the next fork leaves it behind
        "tux3": "VIOLATED(I2)",
        "tux3_coherent": "VIOLATED(I2)",
        "rik_wait": "VIOLATED(I2)",
        "rik_wait_holder": "VIOLATED(I2)",
        "rik_in_place": "VIOLATED(I2)",
        "no_longterm": "VIOLATED(I2)",
        "stable_pages": "HOLDS",
        "in_place": "HOLDS",
        "cowardly": "HOLDS",
        "migration_rule": "HOLDS",
        # every delta gets a copy of its own for as long as the pin lasts
        "reverse_fork": "HOLDS",
        "reverse_fork_holders": "HOLDS",
        "perfect": "HOLDS",
    },
    bounds="One page, one read of one cell, two writes, two deltas closed; the read begins after the first has.",
    sources=(RIK, DIRECT, FORK),
)

DURABLE = Case(
    name="aio+durable",
    family="aio",
    title="A direct read, reaped, and the next delta",
    asks="io_getevents has returned and the folio has been reported dirty; then the delta closes. Are the data in it?",
    columns="""
        app                   | writer                 | kernel
        reaped: dio_read p0:1 | write p0:0 after first | first: transition
                              |                        | transition after reaped
    """,
    mappings=("app",),
    deltas=2,
    judges=("I4a",),
    expect={
        # the data are in the folio that was forked off, which no later delta writes
        "tux3": "VIOLATED(I4a)",
        "tux3_coherent": "VIOLATED(I4a)",
        "rik_wait": "VIOLATED(I4a)",
        "no_longterm": "VIOLATED(I4a)",
        # one folio, so what is dirty there is written
        "stable_pages": "HOLDS",
        "in_place": "HOLDS",
        "migration_rule": "HOLDS",
        # the disk gets copies, and the folio stays dirty while it may be pinned
        "reverse_fork": "HOLDS",
        "perfect": "HOLDS",
    },
    bounds="One page, one read of one cell, one write, two deltas closed.",
    sources=(DIRECT, CHECK, FORK),
)

LATE = Case(
    name="aio+late",
    family="aio",
    title="A direct read, reaped before the dirty call",
    asks="The flusher has cleaned the page during the read, so the completion leaves the dirty call to a work item. "
    "io_getevents returns, and the delta closes, before it runs. Are the data in that delta?",
    columns="""
        app                   | kernel
        reaped: dio_read p0:1 | transition
                              | transition after reaped
    """,
    mappings=("app",),
    folios=2,
    deltas=2,
    judges=("I4b",),
    expect={
        # nobody has told the file system yet
        "tux3": "VIOLATED(I4b)",
        "stable_pages": "VIOLATED(I4b)",
        "migration_rule": "VIOLATED(I4b)",
        "no_longterm": "VIOLATED(I4b)",
        # the folio stays dirty while it may be pinned, so nothing is left to a work item
        "reverse_fork": "HOLDS",
        "perfect": "HOLDS",
    },
    bounds="One page, one read of one cell, two deltas closed; the process syncs after it has reaped.",
    sources=(DIRECT, CHECK),
)

LATE_GET = Case(
    name="aio+late+get",
    family="aio",
    title="The same with a plain reference, as in 2015",
    asks="Nothing tells the flusher that the page is held, so it is cleaned, and left clean. Who could know that "
    "a delta which closes after io_getevents lacks data?",
    columns="""
        app                       | kernel
        reaped: dio_read_get p0:1 | transition
                                  | transition after reaped
    """,
    mappings=("app",),
    deltas=2,
    judges=("I4b",),
    expect={
        "tux3": "VIOLATED(I4b)",
        "stable_pages": "VIOLATED(I4b)",
        # a test for pins sees none, and a dirty call that is queued comes too late
        "reverse_fork": "VIOLATED(I4b)",
        "perfect": "VIOLATED(I4b)",
        "copy_for_disk_ordered": "VIOLATED(I4b)",
        # whoever keeps a list of all holds knows
        "holder_index": "HOLDS",
        "perfect_index": "HOLDS",
    },
    bounds="One page, one read of one cell, two deltas closed; the process syncs after it has reaped.",
    sources=(DIRECT, CHECK, PINS),
)

LATE_STORED = Case(
    name="aio+late+stored",
    family="aio",
    title="A direct read into a page that its process has just stored to",
    asks="The page is dirty when the read begins, and is written out while it is in flight. Are the data in the delta "
    "that closes after io_getevents?",
    columns="""
        app               | reader                       | kernel
        dirty: store p0:0 | reaped: dio_read p0:1 app    | transition after dirty
                          |                              | transition after reaped
    """,
    mappings=("app",),
    deltas=2,
    judges=("I4a", "I4b"),
    # The same as `rdma+long` with a pin that nobody refuses: a policy may not lean on the ban of long ones.
    expect={
        "tux3": "VIOLATED(I4b)",
        "stable_pages": "VIOLATED(I4b)",
        "no_longterm": "VIOLATED(I4b)",
        # a page that may be pinned stays dirty
        "reverse_fork": "HOLDS",
        # and without that what is reported before the delta closes may be in a page that is clean
        "reverse_fork_clean": "VIOLATED(I4a, I4b)",
        # which Linux does not promise
        "mainline_6_5": "HOLDS",
        "copy_for_disk_ordered": "HOLDS",
    },
    bounds="One page, one store, one read of one cell, two deltas closed; the process syncs after it has reaped.",
    sources=(DIRECT, CHECK),
)

WRITTEN = Case(
    name="aio+write",
    family="aio",
    title="A direct write from a shared writable mapping",
    asks="The device only reads memory, while another task writes the page in the next delta. Does the other file get "
    "bytes that were overwritten before the I/O began, and does the delta stay a cut?",
    columns="""
        app            | writer                  | kernel
        dio_write p0:0 | dirty: write p0:1       | closed: transition after dirty
                       | write p0:0 after closed |
    """,
    mappings=("app",),
    judges=("I2", "I3", "I6"),
    expect={
        # the device may get the old bytes only if they were overwritten during the I/O, which nobody may rely on
        "tux3": "HOLDS",
        "tux3_coherent": "HOLDS",
        "no_longterm": "HOLDS",
        "stable_pages": "HOLDS",
        "rik_wait": "HOLDS",
        "rik_wait_holder": "HOLDS",
        "migration_rule": "HOLDS",
        "cowardly": "HOLDS",
        "reverse_fork": "HOLDS",
        "reverse_fork_holders": "HOLDS",
        "perfect": "HOLDS",
        # the next delta's bytes reach the disk with this one
        "in_place": "VIOLATED(I3, I6)",
        # a refusal for the sake of a reader does the same
        "rik_in_place": "VIOLATED(I3, I6)",
        # a read-only pin taken under write-out: too late for a bounce, and for a reverse fork unless it waits
        "reverse_fork_busy": "VIOLATED(I3, I6)",
    },
    bounds="One page, one write of one cell, one delta closed.",
    sources=(DIRECT, FORK),
)

WRITTEN_GET = Case(
    name="aio+write+get",
    family="aio",
    title="The same direct write with a plain reference, as in 2015",
    asks="The page that a device reads is held by a plain reference, which no test for pins can see. Does that matter "
    "where the device only reads?",
    columns="""
        app                | writer                  | kernel
        dio_write_get p0:0 | dirty: write p0:1       | closed: transition after dirty
                           | write p0:0 after closed |
    """,
    mappings=("app",),
    judges=("I2", "I3", "I6"),
    expect={
        # nobody refuses for the sake of a reference that is not seen, so every fork is made, and serves the reader
        "tux3": "HOLDS",
        "stable_pages": "HOLDS",
        "reverse_fork": "HOLDS",
        "perfect": "HOLDS",
        "reverse_fork_busy": "HOLDS",
        # who counts references refuses, and then writes in place
        "rik_in_place": "VIOLATED(I3, I6)",
        "in_place": "VIOLATED(I3, I6)",
    },
    bounds="One page, one write of one cell, one delta closed.",
    sources=(DIRECT, FORK),
)

WRITTEN_READONLY = Case(
    name="aio+write+readonly",
    family="aio",
    title="A direct write from a MAP_SHARED mapping of a file opened read-only",
    asks="Such a mapping has lost VM_SHARED, so its PTE is not redirected. A direct write begun long after the page "
    "was forked and written: which bytes does the device read?",
    columns="""
        app            | writer                  | kernel
        dio_write p0:0 | dirty: write p0:1       | closed: transition after dirty
                       | write p0:0 after closed |
    """,
    mappings=("app:readonly",),
    judges=("I2",),
    expect={
        # the PTE stays on the old folio for ever
        "tux3": "VIOLATED(I2)",
        "no_longterm": "VIOLATED(I2)",
        "rik_wait": "VIOLATED(I2)",
        "rik_wait_holder": "VIOLATED(I2)",
        "rik_in_place": "VIOLATED(I2)",
        "reverse_fork": "VIOLATED(I2)",
        "reverse_fork_holders": "VIOLATED(I2)",
        # the repair: redirect by VM_MAYSHARE
        "tux3_coherent": "HOLDS",
        "perfect": "HOLDS",
        # unmapping takes every PTE, whatever its kind, and remaps it
        "migration_rule": "HOLDS",
        "stable_pages": "HOLDS",
        "in_place": "HOLDS",
        "cowardly": "HOLDS",
    },
    bounds="One page, one write of one cell, one delta closed; the mapping's PTE is there from the start.",
    sources=(DIRECT, VMA),
)

REGISTERED = Case(
    name="aio+registered",
    family="aio",
    title="A registered buffer that nobody reports dirty",
    asks="io_uring keeps a page pinned and its device writes there; no dirty call is ever made. Are the data that "
    "were reaped before a delta closed in that delta?",
    columns="""
        app                            | device                    | kernel
        buffer_register p0             | reaped: device_write p0:1 | transition
        buffer_unregister after closed |                           | closed: transition after reaped
    """,
    mappings=("app",),
    folios=2,
    deltas=2,
    judges=("I4b",),
    expect={
        # the flusher cleans the page once, and nothing makes it dirty again
        "tux3": "VIOLATED(I4b)",
        "tux3_coherent": "VIOLATED(I4b)",
        "stable_pages": "VIOLATED(I4b)",
        "in_place": "VIOLATED(I4b)",
        "rik_wait": "VIOLATED(I4b)",
        "migration_rule": "VIOLATED(I4b)",
        "cowardly": "VIOLATED(I4b)",
        # long-term writable pins of file pages are refused, so the data never come
        "no_longterm": "HOLDS(refused)",
        # the repair: dirty again in every delta for as long as the page may be pinned
        "reverse_fork": "HOLDS",
        "reverse_fork_holders": "HOLDS",
        "perfect": "HOLDS",
    },
    bounds="One page, one device write of one cell, two deltas closed; unregistered only after the second.",
    sources=(RSRC, BAN),
)

UNREGISTERED = Case(
    name="aio+unregistered",
    family="aio",
    title="A registered buffer given back before the delta closes",
    asks="The same, but the buffer is unregistered as soon as the data have been reaped: the pin is gone, still "
    "without a dirty call, when the delta closes. Are the data in it?",
    columns="""
        app                                  | device                    | kernel
        buffer_register p0                   | reaped: device_write p0:1 | transition
        gone: buffer_unregister after reaped |                           | transition after gone
    """,
    mappings=("app",),
    folios=2,
    deltas=2,
    judges=("I4b",),
    expect={
        "tux3": "VIOLATED(I4b)",
        "stable_pages": "VIOLATED(I4b)",
        "no_longterm": "HOLDS(refused)",
        # the folio was dirty for the whole life of the pin, so it is dirty when the pin goes
        "reverse_fork": "HOLDS",
        "perfect": "HOLDS",
    },
    bounds="One page, one device write of one cell, two deltas closed.",
    sources=(RSRC, BAN),
)

CHECKSUM = Case(
    name="aio+checksum",
    family="aio",
    title="A direct write to a device that checks what it is sent",
    asks="The CPU sums what is lent for a direct write, and the device reads it again; the program stores meanwhile. "
    "Is what arrives what was summed?",
    columns="""
        app                | peer
        dio_write_sum p0:0 | store p0:0
    """,
    mappings=("app", "peer"),
    folios=2,
    deltas=0,
    judges=("I2", "I3"),
    expect={
        # The page under the I/O is the process's own memory: no policy of the page cache's write-out knows of it.
        "tux3": "VIOLATED(I3)",
        "stable_pages": "VIOLATED(I3)",
        "in_place": "VIOLATED(I3)",
        "reverse_fork": "VIOLATED(I3)",
        # A copy is summed and sent.
        "lend_bounced": "HOLDS",
    },
    bounds="One page, one direct write of one cell, one store, no delta closed.",
    sources=(
        Source("btrfs commit 968f19c5b1b7 (falls back to buffered writes); fstests generic/761"),
        Source("Linux v7.0, xfs: bounce for direct I/O, commits c9d114846b38, 3373503df025 (recalled)"),
    ),
)

ORDER = Case(
    name="aio+order",
    family="aio",
    title="Two direct reads one after the other, through a PTE that the delta change left writable",
    asks="Data are read into page 0 and then a record of them into page 1. Can the record be on disk without the data?",
    columns="""
        data                           | log                    | kernel
        data: dio_read p0 after closed | dirty: dio_read p1     | closed: transition after dirty
                                       | dio_read p1 after data | transition
    """,
    mappings=("data", "log:p1"),
    judges=("I6d",),
    pages=2,
    folios=5,
    deltas=2,
    # As of stores (ordinary+two_pages): page 1 is dirty in the closed delta and its PTE writable, so GUP forks nothing.
    # A barrier closes that PTE before the fault on page 0 begins its section, and no longer hold is in the way.
    expect={
        "tux3": "VIOLATED(I6d)",
        "reverse_fork": "VIOLATED(I6d)",
        "perfect": "VIOLATED(I6d)",
        "swept": "VIOLATED(I6d)",
        "protected": "HOLDS",
        "perfect_index": "HOLDS",
    },
    sources=(Source("Linux, mm/gup.c:gup_pte_range (80a79516): a writable PTE is taken as it is"),),
)

TMPFS = Case(
    name="aio+registered_tmpfs",
    family="aio",
    title="A registered buffer in a file of tmpfs, and compaction",
    asks="A file of tmpfs is written to no disk, so long-term pins of it are allowed. What may still "
    "move the page away from the device?",
    columns="""
        app                | device            | compaction
        buffer_register p0 | device_write p0:1 | migrate p0
    """,
    mappings=("app",),
    deltas=0,
    judges=("I2", "I7"),
    shmem=True,
    expect={
        "tux3": "HOLDS",
        # the ban spares tmpfs
        "no_longterm": "HOLDS",
        "mainline_6_5": "HOLDS",
        # page migration, if it did not count
        "no_accounting": "VIOLATED(I2)",
    },
    bounds="One page, one registration, one device write, one migration, no delta closed.",
    sources=(BAN, RSRC),
)
