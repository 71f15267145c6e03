"""A guest gives a page back that a device has pinned, and uses it again"""

from tux3nb.case import Case, Source

CASE = Case(
    name="ballooned",
    family="inputs",
    title="A guest gives a page back that a device has pinned, and uses it again",
    asks="Do guest and device have one page afterwards?",
    columns="""
        owner               | device                      | guest
        pin: mr_register p0 | device_read p0:0 after used | gone: truncate p0 after pin
                            |                             | used: store p0:0 owner after gone
    """,
    mappings=("owner",),
    judges=("I2t",),
    expect={
        "tux3": "VIOLATED(I2t)",
        "stable_pages": "VIOLATED(I2t)",
    },
    sources=(Source("QEMU commit 238e91728503 (balloon and VFIO)"),),
)
