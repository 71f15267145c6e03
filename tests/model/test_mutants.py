"""Mutants of the rules: the record is of the rules as they are, and a sample of it is found again."""

import random
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from tools import mutants
from tools.mutants import (
    COUNT,
    DEADLOCK,
    FOLDS,
    LAW,
    OUTCOMES,
    OVERFLOW,
    SURVIVED,
    VERDICT,
    Outcome,
    Said,
    arguments,
    baseline,
    baseline_within,
    explained,
    folds,
    main,
    mutate,
    record,
    recorded,
    system_of,
    traced,
    try_on,
    try_one,
    try_rule,
    worlds,
)
from tux3nb.answers.worlds import recorded_worlds
from tux3nb.model.rules import all_rules
from tux3nb.paths import data_dir

RULES = {r.name: r for r in all_rules()}
CASE = "ordinary+own_reference"
SMALL = 1_500  # states of a world


def met(name, rule) -> dict:
    """condition -> its expressions in a case."""
    found = {}
    for text, condition in traced(worlds()[name], RULES[rule])[1]:
        found.setdefault(text, []).append(condition)
    return found


# ---- the record --------------------------------------------------------------------------------------------------
def test_every_condition_of_every_rule_has_its_row():
    now = {(rule, text) for name in worlds() for rule in RULES for text in met(name, rule)}
    assert sorted(now) == sorted((o.rule, o.condition) for o in recorded()), (
        "run `make mutants` and review data/mutants.csv"
    )


def test_every_rule_that_some_case_uses_has_a_row():
    used = {step.rule.name for case in worlds().values() for step in case.system.steps}
    assert used <= {o.rule for o in recorded()}


def test_nine_in_ten_are_killed():
    counted = [o for o in recorded() if o.outcome != FOLDS]
    assert sum(o.killed for o in counted) >= 0.9 * len(counted)


def test_rows_are_what_they_say():
    for o in recorded():
        assert o.outcome in OUTCOMES, o
        assert (o.case in worlds()) == (o.outcome not in (SURVIVED, FOLDS)), o


def test_what_is_not_killed_has_a_reason_of_its_own_and_what_is_killed_has_none():
    assert [o for o in recorded() if o.killed == bool(o.reason)] == []


def sample(most: int, states: Callable[[int], bool]) -> list[Outcome]:
    """Some of the rows whose mutant is found in a world of so many states."""
    of = {name: world.states for name, world in recorded_worlds().items()}
    return random.Random(2015).sample([o for o in recorded() if o.case and states(of[o.case])], most)


def found_again(o: Outcome) -> bool:
    return try_on(baseline(o.case), RULES[o.rule], o.condition) == replace(o, reason="")


def test_a_seeded_sample_is_found_again():
    assert [o for o in sample(40, lambda n: n < SMALL) if not found_again(o)] == []


@pytest.mark.slow
def test_a_seeded_sample_of_the_larger_worlds_is_found_again():
    assert [o for o in sample(40, lambda n: n >= SMALL) if not found_again(o)] == []


# ---- how a mutant is made -----------------------------------------------------------------------------------------
def test_conditions_are_named_by_their_source():
    assert list(met(CASE, "flush_adds"))[:2] == ["may_take_a_folio(s)", "belongs(s, f)"]
    assert "*filled" in met("splice", "pipe_closes")


def test_a_starred_argument_is_one_condition_however_many_it_gives():
    def some(s, more):
        s.require(s.a, *more, s.b)

    line = some.__code__.co_firstlineno + 1
    assert arguments(some.__code__, line, 4) == ["s.a", "*more", "*more", "s.b"]
    assert arguments(some.__code__, line, 2) == ["s.a", "s.b"]


def test_a_condition_of_a_helper_is_named_by_the_helper():
    def helper(s, op):
        s.require(s.line[op.task] == op.line)

    def function(s, policy, op):
        helper(s, op)

    r = replace(RULES["load"], function=function)
    assert {text for text, _ in traced(worlds()["crash"], r)[1]} == {"helper: s.line[op.task] == op.line"}


def test_tracing_a_rule_without_dropping_anything_changes_nothing():
    steps, _ = traced(worlds()[CASE], RULES["flush_adds"])
    assert [list(map(str, s.guard)) for s in steps] == [
        list(map(str, s.guard)) for s in worlds()[CASE].system.steps if s.rule.name == "flush_adds"
    ]


def test_a_dropped_condition_is_gone_from_every_binding_and_no_other_rule_is_traced_again():
    system = system_of(CASE)
    mutant = mutate(worlds()[CASE], system, RULES["flush_adds"], "belongs(s, f)")
    old, new = ([s for s in x.steps if s.rule.name == "flush_adds"] for x in (system, mutant))
    assert len(old) == len(new) > 1
    for before, after in zip(old, new, strict=True):
        gone = set(map(str, before.guard)) - set(map(str, after.guard))
        assert len(gone) == 1 and "dirty" in gone.pop()
    assert [s for s in mutant.steps if s not in new] == [s for s in system.steps if s not in old]


def test_a_condition_that_always_holds_in_a_case_is_no_mutant_of_it():
    assert mutate(worlds()[CASE], system_of(CASE), RULES["mr_finds_dirty"], "op.write") is None


