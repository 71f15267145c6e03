"""An exploration that forgets its states gives the counts, depths and violations of one that keeps them."""

import pytest

from tests.compiled.test_compiled import ONE, grows, own_cache, system, wanders, wanders_on
from tests.sampling import sampled_family
from tux3nb.backend import compiled
from tux3nb.backend.compiled import explore_compiled
from tux3nb.backend.ranks import Ranks
from tux3nb.cases import catalogue, find
from tux3nb.errors import ModelError
from tux3nb.exploration import FORGOTTEN, Limits
from tux3nb.explore import explore, judge_progress, replay, shortest_run
from tux3nb.expr import where
from tux3nb.freerun import free
from tux3nb.path import to_show
from tux3nb.rule import rule

__all__ = ["own_cache"]  # a fixture


def same_but_for_the_graph(kept, forgot):
    assert (forgot.stopped, forgot.shared_states) == (kept.stopped, kept.shared_states)
    assert (forgot.depths, forgot.fired, forgot.reached) == (kept.depths, kept.fired, kept.reached)
    assert forgot.limits == kept.limits
    for i in range(len(kept.family)):
        assert (forgot.states(i), forgot.edge_count(i)) == (kept.states(i), kept.edge_count(i))
        for p in kept.system.properties:
            a, b = kept.first(i, p.id), forgot.first(i, p.id)
            assert (a and a.depth) == (b and b.depth), (p.id, kept.family.policies[i])


def compare(case, family, threads=None):
    kept = explore_compiled(case.system, family, threads=threads)
    forgot = explore_compiled(case.system, family, threads=threads, forget=True)
    same_but_for_the_graph(kept, forgot)
    return kept, forgot


@pytest.mark.parametrize("threads", (1, 2))
def test_rdma(threads):
    case = find("rdma")
    compare(case, sampled_family(case, 40), threads)


@pytest.mark.slow
@pytest.mark.parametrize("name", catalogue())
def test_every_case(name):
    case = find(name)
    compare(case, sampled_family(case, 64))
    compare(case, case.one(case.policy))


@pytest.mark.slow
def test_a_free_running_world():
    case = free("rdma", deltas=1)
    compare(case, sampled_family(case, 12))


def test_shortest_runs_are_found_again():
    case = find("ptrace")
    kept, forgot = compare(case, sampled_family(case, 12))
    assert forgot.violations
    for found in forgot.violations:
        policy = (found.policies & -found.policies).bit_length() - 1
        path = shortest_run(forgot, policy, found.state, found.step)
        assert len(path) == found.depth == kept.first(policy, found.property).depth
        steps, states = [i for i, _ in path], [case.system.start, *(s for _, s in path)]
        assert replay(case.system, kept.printed, policy, steps) == states
        a, b = (to_show(run, policy, found.property) for run in (kept, forgot))
        assert vars(a) == vars(b)


def test_what_needs_the_whole_graph_is_unfinished():
    case = find("ptrace")
    run = explore_compiled(case.system, case.one(case.policy), forget=True)
    progress = [p.id for p in case.system.properties if p.needs_graph]
    assert run.unjudged == dict.fromkeys(progress, FORGOTTEN) and progress
    assert judge_progress(run, progress[0]) is False
    assert progress[0] not in run.judged and run.first(0, progress[0]) is None
    for gone in ("arrivals", "edges"):
        with pytest.raises(ModelError, match="forgot"):
            getattr(run, gone)
    with pytest.raises(ModelError, match="forgot"):
        run.graph.stuck()


def test_states_are_freed_level_by_level():
    made = system(wanders, wanders_on, n=((), 255), m=((), 255))
    kept, forgot = (explore_compiled(made, ONE, forget=forget) for forget in (False, True))
    assert kept.shared_states == forgot.shared_states == 251 * 251
    assert forgot.printed.handle.peak() < kept.printed.handle.peak() / 4


def test_a_counter_has_a_rank_for_each_value():
    made = system(wanders, wanders_on, n=((), 255), m=((), 255))
    ranks = Ranks(made)
    assert ranks.levels == 501 and len(ranks.parts) == 2


def test_no_step_of_any_case_leads_to_a_lower_level():
    for name in ("aio+late", "ptrace"):
        case = find(name)
        ranks, run = Ranks(case.system), explore(case.system, case.one(case.policy), engine="scalar")
        level = {state: _level(ranks, case.system.layout, state) for state in run.arrivals}
        assert all(level[a] <= level[b] for a, _, b, _ in run.edges)
        assert len(set(level.values())) > 10


def _level(ranks, layout, state):
    total = 0
    for part in ranks.parts:
        place = at = 0
        for f, i in part.cells:
            place |= layout.value(state, f, i) << at
            at += f.width
        total += part.ranks[place]
    return total


@rule(kernel="none")
def turns(s, policy):
    s.require(s.n < 4)
    s.n = where(s.n == 0, 1, 0)


def test_where_nothing_grows_nothing_is_forgotten():
    with pytest.raises(ModelError, match="cannot be forgotten"):
        explore_compiled(system(turns, n=((), 1)), ONE, forget=True)


def test_wrong_ranks_are_found_out(monkeypatch):
    class Wrong(Ranks):
        def __init__(self, made):
            super().__init__(made)
            for part in self.parts:
                part.ranks = [part.top - rank if rank < 3 else part.top for rank in part.ranks]

    monkeypatch.setattr(compiled, "Ranks", Wrong)
    made = system(wanders, n=((), 255))
    with pytest.raises(ModelError, match="ranks are wrong"):
        explore_compiled(made, ONE, forget=True)


def test_errors_and_limits_are_those_of_every_run():
    with pytest.raises(ModelError, match=r"grows.* writes n outside"):
        explore_compiled(system(grows, n=((), 3)), ONE, forget=True)
    made = system(wanders, wanders_on, n=((), 255), m=((), 255))
    assert explore_compiled(made, ONE, Limits(states=100), forget=True).stopped == "states 100"
