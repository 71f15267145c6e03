"""Find a Graphviz layout engine, run it, and make its SVG fit to stand inside a page."""

import functools
import html
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from tux3nb.errors import UserError

FONT = "Helvetica"
FONT_STACK = "Helvetica, Arial, 'Liberation Sans', sans-serif"
_MISSING = (
    "no Graphviz layout engine: install Graphviz, or `pip install graphviz-pure`, or set TUX3NB_DOT to a dot program"
)


class LayoutError(UserError):
    """No layout engine, or the engine refused the graph."""


@dataclass(frozen=True)
class Engine:
    """A program that understands `-Tsvg`, and why it was chosen."""

    path: str
    chosen: str

    def __str__(self) -> str:
        return f"{self.path} ({self.chosen})"


def _pure() -> str | None:
    """Return the graphviz-pure program of this environment, activated or not."""
    name = "graphviz-pure" + (".exe" if os.name == "nt" else "")
    for folder in (sysconfig.get_path("scripts"), Path(sys.executable).parent):
        if (Path(folder) / name).exists():
            return str(Path(folder) / name)
    return shutil.which("graphviz-pure")


def find_engine() -> Engine | None:
    """Return $TUX3NB_DOT, else `dot` on PATH, else the graphviz-pure wheel; None when there is no engine."""
    wanted = os.environ.get("TUX3NB_DOT")
    if wanted:
        path = shutil.which(wanted) or (_pure() if wanted == "graphviz-pure" else None)
        if path is None:
            raise LayoutError(f"TUX3NB_DOT is {wanted!r}, which is no program that can be run")
        return Engine(path, "TUX3NB_DOT")
    if dot := shutil.which("dot"):
        return Engine(dot, "dot on PATH")
    if pure := _pure():
        return Engine(pure, "graphviz-pure wheel")
    return None


def use_in_graphviz() -> Engine | None:
    """Point the `graphviz` package at the engine found, so that its objects display without a system dot."""
    engine = find_engine()
    if engine is not None:
        from graphviz.backend import dot_command

        dot_command.DOT_BINARY = Path(engine.path)
    return engine


@functools.lru_cache(maxsize=256)
def _run(path: str, source: str) -> str:
    done = subprocess.run([path, "-Tsvg"], input=source.encode(), capture_output=True, check=False)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise LayoutError(f"{path} refused the graph: {said[0] if said else f'exit code {done.returncode}'}")
    return done.stdout.decode()


def need_engine() -> Engine:
    """Return the engine; LayoutError where there is none."""
    engine = find_engine()
    if engine is None:
        raise LayoutError(_MISSING)
    return engine


def lay_out(source: str) -> str:
    """Return the engine's own SVG for a DOT source."""
    return _run(need_engine().path, source)


def svg(source: str, label: str) -> str:
    """Lay a DOT source out and return an SVG with stable bytes, tooltips, a font stack and an accessible name."""
    return clean_svg(lay_out(source), label)


def clean_svg(raw: str, label: str) -> str:
    """Strip what differs between runs and versions, and give the picture a name, a font stack and real tooltips."""
    text = re.sub(r"<!--.*?-->\s*", "", raw[raw.index("<svg") :], flags=re.DOTALL)
    size = re.match(r'<svg width="([\d.]+)pt" height="([\d.]+)pt"', text)
    style = f"width:100%;max-width:{size[1]}pt;height:auto" if size else ""
    text = re.sub(
        r'^<svg width="[\d.]+pt" height="[\d.]+pt"',
        f'<svg role="img" aria-label="{html.escape(label)}" style="{style}"',
        text,
        count=1,
    )
    text = re.sub(
        r'(<g id="graph0"[^>]*>\s*)<title>[^<]*</title>', rf"\1<title>{html.escape(label)}</title>", text, count=1
    )
    text = re.sub(r'<g id="a_[^"]*"><a [^>]*xlink:title="([^"]*)"[^>]*>', r"<g><a><title>\1</title>", text)
    text = re.sub(r' xlink:[a-z]+="[^"]*"| xmlns:xlink="[^"]*"', "", text)
    text = re.sub(r'font-family="[^"]*"', f'font-family="{FONT_STACK}"', text)
    return text.strip()
