"""Byte for byte the same, whatever Python hashes by, the locale, and the number of processes."""

import os
import subprocess
import sys

import nbformat
import pytest

WORLDS = (
    {"PYTHONHASHSEED": "0", "LC_ALL": "C", "PYTHONUTF8": "0", "TZ": "UTC"},
    {"PYTHONHASHSEED": "1", "LC_ALL": "C.UTF-8", "TZ": "Asia/Tokyo", "COLUMNS": "30"},
    {"PYTHONHASHSEED": "4711", "LANG": "de_DE.UTF-8", "LC_ALL": "", "NO_COLOR": "1", "PYTHONIOENCODING": "latin-1"},
)
COMMANDS = (
    ["cases", "--json"],
    ["check", "rdma"],
    ["check", "migration", "--json"],
    ["check", "ptrace+peek", "--all", "--vary", "redirect", "--json"],
    ["matrix", "migration", "crash", "ptrace+peek", "splice", "--json"],
    ["export-promela", "migration", "--family"],
)


def run(*argv: str, world: dict[str, str], prelude: str = "") -> bytes:
    code = f"import sys\n{prelude}\nfrom tux3nb.cli import main\nif __name__ == '__main__':\n    sys.exit(main())"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **world}
    done = subprocess.run([sys.executable, "-c", code, *argv], capture_output=True, env=env, timeout=300)
    assert done.returncode in (0, 1), done.stderr.decode()
    return done.stdout


@pytest.mark.parametrize("argv", COMMANDS, ids=" ".join)
def test_commands(argv):
    said = {run(*argv, world=world) for world in WORLDS}
    assert len(said) == 1 and said != {b""}


@pytest.mark.slow
def test_pages(tmp_path):
    """A report of a notebook with an explorer, a picture, a table and maths."""
    cells = [
        nbformat.v4.new_markdown_cell("# Ä title\n\nText with $x^2$ and *words*."),
        nbformat.v4.new_code_cell("from tux3nb.notebook import *\nexplorer('migration')"),
        nbformat.v4.new_code_cell("ownership(check('migration'))"),
        nbformat.v4.new_code_cell("features('migration')"),
        nbformat.v4.new_code_cell("{'a', 'b', 'c', 'd'}"),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "ä.ipynb")
    pages = set()
    for n, world in enumerate(WORLDS):
        out = tmp_path / str(n)
        run("report", str(tmp_path / "ä.ipynb"), "--out", str(out), world=world)
        pages.add(tuple(path.read_bytes() for path in sorted(out.glob("*.html"))))
    assert len(pages) == 1 and len(pages.pop()) == 2


@pytest.mark.slow
def test_any_number_of_processes():
    cases = ["migration", "crash", "ptrace+peek", "splice", "vmsplice", "ordinary+readonly", "aio+tear", "rdma"]
    argv = ["matrix", *cases, "--policy", "tux3", "--policy", "perfect", "--json"]
    said = {
        run(*argv, world=WORLDS[0], prelude=f"from tux3nb.commands import matrix\nmatrix.jobs = lambda cases: {jobs}")
        for jobs in (1, 2, 5)
    }
    assert len(said) == 1 and said.pop().count(b'"case"') == 16
