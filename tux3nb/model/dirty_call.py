"""What becomes of a holder's set_page_dirty on the folio that it holds; used by the holders' rules."""

from tux3nb.engine.terms import where
from tux3nb.model.folio import empty, in_folio
from tux3nb.model.operations import CELLS

CALLED = ("dirty", "bug", "lost", "queue", "warn", "bug_forked", "drop", "forward_page", "forward_range")
OUTCOMES = (*CALLED, "gone", "freed_inode")  # the last two: of a folio that has left the file
KERNEL = "fs/tux3/filemap_mmap.c:tux3_set_page_dirty_assert"


def ends_in(s, policy, f, outcome: str):
    """A dirty call on folio `f` would end in `outcome`.

    A folio that has lost its mapping (``gone``) has no file system to be told: only its own flag is set. An anonymous
    one never had.
    """
    gone = (s.detached[f] == 1) | (s.anonymous[f] == 1)
    attached = (s.detached[f] == 0) & (s.anonymous[f] == 0)
    live, dirty = attached & (s.forked[f] == 0), s.dirty[f] == 1
    lost = (policy.dirty_clean == "lost") & (s.stripped[f] == 1)
    forked = attached & (s.forked[f] == 1)
    forwarding = policy.dirty_forked.one_of("forward_page", "forward_range")
    return {
        "dirty": live & dirty,
        "bug": live & ~dirty & (policy.dirty_clean == "bug"),
        "lost": live & ~dirty & lost,
        "queue": live & ~dirty & (policy.dirty_clean != "bug") & ~lost,
        "warn": forked & dirty & (policy.dirty_forked == "assert"),
        "bug_forked": forked & ~dirty & (policy.dirty_forked == "assert"),
        "drop": forked & ((policy.dirty_forked == "drop") | forwarding & empty(s)),
        "forward_page": forked & ~empty(s) & (policy.dirty_forked == "forward_page"),
        "forward_range": forked & ~empty(s) & (policy.dirty_forked == "forward_range"),
        "gone": gone,
        "freed_inode": s.detached[f] == 2,
    }[outcome]


def dirty_call(s, f, outcome: str, cells):
    """The effect of a dirty call on folio `f` that ends in `outcome`.

    `cells` are the cells that the holder has written, for the policy that forwards just those. What is `lost` is
    accepted by the call; the write-out drops it, since the folio has no buffers that say where to put it.
    """
    s.mark("assert_passed", outcome in ("dirty", "lost"))
    s.ensure("I5w", outcome != "warn", "dirty call on a forked folio: the kernel warns")
    s.ensure("I5w", outcome != "lost", "dirty call on a folio without buffers: the kernel warns")
    if outcome == "bug":
        s.oops = "dirty call on a clean folio"
    elif outcome == "bug_forked":
        s.oops = "dirty call on a forked folio that is clean"
    elif outcome == "freed_inode":
        s.oops = "use of the mapping of a freed inode"
    elif outcome == "queue":
        s.tag[f] = s.cur
        s.dirty[f] = 1
    elif outcome.startswith("forward"):
        forward(s, f, CELLS if outcome == "forward_page" else cells)


def forward(s, f, cells):
    """Copy `cells` of the forked folio to the one that is in the slot now, and dirty that for the current delta."""
    now = s.slot[s.index[f]]
    for c, value in [(c, where(in_folio(s, f, c), s.cell[f, c], s.cell[now, c])) for c in cells]:
        s.cell[now, c] = value
    s.tag[now] = where(s.dirty[now] == 1, s.tag[now], s.cur)
    s.dirty[now] = 1
