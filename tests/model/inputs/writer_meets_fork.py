"""write(2) has looked a page up that a store forks meanwhile"""

from tux3nb.case import Case, Source

CASE = Case(
    name="writer_meets_fork",
    family="inputs",
    title="write(2) has looked a page up that a store forks meanwhile",
    asks="Does the kernel warn?",
    columns="""
        app                     | writer                  | kernel
        dirty: store p0:0       | write p0:1 after closed | closed: transition after dirty
        store p0:0 after closed |                         |
    """,
    mappings=("app",),
    judges=("I5", "I5w"),
    expect={
        "tux3": "VIOLATED(I5w)",
        "stable_pages": "HOLDS",
    },
    sources=(Source("fs/tux3/buffer_fork.c:pagefork_for_blockdirty (18a490ba)"),),
)
