"""Tracing rules: a slip in a rule is an error that names the rule, the line and the nearest right word."""

import inspect

import pytest

from tux3nb.engine.compile import Text
from tux3nb.engine.fields import Constant, Field
from tux3nb.engine.rule import rule
from tux3nb.engine.system import Property, build
from tux3nb.engine.terms import NONE
from tux3nb.errors import ModelError

from .worlds import LOCKS, world


def traced(body, rules_world=None, **domains):
    """A system of one rule with this body."""
    w = rules_world or world(
        Field("pc", (("a", "b"),), 5),
        Field("slot", (), 2),
        Field("next", (), 2),
        Field("hold", (("a", "b"),), 3, none=0),
        Field("stage", (), 2, ("none", "begun", "done")),
        absent=Constant("absent", (), 7),
    )
    return build(w, [rule(kernel="-", **domains)(body)], LOCKS, (Property("p", "", "", ""),))


def uses_and(s, policy):
    s.require(s.slot == 0 and s.next == 0)


def uses_or(s, policy):
    s.require(s.slot == 0 or s.next == 0)


def uses_not(s, policy):
    s.require(not s.slot == 0)


def uses_if(s, policy):
    s.require(s.slot == 0)
    if s.next == 1:
        s.slot = 1


def uses_if_on_a_policy(s, policy):
    s.require(s.slot == 0)
    if policy.lock:
        s.slot = 1


def uses_if_on_a_set(s, policy):
    s.require(s.slot == 0)
    if policy.lock == "spin":
        s.slot = 1


def reads_after_write(s, policy):
    s.require(s.slot == 0)
    s.slot = 1
    s.next = s.slot


def requires_after_write(s, policy):
    s.require(s.slot == 0)
    s.next = 1
    s.require(s.slot == 1)


def unknown_field(s, policy):
    s.require(s.slott == 0)


def unknown_index(s, policy):
    s.require(s.pc["c"] == 0)


def writes_a_whole_array(s, policy):
    s.require(s.slot == 0)
    s.next = s.pc


def too_many_indexes(s, policy):
    s.require(s.pc["a", 0] == 0)


def writes_absent(s, policy):
    s.require(s.slot == 0)
    s.absent = 1


def constant_out_of_range(s, policy):
    s.require(s.slot == 0)
    s.slot = 3


def requires_a_number(s, policy):
    s.require(s.slot)


def requires_nothing(s, policy):
    s.slot = 1


def uses_if_on_a_maybe(s, policy):
    if s.hold["a"]:
        s.next = 1


def stores_none_in_a_number(s, policy):
    s.require(s.slot == 0)
    s.slot = NONE


def stores_too_high_a_number(s, policy):
    s.require(s.slot == 0)
    s.hold["a"] = 3


def uses_if_on_a_word(s, policy):
    if s.stage:
        s.next = 1


def unknown_name(s, policy):
    s.require(s.stage == "begin")


def stores_unknown_name(s, policy):
    s.require(s.slot == 0)
    s.stage = "ended"


def stores_a_name_in_a_number(s, policy):
    s.require(s.slot == 0)
    s.slot = "begun"


def unknown_value(s, policy):
    s.require(policy.lock == "spinn")


def unknown_feature(s, policy):
    s.require(policy.lokc == "spin")


