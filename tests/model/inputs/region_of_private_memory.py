"""A region is registered in a private mapping of a file"""

from tux3nb.case import Case, Source

CASE = Case(
    name="region_of_private_memory",
    family="inputs",
    title="A region is registered in a private mapping of a file",
    asks="Does what the device writes get into the file?",
    columns="""
        app            | device               | peer              | kernel
        mr_register p0 | w: device_write p0:0 | load p0:0 after w | transition after w
    """,
    mappings=("app:private", "peer"),
    judges=("I1", "U2", "U3"),
    expect={
        "tux3": "HOLDS",
        "no_longterm": "HOLDS",
        "stable_pages": "HOLDS",
    },
    sources=(Source("tools/testing/selftests/mm/gup_longterm.c"),),
)
