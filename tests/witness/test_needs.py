"""Each probe says why; the cgroup of version 2 is tried on a fake tree."""

import os
import sys
from types import SimpleNamespace

import pytest

from tux3nb.witness import needs
from tux3nb.witness.low import throttle

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="not Linux")


@pytest.fixture
def nothing_exists(monkeypatch):
    monkeypatch.setattr(os.path, "exists", lambda path: False)


@pytest.mark.parametrize(
    ("need", "word"),
    [("fuse", "/dev/fuse"), ("loop", "loop-control"), ("uprobes", "uprobes"), ("bpf", "BTF"), ("ksm", "KSM")],
)
def test_a_missing_device_or_feature_is_named(nothing_exists, need, word):
    assert word in needs.missing([need], "/", True)


def test_fuse_that_is_closed_is_named(monkeypatch):
    def refuse(path, flags):
        raise PermissionError(path)

    monkeypatch.setattr(os.path, "exists", lambda path: True)
    monkeypatch.setattr(os, "open", refuse)
    assert f"closed to uid {os.geteuid()}" in needs.missing(["fuse"], "/", False)


@pytest.mark.parametrize(("kind", "word"), [("tmpfs", "not on a disk"), ("nfs4", "other rules"), ("ext4", None)])
def test_the_scratch_file_system_decides(monkeypatch, kind, word):
    monkeypatch.setattr(needs, "file_system_of", lambda folder: kind)
    reason = needs.missing(["disk"], "/", False)
    assert reason is None if word is None else word in reason


def test_root_without_the_capability_is_told_from_a_plain_user(monkeypatch):
    monkeypatch.setattr(needs, "has_root", lambda: False)
    for user, reason in ((0, "root in a container without CAP_SYS_ADMIN"), (1000, "not root")):
        monkeypatch.setattr(os, "geteuid", lambda user=user: user)
        assert needs.missing(["root"], "/", False) == reason


def test_an_unknown_processor_is_named(monkeypatch):
    monkeypatch.setattr(needs, "machine_known", lambda: False)
    assert "processor" in needs.missing([], "/", False)


@pytest.fixture
def version_2(tmp_path, monkeypatch):
    """A fake cgroup tree of version 2 with the controllers named by the test."""
    monkeypatch.setattr(throttle, "_VERSION_1", tmp_path / "none")
    monkeypatch.setattr(throttle, "_VERSION_2", tmp_path)

    def make(existing: str, enabled: str):
        (tmp_path / "cgroup.controllers").write_text(existing)
        (tmp_path / "cgroup.subtree_control").write_text(enabled)
        return tmp_path

    return make


def test_version_2_says_what_is_off(version_2):
    version_2("cpu memory", "cpu")
    assert "no io controller" in throttle.unavailable(invasive=True)
    version_2("cpu io memory", "cpu memory")
    assert "controllers io are off" in throttle.unavailable(invasive=False)
    assert throttle.unavailable(invasive=True) is None
    version_2("io memory", "io memory")
    assert throttle.unavailable(invasive=False) is None


def test_version_2_limits_and_notes_what_it_took(version_2, tmp_path):
    tree, notes = version_2("io memory", "memory"), []
    journal = SimpleNamespace(add=lambda kind, **details: notes.append((kind, details)))
    limit = throttle.Throttle(SimpleNamespace(folder=tmp_path / "run-1", journal=journal), "/dev/null")
    control = tree / "cgroup.subtree_control"
    assert notes[0] == ("setting", {"path": str(control), "value": "-io"}) and control.read_text() == "+io"
    folder = tree / "run-1-null"
    assert notes[1] == ("cgroup", {"path": str(folder)})
    assert (folder / "cgroup.procs").read_text() == str(os.getpid())
    limit.limit(1000)
    assert (folder / "io.max").read_text() == "1:3 wbps=1000"
    limit.limit(0)
    assert (folder / "io.max").read_text() == "1:3 wbps=max"
