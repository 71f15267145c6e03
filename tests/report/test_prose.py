"""What prose says is held against cells, names and records; citations are rows of the table of sources."""

import nbformat
import pytest

from tux3nb.cli import main
from tux3nb.paths import notebooks_dir
from tux3nb.report import prose
from tux3nb.report.citations import NOTES, SURE, cited, used_sources, with_notes
from tux3nb.report.execute import read
from tux3nb.report.export import to_html
from tux3nb.report.places import all_notebooks
from tux3nb.show.explorer.page import static_html
from tux3nb.show.holders import sources

v4 = nbformat.v4
OURS = notebooks_dir() / "99-mine.ipynb"
WHERE = "99-mine.ipynb: cell 1: "
NOTEBOOKS = all_notebooks(notebooks_dir())


def wrong(text: str, *code: str, shown: str = "") -> list[str]:
    """What is said of a notebook of this prose, of cells with this code, the last of which shows a text."""
    nb = v4.new_notebook(cells=[v4.new_markdown_cell(text), *(v4.new_code_cell(c) for c in code)])
    if shown:
        nb.cells[-1].outputs = [v4.new_output("execute_result", {"text/plain": shown})]
    return [line.removeprefix(WHERE) for line in prose.complaints(OURS, nb)]


def test_a_number_comes_out_of_a_cell():
    """Shown or asserted, with or without the comma; one digit is a word like any other."""
    text = "Of 117 cases it breaks 57, in 6,870 states, twice in 3."
    assert wrong(text, "assert a == 57 and b == 117", shown="'6,870 states'") == []
    assert wrong(text, "a = 57", shown="117") == [
        f"{n} comes out of no cell: show it, assert it, or do without it" for n in ("57", "6,870")
    ]


