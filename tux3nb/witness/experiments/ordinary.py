"""Ordinary mappings: what the page cache promises to processes before any page is forked."""

import os

from tux3nb.witness.base import Witness
from tux3nb.witness.claims import Claim, happens, kept, never
from tux3nb.witness.low.memory import MADV_DONTNEED, PAGE, Region
from tux3nb.witness.low.pagemap import changed_frame, entry, frame_of, same_frame
from tux3nb.witness.low.pipes import PipeHolder
from tux3nb.witness.low.puppet import Puppet
from tux3nb.witness.low.syscalls import call, checked
from tux3nb.witness.low.writescan import WriteScan

_PUNCH_KEEPING_SIZE = 3


def private_follows_file(run) -> dict:
    """A private mapping, write(2) to the file before and after the mapping's own copy-on-write."""
    fd = run.new_file("followed", 1)
    region = Region(1, fd=fd)
    region.read()
    os.pwrite(fd, b"WRITE2-A", 0)
    follows, before = region.read() == b"WRITE2-A", entry(region.start)
    region.write(b"mine", at=8)
    copied = entry(region.start)
    os.pwrite(fd, b"WRITE2-B", 0)
    follows_later = region.read() == b"WRITE2-B"
    region.advise(MADV_DONTNEED)
    return {
        "shows write(2) before its own store": follows,
        "its store made the page anonymous": before.file_backed and not copied.file_backed,
        "its store changed the frame": changed_frame(before.frame, copied.frame),
        "shows write(2) after its own store": follows_later,
        "MADV_DONTNEED joins it to the file again": region.read() == b"WRITE2-B",
    }


def one_frame(run) -> dict:
    """Two processes on one shared page and, after fork(2), on one private page."""
    shared, private = Region(1, fd=run.new_file("shared", 1), shared=True), Region(1)
    private.write(b"parent..")
    alone = entry(private.start).exclusive
    puppet = Puppet()
    puppet.read(shared.start)
    shared.read()
    facts = {
        "shared: one frame in both": same_frame(frame_of(shared), puppet.frame(shared.start)),
        "private: exclusive before fork(2)": alone,
        "private: exclusive after fork(2)": entry(private.start).exclusive,
        "private: one frame after fork(2)": same_frame(frame_of(private), puppet.frame(private.start)),
    }
    puppet.write(shared.start, b"byChild!")
    facts["shared: parent sees the child's store"] = shared.read() == b"byChild!"
    private.write(b"separate")
    facts["private: child sees the parent's store"] = puppet.read(private.start) == b"separate"
    facts["private: exclusive after the store"] = entry(private.start).exclusive
    puppet.close()
    return facts


def splice_holds(run) -> dict:
    """splice(2) from a file holds the page-cache page itself."""
    fd, pipe = run.new_file("spliced", 1), PipeHolder()
    pipe.hold_file(fd, 0)
    os.pwrite(fd, b"LATER!!!", 0)
    shows = pipe.take(PAGE)[:8] == b"LATER!!!"
    pipe.hold_file(fd, 0)
    checked(call("fallocate", fd, _PUNCH_KEEPING_SIZE, 0, PAGE), "hole punch")
    os.pwrite(fd, b"AFTERPUN", 0)
    return {
        "write(2) shows in the pipe": shows,
        "write(2) after a hole punch shows in the pipe": pipe.take(PAGE)[:8] == b"AFTERPUN",
    }


def splice_fork(_run) -> dict:
    """A pipe holds a private page; after fork(2) the parent stores to it."""
    region, pipe = Region(1), PipeHolder()
    region.write(b"VMSPLICE")
    checked(pipe.hold_memory(region.start), "vmsplice")
    before, puppet = frame_of(region), Puppet()
    region.write(b"NEWBYTES")
    facts = {
        "parent's frame changed": changed_frame(before, frame_of(region)),
        "holder sees the parent's store": pipe.take(8) == b"NEWBYTES",
    }
    puppet.close()
    return facts


