"""A fault that began in one delta ends in the next"""

from tux3nb.case import Case, Source

CASE = Case(
    name="fault_outlives_delta",
    family="inputs",
    title="A fault that began in one delta ends in the next",
    asks="Does the barrier keep the stores of one thread in order?",
    columns="""
        app                   | peer          | kernel
        store p0 after closed | store tail p1 | closed: transition
        store tail p1         |               | transition
    """,
    mappings=("app", "tail:p1"),
    judges=("I6", "I6m", "I7"),
    pages=2,
    folios=6,
    deltas=2,
    expect={
        "perfect_index": "HOLDS",
        "protected": "HOLDS",
    },
    sources=(Source("fs/tux3/filemap_mmap.c:tux3_page_mkwrite (07b8aa30), mm/memory.c:do_wp_page"),),
)
