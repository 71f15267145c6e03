"""Broken cases and broken rules: the message names the place, the line, the column and the word."""

import pytest

from tux3nb.answers.matrix import matrix
from tux3nb.cases.case import Case, Source, named
from tux3nb.cases.place import ColumnError
from tux3nb.catalogue import from_file
from tux3nb.engine.family import Listed, Product
from tux3nb.engine.fields import Field, Layout
from tux3nb.engine.policy import Constraint, Feature, Features, parse_policy
from tux3nb.engine.rule import rule
from tux3nb.engine.system import World, build
from tux3nb.errors import ModelError, UserError
from tux3nb.model.features import FEATURES, TUX3


def case(columns, mappings=("app",), **other):
    texts = {"name": "mine", "family": "rdma", "title": "Mine", "asks": "Does it hold?"}
    return Case(**{**texts, "columns": columns, "mappings": mappings, **other})


GOOD = """
    app                    | device            | kernel
    dirty: store p0:0      | device_write p0:1 | transition after dirty
    mr_register p0         |                   |
"""

# what is wrong -> (a text of GOOD, its replacement, words that the message must have)
BROKEN = {
    "unknown operation": (
        "device_write",
        "device_wirte",
        ("line 3", "column device", "'device_wirte'", "device_write"),
    ),
    "no page": ("store p0:0", "store", ("line 3", "column app", "store", "page")),
    "another page": ("store p0:0", "store p1:0", ("line 3", "column app", "'p1:0'", "p0")),
    "no such cell": ("store p0:0", "store p0:2", ("line 3", "column app", "'p0:2'", "cells 0 and 1")),
    "page twice": ("store p0:0", "store p0:0 p0:1", ("line 3", "column app", "'store'", "p0:0 p0:1")),
    "two cells": ("store p0:0", "store p0:01", ("line 3", "column app", "'p0:01'", "one cell")),
    "unknown label": ("after dirty", "after dirt", ("line 3", "column kernel", "'dirt'", "dirty")),
    "after nothing": ("after dirty", "after", ("line 3", "column kernel", "'after'", "label")),
    "waits for itself": ("store p0:0      |", "store p0:0 after dirty |", ("line 3", "column app", "'after dirty'")),
    "label twice": ("mr_register", "dirty: mr_register", ("line 4", "column app", "'dirty'", "twice")),
    "label alone": ("mr_register p0", "pinned: ", ("line 4", "column app", "'pinned'")),
    "unknown mapping": ("store p0:0", "store ap p0:0", ("line 3", "column app", "'ap'", "app")),
    "unknown holder": ("device_write p0:1", "device_write ap p0:1", ("line 3", "column device", "'ap'", "app")),
    "trait of no hold": ("device_write p0:1", "device_write p0:1 readonly", ("line 3", "column device", "'readonly'")),
    "nobody holds": ("mr_register p0", "load p0:0     ", ("line 3", "column device", "device_write", "a holder")),
    "no mapping": ("device_write p0:1", "store p0:1", ("line 3", "column device", "store", "device", "mapping")),
    "too many columns": (
        "mr_register p0         |                   |",
        "mr_register p0 ||| store p0",
        ("line 4", "4", "3"),
    ),
    "bad actor": ("app                    |", "App |", ("line 2", "'App'")),
    "actor twice": ("device            | kernel", "app | kernel", ("line 2", "twice")),
    "the model's actor": ("device            | kernel", "flusher           | kernel", ("line 2", "'flusher'")),
    "no second thread": ("store p0:0", "sibling_store p0:0", ("line 3", "column app", "app:sibling")),
    "through a read-only region": (
        "mr_register p0 ",
        "mr_register p0 readonly",
        ("line 3", "column device", "readonly"),
    ),
    "no such hold": (
        "mr_register p0",
        "vmsplice p0   ",
        ("line 3", "column device", "by mr_register or buffer_register"),
    ),
    "no steps": ("kernel\n", "kernel | idler\n", ("column idler", "no steps")),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_case_names_line_column_and_word(what):
    old, new, words = BROKEN[what]
    assert GOOD.count(old) == 1
    with pytest.raises(ColumnError) as told:
        case(GOOD.replace(old, new)).world
    message = str(told.value)
    assert message.startswith("case mine") and "\n" not in message
    assert not [w for w in words if w not in message], message


def test_the_good_case_is_good():
    assert len(case(GOOD).world.ops) == 4


@pytest.mark.parametrize("columns", ["", "\n  \n", "app | kernel"])
def test_a_case_without_columns_or_steps(columns):
    with pytest.raises(ColumnError, match="case mine"):
        case(columns).world


def test_a_bad_mapping_trait_names_the_mapping_and_the_nearest():
    with pytest.raises(ColumnError, match="mapping app: no trait 'privat'; did you mean private"):
        case(GOOD, ("app:privat",)).world


@pytest.mark.parametrize(
    ("mappings", "words"),
    [
        (("App",), ("'App'",)),
        (("my app",), ("'my app'",)),
        (("",), ("''",)),
        (("app", "app:readonly"), ("'app'", "twice")),
        (("app:private:readonly",), ("mapping app", "private and readonly at once")),
    ],
)
def test_broken_mappings_are_named(mappings, words):
    with pytest.raises(ColumnError, match="case mine") as told:
        case(GOOD, mappings).world
    assert not [w for w in words if w not in str(told.value)], str(told.value)


def test_lines_that_wait_for_each_other_name_one_of_them():
    circle = """
        one                   | two
        a: store p0 after b   | b: write p0 after a
    """
    with pytest.raises(ColumnError, match="case mine, line 3, column one: 'after b' waits for a line that waits"):
        case(circle, ("one",)).world


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("folios", 0, ("folios=0", "1..16")),
        ("folios", 17, ("folios=17", "1..16")),
        ("folios", "3", ("folios is a whole number, not '3'",)),
        ("folios", True, ("folios is a whole number, not True",)),
        ("deltas", -1, ("deltas=-1", "0..15")),
        ("pages", 3, ("3 pages", "1 or 2")),
        ("columns", 7, ("columns are one text",)),
        ("base", "tux", ("'tux'", "tux3")),
        ("expect", {"tux": "HOLDS"}, ("'tux'", "tux3")),
        ("expect", {"tux3": "HOLD"}, ("tux3", "'HOLD'", "HOLDS")),
        ("expect", {"tux3": "VIOLATED(I2, I33)"}, ("tux3", "'I33'", "I3")),
        ("expect", {"tux3": "VIOLATED(I2,I33)"}, ("tux3", "'I33'", "I3")),
        ("expect", {"tux3": 1}, ("expect is a mapping", "not {'tux3': 1}")),
        ("expect", {3: "HOLDS"}, ("expect is a mapping", "not {3: 'HOLDS'}")),
        ("expect", ["HOLDS"], ("expect is a mapping",)),
        ("judges", "I2", ("judges are a sequence of texts", "not 'I2'")),
        ("judges", (2,), ("judges are a sequence of texts", "not (2,)")),
        ("judges", None, ("judges are a sequence of texts", "not None")),
        ("mappings", "app", ("mappings are a sequence of texts", "not 'app'")),
        ("title", b"x", ("title is a text, not b'x'",)),
        ("asks", None, ("asks is a text, not None",)),
        ("base", None, ("base is a text, not None",)),
        ("base", ["tux3"], ("base is a text, not ['tux3']",)),
        ("shmem", "no", ("shmem is True or False, not 'no'",)),
        ("pages", [1], ("pages is a whole number, not [1]",)),
        ("sources", "me", ("Source(text, url)",)),
        ("sources", ("me",), ("Source(text, url)",)),
    ],
)
def test_a_field_out_of_range_names_field_and_value(field, value, words):
    with pytest.raises(UserError, match="case mine") as told:
        case(**{"columns": GOOD, field: value})
    assert not [w for w in words if w not in str(told.value)], str(told.value)


