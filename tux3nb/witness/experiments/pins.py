"""Which memory can be held, and how: registered buffers (long-term pins), vmsplice(2), O_DIRECT reads.

Registered buffers stand in for RDMA memory regions: both pin with FOLL_LONGTERM (io_uring/rsrc.c,
drivers/infiniband/ core/umem.c), so both obey mm/gup.c:writable_file_mapping_allowed.
"""

import os

from tux3nb.witness.base import Witness
from tux3nb.witness.claims import Claim, either, kept
from tux3nb.witness.low.aio import AsyncReader
from tux3nb.witness.low.memory import PAGE, Region
from tux3nb.witness.low.pagemap import changed_frame, entry
from tux3nb.witness.low.pipes import PipeHolder
from tux3nb.witness.low.syscalls import outcome
from tux3nb.witness.low.uring import Ring

_HOLDS = ("registered buffer", "vmsplice", "O_DIRECT read into it")
_SOURCES = ("mm/gup.c:writable_file_mapping_allowed", "mm/gup.c:check_vma_flags", "mm/gup.c:pin_user_pages")


def _try_holds(facts: dict, run, name: str, region: Region) -> None:
    """Hold page 0 of ``region`` in each of the three ways, one after another."""
    region.read()
    before = entry(region.start)
    ring = Ring()
    facts[f"{name}: registered buffer"] = outcome(ring.register(region.start))
    after = entry(region.start)
    facts[f"{name}: page became anonymous by the pin"] = before.file_backed and not after.file_backed
    facts[f"{name}: frame changed by the pin"] = changed_frame(before.frame, after.frame)
    ring.close()
    pipe = PipeHolder()
    facts[f"{name}: vmsplice"] = outcome(pipe.hold_memory(region.start))
    pipe.close()
    source = os.open(run.folder / "source", os.O_RDONLY | os.O_DIRECT)
    reader = AsyncReader()
    facts[f"{name}: O_DIRECT read into it"] = outcome(reader.read(source, region.start, PAGE, 0))
    reader.close()
    os.close(source)


def anonymous(run) -> dict:
    """Memory without a file on a disk."""
    os.close(run.new_file("source", 1))
    memfd, facts = os.memfd_create("held"), {}
    os.ftruncate(memfd, PAGE)
    _try_holds(facts, run, "private", Region(1))
    _try_holds(facts, run, "shared", Region(1, shared=True))
    _try_holds(facts, run, "memfd", Region(1, fd=memfd, shared=True))
    # Pinning for writing replaces the zero page that the first read mapped; that is no page fork.
    del facts["private: frame changed by the pin"]
    return facts


def shared_file(run) -> dict:
    """A writable shared mapping of a file on a disk."""
    os.close(run.new_file("source", 1))
    facts = {}
    _try_holds(facts, run, "shared file", Region(1, fd=run.new_file("held", 1), shared=True))
    return facts


def private_file(run) -> dict:
    """A writable private mapping of a file on a disk."""
    os.close(run.new_file("source", 1))
    facts = {}
    _try_holds(facts, run, "private file", Region(1, fd=run.new_file("held", 1)))
    return facts


def read_only(run) -> dict:
    """Mappings without write permission."""
    os.close(run.new_file("source", 1))
    fd, facts = run.new_file("held", 1), {}
    _try_holds(facts, run, "shared file", Region(1, fd=fd, access="r", shared=True))
    _try_holds(facts, run, "private file", Region(1, fd=fd, access="r"))
    return facts


def _expect(name: str, registered: str, spliced: str, read: str, copied: bool) -> dict:
    return {
        **dict(zip((f"{name}: {hold}" for hold in _HOLDS), (registered, spliced, read), strict=True)),
        f"{name}: page became anonymous by the pin": copied,
    }


_NEEDS = ("disk", "io_uring", "aio")

WITNESSES = (
    Witness(
        name="pins-anonymous",
        case="rdma",
        function=anonymous,
        needs=_NEEDS,
        question="Can memory that belongs to no disk file be pinned for long?",
        model_says="Yes, and nothing is lost: no file system ever forks these pages.",
        beyond="Memory that belongs to no file is not in the model.",
        predicts={
            **_expect("private", "ok", "ok", "ok", False),
            **_expect("shared", "ok", "ok", "ok", False),
            **_expect("memfd", "ok", "ok", "ok", False),
        },
        predicts_if_visible={
            "shared: frame changed by the pin": False,
            "memfd: frame changed by the pin": False,
        },
        sources=_SOURCES,
    ),
    Witness(
        name="pins-shared-file",
        case="rdma",
        function=shared_file,
        needs=_NEEDS,
        question="Can a shared mapping of a disk file be pinned for long, as RDMA would?",
        model_says="No (since 6.5), so the worst holder is gone; short holds (O_DIRECT, vmsplice) remain.",
        claims=(
            Claim(
                "aio+registered", "no_longterm", "longterm_refused", either("EFAULT", "ok", f"shared file: {_HOLDS[0]}")
            ),
            Claim("vmsplice", "no_longterm", "holder_op", either("ok", "EFAULT", f"shared file: {_HOLDS[1]}")),
            Claim("aio+fork", "no_longterm", "holder_op", either("ok", "EFAULT", f"shared file: {_HOLDS[2]}")),
        ),
        predicts={"shared file: page became anonymous by the pin": False},
        predicts_if_visible={"shared file: frame changed by the pin": False},
        sources=_SOURCES,
    ),
    Witness(
        name="pins-private-file",
        case="rdma",
        function=private_file,
        needs=_NEEDS,
        question="What does a pin on a private file mapping hold?",
        model_says="Its own anonymous copy, made first: never the page-cache page.",
        claims=(
            Claim("uprobes+ref_ctr", "stable_pages", "U2", kept("private file: page became anonymous by the pin")),
        ),
        predicts={f"private file: {hold}": "ok" for hold in _HOLDS},
        predicts_if_visible={"private file: frame changed by the pin": True},
        sources=(*_SOURCES, "mm/gup.c:gup_must_unshare"),
    ),
    Witness(
        name="pins-read-only",
        case="rdma",
        function=read_only,
        needs=_NEEDS,
        question="Can a read-only file mapping be pinned for a device that writes?",
        model_says="No: a pin for writing needs a writable mapping; only vmsplice(2), which reads, gets the page.",
        beyond="A pin that the kernel refuses for want of write permission is no step of the model.",
        predicts={
            **_expect("shared file", "EFAULT", "ok", "EFAULT", False),
            **_expect("private file", "EFAULT", "ok", "EFAULT", False),
        },
        predicts_if_visible={
            "shared file: frame changed by the pin": False,
            "private file: frame changed by the pin": False,
        },
        sources=_SOURCES,
    ),
)
