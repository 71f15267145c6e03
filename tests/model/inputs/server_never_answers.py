"""Write-out to a server that never answers"""

from tux3nb.case import Case, Source

CASE = Case(
    name="server_never_answers",
    family="inputs",
    title="Write-out to a server that never answers",
    asks="Who waits for the server?",
    columns="""
        app                     | kernel
        dirty: store p0:0       | closed: transition after dirty
        store p0:0 after closed |
    """,
    mappings=("app",),
    judges=("I7",),
    endless_disk=True,
    expect={
        "stable_pages": "VIOLATED(I7)",
        "tux3": "HOLDS",
        "in_place": "HOLDS",
    },
    sources=(Source("FUSE: AS_WRITEBACK_MAY_DEADLOCK_ON_RECLAIM (2024)"),),
)