def test_a_world_too_large_for_its_fields_says_so():
    with pytest.raises(UserError, match="case mine: too large: cand needs 162 bits and has 64"):
        case("app\n" + "store p0:0\n" * 80).world


@pytest.mark.parametrize(("name", "says"), [(7, "a text, not by 7"), (" ", "a text, not by ' '"), ("a\nb", "one line")])
def test_a_case_has_a_name(name, says):
    with pytest.raises(UserError, match=f"a case is named by {says}"):
        case(GOOD, name=name)


@pytest.mark.parametrize("given", [{"text": 3}, {"text": "x", "url": 4}, {"text": "x", "url": "javascript:0"}])
def test_a_source_is_a_text_and_an_address(given):
    with pytest.raises(ModelError, match="source"):
        Source(**given)


# ---- what makes no sense ---------------------------------------------------------------------------------------
# what is wrong -> (columns, mappings, words that the message must have)
SENSELESS = {
    "a store through a read-only mapping": (
        "app\nstore p0:0",
        ("app:readonly",),
        ("line 2, column app: store:", "app", "SIGSEGV", ":readonly"),
    ),
    "a second thread's store through one": (
        "app\nsibling_store p0:0",
        ("app:readonly:sibling",),
        ("line 2, column app: sibling_store:", "SIGSEGV"),
    ),
    "holds of two kinds of memory": (
        "app\ndio_read p0\ndio_read own p0",
        ("app", "own:private"),
        ("line 3, column app: dio_read:", "of one kind", "another actor"),
    ),
    "a second hold": (
        "app | device\npin: mr_register p0 | device_read p0\nstore p0:0 |\nmr_register p0 |",
        ("app",),
        ("line 4, column app: mr_register:", "p0 by mr_register (line 2)", "mr_deregister", "another actor", "app"),
    ),
    "a second hold of another kind": (
        "app\nsplice p0\nvmsplice p0",
        ("app",),
        ("line 3, column app: vmsplice:", "splice (line 2)", "pipe_read or pipe_close"),
    ),
    "a second hold, and the end of the first is not in between for sure": (
        "app | peer\nmr_register p0 | store p0:0\nmr_register p0 | mr_deregister p0 app",
        ("app", "peer"),
        ("column app: mr_register:", "mr_deregister (line 3)", "after LABEL"),
    ),
    "holds of two kinds": (
        "app\nmr_register p0 readonly\nmr_deregister p0\nmr_register p0",
        ("app",),
        ("line 4, column app: mr_register:", "of one kind", "another actor"),
    ),
    "whose hold": (
        "app | peer | device\nmr_register p0 | mr_register p0 | device_read p0",
        ("app", "peer"),
        ("line 2, column device: device_read:", "app or peer"),
    ),
    "ended twice": (
        "app\nmr_register p0\nmr_deregister p0\nmr_deregister p0",
        ("app",),
        ("line 4, column app: mr_deregister:", "mr_deregister (line 3)", "leave one out"),
    ),
    "ended by two": (
        "app | peer\npin: mr_register p0 | mr_deregister p0 app after pin\nmr_deregister p0 |",
        ("app",),
        ("mr_deregister:", "ends that hold"),
    ),
    "ended before it is made": (
        "app | peer\nmr_register p0 | mr_deregister p0 app",
        ("app",),
        ("line 2, column peer: mr_deregister", "mr_register (line 2)", "after LABEL"),
    ),
    "used before it is made": (
        "app\ndevice_write p0\nmr_register p0",
        ("app",),
        ("line 2, column app: device_write needs the hold of mr_register (line 3)",),
    ),
    "a use that waits for itself": (
        "app | device\nmr_register p0 after w | w: device_write p0",
        ("app",),
        ("line 2, column app: 'after w' waits", "device_write (line 2)"),
    ),
    "unmapped twice": (
        "app\nmunmap\nmunmap",
        ("app",),
        ("line 3, column app: munmap:", "munmap (line 2)", "mmap"),
    ),
    "mapped when it is": ("app\nmmap", ("app",), ("line 2, column app: mmap:", "at the start", "app:unmapped")),
    "unmapped when it is not": ("app\nmunmap", ("app:unmapped",), ("line 2, column app: munmap:", "mmap before it")),
    "mapped twice": ("app\nmmap\nload p0:0\nmmap", ("app:unmapped",), ("line 4, column app: mmap:", "(line 2)")),
    "read-only says nothing of a store": ("app\nstore p0:0 readonly", ("app",), ("'readonly'", "store", "mr_register")),
    "read-only says nothing of a poke": ("app\npoke p0:0 readonly", ("app",), ("'readonly'", "poke", "mr_register")),
}