# ---- what becomes of it ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("case", "rule", "text", "outcome"),
    [
        (CASE, "flush_adds", "belongs(s, f)", VERDICT),
        ("ptrace+peek", "peek_begins", "may_start(s, op)", DEADLOCK),
        (CASE, "locks_folio", "at(s, op, 'lock')", OVERFLOW),
        ("ptrace+locked", "access_starts_over", "at(s, op, 'relock')", OVERFLOW),
        ("ptrace+peek", "store_faults", "s.pte[op.via] != NONE", None),
    ],
)
def test_outcomes(case, rule, text, outcome):
    told = try_on(baseline(case), RULES[rule], text)
    assert (told and told.outcome) == outcome


def said(told="HOLDS", violated=(), laws=(), counts=(1, 1)):
    return Said(told, frozenset(violated), frozenset(laws), counts)


def test_the_worst_of_two_answers_is_told():
    old = said()
    both = said("VIOLATED(I1, I7)", ("I1", "I7"), ("x",))
    assert old.change(both, True) == (VERDICT, "HOLDS -> VIOLATED(I1, I7)")
    assert old.change(said("VIOLATED(I7)", ("I7",)), True)[0] == DEADLOCK
    assert old.change(said("UNFINISHED"), True)[0] == OVERFLOW
    assert old.change(said("HOLDS(unreached)"), True)[0] == VERDICT
    assert old.change(said(laws=("x",)), True) == (LAW, "x")
    assert said(laws=("x",)).change(said(laws=("x",), counts=(2, 1)), True) == (COUNT, "1 states, then 2")
    assert old.change(old, True) == ("", "")


def test_an_exploration_cut_short_tells_only_of_what_it_found():
    broken = said("VIOLATED(I1, I2)", ("I1", "I2"))
    assert broken.change(said("VIOLATED(I1)", ("I1",), counts=(9, 9)), False)[0] == COUNT
    assert said().change(said("UNFINISHED", counts=(9, 9)), False)[0] == COUNT
    assert said().change(broken, False)[0] == VERDICT


def test_a_verdict_ends_the_search_and_another_kill_has_patience(monkeypatch):
    outcomes = iter([None, COUNT, LAW, COUNT, OVERFLOW, LAW, LAW, VERDICT])
    asked = []

    def stand_in(base, r, condition):
        asked.append(base)
        return (how := next(outcomes)) and Outcome("r", condition, how, base)

    monkeypatch.setattr(mutants, "try_on", stand_in)
    assert try_one("abcdefgh", RULES["load"], "x").outcome == LAW and len(asked) == 7
    outcomes = iter([LAW, VERDICT])
    assert try_one("ab", RULES["load"], "x") == Outcome("load", "x", VERDICT, "b") or asked[-1] == "b"


def test_the_case_of_a_row_is_tried_first_and_is_enough_if_it_kills(monkeypatch):
    tried, kills = [], {"ptrace+peek"}

    def stand_in(base, r, condition):
        tried.append(base.name)
        return Outcome(r.name, condition, LAW, base.name) if base.name in kills else None

    monkeypatch.setattr(mutants, "worlds", cache(lambda: {n: worlds()[n] for n in ("ptrace+locked", "ptrace+peek")}))
    monkeypatch.setattr(mutants, "baselines", cache(lambda most: [baseline("ptrace+locked")]))
    monkeypatch.setattr(mutants, "try_on", stand_in)
    known = tuple(Outcome("peek_begins", text, COUNT, "ptrace+peek") for text in met("ptrace+peek", "peek_begins"))
    assert {o.case for o in try_rule("peek_begins", 1, known)} == kills and set(tried) == kills
    kills.clear()
    assert [o.outcome for o in try_rule("peek_begins", 1, known)] == [SURVIVED] * len(known)
    assert tried[-2:] == ["ptrace+peek", "ptrace+locked"]


def test_a_case_of_too_many_states_is_left_out():
    states = len(baseline("ptrace+peek").states)
    assert baseline_within("ptrace+peek", states + 1) and baseline_within("ptrace+peek", states // 2) is None


def test_what_folds_reads_no_state_and_decides():
    assert folds(met("aio+late", "dio_read_dma")["c in op.cells"])
    assert not folds(met("aio+tear", "dio_read_dma")["at(s, op, 'dma')"])
    assert not folds(met("uprobes+ref_ctr", "ref_ctr_begins")["alone(s, op)"]), "it holds in every binding"


# ---- reasons and the command -----------------------------------------------------------------------------------------
def test_reasons_stay_with_their_row():
    before = [Outcome("r", "a", COUNT, "old", "", "why"), Outcome("r", "b", COUNT, "", "", "why not")]
    found = [Outcome("r", "a", COUNT, "new"), Outcome("r", "b", LAW), Outcome("r", "c", SURVIVED)]
    assert [o.reason for o in explained(found, before)] == ["why", "", ""]
    assert explained([Outcome("r", "a", SURVIVED)], before)[0].reason == "", "it was of more steps"


def test_the_record_is_as_it_would_be_written():
    assert record(recorded()) == (data_dir() / "mutants.csv").read_text()


def test_the_command_tries_named_rules_writes_nothing_and_tells_the_figure(capsys, monkeypatch):
    monkeypatch.setattr(mutants, "worlds", cache(lambda: {n: worlds()[n] for n in ("ptrace+locked", "ptrace+peek")}))
    monkeypatch.setattr(mutants, "each", lambda function, work, jobs: map(function, work))
    before = (data_dir() / "mutants.csv").read_bytes()
    assert main(["access_rechecks"]) in (0, 1)
    assert "mutants killed (" in capsys.readouterr().out
    assert (data_dir() / "mutants.csv").read_bytes() == before


def test_an_unknown_rule_names_the_nearest(capsys):
    assert main(["flush_add"]) == 2
    assert "did you mean flush_adds" in capsys.readouterr().err
