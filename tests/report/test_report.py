"""The report: tiny notebooks run and exported for real."""

import re

import nbformat
import pytest

from tux3nb.cli import main
from tux3nb.report.export import asked_for, summary_of, title_of, to_html
from tux3nb.report.places import find_notebooks

v4 = nbformat.v4
PROSE = """# The *question*

Who sees `which` copy? See [ptrace](01-ptrace.ipynb#facts) and [the list](https://example.org/x).

Inline $x_i \\le 2^n$, and

$$\\sum_{i=0}^n i$$
"""


def notebook(*cells):
    nb = v4.new_notebook()
    nb.cells = [v4.new_markdown_cell(PROSE), *(v4.new_code_cell(cell) for cell in cells)]
    return nb


def run(*arguments):
    return main(["report", *map(str, arguments)])


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A report of two notebooks, one of which fails; returns the folder, the exit code and what was said."""
    folder = tmp_path_factory.mktemp("report")
    show = "from tux3nb.notebook import explorer\nexplorer('migration')"
    nbformat.write(notebook(show, "print('<script>alert(1)</script>')"), folder / "04-rdma.ipynb")
    nbformat.write(notebook("1 + 1", "raise ValueError('bad thing')", "2 + 2"), folder / "05-bad.ipynb")
    return folder, run(folder / "04-rdma.ipynb", folder / "05-bad.ipynb", "--out", folder / "out")


def test_failing_cell(report, capsys, tmp_path):
    """A failing cell: exit 1, one line with notebook, cell and error; the other pages are still written."""
    folder, code = report
    assert code == 1
    index = (folder / "out/index.html").read_text()
    assert "05-bad.ipynb: cell 3: ValueError: bad thing" in index and 'href="04-rdma.html"' in index
    nbformat.write(notebook("raise KeyError('no')"), tmp_path / "x.ipynb")
    assert run(tmp_path / "x.ipynb", "--out", tmp_path / "out") == 1
    said = capsys.readouterr()
    assert "tux3nb report: x.ipynb: cell 2: KeyError: 'no'" in said.err and "Traceback" not in said.err
    assert said.out.strip().endswith("index.html")


def test_layout_engine_is_named(capsys, tmp_path, monkeypatch):
    """What lays the pictures out is said; where that cannot run, nothing else is done."""
    nbformat.write(notebook("1 + 1"), tmp_path / "x.ipynb")
    monkeypatch.setenv("TUX3NB_DOT", "graphviz-pure")
    assert run(tmp_path / "x.ipynb", "--out", tmp_path / "out") == 0
    assert "graphviz-pure (TUX3NB_DOT)" in capsys.readouterr().err
    monkeypatch.setenv("TUX3NB_DOT", "no-such-dot")
    assert run(tmp_path / "x.ipynb", "--out", tmp_path / "none") == 2
    assert "'no-such-dot'" in capsys.readouterr().err and not list((tmp_path / "none").iterdir())


def test_page_asks_for_nothing(report):
    """A page has the policy that forbids every request, and nothing in it would make one."""
    folder, _ = report
    for page in (folder / "out").glob("*.html"):
        text = page.read_text()
        assert text.index("default-src 'none'") < text.index("<style")
        assert asked_for(text) == []
        assert not re.search(r"<link\b|@import|<script[^>]*\bsrc=", text)


def test_only_our_scripts(report):
    """The only scripts are the explorer's module, its style and its table; what a cell prints stays text."""
    folder, _ = report
    page = (folder / "out/04-rdma.html").read_text()
    assert re.findall(r"<script[^>]*>", page) == [
        '<script type="application/json" data-case="migration">',
        '<script type="application/json" id="tux-explorer-css">',
        '<script type="module">',
    ]
    assert "&lt;script&gt;alert(1)" in page
    assert "<script" not in (folder / "out/05-bad.html").read_text()


def test_maths_and_links(report):
    """Maths is MathML, links between notebooks are links between pages, other links stay."""
    folder, _ = report
    page = (folder / "out/04-rdma.html").read_text()
    assert page.count("<math") == 2 and "$x_i" not in page
    assert 'href="01-ptrace.html#facts"' in page and 'href="https://example.org/x"' in page
    assert 'href="05-bad.html"' in page and 'href="index.html"' in page


def test_page_size(report):
    """A page stays small: JupyterLab's style, the explorer and the table."""
    folder, _ = report
    assert (folder / "out/04-rdma.html").stat().st_size < 450_000


def test_title_and_summary():
    """The index takes title and summary from the first heading and paragraph."""
    nb = notebook()
    assert title_of(nb, "x") == "The question"
    assert summary_of(nb) == "Who sees which copy? See ptrace and the list."
    assert title_of(v4.new_notebook(), "name") == "name"


def test_unreadable_maths_is_shown_as_written():
    """What latex2mathml can't read is shown as TeX, not lost."""
    nb = v4.new_notebook()
    nb.cells = [v4.new_markdown_cell("Broken $x_1_2$ here.")]
    assert "<code>x_1_2</code>" in to_html(nb, "x")


def test_unknown_notebook(capsys):
    """An unknown notebook: one line with the nearest names, exit 2."""
    known = [path.stem for path in find_notebooks([])] if _have_notebooks() else []
    assert run("zzz-no-such-notebook") == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "no notebook 'zzz-no-such-notebook'" in said
    assert all(name in said for name in known[:1])


def test_output_folder_that_cannot_be_written(capsys, tmp_path):
    """An output folder that cannot be written: one line, exit 2, before any notebook runs."""
    nbformat.write(notebook(), tmp_path / "a.ipynb")
    (tmp_path / "file").write_text("")
    assert run(tmp_path / "a.ipynb", "--out", tmp_path / "file" / "sub") == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "cannot write to" in said


def _have_notebooks():
    from tux3nb.paths import notebooks_dir
    from tux3nb.report.places import all_notebooks

    return bool(all_notebooks(notebooks_dir()))
