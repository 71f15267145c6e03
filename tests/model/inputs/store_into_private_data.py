"""A store into private data"""

from tux3nb.case import Case, Source

CASE = Case(
    name="store_into_private_data",
    family="inputs",
    title="A store into private data",
    asks="Does the store get into the file?",
    columns="""
        app           | peer              | kernel
        w: store p0:0 | load p0:0 after w | transition after w
    """,
    mappings=("app:private", "peer"),
    judges=("I1", "U2", "U3"),
    expect={
        "tux3": "HOLDS",
        "stable_pages": "HOLDS",
    },
    sources=(Source("mmap(2), MAP_PRIVATE; tools/testing/selftests/mm/cow.c"),),
)
