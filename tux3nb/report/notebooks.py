"""Run the notebooks in place and keep only what is the same each time: `make notebooks`, and `--check` for CI."""

import argparse
import re
import sys
from pathlib import Path

import nbformat

from tux3nb.errors import positive
from tux3nb.paths import write_whole
from tux3nb.report.citations import with_notes
from tux3nb.report.execute import execute_all, read
from tux3nb.report.places import find_notebooks
from tux3nb.report.prose import complaints

_VIEW = "application/vnd.jupyter.widget-view+json"
_SAVED = '<div class="tux-saved">'  # the explorer of a notebook whose kernel has gone
_CELL_METADATA = ("tags", "jupyter")
_ADDRESS = re.compile(r"\b0x[0-9a-f]{6,}\b")


def _stable_text(text: str, folder: Path) -> str:
    """Replace paths of this machine and memory addresses."""
    text = text.replace(str(folder), "notebooks").replace(str(folder.parent), "tux3nb").replace(str(Path.home()), "~")
    return _ADDRESS.sub("0x...", text)


def _stable_output(output: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode | None:
    """Return an output without its widget view; None when nothing else was in it, or what only stands in for it."""
    if "data" in output:
        if _SAVED in output.data.get("text/html", ""):
            return None
        output.data.pop(_VIEW, None)
        output.metadata = nbformat.NotebookNode()
        if not output.data:
            return None
        for mime, value in output.data.items():
            if isinstance(value, str) and "base64," not in value:
                output.data[mime] = _stable_text(value, folder)
    elif output.output_type == "stream":
        output.text = _stable_text(output.text, folder)
    if "execution_count" in output:
        output.execution_count = None
    return output


def _joined(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Neighbouring pieces of one stream as one output: where a kernel cuts them is a matter of time."""
    out: list[nbformat.NotebookNode] = []
    for output in outputs:
        if out and output.output_type == "stream" == out[-1].output_type and output.name == out[-1].name:
            out[-1].text += output.text
        else:
            out.append(output)
    return out


def stable(notebook: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode:
    """Strip widget state, timings and paths from an executed notebook, join streams; ids stay, counts run from 1.

    The notes on what it cites are its last cell.
    """
    spec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata = nbformat.from_dict({"kernelspec": spec, "language_info": {"name": "python"}})
    notebook.nbformat_minor = 5
    count = 0
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({key: cell.metadata[key] for key in _CELL_METADATA if key in cell.metadata})
        if cell.cell_type != "code":
            continue
        count += bool(cell.source.strip())
        cell.execution_count = count if cell.source.strip() else None
        outputs = [_stable_output(output, folder) for output in _joined(cell.outputs)]
        cell.outputs = [output for output in outputs if output is not None]
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = cell.execution_count
    return with_notes(notebook)


def write_text(notebook: nbformat.NotebookNode) -> str:
    """Return the bytes of a notebook file."""
    return nbformat.writes(notebook, version=4).rstrip("\n") + "\n"


def _difference(path: Path, new: nbformat.NotebookNode) -> str | None:
    """Return where a committed notebook differs from what it gives now."""
    if path.read_text(encoding="utf-8") == write_text(new):
        return None
    old = read(path)
    for at, (a, b) in enumerate(zip(old.cells, new.cells, strict=False)):
        if a != b:
            return f"{path.name}: cell {at + 1} gives something else than what is committed"
    return f"{path.name}: not as this command writes it"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="path or name; default: all of them")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a committed notebook differs")
    parser.add_argument(
        "--jobs", type=positive(int), default=2, metavar="N", help="notebooks to run at a time (default: 2)"
    )


def run(args: argparse.Namespace) -> int:
    """Write or check the notebooks; 0 fine, 1 a cell failed, a notebook differs or prose is wrong.

    UserError for bad input.
    """
    paths = find_notebooks(args.notebooks)
    # One layout engine for all machines: its bytes are the same everywhere, a system dot's are not.
    done = execute_all(paths, args.jobs, static=False, engine="graphviz-pure")
    said = []
    for each in done:
        if each.error:
            said.append(each.error)
            continue
        said += complaints(each.path, each.notebook)
        new = stable(each.notebook, each.path.resolve().parent)
        if args.check:
            said += [line] if (line := _difference(each.path, new)) else []
        else:
            write_whole(each.path.resolve(), write_text(new))  # a link stays one
    for line in said:
        print(f"tux3nb notebooks: {line}", file=sys.stderr)
    return 1 if said else 0
