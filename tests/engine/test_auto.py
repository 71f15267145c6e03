"""Which engine answers: never seen in the answer, nor in the run that is shown."""

import pytest

from tests.sampling import by_policy
from tux3nb import explore as explore_module
from tux3nb.backend import c_library
from tux3nb.case import named
from tux3nb.cases import find
from tux3nb.exploration import Limits
from tux3nb.explore import explore, judge_progress
from tux3nb.model.features import FEATURES
from tux3nb.policy import Family
from tux3nb.verdicts import Judged

from .compare import same_answers
from .worlds import all_locks, alone, increments, locks

POLICIES = ("tux3", "stable_pages", "reverse_fork", "rik_wait")
SHOWN = ("rdma+deregister_clean", "ordinary+controls", "migration+orphan", "aio+writeout", "uprobes+read_fault")


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def no_compiler(monkeypatch):
    monkeypatch.setenv("TUX3NB_CC", "")


@pytest.fixture
def a_compiler():
    if c_library.compiler() is None:
        pytest.skip("no C compiler")


def kind(run):
    return type(run.graph).__name__


def told(case, family, engine):
    """Everything that is told about every policy: verdicts, depths, reasons, and the runs with all their states."""
    merged, representative = family.merged(case.system.guards)
    run = explore(case.system, merged, engine=engine)
    for p in case.properties:
        if p.needs_graph:
            judge_progress(run, p.id)
    judged = Judged(case, run, representative)
    answers = [judged.answer(i, family) for i in range(len(family))]
    shown = [[(r.property, r.depth, r.reason, str(r), r.run and r.run.states) for r in a.rows] for a in answers]
    return shown, [judged.showcase(i, ("forked", "snapshot_made")).states for i in set(representative)]


@pytest.mark.parametrize("name", SHOWN)
def test_the_run_shown_does_not_depend_on_the_engine(name):
    """Frontiers tell what plain Python tells, to the last state of each run."""
    case, family = find(name), Family.listed(FEATURES, [named(n) for n in POLICIES])

    assert told(case, family, "frontier") == told(case, family, "scalar")


@pytest.mark.parametrize("name", [SHOWN[0], *(pytest.param(n, marks=pytest.mark.slow) for n in SHOWN[1:])])
def test_the_run_shown_does_not_depend_on_a_compiler(name, a_compiler):
    """Nor does it change where a C compiler is found."""
    case, family = find(name), Family.listed(FEATURES, [named(n) for n in POLICIES])

    assert told(case, family, "compiled") == told(case, family, "scalar")


@pytest.mark.parametrize("name", SHOWN[:3])
def test_the_run_shown_does_not_depend_on_the_family(name):
    """A policy is shown the state and the depth that it is shown when it is explored alone."""
    case, family = find(name), Family.listed(FEATURES, [named(n) for n in POLICIES])
    together, _ = told(case, family, "scalar")

    for n, policy in enumerate(POLICIES):
        (alone,), _ = told(case, case.one(named(policy)), "scalar")
        assert ends(together[n]) == ends(alone)


def ends(rows):
    """Without the way to the last state: of a family, policies share a run where one serves them all."""
    return [(prop, depth, reason, run and run[-1]) for prop, depth, reason, _, run in rows]


def test_without_a_compiler_compiled_is_auto(no_compiler):
    """No compiler is slower, never an error."""
    run = explore(increments(2, 2), alone(increments(2, 2)), engine="compiled")

    assert kind(run) == "StoredGraph" and run.stopped is None


def test_a_small_world_never_asks_for_a_compiler(monkeypatch):
    """A search that has not grown does not even look for one."""
    monkeypatch.setattr(explore_module, "_by_compiled", None)
    monkeypatch.setattr(c_library, "compiler", None)

    assert kind(explore(locks(), all_locks())) == "StoredGraph"


def test_compiled_code_at_hand_is_used(a_compiler):
    """After a compiled search of a system auto is compiled, too, with the same answers."""
    system, family = locks(), all_locks()
    explore(system, family, engine="compiled")

    run = explore(system, family)

    assert kind(run) == "CompiledGraph"
    plain = explore(system, family, engine="scalar")
    assert [by_policy(run, i) for i in range(len(family))] == [by_policy(plain, i) for i in range(len(family))]


@pytest.mark.parametrize("grown", [100, 10_000])
def test_a_large_search_is_overtaken_by_its_compiled_code(a_compiler, grown, monkeypatch):
    """Where the code is ready before the search ends, the compiled run answers, within the time that is left."""
    monkeypatch.setattr(explore_module, "GROWN", grown)
    monkeypatch.setattr(explore_module, "LARGE", 200)
    once = increments(3, 2)
    explore(once, alone(once), engine="compiled")  # so the library is in the cache
    system = increments(3, 2)

    run = explore(system, alone(system), Limits(seconds=60))

    assert kind(run) == "CompiledGraph" and run.stopped is None
    assert run.shared_states == explore(system, alone(system), engine="scalar").shared_states > 200


def test_many_searches_of_one_system_have_it_compiled(a_compiler, monkeypatch):
    """Toggling one case for as long as compiling takes makes the next toggles fast."""
    monkeypatch.setattr(explore_module, "PAYS", 0)
    once = locks()
    explore(once, all_locks(), engine="compiled")
    system = locks()

    assert kind(explore(system, all_locks())) == "CompiledGraph"


def test_without_a_compiler_a_grown_search_goes_on_by_frontiers(no_compiler, monkeypatch):
    """And says the same."""
    monkeypatch.setattr(explore_module, "GROWN", 40)
    system, family = locks(), all_locks()

    run = explore(system, family)

    assert kind(run) == "LayerGraph"
    same_answers(run, explore(system, family, engine="scalar"))
