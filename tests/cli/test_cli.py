"""The command line: exit codes, one JSON document on standard output, one clear line for a mistake."""

import json
import subprocess
import sys
from functools import reduce
from operator import and_, or_

import pytest

from tux3nb.catalogue import find
from tux3nb.cli import COMMANDS, main


def run(capsys, *argv):
    """Exit code, standard output, standard error of one command."""
    try:
        code = main(list(argv))
    except SystemExit as e:
        code = e.code
    out, err = capsys.readouterr()
    return code, out, err


def test_tux3_breaks_rdma_with_a_run_that_ends_in_the_lost_device_write(capsys):
    code, out, err = run(capsys, "check", "rdma", "--policy", "fork=always", "--json")
    rows = {r["property"]: r for r in json.loads(out)["results"]}
    assert code == 1 and err == ""
    assert rows["I2"]["verdict"] == "VIOLATED" and rows["I2"]["policy"]["fork"] == "always"
    last = rows["I2"]["run"][-1]
    assert (last["actor"], last["rule"]) == ("device", "device_write_reap")
    assert len(rows["I2"]["run"]) == rows["I2"]["depth"]
    assert set(rows["I2"]) >= {"case", "policy", "verdict", "property", "states", "edges", "depth", "run"}


def test_the_run_in_json_is_a_replay(capsys):
    """Each step's changes start from the values that the step before left."""
    _, out, _ = run(capsys, "check", "rdma", "--json")
    steps = next(r["run"] for r in json.loads(out)["results"] if r["property"] == "I2")
    now = {}
    for step in steps:
        for label, (old, new) in step["changed"].items():
            assert now.get(label, old) == old, label
            now[label] = new


def test_a_policy_that_holds_exits_0(capsys):
    code, out, _ = run(capsys, "check", "rdma", "--named", "reverse_fork")
    assert code == 0 and "verdict HOLDS\n" in out and "refused" not in out.split("verdict ")[1].split("\n")[0]


def test_refusal_is_not_printed_as_plain_holds(capsys):
    code, out, _ = run(capsys, "check", "rdma", "--policy", "longterm=refused")
    assert code == 0 and "verdict HOLDS(refused)" in out


def test_a_limit_is_unfinished_and_exits_3(capsys):
    """A limit that was hit is never HOLDS."""
    code, out, _ = run(capsys, "check", "rdma", "--named", "reverse_fork", "--max-states", "50", "--json")
    rows = json.loads(out)["results"]
    assert code == 3 and all(r["verdict"] == "UNFINISHED" and r["reason"] for r in rows)


def test_a_violation_found_before_the_limit_counts(capsys):
    code, out, _ = run(capsys, "check", "rdma", "--max-states", "4000", "--json")
    found = {r["property"]: r["verdict"] for r in json.loads(out)["results"]}
    assert code == 1 and "VIOLATED" in found.values() and "HOLDS" not in found.values()


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["chekc"], "no command 'chekc'; did you mean check"),
        (["check", "rmda"], "no case 'rmda'; did you mean rdma"),
        (["check", "rdma", "--policy", "frok=always"], "no feature 'frok'; did you mean fork"),
        (["check", "rdma", "--policy", "fork=alwas"], "feature fork has no value 'alwas'; did you mean always"),
        (["check", "rdma", "--policy", "fork"], "write FEATURE=VALUE"),
        (["check", "rdma", "--named", "tux"], "no policy 'tux'; did you mean"),
        (["check", "rdma", "--run", "I9"], "judges no property 'I9'"),
        (["check", "./no_such_case.py"], "No such file"),
        (["check", "--free", "rmda"], "no free-running world for 'rmda'; did you mean rdma"),
        (["check", "--free", "rdma", "--ops", "99"], "99 operations an actor"),
        (["check"], "name either a case"),
        (["matrix", "rdmaa"], "no case 'rdmaa'; did you mean rdma"),
        (["matrix", "rdma", "--policy", "tux4"], "no policy 'tux4'; did you mean tux3"),
        ([], "arguments are required: COMMAND"),
        (["cases", "rdma"], "does not take 'rdma'"),
        (["check", "rdma", "--polcy", "fork=always"], "takes no option '--polcy'; did you mean --policy"),
        (["check", "rdma", "--policy"], "argument --policy: expected one argument"),
        (["check", "rdma", "--policy", "fork=always", "--policy", "fork=never"], "two values: always and never"),
        (["check", "rdma", "--policy", "fork=always", "--all"], "--all explores every policy"),
        (["check", "rdma", "--run", "I2", "--json"], "leave --run out"),
        (["check", "rdma", "--vary", "fork"], "--vary goes with --all"),
        (["check", "rdma", "--all", "--vary", "redirect"], "rdma never reads the feature redirect"),
        (["check", "rdma", "--all", "--vary", "off"], "rdma never reads the feature off"),
        (["check", "ptrace", "--all", "--vary", "frok"], "no feature 'frok'; did you mean fork"),
        (["check", "rdma", "--ops", "2"], "--ops goes with --free"),
        (["check", "--free", "rdma", "--ops", "0"], "0 operations an actor"),
        (["check", "rdma", "--max-states", "abc"], "--max-states: 'abc' is no whole number above zero"),
        (["check", "rdma", "--max-states", "-5"], "--max-states: '-5' is no whole number above zero"),
        (["check", "rdma", "--max-time", "nan"], "--max-time: 'nan' is no number above zero"),
        (["report", "--jobs", "0"], "--jobs: '0' is no whole number above zero"),
        (["report", "rdmaa"], "no notebook 'rdmaa'; did you mean"),
        (["export-promela", "migration", "-o", "/no/such/folder/x"], "/no/such/folder/x: No such file or directory"),
        (["witness", "ptrace-sharde"], "no witness is called 'ptrace-sharde'; did you mean ptrace-shared"),
        (["witness", "--timeout", "soon"], "--timeout: 'soon' is no number above zero"),
    ],
)
def test_bad_input_is_one_line_with_the_nearest_names_and_exits_2(capsys, argv, says):
    code, out, err = run(capsys, *argv)
    assert code == 2 and err.count("\n") == 1 and says in err
    assert (says in json.loads(out)["error"]) if "--json" in argv else out == ""


