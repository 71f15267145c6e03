"""Ordinary mappings: no holder at all, only CPUs that load and store, and write(2)."""

from tux3nb.cases.case import Case, Source

FORK = Source("linux-tux3, fs/tux3/buffer_fork.c (18a490ba) and mm/rmap.c:page_cow_file (acb71e58)")
MMAP = Source("Linux, mm/mmap.c:do_mmap: VM_SHARED is cleared for MAP_SHARED of a file not open for writing")
FAULT = Source("linux-tux3, mm/filemap.c:filemap_fault, filemap_map_pages (9c3845ed): no test for a forked page")
WP = Source("linux-tux3, mm/memory.c:do_wp_page (acb71e58): the faulting PTE is replaced by a plain set_pte_at")

ANSWER = Source("FUSE, AS_WRITEBACK_MAY_DEADLOCK_ON_RECLAIM (2024): a server may never complete a write-out")

BIO = Source(
    "linux-tux3, fs/tux3/buffer_writeback.c:bufvec_io, bufvec_bio_add_page (01360bf0): folios go into a bio one "
    "by one, each locked, marked and unlocked, before the bio is submitted"
)

CPU = ("I1", "I3", "I5", "I6", "I7", "I8")

STORES = Case(
    name="ordinary",
    family="ordinary",
    title="Two processes that store, one that writes",
    asks="With nobody holding a reference, does every CPU see one page, and is every delta a cut?",
    columns="""
        app               | peer                    | writer                  | kernel
        dirty: store p0:0 | store p0:1 after closed | write p0:0 after closed | closed: transition after dirty
    """,
    mappings=("app", "peer"),
    judges=CPU,
    # The fork was made for this: Tux3 keeps both coherence and the cut; writing in place loses the cut.
    expect={"tux3": "HOLDS", "stable_pages": "HOLDS", "in_place": "VIOLATED(I3, I6)"},
    sources=(FORK,),
)

READONLY = Case(
    name="ordinary+readonly",
    family="ordinary",
    title="A reader through MAP_SHARED of a file opened for reading",
    asks="Does a process that maps the file read-only see what write(2) writes after a fork?",
    columns="""
        writer                  | reader    | kernel
        dirty: write p0:0       | load p0:0 | closed: transition after dirty
        write p0:0 after closed |           |
    """,
    mappings=("reader:readonly",),
    judges=CPU,
    # VM_SHARED is cleared for such a mapping, and the fork redirects VM_SHARED mappings only.
    expect={"tux3": "VIOLATED(I1)", "tux3_coherent": "HOLDS", "stable_pages": "HOLDS"},
    sources=(MMAP, FORK),
)

PRIVATE = Case(
    name="ordinary+private",
    family="ordinary",
    title="A private mapping that has made no copy of its own, and a read-only shared one",
    asks="Which mappings keep showing the old folio after a fork?",
    columns="""
        writer                  | text      | reader    | kernel
        dirty: write p0:0       | load p0:0 | load p0:1 | closed: transition after dirty
        write p0:0 after closed |           |           |
    """,
    mappings=("text:private", "reader:readonly"),
    judges=("I1", "I1p", "I3", "I5", "I6", "I7", "I8"),
    # The private one is open to POSIX (reported apart); the read-only shared one is not.
    expect={"tux3": "VIOLATED(I1)", "tux3_coherent": "HOLDS"},
    sources=(MMAP, FORK),
)

READ_FAULT = Case(
    name="ordinary+read_fault",
    family="ordinary",
    title="A read fault sleeps on the folio lock while the folio is forked",
    asks="Which folio does the read fault map when it wakes up?",
    columns="""
        writer                  | reader                 | kernel
        dirty: write p0:0       | load p0:0 after closed | closed: transition after dirty
        write p0:0 after closed |                        |
    """,
    mappings=("reader:absent",),
    judges=CPU,
    # filemap_fault looks only at the mapping, and a forked folio keeps it. Its reference is extra to a frozen count.
    expect={"tux3": "VIOLATED(I1)", "tux3_coherent": "HOLDS", "migration_rule": "HOLDS", "stable_pages": "HOLDS"},
    sources=(FAULT,),
)

