"""What a command writes is there whole or not at all."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

import tux3nb
from tux3nb.cli import main
from tux3nb.errors import UserError
from tux3nb.paths import write_all_whole, write_whole

POSIX = pytest.mark.skipif(os.name != "posix", reason="limits and modes of POSIX")


def no_room(*_):
    raise OSError(28, "No space left on device")


def note(path, title: str, code: str = "1 + 1"):
    cells = [nbformat.v4.new_markdown_cell(f"# {title}\n\nAbout {title}."), nbformat.v4.new_code_cell(code)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def run(*argv, most: int | None = None) -> subprocess.CompletedProcess:
    """A command that cannot write files of more than `most` bytes."""

    def limit():
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    command = [sys.executable, "-m", "tux3nb", *map(str, argv)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, preexec_fn=limit if most else None)


# ---- the helper ---------------------------------------------------------------------------------------------
def test_a_file_is_replaced(tmp_path):
    write_whole(tmp_path / "a", "one")
    write_whole(tmp_path / "a", b"two")
    assert (tmp_path / "a").read_text() == "two" and os.listdir(tmp_path) == ["a"]


def test_without_room_the_old_files_stay(tmp_path, monkeypatch):
    """Also the first of several, which there was room for; nothing else is left behind."""
    write_whole(tmp_path / "a", "old")
    calls = []
    monkeypatch.setattr(os, "fsync", lambda fd: calls.append(fd) or (len(calls) > 1 and no_room()))
    with pytest.raises(UserError, match="cannot write .*b: No space left on device"):
        write_all_whole({tmp_path / "a": "new", tmp_path / "b": "new"})
    assert (tmp_path / "a").read_text() == "old" and os.listdir(tmp_path) == ["a"]


@POSIX
def test_mode_and_link(tmp_path):
    """A file keeps its mode; a new one gets the usual one; a link gives way and its target stays as it was."""
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("mine")
    target.chmod(0o640)
    link.symlink_to(target)
    write_whole(link, "page")
    assert target.read_text() == "mine" and link.read_text() == "page" and not link.is_symlink()
    write_whole(target, "new")
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    old = os.umask(0o027)
    try:
        write_whole(tmp_path / "fresh", "x")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "fresh").stat().st_mode) == 0o640


def test_half_a_letter(tmp_path):
    """A notebook's text can hold one, a file of UTF-8 cannot: nothing is written, and a page has a question mark."""
    from tux3nb.report.export import to_html

    with pytest.raises(UserError, match="half of a letter"):
        write_whole(tmp_path / "x", "a\ud800")
    assert os.listdir(tmp_path) == []
    cells = [nbformat.v4.new_markdown_cell("# T\ud800\n\nS\udc80"), nbformat.v4.new_code_cell("x\ud800")]
    to_html(nbformat.v4.new_notebook(cells=cells), "n\udce4").encode()


def test_a_folder_or_a_missing_one_is_named(tmp_path):
    for path in (tmp_path, tmp_path / "none" / "x"):
        with pytest.raises(UserError, match=f"cannot write {path}: "):
            write_whole(path, "x")


WRITES = re.compile(r"""\.write_(text|bytes)\(|to_csv\(|savefig\(|\bopen\([^)\n]*["'][wax]b?\+?["']""")
ELSEWHERE = ("cli.py", "paths.py", "witness/journal.py", "witness/low/", "witness/needs.py")


def test_nothing_else_writes_files():
    """In the package just `paths` does; what a witness makes is in the kernel or in a folder that goes with it."""
    package = Path(tux3nb.__file__).parent
    found = [
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if WRITES.search(path.read_text(encoding="utf-8"))
    ]
    assert "paths.py" in found and [name for name in found if not name.startswith(ELSEWHERE)] == []


# ---- the commands -------------------------------------------------------------------------------------------
@POSIX
def test_a_notebook_is_never_harmed(tmp_path):
    """A disk too full for the executed notebook: it stays as it was."""
    path = note(tmp_path / "mine.ipynb", "Mine", "print('x' * 50_000)")
    before = path.read_bytes()
    done = run("notebooks", path, most=30_000)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and f"cannot write {path}" in done.stderr
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["mine.ipynb"]
    assert run("notebooks", path).returncode == 0 and path.read_bytes() != before


