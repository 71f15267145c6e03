"""uprobes: a breakpoint in program text. Does a page fork lose it, copy it, or let it out?"""

from tux3nb.cases.case import Case, Source

MAIL = Source("Daniel Phillips, 15 May 2015: the replacement page has a copy of the breakpoint")
OPCODE = Source("Linux, kernel/events/uprobes.c:uprobe_write_opcode, __replace_page (013b2deb, about v5.8)")
COPY_INSN = Source("Linux, kernel/events/uprobes.c:copy_insn (013b2deb): the instruction is read by index")
REF_CTR = Source("Linux, kernel/events/uprobes.c:update_ref_ctr (013b2deb)")
REDIRECT = Source("linux-tux3, mm/rmap.c:page_cow_file (acb71e58): VM_SHARED mappings only")
FAULT = Source("linux-tux3, mm/filemap.c:filemap_fault, filemap_map_pages (9c3845ed): no test for a forked page")
JUDGES = ("U1", "U2", "U3", "U4", "I1", "I5", "I6", "I7", "I8")

PROBED = Case(
    name="uprobes",
    family="uprobes",
    title="A breakpoint in a page that is forked",
    asks="A process's text has a breakpoint; another task writes the page in the next delta, so that it is forked. Is "
    "the breakpoint lost, copied into the new page, or written to disk?",
    columns="""
        app                | tracer               | writer                       | kernel
        run p0:0           | set: uprobe app p0:0 | dirty: write p0:1            | closed: transition after dirty
        run p0:0 after set |                      | write p0:1 after closed, set |
    """,
    mappings=("app:private:absent", "other"),
    judges=JUDGES,
    expect={
        # The breakpoint is in an anonymous copy that belongs to one process: the page cache never has it, so a fork
        # has none to copy, and a redirect matches only PTEs that map the old folio, so it finds none to lose.
        "tux3": "HOLDS",
        "redirect_all": "HOLDS",
        "redirect_all_recheck": "HOLDS",
        "perfect": "HOLDS",
        "migration_rule": "HOLDS",
        "cowardly_executable": "HOLDS",
        "stable_pages": "HOLDS",
        # The page that the mail speaks of: with the breakpoint in the page cache the disk and all others get it.
        "no_private_copy": "VIOLATED(I1, I6, U2, U3)",
    },
    bounds="One page, one probe, two writes of the other cell, one delta closed.",
    sources=(MAIL, OPCODE, REDIRECT),
)

SAVED = Case(
    name="uprobes+saved",
    family="uprobes",
    title="A breakpoint set after its page was forked",
    asks="The process still executes the old folio, through its private mapping; uprobes reads the instruction that it "
    "must keep from the page cache. Is it the one that the breakpoint replaces?",
    columns="""
        app                | tracer                          | writer                | kernel
        run p0:0 after set | set: uprobe app p0:0 after next | dirty: write p0:0     | next: transition after dirty
                           |                                 | write p0:0 after next |
    """,
    mappings=("app:private",),
    judges=JUDGES,
    expect={
        # A private PTE is not redirected: the process executes A's bytes, copy_insn reads B's.
        "tux3": "VIOLATED(U4)",
        "tux3_coherent": "VIOLATED(U4)",
        # Nobody but the PTE itself holds the page, and that is accounted for: the fork is not refused.
        "rik_wait": "VIOLATED(U4)",
        # Nothing is pinned, so that these fork like Tux3, and they redirect shared mappings only.
        "reverse_fork": "VIOLATED(U4)",
        # reason: `perfect` was VIOLATED while it redirected shared mappings only; it redirects all of them now.
        "perfect": "HOLDS",
        "redirect_all": "HOLDS",
        "redirect_all_recheck": "HOLDS",
        # Unmapping for the decision takes every PTE, private ones too, and maps the new folio there.
        "migration_rule": "HOLDS",
        # The mail's own idea, no fork of executables, is enough here.
        "cowardly_executable": "HOLDS",
        "stable_pages": "HOLDS",
    },
    bounds="One page, one probe, two writes of the probed instruction, one delta closed.",
    sources=(COPY_INSN, REDIRECT, MAIL),
)