SLIPS = [
    (uses_and, 1, "write &"),
    (uses_or, 1, "write &"),
    (uses_not, 1, "write &"),
    (uses_if, 2, "write &"),
    (uses_if_on_a_policy, 2, "compare it with =="),
    (uses_if_on_a_set, 2, "write &"),
    (reads_after_write, 3, "reads slot after writing it"),
    (requires_after_write, 3, "require lines come first"),
    (unknown_field, 1, "no field 'slott'; did you mean slot"),
    (unknown_index, 1, "no index 'c'"),
    (writes_a_whole_array, 2, "next: give an index on both sides"),
    (too_many_indexes, 1, "takes 1 indexes, got 2"),
    (writes_absent, 2, "does not have"),
    (constant_out_of_range, 2, r"slot = 3 is outside its range 0\.\.2"),
    (requires_a_number, 1, "needs a truth value"),
    (uses_if_on_a_maybe, 1, "compare it with NONE"),
    (uses_if_on_a_word, 1, "compare it with a name"),
    (unknown_name, 1, "no value 'begin'; did you mean begun"),
    (stores_unknown_name, 2, "no value 'ended'"),
    (stores_a_name_in_a_number, 2, "'begun' is not a whole number"),
    (stores_none_in_a_number, 2, "NONE is not a whole number"),
    (stores_too_high_a_number, 2, r"hold = 4 is outside its range 0\.\.3"),
    (unknown_value, 1, "no value 'spinn'; did you mean spin"),
    (unknown_feature, 1, "no feature 'lokc'; did you mean lock"),
]


@pytest.mark.parametrize(("body", "line", "says"), SLIPS, ids=lambda x: getattr(x, "__name__", ""))
def test_a_slip_names_rule_and_line(body, line, says):
    """The message begins with the rule and the line of the slip, and says what is wrong."""
    at = inspect.getsourcelines(body)[1] + line

    with pytest.raises(ModelError, match=f"^rule {body.__name__}, line {at}: .*{says}"):
        traced(body)


def test_a_rule_that_requires_nothing_is_an_error():
    """A rule without a guard could fire for ever."""
    with pytest.raises(ModelError, match="rule requires_nothing requires nothing"):
        traced(requires_nothing)


def test_parameters_must_be_finite():
    """A parameter's domain is a finite sequence."""
    with pytest.raises(ModelError, match="rule uses_and: parameter t needs a finite sequence"):
        traced(uses_and, t=lambda world: iter([1, 2]))


def test_writing_an_absent_field_what_it_reads_as_is_allowed():
    """A field that a case does not have folds: writing its constant is nothing, writing more is an error."""

    def writes_the_constant(s, policy):
        s.require(s.slot == 0, s.absent == 7)
        s.absent = 7
        s.next = 1

    (step,) = traced(writes_the_constant).steps

    assert [f.name for f, _, _ in step.writes] == ["next"] and len(step.guard) == 1


def test_bindings_that_can_never_fire_are_left_out():
    """A binding whose guard is false whatever the state makes no step."""

    def only_zero(s, policy, n):
        s.require(s.slot == 0, s.slot + n < 3)
        s.slot = n

    def never(s, policy, n):
        s.require(s.slot == 5 + n)
        s.slot = 0

    assert [step.args for step in traced(only_zero, n=(0, 1)).steps] == [{"n": 0}, {"n": 1}]
    assert traced(never, n=(0, 1)).steps == []


def test_a_property_says_yes_or_no():
    """A predicate that returns a number is named."""

    def counts(s):
        return s.slot

    with pytest.raises(ModelError, match="property counts returns int, not a truth value"):
        build(world(Field("slot")), [], LOCKS, (Property("p", "", "", "", (("", counts),)),))


def test_checks_must_name_a_property():
    """A rule that checks what is no property is an error."""

    def checks(s, policy):
        s.require(s.slot == 0)
        s.ensure("q", s.next == 0, "")

    with pytest.raises(ModelError, match="rule checks checks 'q', which is no property"):
        traced(checks)


def test_a_property_may_not_write():
    """A predicate only reads; the message names it."""

    def writes(s):
        s.slot = 1
        return s.slot == 1

    with pytest.raises(ModelError, match="property writes: a property may not write"):
        build(world(Field("slot")), [], LOCKS, (Property("p", "", "", "", (("", writes),)),))


# ---- a number or none --------------------------------------------------------------------------------------------
HELD = Field("held", (("a", "b"),), 3, none=0)  # none, 0, 1 or 2, stored as 0 to 3
TOP = Field("top", (), 3, none=3)  # 0, 1 or 2, or 3 for none
FLAG = Field("flag", (range(3),))


