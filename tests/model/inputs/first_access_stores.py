"""A mapping without a PTE is stored to"""

from tux3nb.case import Case, Source

CASE = Case(
    name="first_access_stores",
    family="inputs",
    title="A mapping without a PTE is stored to",
    asks="Does the store's fault find the folio that a load's fault would find?",
    columns="""
        app        | writer                  | kernel
        store p0:0 | dirty: write p0:1       | closed: transition after dirty
        load p0:0  | write p0:1 after closed |
    """,
    mappings=("app:absent",),
    judges=("I1", "I5", "I5w"),
    expect={
        # page_mkwrite is given the old folio, asks need_fork, warns, and looks the index up again: no stale PTE
        "tux3": "VIOLATED(I5w)",
        "stable_pages": "HOLDS",
    },
    sources=(Source("mm/memory.c:do_shared_fault, mm/filemap.c:filemap_fault (3.19)"),),
)
