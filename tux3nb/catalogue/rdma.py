"""RDMA: a device keeps writing to the folio that was registered, whatever the process sees by then."""

from tux3nb.cases.case import Case, Source

UMEM = Source("Linux, drivers/infiniband/core/umem.c:ib_umem_get (commit 0446cad9, about v5.3)")
UMEM_READS = Source("Linux, drivers/infiniband/core/umem.c:ib_umem_get since v6.2 (b40656aa7d55)")
FORK = Source("linux-tux3, fs/tux3/buffer_fork.c (commits 18a490ba, 489cb8dc)")
RIK = Source("Rik van Riel, 14 May 2015", "https://phunq.net/pipermail/tux3/2015-May/002238.html")

GUP_FAST = Source("Linux, mm/gup.c:gup_pte_range (80a79516): read the PTE, take the reference, read the PTE again")
STABLE = Source("Linux, mm/page-writeback.c:wait_for_stable_page; it waits for I/O, not for a pin")
BOUNCE = Source("Jan Kara, RFC 'Writeback handling of pinned pages', 20230209121046.25360-1-jack@suse.cz")
LONGTERM = Source("Linux v6.5, commits 8ac268436e6d and a6e79df92e4a: long-term writable pins of file folios refused")

RDMA = Case(
    name="rdma",
    family="rdma",
    title="A registered region and a write(2) in the next delta",
    asks="A device writes into a page that was registered; another task writes the page with write(2) after the "
    "delta has changed. Does everybody still see one page?",
    columns="""
        app               | device            | writer                  | kernel
        dirty: store p0:0 |                   |                         | closed: transition after dirty
        mr_register p0    | device_write p0:1 | write p0:0 after closed |
        mr_deregister p0  |                   |                         |
    """,
    mappings=("app", "writer"),
    # Tux3 splits the device off (van Riel); waiting keeps one page but cannot keep a registered page stable; an extra
    # reference that is only counted can come later; the disk's own copy keeps everybody. A device write posted after
    # the submission changes what the disk reads (I3) and gets into the wrong delta (I6); the deregistration's dirty
    # call finds the folio clean (I5); a registration that is waited for need never end (I7).
    # reason: first written down without I5w; write(2) meets a page forked meanwhile, and Tux3 warns of that.
    expect={
        "tux3": "VIOLATED(I2, I3, I5, I5w, I6)",
        "stable_pages": "VIOLATED(I3, I5, I6)",
        "in_place": "VIOLATED(I3, I5, I6)",
        "rik_wait": "VIOLATED(I2, I3, I5, I5w, I6)",
        "rik_wait_holder": "VIOLATED(I2, I3, I5, I5w, I6, I7)",
        "rik_in_place": "VIOLATED(I2, I3, I5, I5w, I6)",
        "migration_rule": "VIOLATED(I3, I5, I6)",
        "no_longterm": "HOLDS(refused)",
        "reverse_fork": "HOLDS",
        "perfect": "HOLDS",
    },
    sources=(RIK, UMEM, FORK),
)

READS = Case(
    name="rdma+device_read",
    family="rdma",
    title="A registered region that the device reads",
    asks="The device reads what the process wrote. After a fork, does it still see the process's page?",
    columns="""
        app               | device           | writer                  | kernel
        dirty: store p0:0 |                  | write p0:1 after closed | closed: transition after dirty
        mr_register p0    | device_read p0:1 |                         |
    """,
    mappings=("app",),
    judges=("I1", "I2", "I3", "I5", "I6", "I7", "I8"),
    # The holder looks at A while the process looks at B; writing in place keeps them together but spoils the cut.
    expect={"tux3": "VIOLATED(I2)", "in_place": "VIOLATED(I3, I6)", "stable_pages": "HOLDS", "reverse_fork": "HOLDS"},
    sources=(RIK, UMEM),
)

READONLY = Case(
    name="rdma+readonly",
    family="rdma",
    title="A read-only region registered while the folio is under write-out",
    asks="A pin taken after the submission finds no bounce copy made. What can a reverse fork still do?",
    columns="""
        app                     | device           | kernel
        dirty: store p0:0       | device_read p0:1 | closed: transition after dirty
        mr_register p0 readonly |                  |
        store p0:1 after closed |                  |
    """,
    mappings=("app",),
    judges=("I1", "I2", "I3", "I5", "I6", "I7", "I8"),
    # Too late for a reverse fork: only waiting for that I/O, or making read-only pins fork first, closes it.
    # reason: `reverse_fork` was first written down as VIOLATED; it is the one that waits, so it HOLDS.
    expect={
        "tux3": "VIOLATED(I2)",
        "reverse_fork": "HOLDS",
        "reverse_fork_busy": "VIOLATED(I3, I6)",
        "stable_pages": "HOLDS",
    },
    sources=(UMEM, BOUNCE),
)

