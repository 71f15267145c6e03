"""Replacing pages the way page migration does it: only when every reference is accounted for."""

import errno
import os
import time
from pathlib import Path

from tux3nb.witness.base import Inconclusive, Skip, Witness
from tux3nb.witness.claims import Claim, either, happens, kept, never
from tux3nb.witness.low.memory import (
    MADV_COLLAPSE,
    MADV_HUGEPAGE,
    MADV_MERGEABLE,
    MADV_NOHUGEPAGE,
    PAGE,
    Region,
    drain_lru_batches,
)
from tux3nb.witness.low.pagemap import changed_frame, folio_flags, frame_of, has_flag, same_frame
from tux3nb.witness.low.pipes import PipeHolder
from tux3nb.witness.low.syscalls import checked, outcome
from tux3nb.witness.low.uring import Ring
from tux3nb.witness.low.writescan import PAGE_IS_HUGE, scan_pages

_HELD_PAGE = 7


def _huge_size() -> int:
    return int(Path("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size").read_text())


def _small_pages(kind: str) -> Region:
    """One huge page's worth of small pages at a huge page's alignment, each touched."""
    size = _huge_size()
    start = (Region(2 * size // PAGE, access="").start + size - 1) // size * size
    if kind == "memfd":
        fd = os.memfd_create("collapse")
        for page in range(size // PAGE):
            os.pwrite(fd, b"small", page * PAGE)
        region = Region(size // PAGE, fd=fd, shared=True, at=start)
    else:
        region = Region(size // PAGE, at=start)
        region.advise(MADV_NOHUGEPAGE)
    for page in range(region.pages):
        region.write(b"s", page)
    return region


def _hold(holder: str, region: Region):
    """Let ``holder`` hold the page; what to ask for the bytes it sees."""
    address = region.address(_HELD_PAGE)
    if holder == "pipe":
        pipe = PipeHolder()
        checked(pipe.hold_memory(address), "vmsplice")
        return lambda: pipe.take(8)
    ring, device = Ring(), os.memfd_create("device")
    checked(ring.register(address), "IORING_REGISTER_BUFFERS")

    def read_through_ring() -> bytes:
        checked(ring.write_fixed(device, address, PAGE, 0), "WRITE_FIXED")
        return os.pread(device, 8, 0)

    return read_through_ring


def _collapse(kind: str, holder: str) -> dict:
    """MADV_COLLAPSE with one page held by ``holder`` ('nobody', 'pipe', 'registered buffer')."""
    region = _small_pages(kind)
    ask = None if holder == "nobody" else _hold(holder, region)
    drain_lru_batches()
    before = [frame_of(region, page) for page in range(region.pages)]
    if kind == "anonymous":
        region.advise(MADV_HUGEPAGE)  # not earlier: khugepaged would race with reading the frames
    result = region.advise(MADV_COLLAPSE)
    for page in range(region.pages):
        region.read(page, 1)
    after = [frame_of(region, page) for page in range(region.pages)]
    moved = sum(bool(changed_frame(*frames)) for frames in zip(before, after, strict=True))
    if not ask and result == -errno.EINVAL:
        raise Skip("kernel without MADV_COLLAPSE (Linux 6.1)")
    name = f"held by {holder}" if ask else "unheld"
    facts = {
        f"{name}: MADV_COLLAPSE": outcome(result),
        f"{name}: became a huge page": _huge(region),
        f"{name}: most frames replaced": None if None in before else moved > region.pages // 2,
    }
    if ask:
        region.write(b"AFTERCOL", _HELD_PAGE)
        facts[f"{name}: holder sees the process's store"] = ask() == b"AFTERCOL"
    return facts


def _huge(region: Region) -> bool | None:
    try:
        return bool(scan_pages(region.start, region.length, PAGE_IS_HUGE))
    except OSError:
        return None  # no PAGEMAP_SCAN before 6.7


def _collapse_all(kind: str) -> dict:
    return {
        key: value
        for holder in ("nobody", "pipe", "registered buffer")
        for key, value in _collapse(kind, holder).items()
    }


def collapse_anonymous(_run) -> dict:
    """Anonymous memory."""
    return _collapse_all("anonymous")


def collapse_memfd(_run) -> dict:
    """A memory file: pages of the page cache replaced under a live mapping."""
    return _collapse_all("memfd")


def _full_scans() -> int:
    return int(Path("/sys/kernel/mm/ksm/full_scans").read_text())


def _wait_until_merged(first: Region, second: Region, seconds: float) -> None:
    """Wait for the merge and then two whole scans more, in which held pages had their chance too."""
    end, enough = time.monotonic() + seconds, None
    while time.monotonic() < end:
        if enough is None and has_flag(first, 0, "KSM") and has_flag(second, 0, "KSM"):
            enough = _full_scans() + 2
        if enough is not None and _full_scans() >= enough:
            return
        time.sleep(0.02)
    raise Inconclusive(f"KSM did not merge two equal pages in {seconds:g} s")


def ksm(run) -> dict:
    """Two equal pages merge; two equal pages of which both are held do not."""
    free, held = (Region(1), Region(1)), (Region(1), Region(1))
    for pair, text in ((free, os.urandom(PAGE)), (held, os.urandom(PAGE))):
        for region in pair:
            region.write(text)
    pipe, ring = PipeHolder(), Ring()
    checked(pipe.hold_memory(held[0].start), "vmsplice")
    checked(ring.register(held[1].start), "IORING_REGISTER_BUFFERS")
    drain_lru_batches()
    before = [frame_of(region) for region in held]
    for region in (*free, *held):
        checked(region.advise(MADV_MERGEABLE), "MADV_MERGEABLE (kernel without KSM?)")
    for name, value in (("pages_to_scan", "5000"), ("sleep_millisecs", "10"), ("run", "1")):
        run.journal.change_setting(f"/sys/kernel/mm/ksm/{name}", value)
    _wait_until_merged(*free, seconds=8)
    facts = {
        "unheld: one frame for both": same_frame(*map(frame_of, free)),
        "held by pipe: merged": "KSM" in folio_flags(frame_of(held[0])),
        "held by registered buffer: merged": "KSM" in folio_flags(frame_of(held[1])),
        "held: frames kept": before == [frame_of(region) for region in held],
    }
    free[0].write(b"separate")
    facts["unheld: a store separates them again"] = not same_frame(*map(frame_of, free))
    return facts


_HELD = ("held by pipe", "held by registered buffer")
_COLLAPSE = (
    Claim("migration+isolated", "stable_pages", "migrated", either("ok", "EAGAIN", "unheld: MADV_COLLAPSE")),
    Claim(
        "migration",
        "stable_pages",
        "migration_refused",
        either("EAGAIN", "ok", *(f"{name}: MADV_COLLAPSE" for name in _HELD)),
    ),
    Claim("migration", "stable_pages", "I2", kept(*(f"{name}: holder sees the process's store" for name in _HELD))),
)


def _visible_collapse() -> dict:
    facts = {}
    for name, replaced in (("unheld", True), *dict.fromkeys(_HELD, False).items()):
        facts[f"{name}: became a huge page"] = replaced
        facts[f"{name}: most frames replaced"] = replaced
    return facts


def _collapse_witness(name: str, function, what: str) -> Witness:
    return Witness(
        name=name,
        case="migration",
        function=function,
        needs=("io_uring", "hugepages"),
        question=f"Does one extra reference keep {what} from being collapsed into a huge page?",
        model_says="Yes: replacement is refused (EAGAIN) while any reference is unaccounted for, so the "
        "holder stays coherent.",
        claims=_COLLAPSE,
        predicts_if_visible=_visible_collapse(),
        sources=(
            "mm/khugepaged.c:collapse_file",
            "mm/khugepaged.c:__collapse_huge_page_isolate",
            "mm/migrate.c:folio_expected_refs",
        ),
    )


WITNESSES = (
    _collapse_witness("collapse-anonymous", collapse_anonymous, "anonymous memory"),
    _collapse_witness("collapse-memfd", collapse_memfd, "page-cache pages of a memory file"),
    Witness(
        name="ksm-refuses-held",
        case="migration",
        function=ksm,
        needs=("root", "frames", "ksm", "io_uring", "invasive"),
        question="Does KSM merge a page that somebody else holds?",
        model_says="No: write_protect_page compares references with mappings and gives up.",
        claims=(
            Claim(
                "migration",
                "stable_pages",
                "migration_refused",
                {
                    **never(*(f"{name}: merged" for name in _HELD)),
                    **happens("held: frames kept"),
                },
            ),
        ),
        predicts={"unheld: one frame for both": True, "unheld: a store separates them again": True},
        sources=("mm/ksm.c:write_protect_page",),
    ),
)
