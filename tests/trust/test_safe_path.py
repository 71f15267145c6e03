"""Nothing that lies in the current folder runs: planted beside the user, no command and no child of it imports it."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

import tux3nb
from tux3nb.cli import COMMANDS
from tux3nb.report.lab import lab_command, lab_environment
from tux3nb.safepath import safe_path

ROOT = Path(tux3nb.__file__).parents[1]
NAMES = """
argparse csv ctypes json multiprocessing pathlib pickle random runpy struct subprocess tempfile threading traceback
filelock ipykernel ipykernel_launcher jinja2 jupyter_client jupyter_config jupyterlab nbclient nbconvert nbformat nh3
numpy pandas tqdm traitlets zmq sitecustomize
"""
RUNS = "import os\nopen(os.path.join({folder!r}, 'RAN'), 'a').write(__name__ + ' ')\n"


@pytest.fixture
def folder(tmp_path):
    """The user's folder: a module of each name that tells that it ran, a broken one, a template and a notebook."""
    for name in NAMES.split():
        (tmp_path / f"{name}.py").write_text(RUNS.format(folder=str(tmp_path)) + "raise ImportError('planted')\n")
    (tmp_path / "struct.py").write_text("this is no Python\n")
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "conf.json").write_text('{"base_template": "base"}')
    (tmp_path / "lab" / "index.html.j2").write_text("PLANTED")
    note = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("import tux3nb.notebook\nimport beside\n1 + 1")])
    (tmp_path / "beside.py").write_text("")
    nbformat.write(note, tmp_path / "mine.ipynb")
    return tmp_path


def ran(folder: Path) -> list[str]:
    told = folder / "RAN"
    return told.read_text().split() if told.exists() else []


def run(folder: Path, *argv: str, **env: str) -> subprocess.CompletedProcess:
    given = {**os.environ, "PYTHONPATH": str(ROOT), **env}
    given.pop("PYTHONSAFEPATH", None)
    return subprocess.run(
        [sys.executable, "-m", *argv], cwd=folder, env=given, capture_output=True, text=True, timeout=300
    )


# So many cases that a command starts workers for them; the smallest there are.
EIGHT = """
aio+checksum crash migration mmap+private_poke mmap+private_region_readonly ordinary+own_reference stable_device
truncate+discarded
""".split()

STARTED = [
    (["cases"], 0),
    (["check", "ordinary+readonly", "--json"], 1),
    (["matrix", *EIGHT, "--policy", "tux3"], 0),
    (["policies"], 0),
    (["policies", "--fresh", "--worlds", *EIGHT], 0),
    (["export-promela", "migration"], 0),
    (["report", "mine.ipynb"], 0),
    (["notebooks", "mine.ipynb"], 0),
    (["lab", "--help"], 0),
    (["witness", "splice-fork"], 0),
    (["record", "--check", *EIGHT], 0),
]


def test_every_command_is_started():
    assert {argv[0] for argv, _ in STARTED} == set(COMMANDS)


@pytest.mark.parametrize(("argv", "code"), STARTED, ids=lambda value: value[0] if isinstance(value, list) else "")
def test_planted_modules_do_not_run(folder, argv, code):
    """Started with `-m`, which puts the current folder first; the kernels of the notebooks even start there."""
    done = run(folder, "tux3nb", *argv)
    assert ran(folder) == [] and "PLANTED" not in done.stdout
    assert done.returncode == code, done.stderr
    if argv[0] == "witness":
        assert "died" not in done.stdout
    for page in folder.glob("reports/*.html"):
        assert "PLANTED" not in page.read_text()


def test_the_planted_modules_would_run(folder):
    """The test can fail: Python itself takes them."""
    assert run(folder, "json.tool", "--help").returncode != 0 and ran(folder)[0] == "json"


def test_lab_starts_without_them(folder):
    """JupyterLab reads its configuration, which is Python, from where it starts; `tux3nb lab` starts it elsewhere."""
    command = [*lab_command(folder, 8888, browser=False)[:3], "--version"]
    done = subprocess.run(command, cwd=folder, env=lab_environment(), capture_output=True, text=True)
    assert done.returncode == 0 and ran(folder) == []


def test_an_empty_part_of_the_search_path(folder):
    """It means the current folder, and is often there by mistake; Python itself asks there for sitecustomize."""
    (folder / "sitecustomize.py").unlink()
    done = run(folder, "tux3nb", "matrix", *EIGHT, "--policy", "tux3", PYTHONPATH=f"{ROOT}{os.pathsep}")
    assert ran(folder) == [] and done.returncode == 0, done.stderr


def test_where_the_package_is_the_current_folder(monkeypatch):
    """It is still found, after the standard library and before the other packages."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "path", ["", str(ROOT), os.path.dirname(os.__file__), "/x/site-packages", "/y"])
    assert safe_path() == [os.path.dirname(os.__file__), str(ROOT), "/x/site-packages", "/y"]