FAST = Case(
    name="rdma+pin_through_writable_pte",
    family="rdma",
    title="A pin through a PTE that the delta change left writable",
    asks="The pin is asked to fork the folio first, in the slow walk only. Does GUP-fast get past it?",
    columns="""
        app                                 | device            | writer                  | kernel
        dirty: store p0:0                   | device_write p0:1 | write p0:0 after pinned | done: transition after dirty
        pinned: mr_register p0 after done   |                   |                         |
    """,
    mappings=("app",),
    judges=("I1", "I2", "I7", "I8"),
    # A PTE dirtied in the closed delta stays writable until the flusher or a fork prepares the page.
    # reason: `protected` was expected to HOLD; a barrier keeps sections out until the PTEs are swept, but GUP-fast is
    # no section: it pins through the PTE between the transition and the sweep. The expectation was wrong.
    expect={
        "tux3": "VIOLATED(I2)",
        "pin_forks_slow": "VIOLATED(I2)",
        "pin_forks": "HOLDS",
        "protected": "VIOLATED(I2)",
    },
    sources=(GUP_FAST, Source("linux-tux3, fs/tux3/buffer_fork.c: comment above prepare_clone_page")),
)

NEXT_DELTA = Case(
    name="rdma+pin_forks_first_next_delta",
    family="rdma",
    title="A pin that forked first, one delta later",
    asks="The pin outlives its delta. Was forking at pin time enough?",
    columns="""
        app                               | device            | writer                 | kernel
        dirty: store p0:0                 | device_write p0:1 | write p0:0 after again | one: transition after dirty
        pinned: mr_register p0 after one  |                   |                        | again: transition after pinned
    """,
    mappings=("app",),
    deltas=2,
    judges=("I1", "I2", "I7", "I8"),
    # The pinned folio is dirty for the delta of the pin; the next delta forks it all the same.
    expect={"tux3": "VIOLATED(I2)", "pin_forks": "VIOLATED(I2)", "reverse_fork": "HOLDS"},
    sources=(GUP_FAST,),
)

LONG = Case(
    name="rdma+long",
    family="rdma",
    title="A region registered over two deltas",
    asks="The folio is cleaned by one delta while it stays pinned; the device writes on. Does the next delta have it?",
    columns="""
        app               | device                         | kernel
        dirty: store p0:0 | written: device_write p0:1     | first: transition after dirty
        mr_register p0    |                                | transition after written
        mr_deregister p0  |                                |
    """,
    mappings=("app",),
    deltas=2,
    # Nobody reports dirty until the deregistration, which may be months away: only re-dirtying every delta keeps it.
    # reason: `reverse_fork_clean` was I4b and I5; the deregistration may also find the folio dirty still, though its
    # bounce copy is made: no call is due, and the data are in neither delta (I4a).
    expect={
        "tux3": "VIOLATED(I3, I4b, I5, I6)",
        "reverse_fork_clean": "VIOLATED(I4a, I4b, I5)",
        "reverse_fork": "HOLDS",
        "stable_pages": "VIOLATED(I3, I4b, I5, I6)",
        # A delta waits for the region to go, which nobody has promised.
        "quiesced_wait": "VIOLATED(I7)",
    },
    sources=(BOUNCE, UMEM),
)

GET_2015 = Case(
    name="rdma+plain_reference",
    family="rdma",
    title="The region as in 2015: a plain reference, no FOLL_PIN",
    asks="A test for pins sees nothing of a holder that took a plain reference. Which tests do?",
    columns="""
        app                | device            | writer                  | kernel
        dirty: store p0:0  | device_write p0:1 | write p0:0 after closed | closed: transition after dirty
        mr_register p0 get |                   |                         |
    """,
    mappings=("app",),
    judges=("I1", "I2", "I7", "I8"),
    # A pin is counted since v5.7; a reference count sees the holder, as does a registry of holds; a pin count does not.
    expect={
        "tux3": "VIOLATED(I2)",
        "reverse_fork": "VIOLATED(I2)",
        "migration_rule": "HOLDS",
        "stable_pages": "HOLDS",
        "holder_index": "HOLDS",
    },
    sources=(UMEM, Source("Linux, Documentation/core-api/pin_user_pages.rst (07c7b547)")),
)

