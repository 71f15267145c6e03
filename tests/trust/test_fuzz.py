"""Whatever is given, no traceback: random case files and random command lines end in an answer or in one line."""

import importlib
import io
import json
from contextlib import redirect_stderr, redirect_stdout

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.sampling import PATIENT, thousands
from tux3nb.cases.case import Case, Source
from tux3nb.catalogue import catalogue
from tux3nb.cli import COMMANDS, main
from tux3nb.errors import ModelError, UserError
from tux3nb.model.features import FEATURES, NAMED
from tux3nb.model.properties import PROPERTIES
from tux3nb.model.rules import kinds

QUICK = settings(PATIENT, max_examples=60)
GOOD = {
    "name": "mine",
    "family": "mine",
    "title": "Mine",
    "asks": "Does it hold?",
    "columns": "app | kernel\nstore p0:0 | transition",
    "mappings": ("app",),
    "folios": 2,
    "deltas": 1,
    "base": "tux3",
    "judges": ("I1",),
    "stable_device": False,
    "pages": 1,
    "endless_disk": False,
    "tight_memory": False,
    "shmem": False,
    "expect": {"tux3": "HOLDS"},
    "bounds": "",
    "sources": (Source("me"),),
    "place": None,
}


class Odd:
    """Something that does not even have a repr."""

    def __repr__(self):
        raise ValueError("no repr")