def write_scan(run) -> dict:
    """The write-protect scan that records delta write traces counts exactly the stored pages."""
    fd = run.new_file("scanned", 8)
    region = Region(8, fd=fd, shared=True)
    scan, facts = WriteScan(region.start, region.length), {}

    def look(name: str) -> None:
        facts[name] = ",".join(map(str, sorted(scan.written()))) or "none"

    for page in (2, 5):
        region.write(b"1", page)
    look("after stores to 2 and 5")
    look("after no store")
    region.write(b"2", 5)
    look("after a store to 5")
    os.pwrite(fd, b"by write(2)", 6 * PAGE)
    look("after write(2) to 6")
    os.fsync(fd)
    region.write(b"3", 2)
    look("after fsync(2) and a store to 2")
    return facts


WITNESSES = (
    Witness(
        name="private-follows-file",
        case="ordinary",
        function=private_follows_file,
        needs=("disk",),
        question="Until when does a private mapping show what is written to the file?",
        model_says="Until its own first store; a page fork must redirect such mappings too, or they show old data.",
        claims=(
            Claim("ordinary+private", "stable_pages", "I1p", kept("shows write(2) before its own store")),
            Claim("uprobes+ref_ctr", "stable_pages", "U2", kept("its store made the page anonymous")),
        ),
        predicts={
            "shows write(2) after its own store": False,
            "MADV_DONTNEED joins it to the file again": True,
        },
        predicts_if_visible={"its store changed the frame": True},
        sources=("mm/memory.c:do_wp_page",),
    ),
    Witness(
        name="one-frame-two-processes",
        case="ordinary",
        function=one_frame,
        needs=("disk",),
        question="Do two processes share one page, and what does fork(2) do to a private one?",
        model_says="A shared file page is one page for all; a private one is shared until either stores.",
        claims=(Claim("ordinary", "stable_pages", "I1", kept("shared: parent sees the child's store")),),
        predicts={
            "private: child sees the parent's store": False,
            "private: exclusive before fork(2)": True,
            "private: exclusive after fork(2)": False,
            "private: exclusive after the store": True,
        },
        predicts_if_visible={"shared: one frame in both": True, "private: one frame after fork(2)": True},
        sources=("mm/memory.c:copy_present_ptes", "mm/memory.c:do_wp_page"),
    ),
    Witness(
        name="splice-holds-page",
        case="splice",
        function=splice_holds,
        needs=("disk",),
        question="What does a pipe that a file was spliced into hold: bytes or the page?",
        model_says="The page: later writes show; once the page is replaced in the cache they no longer do.",
        claims=(
            Claim("splice", "stable_pages", "old_bytes_published", never("write(2) shows in the pipe")),
            Claim("splice", "tux3", "old_bytes_published", never("write(2) after a hole punch shows in the pipe")),
        ),
        sources=("mm/filemap.c:filemap_splice_read",),
    ),
    Witness(
        name="splice-fork",
        case="splice",
        function=splice_fork,
        question="Whom does a plain reference follow when fork(2) splits a private page?",
        model_says="Nobody is asked: the parent's store moves the parent, the holder stays with the old page.",
        claims=(
            Claim("vmsplice", "tux3", "I2", kept("holder sees the parent's store")),
            Claim("vmsplice", "tux3", "forked", happens("parent's frame changed"), visible_only=True),
        ),
        sources=("mm/memory.c:wp_can_reuse_anon_folio", "fs/splice.c:vmsplice_to_pipe"),
    ),
    Witness(
        name="write-protect-scan",
        case="mmap",
        function=write_scan,
        needs=("disk", "writescan"),
        question="Can the pages written in one delta be told by write protection alone?",
        model_says="Yes, for stores through a mapping; write(2) has its own way into the file system.",
        beyond="How the kernel counts is no question to the model; what is counted is its cost model's input.",
        predicts={
            "after stores to 2 and 5": "2,5",
            "after no store": "none",
            "after a store to 5": "5",
            "after write(2) to 6": "none",
            "after fsync(2) and a store to 2": "2",
        },
        sources=("fs/proc/task_mmu.c:pagemap_scan_pmd_entry", "mm/userfaultfd.c:uffd_wp_range"),
    ),
)
