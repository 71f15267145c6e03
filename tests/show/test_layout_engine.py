"""Finding a layout engine and cleaning what it gives."""

import os
import shutil
import xml.etree.ElementTree as ET

import pytest

from tux3nb.show.picture import layout_engine as le

SOURCE = 'digraph g { a [label="A & B", tooltip="tip <1>"]; a -> b [tooltip="edge"]; }'


def test_environment_wins(monkeypatch):
    """TUX3NB_DOT comes first, and the wheel has a name that needs no path."""
    monkeypatch.setenv("TUX3NB_DOT", "graphviz-pure")
    assert le.find_engine().chosen == "TUX3NB_DOT"
    assert "graphviz-pure" in le.find_engine().path


def test_unusable_environment_is_named(monkeypatch):
    """A TUX3NB_DOT that is no program is an error that quotes it."""
    monkeypatch.setenv("TUX3NB_DOT", "/no/such/dot")
    with pytest.raises(le.LayoutError, match="/no/such/dot"):
        le.find_engine()


def test_system_dot_before_wheel(monkeypatch):
    """A dot on PATH is preferred to the wheel."""
    monkeypatch.delenv("TUX3NB_DOT", raising=False)
    if shutil.which("dot") is None:
        if os.environ.get("TUX3NB_REQUIRE_DOT") == "1":
            pytest.fail("TUX3NB_REQUIRE_DOT is set and there is no dot")
        pytest.skip("no dot on PATH")
    assert le.find_engine().chosen == "dot on PATH"


def test_wheel_without_dot(monkeypatch, tmp_path):
    """Without a dot the wheel of this environment is used, activated or not."""
    monkeypatch.delenv("TUX3NB_DOT", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert le.find_engine().chosen == "graphviz-pure wheel"


def test_no_engine_says_what_to_do(monkeypatch):
    """No engine at all: one line with three ways out."""
    monkeypatch.setattr(le, "find_engine", lambda: None)
    with pytest.raises(le.LayoutError, match="install Graphviz, or `pip install graphviz-pure`, or set TUX3NB_DOT"):
        le.lay_out(SOURCE)


def test_refused_graph(monkeypatch):
    """What the engine says about a broken graph is passed on in one line."""
    with pytest.raises(le.LayoutError, match="refused the graph"):
        le.lay_out("digraph {")


@pytest.mark.parametrize("engine", ["graphviz-pure", "dot"])
def test_clean_svg(monkeypatch, engine):
    """A cleaned SVG is well formed, named, with tooltips, and carries no version, link or single font."""
    if shutil.which(engine) is None and engine == "dot":
        pytest.skip("no dot on PATH")
    monkeypatch.setenv("TUX3NB_DOT", engine)
    svg = le.svg(SOURCE, 'a "label"')
    root = ET.fromstring(svg)
    assert root.get("role") == "img" and root.get("aria-label") == 'a "label"'
    assert "tip &lt;1&gt;" in svg and "Liberation Sans" in svg
    assert "xlink" not in svg and "<!--" not in svg