@pytest.mark.parametrize("what", SENSELESS)
def test_a_case_that_makes_no_sense_names_the_line_and_what_to_write(what):
    columns, mappings, words = SENSELESS[what]
    with pytest.raises(ColumnError, match="case mine") as told:
        case(columns, mappings).world
    assert not [w for w in words if w not in str(told.value)], str(told.value)


@pytest.mark.parametrize(
    ("columns", "mappings"),
    [
        ("app\nmr_register p0\nmr_deregister p0\nmr_register p0\nmr_deregister p0", ("app",)),
        (
            "app | end\nmr_register p0 | a: mr_deregister p0 app after pin\npin: store p0 |\nmr_register p0 after a |",
            ("app",),
        ),
        ("app\ndio_read p0\ndio_read p0", ("app",)),
        ("app\nvmsplice p0\npipe_read p0\nvmsplice p0\npipe_read p0\npipe_close", ("app",)),
        ("app\nmunmap\nmmap\nmunmap", ("app",)),
        ("app\nmmap\nmunmap", ("app:unmapped",)),
        ("app | peer\nmunmap | mmap app\n", ("app",)),
        ("app | peer\nmr_register app p0 readonly | mr_register app p0\n", ("app",)),
        ("app\nmr_register p0 readonly", ("app:readonly",)),
        ("app\ndio_write p0", ("app:readonly",)),
        ("app | peer\nmr_register peer p0 | load p0:0", ("app", "peer:readonly")),
        ("app\nstore p0:0\npoke p0:1", ("app:private",)),
        ("app\nmr_register p0\ndevice_write p0\nmr_deregister p0", ("app:private",)),
        ("app\nmr_register p0 forced\ndevice_read p0\nmr_deregister p0", ("app",)),
    ],
)
def test_what_makes_sense_is_allowed(columns, mappings):
    assert case(columns, mappings).world.ops


