"""``tux3nb COMMAND``: finds the command's module, and turns whatever ends it into one line and an exit code."""

from __future__ import annotations

import argparse
import errno
import importlib
import io
import json
import os
import signal
import sys
import traceback

from tux3nb import __version__
from tux3nb.errors import ModelError, UserError, WorkerDied, nearest
from tux3nb.safepath import child_environment

COMMANDS = {
    "cases": ("tux3nb.commands.cases", "list the cases and what each asks"),
    "check": ("tux3nb.commands.check", "explore a case for a policy, or for its whole family"),
    "matrix": ("tux3nb.commands.matrix", "cases by named policies, compared with the expected verdicts"),
    "policies": ("tux3nb.commands.policies", "which policies are safe in every world, which are least, and why"),
    "record": ("tux3nb.commands.record", "write the records of verdicts and of sets of policies, or compare with them"),
    "export-promela": ("tux3nb.commands.export_promela", "print a case's rules as Promela, for SPIN"),
    "report": ("tux3nb.report.cli", "run the notebooks and write self-contained HTML pages"),
    "lab": ("tux3nb.report.lab", "open the notebooks in JupyterLab"),
    "notebooks": ("tux3nb.report.notebooks", "run the notebooks in place and write them back, stable"),
    "witness": ("tux3nb.witness.cli", "small experiments on the running Linux kernel"),
}


class Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line, without the usage, and names the nearest options; none can be cut short."""

    def __init__(self, **more):
        super().__init__(allow_abbrev=False, **more)

    def error(self, message: str):
        raise UserError(f"{message}; see {self.prog} --help")

    def parse(self, argv: list[str]) -> argparse.Namespace:
        """The arguments of `argv`; UserError for a word or an option that the command does not take."""
        args, left = self.parse_known_args(argv)
        if left:
            options = args.options if left[0].startswith("-") else ()
            what = "takes no option" if options else "does not take"
            raise UserError(f"{what} {left[0]!r}{nearest(left[0], options)}")
        return args


def parser(name: str | None = None) -> Parser:
    """The parser; only the module of command `name` is imported."""
    top = Parser(prog="tux3nb", description="An executable design document for page forking.")
    top.add_argument("--version", action="version", version=f"tux3nb {__version__}")
    subs = top.add_subparsers(dest="command", metavar="COMMAND", required=True, prog="tux3nb")
    for command, (module, says) in COMMANDS.items():
        sub = subs.add_parser(command, help=says, description=says[0].upper() + says[1:] + ".")
        if command == name:
            loaded = importlib.import_module(module)
            loaded.configure(sub)
            sub.set_defaults(command_function=loaded.run, options=_options(sub))
    return top


def options(name: str) -> list[str]:
    """The options that a command takes."""
    sub = Parser()
    importlib.import_module(COMMANDS[name][0]).configure(sub)
    return _options(sub)


def _options(command: argparse.ArgumentParser) -> list[str]:
    return [word for action in command._actions for word in action.option_strings if word.startswith("--")]


INTERNAL_FAULT, CANNOT_WRITE, INTERRUPTED, READER_GONE = 70, 74, 130, 141
EXIT_CODES = {
    0: "fine: `check` found nothing violated; elsewhere all is as expected",
    1: "an answer: `check` found something VIOLATED; elsewhere something differs from what was expected, or failed",
    2: "bad input: one line names the wrong word and the nearest right one",
    3: "not whole: a limit was hit, memory ran out, or a worker process died",
    INTERNAL_FAULT: "a fault of this program, with a line that says how to report it",
    CANNOT_WRITE: "standard output cannot be written",
    INTERRUPTED: "interrupted",
    READER_GONE: "the reader of standard output has gone",
}
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns its exit code, one of `EXIT_CODES`."""
    if argv is None:
        argv = sys.argv[1:]
        _be_interruptible()
        os.environ.update(child_environment())  # also for those that a library starts
    name = next((a for a in argv if not a.startswith("-")), None)
    prog = f"tux3nb {name}" if name in COMMANDS else "tux3nb"
    if not _streams_are_open():
        print(f"{prog}: standard output is closed", file=sys.stderr)
        return CANNOT_WRITE
    try:
        if name is not None and name not in COMMANDS:
            raise UserError(f"no command {name!r}{nearest(name, COMMANDS)}")
        args = parser(name).parse(argv)
        code = args.command_function(args)
        sys.stdout.flush()  # here, where a reader that is gone can be told from a bug
        return code
    except Exception as error:  # noqa: BLE001  (said in one line, with the code for a bug)
        code, line = _ending(error)
    except KeyboardInterrupt:
        code, line = INTERRUPTED, "interrupted"
    if code != READER_GONE:
        print(line if code == INTERRUPTED else f"{prog}: {line}", file=sys.stderr)
    if code in (READER_GONE, CANNOT_WRITE):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still to be written has no place
    elif "--json" in argv:
        print(json.dumps({"error": line}))
    return code


def _ending(error: Exception) -> tuple[int, str]:
    """The exit code for an error, and the line that tells of it."""
    if isinstance(error, UserError | ModelError):
        return 2, str(error)
    if isinstance(error, WorkerDied):
        return 3, str(error)
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return 3, "no memory is left: give --max-memory, or ask for less"
    if isinstance(error, BrokenPipeError):
        return READER_GONE, ""
    if isinstance(error, OSError) and error.filename is not None:
        return 2, f"{os.fsdecode(error.filename)}: {error.strerror}"
    if isinstance(error, OSError) and error.errno in _NO_ROOM:  # files that cannot be written are a UserError
        return CANNOT_WRITE, f"standard output cannot be written: {error.strerror}"
    return INTERNAL_FAULT, _fault(error)


def _fault(error: Exception) -> str:
    """What to say of an error that no user can have made."""
    if os.environ.get("TUX3NB_TRACEBACK") == "1":
        traceback.print_exception(error)
    inside = os.path.dirname(__file__)
    frames = traceback.extract_tb(error.__traceback__)
    at = next((f for f in reversed(frames) if f.filename.startswith(inside)), frames[-1])
    place = f"{os.path.relpath(at.filename, os.path.dirname(inside))}, line {at.lineno}"
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return (
        f"a fault of this program: {text} ({place}); please report it: add to this line the command, and what it "
        f"prints with TUX3NB_TRACEBACK=1 set"
    )


def _streams_are_open() -> bool:
    """Make both streams say what they can of any letter; False where there is no standard output."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115  (as long as the process)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    return sys.stdout is not None


def _be_interruptible():
    """The first Ctrl-C ends the command, which gives back what it holds; a second one ends the process."""

    def interrupt(_number, _frame):
        signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)
