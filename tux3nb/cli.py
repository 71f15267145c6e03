"""``tux3nb COMMAND``: finds the command's module, and turns a user's mistake into one line and exit code 2."""

from __future__ import annotations

import argparse
import importlib
import os
import sys

from . import __version__
from .errors import ModelError, UserError, nearest

COMMANDS = {
    "cases": ("tux3nb.commands.cases", "list the cases and what each asks"),
    "check": ("tux3nb.commands.check", "explore a case for a policy, or for its whole family"),
    "matrix": ("tux3nb.commands.matrix", "cases by named policies, compared with the expected verdicts"),
    "record": ("tux3nb.commands.record", "write data/verdicts.csv, or compare with it"),
    "mutants": ("tux3nb.commands.mutants", "drop each condition of each rule: does anything that is written change?"),
    "export-promela": ("tux3nb.commands.export_promela", "print a case's rules as Promela, for SPIN"),
    "report": ("tux3nb.report.cli", "run the notebooks and write self-contained HTML pages"),
    "lab": ("tux3nb.report.lab", "open the notebooks in JupyterLab"),
    "notebooks": ("tux3nb.report.notebooks", "run the notebooks in place and write them back, stable"),
    "witness": ("tux3nb.witness.cli", "small experiments on the running Linux kernel"),
}


def parser(name: str | None = None) -> argparse.ArgumentParser:
    """The parser; only the module of command `name` is imported."""
    top = argparse.ArgumentParser(prog="tux3nb", description="An executable design document for page forking.")
    top.add_argument("--version", action="version", version=f"tux3nb {__version__}")
    subs = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command, (module, says) in COMMANDS.items():
        sub = subs.add_parser(command, help=says, description=says[0].upper() + says[1:] + ".")
        if command == name:
            loaded = importlib.import_module(module)
            loaded.configure(sub)
            sub.set_defaults(command_function=loaded.run)
    return top


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns its exit code (2 for bad input)."""
    argv = sys.argv[1:] if argv is None else argv
    name = next((a for a in argv if not a.startswith("-")), None)
    if name is not None and name not in COMMANDS:
        print(f"tux3nb: no command {name!r}{nearest(name, COMMANDS)}", file=sys.stderr)
        return 2
    try:
        args = parser(name).parse_args(argv)
        return args.command_function(args)
    except (UserError, ModelError) as e:
        print(f"tux3nb {name}: {e}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
