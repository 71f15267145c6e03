"""A device writes a log record after the data that it speaks of"""

from tux3nb.case import Case, Source

CASE = Case(
    name="log_before_data",
    family="inputs",
    title="A device writes a log record after the data that it speaks of",
    asks="Can a delta have the record on disk without the data?",
    columns="""
        data            | log             | device                                     | kernel
        p: mr_register p0 | q: mr_register p1 | device_write p0 data after p, q | transition after p, q
                        |                 | device_write p1 log                        |
    """,
    mappings=("data:p0", "log:p1"),
    judges=("I6d",),
    pages=2,
    folios=4,
    expect={
        "perfect": "VIOLATED(I6d)",
        "reverse_fork": "VIOLATED(I6d)",
        "no_longterm": "HOLDS(refused)",
    },
    sources=(Source("QEMU commit 615379764ae6: background snapshot and VFIO exclude each other"),),
)
