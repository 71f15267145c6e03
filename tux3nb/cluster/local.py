"""What Dask loads into the workers that a command starts on this machine: Ctrl-C is for the command, not for them."""

from __future__ import annotations

import signal
from typing import Any


def dask_setup(_worker: Any) -> None:
    """Called in each worker's main thread when it has started."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