@pytest.mark.parametrize("command", ["report", "notebooks"])
def test_a_file_that_is_no_notebook(capsys, tmp_path, command):
    path = tmp_path / "mine.ipynb"
    path.write_text('{"a": 1}')
    out = ["--out", str(tmp_path / "out")] if command == "report" else []
    code, _, err = run(capsys, command, str(path), *out)
    assert code == 2 and err.count("\n") == 1 and "mine.ipynb is no notebook" in err


def test_a_reader_that_leaves_is_no_error():
    """`tux3nb cases | head -1`: no traceback, however little was still to be written."""
    for command in (["cases"], ["check", "ordinary+readonly"]):
        tool = subprocess.Popen(
            [sys.executable, "-m", "tux3nb", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        tool.stdout.close()
        assert tool.stderr.read() == "" and tool.wait() == 141


OWN = '''
from tux3nb.cases.case import Case, Source
MINE = Case(
    name="mine", family="mine", title="t", asks="Is it so?",
    columns="""
        app        | writer                  | kernel
        {cell} | write p0:0 after closed | closed: transition
    """,
    mappings=("app",), judges=("I1", "I6", "I7"), sources=(Source("me"),),
)
'''


def test_a_case_of_ones_own_in_a_file(capsys, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(OWN.replace("{cell}", "store p0:0"))
    code, out, _ = run(capsys, "check", str(path), "--json")
    assert code == 0 and {r["case"] for r in json.loads(out)["results"]} == {"mine"}


def test_a_broken_case_of_ones_own_names_file_line_column_and_word(capsys, tmp_path):
    """The line is the file's: that of the word, of the field, or of the call."""
    path = tmp_path / "mine.py"
    good = OWN.replace("{cell}", "store p0:0")
    for text, says in (
        (good.replace("store p0:0", "stoer p0:0"), "mine.py, line 7, column app: no operation 'stoer'; did you mean"),
        (good.replace('mappings=("app",)', 'mappings=("app:privat",)'), "mine.py, line 9, mapping app: no trait"),
        (good.replace('"I7")', '"I77")'), "mine.py, line 9: no property 'I77'; did you mean I7"),
        (
            good.replace("mappings=", "mapings="),
            "mine.py, line 3: a case has no field 'mapings'; did you mean mappings",
        ),
        (good.replace("mappings=", "folios=99, mappings="), "mine.py, line 3: case mine: folios=99 is outside"),
        (good.replace('"mine", family', '"rdma", family'), "mine.py, line 4: 'rdma' is the name of a shipped case"),
    ):
        path.write_text(text)
        code, out, err = run(capsys, "check", str(path))
        assert code == 2 and out == "" and err.count("\n") == 1 and says in err, err


def test_columns_put_together_by_a_program_are_counted_by_themselves(capsys, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(OWN.replace("{cell}", "stoer p0:0").replace('    """,\n    map', '    """ + "\\n",\n    map'))
    assert "line 3 of the columns, column app: no operation 'stoer'" in run(capsys, "check", str(path))[2]


def test_columns_that_begin_with_a_backslash_keep_the_lines_of_the_file(capsys, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(OWN.replace("{cell}", "stoer p0:0").replace('columns="""', 'columns="""\\'))
    assert "mine.py, line 7, column app: no operation 'stoer'" in run(capsys, "check", str(path))[2]


@pytest.mark.parametrize(("wanted", "says"), [("HOLDS", "as expected"), ("VIOLATED(I6)", "but it is HOLDS")])
def test_check_compares_a_file_with_its_own_expectation(capsys, tmp_path, wanted, says):
    path = tmp_path / "mine.py"
    text = OWN.replace("{cell}", "store p0:0").replace("from tux3nb.cases.case", "from tux3nb.case")
    path.write_text(text.replace("sources=", f"expect={{'tux3': '{wanted}'}}, sources="))
    code, out, _ = run(capsys, "check", str(path))
    assert code == 0 and f"expected {wanted}: {says}\n" in out
    _, out, _ = run(capsys, "check", str(path), "--json")
    told = {(r["expected"], r["as_expected"]) for r in json.loads(out)["results"]}
    assert told == {(wanted, says == "as expected")}
    _, out, _ = run(capsys, "check", str(path), "--policy", "fork=never", "--policy", "bounce=all")
    assert "expected" not in out


def test_a_folder_of_cases(capsys, tmp_path):
    """Every file is compared with its expectations; a broken one is told, and the others are shown all the same."""
    good = OWN.replace("{cell}", "store p0:0").replace("sources=", "expect={'tux3': 'HOLDS'}, sources=")
    (tmp_path / "a.py").write_text(good.replace('"mine"', '"first"'))
    (tmp_path / "b.py").write_text(
        "print('noise')\n" + good.replace("'HOLDS'", "'VIOLATED'").replace('"mine"', '"second"')
    )
    code, out, _ = run(capsys, "matrix", str(tmp_path), "--json")
    cells = {(c["case"], c["policy"]): c["as_expected"] for c in json.loads(out)["cells"]}
    assert code == 1 and cells == {("first", "tux3"): True, ("second", "tux3"): False}
    (tmp_path / "c.py").write_text(good.replace("store p0:0", "stoer p0:0"))
    code, out, err = run(capsys, "matrix", str(tmp_path))
    assert code == 2 and "first" in out and "c.py, line 7, column app: no operation 'stoer'" in err
    (tmp_path / "c.py").write_text(good.replace('"mine"', '"first"'))
    code, _, err = run(capsys, "matrix", str(tmp_path))
    assert code == 2 and "two cases of the name first" in err


def test_a_path_without_its_ending(capsys, tmp_path):
    (tmp_path / "mine.py").write_text(OWN.replace("{cell}", "store p0:0"))
    assert "mine.py?" in run(capsys, "check", str(tmp_path / "mine"))[2]
    assert "is a folder" in run(capsys, "check", str(tmp_path))[2]
    (tmp_path / "empty").mkdir()
    assert "no file of a case" in run(capsys, "matrix", str(tmp_path / "empty"))[2]


def test_a_file_that_is_no_case(capsys, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("x = 1\n")
    assert run(capsys, "check", str(path))[0] == 2
    for text, says in (
        ("1 / 0\n", "line 1: ZeroDivisionError"),
        ("CASE = Case(\n", "line 1: SyntaxError"),
        ("import sys\nsys.exit(3)\n", "line 2: SystemExit: 3"),
        ("\0", "null bytes"),  # a ValueError before Python 3.11.4, a SyntaxError since
    ):
        path.write_text(text)
        code, _, err = run(capsys, "check", str(path))
        assert code == 2 and says in err and err.count("\n") == 1


def test_matrix_json_has_the_promised_keys(capsys):
    code, out, _ = run(capsys, "matrix", "ordinary+readonly", "--json")
    cells = json.loads(out)["cells"]
    assert code == 0 and all(c["as_expected"] for c in cells)
    assert {"case", "policy", "verdict", "property", "violated", "expected", "as_expected"} <= set(cells[0])
    assert all(c["violated"] == ["I1"] and c["expected"] == "VIOLATED(I1)" for c in cells if c["policy"] == "tux3")


def test_a_family_of_what_varies(capsys):
    """Only the feature named varies, and redirecting more mappings is what helps this case."""
    code, out, _ = run(capsys, "check", "ordinary+readonly", "--all", "--vary", "redirect", "--json")
    found = {(r["policy"]["redirect"], r["verdict"]) for r in json.loads(out)["results"] if r["property"] == "I1"}
    assert code == 1 and found == {("shared", "VIOLATED"), ("mayshare", "HOLDS"), ("all", "HOLDS")}


def test_the_whole_product_of_a_case(capsys):
    """Every combination is decided: verdicts add up, property by property, and sets are told as lines and as a text."""
    code, out, _ = run(capsys, "check", "ptrace+peek", "--all", "--json")
    told, product = json.loads(out), find("ptrace+peek").product()
    assert code == 1 and told["family"] == len(product) > 4096
    for counts in [*told["by_property"].values(), {v: k["policies"] for v, k in told["verdicts"].items()}]:
        assert sum(counts.values()) == told["family"]
    for found in told["violated"].values():
        lines = reduce(or_, (line_of(product, line) for line in found["cover"]))
        assert product.load(found["diagram"]) == lines and lines.count() == found["policies"]
    safe = product.load(told["verdicts"]["HOLDS"]["diagram"])
    assert all(p in safe for p in told["least_safe"]) and told["least_safe"] == list(safe.minimal().policies())
    assert {r["property"] for r in told["runs"]} == set(told["violated"])
    assert all(len(r["run"]) == r["depth"] and r["policies"]["policies"] for r in told["runs"])


def line_of(product, line):
    return reduce(and_, (product.all.having(f, *values) for f, values in line.items()), product.all)


def test_the_whole_product_in_words(capsys):
    """The summary has a line for each property, the sets in short lines, and the least safe policies."""
    code, out, _ = run(capsys, "check", "ordinary+readonly", "--all")
    assert code == 1 and "family  " in out and "violated where " in out
    assert "The least safe policies" in out and "tux3 with optout=mapped" in out


def test_cases_lists_every_case(capsys):
    code, out, _ = run(capsys, "cases", "--json")
    assert code == 0 and {"rdma", "ptrace"} <= {c["case"] for c in json.loads(out)["cases"]}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(capsys, command):
    code, out, _ = run(capsys, command, "--help")
    assert code == 0 and "usage: tux3nb" in out


def test_check_of_a_small_case_imports_no_heavy_library():
    """The check path needs the standard library only, numpy at most for large worlds."""
    script = (
        "import sys; from tux3nb.cli import main; main(['check', 'ordinary+readonly']);"
        "print([m for m in ('numpy', 'pandas', 'anywidget', 'IPython', 'nbformat') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert out.rstrip().endswith("[]")


# What Windows lacks: these modules, these functions of os, files below /proc, the C library without a name.
ELSEWHERE = """
import builtins, ctypes, os, sys
for name in ("fcntl", "resource", "termios", "pwd", "grp", "pty", "tty", "syslog"):
    sys.modules[name] = None
for name in "fork sysconf geteuid getuid killpg setsid sched_getaffinity sched_setaffinity uname".split():
    if hasattr(os, name):
        delattr(os, name)
real = builtins.open
def opened(path, *args, **more):
    if str(path).startswith(("/proc", "/sys")):
        raise FileNotFoundError(2, "no such file", str(path))
    return real(path, *args, **more)
def loaded(name, *args, **more):
    raise OSError(f"no library {name}")
builtins.open, ctypes.CDLL = opened, loaded
from tux3nb.catalogue import find
from tux3nb.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["cases"], 0),
        (["check", "rdma", "--max-states", "9000"], 1),
        (["check", "ordinary+readonly", "--all", "--vary", "redirect"], 1),
        (["report", "--help"], 0),
        (["lab", "--help"], 0),
        (["witness", "--list"], 0),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_where_linux_is_not(argv, code):
    """Nothing that these commands import or do needs what only Linux has."""
    done = subprocess.run([sys.executable, "-c", ELSEWHERE, *argv], capture_output=True, text=True)
    assert done.returncode == code and done.stderr == "" and done.stdout
