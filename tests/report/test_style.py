"""Of a large style sheet a page carries what can apply to it, and the variables that this needs."""

from tux3nb.report.style import classes_of, needed

CSS = """@charset "utf-8"; /* .here { } */
:root { --near: 1px; --far: calc(var(--near) * 2); --icon: url(data:image/svg+xml;base64,PHN2Zw==); --none: var(--far) }
.here, .gone { width: var(--far); }
.here .gone, .gone:is(.here, p:not(.here)) { color: red }
.here:not(.gone) > :is(.gone, b:not(.gone)) { color: blue }
@media print { .gone { top: 0 } p { top: 1px } } @media screen { .gone { top: 0 } }
"""


def test_what_a_page_can_use():
    """Rules of other classes go, with the variables that only they use; a selector may speak of what is not there."""
    assert needed(CSS, {"here"}, "") == (
        ":root{--near:1px;--far:calc(var(--near) * 2);}.here{width: var(--far);}"
        ".here:not(.gone) > :is(.gone, b:not(.gone)){color: blue}@media print{p{top: 1px}}"
    )


def test_the_page_uses_variables_too():
    """A variable that a page's own style or script asks for stays."""
    assert "--icon:url(data:image/svg+xml;base64,PHN2Zw==);" in needed(CSS, set(), '<p style="mask: var(--icon)">')
    assert classes_of('<p class="a b"><i id="x" class="c">') == {"a", "b", "c"}
