"""One executed notebook -> one HTML file that needs no network and no kernel; its only scripts are ours."""

import base64
import copy
import html
import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

import nbformat
from latex2mathml.converter import convert as mathml
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from tux3nb.report.clean import clean, whole_letters
from tux3nb.show.explorer.page import module_hash, page_assets
from tux3nb.show.front import page_script, script_hash

_VIEW = "application/vnd.jupyter.widget-view+json"
_SVG = "image/svg+xml"
# What the explorer gives as its offline form (tux3nb.show.explorer.page), and nothing else that calls itself so.
_EXPLORER = re.compile(r'<tux-explorer(?: data-choice="([^"<>]*)")?>(.*?)</tux-explorer>', re.DOTALL)
_TABLE = re.compile(r'<script type="application/json"(?: data-[a-z]+="[^"<>]*")+>"[A-Za-z0-9+/=]+"</script>')


def policy(script: str = "'none'") -> str:
    """Return the element that forbids a page every request, and every script but the one of this source."""
    said = (
        f"default-src 'none'; script-src {script}; style-src 'unsafe-inline'; img-src data:; font-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return f'<meta http-equiv="Content-Security-Policy" content="{said}">'


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
        except Exception:  # noqa: BLE001  (latex2mathml raises many kinds; what it can't read is shown as written)
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
    return MarkdownWithMath(renderer=_Renderer(escape=False)).render(source)  # the whole page is cleaned later


class _Exporter(HTMLExporter):
    """nbconvert's JupyterLab template with no address of a script left in it."""

    def __init__(self) -> None:
        super().__init__(
            template_name="lab",
            extra_template_basedirs=[],  # its own default is the current folder, where a stranger's may lie
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
        if cell.cell_type == "markdown" and (found := re.search(r"^#\s+(.+?)\s*$", cell.source, re.MULTILINE)):
            return whole_letters(re.sub(r"[*`]", "", found[1]))
    return whole_letters(name)


def summary_of(notebook: nbformat.NotebookNode) -> str:
    """Return the first paragraph of prose."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for paragraph in re.split(r"\n\s*\n", cell.source):
                if paragraph.strip() and not paragraph.lstrip().startswith(("#", "|", "-", "<", "!", ">")):
                    plain = re.sub(r"[*`$]|\[([^\]]*)\]\([^)]*\)", r"\1", " ".join(paragraph.split()))
                    return whole_letters(plain)
    return ""


def _readable(notebook: nbformat.NotebookNode) -> tuple[nbformat.NotebookNode, dict[str, str]]:
    """Return a copy without widget views and scripts, and the explorers by the marks that stand in their places."""
    notebook, explorers = copy.deepcopy(notebook), {}
    notebook.metadata = nbformat.from_dict({"language_info": {"name": "python", "pygments_lexer": "ipython3"}})

    def keep(match: re.Match) -> str:
        mark = f"tux3nb-{secrets.token_hex(16)}"  # which no notebook can have written
        explorers[f"<p>{mark}</p>"] = _explorer(match)
        return f"<p>{mark}</p>"

    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.outputs = [o for o in cell.outputs if _VIEW not in o.get("data", {}) or "text/html" in o.data]
        for output in cell.outputs:
            data = output.get("data", {})
            data.pop(_VIEW, None)
            data.pop("application/javascript", None)
            if _SVG in data:  # as an image it can neither act nor load
                image = base64.b64encode(data.pop(_SVG).encode()).decode()
                data.setdefault("text/html", f'<img alt="" src="data:{_SVG};base64,{image}">')
            if "text/html" in data:
                data["text/html"] = _EXPLORER.sub(keep, data["text/html"])
    return notebook, explorers


def _explorer(found: re.Match) -> str:
    """An explorer's element: its packed tables as they are, which is data, and its first view cleaned."""
    name, inside = found.groups()
    tables = "".join(_TABLE.findall(inside))
    choice = f' data-choice="{name}"' if name else ""
    return f"<tux-explorer{choice}>{clean(_TABLE.sub('', inside))}{tables}</tux-explorer>"


@cache
def _head() -> str:
    """JupyterLab's style for a notebook: what nbconvert puts into the head of an empty one."""
    empty = nbformat.v4.new_notebook(metadata={"title": "-"})
    page, _ = _Exporter().from_notebook_node(empty)
    styles = re.findall(r"<style\b.*?</style>", page[: page.index("</head>")], re.DOTALL)
    return re.sub(r"@import[^;]*;", "", "".join(styles))


def asked_for(page: str) -> list[str]:
    """Return the addresses that a page would load by itself; links that a reader may follow are not among them."""
    loads = re.findall(
        r"""<(?!a\b)[a-z-]+\b[^>]*?\s(?:src|href|data|poster|srcset)\s*=\s*["']([^"'#][^"']*)""", page, re.IGNORECASE
    )
    styles = re.findall(r"<style\b[^>]*>(.*?)</style>", page, re.DOTALL) + re.findall(
        r'<[a-z][^<>]*\sstyle="([^"]*)"', page
    )
    loads += re.findall(r"""url\(\s*["']?([^"')#][^"')]*)""", "\n".join(styles))
    return [address for address in loads if not address.startswith("data:")]


def _dark() -> str:
    """Return JupyterLab's dark variables and the pictures' dark palette, for the screen only."""
    import nbconvert.exporters.templateexporter as templates

    roots = [Path(folder) / "nbconvert/templates/lab/static/theme-dark.css" for folder in templates.jupyter_path()]
    found = next((path for path in roots if path.exists()), None)
    body = ""
    if found:
        inside = re.search(r":root \{(.*?)\n\}", found.read_text(encoding="utf-8"), re.DOTALL)
        lines = re.sub(r"/\*.*?\*/", "", inside[1] if inside else "", flags=re.DOTALL).splitlines()
        body = "".join(line.strip() for line in lines if "url(" not in line)
    pictures = files("tux3nb.show.picture").joinpath("dark.css").read_text(encoding="utf-8")
    return f"@media screen and (prefers-color-scheme:dark){{:root{{color-scheme:dark;{body}{pictures}}}}}"


def page_css() -> str:
    """Return the style that the exported pages add to JupyterLab's: the page's and the still pictures'."""
    pictures = files("tux3nb.show.picture").joinpath("picture.css").read_text(encoding="utf-8")
    return _dark() + pictures + files("tux3nb.report").joinpath("page.css").read_text(encoding="utf-8")


def address(file: str) -> str:
    """Return a page's file name as a link has it: its bytes, whatever the locale takes them for."""
    return quote(os.fsencode(file))


def _navigation(near: Neighbours) -> str:
    links = ['<a href="index.html">all notebooks</a>']
    for sign, link in (("&larr; ", near.before), ("&rarr; ", near.after)):
        if link:
            links.append(f'<a href="{address(link[0])}">{sign}{html.escape(link[1])}</a>')
    return f'<nav class="tux-nav">{" ".join(links)}</nav>'


def to_html(notebook: nbformat.NotebookNode, name: str, near: Neighbours | None = None, about: str = "") -> str:
    """Return the page of an executed notebook; `about` stands in its head, for the index.

    Whatever the notebook holds, its page asks for nothing and runs nothing but the two scripts of this package, for
    explorers and for tables of costs.
    """
    readable, explorers = _readable(notebook)
    page, _ = _Exporter().from_notebook_node(readable, resources={"metadata": {"name": name}})
    body = clean(page[page.index("</head>") + len("</head>") : page.rindex("</body>")])
    for mark, element in explorers.items():
        body = body.replace(mark, element, 1)
    weights = page_script(body)
    scripts = ([module_hash()] if explorers else []) + ([script_hash()] if weights else [])
    title, allowed = html.escape(title_of(notebook, name)), policy(" ".join(scripts)) if scripts else policy()
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">{allowed}'
        f'{about}<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>'
        f"{_head()}<style>{page_css()}</style></head>\n"
        f'<body class="jp-Notebook" data-jp-theme-light="true" data-jp-theme-name="JupyterLab Light">'
        f"{_navigation(near or Neighbours())}{body}{page_assets() if explorers else ''}{weights}</body></html>\n"
    )


def neighbours(pages: Sequence[tuple[str, str]], at: int) -> Neighbours:
    """Return the pages before and after the one at `at`; a page is (file name, title)."""
    return Neighbours(pages[at - 1] if at else None, pages[at + 1] if at + 1 < len(pages) else None)
