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

from tux3nb.report.citations import CITED, NOTES
from tux3nb.report.clean import clean, whole_letters
from tux3nb.report.explain import Explainer
from tux3nb.report.style import classes_of, needed
from tux3nb.show.explorer.page import module_hash, page_assets
from tux3nb.show.front import page_script, script_hash

_VIEW = "application/vnd.jupyter.widget-view+json"
_SVG = "image/svg+xml"
# What the explorer gives as its offline form (tux3nb.show.explorer.page), and nothing else that calls itself so.
_EXPLORER = re.compile(r'<tux-explorer(?: data-choice="([^"<>]*)")?>(.*?)</tux-explorer>', re.DOTALL)
_OUTPUT = re.compile(r'(<div class="jp-RenderedText[^<>]*>\s*)<pre>')
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
    """Links at both ends of a page: file name and title of the page before and after."""

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


# A cell of code is folded under a line that opens it, and one box opens all of them: the fold is a sibling of what it
# opens, so that a style can do both, without a script.
_TEMPLATE = """{%- extends "index.html.j2" -%}
{% macro fold(kind, title, shown) %}
<details class="tux-fold tux-{{ kind }}"{{ " open" if shown }}><summary>{{ title | escape_html }}</summary></details>
{% endmacro %}
{% block codecell %}
{%- set how = cell.metadata.tux -%}
{%- if how.kind != "code" -%}{{ fold(how.kind, how.title, False) }}<div class="tux-folded">{{ super() }}</div>
{%- else -%}{{ super() }}{%- endif -%}
{% endblock codecell %}
{% block input_group %}
{%- set how = cell.metadata.tux -%}
{%- if how.kind == "code" -%}{{ fold("code", "code", how.shown) }}<div class="tux-folded">{{ super() }}</div>
{%- else -%}{{ super() }}{%- endif -%}
{% endblock input_group %}
{% block markdowncell %}
<div class="jp-Cell jp-MarkdownCell jp-Notebook-cell"><div class="jp-RenderedHTMLCommon jp-RenderedMarkdown">
{{ cell.source | prose }}</div></div>
{% endblock markdowncell %}
"""


