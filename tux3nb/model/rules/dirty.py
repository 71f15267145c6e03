"""What becomes of a holder's set_page_dirty on the folio that it holds; used by the holders' rules."""

from ...expr import where
from ..ops import CELLS
from ..world import OOPS

OUTCOMES = ("dirty", "bug", "queue", "warn", "bug_forked", "drop", "forward_page", "forward_range")
KERNEL = "fs/tux3/filemap_mmap.c:tux3_set_page_dirty_assert"


def dirty_call(s, policy, f, outcome: str, cells):
    """Guard and effect of the dirty call on folio `f` that ends in `outcome`; call it before any write.

    `cells` are the cells that the holder has written, for the policy that forwards just those.
    """
    live, dirty = s.forked[f] == 0, s.dirty[f] == 1
    guard = {
        "dirty": live & dirty,
        "bug": live & ~dirty & (policy.dirty_clean == "bug"),
        "queue": live & ~dirty & (policy.dirty_clean == "queue"),
        "warn": ~live & dirty & (policy.dirty_forked == "assert"),
        "bug_forked": ~live & ~dirty & (policy.dirty_forked == "assert"),
        "drop": ~live & (policy.dirty_forked == "drop"),
        "forward_page": ~live & (policy.dirty_forked == "forward_page"),
        "forward_range": ~live & (policy.dirty_forked == "forward_range"),
    }
    s.require(guard[outcome])
    s.mark("assert_passed", outcome == "dirty")
    s.ensure("I5w", outcome != "warn", "dirty call on a forked folio: the kernel warns")
    if outcome == "bug":
        s.oops = OOPS.index("dirty call on a clean folio")
    elif outcome == "bug_forked":
        s.oops = OOPS.index("dirty call on a forked folio that is clean")
    elif outcome == "queue":
        s.tag[f] = s.cur
        s.dirty[f] = 1
    elif outcome.startswith("forward"):
        forward(s, f, CELLS if outcome == "forward_page" else cells)


def forward(s, f, cells):
    """Copy `cells` of the forked folio to the one that is in the slot now, and dirty that for the current delta."""
    now = s.slot[0]
    for c, value in [(c, s.cell[f, c]) for c in cells]:
        s.cell[now, c] = value
    s.tag[now] = where(s.dirty[now] == 1, s.tag[now], s.cur)
    s.dirty[now] = 1
