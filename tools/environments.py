"""``make test-lowest`` and ``make test-pythons``: the words of the Makefile in other environments than the usual one.

``lowest``: with the lowest version of everything that pyproject.toml allows. ``pythons``: with every Python that it
names, but the one of ``.venv``, which the other words test; and a page of a report is the same with all of them, byte
for byte. Each environment is a folder beside ``.venv``. What is not here is said and skipped. Exit code: 0 if nothing
failed.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = "01-ptrace"  # with prose, tables, maths, pictures and an explorer


def project() -> dict:
    """The project's table of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def lowest() -> list[str]:
    """The lowest version of each library that pyproject.toml names, as pip's constraints."""
    named = [*project()["dependencies"], *(w for extra in project()["optional-dependencies"].values() for w in extra)]
    return sorted({re.sub(r"\s*>=\s*", "==", wanted.partition(";")[0].strip()) for wanted in named})


def versions() -> list[str]:
    """The Pythons that pyproject.toml names."""
    told = (re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", c) for c in project()["classifiers"])
    return [found[1] for found in told if found]


def interpreters(version: str) -> dict[str, str]:
    """The Pythons of this version, on the path, of pyenv or of uv: their whole version, and where they are."""
    named = [Path(folder) / f"python{version}" for folder in os.get_exec_path()]
    named += sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"), reverse=True)
    if uv := shutil.which("uv"):
        asked = [uv, "python", "find", "--no-python-downloads", version]
        named += map(Path, subprocess.run(asked, capture_output=True, text=True, check=False).stdout.split())
    found: dict[str, str] = {}
    for python in filter(Path.is_file, named):
        ask = [python, "-c", "import platform, ensurepip; print(platform.python_version())"]
        told = subprocess.run(ask, capture_output=True, text=True, check=False)
        if told.returncode == 0:  # pyenv's stand-ins may be empty, and Debian's Python without its venv
            found.setdefault(told.stdout.strip(), str(python))
    return found


def make(*words: str) -> bool:
    """Whether a word of the Makefile ends well."""
    return subprocess.run(["make", "--no-print-directory", *words], cwd=ROOT, check=False).returncode == 0  # noqa: S607


def with_lowest() -> bool:
    """Whether the report and the quick tests pass with the lowest versions."""
    pins = ROOT / ".venv-lowest" / "lowest.txt"
    pins.parent.mkdir(exist_ok=True)
    pins.write_text("\n".join(lowest()) + "\n")
    # The lowest Python: the oldest libraries have no wheels for the Pythons that came after them.
    python = next(iter(interpreters(versions()[0]).values()), sys.executable)
    return make("report", "test", f"PY={python}", f"VENV={pins.parent.name}", f"PINS={pins}")


def with_pythons(word: str) -> bool:
    """Run a word of the Makefile with every Python that is here, and tell how each ended; False if one failed."""
    told = {}
    for version in versions():
        found = interpreters(version)
        if not found:
            told[version] = "skipped: no such Python here"
        for whole, python in found.items():
            if whole == platform.python_version():
                told[whole] = f"that of this environment: make {word}"
            else:
                passed = make(word, f"PY={python}", f"VENV=.venv-{whole}")
                told[whole] = "passed" if passed else "FAILED"
    for version, what in told.items():
        print(f"Python {version}: {what}")
    return same_pages() and "FAILED" not in told.values()


def same_pages() -> bool:
    """Whether all environments that are here, .venv too, make the same page."""
    pages: dict[bytes, list[str]] = {}
    for python in sorted(ROOT.glob(".venv*/bin/python")):
        if python.parts[-3] != ".venv-lowest":
            with tempfile.TemporaryDirectory(prefix="tux3nb-page-") as out:
                command = [python, "-m", "tux3nb", "report", f"notebooks/{PAGE}.ipynb", "--out", out]
                done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
                page = Path(out) / f"{PAGE}.html"
                made = page.read_bytes() if done.returncode == 0 else done.stderr.encode()
            pages.setdefault(made, []).append(python.parts[-3])
    print("the page of", PAGE, *(" = ".join(names) for names in pages.values()), sep="  ")
    return len(pages) == 1


def main(argv: list[str]) -> int:
    """The exit code of `lowest` or `pythons [WORD]`."""
    if argv == ["lowest"]:
        return 0 if with_lowest() else 1
    if argv[:1] == ["pythons"] and len(argv) < 3:
        return 0 if with_pythons(*argv[1:] or ["test"]) else 1
    print("python -m tools.environments lowest | pythons [WORD]", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