CHECKED = Case(
    name="rdma+checked_then_pinned",
    family="rdma",
    title="A pin between the check and the redirected PTE",
    asks="The fork counts references, finds none, and goes on. What if GUP comes then?",
    columns="""
        app                          | device           | writer                  | kernel
        dirty: store p0:0            | device_read p0:0 | write p0:0 after closed | closed: transition after dirty
        mr_register p0 readonly after closed |          |                         |
    """,
    mappings=("app",),
    judges=("I1", "I2", "I7", "I8"),
    # Testing is not enough: with PTEs in place a read-only pin can always come later; with none, it cannot. Nor can it
    # where a pin must be registered, and none is while the folio is being forked.
    expect={
        "rik_wait": "VIOLATED(I2)",
        "migration_rule": "HOLDS",
        "reverse_fork": "VIOLATED(I2)",
        "pins_unmapped": "HOLDS",
        "holder_index": "HOLDS",
    },
    sources=(GUP_FAST, UMEM_READS),
)

CHECKED_FORCED = Case(
    name="rdma+checked_then_pinned+forced",
    family="rdma",
    title="The same, with a region that is pinned for writing whatever it is for",
    asks="Before v6.2 a region that is only read was pinned with FOLL_WRITE. Does the check see such a pin in time?",
    columns="""
        app                        | device           | writer                  | kernel
        dirty: store p0:0          | device_read p0:0 | write p0:0 after closed | closed: transition after dirty
        mr_register p0 forced after closed |          |                         |
    """,
    mappings=("app",),
    judges=("I1", "I2", "I7", "I8"),
    # A pin for writing needs a writable PTE, and the check comes when none is left. A check before the write-protect
    # is as late as ever.
    expect={
        "rik_wait": "VIOLATED(I2)",
        "migration_rule": "HOLDS",
        "reverse_fork": "HOLDS",
        "perfect": "HOLDS",
        "pins_unmapped": "HOLDS",
        "holder_index": "HOLDS",
    },
    sources=(GUP_FAST, UMEM),
)

WAIT_HOLDER = Case(
    name="rdma+wait_for_holder",
    family="rdma",
    title="Refuse, and wait until the holder lets go",
    asks="The writer waits for a registration that may last for ever. Does it ever come back?",
    columns="""
        app                         | writer                  | kernel
        dirty: store p0:0           | write p0:0 after pinned | closed: transition after pinned
        pinned: mr_register p0      |                         |
        mr_deregister p0            |                         |
    """,
    mappings=("app",),
    judges=("I1", "I6", "I7", "I8"),
    # A registration has no end that anybody may count on.
    expect={"rik_wait_holder": "VIOLATED(I7)", "rik_wait": "HOLDS", "tux3": "HOLDS", "reverse_fork": "HOLDS"},
    sources=(
        Source("Rik van Riel, 14 May 2015 (second mail)", "https://phunq.net/pipermail/tux3/2015-May/002240.html"),
    ),
)

FALSE_REFUSAL = Case(
    name="rdma+false_refusal",
    family="rdma",
    title="A faulter between its lookup and the lock",
    asks="A transient reference of another process's fault makes the count look wrong. Is a false refusal harmless?",
    columns="""
        app               | writer                  | peer                    | kernel
        dirty: store p0:0 | write p0:0 after closed | store p0:1 after closed | closed: transition after dirty
    """,
    mappings=("app", "peer"),
    judges=("I1", "I3", "I6", "I7", "I8"),
    # It is harmless only if what is done instead is: waiting is, writing in place is not.
    # A registry of holds has no faulter in it, so nothing is refused for one.
    expect={
        "rik_wait": "HOLDS",
        "rik_wait_holder": "HOLDS",
        "rik_in_place": "VIOLATED(I3, I6)",
        "tux3": "HOLDS",
        "holder_index_in_place": "HOLDS",
    },
    sources=(Source("Linux, mm/migrate.c:folio_expected_refs (0003e2a4)"),),
)

