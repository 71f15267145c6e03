"""Every notebook in the folder, found by glob: sound as a file, readable on a forge, and true when run again."""

import ast
import re

import nbformat
import pytest

from tux3nb import notebook as public
from tux3nb.catalogue import catalogue
from tux3nb.paths import notebooks_dir
from tux3nb.report.execute import execute_all, read
from tux3nb.report.notebooks import stable
from tux3nb.report.places import all_notebooks
from tux3nb.show.explorer.choice import in_words, start_of

NOTEBOOKS = all_notebooks(notebooks_dir())
LONGEST_CELL = 12
SAME_EVERYWHERE = ("text/plain", "text/markdown")


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def test_the_folder_has_notebooks():
    """The glob finds the reading order: 00 first, each number once."""
    numbers = [path.stem[:2] for path in NOTEBOOKS]
    assert numbers[0] == "00" and len(set(numbers)) == len(numbers) and all(n.isdigit() for n in numbers)


def test_valid_and_stable(path):
    """nbformat 4.5 with an id for every cell, no widget state, no metadata of the machine that ran it."""
    raw = nbformat.reader.reads(path.read_text(encoding="utf-8"))
    nbformat.validate(raw)
    assert (raw.nbformat, raw.nbformat_minor) == (4, 5)
    ids = [cell.id for cell in raw.cells]
    assert len(set(ids)) == len(ids) and all(ids)
    assert set(raw.metadata) == {"kernelspec", "language_info"}


def test_committed_with_outputs(path):
    """Counts run from 1 in order, no output is an error, and some cell asserts what is said."""
    cells = code(read(path))
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert outputs and not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]
    assert any("assert " in cell.source for cell in cells)


def test_a_forge_can_show_it(path):
    """Every output has a text form; a picture is an image with words beside it, never inline SVG, never a script."""
    for cell in code(read(path)):
        for output in cell.outputs:
            data = output.get("data", {})
            assert not data or "text/plain" in data
            page = "".join(data.get("text/html", ""))
            assert "<script" not in page and "<svg" not in page
            for image in re.findall(r"<img[^>]*>", page):
                assert 'src="data:image/svg+xml;base64,' in image and re.search(r'alt="[^"]{20,}', image)


def test_no_path_of_a_machine(path):
    """No absolute path, in the sources or the outputs."""
    text = re.sub(r"base64,[A-Za-z0-9+/=]+", "", path.read_text(encoding="utf-8"))
    assert not re.findall(r"(?<![\w.:/<~-])/(?:home|root|work|tmp|usr|Users|mnt)/[^\s\"\\]*", text)


def test_imports_public_names_only(path):
    """From the package, a notebook imports names of tux3nb.notebook and nothing else."""
    for cell in code(read(path)):
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tux3nb"):
                assert node.module == "tux3nb.notebook"
                assert {name.name for name in node.names} <= set(public.__all__)
            if isinstance(node, ast.Import):
                assert not [name.name for name in node.names if name.name.startswith("tux3nb")]


def test_cells_are_short(path):
    """A code cell has at most twelve lines beside its imports; prose stands directly above every cell that defines."""
    before = None
    for cell in read(path).cells:
        if cell.cell_type == "code":
            lines = (
                re.sub(r"^from \S+ import (\([^)]*\)|.*)$", "", cell.source, flags=re.MULTILINE).strip().splitlines()
            )
            assert len(lines) <= LONGEST_CELL, cell.source
            if re.search(r"^(def|class) ", cell.source, re.MULTILINE):
                assert before == "markdown", cell.source
        before = cell.cell_type


def test_every_case_is_in_an_explorer():
    """Each case of the catalogue is in the choice of some notebook, with its shortest broken run in words."""
    told = "\n".join(
        output.data["text/plain"]
        for path in NOTEBOOKS
        for cell in code(read(path))
        if "explorer_of(" in cell.source
        for output in cell.outputs
        if "data" in output
    )
    missing = [c.name for c in catalogue().values() if f"{in_words([start_of(c)])}\n" not in told]
    assert missing == []


def test_every_notebook_is_linked():
    """The README names each notebook."""
    readme = notebooks_dir().parent / "README.md"
    if readme.exists():
        assert all(f"(notebooks/{path.name})" in readme.read_text(encoding="utf-8") for path in NOTEBOOKS)


def test_links_lead_somewhere(path):
    """A link to another notebook leads to a file of this folder."""
    for cell in read(path).cells:
        if cell.cell_type == "markdown":
            for target in re.findall(r"\]\(([^)#:]+\.ipynb)", cell.source):
                assert (path.parent / target).is_file(), target


def texts(notebook):
    """The text outputs by cell id: what must be the same in every run."""
    out = {}
    for cell in code(notebook):
        for output in cell.outputs:
            data = {m: output.data[m] for m in SAME_EVERYWHERE if m in output.get("data", {})}
            out.setdefault(cell.id, []).append(output.get("text") or data)
    return out


@pytest.mark.slow
def test_runs_again_and_says_the_same(path):
    """From top to bottom in a fresh kernel: no error, and the same text in every output."""
    committed = texts(read(path))
    (done,) = execute_all([path], 1, static=False, engine="graphviz-pure", quiet=True)
    assert done.error is None
    assert texts(stable(done.notebook, path.resolve().parent)) == committed
