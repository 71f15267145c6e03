"""A breakpoint is set, taken out and set again around a write"""

from tux3nb.case import Case, Source

CASE = Case(
    name="probe_again",
    family="inputs",
    title="A breakpoint is set, taken out and set again around a write",
    asks="Which instruction is saved the second time?",
    columns="""
        tracer                       | writer
        set: uprobe app p0:0         | new: write p0:0 after set
        unprobe app p0:0 after new   |
        uprobe app p0:0              |
    """,
    mappings=("app:private",),
    judges=("U2", "U3", "U4", "I7"),
    deltas=0,
    expect={
        "tux3": "VIOLATED(U4)",
        "stable_pages": "VIOLATED(U4)",
    },
    sources=(Source("kernel/events/uprobes.c (013b2deb)"),),
)