def test_advice_alone_is_no_verdict():
    with pytest.raises(UserError, match="case mine: I1p is advisory and makes no verdict"):
        case("app\nload p0:0", ("app:private",), judges=("I1p",)).properties


def test_an_expectation_of_what_is_not_judged():
    expect = {"tux3": "VIOLATED(I2)"}
    with pytest.raises(UserError, match="case mine: tux3 is expected to violate I2, which is not judged"):
        case(GOOD, judges=("I1",), expect=expect).properties
    expect = {"tux3": "VIOLATED(I1p)"}
    with pytest.raises(UserError, match="expected to violate I1p, which is advisory"):
        case("app\nload p0:0", ("app:private",), judges=("I1", "I1p"), expect=expect).properties


# ---- two pages -------------------------------------------------------------------------------------------------
TWO = """
    app           | device            | kernel
    store p0      | device_write p1   | transition
    store tail p1 |                   |
    mr_register tail p1 |             |
"""
BROKEN_TWO = {
    "a third page": ("store p0 ", "store p2 ", ("line 3", "column app", "'p2'", "p0 and p1")),
    "a cell": ("store p0 ", "store p0:0 ", ("line 3", "column app", "'p0:0'", "one cell")),
    "the other's mapping": ("store tail p1", "store app p1", ("line 4", "column app", "p1", "app maps p0")),
    "not what is held": ("device_write p1", "device_write p0", ("line 3", "column device", "p0", "app holds p1")),
    "one page only": ("store p0 ", "truncate p0 ", ("line 3", "column app", "'truncate'", "one page")),
}


@pytest.mark.parametrize("what", BROKEN_TWO)
def test_a_broken_case_of_two_pages_names_line_column_and_word(what):
    old, new, words = BROKEN_TWO[what]
    assert len(case(TWO, ("app", "tail:p1"), pages=2).world.ops) == 5
    with pytest.raises(ColumnError) as told:
        case(TWO.replace(old, new), ("app", "tail:p1"), pages=2).world
    assert not [w for w in words if w not in str(told.value)], str(told.value)


def test_a_case_names_no_property_that_its_world_has_nothing_for():
    for pid, about in (
        ("I6m", "two pages"),
        ("I1p", "private mappings"),
        ("U1", "breakpoints"),
        ("U3", "what is written to private memory"),
        ("I2p", "long-term pins of private memory"),
    ):
        with pytest.raises(UserError, match=f"case mine: {pid} is about {about}"):
            case(GOOD, judges=(pid,)).properties
    assert "I6m" not in [p.id for p in case(TWO, ("app", "tail:p1"), pages=2).properties]


def test_what_is_not_modelled_is_said():
    with pytest.raises(UserError, match="splice of a page that may leave its slot empty"):
        case("a | b\nsplice p0 | reclaim p0").system


def test_an_unknown_property_names_the_nearest():
    with pytest.raises(UserError, match="case mine: no property 'I9'"):
        case(GOOD, judges=("I9",)).properties


def test_an_unknown_named_policy_names_the_nearest():
    with pytest.raises(UserError, match="no policy 'tux'.*tux3"):
        named("tux")
    with pytest.raises(UserError, match="no policy 'reverse'.*reverse_fork"):
        matrix([case(GOOD)], ["reverse"])


# ---- policies ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["frok=always"], ("'frok'", "fork")),
        (["fork=alway"], ("fork", "'alway'", "always")),
        (["fork"], ("--policy fork", "FEATURE=VALUE")),
    ],
)
def test_a_broken_policy_names_feature_and_value(settings, words):
    with pytest.raises(UserError) as told:
        parse_policy(FEATURES, TUX3, settings)
    assert not [w for w in words if w not in str(told.value)], str(told.value)


def says_why(table, base, constraint):
    """The message for a policy that a constraint of the table rules out."""
    settings = [f"{f}={values[0]}" for f, values in constraint.when.items()]
    with pytest.raises(UserError, match="contradict") as told:
        parse_policy(table, base, settings)
    return str(told.value)