class _Exporter(HTMLExporter):
    """nbconvert's JupyterLab template with no address of a script left in it; `explainer` has what its prose said."""

    def __init__(self) -> None:
        self.explainer = Explainer()
        super().__init__(
            template_name="lab",
            raw_template=_TEMPLATE,
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
        yield "prose", lambda source: self.explainer.prose(_markdown(source))


def title_of(notebook: nbformat.NotebookNode, name: str) -> str:
    """Return the first heading, else the name."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (found := re.search(r"^#\s+(.+?)\s*$", cell.source, re.MULTILINE)):
            return whole_letters(re.sub(r"[*`]", "", found[1]))
    return whole_letters(name)


SUMMARY = 200  # characters that the index tells of a notebook


def summary_of(notebook: nbformat.NotebookNode) -> str:
    """Return the first sentences of prose, as many as a line or two can take."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for paragraph in re.split(r"\n\s*\n", cell.source):
                if paragraph.strip() and not paragraph.lstrip().startswith(("#", "|", "-", "<", "!", ">", *_ASKED)):
                    first, *rest = re.split(r"(?<=[.?!])\s+", _in_plain(paragraph))
                    while rest and len(first) + len(rest[0]) < SUMMARY:
                        first += f" {rest.pop(0)}"
                    return first
    return ""


_ASKED = ("**Asked.**", "**Answer.**")


def asked_of(notebook: nbformat.NotebookNode) -> tuple[str, str]:
    """Return what the mail asked and what the notebook answers: the paragraphs that begin with these words."""
    found = dict.fromkeys(_ASKED, "")
    for cell in notebook.cells:
        for paragraph in re.split(r"\n\s*\n", cell.source) if cell.cell_type == "markdown" else ():
            for word in _ASKED:
                if paragraph.lstrip().startswith(word) and not found[word]:
                    found[word] = _in_plain(paragraph.lstrip().removeprefix(word))
    return found[_ASKED[0]], found[_ASKED[1]]


def _in_plain(paragraph: str) -> str:
    """A paragraph of Markdown as a line of text."""
    text = CITED.sub("", " ".join(paragraph.split()))
    return whole_letters(re.sub(r"[*`$]|\[([^\]]*)\]\([^)]*\)", r"\1", text)).strip()


def _readable(notebook: nbformat.NotebookNode) -> tuple[nbformat.NotebookNode, dict[str, str]]:
    """Return a copy without widget views and scripts, and the explorers by the marks that stand in their places."""
    notebook, explorers = copy.deepcopy(notebook), {}
    notebook.metadata = nbformat.from_dict({"language_info": {"name": "python", "pygments_lexer": "ipython3"}})
    notebook.cells = [cell for cell in notebook.cells if cell.get("id") != NOTES]
    notebook.cells = [cell for cell in notebook.cells if cell.source.strip() or cell.get("outputs")]

    def keep(match: re.Match) -> str:
        mark = f"tux3nb-{secrets.token_hex(16)}"  # which no notebook can have written
        explorers[f"<p>{mark}</p>"] = _explorer(match)
        return f"<p>{mark}</p>"

    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.metadata["tux"] = fold_of(cell)
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


def fold_of(cell: nbformat.NotebookNode) -> dict[str, str | bool]:
    """How a cell of code is folded: its kind (`code`: only the code; `check`, `solution`, `fold`: all of it), a title
    from its first comment, and whether the code is shown to begin with.
    """
    tags, shows = set(cell.metadata.get("tags", ())), bool(cell.outputs)
    asserts = len(re.findall(r"^\s*assert\b", cell.source, re.MULTILINE))
    comment = re.match(r"\s*#\s*(?:checked:\s*)?(.+)", cell.source)
    kind = next((tag for tag in ("solution", "fold") if tag in tags), "check" if asserts and not shows else "code")
    title = comment[1].strip() if comment else ""
    if kind == "check":
        title = f"checked: {title or f'{asserts} statements' if asserts > 1 else title or 'a statement'}"
    return {"kind": kind, "title": title or kind, "shown": "code" in tags}


def _explorer(found: re.Match) -> str:
    """An explorer's element: its packed tables as they are, which is data, and its first view cleaned."""
    name, inside = found.groups()
    tables = "".join(_TABLE.findall(inside))
    choice = f' data-choice="{name}"' if name else ""
    return f"<tux-explorer{choice}>{clean(_TABLE.sub('', inside))}{tables}</tux-explorer>"


@cache
def _jupyter() -> str:
    """JupyterLab's style for a notebook: what nbconvert puts into the head of an empty one."""
    empty = nbformat.v4.new_notebook(metadata={"title": "-"})
    page, _ = _Exporter().from_notebook_node(empty)
    return "".join(re.findall(r"<style\b[^>]*>(.*?)</style>", page[: page.index("</head>")], re.DOTALL))


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


def _style(inside: str) -> str:
    """The style of a page: what its body can use of JupyterLab's, then the still pictures' and the page's."""
    pictures = files("tux3nb.show.picture").joinpath("picture.css").read_text(encoding="utf-8")
    ours = pictures + files("tux3nb.report").joinpath("page.css").read_text(encoding="utf-8")
    return needed(_jupyter() + _dark(), classes_of(inside) | {"jp-Notebook"}, inside + ours) + ours


def address(file: str) -> str:
    """Return a page's file name as a link has it: its bytes, whatever the locale takes them for."""
    return quote(os.fsencode(file))


def _navigation(near: Neighbours, where: str) -> str:
    links = ['<a href="index.html">all notebooks</a>']
    for sign, rel, link in (("&larr; ", "prev", near.before), ("&rarr; ", "next", near.after)):
        if link:
            links.append(f'<a rel="{rel}" href="{address(link[0])}">{sign}{html.escape(link[1])}</a>')
    return f'<nav class="tux-nav" aria-label="notebooks, {where}">{" ".join(links)}</nav>'


def _contents(body: str) -> str:
    """The page's headings as links, at its side; empty where there are too few to look for one."""
    found = re.findall(r'<h([23])\b[^>]*\bid="([^"]+)"[^>]*>(.*?)</h\1>', body, re.DOTALL)
    plain = [(level, at, re.sub(r"<[^>]*>|&para;|¶", "", text).strip()) for level, at, text in found]
    if len(plain) < 3:
        return ""
    items = "".join(f'<li class="tux-h{level}"><a href="#{at}">{text}</a></li>' for level, at, text in plain)
    return f'<nav class="tux-contents" aria-label="on this page"><b>On this page</b><ol>{items}</ol></nav>'


SWITCH = '<label class="tux-all"><input type="checkbox" id="tux-all"> show all code and checks</label>'


@dataclass(frozen=True)
class Body:
    """What of an executed notebook stands in a page: its HTML, whether it has explorers, and the script for costs."""

    html: str
    explorers: bool
    weights: str

    @property
    def scripts(self) -> list[str]:
        """The sources of a content security policy for the scripts that it needs."""
        return ([module_hash()] if self.explorers else []) + ([script_hash()] if self.weights else [])

    @property
    def assets(self) -> str:
        """What stands once at the end of a page."""
        return f"{page_assets() if self.explorers else ''}{self.weights}"


def body_of(notebook: nbformat.NotebookNode, name: str) -> Body:
    """The cells and notes of an executed notebook as HTML that asks for nothing and acts only through our scripts."""
    readable, explorers = _readable(notebook)
    exporter = _Exporter()
    page, _ = exporter.from_notebook_node(readable, resources={"metadata": {"name": name}})
    body = clean(page[page.index("</head>") + len("</head>") : page.rindex("</body>")])
    body = _OUTPUT.sub(r'\1<pre tabindex="0">', body)  # it may scroll, and the keyboard must get there
    for mark, element in explorers.items():
        body = body.replace(mark, element, 1)
    return Body(body + exporter.explainer.notes(), bool(explorers), page_script(body))


def document(title: str, scripts: Sequence[str], inside: str, about: str = "") -> str:
    """A whole page in JupyterLab's style around what is `inside` its body; `scripts` may run, and no other."""
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"{policy(' '.join(dict.fromkeys(scripts))) if scripts else policy()}"
        f'{about}<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{_style(inside)}</style></head>\n"
        f'<body class="jp-Notebook" data-jp-theme-light="true" data-jp-theme-name="JupyterLab Light">'
        f"{inside}</body></html>\n"
    )


def to_html(notebook: nbformat.NotebookNode, name: str, near: Neighbours | None = None, about: str = "") -> str:
    """Return the page of an executed notebook; `about` stands in its head, for the index.

    Whatever the notebook holds, its page asks for nothing and runs nothing but the two scripts of this package, for
    explorers and for tables of costs.
    """
    return page_of(body_of(notebook, name), title_of(notebook, name), near or Neighbours(), about)


def page_of(body: Body, title: str, near: Neighbours, about: str = "") -> str:
    """Return the page around a body."""
    switch = SWITCH if "tux-folded" in body.html else ""
    inside = (
        f'<header class="tux-top">{_navigation(near, "top")}{switch}</header>'
        f'<div class="tux-page">{_contents(body.html)}<main class="tux-main">{body.html}</main></div>'
        f"{_navigation(near, 'end')}{body.assets}"
    )
    return document(title, body.scripts, inside, about)


def neighbours(pages: Sequence[tuple[str, str]], at: int) -> Neighbours:
    """Return the pages before and after the one at `at`; a page is (file name, title)."""
    return Neighbours(pages[at - 1] if at else None, pages[at + 1] if at + 1 < len(pages) else None)
