"""The two small languages of a picture."""

import random

import pytest
from tux3nb.show.picture.evaluate import fields_read, fold, longest, number, words

STATE = {"a": 2, "b": 0}


def random_expr(rng: random.Random, depth: int) -> object:
    """Return a random EXPR over the fields a, b and missing."""
    if depth == 0 or rng.random() < 0.2:
        return rng.choice([rng.randrange(4), ["f", rng.choice(["a", "b", "missing"])]])
    head = rng.choice(["==", "!=", "<", ">", "+", "and", "or", "not"])
    size = {"not": 1, "and": rng.randrange(1, 4), "or": rng.randrange(1, 4)}.get(head, 2)
    return [head, *(random_expr(rng, depth - 1) for _ in range(size))]


def random_text(rng: random.Random, depth: int) -> object:
    """Return a random TEXT."""
    kind = rng.choice(["str", "expr", "cat", "name", "if"]) if depth else "str"
    if kind == "cat":
        return ["cat", *(random_text(rng, depth - 1) for _ in range(rng.randrange(4)))]
    if kind == "name":
        return ["name", random_expr(rng, 2), ["zero", "one", "two"]]
    if kind == "if":
        return ["if", random_expr(rng, 2), random_text(rng, depth - 1), random_text(rng, depth - 1)]
    return random_expr(rng, 2) if kind == "expr" else rng.choice(["", "x", 'q"<&'])


@pytest.mark.parametrize(
    ("expr", "value"),
    [
        (3, 3),
        (["f", "a"], 2),
        (["f", "no such field"], 0),
        (["==", ["f", "a"], 2], 1),
        (["!=", ["f", "a"], 2], 0),
        (["<", 1, ["f", "a"]], 1),
        ([">", 1, ["f", "a"]], 0),
        (["+", ["f", "a"], 5], 7),
        (["and", 2, 3], 1),
        (["and"], 1),
        (["or", 0, 2], 1),
        (["or"], 0),
        (["not", 7], 0),
    ],
)
def test_number(expr, value):
    """Each operator gives an integer; truth is 0 or 1; a missing field is 0."""
    assert number(expr, STATE) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("plain", "plain"),
        (["f", "a"], "2"),
        (["cat", "v", ["f", "a"], "!"], "v2!"),
        (["name", ["f", "a"], ["x", "y", "z"]], "z"),
        (["name", ["f", "a"], ["x"]], "2"),
        (["if", ["f", "b"], "yes", ["cat", "n", "o"]], "no"),
        (["cat", ["if", 1, "a", "b"]], "a"),
    ],
)
def test_words(text, said):
    """Texts join, look names up and choose; a value without a name is printed as a number."""
    assert words(text, STATE) == said


def test_fold_keeps_the_value():
    """Folding constants changes no value, on seeded random expressions."""
    rng = random.Random(1)
    for _ in range(2000):
        expr = random_expr(rng, 4)
        state = {"a": rng.randrange(4), "b": rng.randrange(4)}
        assert number(fold(expr), state) == number(expr, state), expr


def test_fold_leaves_no_constant_condition():
    """A condition on fields that do not exist is 0, so that its element can be left out."""
    assert fold(["and", ["f", "a"], ["==", 0, 1]]) == 0
    assert fold(["or", ["f", "a"], 1]) == 1
    assert fold(["+", 0, ["f", "a"]]) == ["f", "a"]


def test_fields_read():
    """The fields that a text can read include those of its conditions, not its names."""
    assert fields_read(["if", ["f", "a"], ["name", ["f", "b"], ["f", "c"]], "x"]) == {"a", "b"}


def test_longest():
    """The widest string is the sum of parts, the longest name, the longer branch."""
    assert (
        longest(["cat", "ab", ["name", ["f", "a"], ["x", "long"]], ["if", 1, "", "xyz"], ["f", "a"]], len)
        == 2 + 4 + 3 + 2
    )