def test_contradictory_features_say_why():
    fork = Feature("fork", "when to fork", "file system", {"never": "never", "always": "always"})
    bounce = Feature("bounce", "bounce copies", "file system", {"no": "no", "all": "of every folio"})
    never = Constraint({"fork": ("always",), "bounce": ("all",)}, "a bounced folio need not be forked")
    table = Features([fork, bounce], [never])
    assert never.says in says_why(table, {"fork": "never", "bounce": "no"}, never)
    assert len(Product(table, {"fork": "never", "bounce": "no"}, ["fork", "bounce"])) == 3


@pytest.mark.parametrize("constraint", FEATURES.constraints, ids=lambda c: "+".join(c.when))
def test_every_constraint_of_the_table_says_why(constraint):
    assert any(c.says in says_why(FEATURES, TUX3, constraint) for c in FEATURES.constraints)


def test_a_constraint_that_names_no_value_is_an_error():
    with pytest.raises(UserError, match="feature fork has no value 'alway'"):
        Features([FEATURES["fork"]], [Constraint({"fork": ("alway",)}, "-")])


# ---- rules and fields ------------------------------------------------------------------------------------------
def small():
    return World({"n": Field("n", hi=3), "a": Field("a", (("x", "y"),))})


def built(*rules):
    return build(small(), rules, FEATURES)


def test_a_rule_whose_parameters_are_not_finite():
    @rule(kernel="-", k=lambda world: (n for n in range(3)))
    def endless(s, policy, k):
        """A generator is no finite domain."""
        s.require(s.n == k)

    with pytest.raises(ModelError, match="rule endless: parameter k needs a finite sequence"):
        built(endless)


def test_a_value_outside_its_range_in_a_rule():
    @rule(kernel="-")
    def overflows(s, policy):
        """It writes 4 where 3 is the most."""
        s.require(s.n == 3)
        s.n = 4

    with pytest.raises(ModelError, match=r"rule overflows, line \d+: n = 4 is outside its range 0\.\.3"):
        built(overflows)


def test_a_value_outside_its_range_at_the_start():
    with pytest.raises(ModelError, match=r"n = 9 is outside its range 0\.\.3"):
        Layout([Field("n", hi=3)]).pack({"n": 9})


def test_a_value_outside_its_range_in_an_exploration():
    from tux3nb.engine.explore import explore

    @rule(kernel="-")
    def counts(s, policy):
        """It counts without end."""
        s.require(s.n >= 0)
        s.n = s.n + 1

    with pytest.raises(ModelError, match=r"rule counts.* writes n outside its range, from state \{'n': 3\}"):
        explore(built(counts), Listed(FEATURES, [TUX3]))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("if s.n == 1: s.n = 0", ("rule broken, line", "if, and, or, not")),
        ("s.require(s.m == 1)", ("rule broken, line", "no field 'm'", "n")),
        ("s.require(s.a['z'] == 1)", ("rule broken, line", "'z'", "('x', 'y')")),
        ("s.require(s.n)", ("rule broken, line", "truth value")),
        ("s.n = 1; s.require(s.n == 1)", ("rule broken, line", "reads n after writing it")),
        ("s.n = 1", ("rule broken", "requires nothing")),
        ("s.require(policy.frok == 'always')", ("rule broken, line", "'frok'", "fork")),
        ("s.require(policy.fork == 'alway')", ("rule broken, line", "'alway'", "always")),
        ("s.require(s.n == 1); s.limit('x', True); s.mark('y'); s.b = 1", ("rule broken, line", "no field 'b'")),
    ],
)
def test_a_broken_rule_names_rule_and_line(body, words):
    space: dict = {}
    exec(f"def broken(s, policy):\n    'Broken.'\n    {body}\n", space)
    with pytest.raises(ModelError) as told:
        built(rule(kernel="-")(space["broken"]))
    assert not [w for w in words if w not in str(told.value)], str(told.value)


# ---- files -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("X = 1", ("no cases",)),
        ("import tux3nb\nx = 1 / 0", ("line 2", "ZeroDivisionError")),
        ("def f(:", ("line 1", "SyntaxError")),
    ],
)
def test_a_broken_case_file_names_file_and_line(tmp_path, text, words):
    path = tmp_path / "mine.py"
    path.write_text(text)
    with pytest.raises(UserError) as told:
        from_file(str(path))
    assert "mine.py" in str(told.value)
    assert not [w for w in words if w not in str(told.value)], str(told.value)


def test_a_missing_case_file(tmp_path):
    with pytest.raises(UserError, match="mine.py"):
        from_file(str(tmp_path / "mine.py"))
