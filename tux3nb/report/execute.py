"""Run notebooks, a few at a time, each in a kernel of this environment."""

import asyncio
import atexit
import re
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from tqdm import tqdm

from tux3nb.errors import UserError
from tux3nb.safepath import child_environment

CELL_SECONDS = 600
# What lies beside a notebook may be imported by it, but takes the place of no library.
_KERNEL = [
    "--IPKernelApp.log_level=40",
    "--HistoryManager.enabled=False",
    "--IPKernelApp.ignore_cwd=True",
    "--IPKernelApp.exec_lines=import sys; sys.path.append(''); del sys",
]


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
        found = nbformat.read(path, as_version=4)
        nbformat.validate(found)
        return found
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    except Exception as error:  # noqa: BLE001  (nbformat has no one error for a file that is no notebook)
        raise UserError(f"{path} is no notebook: {str(error).splitlines()[0][:120]}") from None


def as_it_is(path: Path) -> Executed:
    """A notebook that is not run: with the outputs that its file has."""
    return Executed(path, read(path), 0.0, None)


def _environment(static: bool, engine: str | None) -> dict[str, str]:
    """Return the kernel's environment: the same strings and hashes each time, the offline explorer when asked for."""
    extra = {"TUX3NB_EXECUTED": "1", "PYTHONHASHSEED": "0", "PYDEVD_DISABLE_FILE_VALIDATION": "1", "TQDM_DISABLE": "1"}
    extra |= {"TUX3NB_STATIC": "1"} if static else {}
    return {**child_environment(), **extra, **({"TUX3NB_DOT": engine} if engine else {})}


async def execute(path: Path, tick: Callable[[], None], static: bool, engine: str | None = None) -> Executed:
    """Run one notebook from top to bottom in a fresh kernel of this Python; stop at the first cell that fails.

    The kernel has ended when this ends, however it ends: a cancelled one is killed.
    """
    notebook, begun = read(path), time.monotonic()
    at: list[int] = []
    kernel = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=KernelSpecManager(kernel_dirs=[]))
    client = NotebookClient(
        notebook,
        km=kernel,
        timeout=CELL_SECONDS,
        store_widget_state=False,
        record_timing=False,
        on_cell_start=lambda cell, cell_index: at.append(cell_index),
        on_cell_complete=lambda cell, cell_index: tick(),
    )
    error = None
    try:
        folder, env = str(path.resolve().parent), _environment(static, engine)
        await kernel.start_kernel(cwd=folder, env=env, extra_arguments=_KERNEL)
        await client.async_execute()
    except CellExecutionError as failed:
        error = f"{failed.ename}: {failed.evalue or _failing_line(failed.traceback)}"
    except CellTimeoutError:
        error = f"took more than {CELL_SECONDS} s"
    except DeadKernelError:
        error = "the kernel died"
    except RuntimeError as failed:  # the kernel did not start, or did not answer
        error = str(failed) or "the kernel does not answer"
    finally:
        atexit.unregister(client._cleanup_kernel)  # which nbclient leaves there when a kernel does not answer
        if client.kc is not None:
            client.kc.stop_channels()
        if kernel.has_kernel:
            await kernel.shutdown_kernel(now=True)
    if error:
        plain = re.sub(r"\x1b\[[0-9;]*m", "", error).strip().splitlines()
        error = f"{path.name}: cell {at[-1] + 1 if at else 1}: {plain[0] if plain else 'failed'}"
    return Executed(path, notebook, time.monotonic() - begun, error)


def _failing_line(traceback: str) -> str:
    """Return the source line that a traceback points at last, for errors that say nothing themselves."""
    lines = re.findall(r"^-+> ?\d+ (.*)$", re.sub(r"\x1b\[[0-9;]*m", "", traceback), re.MULTILINE)
    return lines[-1].strip() if lines else ""


def execute_all(
    paths: Sequence[Path], jobs: int, static: bool, engine: str | None = None, quiet: bool = False
) -> list[Executed]:
    """Run all notebooks, `jobs` at a time, with a progress bar on a terminal; results in the order given.

    Ctrl-C kills the kernels, whatever their cells do.
    """
    cells = sum(
        sum(cell.cell_type == "code" and bool(cell.source.strip()) for cell in read(path).cells) for path in paths
    )
    hidden = True if quiet else None  # None: where there is no terminal
    with tqdm(total=cells, unit="cell", desc="running notebooks", delay=1, file=sys.stderr, disable=hidden) as bar:

        async def all_of_them() -> list[Executed]:
            free = asyncio.Semaphore(max(1, jobs))

            async def one(path: Path) -> Executed:
                async with free:
                    return await execute(path, bar.update, static, engine)

            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(path)) for path in paths]
            return [task.result() for task in tasks]

        return _in_a_thread(all_of_them())


def _in_a_thread(work: Coroutine) -> Any:
    """The result of `work`, which runs in a thread of its own and is cancelled when this is interrupted.

    In the first thread nbclient would answer Ctrl-C itself, by ending one kernel and going on.
    """
    begun: Future[tuple] = Future()

    async def told():
        begun.set_result((asyncio.get_running_loop(), asyncio.current_task()))
        return await work

    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(asyncio.run, told())
        try:
            return done.result()
        except KeyboardInterrupt:
            loop, task = begun.result()
            loop.call_soon_threadsafe(task.cancel)
            raise
