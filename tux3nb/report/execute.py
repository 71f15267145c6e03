"""Run notebooks, a few at a time, each in a kernel of this environment."""

import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from tqdm import tqdm

from tux3nb.errors import UserError

CELL_SECONDS = 600
_KERNEL = ["--IPKernelApp.log_level=40", "--HistoryManager.enabled=False"]


@dataclass(frozen=True)
class Executed:
    """A notebook after its run; `error` says in one line which cell failed and how."""

    path: Path
    notebook: nbformat.NotebookNode
    seconds: float
    error: str | None


def read(path: Path) -> nbformat.NotebookNode:
    """Read a notebook as nbformat 4, where every cell has an id; UserError for a file that is none."""
    try:
        return nbformat.read(path, as_version=4)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    except Exception as error:  # nbformat has no one error for a file that is no notebook
        raise UserError(f"{path} is no notebook: {str(error).splitlines()[0][:120]}") from None


def _environment(static: bool, engine: str | None) -> dict[str, str]:
    """Return the kernel's environment: the same strings and hashes each time, the offline explorer when asked for."""
    extra = {"TUX3NB_EXECUTED": "1", "PYTHONHASHSEED": "0", "PYDEVD_DISABLE_FILE_VALIDATION": "1", "TQDM_DISABLE": "1"}
    extra |= {"TUX3NB_STATIC": "1"} if static else {}
    return {**os.environ, **extra, **({"TUX3NB_DOT": engine} if engine else {})}


def execute(path: Path, tick: Callable[[], None], static: bool, engine: str | None = None) -> Executed:
    """Run one notebook from top to bottom in a fresh kernel; stop at the first cell that fails."""
    notebook, begun = read(path), time.monotonic()
    at: list[int] = []
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        store_widget_state=False,
        record_timing=False,
        extra_arguments=_KERNEL,
        resources={"metadata": {"path": str(path.resolve().parent)}},
        on_cell_start=lambda cell, cell_index: at.append(cell_index),
        on_cell_complete=lambda cell, cell_index: tick(),
    )
    error = None
    try:
        client.execute(env=_environment(static, engine))
    except CellExecutionError as failed:
        error = f"{failed.ename}: {failed.evalue or _failing_line(failed.traceback)}"
    except CellTimeoutError:
        error = f"took more than {CELL_SECONDS} s"
    except DeadKernelError:
        error = "the kernel died"
    if error:
        plain = re.sub(r"\x1b\[[0-9;]*m", "", error).strip().splitlines()
        error = f"{path.name}: cell {at[-1] + 1 if at else 1}: {plain[0] if plain else 'failed'}"
    return Executed(path, notebook, time.monotonic() - begun, error)


def _failing_line(traceback: str) -> str:
    """Return the source line that a traceback points at last, for errors that say nothing themselves."""
    lines = re.findall(r"^-+> ?\d+ (.*)$", re.sub(r"\x1b\[[0-9;]*m", "", traceback), re.M)
    return lines[-1].strip() if lines else ""


def execute_all(
    paths: Sequence[Path], jobs: int, static: bool, engine: str | None = None, quiet: bool = False
) -> list[Executed]:
    """Run all notebooks, `jobs` at a time, with a progress bar on standard error; results in the order given."""
    cells = sum(
        sum(cell.cell_type == "code" and bool(cell.source.strip()) for cell in read(path).cells) for path in paths
    )
    with tqdm(total=cells, unit="cell", desc="running notebooks", file=sys.stderr, disable=quiet) as bar:
        with ThreadPoolExecutor(max(1, jobs)) as pool:
            return list(pool.map(lambda path: execute(path, bar.update, static, engine), paths))
