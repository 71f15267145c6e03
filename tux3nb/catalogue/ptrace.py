"""ptrace: one plain reference, held for one copy."""

from tux3nb.cases.case import Case, Source

ACCESS = Source("Linux, mm/memory.c:__access_remote_vm (about v3.17)")

RIK = Source("Rik van Riel, 14 May 2015", "https://phunq.net/pipermail/tux3/2015-May/002238.html")
MAIL = Source("Daniel Phillips, 15 May 2015: 'First one is ptrace. Only for executable files, right?'")
ASSERT = Source("linux-tux3, fs/tux3/filemap_mmap.c:tux3_set_page_dirty_assert (07b8aa30)")

PTRACE = Case(
    name="ptrace",
    family="ptrace",
    title="A poke into a shared mapping and a write(2) in the next delta",
    asks="A tracer pokes a word into a page that the tracee maps shared; between its lookup and its copy the delta "
    "changes and another task writes the page. Does the poke arrive?",
    columns="""
        tracee            | tracer           | writer                  | kernel
        dirty: store p0:0 | poke tracee p0:1 | write p0:0 after closed | closed: transition after dirty
    """,
    mappings=("tracee", "writer"),
    judges=("I1", "I2", "I3", "I4a", "I5", "I5w", "I6", "I7", "I8"),
    # The reference lives for one copy, but that is long enough for a delta change and a fork; a plain reference is no
    # pin, so only a reference count or a holder that looks again can help. The copy may come while the disk reads the
    # folio (I3), and its dirty call finds the folio clean (I5) or forked (I2, I5w).
    expect={
        "tux3": "VIOLATED(I2, I3, I5, I5w)",
        "stable_pages": "VIOLATED(I3, I5)",
        "migration_rule": "VIOLATED(I3, I5)",
        "reverse_fork": "VIOLATED(I2, I3, I5, I5w)",
        "reverse_fork_holders": "HOLDS",
        "perfect": "HOLDS",
        # registered for the length of its copy, a poke is as good as pinned
        "holder_index": "HOLDS",
    },
    sources=(ACCESS, RIK),
)

FLUSHED = Case(
    name="ptrace+flushed",
    family="ptrace",
    title="A poke whose folio is written out before its dirty call",
    asks="No fork, no second writer: the flusher cleans the folio between the copy and the dirty call. And then?",
    columns="""
        tracee            | tracer           | kernel
        dirty: store p0:0 | poke tracee p0:1 | transition after dirty
    """,
    mappings=("tracee",),
    judges=("I1", "I2", "I5", "I7"),
    # The asserting set_page_dirty meets a clean folio: BUG, with any policy of the fork itself. Mainline accepts the
    # call, and writes the page out (unless reclaim has taken its buffers; see the case bug+ext4_dirtied_behind).
    expect={
        "tux3": "VIOLATED(I5)",
        "stable_pages": "VIOLATED(I5)",
        "reverse_fork": "VIOLATED(I5)",
        "no_mkclean": "VIOLATED(I5)",
        "queued": "HOLDS",
        "mainline_6_5": "HOLDS",
        # A call on a clean folio is taken, and the poke's folio is never forked.
        "copy_for_disk_ordered": "HOLDS",
    },
    sources=(ACCESS, ASSERT),
)

LOCKED = Case(
    name="ptrace+locked",
    family="ptrace",
    title="A poke that holds the folio lock over its copy",
    asks="The tracer locks the folio and finds it still in the slot. Is that enough while the disk reads it?",
    columns="""
        tracee            | tracer           | kernel
        dirty: store p0:0 | poke tracee p0:1 | transition after dirty
    """,
    mappings=("tracee",),
    judges=("I2", "I3", "I7"),
    # The flusher unlocks the folio before it submits it: the lock does not keep a copy away from a write-out.
    expect={"tux3_locked": "VIOLATED(I3)", "tux3_locked_stable": "HOLDS", "tux3": "VIOLATED(I3)"},
    sources=(ACCESS, Source("linux-tux3, fs/tux3/buffer_writeback.c: unlock before submit (01360bf0)")),
)

LOST = Case(
    name="ptrace+lost",
    family="ptrace",
    title="Does the poke arrive? Only that",
    asks="The window is one copy: lookup, delta change, fork by another writer, copy. Which policies close it?",
    columns="""
        tracee            | tracer           | writer                  | kernel
        dirty: store p0:0 | poke tracee p0:1 | write p0:0 after closed | closed: transition after dirty
    """,
    mappings=("tracee",),
    judges=("I1", "I2", "I7", "I8"),
    # A count that is only looked at can be too early; frozen it is not. A pin test never sees a plain reference.
    expect={
        "tux3": "VIOLATED(I2)",
        "rik_wait": "VIOLATED(I2)",
        "migration_rule": "HOLDS",
        "reverse_fork": "VIOLATED(I2)",
        "tux3_locked": "HOLDS",
        "stable_pages": "HOLDS",
    },
    sources=(ACCESS, RIK),
)

PEEK = Case(
    name="ptrace+peek",
    family="ptrace",
    title="A peek through a read-only shared mapping",
    asks="The debugger reads what the process sees. Is it what the file holds?",
    columns="""
        writer                  | tracer                             | kernel
        dirty: write p0:0       | peek reader p0:0 after written     | closed: transition after dirty
        written: write p0:0 after closed |                           |
    """,
    mappings=("reader:readonly",),
    judges=("I2", "I5", "I7"),
    # The PTE of such a mapping stays on the old folio, and a peek goes through the PTE.
    expect={"tux3": "VIOLATED(I2)", "tux3_coherent": "HOLDS", "stable_pages": "HOLDS"},
    sources=(ACCESS,),
)

DATA_NOT_TEXT = Case(
    name="ptrace+executables_only",
    family="ptrace",
    title="'Only for executable files, right?'",
    asks="Page forking is switched off for executables. Is ptrace safe then?",
    columns="""
        tracee            | tracer           | writer                  | kernel
        dirty: store p0:0 | poke tracee p0:1 | write p0:0 after closed | closed: transition after dirty
    """,
    mappings=("tracee", "text:private"),
    judges=("I1", "I2", "I7", "I8"),
    # The window needs a shared writable mapping; whether the file is also somebody's program text does not matter:
    # with a text mapping the opt-out happens to help here, without one (ptrace+lost) it does not.
    expect={"tux3": "VIOLATED(I2)", "cowardly_executable": "HOLDS"},
    sources=(MAIL,),
)
