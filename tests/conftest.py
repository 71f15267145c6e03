"""For all tests."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def nothing_compiled_on_the_side():
    """Tests search the same systems time and again; that alone is no reason to compile them meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tux3nb.explore.PAYS", float("inf"))
        yield
