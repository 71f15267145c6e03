"""io_uring registered buffers: a long-term writable pin that is never reported dirty.

The I/O through the buffer is that of rules/rdma.py (`device_write`, `device_read`): posted, moved, reaped. A bio over a
registered buffer makes no dirty call of its own either, since its pages do not come from a user iterator.
"""

from tux3nb.engine.rule import rule
from tux3nb.engine.terms import NONE
from tux3nb.model.operations import Kind
from tux3nb.model.routine import begins, may_start, returns
from tux3nb.model.rules.gup import permitted
from tux3nb.model.rules.rdma import device_idle
from tux3nb.model.world import ops

KINDS = (
    Kind(
        "buffer_register",
        "register the page as an io_uring buffer",
        maps=True,
        dirties=True,
        walks="slow",
        longterm=True,
        gup_write=True,
        holder="makes",
        unbounded=True,
    ),
    Kind(
        "buffer_unregister",
        "unregister the buffer: unpin, no dirty call",
        page=False,
        holder="ends",
        of=("buffer_register",),
    ),
)
REGISTER = "io_uring/rsrc.c:io_sqe_buffer_register (ab9b0d47, about v6.5)"


@rule(op=ops("buffer_register"), kernel=REGISTER + ": pin_user_pages")
def buffer_register_walks(s, policy, op):
    """Registration pins with FOLL_WRITE and FOLL_LONGTERM, by the slow walk."""
    s.require(may_start(s, op), permitted(s.world, policy, op))
    begins(s, op, "walk")


@rule(op=ops("buffer_register"), kernel="mm/gup.c:check_vma_flags, FOLL_LONGTERM (v6.5)")
def buffer_register_refused(s, policy, op):
    """A long-term writable pin of a file folio is refused with EFAULT."""
    s.require(may_start(s, op), ~permitted(s.world, policy, op))
    s.mark("longterm_refused")
    returns(s, op)


@rule(op=ops("buffer_unregister"), kernel="io_uring/rsrc.c:io_buffer_unmap (ab9b0d47, about v6.5)", release=True)
def buffer_unregisters(s, policy, op):
    """With no I/O in flight the pin is dropped, if there was one; no dirty call is made."""
    s.require(may_start(s, op), device_idle(s, op))
    s.hold[op.holder] = NONE
    returns(s, op)
