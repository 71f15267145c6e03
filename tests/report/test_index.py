"""The first page: the answer from the record, the mail's questions, reading times, and every case with its links."""

import html
import re

import nbformat
import pytest

from tux3nb.answers.matrix import recorded_everywhere
from tux3nb.catalogue import catalogue
from tux3nb.cli import main
from tux3nb.report.cli import write_report
from tux3nb.report.index import Entry, about, entries_of, entry_of, index_html
from tux3nb.show.heat import SEVEN
from tux3nb.show.perfection import short_answer

v4 = nbformat.v4
ASKED = """# Two

What it is about. More.

**Asked.** *"Only `this`, right?"*

**Answer.** No,
[never](01-one.ipynb).[^dio]
"""


def plain(page: str) -> str:
    return html.unescape(" ".join(re.sub(r"<[^>]*>", "", page).split()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two notebooks that are not run, in a report of their own."""
    place = tmp_path_factory.mktemp("index")
    for name, text in (("02-two", ASKED), ("01-one", "# One\n\nWords.")):
        nbformat.write(v4.new_notebook(cells=[v4.new_markdown_cell(text)]), place / f"{name}.ipynb")
    assert write_report([place / "02-two.ipynb", place / "01-one.ipynb"], place, 1, execute=False) == []
    return place


def test_in_the_order_of_their_numbers(folder):
    """However they are named on the command line; next and previous follow."""
    index = (folder / "index.html").read_text()
    assert re.findall(r'<li><a href="[^"]+">(\d\d \w+)</a>', index) == ["01 One", "02 Two"]
    assert "Start here: One" in index
    assert 'rel="next" href="02-two.html">&rarr; 02 Two' in (folder / "01-one.html").read_text()


def test_the_answer_is_the_record_s(folder):
    """The lines of the short answer, word by word."""
    assert all(line.removeprefix("- ") in plain((folder / "index.html").read_text()) for line in
               short_answer().text.replace("`", "").splitlines())  # fmt: skip


def test_what_the_mail_asked(folder):
    """Question and answer as the notebook has them, without marks and notes, with a link to it."""
    index = (folder / "index.html").read_text()
    assert '<dt>&quot;Only this, right?&quot;</dt><dd>No, never. <a href="02-two.html">Two</a></dd>' in index
    assert index.count("<dt>") == 1 and "What it is about. More." in index


def test_every_case_is_there():
    """A sign for each case and policy as recorded; a link where a page has an explorer of the case."""
    page = index_html([Entry("04-rdma.html", "RDMA", "s", cases=("rdma", "no-such-case"))])
    assert page.count('<th scope="row"') == len(catalogue())
    links = re.findall(r'<td class="(\w+)"><a href="04-rdma.html#rdma/(\w+)" title="rdma under \w+: ([^"]+)"', page)
    assert [policy for _, policy, _ in links] == list(SEVEN)
    assert all(verdict == recorded_everywhere(policy)["rdma"] for _, policy, verdict in links)
    assert {look for look, _, _ in links} == {"bad", "good"} and "no-such-case" not in page


def test_minutes_and_cases_of_a_notebook():
    """Words and what is shown take time; cases are those of explorers."""
    cell = v4.new_code_cell("x")
    script = '<script type="application/json" data-case="rdma">"AA=="</script>'
    cell.outputs = [v4.new_output("display_data", {"text/html": f"<tux-explorer>{script}</tux-explorer>{script}"})]
    short = entry_of("a.html", v4.new_notebook(cells=[v4.new_markdown_cell("word " * 100), cell]), "a", None)
    long = entry_of("a.html", v4.new_notebook(cells=[v4.new_markdown_cell("word " * 2000)]), "a", None)
    assert (short.minutes, long.minutes, short.cases) == (1, 10, ("rdma",))


def test_an_entry_is_told_by_its_page(tmp_path):
    """A later report reads it there; of a page that tells nonsense it takes nothing."""
    entry = Entry("a.html", "A", "s", None, "why?", "so", 3, ("rdma",))
    (tmp_path / "a.html").write_text(f"<html>{about(entry)}", encoding="utf-8")
    (tmp_path / "b.html").write_text('<meta name="tux3nb-page" content="{&quot;title&quot;: 1}">', encoding="utf-8")
    bad = about(entry).replace("&quot;minutes&quot;: 3", "&quot;minutes&quot;: []")
    (tmp_path / "c.html").write_text(bad, encoding="utf-8")
    assert "[]" in bad and entries_of(tmp_path) == [entry]


def test_a_book_keeps_its_place(tmp_path, capsys):
    """--book writes it and the index names it, later reports too; no notebook can take its name."""
    nbformat.write(v4.new_notebook(cells=[v4.new_markdown_cell("# A")]), tmp_path / "a.ipynb")
    (tmp_path / "book.ipynb").write_bytes((tmp_path / "a.ipynb").read_bytes())
    report = ["report", "--no-execute", "--out", str(tmp_path / "out")]
    assert main([*report, str(tmp_path / "a.ipynb"), "--book"]) == 0
    assert main([*report, str(tmp_path / "a.ipynb")]) == 0
    assert 'href="book.html"' in (tmp_path / "out/index.html").read_text()
    assert main([*report, str(tmp_path / "book.ipynb")]) == 2
    assert "want the same page" in capsys.readouterr().err
