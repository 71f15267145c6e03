"""The free-running world of each family: its actors, and what each of them may do in a round."""

from tux3nb.cases.case import Case
from tux3nb.cases.free import Actors, free_case
from tux3nb.errors import UserError, nearest

MOST_OPS = 9

CPU = ("I1", "I3", "I5", "I6", "I7", "I8")
WRITER, KERNEL = (("write p0:0",),), (("transition",),)
# What every sentence about policies rests on: these hold in a family's world unless it says otherwise.
SOUND = dict.fromkeys(
    ("stable_pages", "perfect", "perfect_index", "copy_for_disk", "copy_for_disk_ordered", "mainline_6_5"), "HOLDS"
)
IN_PLACE = {"mainline_6_5": "VIOLATED(I3)"}  # what is under write-out is written into
FAMILIES: dict[str, Actors] = {
    "ordinary": Actors(
        {
            "app": (("store p0:0", "load p0:0"),),
            "peer": (("load p0:1", "load p0:0", "read p0:0"),),
            "writer": WRITER,
            "kernel": KERNEL,
        },
        ("app", "peer:readonly:sibling"),
        CPU,
        # The mapping of an O_RDONLY file stays behind. A read(2) has a reference, which a fork that counts takes for a
        # holder's: it is refused for nothing, and what is done instead is in place.
        {
            **SOUND,
            **IN_PLACE,
            "tux3_coherent": "HOLDS",
            "tux3": "VIOLATED(I1)",
            "rik_wait": "VIOLATED(I1)",
            "rik_in_place": "VIOLATED(I1, I3, I6)",
        },
    ),
    "rdma": Actors(
        {
            "app": (("store p0:0",),),
            "owner": (("mr_register app p0",), ("mr_deregister owner p0",)),
            "device": (("device_write p0:1", "device_read p0:0"),),
            "writer": WRITER,
            "kernel": KERNEL,
        },
        ("app",),
        # Waiting does not hold a device back: it writes during the write-out, into the wrong delta, and reports a clean
        # page dirty. Mainline has no such region.
        expect={
            **SOUND,
            **IN_PLACE,
            "reverse_fork": "HOLDS",
            "stable_pages": "VIOLATED(I3, I5, I6)",
            "tux3": "VIOLATED(I2, I3, I5, I5w, I6)",
        },
    ),
    "odp": Actors(
        {
            "app": (("store p0:0",),),
            "device": (("odp_write app p0:1", "odp_read app p0:0"),),
            "writer": WRITER,
            "kernel": KERNEL,
        },
        ("app",),
        ("I1", "I2", "I3", "I5", "I6", "I7", "I8"),
        # The faulting PTE is replaced without a word to the notifier.
        {**SOUND, **IN_PLACE, "tux3_coherent": "HOLDS", "tux3": "VIOLATED(I1, I2, I8)"},
    ),
    "ptrace": Actors(
        {
            "tracee": (("store p0:0", "load p0:1"),),
            "tracer": (("poke tracee p0:1", "peek tracee p0:0"),),
            "writer": WRITER,
            "kernel": KERNEL,
        },
        ("tracee",),
        ("I1", "I2", "I3", "I4a", "I5", "I5w", "I6", "I7", "I8"),
        # A poke is a device write of another kind.
        {**SOUND, **IN_PLACE, "stable_pages": "VIOLATED(I3, I5)", "tux3": "VIOLATED(I2, I3, I5, I5w)"},
    ),
    "uprobes": Actors(
        {
            "app": (("run p0:0",),),
            "tracer": (("uprobe app p0:0",), ("unprobe app p0:0",)),
            "writer": WRITER,
            "kernel": KERNEL,
        },
        ("app:private:absent",),
        ("U1", "U2", "U3", "U4", "I1", "I5", "I6", "I7", "I8"),
        # With one write there is nothing to fork; the probe itself is safe wherever the page is not forked.
        {**SOUND, "redirect_all_recheck": "HOLDS", "tux3": "HOLDS"},
    ),
    "aio": Actors(
        {
            "app": (("dio_read p0:1", "dio_write p0:0"),),
            "writer": WRITER,
            "kernel": KERNEL,
        },
        ("app",),
        # As for a region, but the dirty call comes at the end of a short I/O.
        expect={
            **SOUND,
            **IN_PLACE,
            "reverse_fork": "HOLDS",
            "stable_pages": "VIOLATED(I3, I5)",
            "tux3": "VIOLATED(I2, I3, I5, I5w)",
        },
    ),
    "splice": Actors(
        {
            "pipe": (("splice p0",), ("pipe_read p0:0", "pipe_close")),
            "lender": (("vmsplice app p0",), ("pipe_read p0:0", "pipe_close")),
            "app": (("store p0:0",),),
            "writer": WRITER,
            "kernel": KERNEL,
        },
        ("app",),
        ("I1", "I2", "I3", "I6"),
        # What was lent splits off with a fork, unless the reader looks again.
        {**SOUND, **IN_PLACE, "tux3": "VIOLATED(I2)"},
    ),
    "mmap": Actors(
        {
            "app": (("store p0:0", "mr_register p0"), ("munmap app", "mr_register p0")),
            "device": (("device_write p0:1", "device_read p0:0"),),
            "writer": WRITER,
            "kernel": KERNEL,
        },
        ("app",),
        ("I1", "I2", "I5", "I7", "I8"),
        # reason: tux3 was first written down with I5; nobody deregisters here, so there is no dirty call.
        {**SOUND, "mainline_6_5": "HOLDS(refused)", "cowardly_or_pinned": "HOLDS", "tux3": "VIOLATED(I2)"},
    ),
    "private": Actors(
        {
            "app": (("store p0:0", "load p0:0", "poke p0:1"),),
            "device": (("mr_register app p0",), ("device_write p0:1",)),
            "writer": (("write p0:1",), ("write p0:1",)),
            "kernel": KERNEL,
        },
        ("app:private", "peer"),
        ("I1", "I2p", "I3", "I5", "I6", "I7", "I8", "U2", "U3"),
        # What is private is in no delta and in no other process, whatever becomes of the file.
        {
            **SOUND,
            **IN_PLACE,
            "tux3": "HOLDS",
            "no_longterm": "HOLDS",
            # Without the copy the debugger writes into the file, and the device too.
            "no_private_copy": "VIOLATED(I1, I2p, I3, I5, I6, U2, U3)",
        },
        folios=4,
    ),
    "migration": Actors(
        {
            "app": (("store p0:0", "load p0:0", "munmap app"),),
            "aio": (("ring_setup p0", "write p0:0"), ("ring_event p0:1",)),
            "compaction": (("migrate p0", "migrate_ring p0"),),
            "kernel": KERNEL,
        },
        ("app",),
        ("I1", "I2", "I5", "I7", "I8"),  # not I3 and I6: an event is a holder's write, which no delta waits for
        # A fault's own PTE is a migration entry when the fork is done, and is restored on the old folio (I1). The fork
        # knows nothing of the account that lets the page of a ring be moved (I2).
        # A test for pins sees no ring; a registry sees one on the old folio, and one that comes to the copy only if
        # that is marked, too.
        {
            **SOUND,
            "perfect": "VIOLATED(I2)",
            "no_index_of_copy": "VIOLATED(I2)",
            "tux3_coherent": "VIOLATED(I2)",
            "tux3": "VIOLATED(I1, I2)",
        },
    ),
    "life": Actors(
        {
            "app": (("store p0:0", "load p0:0"),),
            "cutter": (("truncate p0", "punch p0", "write p0:0"),),
            "kswapd": (("reclaim p0", "truncate_tail p0:1"),),
            "kernel": KERNEL,
        },
        ("app",),
        CPU,
        # A fault that has met a folio forked by truncation: mapped by a read, asserted by a write.
        {**SOUND, "mainline_6_5": "VIOLATED(I3)", "tux3_coherent": "HOLDS", "tux3": "VIOLATED(I1, I5)"},
    ),
    "evict": Actors(
        {
            "app": (("mmap app",), ("load p0:0", "store p0:1"), ("munmap app",)),
            "cutter": (("truncate p0", "write p0:0"),),
            "vfs": (("evict", "reclaim p0"),),
            "kernel": KERNEL,
        },
        ("app:unmapped",),
        ("I1", "I5", "I7", "I8"),
        # The same faults as in `life`; nobody holds the page: an unmount finds it clean.
        # reason: tux3 was first written down with I1, too; but the process has one access here, and the store that
        # makes the page dirty maps no folio that has left the slot.
        {**SOUND, "mainline_6_5": "HOLDS", "tux3_coherent": "HOLDS", "tux3": "VIOLATED(I5)"},
        folios=4,
        syncs=1,
    ),
    "held": Actors(
        {
            "app": (("store p0:0",), ("munmap app",)),
            "reader": (("dio_read p0:1 app",),),
            "vm": (("evict", "truncate p0", "reclaim p0"),),
            "kernel": KERNEL,
        },
        ("app",),
        ("I1", "I2", "I4a", "I4b", "I5", "I5w", "I7", "I8"),
        # A short pin beside what takes the page from the file, which no world without a script had.
        # Each of these asserts that an inode is clean at an eviction, or that a late dirty call finds a dirty folio;
        # mainline drops what the read has brought. The policies that break nothing wait.
        {
            "stable_pages": "VIOLATED(I4b, I5)",
            "perfect": "VIOLATED(I5, I5w)",
            "perfect_index": "VIOLATED(I5)",
            "copy_for_disk": "VIOLATED(I5)",
            "copy_for_disk_ordered": "VIOLATED(I5)",
            "mainline_6_5": "VIOLATED(I4a)",
            "tux3_coherent": "VIOLATED(I1, I2, I4a, I4b, I5, I5w)",
            "tux3": "VIOLATED(I1, I2, I4a, I4b, I5, I5w)",
        },
        folios=4,
        syncs=2,
    ),
}


def free(family: str, ops: int = 1, folios: int | None = None, deltas: int | None = None) -> Case:
    """The free-running world of a family with up to `ops` rounds an actor. Raises UserError with the nearest family.

    A round is one operation, and for the owner of a registration its end, too; an actor may stop at any time. Deltas
    may close `deltas` times (None: as often as there are rounds).
    """
    if family not in FAMILIES:
        raise UserError(f"no free-running world for {family!r}{nearest(family, FAMILIES)}")
    if not 1 <= ops <= MOST_OPS:
        raise UserError(f"{ops} operations an actor: between 1 and {MOST_OPS}")
    return free_case(family, FAMILIES[family], ops, folios, deltas)
