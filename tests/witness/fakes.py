"""Experiments that misbehave, for the tests of the machinery; they run in the experiment's own process."""

import errno
import os
import signal
import time
from pathlib import Path

from tux3nb.witness.base import Inconclusive, Skip, Witness


def quick(_run) -> dict:
    return {"sky": "blue", "stars": 2, "hidden": None}


def hang(_run) -> dict:
    time.sleep(1000)
    return {}


def hang_with_child(run) -> dict:
    child = os.fork()
    if child == 0:
        time.sleep(1000)
        os._exit(0)
    announce(run, child)
    return hang(run)


def fork_and_leave(run) -> dict:
    child = os.fork()
    if child == 0:
        time.sleep(1000)
        os._exit(0)
    return {"child": child}


def fork_and_crash(run) -> dict:
    fork_and_leave(run)
    return crash(run)


def crash(_run) -> dict:
    os.kill(os.getpid(), signal.SIGSEGV)
    return {}


def fail(_run) -> dict:
    raise OSError("the stage collapsed")


def refused(_run) -> dict:
    raise PermissionError(errno.EPERM, "bpf: Operation not permitted")


def skip(_run) -> dict:
    raise Skip("no stage here")


def give_up(_run) -> dict:
    raise Inconclusive("lost the race")


def print_noise(_run) -> dict:
    print("noise on standard output")
    os.write(2, b"noise on standard error\n")
    return {"sky": "blue"}


def take_everything(run) -> dict:
    """A volume, a mount, a cgroup and a changed setting, and then no end."""
    from tux3nb.witness.low.throttle import Throttle
    from tux3nb.witness.low.volume import Volume

    volume = Volume(run, "ext4")
    volume.set_stable_writes(True)
    volume.mount()
    throttle = Throttle(run, volume.device)
    throttle.join()
    announce(run, f"{volume.device} {volume.point} {throttle._folder}")
    return hang(run)


def announce(run, text) -> None:
    """Tell the test, whose notice file is beside the run's folder, that the stage is set."""
    notice = Path(run.folder).parent / "notice"
    notice.with_suffix(".new").write_text(str(text))
    notice.with_suffix(".new").rename(notice)


def witness(function, *, predicts=None, timeout=10.0, needs=()) -> Witness:
    """A witness around one of the functions above."""
    return Witness(
        name=function.__name__.replace("_", "-"),
        case="ordinary",
        question="?",
        model_says="!",
        predicts={"sky": "blue"} if predicts is None else predicts,
        function=function,
        sources=(),
        needs=needs,
        timeout=timeout,
    )
