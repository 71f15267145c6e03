"""An explorer with a choice of cases, in a page opened from disk with the network blocked."""

import pytest

from tux3nb.answers.judge import check
from tux3nb.catalogue import find
from tux3nb.model.features import named_policy
from tux3nb.show.explorer import CaseChoice, page_assets
from tux3nb.show.explorer.choice import start_of

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]
CASES = ("reclaim+orphan", "truncate+read_fault", "stable_device")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    choice = CaseChoice("cases-life", [start_of(find(name)) for name in CASES])
    path = tmp_path_factory.mktemp("choice") / "choice.html"
    path.write_text(f"<!doctype html><meta charset=utf-8>{choice.static_html()}{page_assets()}")
    return path.as_uri()


@pytest.fixture
def explorer(page, exported):
    page.goto(exported)
    page.locator("tux-explorer .count").wait_for()
    return page


def test_each_case_starts_broken(explorer):
    """Each case shows the engine's verdict of its start, at the end of the run that breaks it; no request is made."""
    assert explorer.locator("select option").count() == len(CASES)
    for name in CASES:
        explorer.locator("select").select_option(name)
        start = start_of(find(name))
        explorer.locator("h3", has_text=start.case.title).wait_for()
        assert check(start.case, named_policy(start.policy)).verdict in explorer.locator(".verdict").inner_text()
        assert f"breaks {start.property}: {start.depth} steps" in explorer.locator(".caption").inner_text()
    assert [url for url in explorer.asked if not url.startswith("file:")] == []


def test_a_repair_is_among_the_named_policies(explorer):
    """A policy that holds can be pressed, and the page then says HOLDS."""
    for name in CASES:
        explorer.locator("select").select_option(name)
        explorer.locator("h3", has_text=find(name).title).wait_for()
        explorer.locator(".presets button", has=explorer.locator(".sign.v-HOLDS")).first.click()
        assert explorer.locator(".verdict").inner_text().startswith("✓ HOLDS")


def test_the_choice_is_in_the_address(explorer):
    """The address leads back to the case, the policy and the step; the choice keeps the keyboard's focus."""
    explorer.locator("select").select_option("truncate+read_fault")
    explorer.locator("h3", has_text="read fault sleeps").wait_for()
    assert explorer.evaluate("document.activeElement.shadowRoot.activeElement.tagName") == "SELECT"
    explorer.locator(".race tbody tr").nth(4).click()
    address = explorer.url
    explorer.goto("about:blank")
    explorer.goto(address)
    explorer.locator("h3", has_text="read fault sleeps").wait_for()
    assert explorer.locator(".count").inner_text().startswith("step 5 of") and explorer.url == address


def test_without_scripts(chromium, exported):
    """With scripts off every case is told: how it is broken and what holds."""
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(exported)
    told = page.locator("tux-explorer table").first.inner_text()
    for start in map(start_of, map(find, CASES)):
        assert start.case.title in told and start.broken() in told and all(name in told for name in start.holds)
    context.close()
