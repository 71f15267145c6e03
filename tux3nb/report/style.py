"""Of JupyterLab's style sheet, which is for a whole application, the part that a page can use."""

import re
from collections.abc import Iterator

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_RULE = re.compile(r"([^{};]+)\{((?:[^{}]|\{[^{}]*\})*)\}|[^{};]+;")  # a rule, or one that has rules in it
_ASIDE = re.compile(r"\((?:[^()]|\([^()]*\))*\)")  # what :not, :is and the like speak of
_CLASS = re.compile(r"\.(-?[A-Za-z_][\w-]*)")
_SELECTOR = re.compile(r"(?:[^,()]|\((?:[^()]|\([^()]*\))*\))+")
_VARIABLE = re.compile(r"(--[\w-]+)\s*:\s*((?:url\([^)]*\)|[^;{}])*)(?:;\s*|$|(?=\}))")
_USED = re.compile(r"var\(\s*(--[\w-]+)")


def classes_of(page: str) -> set[str]:
    """The classes of a page's elements."""
    return {name for value in re.findall(r'\sclass="([^"]*)"', page) for name in value.split()}


def needed(css: str, classes: set[str], page: str) -> str:
    """The rules that can apply where elements have only these classes, and the variables that they or the page use."""
    kept = "".join(_rules(_COMMENT.sub("", css), classes))
    values = dict.fromkeys(_USED.findall(page + _VARIABLE.sub("", kept)))
    meanings: dict[str, list[str]] = {}
    for name, value in _VARIABLE.findall(kept):
        meanings.setdefault(name, []).extend(_USED.findall(value))
    todo = list(values)
    while todo:
        new = [name for name in meanings.get(todo.pop(), ()) if name not in values]
        values |= dict.fromkeys(new)
        todo += new
    return _VARIABLE.sub(lambda found: f"{found[1]}:{found[2].strip()};" if found[1] in values else "", kept)


def _rules(css: str, classes: set[str]) -> Iterator[str]:
    for found in _RULE.finditer(css):
        if found[1] is None:
            continue  # @charset, @import: nothing that a page of one file can have
        head, inside = " ".join(found[1].split()), found[2]
        if "{" in inside and head.startswith("@"):
            inner = inside if "keyframes" in head else "".join(_rules(inside, classes))
            yield f"{head}{{{inner}}}" if inner else ""
        elif head.startswith("@"):
            yield f"{head}{{{inside}}}"
        elif selectors := [one for one in _SELECTOR.findall(head) if {*_CLASS.findall(_ASIDE.sub("", one))} <= classes]:
            yield f"{','.join(selectors)}{{{' '.join(inside.split())}}}"
