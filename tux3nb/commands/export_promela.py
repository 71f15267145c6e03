"""``tux3nb export-promela CASE``: the rules of a case as Promela, for SPIN."""

import sys

from tux3nb.cases.case import Case, named
from tux3nb.catalogue import find
from tux3nb.engine.policy import parse_policy
from tux3nb.engine.promela import promela
from tux3nb.errors import UserError
from tux3nb.model.features import FEATURES
from tux3nb.paths import write_whole


def configure(parser):
    """Declare the command's arguments."""
    parser.add_argument("case", help="a case's name (see `tux3nb cases`)")
    parser.add_argument("--policy", action="append", default=[], metavar="FEATURE=VALUE",
                        help="deviate from the base policy; may be given more than once")  # fmt: skip
    parser.add_argument("--named", metavar="NAME", help="a named policy to start from (default: the case's)")
    parser.add_argument("--family", action="store_true",
                        help="every combination of the features that the case reads and --policy leaves open: "
                             "SPIN chooses one first")  # fmt: skip
    parser.add_argument("--vary", action="append", default=[], metavar="FEATURE",
                        help="only combinations of these features; may be given more than once")  # fmt: skip
    parser.add_argument("-o", "--output", metavar="FILE", help="write there instead of to standard output")


def run(args) -> int:
    """Print the model.

    Compile it with ``spin -a FILE && cc -O2 -DSAFETY -DNOREDUCE -o pan pan.c`` and run it as ``./pan -E -n``; the lines
    that begin with TUX3NB tell what SPIN saw. ``POLICY_fork=always ./pan -E -n`` narrows a family.
    """
    case = find(args.case)
    base = named(args.named) if args.named else case.policy
    policy = parse_policy(FEATURES, base, args.policy)
    text = promela(case.system, policy, {fid: tuple(FEATURES[fid].values) for fid in varied(case, args)})
    if args.output:
        write_whole(args.output, text)
    else:
        sys.stdout.write(text)
    return 0


def varied(case: Case, args) -> list[str]:
    """The features to choose from: those of --vary, or with --family all that are read and that --policy leaves open.

    UserError for a feature that does not exist, that the case does not read, or that --policy fixes.
    """
    fixed = {setting.partition("=")[0] for setting in args.policy}
    for fid in args.vary:
        if fid in fixed:
            raise UserError(f"--vary {fid}: --policy gives it a value")
    if not (args.vary or args.family):
        return []
    return [f.id for f in case.product(args.vary or None).vary if f.id not in fixed]
