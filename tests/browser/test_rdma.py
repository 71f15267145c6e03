"""The real RDMA explorer in a page opened from disk: toggles lead from VIOLATED to a plain HOLDS."""

import pytest

from tux3nb.answers.judge import check
from tux3nb.catalogue import find
from tux3nb.show.explorer import page_assets, static_html
from tux3nb.show.explorer.answers import CaseSource

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]
TOGGLES = {"fork": "unless_pinned_sync", "refuse": "reverse", "busy": "wait", "bounce": "pinned", "redirty": "yes"}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    document = CaseSource(find("rdma")).document()
    path = tmp_path_factory.mktemp("rdma") / "rdma.html"
    path.write_text(f"<!doctype html><meta charset=utf-8>{static_html(document)}{page_assets()}")
    return path.as_uri()


def test_toggles_lead_from_violated_to_holds(page, exported):
    """Each toggle's verdict on the page is the engine's."""
    page.goto(exported)
    page.locator("tux-explorer .count").wait_for()
    assert "VIOLATED" in page.locator(".verdict").inner_text()
    policy = find("rdma").policy
    for feature, value in TOGGLES.items():
        policy[feature] = value
        page.locator(f'input[type=radio][name$="-{feature}"][value="{value}"]').check(force=True)
        page.wait_for_timeout(50)
        shown = page.locator(".verdict").inner_text()
        assert check(find("rdma"), policy).verdict in shown
    assert "HOLDS" in shown and "refused" not in shown
    assert [url for url in page.asked if not url.startswith("file:")] == []
