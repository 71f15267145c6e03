"""Three stores of one process while the disk's copy is made"""

from tux3nb.case import Case, Source

CASE = Case(
    name="three_stores",
    family="inputs",
    title="Three stores of one process while the disk's copy is made",
    asks="Can a delta have the third store without the second?",
    columns="""
        app        | pipe      | writer                  | kernel
        store p0:0 | splice p0 | write p0:0 after closed | closed: transition
        store p0:0 |           |                         |
        store p0:1 |           |                         |
    """,
    mappings=("app",),
    judges=("I1", "I3", "I6", "I7"),
    folios=4,
    expect={
        # the copy for the disk is made under read-only PTEs, as prepare_clone_page does; without that it is no snapshot
        "holder_index": "HOLDS",
        "no_snapshot_protect": "VIOLATED(I6)",
        "reverse_fork": "HOLDS",
    },
    sources=(Source("fs/tux3/buffer_fork.c:prepare_clone_page"),),
)