def told(ask, **stored):
    """What a predicate over `held`, `top` and `flag` says of the state with these stored values."""
    w = world(HELD, TOP, FLAG)
    system = build(w, [], LOCKS, (Property("p", "", "", "", (("", ask),)),))
    labels = {"a": "held[a]", "b": "held[b]", "top": "top"} | {f"flag{n}": f"flag[{n}]" for n in range(3)}
    return bool(Text().test(system.clauses[0][2])(system.layout.pack({labels[k]: v for k, v in stored.items()})))


@pytest.mark.parametrize("n", range(3))
def test_a_number_or_none_compares_with_numbers_and_with_none(n):
    """Number n is stored as n + 1 where 0 means none, and as n where another value does."""
    assert told(lambda s: (s.held["a"] == n) & (s.held["a"] != NONE), a=n + 1)
    assert told(lambda s: (s.top == n) & (s.top != NONE), top=n)
    assert told(lambda s: (s.held["a"] == NONE) & (s.held["a"] != n), a=0)
    assert told(lambda s: (s.top == NONE) & (s.top != n), top=3)


def test_two_of_them_compare_by_what_they_mean():
    """Fields that store none in different ways hold the same number when they mean the same."""
    assert told(lambda s: s.held["a"] == s.top, a=2, top=1) and not told(lambda s: s.held["a"] == s.top, a=1, top=1)
    assert told(lambda s: s.held["a"] == s.held["b"], a=0, b=0)


def test_it_is_a_number_where_one_is_wanted():
    """It indexes, counts and compares like the number that it is."""
    assert told(lambda s: s.flag[s.held["a"]] == 1, a=3, flag2=1)
    assert not told(lambda s: s.flag[s.held["a"]] == 1, a=2, flag2=1)
    assert told(lambda s: (s.held["a"] < 2) & (s.held["a"] >= 1) & (s.held["a"] > 0), a=2) and told(
        lambda s: s.flag[2] == s.top, top=0
    )


def test_what_a_rule_writes_is_stored_as_the_field_has_it():
    """A number, NONE, another such field, and one with another number where a test holds."""

    def writes(s, policy):
        s.require(s.flag[0] == 0)
        s.held["a"] = s.top
        s.held["b"] = s.held["b"].unless(s.held["b"] == NONE, 2)
        s.top = NONE

    w = world(HELD, TOP, FLAG)
    (step,) = build(w, [rule(kernel="-")(writes)], LOCKS, (Property("p", "", "", ""),)).steps
    assert [str(value) for _, _, value in step.writes] == ["(top + 1)", "where((held[b] == 0), 3, held[b])", "3"]


def test_a_value_with_a_name_compares_by_name_and_by_number():
    """A field whose values have names is compared with them, takes them, and is a number where one is wanted."""
    stage = Field("stage", (), 2, ("none", "begun", "done"))

    def moves(s, policy):
        s.require(s.stage == "begun", s.stage != 2, s.flag[s.stage] == 0)
        s.stage = s.stage.unless(s.flag[0] == 1, "done")

    (step,) = build(world(stage, FLAG), [rule(kernel="-")(moves)], LOCKS, (Property("p", "", "", ""),)).steps
    assert [str(g) for g in step.guard] == ["(stage == 1)", "(stage != 2)", "(flag[stage] == 0)"]
    assert [str(value) for _, _, value in step.writes] == ["where((flag[0] == 1), 2, stage)"]


@pytest.mark.parametrize("events", [True, False])
def test_a_step_takes_over_what_another_does(events):
    """A rule that is made of another one takes of its writes what it wants, with its checks and marks or without."""

    def whole(s, policy):
        s.require(s.slot == 0)
        s.mark("seen")
        s.slot = 1
        s.next = 1

    def part(s, policy):
        s.require(s.next == 0)
        s.step.take(first, [w for w in first.writes if w[0].name == "next"], events)

    (first,) = traced(whole).steps
    (step,) = traced(part).steps
    assert [f.name for f, _, _ in step.writes] == ["next"]
    assert [name for name, _ in step.marks] == ["seen"] * events
