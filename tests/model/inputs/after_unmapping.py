"""A store to memory that is no longer mapped"""

from tux3nb.case import Case, Source

CASE = Case(
    name="after_unmapping",
    family="inputs",
    title="A store to memory that is no longer mapped",
    asks="The store would end the process. What is said of it, and of the lines that wait for it?",
    columns="""
        app              | peer      | kernel
        munmap           | load p0:0 | transition after never
        never: store p0:0 |          |
    """,
    mappings=("app", "peer:readonly"),
    judges=("I1",),
    expect={
        "tux3": "HOLDS(unreached)",
        "stable_pages": "HOLDS(unreached)",
    },
    sources=(Source("munmap(2)"),),
)