TORN_SNAPSHOT = Case(
    name="rdma+dma_while_copying",
    family="rdma",
    title="DMA into both cells while the fork or the flusher copies",
    asks="The device writes two cells; the copy for the disk is made between them. Torn, stable, or lost?",
    columns="""
        app               | device          | writer                  | kernel
        dirty: store p0:0 | device_write p0 | write p0:0 after closed | closed: transition after dirty
        mr_register p0    |                 |                         |
    """,
    mappings=("app",),
    judges=("I1", "I2", "I3", "I6", "I7", "I8"),
    # A snapshot may mix old and new of device writes under way; it may not change on the wire, nor lose them.
    expect={
        "tux3": "VIOLATED(I2, I3, I6)",
        "reverse_fork": "HOLDS",
        "stable_pages": "VIOLATED(I3, I6)",
        "stable_bounced": "HOLDS",
    },
    sources=(BOUNCE,),
)

LATE_REVERSE = Case(
    name="rdma+reverse_too_late",
    family="rdma",
    title="A reverse fork of a folio that is already in a bio",
    asks="Without a bounce copy the folio is submitted itself. What can the writer do then?",
    columns="""
        app                    | writer                  | kernel
        dirty: store p0:0      | write p0:0 after pinned | closed: transition after pinned
        pinned: mr_register p0 |                         |
    """,
    mappings=("app",),
    judges=("I1", "I3", "I6", "I7", "I8"),
    # From the moment it is in a bio, only waiting for that I/O keeps it stable.
    expect={"reverse_unbounced_busy": "VIOLATED(I3, I6)", "reverse_fork": "HOLDS", "tux3": "HOLDS"},
    sources=(Source("linux-tux3, fs/tux3/buffer_writeback.c:bufvec_io (01360bf0)"), BOUNCE),
)

DEREGISTER_CLEAN = Case(
    name="rdma+deregister_clean",
    family="rdma",
    title="Deregistration after the folio was cleaned",
    asks="No fork at all: the folio is written out while registered, then reported dirty. Does the kernel survive?",
    columns="""
        app               | kernel
        dirty: store p0:0 | transition after dirty
        mr_register p0    |
        mr_deregister p0  |
    """,
    mappings=("app",),
    judges=("I1", "I5", "I5w", "I7"),
    # The asserting set_page_dirty wants the folio dirty already.
    expect={"tux3": "VIOLATED(I5)", "stable_pages": "VIOLATED(I5)", "queued": "HOLDS", "reverse_fork": "HOLDS"},
    sources=(
        Source("linux-tux3, fs/tux3/filemap_mmap.c:tux3_set_page_dirty_assert (07b8aa30)"),
        Source("ext4, 2022: the same call on a clean page, 20180103100430.GE4911@quack2.suse.cz"),
    ),
)

FORWARDED = Case(
    name="rdma+dirty_call_forwarded",
    family="rdma",
    title="A dirty call on a forked folio that copies it to the current one",
    asks="Instead of asserting, the whole old page is copied to the new one. Whose data are lost now?",
    columns="""
        app               | device            | writer                  | kernel
        dirty: store p0:0 | device_write p0:1 | write p0:0 after closed | closed: transition after dirty
        mr_register p0    |                   |                         |
        mr_deregister p0  |                   |                         |
    """,
    mappings=("app",),
    judges=("I1", "I5"),
    # The whole page carries the old cell 0 over the newer write(2); only the bytes that the holder wrote may go.
    expect={"forward_page": "VIOLATED(I1)", "forward_range": "HOLDS", "tux3": "VIOLATED(I5)"},
    sources=(Source("linux-tux3, fs/tux3/filemap_mmap.c:tux3_set_page_dirty_assert (07b8aa30)"),),
)

NO_MEMORY = Case(
    name="rdma+no_memory",
    family="rdma",
    title="A registered page, and there may be no memory for a copy",
    asks="The disk is to have the copy instead, and there is no page for that either. What then?",
    columns="""
        app               | device            | writer                  | kernel
        dirty: store p0:0 | device_write p0:1 | write p0:0 after closed | closed: transition after dirty
        mr_register p0    |                   |                         |
    """,
    mappings=("app",),
    judges=("I1", "I2", "I5", "I7"),
    tight_memory=True,
    # Without memory for the disk's copy the writer waits for the older delta, which gets a bounce page from a mempool
    # sooner or later. Tux3 splits the device off, or follows a null pointer.
    expect={"tux3": "VIOLATED(I2, I5)", "reverse_fork": "HOLDS", "stable_pages": "HOLDS"},
    sources=(Source("linux-tux3, fs/tux3/buffer_fork.c:clone_page (18a490ba)"), BOUNCE),
)

