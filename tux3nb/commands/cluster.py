"""What the commands that explore have in common where other processes and machines do the work."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tux3nb.errors import UserError, positive

if TYPE_CHECKING:
    from tux3nb.cluster.connect import Connection


def configure(parser: argparse.ArgumentParser, workers: str, *also: str) -> None:
    """`workers`: the help of ``--workers``; also: other names of it."""
    parser.add_argument("--workers", *also, type=positive(int), metavar="N", help=workers)
    parser.add_argument("--scheduler", metavar="tcp://HOST:PORT",
                        help="on the workers of this Dask scheduler (needs tux3nb[cluster])")  # fmt: skip


@contextmanager
def connection(args, local: bool = False) -> Iterator[Connection | None]:
    """The workers that were asked for, or None: this process, or a pool of processes, does the work.

    local: several workers of this machine are Dask's, too.
    """
    if args.scheduler and args.workers:
        raise UserError("--scheduler has its workers; leave --workers out")
    if not args.scheduler and not (local and (args.workers or 1) > 1):
        yield None
        return
    from tux3nb.cluster.connect import connected

    with connected(args.scheduler, args.workers or 0) as at:
        at.checkpoint = getattr(args, "checkpoint", None)
        yield at
