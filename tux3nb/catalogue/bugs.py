"""Public bugs as cases: each is VIOLATED under the policy that had it. ``data/bugs.csv`` lists all that were tried.

A bug that another family's case asks about already is a row there that names that case, and not a case here.
"""

from tux3nb.cases.case import Case, Source

EXT4 = Source("Linux, ext4: commit cc5095747edf (2022); syzbot d59332e2db68: a page dirtied behind its back")
UNPREPARED = Source(
    "Linux, fs/ext4/inode.c:mpage_prepare_extent_to_map: a warning and clear_dirty, without buffers only"
)
WP = Source(
    "Jason Gunthorpe, 16 September 2020: do_wp_page copies a pinned page of an exclusive owner",
    "https://lore.kernel.org/all/20200916174804.GC8409@ziepe.ca/",
)
COW = Source("Linux, tools/testing/selftests/mm/cow.c (109364fce504)")

DIRTIED_BEHIND = Case(
    name="bug+ext4_dirtied_behind",
    family="ptrace",
    title="ext4 was told that a page is dirty from which reclaim had taken the buffers",
    asks="A debugger has looked a page up, which is written out, unmapped by reclaim and left without buffers. What "
    "does its dirty call come to: a crash, a loss, or a write-out?",
    columns="""
        tracee            | tracer                 | kswapd                  | kernel
        dirty: store p0:0 | told: poke tracee p0:1 | reclaim p0 after closed | closed: transition after dirty
                          |                        |                         | transition after told
    """,
    mappings=("tracee",),
    deltas=2,
    judges=("I4a", "I5", "I5w", "I7"),
    # Before this was said buffer by buffer, the model let ext4 drop every dirty call on a clean page. It does not: a
    # page that still has its buffers is written out, which the witness aio-across-fsync saw. A pin keeps the buffers
    # since v6.4; a debugger has none.
    expect={
        # BUG, as in ext4 before 2022, there for want of buffers;
        "tux3": "VIOLATED(I5)",
        "in_place": "VIOLATED(I5)",
        # a warning and lost data since then;
        "mainline_6_5": "VIOLATED(I4a, I5w)",
        # and what neither does: the page is taken into the current delta, buffers or not.
        "queued": "HOLDS",
        "btrfs_csum": "HOLDS",
        "copy_for_disk": "HOLDS",
    },
    bounds="One page, one store, one poke, one folio scanned, two deltas closed.",
    sources=(EXT4, UNPREPARED),
)

PINNED_THEN_PROTECTED = Case(
    name="bug+write_protected_pin",
    family="rdma",
    title="A pinned page is write-protected, and its owner stores",
    asks="The pin's reference counts as a sharer's, so the owner's own store gets a copy. Does the device see it?",
    columns="""
        app                          | device                     | kernel
        dirty: store p0:0            | device_read p0:0 after own | closed: transition after pin
        pin: buffer_register p0      |                            |
        own: store p0:0 after closed |                            |
    """,
    mappings=("app",),
    judges=("I1", "I2", "I7", "I8"),
    expect={
        # A fork is such a copy.
        "tux3": "VIOLATED(I2)",
        # A pinned page keeps its users.
        "reverse_fork": "HOLDS",
        "stable_pages": "HOLDS",
        # The kernel of today has no such pin of a file's page.
        "mainline_6_5": "HOLDS(refused)",
    },
    bounds="One page, one registration, two stores, one device read, one delta closed.",
    sources=(WP, COW),
)

SHARED_PIN = Case(
    name="bug+shared_pin",
    family="rdma",
    title="A read-only pin of a page that the next store leaves behind",
    asks="The page has been write-protected before it is pinned for reading. Must the pin make the copy first?",
    columns="""
        app                                      | device                     | kernel
        dirty: store p0:0                        | device_read p0:0 after own | closed: transition after dirty
        pin: mr_register p0 readonly after closed |                           |
        own: store p0:0                          |                            |
    """,
    mappings=("app",),
    judges=("I1", "I2", "I7", "I8"),
    expect={
        "tux3": "VIOLATED(I2)",
        # A pin that forks first must do so for reading, too (v5.19),
        "pin_forks": "VIOLATED(I2)",
        # in the slow walk and in the fast one.
        "pin_forks_all": "HOLDS",
        "stable_pages": "HOLDS",
    },
    bounds="One page, one read-only registration, two stores, one device read, one delta closed.",
    sources=(COW, Source("Linux v5.19, mm/gup.c: FAULT_FLAG_UNSHARE before a read-only long-term pin (recalled)")),
)
