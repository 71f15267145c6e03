"""process_vm_readv of a shared mapping"""

from tux3nb.case import Case, Source

CASE = Case(
    name="reader_from_afar",
    family="inputs",
    title="process_vm_readv of a shared mapping",
    asks="Does the reader see what was stored before?",
    columns="""
        app           | reader                    | writer                  | kernel
        s: store p0:0 | vm_read app p0:0 after s | write p0:0 after closed | closed: transition after s
    """,
    mappings=("app",),
    judges=("I2",),
    expect={
        "stable_pages": "HOLDS",
        "tux3": "HOLDS",
    },
    sources=(Source("mm/process_vm_access.c:process_vm_rw_single_vec"),),
)
