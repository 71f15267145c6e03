"""process_vm_writev: what ptrace does with a plain reference, it does with a counted pin."""

from tux3nb.cases.case import Case, Source

PINNED = Source("Linux, mm/process_vm_access.c: pin_user_pages_remote, unpin_user_pages_dirty_lock")
FORK = Source("linux-tux3, fs/tux3/buffer_fork.c (18a490ba)")

PROCESS_VM = Case(
    name="ptrace+process_vm",
    family="ptrace",
    title="process_vm_writev into a shared mapping and a write(2) in the next delta",
    asks="The same copy as a poke's, but its hold is a counted pin. Is that enough for a test for pins?",
    columns="""
        tracee            | tracer               | writer                  | kernel
        dirty: store p0:0 | vm_write tracee p0:1 | write p0:0 after closed | closed: transition after dirty
    """,
    mappings=("tracee", "writer"),
    judges=("I1", "I2", "I3", "I4a", "I5", "I5w", "I6", "I7", "I8"),
    expect={
        # the window is the same as ptrace's
        "tux3": "VIOLATED(I2, I3, I5, I5w)",
        # waiting keeps one page, but the copy goes into a folio under write-out and its dirty call meets a clean one
        "stable_pages": "VIOLATED(I3, I5)",
        "migration_rule": "VIOLATED(I3, I5)",
        # the fork sees the pin, the flusher bounces the folio and leaves it dirty
        "reverse_fork": "HOLDS",
        "perfect": "HOLDS",
        "holder_index": "HOLDS",
    },
    bounds="One page, one call that writes one cell, one write(2), one delta closed.",
    sources=(PINNED, FORK),
)

PROCESS_VM_READ = Case(
    name="ptrace+process_vm_read",
    family="ptrace",
    title="process_vm_readv of a read-only shared mapping",
    asks="A counted pin, and not a plain reference as a peek's: is what it reads what the file holds?",
    columns="""
        writer                           | tracer                                | kernel
        dirty: write p0:0                | vm_read reader p0:0 after written     | closed: transition after dirty
        written: write p0:0 after closed |                                       |
    """,
    mappings=("reader:readonly",),
    judges=("I2", "I5", "I7"),
    # The pin is taken long after the fork, through a PTE that stays on the old folio: no test for pins can help.
    expect={"tux3": "VIOLATED(I2)", "reverse_fork": "VIOLATED(I2)", "tux3_coherent": "HOLDS", "stable_pages": "HOLDS"},
    bounds="One page, one call that reads one cell, two writes, one delta closed.",
    sources=(PINNED, FORK),
)
