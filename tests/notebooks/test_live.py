"""Recordings in a notebook: alone where pages are made, beside the reader's own kernel where it is read live."""

import sys

import pytest

from tux3nb.report.execute import _environment
from tux3nb.show import tables as lookup


def heads(table) -> list[str]:
    return [head for head in table.columns if head.startswith("here, ")]


def test_pages_show_the_recording_alone(monkeypatch):
    """A notebook that a command runs reads the same everywhere."""
    monkeypatch.setitem(sys.modules, "ipykernel", sys)
    for static in (True, False):
        monkeypatch.setattr("os.environ", _environment(static, None))
        assert not lookup.live() and not heads(lookup.recorded("splice-fork"))


def test_a_plain_program_is_no_reader(monkeypatch):
    monkeypatch.delenv("TUX3NB_EXECUTED", raising=False)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    assert not lookup.live()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="not Linux")
def test_a_reader_sees_this_kernel_too(monkeypatch):
    """What can run does; what takes root is not started from a notebook."""
    monkeypatch.delenv("TUX3NB_EXECUTED", raising=False)
    monkeypatch.setitem(sys.modules, "ipykernel", sys)
    table = lookup.recorded("splice-fork", "stable-on-ext4")
    (head,) = heads(table)
    assert table.loc["splice-fork", head] == "agrees"
    assert table.loc["stable-on-ext4", head] == "needs root: see `tux3nb witness`"
    assert table.loc["splice-fork", "the kernel"] == "agrees"


def test_only_experiments_that_take_root(monkeypatch):
    """Nothing is run at all, and not everything either, when none is left."""
    monkeypatch.setattr(lookup, "run_witnesses", None)
    assert set(lookup.here(["stable-on-ext4", "uprobe-goes-back"])) == {"stable-on-ext4", "uprobe-goes-back"}
