"""Small worlds that pin single conditions of the rules down: controls that hold, and a fork that is forked again."""

from tux3nb.cases.case import Case, Source

FORK = Source("linux-tux3, fs/tux3/buffer_fork.c (18a490ba) and mm/rmap.c:page_cow_file (acb71e58)")
WP = Source("linux-tux3, mm/memory.c:do_wp_page (acb71e58): the faulting PTE is left alone if it is not what was seen")
CPU = ("I1", "I3", "I5", "I6", "I7", "I8")

FORKED_TWICE = Case(
    name="ordinary+forked_twice",
    family="ordinary",
    title="A fault that forks the folio which another task's fork has just mapped",
    asks="Two forks in a row: the first redirects the faulting PTE, the second leaves it to a fault that saw the PTE "
    "before. Who points it at the newest folio?",
    columns="""
        app                     | writer                  | kernel
        store p0:1 after closed | dirty: write p0:0       | closed: transition after dirty
                                | write p0:0 after closed | transition
                                | write p0:0              |
    """,
    mappings=("app",),
    folios=4,
    deltas=2,
    judges=CPU,
    # Found by the free-running world of aio: the PTE stays on the folio between the two, with no accessed bit in play;
    # redirecting the faulting PTE too (2014) leaves nobody behind.
    expect={"tux3": "VIOLATED(I1)", "tux3_coherent": "HOLDS", "stable_pages": "HOLDS"},
    sources=(WP, FORK),
)

CONTROLS = Case(
    name="ordinary+controls",
    family="ordinary",
    title="Mechanisms that a single writer does not need",
    asks="One task writes a page in two deltas and nobody stores through a mapping. Which mechanisms does that need?",
    columns="""
        writer                  | reader    | kernel
        dirty: write p0:0       | load p0:0 | closed: transition after dirty
        write p0:1 after closed |           |
    """,
    mappings=("reader",),
    judges=CPU,
    # Write-protecting and the lock order are for other tasks; the own reference is not, and writing in place never is.
    expect={
        "tux3": "HOLDS",
        "no_mkclean": "HOLDS",
        "no_lock_order": "HOLDS",
        "protected": "HOLDS",
        "rik_wait_holder": "HOLDS",
        "migration_rule": "HOLDS",
        "pins_unmapped": "HOLDS",
        "reverse_fork": "HOLDS",
        "no_own_reference": "VIOLATED(I8)",
        "in_place": "VIOLATED(I3, I6)",
        # The load is in no delta, and what mainline asks of the cut is nothing: waiting for the write-out is enough.
        "btrfs_csum": "HOLDS",
    },
    sources=(FORK,),
)

TWO_WRITERS = Case(
    name="ordinary+two_writers",
    family="ordinary",
    title="Two write(2) and a store of one process, a delta change among them",
    asks="Every fork has a store, a write(2) and the flusher beside it. Which policies keep the page whole?",
    columns="""
        app        | one                     | two                     | kernel
        store p0:1 | dirty: write p0:0       | write p0:0 after closed | closed: transition after dirty
    """,
    mappings=("app",),
    judges=CPU,
    # Nobody holds a reference for long: each way to refuse a fork is as good as forking, but for writing in place.
    expect={
        "tux3": "HOLDS",
        "stable_pages": "HOLDS",
        "protected": "HOLDS",
        "migration_rule": "HOLDS",
        "pins_unmapped": "HOLDS",
        "rik_wait_holder": "HOLDS",
        "in_place": "VIOLATED(I3, I6)",
    },
    sources=(FORK,),
)
