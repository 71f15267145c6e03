"""Costs: policies that walk together walk as alone; nothing on the front is beaten; a bad row is named."""

import random

import pytest

from tests.sampling import some_policies
from tux3nb.answers.cost import (
    COSTS,
    OWNERS,
    PAGE,
    WORKLOADS,
    baselines,
    candidates,
    case_of,
    classes,
    costs_of,
    devices,
    front,
    front_of,
    given,
    parameters,
    scaled,
    sensitivity,
    walk_of,
    walked,
)
from tux3nb.answers.least import Answers, everything, mechanisms
from tux3nb.answers.walks import HELD, MARKS, PHASES, RULES, walks
from tux3nb.answers.worlds import recorded_worlds
from tux3nb.errors import UserError
from tux3nb.model.features import named_policy
from tux3nb.model.rules import all_rules
from tux3nb.paths import data_dir

NUMBERS = parameters()
PARTS = [(w, name, part) for w, parts in WORKLOADS.items() for name, part in parts.items()]


@pytest.fixture(scope="module")
def safe():
    return Answers(w for w in recorded_worlds().values() if w.rounds <= 1).safe


# ---- walks ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("workload", "name", "part"), PARTS, ids=[f"{w}+{n}" for w, n, _ in PARTS])
def test_policies_that_walk_together_walk_as_each_does_alone(workload, name, part):
    case = case_of(part.columns, part.mappings)
    for policy in some_policies(case, 3, seed=f"{workload} {name}"):
        phase = random.Random(str(policy)).choice(list(PHASES))
        ((_, alone),) = walks(case, case.one(policy), phase)
        assert walk_of(part.columns, part.mappings, phase, policy) == alone


def test_the_ways_to_walk_are_the_whole_family():
    part = WORKLOADS["database"]["again"]
    found = walked(part.columns, part.mappings, "submitted")
    whole = len(case_of(part.columns, part.mappings).product())
    assert sum(policies.count() for policies, _ in found) == whole and len(found) > 10


def test_there_is_room_for_every_copy_and_safe_policies_come_to_the_end(safe):
    """Or an operation was refused, and those that wait for it never come."""
    for _, _, part in PARTS:
        for phase in PHASES:
            for policies, walk in walked(part.columns, part.mappings, phase):
                assert walk.ends in {"done", "stuck", "assertion", "endless"}
                assert walk.ends == "done" or walk.counts["refused"] or not policies & safe


def test_what_is_counted_happens_somewhere():
    """A rule or an event that was renamed would count nothing, and nobody would see it."""
    rules = {r.name for r in all_rules()}
    assert {r for names in RULES.values() for r in names} <= rules
    counted = set()
    for part in (p for w in ("database", "rdma", "aio", "build") for p in WORKLOADS[w].values()):
        for phase in PHASES:
            for _, walk in walked(part.columns, part.mappings, phase):
                counted |= {name for name, n in walk.counts.items() if n}
    waits = {f"wait_{kind}" for kind in ("io", "commit", "release", "sweep", *HELD.values())}
    assert counted >= {*MARKS.values(), "faults", "flushes", "extra", "waits", *waits} - {"wait_commit"}


def test_tux3_forks_where_stable_pages_waits_and_in_place_does_neither():
    part = WORKLOADS["log"]["again"]
    told = {n: walk_of(part.columns, part.mappings, "submitted", p).counts for n, p in baselines().items()}
    assert [told[n]["forks"] for n in ("tux3", "stable_pages", "in_place")] == [1, 0, 0]
    assert [told[n]["waits"] for n in ("tux3", "stable_pages", "in_place")] == [0, 1, 0]


def those_that_wait(part, phase, kind):
    """Of all policies that walk through a part: those with waits of a kind, and those without."""
    groups = walked(part.columns, part.mappings, phase)
    none = groups[0][0] - groups[0][0]
    sets = {True: none, False: none}
    for policies, walk in groups:
        sets[walk.counts[f"wait_{kind}"] > 0] |= policies
    return sets[True], sets[False]


@pytest.mark.parametrize("phase", PHASES)
def test_a_barrier_holds_back_a_fresh_page_while_another_is_swept(phase):
    """All policies with a barrier, and no others; once the PTEs are swept nobody."""
    wait, go_on = those_that_wait(WORKLOADS["database"]["fresh"], phase, "sweep")
    whole = wait | go_on
    assert wait == (whole.having("protect", "barrier") if phase == "closed" else whole - whole)


@pytest.mark.parametrize(("way", "kind"), [("wait", "quiesce"), ("pause", "pause")])
def test_quiescing_holds_back_what_crosses_the_end_of_a_delta(safe, way, kind):
    for phase in PHASES:
        wait, go_on = those_that_wait(WORKLOADS["aio"]["crossing"], phase, kind)
        assert wait and not wait - wait.having("quiesce", way) and not (go_on & safe).having("quiesce", way)


def test_a_workload_that_fails_costs_nothing_and_says_so():
    told = costs_of(named_policy("tux3"), NUMBERS, ["rdma"])
    assert told["failed"] == 1 and told["copied"] == told["stalled"] == 0
    assert costs_of(named_policy("tux3"), NUMBERS, ["database"])["failed"] == 0


