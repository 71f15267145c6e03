"""The wheel and the source archive carry all that `pip install` of them alone must give."""

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from tux3nb import __version__

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(not (ROOT / "pyproject.toml").exists(), reason="not a checkout")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A wheel and an sdist, built by the back end that is installed, without a network."""
    out = tmp_path_factory.mktemp("dist")
    code = f"from hatchling import build; build.build_wheel({str(out)!r}); build.build_sdist({str(out)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
    return next(out.glob("*.whl")), next(out.glob("*.tar.gz"))


def committed(folder: str) -> list[str]:
    """Return the files of a folder that a package should carry."""
    skip = {".pyc", ".ipynb_checkpoints", "__pycache__", "node_modules"}
    files = (path.relative_to(ROOT) for path in (ROOT / folder).rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in files if not skip & {path.suffix, *path.parts})


def test_wheel_has_code_front_end_notebooks_and_data(built):
    """Every file of the package, every notebook and every record is in the wheel; no test is."""
    names = set(zipfile.ZipFile(built[0]).namelist())
    want = committed("tux3nb")
    want += ["tux3nb/_" + name for folder in ("notebooks", "data") for name in committed(folder)]
    assert set(want) <= names
    front = {"tux3nb/show/explorer/static/view.js", "tux3nb/show/picture/picture.css", "tux3nb/report/page.css"}
    assert {*front, "tux3nb/py.typed"} <= names
    assert not any(name.startswith(("tests/", "tools/", "notebooks/", "data/")) for name in names)


def test_sdist_builds_the_same(built):
    """The source archive has the notebooks, the records, the tests, the make words and what these run."""
    with tarfile.open(built[1]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "Makefile", "LICENSE", "CHANGELOG.md", "CITATION.cff", "uv.lock"} <= names
    for folder in ("tux3nb", "notebooks", "data", "docs", "tests", "tools", "benchmarks"):
        assert set(committed(folder)) <= names


@pytest.mark.slow
def test_wheel_alone_works(built, tmp_path):
    """Unpacked away from the checkout, the wheel finds its own notebooks and front end."""
    zipfile.ZipFile(built[0]).extractall(tmp_path)
    code = (
        "import tux3nb; from tux3nb.paths import notebooks_dir, in_checkout; assert not in_checkout();"
        "from tux3nb.show.explorer.page import page_assets; assert 'mount' in page_assets(); print(notebooks_dir())"
    )
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(tmp_path / "tux3nb/_notebooks")


def test_makefile_refuses_an_old_python(tmp_path):
    """An old or missing Python: a line that names what is needed, exit code not 0, nothing made."""
    old = tmp_path / "python3.9"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.1" && exit 0\nexit 1\n')
    old.chmod(0o755)
    done = subprocess.run(
        ["make", "test", f"PY={old}", f"VENV={tmp_path / 'venv'}"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert f"tux3nb needs Python 3.11 or newer; '{old}' is Python 3.9.1." in done.stderr
    assert not (tmp_path / "venv").exists()


def test_conda_environment_names():
    """conda's `graphviz` is the C program, `python-graphviz` the Python package; the rest comes from this project."""
    text = (ROOT / "environment.yml").read_text()
    for name in ("python >=3.11", "graphviz ", "python-graphviz", "pip", "-e ."):
        assert f"- {name}" in text


def plain(name: str) -> str:
    """A distribution's name as the index spells it: ``Foo_Bar>=1`` -> ``foo-bar``."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", name)[0]).lower()


def test_lock_file_has_every_dependency_and_one_index():
    """After a change of dependencies somebody has run `make lock`; no index but the public one is in the file."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(d for extra in project["optional-dependencies"].values() for d in extra)]
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    assert {plain(name) for name in wanted} <= {package["name"] for package in packages}
    sources = [package["source"] for package in packages if package["name"] != "tux3nb"]
    assert all(source == {"registry": "https://pypi.org/simple"} for source in sources)
    hosts = set(re.findall(r"\w+://([^/\"]+)", (ROOT / "uv.lock").read_text()))
    assert hosts == {"pypi.org", "files.pythonhosted.org"}


def test_version_is_said_once():
    """What is cited and what the changelog tells is the version that is built."""
    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"\n## [{__version__}] - " in (ROOT / "CHANGELOG.md").read_text()


def test_make_help_tells_every_word():
    """`make help` has a line for each word, and no line for a word that is gone."""
    words = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split()
    told = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert sorted(re.findall(r"^make ([\w-]+)", told, re.MULTILINE)) == sorted(set(words) - {"help"})
