"""Mutants of the rules: the record is of the rules as they are, and a sample of it is found again."""

import csv
import json
import random
from functools import cache

import pytest

from tools.mutants import (
    COLUMNS,
    COUNT,
    DEADLOCK,
    FOLDS,
    KILLED,
    LAW,
    OUTCOMES,
    OVERFLOW,
    SURVIVED,
    VERDICT,
    Baseline,
    Outcome,
    conditions,
    mutate,
    record,
    try_all,
    with_rules,
    worlds,
)
from tools.mutants_command import main
from tools.survivors import FOLDING, MORE_STEPS, NEVER_DECIDES
from tux3nb.answers.judge import judge
from tux3nb.errors import ModelError
from tux3nb.model.rules import all_rules
from tux3nb.paths import data_dir

CASES = {case.name: case for case in worlds()}
RULES = {r.name: r for r in all_rules()}
SMALL = ("ordinary+own_reference", "ordinary+controls", "ptrace+locked", "ptrace+peek", "rdma+deregister_clean")
SAMPLE = 20


@cache
def found() -> dict:
    return conditions(CASES.values())


@cache
def rows() -> list[dict]:
    with open(data_dir() / "mutants.csv", newline="") as f:
        return list(csv.DictReader(f))


@cache
def baseline(name) -> Baseline:
    return Baseline(CASES[name])


def condition(rule, text):
    return next(c for c in found()[rule] if c.text == text)


def try_on(name, rule, text):
    return baseline(name).try_on(RULES[rule], condition(rule, text))


# ---- the record --------------------------------------------------------------------------------------------------
def test_every_condition_of_every_rule_has_its_row():
    now = sorted((c.rule, c.text) for some in found().values() for c in some)
    assert now == sorted((r["rule"], r["condition"]) for r in rows()), (
        "run `tux3nb mutants` and review data/mutants.csv"
    )


def test_every_rule_that_some_case_uses_has_conditions():
    used = {s.rule.name for c in CASES.values() for s in c.system.steps}
    assert used <= set(found())


def test_rows_are_what_they_say():
    for r in rows():
        assert tuple(r) == COLUMNS and r["outcome"] in OUTCOMES and int(r["line"]) > 0
        assert (r["case"] in CASES) == (r["outcome"] not in (SURVIVED, FOLDS)), r


def test_what_is_not_killed_is_explained():
    left = [f"{r['rule']}: {r['condition']}" for r in rows() if r["outcome"] not in KILLED and not Outcome.of(r).reason]
    assert left == []


def test_every_written_reason_is_of_something_that_is_not_killed():
    reasons = {Outcome.of(r).reason for r in rows()}
    assert not {*NEVER_DECIDES, *MORE_STEPS, *FOLDING} - reasons


def test_what_only_folds_reads_no_state():
    """Such a condition is about policies, or settled when the rule is bound: dropping it adds no behaviour."""
    texts = [r["condition"] for r in rows() if r["outcome"] == FOLDS]
    assert texts and all(
        "policy." in t or "to_move(" in t or t.endswith(("op.cells", "op.write", ".sibling")) for t in texts
    )
    assert not any(field in t for t in texts for field in ("s.pc", "s.line", "s.pte", "s.dirty", "s.hold"))


def test_a_seeded_sample_is_found_again():
    small = [r for r in rows() if r["case"] and len(CASES[r["case"]].world.ops) <= 4]
    for r in random.Random(2015).sample(small, SAMPLE):
        told = try_on(r["case"], r["rule"], r["condition"])
        assert told is not None and told.outcome == r["outcome"], (r, told)


# ---- how a mutant is made -----------------------------------------------------------------------------------------
def test_conditions_are_named_by_their_source():
    assert [c.text for c in found()["flush_adds"]][:2] == ["may_take_a_folio(s)", "belongs(s, f)"]
    texts = [c.text for c in found()["fork_begins"]]
    assert "at(s, op, 'decide')" in texts and "needs_fork(s, f, op)" in texts
    assert all(c.line > 1 for some in found().values() for c in some)


def test_a_dropped_condition_is_gone_from_every_binding():
    case = CASES["ordinary+own_reference"]
    twin = mutate(case, RULES["flush_adds"], condition("flush_adds", "belongs(s, f)"))
    for old, new in zip(steps(case, "flush_adds"), steps(twin, "flush_adds"), strict=True):
        gone = {str(g) for g in old.guard} - {str(g) for g in new.guard}
        assert len(gone) == 1 and "dirty" in gone.pop()
    assert steps(case, "commits") == steps(twin, "commits")


