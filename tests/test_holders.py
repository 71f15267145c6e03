"""The catalogue of holders: a fixed vocabulary, sources that exist, errors that name line and column."""

import csv
import re
import subprocess
import sys

import pytest

from tux3nb.errors import UserError
from tux3nb.model.rules import all_rules
from tux3nb.paths import data_dir
from tux3nb.show.holders import JOINED, VOCABULARY, Holder, holders, how_known, sources, table, words

HOLDERS = data_dir() / "holders.csv"


@pytest.fixture
def broken(tmp_path):
    """A copy of the catalogue with one cell changed; returns the error that reading it gives."""

    def change(column, text, row=3, name="holders.csv"):
        with (data_dir() / name).open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
        rows[row][rows[0].index(column)] = text
        copy = tmp_path / name
        with copy.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)
        with pytest.raises(UserError) as caught:
            (holders if name == "holders.csv" else sources)(copy)
        assert str(caught.value).startswith(f"{copy}: line {row + 1}: column {column}: ")
        return str(caught.value)

    return change


def test_at_least_44_holders():
    """The catalogue has the 44 kinds that were collected, each with an id that is a short slug."""
    found = holders()
    assert len(found) >= 44
    assert all(re.fullmatch(r"[a-z][a-z0-9-]{2,24}", key) for key in found)


def test_vocabulary_is_used():
    """Every word of the vocabulary occurs in the catalogue, but for families that explain no single row."""
    rows = holders().values()
    for column, allowed in VOCABULARY.items():
        used = {word for row in rows for word in words(getattr(row, column))}
        assert used <= set(allowed)
        if column not in ("case", "seen_by_pin"):
            assert used == set(allowed) - ({"some"} if column == "seen_by_refcount" else set()), column


def test_every_source_key_resolves():
    """Every key that a row names is a source, and no row names one twice."""
    known = sources()
    for row in holders().values():
        assert set(row.sources) <= set(known)
        assert len(set(row.sources)) == len(row.sources)


def test_rules_cite_known_files():
    """Every file that a rule's kernel= names is in a source."""
    where = " ".join(source.where for source in sources().values())
    cited = {path for rule in all_rules() for path in re.findall(r"[\w/-]+/[\w-]+\.[ch]\b", rule.kernel)}
    assert cited and {path for path in cited if path not in where} == set()


def test_recalled_is_printed():
    """What was not read in its source is printed with the word recalled, and only that."""
    for row in holders().values():
        assert ("recalled" in str(row).splitlines()[0]) == ("recalled" in row.mark)
    for source in sources().values():
        assert ("recalled" in str(source)) == (source.mark == "recalled")
    assert (how_known("verified"), how_known("recalled")) == ("", "recalled")
    assert (how_known("verified+recalled"), how_known("verified+derived")) == ("partly recalled", "partly derived")


def test_a_recalled_source_marks_its_rows():
    """A row that leans on recalled sources alone is not marked as verified."""
    known = sources()
    for row in holders().values():
        if all(known[key].mark == "recalled" for key in row.sources):
            assert "verified" not in words(row.mark), row.id


def test_not_modelled_says_why():
    """A row that no family explores says why; the others name a family."""
    for row in holders().values():
        assert row.modelled != row.case.startswith("not modelled")
        assert row.modelled or row.case.removeprefix("not modelled:").strip()


def test_printed_row_shows_every_column():
    """A printed holder shows all of its texts."""
    row = holders()["rdma-mr"]
    shown = str(row)
    for name in set(Holder.__dataclass_fields__) - {"sources", "mark"}:
        assert getattr(row, name) in shown


@pytest.mark.parametrize("column", sorted(VOCABULARY))
def test_unknown_word_is_named(broken, column):
    """A word outside the vocabulary is named with line, column and the nearest words."""
    message = broken(column, "yess")
    assert "does not know 'yess'" in message
    if column not in JOINED:
        first, second = VOCABULARY[column][:2]
        assert "takes one word" in broken(column, f"{first}+{second}")


def test_other_broken_rows_are_named(broken):
    """Empty cells, unknown sources, ids given twice and a missing reason are named with line and column."""
    assert broken("holder", " ").endswith("is empty")
    assert "unknown source 'tux3-buffer-frok'; did you mean tux3-buffer-fork" in broken("sources", "tux3-buffer-frok")
    assert broken("id", "pte-shared-writable").endswith("'pte-shared-writable' is there twice")
    assert broken("case", "not modelled").endswith("does not say why it is not modelled")
    assert "neither verified nor recalled" in broken("mark", "B", name="sources.csv")
    assert broken("key", "tux3-buffer-fork", name="sources.csv").endswith("is there twice")


def test_broken_files_are_named(tmp_path):
    """A wrong header, a short row and a missing file are named."""
    lines = HOLDERS.read_text(encoding="utf-8").splitlines()
    cases = {
        "line 1: column holder expected, found owner": [lines[0].replace(",holder,", ",owner,"), *lines[1:]],
        "line 1: unknown column more": [lines[0] + ",more", *lines[1:]],
        "line 1: column case expected, found nothing": [lines[0].removesuffix(",case"), *lines[1:]],
        "line 2: column holder: the row has 1 cells, not 16": [lines[0], "x"],
    }
    for complaint, text in cases.items():
        copy = tmp_path / "holders.csv"
        copy.write_text("\n".join(text), encoding="utf-8")
        with pytest.raises(UserError) as caught:
            holders(copy)
        assert str(caught.value) == f"{copy}: {complaint}"
    with pytest.raises(UserError, match="No such file"):
        holders(tmp_path / "none.csv")


def test_table():
    """The table has a row for each holder and says how each is known; an unknown column is named."""
    shown = table(("holder", "sources"))
    assert list(shown.index) == list(holders())
    assert shown.loc["kvm", "known"] == "recalled"
    assert "umem" in shown.loc["rdma-mr", "sources"].split("; ")
    with pytest.raises(UserError, match="did you mean holder"):
        table(("holdr",))


def test_reading_needs_no_pandas():
    """The catalogue is read without pandas."""
    code = "import sys; from tux3nb.show.holders import holders; holders(); sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
