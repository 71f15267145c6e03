"""ptrace: one plain reference, held for one copy."""

from ..case import Case, Source

ACCESS = Source("Linux, mm/memory.c:__access_remote_vm (about v3.17)")

PTRACE = Case(
    name="ptrace",
    family="ptrace",
    title="A poke into a shared mapping and a write(2) in the next delta",
    asks="A tracer pokes a word into a page that the tracee maps shared; between its lookup and its copy the delta "
    "changes and another task writes the page. Does the poke arrive?",
    columns="""
        tracee            | tracer           | writer                  | kernel
        dirty: store p0:0 | poke tracee p0:1 | write p0:0 after closed | closed: transition after dirty
    """,
    mappings=("tracee", "writer"),
    judges=("I1", "I2", "I3", "I4a", "I5", "I5w", "I6", "I7", "I8"),
    sources=(ACCESS,),
)
