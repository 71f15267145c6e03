"""RDMA: a device keeps writing to the folio that was registered, whatever the process sees by then."""

from ..case import Case, Source

UMEM = Source("Linux, drivers/infiniband/core/umem.c:ib_umem_get (commit 0446cad9, about v5.3)")
FORK = Source("linux-tux3, fs/tux3/buffer_fork.c (commits 18a490ba, 489cb8dc)")
RIK = Source("Rik van Riel, 14 May 2015", "https://phunq.net/pipermail/tux3/2015-May/002238.html")

RDMA = Case(
    name="rdma",
    family="rdma",
    title="A registered region and a write(2) in the next delta",
    asks="A device writes into a page that was registered; another task writes the page with write(2) after the "
    "delta has changed. Does everybody still see one page?",
    columns="""
        app               | device            | writer                  | kernel
        dirty: store p0:0 |                   |                         | closed: transition after dirty
        mr_register p0    | device_write p0:1 | write p0:0 after closed |
        mr_deregister p0  |                   |                         |
    """,
    mappings=("app", "writer"),
    sources=(RIK, UMEM, FORK),
)
