"""A user without a home, or with one that is closed, checks without compiled code."""

import os
from pathlib import Path

import pytest

from tux3nb.backend import c_library


def no_home():
    raise RuntimeError("Could not determine home directory.")


@pytest.fixture(autouse=True)
def compiler(monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(c_library, "compiler", lambda: "cc")


def test_no_home(monkeypatch):
    monkeypatch.setattr(Path, "home", no_home)

    assert c_library.library("int x;", 1) is None


def test_a_closed_home(monkeypatch, tmp_path):
    """To look for the library is refused already (root is never refused, so the refusal is played)."""

    def refused(path, **_):
        raise PermissionError(13, os.strerror(13), str(path))

    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr(Path, "exists", refused)

    assert c_library.library("int x;", 1) is None


def test_a_home_that_cannot_be_written(monkeypatch, tmp_path):
    (tmp_path / ".cache").write_text("in the way")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)

    assert c_library.library("int y;", 1) is None