READ_FAULT = Case(
    name="uprobes+read_fault",
    family="uprobes",
    title="The process faults its text in while the page is forked",
    asks="Every PTE of the old folio is redirected, private ones too. What of a PTE that is only about to be set?",
    columns="""
        app                | tracer                         | writer                     | kernel
        run p0:0           | set: uprobe app p0:0 after new | dirty: write p0:0          | next: transition after dirty
        run p0:0 after set |                                | new: write p0:0 after next |
    """,
    mappings=("app:private:absent",),
    judges=JUDGES,
    expect={
        "tux3": "VIOLATED(U4)",
        # The fault found A, slept on its lock over the fork, and maps A after the redirect.
        "redirect_all": "VIOLATED(U4)",
        # Looking again after the lock is not enough either where a PTE set before is not redirected.
        "tux3_coherent": "VIOLATED(U4)",
        "redirect_all_recheck": "HOLDS",
        "cowardly_executable": "HOLDS",
        # The fault's reference keeps the fork away.
        "migration_rule": "HOLDS",
        "stable_pages": "HOLDS",
    },
    bounds="One page, one read fault, one probe, two writes, one delta closed.",
    sources=(FAULT, COPY_INSN),
)

REPLACE = Case(
    name="uprobes+replace",
    family="uprobes",
    title="The fork redirects the PTE that uprobes is about to replace",
    asks="uprobes has copied the old folio; before it replaces the PTE a fork points it at the new one. Who notices?",
    columns="""
        app                | tracer                          | writer                | kernel
        run p0:0 after set | set: uprobe app p0:0 after next | dirty: write p0:1     | next: transition after dirty
                           |                                 | write p0:1 after next |
    """,
    mappings=("app:private",),
    judges=JUDGES,
    expect={
        "tux3": "HOLDS",
        # __replace_page looks for the PTE that still maps the old page, else -EAGAIN: the new folio is copied instead.
        "redirect_all_recheck": "HOLDS",
        "migration_rule": "HOLDS",
        # Without that look the old folio loses a reference that it does not have, and the new one keeps one for ever.
        "no_uprobe_retry": "VIOLATED(I8)",
    },
    bounds="One page, one probe, two writes of the other cell, one delta closed.",
    sources=(OPCODE, REDIRECT),
)

UNREGISTER = Case(
    name="uprobes+unregister",
    family="uprobes",
    title="A breakpoint taken out after the page was forked",
    asks="The page was changed and forked under the breakpoint. What does the process execute when it is taken out?",
    columns="""
        app                | tracer                           | writer                     | kernel
        run p0:0 after set | set: uprobe app p0:0             | w1: write p0:1             | next: transition after w1
        run p0:0 after end | end: unprobe app p0:0 after next | write p0:0 after next, set |
    """,
    mappings=("app:private", "other"),
    judges=JUDGES,
    expect={
        # The copy with the original instruction differs from the page cache: the process keeps it, fork or no fork.
        "tux3": "HOLDS",
        "redirect_all_recheck": "HOLDS",
        "stable_pages": "HOLDS",
        # The comparison waits while the fork has the count frozen.
        "migration_rule": "HOLDS",
        # Putting the saved instruction into the page cache overwrites what write(2) put there meanwhile.
        "no_private_copy": "VIOLATED(I1, I6, U1, U2, U3)",
    },
    bounds="One page, one probe put in and taken out, two writes, one delta closed.",
    sources=(OPCODE, COPY_INSN),
)

COUNTER = Case(
    name="uprobes+ref_ctr",
    family="uprobes",
    title="The reference counter of a probe",
    asks="uprobes writes a counter by GUP, with a plain reference and no dirty call. Is it one of the holders that a "
    "fork splits?",
    columns="""
        tracer                        | writer                  | kernel
        ref_ctr data p0:0 after dirty | dirty: write p0:1       | closed: transition after dirty
        ref_ctr data p0:0             | write p0:1 after closed |
    """,
    mappings=("data:private", "other"),
    judges=("U2", "U3", "I1", "I5", "I6", "I7", "I8"),
    expect={
        # A private writable mapping makes its own copy at the write fault, before the counter is touched.
        "tux3": "HOLDS",
        "redirect_all_recheck": "HOLDS",
        "stable_pages": "HOLDS",
        # Written into the page cache by GUP, it would be a store that nobody accounts for.
        "no_private_copy": "VIOLATED(I1, I6, U2, U3)",
    },
    bounds="One page, two counts, two writes of the other cell, one delta closed.",
    sources=(REF_CTR,),
)