ORDER = Case(
    name="rdma+order",
    family="rdma",
    title="A device writes a log record after the data that it speaks of",
    asks="Can a delta have the record on disk without the data?",
    columns="""
        data              | log               | device                            | kernel
        p: mr_register p0 | q: mr_register p1 | device_write p0 data after p, q   | transition after p, q
                          |                   | device_write p1 log               |
    """,
    mappings=("data:p0", "log:p1"),
    judges=("I6d", "I7"),
    pages=2,
    folios=4,
    # The flusher takes its copies one page after the other, and a device is stopped by no write-protected PTE. Nothing
    # that forks, waits or copies helps; what helps is that nothing is registered, or that the device is held back.
    expect={
        "tux3": "VIOLATED(I6d)",
        "stable_pages": "VIOLATED(I6d)",
        "reverse_fork": "VIOLATED(I6d)",
        "perfect": "VIOLATED(I6d)",
        "perfect_index": "VIOLATED(I6d)",
        "no_longterm": "HOLDS(refused)",
        "quiesced": "HOLDS",
        # a region need never end
        "quiesced_wait": "VIOLATED(I7)",
    },
    sources=(Source("QEMU commit 615379764ae6: background snapshot and VFIO exclude each other"),),
)

TWO_IN_FLIGHT = Case(
    name="rdma+two_in_flight",
    family="rdma",
    title="Two folios of one delta in flight, one of them registered",
    asks="The flusher has looked whether a folio is held, and lets it wait in a bio for another. Is it still right?",
    columns="""
        app         | owner          | device          | kernel
        a: store p0 | b: store p1    | device_write p1 | closed: transition after a, b
                    | mr_register p1 |                 |
    """,
    mappings=("app", "owner:p1"),
    judges=("I1", "I2", "I3", "I5", "I6", "I7", "I8"),
    pages=2,
    folios=4,
    expect={
        # Nobody looks, and the device writes into what the disk reads.
        "tux3": "VIOLATED(I3, I6)",
        "stable_pages": "VIOLATED(I3, I6)",
        "in_place": "VIOLATED(I3, I6)",
        # Who comes after the look finds a read-only PTE, and a folio under writeback: it gets a copy, or waits.
        "reverse_fork": "HOLDS",
        "perfect_index": "HOLDS",
        "copy_for_disk": "HOLDS",
        "no_longterm": "HOLDS(refused)",
    },
    bounds="Two pages of one cell, one registration, one device write, one delta closed, at most two folios in flight.",
    sources=(
        Source("linux-tux3, fs/tux3/buffer_writeback.c:bufvec_io, bufvec_bio_add_page (01360bf0)"),
        BOUNCE,
    ),
)

DEREGISTER_2015 = Case(
    name="rdma+deregister_2015",
    family="rdma",
    title="A region of 2015 is deregistered after its page was forked",
    asks="The release of 2015 reports the page dirty without a look at it. What does a forked page that is dirty say?",
    columns="""
        app                       | writer                         | kernel
        w: store p0:0             | write p0:0 after closed, taken | closed: transition after w
        taken: mr_register p0 get |                                |
        mr_deregister p0          |                                |
    """,
    mappings=("app",),
    judges=("I5", "I5w", "I7", "I8"),
    expect={
        # It warns while its delta is not on disk, and fails an assertion afterwards.
        "tux3": "VIOLATED(I5, I5w)",
        # No pin is seen, so the page is forked.
        "reverse_fork": "VIOLATED(I5, I5w)",
        # Not forked, it may be clean.
        "stable_pages": "VIOLATED(I5)",
        # A registry sees plain references, and what is late is ignored.
        "perfect_index": "HOLDS",
    },
    bounds="One page, one registration by a plain reference, one store, one write(2), one delta closed.",
    sources=(
        Source("Linux 3.15 to 4.1, drivers/infiniband/core/umem.c:__ib_umem_release: set_page_dirty_lock, always"),
        Source("linux-tux3, fs/tux3/filemap_mmap.c:tux3_set_page_dirty_assert (7e0293b4)"),
    ),
)