@pytest.mark.parametrize(
    "text",
    [
        "On 14 May 2015, in Linux v6.5 or 6.18 and since 2022.",
        "See notebook 05, `0x57` and `p0:12`, [57 cases](11-x.ipynb), commit 18a490ba.",
        "> 57 cases, says the mail.\n",
        "```\n57 rows\n```\n",
    ],
)
def test_what_is_no_number_of_the_model(text):
    assert wrong(text) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("`reverse_frok` holds.", "nothing has the name 'reverse_frok'; did you mean reverse_fork"),
        ("`rdma+lng` too.", "nothing has the name 'rdma+lng'; did you mean rdma+long"),
        ("Its `fork=nevr`.", "feature fork has no value 'nevr'; did you mean never"),
        ("It breaks I9.", "no property 'I9'"),
        ("The first two rows hold.", "'first two rows' is another one when the table changes: name it"),
        ("As read.[^gup-2016]", "no source 'gup-2016'; did you mean gup-2017"),
        ("`rdma` is VIOLATED under `reverse_fork`.", "said to be VIOLATED; the record has HOLDS"),
        ("Under `tux3` `rdma` HOLDS.", "rdma under tux3 is said to be HOLDS; the record has VIOLATED(I2"),
        ("`rdma` is VIOLATED(I7) under `tux3`.", "said to be VIOLATED(I7); the record has VIOLATED(I2"),
        ("`rdma` under `no_longterm`: HOLDS(unreached).", "the record has HOLDS(refused)"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(text, said):
    (line,) = wrong(text)
    assert said in line


@pytest.mark.parametrize(
    "text",
    [
        "`rdma` is VIOLATED(I2) under `tux3`, `rdma` HOLDS under `reverse_fork`.",
        "`rdma` HOLDS under `reverse_fork`. `rdma` is VIOLATED under `tux3`.",
        "`rdma` under `no_longterm`: HOLDS(refused); I2 and `I5w` and U4 are properties.",
        "`my_own_name`, `do_wp_page`, `fork=never`, `x=1`, as read.[^gup-2017]",
        "`[^no-such-key]` in code.",
    ],
)
def test_what_is_right_passes(text):
    assert wrong(text) == []


def test_a_name_of_the_notebook_s_own():
    """What its code or its outputs name may be near a name of the model."""
    assert wrong("`reverse_forks` is mine.", "reverse_forks = 1") == []


@pytest.fixture(scope="module")
def explorer():
    from tux3nb.catalogue import find
    from tux3nb.model.features import named_policy
    from tux3nb.show.explorer.answers import CaseSource

    source = CaseSource(find("migration"))
    return static_html(source.document(source.start(named_policy("tux3"))))


def test_a_control_that_is_pressed_is_there(explorer):
    """In a page with an explorer its words are known; a committed notebook has none, and says nothing of it."""
    text = "Press *Graph*, the tab *Graf*, the chip *tux3* and the chip *no_accounting*."
    nb = v4.new_notebook(cells=[v4.new_markdown_cell(text), v4.new_code_cell("x")])
    assert prose.complaints(OURS, nb) == []
    nb.cells[1].outputs = [v4.new_output("display_data", {"text/html": explorer})]
    first, second = prose.complaints(OURS, nb)
    assert f"{WHERE}no explorer of this notebook has a control 'Graf'" in first
    assert f"{WHERE}no explorer of this notebook has a chip 'no_accounting'" in second


def test_a_stranger_s_prose_is_its_own(tmp_path):
    nb = v4.new_notebook(cells=[v4.new_markdown_cell("57 and `reverse_frok`.[^1]")])
    assert prose.complaints(tmp_path / "99-mine.ipynb", nb) == [] and "[^1]" in to_html(nb, "x")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_sentence_of_ours_holds(path):
    assert prose.complaints(path, read(path)) == []


def test_every_source_is_used():
    """A row that nothing leans on is cited or dropped; with the notebooks gone, some would be left."""
    assert prose.unused_sources(map(read, NOTEBOOKS)) == []
    gone = set(sources()) - used_sources([])
    assert all(key in line for key, line in zip(sorted(gone), sorted(prose.unused_sources([])), strict=True))


def test_commands_say_what_is_wrong(tmp_path, monkeypatch, capsys):
    """`report` and `notebooks` write their files, and end with 1 and a line for each wrong sentence."""
    for module in ("report.prose", "report.places"):
        monkeypatch.setattr(f"tux3nb.{module}.notebooks_dir", lambda: tmp_path)
    nbformat.write(v4.new_notebook(cells=[v4.new_markdown_cell("# X\n\n57 cases.")]), tmp_path / "00-x.ipynb")
    assert main(["report", "--no-execute", "00-x", "--out", str(tmp_path / "out")]) == 1
    assert "00-x.ipynb: cell 1: 57 comes out of no cell" in capsys.readouterr().err
    assert (tmp_path / "out/00-x.html").is_file()
    assert main(["notebooks", "00-x"]) == 1
    assert "57 comes out of no cell" in capsys.readouterr().err


# ---- citations -----------------------------------------------------------------------------------------------
def noted():
    texts = ["# A\n\nOne.[^gup-2017] Two.[^umem-today][^gup-2017]", "`[^dio]` and [^dio]"]
    return v4.new_notebook(cells=[v4.new_markdown_cell(text) for text in texts])


def test_a_notebook_lists_what_it_cites():
    """The last cell has each key once, in order, with how sure it is; it is made anew, and goes with the citations."""
    nb = with_notes(with_notes(noted()))
    assert [cell.id for cell in nb.cells].count(NOTES) == 1 and nb.cells[-1].id == NOTES
    lines = [line for line in nb.cells[-1].source.splitlines() if line.startswith("- ")]
    assert cited(nb) == ["gup-2017", "umem-today", "dio"] == [line[4:].partition("**")[0] for line in lines]
    assert lines[0].endswith(SURE["verified"]) and lines[1].endswith(SURE["recalled"])
    nb.cells[0].source = nb.cells[1].source = "nothing"
    assert with_notes(nb).cells[-1].id != NOTES


def test_a_page_has_notes():
    """A citation is a number that leads to its note and back, each time the same; the cell of notes is not shown."""
    page = to_html(with_notes(noted()), "x")
    for number in (1, 2, 3):
        assert page.count(f'id="note-{number}"') == page.count(f'id="cite-{number}"') == 1
        assert f'href="#cite-{number}"' in page
    assert page.count('href="#note-1"') == 2 and "<code>[^dio]</code>" in page
    assert page.count(sources()["umem-today"].what) == 2  # hover and note
    assert "<b>gup-2017</b>" not in page and "<strong>gup-2017" not in page


def test_sources_say_how_sure_in_words():
    assert set(SURE) == {source.mark for source in sources().values()}
