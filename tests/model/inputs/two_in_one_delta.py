"""Two stores to two pages in one delta"""

from tux3nb.case import Case, Source

CASE = Case(
    name="two_in_one_delta",
    family="inputs",
    title="Two stores to two pages in one delta",
    asks="Both are on disk in the end. Is anything out of order?",
    columns="""
        app         | peer              | kernel
        a: store p0 | b: store tail p1  | transition after a, b
    """,
    mappings=("app", "tail:p1"),
    judges=("I6", "I6m"),
    pages=2,
    folios=5,
    expect={
        "tux3": "HOLDS",
        "stable_pages": "HOLDS",
        "perfect_index": "HOLDS",
    },
    sources=(Source("nothing happens that could be out of order"),),
)
