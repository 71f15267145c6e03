"""Every test file says what it holds: one sentence about the program, of its own, before anything else."""

import ast
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FILES = sorted(path.relative_to(HERE).as_posix() for path in HERE.rglob("*.py") if path.name != "__init__.py")


def says(name: str) -> str:
    """The first paragraph of a file's docstring, as one line."""
    told = ast.get_docstring(ast.parse((HERE / name).read_text(encoding="utf-8"))) or ""
    return " ".join(told.partition("\n\n")[0].split())


@pytest.mark.parametrize("name", [n for n in FILES if "/inputs/" not in n])
def test_a_file_says_what_it_holds(name):
    assert len(says(name).split()) >= 5 and says(name).endswith("."), says(name)


def test_no_two_files_hold_the_same():
    told = [says(name) for name in FILES]
    assert len(set(told)) == len(told)
