"""Page migration: is page fork like it? A refusal costs migration nothing; a fork needs somewhere to put the data."""

from tux3nb.cases.case import Case, Source

MIGRATE = Source("Linux, mm/migrate.c:folio_migrate_mapping, folio_expected_refs (0003e2a4, about v6.6)")
MIGRATE_41 = Source("Linux, mm/migrate.c:migrate_page_move_mapping (about v4.1): the slot is compared (recalled)")
UMEM = Source("Linux, drivers/infiniband/core/umem.c:ib_umem_get (commit 0446cad9, about v5.3)")
UMEM_READS = Source("Linux, drivers/infiniband/core/umem.c:ib_umem_get since v6.2 (b40656aa7d55)")
RIK = Source("Rik van Riel, 14 May 2015 (second mail)", "https://phunq.net/pipermail/tux3/2015-May/002240.html")
FREE = Source("linux-tux3, fs/tux3/buffer_fork.c:tux3_fork_page, is_freeable_forked (18a490ba): the own reference")
OPERATIONS = Source("linux-tux3, fs/tux3/filemap.c:tux_file_aops (15aad55c): no migratepage, so fallback_migrate_page")
RING = Source("Linux, fs/aio.c:aio_migrate_folio (patches of 2014, 2022 and 2024): extra_count")
WP = Source("linux-tux3, mm/memory.c:do_wp_page (acb71e58): pte_same before the new PTE is set")

HARMLESS = Case(
    name="migration",
    family="migration",
    title="Compaction meets a folio that a device has registered",
    asks="The migrator finds a reference that it cannot account for. Who notices that it came by?",
    columns="""
        app                     | device                     | compaction
        dirty: store p0:0       | written: device_write p0:1 | migrate p0 after dirty
        mr_register p0 get      |                            |
        load p0:1 after written |                            |
    """,
    mappings=("app",),
    judges=("I1", "I2", "I5", "I7"),
    expect={
        # With no PTE left the count is what is expected or it is not; if not, every PTE is restored: -EAGAIN.
        "tux3": "HOLDS",
        "stable_pages": "HOLDS",
        # Moving it all the same is what a page fork does: device and process each have a folio of their own.
        "no_accounting": "VIOLATED(I2)",
    },
    bounds="One page, one registration by a plain reference, one device write, one migration, no delta closed.",
    sources=(MIGRATE, RIK),
)

FORK = Case(
    name="migration+fork",
    family="migration",
    title="The rule of migration, applied to page fork",
    asks="A fork that unmaps, freezes the count and refuses on an extra reference never splits a holder. What does it "
    "do with the data that it was asked to write?",
    columns="""
        app                     | device           | writer                  | kernel
        dirty: store p0:0       | device_read p0:0 | write p0:0 after closed | closed: transition after dirty
        mr_register p0 readonly |                  |                         |
    """,
    mappings=("app",),
    judges=("I1", "I2", "I3", "I5", "I6", "I7", "I8"),
    expect={
        "tux3": "VIOLATED(I2)",
        # Counting alone is not the rule: while PTEs are in place, a reference can come after the count.
        "rik_wait": "VIOLATED(I2)",
        # Waiting for the write-out is an answer, for a writer that may wait and a holder that only reads.
        "migration_rule": "HOLDS",
        # Waiting for the holder is none: nobody says when a registration ends.
        "migration_wait_holder": "VIOLATED(I7)",
        # Writing in place keeps the holder and breaks the delta.
        "migration_in_place": "VIOLATED(I3, I6)",
        # The data have a place of their own if the copy goes to the disk.
        "migration_reverse": "HOLDS",
        "stable_pages": "HOLDS",
    },
    bounds="One page, one read-only registration, one device read, one write(2), one delta closed.",
    sources=(RIK, MIGRATE, UMEM_READS),
)

FORK_FORCED = Case(
    name="migration+fork+forced",
    family="migration",
    title="The same, with a region that is pinned for writing whatever it is for",
    asks="Before v6.2 a region that is only read was pinned with FOLL_WRITE, through a writable PTE. What changes?",
    columns="""
        app                     | device           | writer                  | kernel
        dirty: store p0:0       | device_read p0:0 | write p0:0 after closed | closed: transition after dirty
        mr_register p0 forced   |                  |                         |
    """,
    mappings=("app",),
    judges=("I1", "I2", "I3", "I5", "I6", "I7", "I8"),
    expect={
        "tux3": "VIOLATED(I2)",
        "rik_wait": "VIOLATED(I2)",
        "migration_rule": "HOLDS",
        # With no PTE writable no such pin can come: a check after the write-protect is enough.
        "reverse_fork": "HOLDS",
        "perfect": "HOLDS",
        "migration_reverse": "HOLDS",
        "stable_pages": "HOLDS",
    },
    bounds="One page, one registration that the device only reads, one device read, one write(2), one delta closed.",
    sources=(RIK, MIGRATE, UMEM),
)

