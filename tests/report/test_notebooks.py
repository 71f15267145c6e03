"""Notebooks written in place: the same bytes each time, and a check that can fail."""

import json

import nbformat
import pytest

from tux3nb.cli import main
from tux3nb.report import notebooks
from tux3nb.report.execute import read

v4 = nbformat.v4


def run(*arguments):
    return main(["notebooks", *map(str, arguments)])


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A notebook with a widget, a path, an address and a slider alone, executed in place."""
    path = tmp_path_factory.mktemp("notebooks") / "00-small.ipynb"
    nb = v4.new_notebook()
    nb.cells = [
        v4.new_markdown_cell("# Small"),
        v4.new_code_cell("from tux3nb.notebook import explorer\nexplorer('migration')"),
        v4.new_code_cell("import os\nprint(os.getcwd())\nobject()"),
        v4.new_code_cell(""),
        v4.new_code_cell("import ipywidgets\nipywidgets.IntSlider()"),
    ]
    nb.cells[1].metadata["collapsed"] = False
    nb.cells[2].metadata["tags"] = ["keep"]
    nbformat.write(nb, path)
    ids = [cell.id for cell in nb.cells]
    assert run(path) == 0
    return path, ids


def test_what_is_kept_and_what_not(written):
    """Ids, tags, a still and text stay; widget views, paths, addresses and timings go; counts run from 1."""
    path, ids = written
    text = path.read_text()
    nb = json.loads(text)
    assert [cell["id"] for cell in nb["cells"]] == ids
    assert (
        "widget-view" not in text
        and "tux-saved" not in text
        and str(path.parent) not in text
        and "<object at 0x...>" in text
    )
    assert "data:image/svg+xml;base64," in text
    assert [cell["execution_count"] for cell in nb["cells"][1:]] == [1, 2, None, 3]
    assert nb["cells"][1]["metadata"] == {} and nb["cells"][2]["metadata"] == {"tags": ["keep"]}
    assert text.endswith("}\n") and nb["nbformat_minor"] == 5


def test_pieces_of_a_stream_are_joined(tmp_path):
    """Where a kernel cuts what is printed depends on time; another stream, or a value between, keeps its place."""
    texts = [("stdout", "a\n"), ("stdout", "b\n"), ("stderr", "c\n"), ("stdout", "d\n")]
    cell = v4.new_code_cell("pass", outputs=[v4.new_output("stream", name=n, text=t) for n, t in texts])
    done = notebooks.stable(v4.new_notebook(cells=[cell]), tmp_path)
    assert [o.text for o in done.cells[0].outputs] == ["a\nb\n", "c\n", "d\n"]


def test_check_passes_then_fails(written, capsys):
    """A second run gives the same bytes; a changed output is named with its cell, exit 1, and nothing is written."""
    path, _ = written
    assert run(path, "--check") == 0
    nb = read(path)
    nb.cells[2].outputs[0].text = "elsewhere\n"
    changed = notebooks.write_text(nb)
    path.write_text(changed)
    assert run(path, "--check") == 1
    assert "00-small.ipynb: cell 3 gives something else" in capsys.readouterr().err
    assert path.read_text() == changed


def test_lab_folder(tmp_path, monkeypatch):
    """JupyterLab gets a folder that can be written; a copy there is never overwritten; popups are off."""
    from tux3nb.report import lab

    source = tmp_path / "installed"
    source.mkdir()
    (source / "a.ipynb").write_text("new")
    monkeypatch.setattr(lab, "notebooks_dir", lambda: source)
    folder = lab.lab_folder(tmp_path / "mine")
    assert (folder / "a.ipynb").read_text() == "new"
    (folder / "a.ipynb").write_text("edited")
    assert (lab.lab_folder(tmp_path / "mine") / "a.ipynb").read_text() == "edited"
    assert (lab.CONFIG / "labconfig/default_setting_overrides.json").is_file()
    assert lab.lab_environment()["JUPYTER_CONFIG_PATH"].startswith(str(lab.CONFIG))
