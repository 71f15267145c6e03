"""Random systems: both searches, both kinds of family and the plain reference say the same; thousands when slow."""

import pytest
from hypothesis import event, given, settings

from tux3nb.engine.explore import explore
from tux3nb.errors import ModelError

from ..sampling import PATIENT, thousands
from .compare import reference, runs_are_real, same_answers, same_as_reference
from .random_systems import families, policies_of, systems

ENGINES = ("python", "numpy")
QUICK = settings(PATIENT, max_examples=40)


@QUICK
@given(systems())
def test_all_searches_say_the_same(system):
    """States, edges, depths, first violations, progress, marks, limits, fired steps, and the runs that are shown."""
    for family in families(system):
        plain, layers = (explore(system, family, engine=engine) for engine in ENGINES)
        same_answers(plain, layers)
        for policy in policies_of(system.features):
            same_as_reference(plain, policy)
            runs_are_real(layers, policy)
    event(f"{len(bin(plain.shared_states)) - 2} bits of states")


@QUICK
@given(systems(tame=False))
def test_all_searches_go_astray_alike(system):
    """A read or a write that does not fit is an error of every search, or of none."""
    ends = [_astray(lambda p=p: reference(system, p), AssertionError, KeyError) for p in policies_of(system.features)]
    for family in families(system):
        for engine in ENGINES:
            assert _astray(lambda f=family, e=engine: explore(system, f, engine=e), ModelError) == any(ends)
    event("astray" if any(ends) else "fits")


def _astray(search, *errors) -> bool:
    try:
        search()
    except errors:
        return True
    return False


test_thousands_of_systems = thousands(test_all_searches_say_the_same, 1_000, systems())
test_thousands_that_may_go_astray = thousands(test_all_searches_go_astray_alike, 2_000, systems(tame=False))


@pytest.mark.parametrize("tame", [True, False])
def test_the_random_systems_have_everything(tame):
    """They violate and hold, are limited, get stuck and go astray; some have more than a handful of states."""
    seen = set()

    @settings(PATIENT, max_examples=150, database=None, derandomize=True)
    @given(systems(tame))
    def look(system):
        try:
            run = explore(system, families(system)[0])
        except ModelError:
            seen.add("astray")
            return
        seen.update({f"{p.id} fails" for p in system.properties if run.violated(p.id)})
        seen.update({f"{p.id} fails for some" for p in system.properties if 0 < run.violated(p.id).count() < 5})
        seen.update(name.rstrip("0123456789") for name in (*run.reached, *run.limits))
        if any(run.graph.stuck()):
            seen.add("stuck")
        if run.shared_states > 30:
            seen.add("large")

    look()
    assert seen >= {"clause fails", "checked fails", "checked fails for some", "mark", "limit", "stuck"}
    assert ("large" if tame else "astray") in seen and not (tame and "astray" in seen)