WORDS = st.sampled_from(
    [*GOOD["base"], "I1", "I2", "U3", "tux3", "HOLDS", "VIOLATED(I2, I5)", "VIOLATED()", "app", "app:absent"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 40) | st.floats() | st.text(max_size=6) | st.binary(max_size=3)
    | WORDS | st.builds(Odd) | st.just(Source("me")) | st.just(Case) | st.integers(10**30, 10**31),
    lambda inner: st.lists(inner, max_size=3)
    | st.tuples(inner)
    | st.dictionaries(WORDS | st.integers() | st.none(), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip


def answered(make) -> str:
    """What is said of a wrong value, in one line; nothing where it is not wrong."""
    try:
        make()
        told = ""
    except (UserError, ModelError) as error:
        told = str(error)
    assert told.isprintable(), repr(told)
    return told


@QUICK
@given(st.dictionaries(st.sampled_from(list(GOOD)), VALUES, min_size=1, max_size=3))
def test_a_case_of_any_values(changes):
    """A case is made, or the error is a line."""

    def make():
        case = Case(**GOOD | changes)
        case.world, case.properties

    answered(make)


@QUICK
@given(VALUES, VALUES)
def test_a_source_of_any_values(text, url):
    answered(lambda: Source(text, url))


TOKENS = st.sampled_from(
    [*kinds(), *kinds(), "p0", "p0:0", "p0:1", "p0:", "p0:01", "p1", "p9", "p٣", "app", "peer", "readonly", "forced",
     "get", "after", "after x", "after x, y", "x:", "x: ", "y: ", ":", ",", "|", "\n", "\t", "\x00", "é"]
)  # fmt: skip
LINES = st.lists(TOKENS, min_size=1, max_size=4).map(" ".join)


@QUICK
@given(
    st.lists(st.tuples(LINES, LINES, LINES), min_size=1, max_size=4),
    st.lists(st.sampled_from(["app", "peer", "app:absent", "peer:private", "kernel:readonly", "app:p1"]), max_size=3),
    st.sampled_from([1, 2]),
    st.booleans(),
)
def test_columns_of_any_words(rows, mappings, pages, shmem):
    """Columns that are words of the language in any order make a world, or the error is a line."""
    text = "app | peer | kernel\n" + "\n".join(map(" | ".join, rows))
    answered(lambda: Case(**GOOD | {"columns": text, "mappings": mappings, "pages": pages, "shmem": shmem}).world)


def test_the_columns_are_not_all_wrong():
    """The strategies do make worlds, too."""
    good = set()

    @settings(PATIENT, max_examples=200, database=None, derandomize=True)
    @given(TOKENS, TOKENS)
    def look(one, two):
        if not answered(lambda: Case(**GOOD | {"columns": f"app | kernel\n{one} p0:0 | {two}"}).world):
            good.add((one, two))

    look()
    assert len(good) > 2


FILE = '''from tux3nb.case import Case, Source
CASE = Case(
    name="mine", family="mine", title="t", asks="Is it so?",
    columns="""
        app        | kernel
        store p0:0 | transition
    """,
    mappings=("app",), judges=("I1", "I6"), sources=(Source("me"),), expect={"tux3": "HOLDS"},
)
'''


@QUICK
@given(st.lists(st.tuples(st.integers(0, len(FILE)), st.integers(0, 9), st.text(max_size=3)), min_size=1, max_size=3))
@example([(0, 0, "\x00")])
@example([(60, 0, "\ud800")])
@example([(0, 0, "# coding: no-such-code\n")])
def test_a_case_file_with_typing_mistakes(tmp_path_factory, changes):
    """Some letters are missing, some are others: an answer, or one line that names the file."""
    text = FILE
    for at, gone, new in changes:
        text = text[:at] + new + text[at + gone :]
    path = tmp_path_factory.mktemp("fuzz") / "mine.py"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    code, _, err = run("check", str(path), "--max-states", "500")
    assert code in (0, 1, 3) or (code == 2 and err.count("\n") == 1 and str(path) in err), (code, err)


@pytest.fixture
def quiet(monkeypatch):
    """Commands that write, serve or ask the kernel only read what they are told."""
    for command in ("report", "lab", "notebooks", "witness", "record"):
        monkeypatch.setattr(importlib.import_module(COMMANDS[command][0]), "run", lambda args: 0)


def run(*argv: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = main(list(argv))
        except SystemExit as end:  # --help, --version
            code = end.code or 0
    return code, out.getvalue(), err.getvalue()


OPTIONS = st.sampled_from(
    "--json --policy --named --all --vary --run --free --ops --max-states --max-time --max-memory --family -o "
    "--worlds --properties --minimal --needs --why --least-change --bounds --front --delta-ms --device --over "
    "--rounds --jobs --check --verdicts --sets --list --timeout --port --dir --out --no-such --js -x -- --help "
    "--policy=fork=never".split()
)
GIVEN = st.sampled_from(
    ["ordinary+readonly", "migration+orphan", "rdma", "fork=never", "fork=always", "off=fork_copies", "redirect",
     "fork", "tux3", "perfect", "I1", "I7", "1", "0", "-1", "99999999999999999999", "1e9", "nan", "2G", "", " ", "é",
     "\n", "\ud800", "free+rdma+1", "cases", "bugs", "selftests", "/", "/no/such", ".", "x.py", "none.ipynb",
     "=", "a=b=c", "power", *NAMED, *(f.id for f in FEATURES), *(p.id for p in PROPERTIES)]
)  # fmt: skip
LINE = st.tuples(
    st.sampled_from([*COMMANDS, *COMMANDS, "chekc", "", "--help", "--version", "--json"]),
    st.lists(GIVEN | OPTIONS | st.text(max_size=4), max_size=5),
)


@QUICK
@given(LINE)
@example(("check", ["rmda", "--js"]))
@example(("check", ["a\x00.py"]))
@example(("policies", ["--worlds", ""]))
def test_a_command_line_of_any_words(quiet, line):
    """0 to 3, and 2 with one line; with --json just one document on standard output, errors included."""
    limits = ["--max-states", "300"] if line[0] == "check" else []
    if line[0] in ("matrix", "policies", "export-promela") and not set(line[1]) & set(catalogue()):
        limits = ["--no-such-option"] if line[0] != "policies" else []  # all cases take long: only what is said first
    code, out, err = run(line[0], *line[1], *limits)
    assert code in (0, 1, 2, 3) and "Traceback" not in err, (code, err)
    if code == 2:
        assert err.count("\n") == 1, err
    helped = {"--help", "-h", "--version"} & {line[0], *line[1]}
    if "--json" in (line[0], *line[1]) and not helped and code != 0:
        json.loads(out)


test_thousands_of_cases = thousands(
    test_a_case_of_any_values, 2_000, st.dictionaries(st.sampled_from(list(GOOD)), VALUES, min_size=1, max_size=3)
)
test_thousands_of_command_lines = thousands(test_a_command_line_of_any_words, 1_000, line=LINE)
