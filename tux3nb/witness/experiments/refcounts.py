"""True reference counts: what each kind of holder adds."""

import os

from tux3nb.witness.base import Witness
from tux3nb.witness.low.memory import Region, drain_lru_batches
from tux3nb.witness.low.pagemap import frame_of
from tux3nb.witness.low.pipes import PipeHolder
from tux3nb.witness.low.refcount import PIN_BIAS, ReferenceCounter
from tux3nb.witness.low.syscalls import checked
from tux3nb.witness.low.uring import Ring


def what_holders_add(run) -> dict:
    """Count before and after each holder comes and goes."""
    counter = ReferenceCounter(run.folder)
    return {**_anonymous(counter), **_file_page(run, counter)}


def _anonymous(counter: ReferenceCounter) -> dict:
    region, pipe, ring = Region(1), PipeHolder(), Ring()
    region.write(b"x")
    drain_lru_batches()
    frame = frame_of(region)
    facts = {"anonymous page": counter.count(frame)}
    checked(pipe.hold_memory(region.start), "vmsplice")
    facts["anonymous page, vmsplice adds"] = counter.count(frame) - facts["anonymous page"]
    pipe.take(region.length)
    facts["anonymous page, pipe read"] = counter.count(frame)
    checked(ring.register(region.start), "IORING_REGISTER_BUFFERS")
    facts["anonymous page, registered buffer adds"] = counter.count(frame) - facts["anonymous page"]
    return facts


def _file_page(run, counter: ReferenceCounter) -> dict:
    fd = run.new_file("counted", 1)
    region = Region(1, fd=fd, shared=True)
    region.read()
    drain_lru_batches()
    frame = frame_of(region)
    start = counter.count(frame)
    view = Region(1, fd=fd, access="r", shared=True)
    view.read()
    mapped = counter.count(frame)
    held, spliced = PipeHolder(), PipeHolder()
    checked(held.hold_memory(region.start), "vmsplice")
    one = counter.count(frame)
    spliced.hold_file(fd, 0)
    two = counter.count(frame)
    held.close()
    spliced.close()
    os.close(fd)
    return {
        "file page, a second mapping adds": mapped - start,
        "file page, vmsplice adds": one - mapped,
        "file page, splice from the file adds": two - one,
        "file page, all holders gone": counter.count(frame) == mapped,
    }


WITNESSES = (
    Witness(
        name="refcount-of-holders",
        case="migration",
        function=what_holders_add,
        needs=("disk", "root", "frames", "bpf", "io_uring"),
        question="Can the kernel tell from a page's reference count that somebody holds it?",
        model_says="Yes: every holder counts, a pin 1024 times; what it cannot tell is who holds it, and for how long.",
        beyond="What a holder adds to the count is what the model's own counts are built on, not a verdict.",
        predicts={
            "anonymous page": 1,
            "anonymous page, vmsplice adds": 1,
            "anonymous page, pipe read": 1,
            "anonymous page, registered buffer adds": PIN_BIAS,
            "file page, a second mapping adds": 1,
            "file page, vmsplice adds": 1,
            "file page, splice from the file adds": 1,
            "file page, all holders gone": True,
        },
        sources=("mm/gup.c:try_grab_folio", "include/linux/mm.h:GUP_PIN_COUNTING_BIAS"),
    ),
)
