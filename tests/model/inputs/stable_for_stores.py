"""A store while a device that asks for stable pages has the page"""

from tux3nb.case import Case, Source

CASE = Case(
    name="stable_for_stores",
    family="inputs",
    title="A store while a device that asks for stable pages has the page",
    asks="Does the store wait as write(2) does?",
    columns="""
        app                     | kernel
        dirty: store p0:0       | closed: transition after dirty
        store p0:0 after closed |
    """,
    mappings=("app",),
    judges=("I3",),
    stable_device=True,
    expect={
        "in_place": "HOLDS",
        "stable_pages": "HOLDS",
    },
    sources=(Source("mm/page-writeback.c:folio_wait_stable in page_mkwrite of ext4, xfs and filemap"),),
)
