"""One executed notebook -> one HTML file that needs no network and no kernel; its only scripts are the explorer's."""

import copy
import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import nbformat
from latex2mathml.converter import convert as mathml
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from tux3nb.show.explorer.page import page_assets

CSP = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; font-src data:; "
    "base-uri 'none'; form-action 'none'"
)
_VIEW = "application/vnd.jupyter.widget-view+json"
_EXPLORER = re.compile(r"<tux-explorer\b.*?</tux-explorer>", re.S)


@dataclass(frozen=True)
class Neighbours:
    """Links at the top of a page: file name and title of the page before and after."""

    before: tuple[str, str] | None = None
    after: tuple[str, str] | None = None


class _Renderer(IPythonRenderer):
    """Markdown with maths turned to MathML now, and links to other notebooks turned to links to their pages."""

    def _math(self, tex: str, display: str) -> str:
        try:
            return mathml(tex.strip(), display=display)
        except Exception:  # latex2mathml raises many kinds; what it can't read is shown as it was written
            return f"<code>{html.escape(tex)}</code>"

    def block_math(self, body: str) -> str:
        return f"<p>{self._math(body, 'block')}</p>"

    def inline_math(self, body: str) -> str:
        return self._math(body, "inline")

    def latex_environment(self, name: str, body: str) -> str:
        return self.block_math(rf"\begin{{{name}}}{body}\end{{{name}}}")

    def link(self, text: str, url: str, title: str | None = None) -> str:
        if "://" not in url:
            url = re.sub(r"\.ipynb(?=$|#)", ".html", url)
        return super().link(text, url, title)


def _markdown(source: str) -> str:
    return MarkdownWithMath(renderer=_Renderer(escape=False)).render(source)


class _Exporter(HTMLExporter):
    """nbconvert's JupyterLab template with no address of a script left in it."""

    def __init__(self) -> None:
        super().__init__(
            template_name="lab",
            embed_images=True,
            require_js_url="",
            jquery_url="",
            mathjax_url="",
            mermaid_js_url="",
            widget_renderer_url="",
        )

    def default_filters(self):
        yield from super().default_filters()
        yield "markdown2html", _markdown


def title_of(notebook: nbformat.NotebookNode, name: str) -> str:
    """Return the first heading, else the name."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (found := re.search(r"^#\s+(.+?)\s*$", cell.source, re.M)):
            return re.sub(r"[*`]", "", found[1])
    return name


def summary_of(notebook: nbformat.NotebookNode) -> str:
    """Return the first paragraph of prose."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for paragraph in re.split(r"\n\s*\n", cell.source):
                if paragraph.strip() and not paragraph.lstrip().startswith(("#", "|", "-", "<", "!", ">")):
                    return re.sub(r"[*`$]|\[([^\]]*)\]\([^)]*\)", r"\1", " ".join(paragraph.split()))
    return ""


def _readable(notebook: nbformat.NotebookNode) -> tuple[nbformat.NotebookNode, list[str]]:
    """Return a copy without widget views, scripts and progress bars, and the explorers, whose places are marked."""
    notebook, explorers = copy.deepcopy(notebook), []
    notebook.metadata.pop("widgets", None)

    def keep(match: re.Match) -> str:
        explorers.append(match[0])
        return f"<p>tux3nb-explorer-{len(explorers) - 1}-here</p>"

    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.outputs = [o for o in cell.outputs if _VIEW not in o.get("data", {}) or "text/html" in o.data]
        for output in cell.outputs:
            data = output.get("data", {})
            data.pop(_VIEW, None)
            data.pop("application/javascript", None)
            if "text/html" in data:
                data["text/html"] = _EXPLORER.sub(keep, data["text/html"])
    return notebook, explorers


def _strip(page: str) -> str:
    """Remove every script, every linked style sheet and every import of one."""
    page = re.sub(r"<script\b.*?</script\s*>", "", page, flags=re.S | re.I)
    page = re.sub(r"<link\b[^>]*>", "", page, flags=re.I)
    return re.sub(r"@import[^;]*;", "", page)


def asked_for(page: str) -> list[str]:
    """Return the addresses that a page would load by itself; links that a reader may follow are not among them."""
    loads = re.findall(
        r"""<(?!a\b)[a-z-]+\b[^>]*?\s(?:src|href|data|poster|srcset)\s*=\s*["']([^"'#][^"']*)""", page, re.I
    )
    loads += re.findall(r"""url\(\s*["']?([^"')#][^"')]*)""", page)
    return [address for address in loads if not address.startswith("data:")]


def _dark() -> str:
    """Return JupyterLab's dark variables and the pictures' dark palette, for the screen only."""
    import nbconvert.exporters.templateexporter as templates

    roots = [Path(folder) / "nbconvert/templates/lab/static/theme-dark.css" for folder in templates.jupyter_path()]
    found = next((path for path in roots if path.exists()), None)
    body = ""
    if found:
        inside = re.search(r":root \{(.*?)\n\}", found.read_text(encoding="utf-8"), re.S)
        lines = re.sub(r"/\*.*?\*/", "", inside[1] if inside else "", flags=re.S).splitlines()
        body = "".join(line.strip() for line in lines if "url(" not in line)
    pictures = files("tux3nb.show.picture").joinpath("dark.css").read_text(encoding="utf-8")
    return f"@media screen and (prefers-color-scheme:dark){{:root{{color-scheme:dark;{body}{pictures}}}}}"


def page_css() -> str:
    """Return the style that the exported pages add to JupyterLab's."""
    return _dark() + files("tux3nb.report").joinpath("page.css").read_text(encoding="utf-8")


def _navigation(near: Neighbours) -> str:
    links = ['<a href="index.html">all notebooks</a>']
    for sign, link in (("&larr; ", near.before), ("&rarr; ", near.after)):
        if link:
            links.append(f'<a href="{html.escape(link[0])}">{sign}{html.escape(link[1])}</a>')
    return f'<nav class="tux-nav">{" ".join(links)}</nav>'


def to_html(notebook: nbformat.NotebookNode, name: str, near: Neighbours | None = None) -> str:
    """Return the page of an executed notebook."""
    notebook, explorers = _readable(notebook)
    notebook.metadata["title"] = title_of(notebook, name)
    page, _ = _Exporter().from_notebook_node(notebook, resources={"metadata": {"name": name}})
    page = _strip(page)
    head = f'<head><meta http-equiv="Content-Security-Policy" content="{CSP}">'
    page = page.replace("<head>", head, 1).replace("</head>", f"<style>{page_css()}</style></head>", 1)
    page = re.sub(r"(<body\b[^>]*>)", lambda m: m[1] + _navigation(near or Neighbours()), page, count=1)
    for number, element in enumerate(explorers):
        page = page.replace(f"<p>tux3nb-explorer-{number}-here</p>", element, 1)
    if explorers:
        end = page.rindex("</body>")
        page = page[:end] + page_assets() + page[end:]
    return page


def neighbours(pages: Sequence[tuple[str, str]], at: int) -> Neighbours:
    """Return the pages before and after the one at `at`; a page is (file name, title)."""
    return Neighbours(pages[at - 1] if at else None, pages[at + 1] if at + 1 < len(pages) else None)