ISOLATED = Case(
    name="migration+isolated",
    family="migration",
    title="A fork meets the migrator's own reference",
    asks="Nobody holds the page; compaction has just isolated it. Does a fork that counts references refuse, and then?",
    columns="""
        writer                  | compaction              | kernel
        dirty: write p0:0       | migrate p0 after closed | closed: transition after dirty
        write p0:0 after closed |                         |
    """,
    mappings=("app",),
    judges=("I1", "I3", "I5", "I6", "I7", "I8"),
    expect={
        # It does not count, and the folio lock keeps the two apart.
        "tux3": "HOLDS",
        # The isolation is an extra reference like any other, so the fork is refused; waiting is harmless.
        "rik_wait": "HOLDS",
        "rik_wait_holder": "HOLDS",
        "migration_rule": "HOLDS",
        # A refusal for no reason is harmless only if what is done instead is.
        "rik_in_place": "VIOLATED(I3, I6)",
        "migration_in_place": "VIOLATED(I3, I6)",
        # An isolation is no hold of the file's content and registers nothing: the fork goes ahead.
        "holder_index_in_place": "HOLDS",
    },
    bounds="One page, two writes, one migration, one delta closed.",
    sources=(MIGRATE, RIK),
)

DELTA = Case(
    name="migration+delta",
    family="migration",
    title="A folio of the closed delta is migrated before it is written",
    asks="The flusher finds a folio through its buffers. May the buffers change folio under it?",
    columns="""
        app                     | compaction             | kernel
        dirty: store p0:0       | migrate p0 after dirty | closed: transition after dirty
        store p0:0 after closed |                        |
    """,
    mappings=("app",),
    judges=("I1", "I3", "I5", "I6", "I7", "I8"),
    expect={
        # Dirty bit, delta tag and buffers go along; a folio in a bio is refused, one under writeback waited for.
        "tux3": "HOLDS",
        "stable_pages": "HOLDS",
        "reverse_fork": "HOLDS",
        # The flusher has put the folio into a bio and waits for its lock; what it then locks is not dirty, or is free.
        # reason: I5 was all that was expected; a store that has looked the folio up goes on with one that is free, so
        # that a write is lost, a lock is waited for in vain and a forked folio never freed.
        "no_accounting": "VIOLATED(I1, I5, I7, I8)",
    },
    bounds="One page, two stores, one migration, one delta closed. Tux3 itself never migrated dirty folios.",
    sources=(MIGRATE, OPERATIONS),
)

ORPHAN = Case(
    name="migration+orphan",
    family="migration",
    title="Compaction meets a forked folio",
    asks="A forked folio keeps its mapping and its index, but the slot of that index has another folio. What would its "
    "migration put there?",
    columns="""
        writer                       | compaction           | kernel
        dirty: write p0:0            | migrate p0 after new | closed: transition after dirty
        new: write p0:0 after closed |                      |
    """,
    mappings=("app",),
    judges=("I1", "I3", "I5", "I6", "I7"),  # not I8: without its own reference a forked folio is never freed
    expect={
        # The forked folio's own reference is one more than migration expects: refused, every time.
        "tux3": "HOLDS",
        "migration_rule": "HOLDS",
        # Without it the count fits, and the old bytes take the slot of the new folio.
        "no_own_reference": "VIOLATED(I1)",
        # About v4.1 the slot was compared first; the own reference was then needed against reclaim only.
        "no_own_recheck": "HOLDS",
    },
    bounds="One page, two writes, one migration, one delta closed.",
    sources=(MIGRATE, MIGRATE_41, FREE),
)

