"""The holder index: a registry of all holds on a file's folios, plain references too, asked before every fork."""

from tux3nb.cases.case import Case, Source

RIK = Source("Rik van Riel, 14 May 2015", "https://phunq.net/pipermail/tux3/2015-May/002238.html")
PINS = Source("Linux, Documentation/core-api/pin_user_pages.rst (07c7b547): a pin count sees no plain reference")
REFS = Source("Linux, mm/migrate.c:folio_expected_refs (0003e2a4): a reference count sees transient ones too")
LEASES = Source("Linux, file systems on DAX break leases before they move blocks (recalled); the index is a proposal")

EXACT = Case(
    name="aio+index",
    family="aio",
    title="A plain reference of a device, and a store in the next delta",
    asks="A direct read holds a plain reference while another process's store faults in the next delta. Which test "
    "knows of the device, in the fork and in the flusher, so that the page is coherent, stable and a cut of its delta?",
    columns="""
        app               | peer                    | kernel
        dio_read_get p0:1 | store p0:0 after closed | closed: transition
    """,
    mappings=("app", "peer"),
    judges=("I1", "I2", "I3", "I5", "I6", "I7", "I8"),
    expect={
        # split by the fork, written into under write-out, and reported dirty when clean
        "tux3": "VIOLATED(I2, I3, I5)",
        # a pin count does not see the device: neither the fork nor the flusher knows
        "reverse_fork": "VIOLATED(I2, I3, I5)",
        "perfect": "VIOLATED(I2, I3, I5)",
        # nothing is forked, so nothing splits; the flusher does not know
        "stable_bounced": "VIOLATED(I3, I5)",
        # a reference count sees it, but what is submitted is bounced for pins only: the device writes into the bio
        "migration_rule": "VIOLATED(I3, I5)",
        "migration_reverse": "VIOLATED(I3, I5)",
        # knowing is not enough: the device goes on writing while the folio is under write-out
        "holder_index_wait": "VIOLATED(I3, I5)",
        # and a store in place is in the delta that it is not of
        "holder_index_in_place": "VIOLATED(I3, I5, I6)",
        # the registry tells the fork, the flusher that bounces, and the re-dirtying
        "holder_index": "HOLDS",
        "perfect_index": "HOLDS",
    },
    bounds="One page, one direct read of one cell, one store, one delta closed.",
    sources=(RIK, PINS, REFS, LEASES),
)
