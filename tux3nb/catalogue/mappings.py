"""Kinds of mapping: private memory and its pins, mappings of files opened for reading, mappings without a PTE."""

from tux3nb.cases.case import Case, Source

COW = Source("Linux, mm/memory.c:do_wp_page, do_cow_fault; tools/testing/selftests/mm/cow.c")
LONGTERM = Source("Linux, tools/testing/selftests/mm/gup_longterm.c: private mappings are granted (recalled)")
UNSHARE = Source("Linux v6.2, mm/gup.c:gup_must_unshare, FAULT_FLAG_UNSHARE (recalled)")
DIRTY_COW = Source("CVE-2016-5195, mm/gup.c:faultin_page; mended by 19be0eaffa3a")
CHECK_VMA = Source("Linux, mm/gup.c:check_vma_flags: FOLL_WRITE needs VM_WRITE, or FOLL_FORCE and a private mapping")
SHARED = Source("Linux 3.19, mm/memory.c:do_shared_fault; fs/tux3/filemap_mmap.c:tux3_page_mkwrite")
MMAP_SEM = Source("Linux, mm/mmap.c:vm_munmap takes mmap_sem for writing; GUP and faults hold it for reading")
PRIVATE = ("U2", "U3")

PRIVATE_STORE = Case(
    name="mmap+private_store",
    family="mmap",
    title="A store into a private mapping while the page is forked",
    asks="A process stores into its private mapping. Can what it stores get into the file, or to another process?",
    columns="""
        app        | peer      | writer                  | kernel
        store p0:0 | load p0:0 | dirty: write p0:1       | closed: transition after dirty
        load p0:0  |           | write p0:1 after closed |
    """,
    mappings=("app:private", "peer"),
    folios=4,
    judges=("I1", "I3", "I5", "I6", "I7", "I8", *PRIVATE),
    # The copy is made from whichever folio the PTE maps, the forked one too, and nobody else ever has it. That write(2)
    # in place breaks the delta is another matter.
    expect={
        "tux3": "HOLDS",
        "stable_pages": "HOLDS",
        "perfect": "HOLDS",
        "perfect_index": "HOLDS",
        "in_place": "VIOLATED(I3, I6)",
    },
    sources=(COW,),
)

PRIVATE_POKE = Case(
    name="mmap+private_poke",
    family="mmap",
    title="A debugger pokes into a private mapping",
    asks="The mapping is read-only, and a debugger may write all the same. Into what?",
    columns="""
        tracer           | peer              | kernel
        w: poke app p0:0 | load p0:0 after w | transition after w
    """,
    mappings=("app:private", "peer"),
    judges=PRIVATE,
    # FOLL_FORCE asks no leave of the mapping, and makes a copy first all the same. Without the copy (Dirty COW) the
    # debugger's bytes are in the page cache, and every process that maps the page shows them.
    expect={"tux3": "HOLDS", "stable_pages": "HOLDS", "no_private_copy": "VIOLATED(U2, U3)"},
    sources=(DIRTY_COW, COW),
)

PRIVATE_REGION = Case(
    name="mmap+private_region",
    family="mmap",
    title="A region is registered in a private mapping",
    asks="The device writes into private memory of a file mapping. What does the file get, and what the process?",
    columns="""
        app            | device            | peer      | writer     | kernel
        mr_register p0 | device_write p0:0 | load p0:0 | write p0:1 | transition
        store p0:1     |                   |           |            |
    """,
    mappings=("app:private", "peer"),
    folios=4,
    judges=("I1", "I2p", "I5", "I7", "I8", *PRIVATE),
    # The walk asks to write, so the copy comes first, and the pin is of the copy. v6.5 refuses such pins of file
    # memory, and private memory is none.
    expect={
        "tux3": "HOLDS",
        "no_longterm": "HOLDS",
        "stable_pages": "HOLDS",
        "perfect_index": "HOLDS",
        "no_private_copy": "VIOLATED(I1, I2p, U2, U3)",
    },
    sources=(LONGTERM, COW),
)