ACCOUNTED = Case(
    name="migration+accounted",
    family="migration",
    title="A ring that migration accounts for",
    asks="An AIO ring's page has one reference more than others, for ever. Can it be moved at all?",
    columns="""
        app                   | aio                    | compaction
        store p0:0            | ring_setup p0          | migrate p0
        load p0:1 after event | event: ring_event p0:1 | migrate_ring p0
    """,
    mappings=("app",),
    judges=("I1", "I2", "I5", "I7"),
    expect={
        # Refused without the account; with it the count fits, and the ring's pointer moves under the completion lock.
        "tux3": "HOLDS",
        "stable_pages": "HOLDS",
        # The pointer stays behind: events go to a page that nobody maps.
        "no_accounting": "VIOLATED(I2)",
    },
    bounds="One page, one event, one migration without and one with the account, no delta closed. The copy and the "
    "ring's new pointer are one step (completion lock held).",
    sources=(RING,),
)

ACCOUNTED_FORK = Case(
    name="migration+accounted_fork",
    family="migration",
    title="The same ring, on a file that is forked",
    asks="Migration tells the ring that its page has moved. Who tells it that its page was forked?",
    columns="""
        aio                 | writer                       | compaction                  | kernel
        held: ring_setup p0 | dirty: write p0:0 after held | migrate_ring p0 after dirty | next: transition after dirty
        ring_event p0:1     | write p0:0 after next        |                             |
    """,
    mappings=("app",),
    judges=("I1", "I2", "I7", "I8"),
    expect={
        # The fork knows of no account and no callback.
        "tux3": "VIOLATED(I2)",
        "reverse_fork": "VIOLATED(I2)",
        # Both count, and the reference is there before the delta closes: the fork is refused.
        "rik_wait": "HOLDS",
        "migration_rule": "HOLDS",
        "stable_pages": "HOLDS",
    },
    bounds="One page, one event, two writes, one migration with the account, one delta closed. A hypothetical: the "
    "ring's pages belong to a pseudo file, never to Tux3.",
    sources=(RING, RIK),
)

ENTRY_LEFT = Case(
    name="migration+faulting_pte",
    family="migration",
    title="A migration entry stands where the fault wants to put its PTE",
    asks="The fork leaves the faulting mapping's PTE to its fault (2015). A migrator has unmapped the old folio "
    "meanwhile and puts everything back. What does that PTE lead to?",
    columns="""
        app                     | writer                  | kernel
        store p0:1 after closed | dirty: write p0:0       | closed: transition after dirty
                                | migrate p0 after closed |
                                | write p0:0              |
    """,
    mappings=("app",),
    judges=("I1", "I3", "I5", "I6", "I7", "I8"),
    expect={
        # Found by the free-running world of migration. The old folio, forked, has one reference too many and stays; the
        # fault finds an entry that is not the PTE it saw, leaves it alone, and it is restored: on the old folio.
        "tux3": "VIOLATED(I1)",
        # Nothing is pinned, so it forks like Tux3.
        "reverse_fork": "VIOLATED(I1)",
        # Redirected by the fork itself, under the folio lock that keeps the migrator out.
        "tux3_coherent": "HOLDS",
        # Its own waiting entries become PTEs of the new folio.
        "migration_rule": "HOLDS",
        "stable_pages": "HOLDS",
    },
    bounds="One page, three writes, one folio migrated, one delta closed; the migrator is the writer (direct "
    "compaction), between its writes.",
    sources=(MIGRATE, WP),
)

TORN = Case(
    name="migration+torn",
    family="migration",
    title="A device writes a whole page while migration copies it",
    asks="The copy takes time, and a device asks nobody. Can the new page have half of what it wrote?",
    columns="""
        app                     | device                   | reader    | compaction
        store p0:0              | written: device_write p0 | read p0:0 | migrate p0
        mr_register p0 get      |                          |           |
        load p0:0 after written |                          |           |
    """,
    mappings=("app",),
    deltas=0,
    judges=("I1", "I2", "I7"),
    expect={
        # Refused before a byte is copied; and nobody reads a new page before its bytes are there.
        "tux3": "HOLDS",
        "stable_pages": "HOLDS",
        # Without the account the copy is torn, and what comes later is lost. reason: I1 was expected with it, when the
        # model took the bytes from a folio that somebody still refers to; a read(2) under way gets those it found.
        "no_accounting": "VIOLATED(I2)",
    },
    bounds="One page, one registration by a plain reference, one device write of both cells, one store, one read(2), "
    "one migration, no delta closed. The copy is made cell by cell.",
    sources=(MIGRATE, RIK),
)
