"""The catalogue: every case answers as was written down, is sourced, and is a case of its own."""

import itertools

import pytest

from tux3nb.answers.judge import UNREACHED
from tux3nb.answers.matrix import matrix
from tux3nb.catalogue import catalogue
from tux3nb.model.features import FEATURES, NAMED, named_policy
from tux3nb.model.rules import kinds

CASES_BY_NAME = catalogue()
CASES = list(CASES_BY_NAME.values())
MOST_STATES = {"aio": 25_000, "ordinary+forked_twice": 60_000}  # the latter: two forks in a row, three deltas


@pytest.fixture(scope="module", params=CASES, ids=lambda c: c.name)
def cells(request):
    """All cells of one case that have a verdict written by hand, from one exploration."""
    case = request.param
    return case, matrix([case], list(case.expect))


def test_every_written_verdict_is_what_the_model_says(cells):
    case, found = cells
    wrong = {c.policy: (c.answer.verdict, c.expected) for c in found if not c.as_expected}
    assert not wrong, f"{case.name}: policy -> (model, written) {wrong}"


def test_what_is_violated_is_written_down(cells):
    """A shipped case names the properties that a policy violates, and each is one that the case judges."""
    case, _ = cells
    judged = {p.id for p in case.properties if not p.advisory}
    for policy, expected in case.expect.items():
        verdict, _, named = expected.partition("(")
        if verdict == "VIOLATED":
            assert set(named.rstrip(")").split(", ")) <= judged and named, (policy, expected)


def test_an_expectation_is_met_by_just_what_it_names():
    (cell,) = matrix([CASES_BY_NAME["rdma+deregister_clean"]], ["tux3"])
    answer = cell.answer
    assert answer.told == "VIOLATED(I5)" and answer.violated == ("I5",)
    assert answer.meets("VIOLATED") and answer.meets("VIOLATED(I5)")
    assert not any(map(answer.meets, ("HOLDS", "VIOLATED(I1)", "VIOLATED(I1, I5)", "UNFINISHED")))


def test_every_case_has_two_named_policies_that_differ(cells):
    case, found = cells
    assert len({c.answer.verdict for c in found}) > 1, case.name


def test_the_world_is_small(cells):
    """A case can be explored while one waits."""
    case, found = cells
    assert max(c.answer.states for c in found) <= MOST_STATES.get(case.name, MOST_STATES.get(case.family, 15_000))


def test_no_property_holds_only_because_nothing_happened(cells):
    """But where something is violated: a stop or an endless wait may keep the rest from happening."""
    case, found = cells
    told = [c for c in found if not c.answer.violated]
    idle = {(c.policy, r.property) for c in told for r in c.answer.rows if r.verdict == UNREACHED}
    assert not idle, f"{case.name}: sometimes partner UNREACHED: {sorted(idle)}"


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_every_case_names_sources_and_asks_a_question(case):
    assert case.sources and "?" in case.asks and case.title and case.family
    assert set(case.expect) <= set(NAMED)


def test_every_operation_is_in_some_case():
    """A word that a column may use has been run under some policy, with a verdict written by hand."""
    used = {op.kind for case in CASES if case.expect for op in case.world.ops}
    assert set(kinds()) - used == set()


def test_there_are_forty_cases_in_eight_families():
    assert len(CASES) >= 40
    assert {"ptrace", "uprobes", "aio", "rdma", "mmap", "migration", "ordinary", "splice"} <= {c.family for c in CASES}


def test_no_two_cases_are_the_same_world():
    """Two cases that differ only in bound or policy would count as one."""
    worlds = {}
    for case in CASES:
        text = "\n".join(line.strip() for line in case.columns.split("\n") if line.strip())
        worlds.setdefault((text, case.mappings, case.judges, case.stable_device), []).append(case.name)
    twice = [names for names in worlds.values() if len(names) > 1]
    assert not twice


def test_named_policies_are_whole_and_distinct():
    seen = {}
    for name in NAMED:
        policy = named_policy(name)
        assert set(policy) == {f.id for f in FEATURES}
        key = tuple(policy.items())
        assert key not in seen, f"{name} is {seen.get(key)} again"
        seen[key] = name


def test_features_have_an_order_with_tux3_at_the_bottom():
    """Dropping mechanisms step by step always ends at a value below which nothing is."""
    bottom = named_policy("tux3")
    for f in FEATURES:
        if f.control:
            continue
        for value in f.values:
            at, steps = value, 0
            while f.below.get(at):
                at, steps = f.below[at][0], steps + 1
                assert steps <= len(f.values), f"{f.id}: the order has a cycle"
        assert not f.below.get(bottom[f.id]) or f.id == "refuse"


@pytest.mark.parametrize(("a", "b"), [("tux3", "stable_pages"), ("tux3", "reverse_fork"), ("reverse_fork", "perfect")])
def test_cases_separate_the_main_policies(a, b):
    """Some case tells each pair of the main designs apart."""
    assert any(c.expect.get(a) and c.expect.get(b) and c.expect[a] != c.expect[b] for c in CASES), (a, b)


def test_expectations_mention_many_pairs():
    """The written verdicts separate most pairs of the policies that they mention."""
    named = sorted({p for c in CASES for p in c.expect})
    pairs = list(itertools.combinations(named, 2))
    both = {(a, b): [c.expect for c in CASES if a in c.expect and b in c.expect] for a, b in pairs}
    apart = sum(any(e[a] != e[b] for e in both[a, b]) for a, b in pairs)
    assert apart > 50
