"""A direct write to a device that checksums what it is sent"""

from tux3nb.case import Case, Source

CASE = Case(
    name="checksum_then_send",
    family="inputs",
    title="A direct write to a device that checksums what it is sent",
    asks="Do checksum and data agree?",
    columns="""
        app               | peer
        dio_write_sum p0:0 | store p0:0
    """,
    mappings=("app", "peer"),
    judges=("I3",),
    deltas=0,
    expect={
        "tux3": "VIOLATED(I3)",
        "stable_pages": "VIOLATED(I3)",
    },
    sources=(Source("btrfs commit 968f19c5b1b7, fstests generic/761"),),
)