SIBLING = Case(
    name="ordinary+sibling",
    family="ordinary",
    title="Another thread still has the old translation",
    asks="Thread 1 write-faults and forks; what does thread 2 of the same process read through its TLB?",
    columns="""
        app                     | thread                 | kernel
        dirty: store p0:0       | sibling_load app p0:0  | closed: transition after dirty
        store p0:0 after closed | sibling_load app p0:0  |
    """,
    mappings=("app:sibling",),
    judges=CPU,
    # The faulting PTE is replaced without a flush; the old folio can even be freed under the translation. A PTE that is
    # unmapped before the fork is flushed then.
    expect={
        "tux3": "VIOLATED(I1, I8)",
        "tux3_coherent": "HOLDS",
        "stable_pages": "HOLDS",
        "migration_rule": "HOLDS",
    },
    sources=(WP,),
)

SIBLING_STORE = Case(
    name="ordinary+sibling_store",
    family="ordinary",
    title="Another thread stores through a translation of its own",
    asks="Thread 1 write-faults and forks; can a store of thread 2 of the same process get into the old folio?",
    columns="""
        app                     | thread                 | kernel
        dirty: store p0:0       | sibling_store app p0:1 | closed: transition after dirty
        store p0:0 after closed |                        |
    """,
    mappings=("app:sibling",),
    judges=("I3", "I6"),
    # Write protection flushes every TLB before the copy is made (mkclean), so no writable translation is left; what may
    # be read through a stale one is ordinary+sibling's question.
    expect={"tux3": "HOLDS", "tux3_coherent": "HOLDS", "stable_pages": "HOLDS", "in_place": "VIOLATED(I3, I6)"},
    sources=(WP,),
)

TWO_PAGES = Case(
    name="ordinary+two_pages",
    family="ordinary",
    title="Stores to two pages, one of them through a PTE that the delta change left writable",
    asks="A process stores to page 0 and then to page 1, which it dirtied in the delta before. Can the second store be "
    "on disk without the first?",
    columns="""
        app                    | kernel
        dirty: store tail p1   | closed: transition after dirty
        store p0 after closed  | transition
        store tail p1          |
    """,
    mappings=("app", "tail:p1"),
    pages=2,
    folios=4,
    deltas=2,
    judges=("I1", "I3", "I5", "I6", "I6m", "I7", "I8"),
    # Page 0 is clean, so its store faults and belongs to the new delta; page 1's PTE is still writable, so its store
    # lands in the closed one, and is on disk first. Neither a fork that is refused nor one that waits has a say: no
    # fork is asked for. A sweep closes the PTE some time after the delta, perhaps too late; under a barrier the fault
    # on page 0 cannot begin its section before the PTE is closed.
    expect={
        "tux3": "VIOLATED(I6m)",
        "tux3_coherent": "VIOLATED(I6m)",
        "stable_pages": "VIOLATED(I6m)",
        "reverse_fork": "VIOLATED(I6m)",
        "swept": "VIOLATED(I6m)",
        "protected": "HOLDS",
        "perfect": "VIOLATED(I6m)",
        "perfect_index": "HOLDS",
    },
    sources=(
        Source("linux-tux3, fs/tux3/buffer_fork.c: comment above prepare_clone_page (18a490ba)"),
        Source("POSIX, mmap and msync: no order is promised without msync"),
    ),
)

UNPROTECTED = Case(
    name="ordinary+store_while_copying",
    family="ordinary",
    title="A store through another process's writable PTE while the fork copies",
    asks="What happens to a store that falls between the copy and the redirected PTE?",
    columns="""
        app               | writer                  | kernel
        dirty: store p0:0 | write p0:0 after closed | closed: transition after dirty
        store p0:1        |                         |
    """,
    mappings=("app",),
    judges=CPU,
    # The authors' own diagram at prepare_clone_page: without write-protect before the copy the store is lost.
    expect={"tux3": "HOLDS", "no_mkclean": "VIOLATED(I1, I6)"},
    sources=(Source("linux-tux3, fs/tux3/buffer_fork.c: comment at prepare_clone_page (18a490ba)"),),
)

