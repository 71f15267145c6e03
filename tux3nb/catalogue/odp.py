"""Secondary MMUs (RDMA on-demand paging, KVM): no reference at all, only the notifier keeps them right.

A guest of KVM has no case of its own: for `odp_read` and `odp_write` read a guest's load and store (see rules/odp.py).
"""

from tux3nb.cases.case import Case, Source

ODP = Source("Linux, drivers/infiniband/core/umem_odp.c (03b22057): the reference is dropped at once")
WP = Source("linux-tux3, mm/memory.c:do_wp_page (acb71e58): no notifier for the faulting PTE")

ODP_READ = Case(
    name="rdma+odp",
    family="rdma",
    title="A device that reads by on-demand paging while its process forks the folio",
    asks="The process's own write fault replaces its PTE without telling the notifier. What does the device read?",
    columns="""
        app                     | device            | kernel
        dirty: store p0:0       | odp_read app p0:0 | closed: transition after dirty
        store p0:0 after closed | odp_read app p0:0 |
    """,
    mappings=("app",),
    judges=("I1", "I2", "I3", "I5", "I6", "I7", "I8"),
    # No reference and no pin to see: only the notifier on the faulting PTE helps. The old folio may even be freed under
    # the device's translation.
    expect={
        "tux3": "VIOLATED(I1, I2, I8)",
        "reverse_fork": "VIOLATED(I1, I2, I8)",
        "tux3_coherent": "HOLDS",
        "stable_pages": "HOLDS",
    },
    sources=(ODP, WP),
)

ODP_WRITE = Case(
    name="rdma+odp_write",
    family="rdma",
    title="A device that writes by on-demand paging, and a write(2) that forks",
    asks="Other mappings are notified when the fork write-protects and redirects them. Is that enough?",
    columns="""
        app               | device             | writer                  | kernel
        dirty: store p0:0 | odp_write app p0:1 | write p0:0 after closed | closed: transition after dirty
    """,
    mappings=("app",),
    judges=("I1", "I2", "I3", "I4a", "I5", "I6", "I7", "I8"),
    # A revocable user is coherent as long as every PTE change notifies before the new folio can be written, and so it
    # is when its device is held back meanwhile.
    expect={"tux3": "HOLDS", "quiesced": "HOLDS", "in_place": "VIOLATED(I3, I6)"},
    sources=(ODP,),
)
