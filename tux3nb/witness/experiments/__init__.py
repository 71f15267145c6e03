"""The experiments, one module for each family of questions."""

from collections.abc import Iterator
from importlib import import_module

from tux3nb.witness.base import Witness

_MODULES = (
    "ptrace",
    "identity",
    "pins",
    "migration",
    "ordinary",
    "aio_inflight",
    "stable",
    "crash",
    "uprobes",
    "deltascan",
    "refcounts",
    "census",
)


def all_witnesses() -> Iterator[Witness]:
    """Every witness of every module, unprivileged families first."""
    for name in _MODULES:
        yield from import_module(f"{__name__}.{name}").WITNESSES