PRIVATE_REGION_READONLY = Case(
    name="mmap+private_region_readonly",
    family="mmap",
    title="A read-only region in a private mapping, and a store",
    asks="The device may only read. Does it see what the process stores after the registration?",
    columns="""
        app                         | device            | kernel
        region: mr_register p0 readonly | device_read p0:0 | transition
        store p0:0                  |                   |
    """,
    mappings=("app:private",),
    judges=("I2p", "I8", *PRIVATE),
    # A walk that only reads takes the file's folio; the store then copies, and device and process are apart, whatever
    # becomes of the file. Since v6.2 such a pin makes the copy first (unshare=yes).
    expect={
        "tux3": "VIOLATED(I2p)",
        "stable_pages": "VIOLATED(I2p)",
        "perfect": "VIOLATED(I2p)",
        "unshares": "HOLDS",
    },
    sources=(UNSHARE, LONGTERM),
)

READONLY_REGION = Case(
    name="mmap+readonly_region",
    family="mmap",
    title="A region for writing in a mapping of a file opened for reading",
    asks="A process that may not write the file lets a device do it. Does the kernel agree?",
    columns="""
        reader           | device            | app        | kernel
        mr_register p0   | device_write p0:1 | store p0:0 | transition
        mr_deregister p0 |                   |            |
    """,
    mappings=("reader:readonly", "app"),
    judges=("I1", "I2", "I3", "I5", "I7", "I8"),
    # The registration is refused with EFAULT, so the device has nothing to write to. reason: of Tux3 that was written
    # down, too; but its fork leaves the mapping of a file opened for reading behind, as in ordinary+readonly.
    expect={"tux3": "VIOLATED(I1)", "stable_pages": "HOLDS(refused)", "perfect": "HOLDS(refused)"},
    sources=(CHECK_VMA,),
)

TEXT_POKE = Case(
    name="mmap+text_poke",
    family="mmap",
    title="A debugger's breakpoint in program text that is being written",
    asks="Daniel Phillips asked in 2015 what a page fork does to ptrace. What if it pokes into program text?",
    columns="""
        tracer         | text      | writer                  | kernel
        poke text p0:0 | load p0:0 | dirty: write p0:1       | closed: transition after dirty
                       |           | write p0:1 after closed |
    """,
    mappings=("text:private",),
    folios=4,
    judges=("I1", "I3", "I5", "I6", "I7", "I8", *PRIVATE),
    # The bytes go into an anonymous copy: there is no dirty folio to lose them, and no dirty call to meet a clean one.
    # Without the copy there are both, and they are on disk.
    expect={
        "tux3": "HOLDS",
        "stable_pages": "HOLDS",
        "reverse_fork": "HOLDS",
        "perfect": "HOLDS",
        "no_private_copy": "VIOLATED(I1, I3, I5, I6, U2)",
    },
    sources=(COW, DIRTY_COW),
)

ABSENT_STORE = Case(
    name="mmap+absent_store",
    family="mmap",
    title="The first access to a mapping is a store",
    asks="The store's fault looks the page up while it is forked. Can it map the old folio, as a load's fault can?",
    columns="""
        app        | writer                  | kernel
        store p0:0 | dirty: write p0:1       | closed: transition after dirty
        load p0:1  | write p0:1 after closed |
    """,
    mappings=("app:absent",),
    judges=("I1", "I3", "I5", "I6", "I7", "I8"),
    # page_mkwrite is given the folio that the fault has found and asks need_fork before anything is mapped: a forked
    # one is looked up again. (The kernel warns there, which is I5w's and not asked here.)
    expect={
        "tux3": "HOLDS",
        "stable_pages": "HOLDS",
        "tux3_coherent": "HOLDS",
        "perfect_index": "HOLDS",
        "in_place": "VIOLATED(I3, I6)",
    },
    sources=(SHARED,),
)

WALK_AND_MUNMAP = Case(
    name="ordinary+walk_and_munmap",
    family="ordinary",
    title="munmap in the middle of a walk",
    asks="A debugger's walk faults and waits for the write-out, and the process unmaps the file. Who waits for whom?",
    columns="""
        app                        | tracer                      | kernel
        dirty: store p0:0          | poke app p0:1 after closed  | closed: transition after dirty
        munmap app after closed    |                             |
    """,
    mappings=("app",),
    judges=("I1", "I5", "I7", "I8"),
    # The walk has mmap_sem for reading, and munmap wants it for writing: it comes before the walk, which then finds
    # nothing mapped (-EFAULT), or after it. No walk waits for a PTE that can never come. The dirty call may find the
    # folio written out, as in every poke.
    expect={"tux3": "VIOLATED(I5)", "stable_pages": "VIOLATED(I5)", "perfect": "HOLDS"},
    sources=(MMAP_SEM,),
)