def test_no_phase_of_that_name():
    with pytest.raises(UserError, match="did you mean done"):
        walks(case_of("app | kernel\nload p0:0 | transition", ("app",)), everything(), "dne")


# ---- costs -----------------------------------------------------------------------------------------------------------
def test_a_gibibyte_that_is_registered_is_written_out_in_every_delta_where_pinned_pages_stay_dirty():
    """And with bounce copies each of its pages is copied as often: this is counted, and no constant."""
    policy = named_policy("perfect_index")
    dear, cheap = (costs_of({**policy, "longterm": v}, NUMBERS) for v in ("allowed", "refused"))
    held = NUMBERS.rates["rdma", "held"] * PAGE
    assert dear["extra"] == pytest.approx(held, rel=0.01) and cheap["extra"] == 0
    assert dear["written"] - cheap["written"] == pytest.approx(held, rel=0.01)
    assert dear["bounced"] == pytest.approx(NUMBERS.rates["rdma", "held"], rel=0.01)
    assert cheap["bounced"] <= NUMBERS.rates["aio", "crossing"]
    assert (dear["refused"], cheap["refused"]) == (0, 1)


def test_who_forks_writes_each_page_once_a_delta():
    """And who writes in place writes less, since a page that comes late is written with the delta before."""
    pages = sum(rate for (w, _), rate in NUMBERS.rates.items() if w == "log") * PAGE
    told = {name: costs_of(policy, NUMBERS, ["log"]) for name, policy in baselines().items()}
    assert told["tux3"]["written"] == told["stable_pages"]["written"] == pytest.approx(pages)
    assert told["tux3"]["extra"] == 0 < told["in_place"]["extra"] < told["in_place"]["written"] < pages


def test_the_barrier_lasts_as_long_as_the_ptes_of_a_delta_need():
    """Twice as long for each, and twice as many writes meet it, and each waits twice as long."""
    policy = named_policy("protected")
    once, twice = (costs_of(policy, scaled(NUMBERS, "all.protect", n), ["database"]) for n in (1, 2))
    assert once["waits"] == pytest.approx(NUMBERS.rates["database", "fresh"] * NUMBERS.shares["closed"])
    assert once["stalled"] == pytest.approx(once["waits"] * 1000 * NUMBERS.swept / 2)
    assert twice["stalled"] == pytest.approx(4 * once["stalled"]) and twice["waits"] == pytest.approx(2 * once["waits"])


def test_what_is_turned_away_is_asked_for_once_and_the_work_in_it_goes_too():
    told = [costs_of(named_policy(name), NUMBERS)["turned_away"] for name in ("no_longterm", "perfect_index")]
    work = NUMBERS.rates["rdma", "received"] + NUMBERS.rates["rdma", "stored"]
    assert told == [pytest.approx(262144 / 3600 + work), 0]


def test_mainline_waits_only_where_sums_are_checked():
    told = {name: costs_of(policy, NUMBERS)["stalled"] for name, policy in baselines().items()}
    assert told["mainline_6_5"] == 0 < told["btrfs_csum"] < told["stable_pages"]


def test_workloads_side_by_side_cost_their_sum():
    policy = named_policy("reverse_fork")
    all_of_them = costs_of(policy, NUMBERS)
    each = [costs_of(policy, NUMBERS, [w]) for w in WORKLOADS]
    for cost in set(COSTS) - set(OWNERS):
        assert all_of_them[cost] == pytest.approx(sum(c[cost] for c in each))


def test_a_slower_disk_makes_waits_longer_and_forks_more():
    fast, slow = parameters(20, "fast"), parameters(20, "slow")
    waits, forks = named_policy("stable_pages"), named_policy("tux3")
    assert costs_of(waits, slow, ["database"])["stalled"] > costs_of(waits, fast, ["database"])["stalled"] > 0
    share = [costs_of(forks, n, ["log"])["forks"] / n.rates["log", "again"] for n in (fast, slow)]
    assert 0 < share[0] < share[1] <= 1


def test_what_is_recorded_is_not_called_assumed():
    assert "rdma.held" in NUMBERS.assumed and not [a for a in NUMBERS.assumed if a.startswith(("database", "log"))]
    for numbers in (NUMBERS, *(scaled(NUMBERS, a, f) for a in ("all.queued", "all.protect") for f in (0, 1e6))):
        assert sum(numbers.shares.values()) == pytest.approx(1) and min(numbers.shares.values()) >= 0
    assert devices()["fast"] == devices()["slow"] == (5, 20, 100)


# ---- the front ----------------------------------------------------------------------------------------------------
def beats(a, b):
    return all(a[c] <= b[c] for c in COSTS) and any(a[c] < b[c] for c in COSTS)


def test_a_policy_that_is_beaten_in_every_cost_is_never_on_the_front():
    rng = random.Random(2)
    for _ in range(50):
        rows = {n: {c: rng.randrange(4) for c in COSTS} for n in range(12)}
        best = front(rows)
        assert best == [n for n in rows if not any(beats(rows[m], rows[n]) for m in rows)]
        assert best


