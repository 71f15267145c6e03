"""The explorer in a real JupyterLab, where the kernel answers."""

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.sign import NotebookNotary

from tests.browser.servers import new_notebook, open_notebook, run_all

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]


def _outside(page, address):
    """The addresses asked that are not the server's."""
    local = (address, "data:", "blob:", address.replace("http", "ws"))
    return [url for url in page.asked if not url.startswith(local)]


def test_widget_in_lab(page, lab_server):
    """The kernel answers: another policy, one's own step, two policies; Python sees the view; nothing is fetched."""
    source = "from tux3nb.notebook import explorer\nx = explorer('mmap+pin_outlives')\nx"
    address, folder = lab_server
    open_notebook(page, address, folder, source, "print('python sees', x.policy['fork'], x.property, x.step)")
    section = page.locator(".tux-live section.tx")
    run_all(page, section.locator(".verdict b"))
    assert "I2 is broken" in section.locator(".verdict").inner_text() and section.locator(".unlike").count() == 1

    section.locator("[data-key=chip-stable_pages]").click()
    section.locator(".verdict", has_text="HOLDS").wait_for(timeout=30_000)
    section.locator("[data-key=pair]").click()
    assert section.locator(".bytes").count() == 2
    section.locator("[data-key=pair]").click()

    section.locator("[data-key=link]").click()
    told = section.locator("header").evaluate(
        "all => [...all.querySelectorAll('.trouble, textarea')].map(e => e.value ?? e.innerText).join(' ')"
    )
    assert 'explorer("mmap+pin_outlives", "stable_pages", property="I2")' in told
    cells = page.locator(".jp-Notebook .jp-Cell").count()
    section.locator(".list").focus()
    for key in ("Home", "j", "j", "ArrowRight", "k"):
        page.keyboard.press(key)
    section.locator(".count", has_text="step 2 of").wait_for(timeout=5_000)
    assert page.locator(".jp-Notebook .jp-Cell").count() == cells  # the keys were not JupyterLab's

    page.locator(".jp-Notebook .jp-Cell").nth(1).locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    page.locator(".jp-OutputArea-output", has_text="python sees never I2 2").wait_for(timeout=20_000)

    section.locator("[data-key=first]").click()
    section.locator("[data-key=finish]").click()
    section.locator(".why", has_text="of your own").wait_for(timeout=30_000)
    section.locator("[data-key=undo]").click()
    section.locator(".count", has_text="step 0 of").wait_for(timeout=5_000)
    section.locator(".end button").last.click()
    section.locator(".count", has_text="step 1 of").wait_for(timeout=30_000)
    assert page.locator(".Toastify__toast").count() == 0 and _outside(page, address) == []


def test_python_moves_the_view_and_a_lost_kernel_is_told(page, lab_server):
    """A policy set from Python is shown, one that names nothing is said; a restarted kernel is told in the head."""
    source = "from tux3nb.notebook import explorer\nx = explorer('mmap+pin_outlives')\nx"
    open_notebook(page, *lab_server, source, "x.policy = {**x.policy, 'fork': 'never'}", "x.property = 'I22'")
    section = page.locator(".tux-live section.tx")
    run_all(page, section.locator(".verdict b"))
    section.locator(".told", has_text="stable_pages").wait_for(timeout=30_000)
    section.locator(".trouble", has_text="I22").wait_for(timeout=20_000)
    page.evaluate("""async () => {
      const all = await (await fetch('/api/kernels')).json();
      await Promise.all(all.map(({ id }) => fetch(`/api/kernels/${id}/restart`, { method: 'POST',
        headers: { 'X-XSRFToken': document.cookie.split('_xsrf=')[1]?.split(';')[0] ?? '' } })));
    }""")
    page.wait_for_timeout(3_000)
    section.locator("[data-key=chip-tux3]").click()
    section.locator(".trouble", has_text="run this cell again").wait_for(timeout=20_000)
    assert section.locator(".list [role=option]").count() > 0


def test_choice_of_cases_in_lab(page, lab_server):
    """The kernel explores another case when it is chosen; its named policies are links; the choice keeps the focus."""
    source = "from tux3nb.notebook import explorer_of\nexplorer_of('truncate+read_fault', 'stable_device')"
    open_notebook(page, *lab_server, source)
    section = page.locator(".tux-live section.tx")
    run_all(page, section.locator(".verdict b"))
    assert "VIOLATED" in section.locator(".verdict").inner_text()
    section.locator("select").select_option("stable_device")
    page.locator(".tux-live section.tx[aria-label*='write(2) on a device']").wait_for(timeout=60_000)
    section.locator("[data-tab=matrix]").click()
    section.locator(".matrix a", has_text="tux3").first.click()
    section.locator(".verdict", has_text="HOLDS").wait_for(timeout=30_000)


def test_a_saved_notebook_without_its_kernel(page, lab_server):
    """Opened again, trusted or not, a saved notebook shows the run that was on the screen, and no error of a widget."""
    address, folder = lab_server
    nb = new_notebook("from tux3nb.notebook import explorer\nexplorer('mmap+pin_outlives')")
    NotebookClient(nb, timeout=300, store_widget_state=False).execute()
    for name, shown in (("foreign", ".tux-still"), ("own", "tux-explorer section.tx .verdict")):
        nbformat.write(nb, folder / f"{name}.ipynb")
        page.goto(f"{address}/lab/tree/{name}.ipynb")
        view = page.locator(f".jp-NotebookPanel:visible {shown}").first
        view.wait_for(timeout=90_000)
        assert "I2 is broken" in view.inner_text(), name
        page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']:visible").wait_for(timeout=90_000)
        assert page.get_by_text("Error displaying widget").locator("visible=true").count() == 0, name
        NotebookNotary().sign(nb)
