"""A debugger pokes a breakpoint into program text, while the file is written"""

from tux3nb.case import Case, Source

CASE = Case(
    name="breakpoint_by_hand",
    family="inputs",
    title="A debugger pokes a breakpoint into program text, while the file is written",
    asks="Is the poke lost, or in the file?",
    columns="""
        tracer         | writer                  | kernel
        poke text p0:0 | dirty: write p0:1       | closed: transition after dirty
                       | write p0:1 after closed |
    """,
    mappings=("text:private",),
    judges=("I1", "I5", "I6"),
    expect={
        "tux3": "HOLDS",
        "stable_pages": "HOLDS",
        "reverse_fork": "HOLDS",
    },
    sources=(Source("mm/gup.c: FOLL_FORCE and FOLL_WRITE on a private mapping"),),
)