def test_the_front_is_that_of_all_safe_policies(safe):
    """Any policy drawn from the safe set costs no less, in no respect, than one on the front."""
    best = [found for _, found in front_of(safe, NUMBERS)]
    assert best
    rng = random.Random(7)
    for _ in range(40):
        k = safe
        for f in sorted(k.product.vary, key=lambda f: rng.random()):
            k = k.having(f.id, rng.choice([v for v in f.values if k.having(f.id, v)]))
        mine = costs_of(k.pick(), NUMBERS)
        assert any(all(b[c] <= mine[c] for c in COSTS) for b in best)
        assert not any(beats(mine, b) for b in best)


def test_policies_of_a_class_cost_the_same_but_for_mechanisms(safe):
    parts = classes(safe)
    assert sum(k.count() for k in parts) == safe.count()
    for k in parts:
        costs = [costs_of(p, NUMBERS) for p in (k.pick(), max(candidates(k), key=lambda p: len(mechanisms(p))))]
        assert [costs[0][c] for c in COSTS if c not in OWNERS] == [costs[1][c] for c in COSTS if c not in OWNERS]


def test_with_fewer_costs_other_policies_are_on_the_front(safe):
    one = front_of(safe, NUMBERS, ["copied"])
    least = min(found["copied"] for _, found in front_of(safe, NUMBERS))
    assert {found["copied"] for _, found in one} == {least}


def test_what_an_assumed_number_decides_is_said(safe):
    """The front after scaling a number is that of a search with the number scaled."""
    told = sensitivity(safe, NUMBERS, ["copied", "refused"], factors=(0, 10))
    assert set(told) == set(NUMBERS.assumed)
    for name, by_factor in told.items():
        for factor in (0, 10):
            then = front_of(safe, scaled(NUMBERS, name, factor), ["copied", "refused"])
            now = front_of(safe, NUMBERS, ["copied", "refused"])
            joins = [p for p, _ in then if p not in [q for q, _ in now]]
            assert len(joins) == by_factor.get(factor, (0, 0))[0], (name, factor)
    assert any(told.values())  # with no registered buffers, nothing is copied for them


# ---- what a user may get wrong ------------------------------------------------------------------------------------
def test_unknown_words_are_errors():
    with pytest.raises(UserError, match="no cost 'stall'; did you mean stalled"):
        front({}, ["stall"])
    with pytest.raises(UserError, match="at least one cost"):
        front({}, [])
    with pytest.raises(UserError, match="no workload 'databse'; did you mean database"):
        costs_of(named_policy("tux3"), NUMBERS, ["databse"])
    with pytest.raises(UserError, match="no device 'fats'; did you mean fast"):
        parameters(20, "fats")
    with pytest.raises(UserError, match="no trace has a delta interval of 7 ms; recorded: 5, 20, 100"):
        parameters(7)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("workload,parameter,value", "workload,value", "line 1: the columns are workload, value, unit, source"),
        ("rdma,held,262144,pages,", "rdma,held,262144,", "line 6: 4 cells, and there are 5 columns"),
        ("rdma,held,262144,pages", "rdma,held,262144,MB", "line 6: the unit of held is pages or trace, not 'MB'"),
        ("rdma,held,262144", "rdma,held,many", "line 6: 'many' is no number"),
        ("rdma,held,262144", "rdma,held,-1", "line 6: -1 is out of range"),
        ("queued,0.05", "queued,5", "line 16: 5 is out of range .a share is between 0 and 1"),
        ("rdma,held,", "rdmx,held,", "line 6: no workload 'rdmx'; did you mean rdma"),
        ("rdma,held,", "rdma,hold,", "line 6: rdma has no parameter 'hold'; did you mean held"),
        ("lasts,0.0001,s", "lasts,0.0001,ms", "line 12: the unit of lasts is s or trace, not 'ms'"),
        ("fresh,census-lmdb", "fresh,census-lmbd", "line 2: no trace 'census-lmbd'; did you mean census-lmdb"),
        ("census-lmdb:2000000", "census-lmdb:3", "line 19: the trace census-lmdb has no run at 3 bytes/s"),
        ("aio,read,1000,pages/s,", "aio,reap,1000,pages/s,", "line 10: aio has no parameter 'reap'"),
        ('"assumed: 1 GiB of registered buffers in files"', "", "line 6: the source is missing"),
    ],
)
def test_a_wrong_row_of_the_workload_file_is_named(tmp_path, old, new, says):
    text = (data_dir() / "workloads.csv").read_text()
    assert old in text
    path = tmp_path / "workloads.csv"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(UserError, match=says):
        given(path)


def test_a_row_that_is_missing_is_named(tmp_path):
    lines = (data_dir() / "workloads.csv").read_text().splitlines()
    path = tmp_path / "workloads.csv"
    path.write_text("\n".join(line for line in lines if not line.startswith("aio")) + "\n")
    with pytest.raises(UserError, match="no row for aio, read"):
        given(path)
