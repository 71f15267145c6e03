"""``tux3nb COMMAND``: finds the command's module, and turns a user's mistake into one line and exit code 2."""

from __future__ import annotations

import argparse
import importlib
import os
import sys

from tux3nb import __version__
from tux3nb.errors import ModelError, UserError, nearest

COMMANDS = {
    "cases": ("tux3nb.commands.cases", "list the cases and what each asks"),
    "check": ("tux3nb.commands.check", "explore a case for a policy, or for its whole family"),
    "matrix": ("tux3nb.commands.matrix", "cases by named policies, compared with the expected verdicts"),
    "record": ("tux3nb.commands.record", "write data/verdicts.csv, or compare with it"),
    "export-promela": ("tux3nb.commands.export_promela", "print a case's rules as Promela, for SPIN"),
    "report": ("tux3nb.report.cli", "run the notebooks and write self-contained HTML pages"),
    "lab": ("tux3nb.report.lab", "open the notebooks in JupyterLab"),
    "notebooks": ("tux3nb.report.notebooks", "run the notebooks in place and write them back, stable"),
    "witness": ("tux3nb.witness.cli", "small experiments on the running Linux kernel"),
}


class Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line, without the usage, and names the nearest options."""

    def error(self, message: str):
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")

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
            options = [word for action in sub._actions for word in action.option_strings if word.startswith("--")]
            sub.set_defaults(command_function=loaded.run, options=options)
    return top


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns its exit code (2 for bad input)."""
    argv = sys.argv[1:] if argv is None else argv
    name = next((a for a in argv if not a.startswith("-")), None)
    if name is not None and name not in COMMANDS:
        print(f"tux3nb: no command {name!r}{nearest(name, COMMANDS)}", file=sys.stderr)
        return 2
    try:
        args = parser(name).parse(argv)
        code = args.command_function(args)
        sys.stdout.flush()  # here, where a reader that is gone can be told from a bug
        return code
    except (UserError, ModelError) as e:
        print(f"tux3nb {name}: {e}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as e:
        if e.filename is None:
            raise
        print(f"tux3nb {name}: {e.filename}: {e.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
