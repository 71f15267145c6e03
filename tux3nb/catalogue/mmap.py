"""The opt-out: never fork a file that is mapped. Which kinds of mapping, decided when, at what price?"""

from tux3nb.cases.case import Case, Source

MAIL = Source("Daniel Phillips, 15 May 2015: 'cowardly', no page forking for mmapped files or certain kinds of them")
FORK = Source("linux-tux3, fs/tux3/buffer_fork.c (18a490ba)")
GUP = Source("Linux, mm/gup.c: a pin does not depend on the mapping that it was taken through")
JUDGES = ("I1", "I2", "I3", "I5", "I6", "I7", "I8")

PIN_OUTLIVES = Case(
    name="mmap+pin_outlives",
    family="mmap",
    title="A pin outlives the mapping that it was taken through",
    asks="The process registers the page, unmaps the file and the device goes on. Is 'mapped' the right question?",
    columns="""
        app              | device                       | writer                  | kernel
        store p0:0       | device_write p0:1 after gone | write p0:0 after closed | closed: transition after gone
        mr_register p0   |                              |                         |
        gone: munmap app |                              |                         |
    """,
    mappings=("app",),
    judges=("I1", "I2", "I5", "I7", "I8"),
    # Not mapped any more when the fork decides; the pin is still there.
    expect={
        "tux3": "VIOLATED(I2)",
        "cowardly": "VIOLATED(I2)",
        "cowardly_ever": "HOLDS",
        "cowardly_or_pinned": "HOLDS",
        "stable_pages": "HOLDS",
    },
    sources=(MAIL, GUP),
)

MMAP_RACE = Case(
    name="mmap+race",
    family="mmap",
    title="mmap and a pin after the decision to fork",
    asks="The file is not mapped when the fork decides; before it swaps the slot somebody maps and pins the page. "
    "Too late?",
    columns="""
        app                      | device            | writer                  | kernel
        mmap app after closed    | device_write p0:1 | dirty: write p0:0       | closed: transition after dirty
        load p0:0                |                   | write p0:0 after closed |
        mr_register p0           |                   |                         |
    """,
    mappings=("app:unmapped",),
    judges=("I1", "I2", "I5", "I7", "I8"),
    # The decision must be atomic with mmap: the load's read fault sleeps on the folio lock over the fork and maps the
    # old folio. reason: I2 was expected too, but the registration writes, and its own fault leads it to the new folio.
    expect={"tux3": "VIOLATED(I1)", "cowardly_ever": "HOLDS", "cowardly": "VIOLATED(I1)"},
    sources=(MAIL, FORK),
)

READER = Case(
    name="mmap+reader",
    family="mmap",
    title="Opting out only for writable shared mappings",
    asks="A process maps the file read-only. Is it enough never to fork files with a writable shared mapping?",
    columns="""
        writer                  | reader    | kernel
        dirty: write p0:0       | load p0:0 | closed: transition after dirty
        write p0:0 after closed |           |
    """,
    mappings=("reader:readonly:absent",),
    judges=("I1", "I3", "I5", "I6", "I7", "I8"),
    # VM_SHARED is not set for such a mapping, so it does not count as writable; it stays on the old folio.
    expect={"tux3": "VIOLATED(I1)", "cowardly_writable": "VIOLATED(I1)", "cowardly": "HOLDS"},
    sources=(MAIL,),
)

EXECUTABLE = Case(
    name="mmap+executable",
    family="mmap",
    title="Opting out only for executable files",
    asks="A data file is mapped shared and registered. Does 'no forking of executables' help?",
    columns="""
        app               | device            | writer                  | kernel
        dirty: store p0:0 | device_write p0:1 | write p0:0 after closed | closed: transition after dirty
        mr_register p0    |                   |                         |
    """,
    mappings=("app",),
    judges=("I1", "I2", "I5", "I7", "I8"),
    # It is not restricted to executables; it is restricted to shared mappings.
    expect={"tux3": "VIOLATED(I2)", "cowardly_executable": "VIOLATED(I2)", "cowardly": "HOLDS"},
    sources=(MAIL,),
)

NO_MMAP = Case(
    name="mmap+text",
    family="mmap",
    title="Program text that is replaced by write(2)",
    asks="Which opt-out keeps private mappings of text on the current folio?",
    columns="""
        writer                  | text      | kernel
        dirty: write p0:0       | load p0:0 | closed: transition after dirty
        write p0:0 after closed |           |
    """,
    mappings=("text:private", "reader:readonly"),
    judges=("I1", "I1p", "I3", "I5", "I6", "I7", "I8"),
    expect={"tux3": "VIOLATED(I1)", "cowardly_executable": "HOLDS", "cowardly_writable": "VIOLATED(I1)"},
    sources=(MAIL,),
)

PRICE = Case(
    name="mmap+price",
    family="mmap",
    title="The price: a mapped file waits",
    asks="Two processes store into a mapped file across a delta change, nobody pins. What does opting out cost?",
    columns="""
        app                     | peer                    | kernel
        dirty: store p0:0       | store p0:1 after closed | closed: transition after dirty
        store p0:0 after closed |                         |
    """,
    mappings=("app", "peer"),
    judges=JUDGES[:1] + JUDGES[2:],
    # Both are safe; the opt-out waits for the write-out where Tux3 forks. In place loses the cut.
    expect={"tux3": "HOLDS", "cowardly": "HOLDS", "in_place": "VIOLATED(I3, I6)"},
    sources=(MAIL,),
)