@POSIX
@pytest.mark.slow
def test_a_report_without_room_leaves_the_old_one(tmp_path):
    out = tmp_path / "out"
    note(tmp_path / "a.ipynb", "A")
    note(tmp_path / "b.ipynb", "B")
    assert run("report", tmp_path / "a.ipynb", tmp_path / "b.ipynb", "--out", out).returncode == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    note(tmp_path / "a.ipynb", "A anew")
    note(tmp_path / "b.ipynb", "B anew", "print('x' * 500_000)")
    most = 500_000  # enough for the page of a
    done = run("report", tmp_path / "a.ipynb", tmp_path / "b.ipynb", "--out", out, most=most)
    assert done.returncode == 2 and "Traceback" not in done.stderr and "cannot write" in done.stderr
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def titles(out) -> list[str]:
    return re.findall(r'<li><a href="([^"]*)">([^<]*)</a>', (out / "index.html").read_text())


def test_a_report_of_one_notebook_keeps_the_others(tmp_path):
    """The index has the pages that are there, with what each tells of itself; a page of another kind is left out."""
    out = tmp_path / "out"
    for name in ("01-a", "02-b", "03-c"):
        note(tmp_path / f"{name}.ipynb", f"<{name}>")
    assert main(["report", *(str(tmp_path / f"0{n}.ipynb") for n in ("1-a", "3-c")), "--out", str(out)]) == 0
    (out / "other.html").write_text("<html></html>")
    (out / "bad.html").write_text('<meta name="tux3nb-page" content="[1]">')
    assert main(["report", str(tmp_path / "02-b.ipynb"), "--out", str(out)]) == 0
    assert titles(out) == [(f"{n}.html", f"{n[:2]} &lt;{n}&gt;") for n in ("01-a", "02-b", "03-c")]
    assert "About &lt;03-c&gt;." in (out / "index.html").read_text()
    page = (out / "02-b.html").read_text()
    assert 'href="01-a.html">&larr; 01 &lt;01-a' in page and 'href="03-c.html">&rarr; 03' in page


@pytest.mark.parametrize(
    ("one", "two"), [("x.ipynb", "sub/x.ipynb"), ("X.ipynb", "sub/x.ipynb"), ("index.ipynb", "a.ipynb")]
)
def test_two_notebooks_want_one_page(tmp_path, capsys, one, two):
    """An error before anything runs."""
    (tmp_path / "sub").mkdir()
    paths = [str(note(tmp_path / name, name)) for name in (one, two)]
    assert main(["report", *paths, "--out", str(tmp_path / "out")]) == 2
    err = capsys.readouterr().err
    assert "want the same page" in err and err.count("\n") == 1 and not (tmp_path / "out").exists()


def test_a_notebook_named_twice_is_one(tmp_path):
    path = str(note(tmp_path / "a.ipynb", "A"))
    assert main(["report", path, path, "--out", str(tmp_path / "out")]) == 0


@pytest.mark.slow
def test_two_reports_at_once_end_with_one_whole_report(tmp_path):
    out = tmp_path / "out"
    for name in "abcd":
        note(tmp_path / f"{name}.ipynb", name)
    command = [sys.executable, "-m", "tux3nb", "report", "--out", str(out)]
    both = [subprocess.Popen([*command, *(str(tmp_path / f"{n}.ipynb") for n in names)]) for names in ("abc", "bcd")]
    assert [tool.wait(300) for tool in both] == [0, 0]
    assert titles(out) == [(f"{n}.html", n) for n in "abcd"]
    assert all((out / f"{n}.html").read_text().endswith("</html>\n") for n in "abcd")


@POSIX
def test_what_is_not_a_file_is_just_written(capsys):
    assert main(["export-promela", "migration", "-o", "/dev/null"]) == 0
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    if os.path.exists("/dev/full"):
        assert main(["export-promela", "migration", "-o", "/dev/full"]) == 2
        assert "cannot write /dev/full: No space left on device" in capsys.readouterr().err