def steps(case, rule):
    return [s for s in case.system.steps if s.rule.name == rule]


def test_a_condition_that_always_holds_in_a_case_is_no_mutant_of_it():
    case = CASES["ordinary+own_reference"]
    assert mutate(case, RULES["mr_finds_dirty"], condition("mr_finds_dirty", "op.write")) is None


def test_rules_can_be_left_out():
    case = CASES["ordinary+own_reference"]
    assert not steps(with_rules(case, {"poll_frees": []}), "poll_frees")


# ---- what becomes of it ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "case,rule,text,outcome",
    [
        ("ordinary+own_reference", "flush_adds", "belongs(s, f)", VERDICT),
        ("ptrace+peek", "peek_begins", "may_start(s, op)", DEADLOCK),
        ("ordinary+own_reference", "locks_folio", "at(s, op, 'lock')", LAW),
        ("ptrace+locked", "access_starts_over", "s.slot[op.page] != f", LAW),
        ("ptrace+locked", "access_starts_over", "at(s, op, 'relock')", OVERFLOW),
        ("stable_device", "write_completes", "s.fetched == cells_in(s, f)", COUNT),
        ("ptrace+peek", "store_faults", "s.pte[op.via] != NONE", None),
    ],
)
def test_outcomes(case, rule, text, outcome):
    told = try_on(case, rule, text)
    assert (told and told.outcome) == outcome


@pytest.mark.slow
def test_what_new_steps_add_is_what_a_whole_exploration_finds():
    """A mutant's verdicts by the search of what it adds, and by exploring the mutant from the start."""
    rng, compared = random.Random(7), 0
    for name in SMALL:
        base = baseline(name)
        here = [c for s in sorted({s.rule.name for s in CASES[name].system.steps}) for c in found()[s]]
        for c in rng.sample(here, 8):
            twin = mutate(base.case, RULES[c.rule], c)
            told = base.try_on(RULES[c.rule], c)
            if twin is not None and (told is None or told.outcome != OVERFLOW):
                compared += agrees(base, twin, told)
    assert compared > 10


def agrees(base, twin, told) -> bool:
    try:
        judged = judge(twin, base.family)
    except ModelError:  # the search may find a broken property sooner than the value that goes astray
        assert told is not None and told.outcome in KILLED
        return False
    before = judge(base.case, base.family)
    exact = [k for k, v in enumerate(base.case.expect.values()) if v != "VIOLATED"]
    old, new = ([j.of(j.representative[k]).told for k in exact] for j in (before, judged))
    assert (old != new) == (told is not None and told.outcome in (VERDICT, DEADLOCK)), (told, old, new)
    if told is None:
        assert counts(before, exact) == counts(judged, exact)
    return True


def counts(judged, policies):
    found = [judged.representative[k] for k in policies]
    return [(judged.run.states(i), judged.run.edge_count(i)) for i in found]


# ---- the command ---------------------------------------------------------------------------------------------------
def test_the_record_reads_back():
    text = record([Outcome.of(r) for r in rows()])
    assert list(csv.DictReader(text.splitlines())) == rows()


def test_try_all_takes_named_rules_only():
    told = try_all([CASES["ptrace+locked"]], ["access_rechecks"])
    assert {o.condition.rule for o in told} == {"access_rechecks"}
    assert VERDICT in {o.outcome for o in told}


def test_the_command_prints_json_and_writes_nothing_for_named_rules(capsys, monkeypatch):
    monkeypatch.setattr("tools.mutants_command.worlds", lambda: [CASES[n] for n in SMALL])
    before = (data_dir() / "mutants.csv").read_bytes()
    assert main(["access_rechecks", "--json"]) in (0, 1)
    told = json.loads(capsys.readouterr().out)
    assert sum(told["outcomes"].values()) == len(told["mutants"]) > 2
    assert (data_dir() / "mutants.csv").read_bytes() == before


def test_an_unknown_rule_names_the_nearest(capsys):
    assert main(["flush_add"]) == 2
    assert "did you mean flush_adds" in capsys.readouterr().err