LOCK_ORDER = Case(
    name="ordinary+section_before_lock",
    family="ordinary",
    title="A section begun before the folio lock",
    asks="An older section meets a folio that is already dirty for a newer delta. Does it fork backwards?",
    columns="""
        old        | new                     | kernel
        write p0:0 | store p0:1 after closed | closed: transition
                   |                         | transition
    """,
    mappings=("new",),
    folios=4,
    deltas=2,
    judges=("I1", "I3", "I5", "I6", "I7", "I8"),
    # Lock first, and an older section can never meet a newer folio; section first (write(2) of January 2015), and the
    # newer delta overwrites the older section's data on disk.
    expect={"tux3": "HOLDS", "no_lock_order": "VIOLATED(I6)"},
    sources=(
        Source("linux-tux3, fs/tux3/filemap_blocklib.c:tux3_write_begin (045a6e00): lock, then section"),
        Source("OGAWAHirofumi/tux3 0dd55b3f, user/kernel/filemap.c:tux3_file_write_begin: section, then lock"),
    ),
)

ACCESSED_BIT = Case(
    name="ordinary+accessed_bit",
    family="ordinary",
    title="The faulting PTE changes by itself during the fork",
    asks="The fork leaves the faulting mapping's PTE to its fault, and the fault finds that PTE changed. Who cures it?",
    columns="""
        app                     | writer                  | kernel
        dirty: store p0:0       | write p0:1 after closed | closed: transition after dirty
        store p0:0 after closed |                         |
    """,
    mappings=("app:young",),
    judges=CPU,
    # The PTE stays on the old folio until the next write fault; the 2014 version redirected it as well.
    expect={"tux3": "VIOLATED(I1)", "tux3_coherent": "HOLDS", "stable_pages": "HOLDS"},
    sources=(WP, Source("linux-tux3, fs/tux3/filemap_mmap.c (7e0293b4, 2014): no VMA is left out")),
)

OWN_REFERENCE = Case(
    name="ordinary+own_reference",
    family="ordinary",
    title="A forked folio without its own reference",
    asks="Is a forked folio freed after its delta is on disk?",
    columns="""
        writer                  | kernel
        dirty: write p0:0       | closed: transition after dirty
        write p0:0 after closed |
    """,
    mappings=("reader",),
    judges=CPU,
    # Polling frees at a count of three: dummy cache, buffers, own. Without the last the count never fits: a leak.
    expect={"tux3": "HOLDS", "no_own_reference": "VIOLATED(I8)"},
    sources=(Source("linux-tux3, fs/tux3/buffer_fork.c:is_freeable_forked (18a490ba)"),),
)

THREE_STORES = Case(
    name="ordinary+three_stores",
    family="ordinary",
    title="Three stores of one process while the disk's copy is made",
    asks="Can a delta have the third store without the second?",
    columns="""
        app               | pipe                        | writer                  | kernel
        first: store p0:0 | spliced: splice p0 after first | write p0:0 after closed | closed: transition after spliced
        store p0:0        |                             |                         |
        store p0:1        |                             |                         |
    """,
    mappings=("app",),
    judges=("I1", "I3", "I6", "I7"),
    # The reverse fork's copy is made under read-only PTEs, as prepare_clone_page makes that of a fork. Each cell for
    # itself was a value of the cut before, and the page was torn all the same.
    expect={"tux3": "HOLDS", "reverse_fork": "HOLDS", "holder_index": "HOLDS", "in_place": "VIOLATED(I3, I6)"},
    sources=(FORK,),
)

FORKED_MEANWHILE = Case(
    name="ordinary+forked_meanwhile",
    family="ordinary",
    title="write(2) has looked a page up that a store forks meanwhile",
    asks="Does the kernel warn of something that is in order?",
    columns="""
        app                     | writer                  | kernel
        dirty: store p0:0       | write p0:1 after closed | closed: transition after dirty
        store p0:0 after closed |                         |
    """,
    mappings=("app",),
    judges=("I1", "I5", "I5w", "I6", "I7"),
    # RET_FORKED is met by whoever looked the page up before the fork and locked it afterwards, and it warns. Where the
    # count is frozen, a look-up keeps the fork away.
    expect={"tux3": "VIOLATED(I5w)", "tux3_coherent": "HOLDS", "migration_rule": "HOLDS", "stable_pages": "HOLDS"},
    sources=(Source("linux-tux3, fs/tux3/buffer_fork.c:pagefork_for_blockdirty (18a490ba): WARN_ON(1)"),),
)

