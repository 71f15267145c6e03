"""A debugger pokes into private data"""

from tux3nb.case import Case, Source

CASE = Case(
    name="poke_into_private_data",
    family="inputs",
    title="A debugger pokes into private data",
    asks="Does the poke get into the file?",
    columns="""
        tracer           | peer              | kernel
        w: poke app p0:0 | load p0:0 after w | transition after w
    """,
    mappings=("app:private", "peer"),
    judges=("I1", "U2", "U3"),
    expect={
        "tux3": "HOLDS",
        "stable_pages": "HOLDS",
    },
    sources=(Source("CVE-2016-5195, mm/gup.c"),),
)
