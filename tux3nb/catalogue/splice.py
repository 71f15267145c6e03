"""splice: pages in a pipe, held by plain references for as long as nobody reads it."""

from tux3nb.cases.case import Case, Source

SPLICE = Source("Linux, fs/splice.c:vmsplice_to_pipe, generic_file_splice_read (3.x)")
FORK = Source("linux-tux3, fs/tux3/buffer_fork.c (commits 18a490ba, 489cb8dc)")
RIK = Source("Rik van Riel, 14 May 2015", "https://phunq.net/pipermail/tux3/2015-May/002238.html")
RIK2 = Source("Rik van Riel, 14 May 2015, later", "https://phunq.net/pipermail/tux3/2015-May/002240.html")
PINS = Source("Linux, Documentation/core-api/pin_user_pages.rst (commit 07c7b547)")

PIPE = Case(
    name="splice",
    family="splice",
    title="File data in a pipe while the page is written",
    asks="splice(2) puts a page-cache folio into a pipe; then the delta changes and the page is written, and the pipe "
    "is read last of all. It may publish bytes that a finished write(2) has replaced: does that break a promise, and "
    "what does refusing to fork for its sake break?",
    columns="""
        pipe                   | writer                  | kernel
        splice p0              | dirty: write p0:0       | closed: transition after dirty
        pipe_read p0           | write p0:0 after closed |
        pipe_close             |                         |
    """,
    mappings=(),
    judges=("I2", "I3", "I6", "I7"),
    expect={
        # what comes out is some version of the file, current at the splice or newer: a pipe is served well by a fork
        "tux3": "HOLDS",
        "tux3_coherent": "HOLDS",
        "no_longterm": "HOLDS",
        # nothing is mapped, so the opt-out forks as Tux3 does
        "cowardly": "HOLDS",
        "reverse_fork": "HOLDS",
        "reverse_fork_holders": "HOLDS",
        "perfect": "HOLDS",
        # the registry has the pipe in it, and the disk gets the copy: the folio stays with the pipe and the page cache
        "holder_index": "HOLDS",
        # a wait for the write-out ends with or without the pipe
        "stable_pages": "HOLDS",
        "rik_wait": "HOLDS",
        "migration_rule": "HOLDS",
        # the writer waits for a pipe that may never be read
        "rik_wait_holder": "VIOLATED(I7)",
        # the next delta's bytes reach the disk with this one
        "in_place": "VIOLATED(I3, I6)",
        # and an idle pipe is all it takes
        "rik_in_place": "VIOLATED(I3, I6)",
    },
    bounds="One page, one splice, two writes, one delta closed; nothing maps the page.",
    sources=(SPLICE, FORK, RIK2),
)

CURRENT = Case(
    name="splice+mapped",
    family="splice",
    title="File data in a pipe while a mapping stores into the page",
    asks="The page is also mapped, and the next delta's store comes through the mapping. Is the pipe's reader, or the "
    "delta, worse off than with write(2)?",
    columns="""
        pipe         | app                     | kernel
        splice p0    | dirty: store p0:0       | closed: transition after dirty
        pipe_read p0 | store p0:0 after closed |
    """,
    mappings=("app",),
    judges=("I1", "I2", "I3", "I6"),
    expect={
        "tux3": "HOLDS",
        "stable_pages": "HOLDS",
        "rik_wait": "HOLDS",
        "migration_rule": "HOLDS",
        "cowardly": "HOLDS",
        "reverse_fork": "HOLDS",
        "perfect": "HOLDS",
        "in_place": "VIOLATED(I3, I6)",
        "rik_in_place": "VIOLATED(I3, I6)",
    },
    bounds="One page, one splice, two stores, one delta closed.",
    sources=(SPLICE, FORK),
)

LENT = Case(
    name="vmsplice",
    family="splice",
    title="Memory lent to a pipe while the page is written",
    asks="vmsplice(2) lends a page of a mapping to a pipe, by a plain reference without bound; then the delta changes "
    "and another task writes the page. Does the reader of the pipe see what was written before it read?",
    columns="""
        app           | reader         | writer                  | kernel
        vmsplice p0   | pipe_read p0:0 | dirty: write p0:1       | closed: transition after dirty
                      |                | write p0:0 after closed |
    """,
    mappings=("app",),
    judges=("I2", "I7"),
    expect={
        # the pipe keeps the folio that left the page cache
        "tux3": "VIOLATED(I2)",
        "tux3_coherent": "VIOLATED(I2)",
        "no_longterm": "VIOLATED(I2)",
        # a read-only reference can still be taken through any PTE after the count was tested
        "rik_wait": "VIOLATED(I2)",
        "rik_wait_holder": "VIOLATED(I2, I7)",
        "rik_in_place": "VIOLATED(I2)",
        # a plain reference is no pin
        "reverse_fork": "VIOLATED(I2)",
        # a registry has the pipe in it, until it is read
        "holder_index": "HOLDS",
        # the repair for a CPU reader: lock the folio and look the index up again before the copy
        "reverse_fork_holders": "HOLDS",
        "perfect": "HOLDS",
        # no PTE is left during the decision, and every reference counts
        "migration_rule": "HOLDS",
        "stable_pages": "HOLDS",
        "in_place": "HOLDS",
        "cowardly": "HOLDS",
    },
    bounds="One page, one vmsplice, one read of one cell, one delta closed.",
    sources=(SPLICE, FORK, RIK, PINS),
)

LENT_ENDLESS = Case(
    name="vmsplice+endless_write_out",
    family="splice",
    title="Memory lent to a pipe, and write-out to a server that never answers",
    asks="Who waits for the server, once the page is held?",
    columns="""
        app               | writer                     | kernel
        lent: vmsplice p0 | old: write p0:0 after lent | closed: transition after old
                          | write p0:0 after closed    |
    """,
    mappings=("app",),
    judges=("I1", "I7"),
    endless_disk=True,
    # A policy that forks and waits for the write-out only where the fork is refused waits for ever, too, as soon as
    # somebody holds the page. Without a holder that does not show (`ordinary+endless_write_out`).
    expect={
        "tux3": "HOLDS",
        "reverse_fork": "HOLDS",
        "copy_for_disk": "HOLDS",
        "stable_pages": "VIOLATED(I7)",
        "holder_index": "VIOLATED(I7)",
        "perfect_index": "VIOLATED(I7)",
    },
    bounds="One page, one vmsplice that is never read, two writes, one delta closed.",
    sources=(
        SPLICE,
        Source("FUSE, AS_WRITEBACK_MAY_DEADLOCK_ON_RECLAIM (2024): a server may never complete a write-out"),
    ),
)
