"""The explorer in a real JupyterLab, where the kernel answers."""

import nbformat
import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser")]


def _run_all(page, shown):
    """Run all cells until something is shown; too early a run makes JupyterLab ask for a kernel."""
    accept = page.locator(".jp-Dialog .jp-mod-accept")
    for _ in range(4):
        page.wait_for_timeout(2_000)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).first.click()
        for _ in range(80):
            if shown.is_visible():
                return
            if accept.is_visible():
                accept.click()
                break
            page.wait_for_timeout(250)
    pytest.fail(page.locator(".jp-NotebookPanel:visible").inner_text())


def _open(page, lab_server, *sources):
    """Open a notebook with these cells and wait until its kernel is ready; gives the server's address."""
    address, folder = lab_server
    nb = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    )
    nb.cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nb, folder / "w.ipynb")
    page.goto(f"{address}/lab/tree/w.ipynb")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=90_000)
    page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']").wait_for(timeout=90_000)
    return address


def test_widget_in_lab(page, lab_server, tmp_path):
    """Run the notebook, toggle, step with the keyboard; Python sees the policy; no popup, no outside request."""
    address = _open(
        page,
        lab_server,
        "from tests.explorer.fixture import document\nfrom tux3nb.show.explorer import Explorer\n"
        "x = Explorer(document())\nx",
        "print('python sees', x.policy['fork'], x.step)",
    )
    verdict = page.locator("section.tx .verdict")
    _run_all(page, verdict)
    page.screenshot(path=tmp_path / "lab.png")
    assert "VIOLATED" in verdict.inner_text()

    page.locator("section.tx").get_by_text("never", exact=True).click()
    page.locator("section.tx .verdict", has_text="HOLDS").wait_for(timeout=20_000)
    cells = page.locator(".jp-Notebook .jp-Cell").count()
    page.locator("section.tx").focus()
    for key in ("Home", "j", "j", "ArrowRight", "k"):
        page.keyboard.press(key)
    page.locator("section.tx .count", has_text="step 2 of 9").wait_for(timeout=5_000)
    assert page.locator(".jp-Notebook .jp-Cell").count() == cells  # the keys were not JupyterLab's

    page.locator(".jp-Notebook .jp-Cell").nth(1).locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    page.locator(".jp-OutputArea-output", has_text="python sees never 2").wait_for(timeout=20_000)
    assert page.locator(".Toastify__toast").count() == 0
    outside = [
        url for url in page.asked if not url.startswith((address, "data:", "blob:", address.replace("http", "ws")))
    ]
    assert outside == []


def test_choice_of_cases_in_lab(page, lab_server):
    """The kernel explores another case when it is chosen, and its matrix when asked for; a row of it is a policy."""
    source = "from tux3nb.notebook import explorer_of\nexplorer_of('truncate+read_fault', 'stable_device')"
    _open(page, lab_server, source)
    section = page.locator("section.tx")
    _run_all(page, section.locator(".verdict"))
    assert "VIOLATED" in section.locator(".verdict").inner_text()
    section.locator("select").select_option("stable_device")
    section.locator("h3", has_text="write(2) on a device").wait_for(timeout=20_000)
    section.get_by_text("The named policies side by side").click()
    tux3 = section.locator(".matrix button", has_text="Tux3 as posted")
    tux3.wait_for(timeout=60_000)
    assert "VIOLATED" in section.locator(".verdict").inner_text()
    tux3.click()
    section.locator(".verdict", has_text="HOLDS").wait_for(timeout=20_000)
    assert section.locator(".matrix tr.chosen td").first.text_content() == "✓ HOLDS"
