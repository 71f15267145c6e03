"""Words are explained where they first stand and on hover ever after, and only in prose."""

import html
import re

import nbformat
import pytest

from tux3nb.errors import UserError
from tux3nb.report.explain import Explainer
from tux3nb.report.export import to_html
from tux3nb.show.glossary import LONGEST, forms, names, words

v4 = nbformat.v4


def told(page: str) -> list[str]:
    return re.findall(r"<abbr[^>]*>([^<]*)</abbr>", page)


def test_first_place_and_ever_after():
    """Small print once a page, below the paragraph; every place has the words, and can be reached by touch."""
    page = Explainer()
    first, second = page.prose("<p>A folio and <i>folios</i>.</p>"), page.prose("<p>The folio.</p>")
    assert told(first) == ["folio", "folios"] and told(second) == ["folio"]
    says = html.escape(words()["folio"].says)
    assert first.endswith(f'</p><p class="tux-words"><b>folio</b> {says}</p>')
    assert "tux-words" not in second and second.count("title=") == 1
    assert first.count('tabindex="0"') == 1 and second.count('tabindex="-1"') == 1


def test_below_a_list_not_in_it():
    page = Explainer().prose("<ul><li><p>A folio</p></li><li>a delta</li></ul>")
    assert page.endswith("</p>") and page.index("</ul>") < page.index("tux-words")


@pytest.mark.parametrize(
    "page", ["<h2>A folio</h2>", '<a href="x">folio</a>', "<pre><code>folio</code></pre>", "<code>folio</code>",
             "<math><mi>folio</mi></math>", "<p>portfolio folio_lock folio-like</p>", "<p>Folios(2)</p>"],
)  # fmt: skip
def test_where_nothing_is_explained(page):
    assert Explainer().prose(page) == page


def test_names_in_code():
    """A policy, property, feature, value or case that stands alone in code says what it is."""
    for name in ("reverse_fork", "I2", "fork", "fork=never", "rdma+long"):
        assert f">{name}</abbr></code>" in Explainer().prose(f"<p><code>{name}</code></p>")
    assert "abbr" not in Explainer().prose("<p><code>check(reverse_fork)</code></p>")
    assert set(names()) >= {"tux3", "I5w"}


def test_html_passes_through():
    page = '<p class="x">a &amp; b &#65; <br><img src="data:,"> <!-- c --></p><hr/>\n<ul><li>x</ul>'
    assert Explainer().prose(page) == page


def test_a_capital_begins_a_sentence():
    pattern, table = forms()
    assert pattern.findall("Direct I/O, Page forks, PTEs and ptes") == ["Direct I/O", "Page forks", "PTEs"]
    assert set(table) == {form.lower() for word in words().values() for form in word.all_forms}


def test_the_words_are_short_and_each_once(tmp_path):
    assert all(len(word.says) <= LONGEST for word in words().values())
    copy = tmp_path / "words.csv"
    for rows, said in (("a,b,x\nc,b;d,y", "line 3: column forms: 'b' is a form of 'a', too"),
                       ("a,b,x\na,c,y", "line 3: column word: 'a' is there twice"),
                       (f"a,-,{'x' * (LONGEST + 1)}", "line 2: column says: has ")):  # fmt: skip
        copy.write_text(f"word,forms,says\n{rows}\n", encoding="utf-8")
        with pytest.raises(UserError, match=re.escape(said)):
            words(copy)


# ---- folds -----------------------------------------------------------------------------------------------------
def cell(source, output="", tags=()):
    made = v4.new_code_cell(source, metadata={"tags": list(tags)})
    made.outputs = [v4.new_output("stream", text=output)] if output else []
    return made


def test_how_cells_are_folded():
    """Code is folded beside what it shows; a cell that only asserts, and one with a tag, as a whole, with a title."""
    cells = [
        cell("1 + 1", "shown"),
        cell("# the write is lost\nassert a\nassert b"),
        cell("assert a\nassert b"),
        cell("# what you should find\n3", "three", ["solution"]),
        cell("# all the steps\n4", "four", ["fold"]),
        cell("5", "five", ["code"]),
    ]
    page = to_html(v4.new_notebook(cells=cells), "x")
    folds = re.findall(r'<details class="tux-fold tux-(\w+)"( open="")?><summary>([^<]*)</summary>', page)
    assert folds == [
        ("code", "", "code"),
        ("check", "", "checked: the write is lost"),
        ("check", "", "checked: 2 statements"),
        ("solution", "", "what you should find"),
        ("fold", "", "all the steps"),
        ("code", ' open=""', "code"),
    ]
    assert page.count('<div class="tux-folded">') == 6 and page.count('id="tux-all"') == 1
    inside = re.search(r"all the steps</summary></details>\s*<div class=\"tux-folded\">(.*)", page, re.DOTALL)[1]
    assert inside.index("four") < inside.index("five")


def test_contents_and_both_ends():
    nb = v4.new_notebook(cells=[v4.new_markdown_cell("# T\n\n## One `x`\n\n## Two\n\n### Three\n")])
    page = to_html(nb, "x")
    side = page[page.index("tux-contents") : page.index("tux-main")]
    assert re.findall(r'<a href="#([^"]+)">([^<]*)</a>', side) == [
        ("One-x", "One x"),
        ("Two", "Two"),
        ("Three", "Three"),
    ]
    assert all(f'id="{at}"' in page for at in ("One-x", "Two", "Three"))
    assert page.count('href="index.html"') == 2 and "tux-all" not in page.split("</style>")[-1]