ENDLESS = Case(
    name="ordinary+endless_write_out",
    family="ordinary",
    title="Write-out to a server that never answers",
    asks="Who waits for the server?",
    columns="""
        app                     | kernel
        dirty: store p0:0       | closed: transition after dirty
        store p0:0 after closed |
    """,
    mappings=("app",),
    judges=("I1", "I3", "I7"),
    endless_disk=True,
    # Waiting for the write-out is waiting for the server. A fork waits for nothing; nor does a write in place, which
    # changes what the server reads.
    expect={"tux3": "HOLDS", "stable_pages": "VIOLATED(I7)", "in_place": "VIOLATED(I3)", "reverse_fork": "HOLDS"},
    sources=(ANSWER,),
)

NO_MEMORY = Case(
    name="ordinary+no_memory",
    family="ordinary",
    title="There may be no memory for the copy",
    asks="A store must fork and there is no page for the copy. What then?",
    columns="""
        app                     | writer                  | kernel
        dirty: store p0:0       | write p0:1 after closed | closed: transition after dirty
        store p0:0 after closed |                         |
    """,
    mappings=("app",),
    judges=CPU,
    tight_memory=True,
    # Tux3 follows a null pointer. A policy that may refuse a fork has what it needs: to refuse it.
    expect={"tux3": "VIOLATED(I5)", "stable_pages": "HOLDS", "reverse_fork": "HOLDS", "perfect_index": "HOLDS"},
    sources=(Source("linux-tux3, fs/tux3/buffer_fork.c:clone_page (18a490ba): the result is used unchecked"),),
)

STABLE_STORE = Case(
    name="ordinary+stable_store",
    family="ordinary",
    title="A store while a device that asks for stable pages, and may never answer, has the page",
    asks="Who waits for the device, and who changes what it reads?",
    columns="""
        app                     | kernel
        dirty: store p0:0       | closed: transition after dirty
        store p0:0 after closed |
    """,
    mappings=("app",),
    judges=("I1", "I3", "I7"),
    stable_device=True,
    endless_disk=True,
    # A fork needs no waiting, so a page_mkwrite that does not wait is right in Tux3. Where nothing is forked it is not.
    expect={"tux3": "HOLDS", "stable_pages": "VIOLATED(I7)"},
    sources=(ANSWER, Source("Linux, mm/page-writeback.c:folio_wait_stable, in page_mkwrite of ext4, xfs and filemap")),
)

READ = Case(
    name="ordinary+read",
    family="ordinary",
    title="read(2) while the page is written, closed, forked and written out",
    asks="A process reads the file with no lock held. Can it see what was overwritten before, and whom does its "
    "reference disturb?",
    columns="""
        reader  | writer                | kernel
        read p0 | dirty: write p0       | closed: transition after dirty
                | write p0 after closed |
    """,
    mappings=(),
    judges=CPU,
    expect={
        # What has been looked up stays as it is until it is put: the reader has the old page, as if it had come first.
        "tux3": "HOLDS",
        "stable_pages": "HOLDS",
        # Its reference is extra to who counts, so the fork is refused for nothing; waiting is harmless,
        "rik_wait": "HOLDS",
        "rik_wait_holder": "HOLDS",
        "migration_rule": "HOLDS",
        # writing in place is not.
        "rik_in_place": "VIOLATED(I3, I6)",
        # A look-up registers nothing.
        "holder_index_in_place": "HOLDS",
    },
    bounds="One page, one read(2) and two write(2) of both cells, one delta closed.",
    sources=(
        Source("Linux, mm/filemap.c:do_generic_file_read (3.19), filemap_read (now): no folio lock (recalled)"),
        FORK,
    ),
)

TWO_IN_FLIGHT = Case(
    name="ordinary+two_in_flight",
    family="ordinary",
    title="Two folios of one delta in a bio, or in two bios at once",
    asks="A folio waits in a bio, under writeback and not submitted, until the flusher has the next one. Who meets it "
    "there?",
    columns="""
        app         | writer                | kernel
        a: store p0 | b: write p1           | closed: transition after a, b
                    | write p1 after closed |
    """,
    mappings=("app",),
    pages=2,
    folios=4,
    judges=CPU,
    # Whoever waits for it waits with no lock, so the flusher gets the next one; a fork or a copy waits for nothing.
    expect={
        "tux3": "HOLDS",
        "stable_pages": "HOLDS",
        "reverse_fork": "HOLDS",
        "perfect_index": "HOLDS",
        "copy_for_disk": "HOLDS",
        "in_place": "VIOLATED(I3, I6)",
    },
    bounds="Two pages of one cell, one store, two write(2), one delta closed, at most two folios in flight.",
    sources=(BIO, FORK),
)
