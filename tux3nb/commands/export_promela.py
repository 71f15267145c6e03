"""``tux3nb export-promela CASE``: the rules of a case as Promela, for SPIN."""

import sys

from tux3nb.cases.case import named
from tux3nb.catalogue import find
from tux3nb.engine.policy import parse_policy
from tux3nb.engine.promela import promela
from tux3nb.model.features import FEATURES
from tux3nb.paths import write_whole


def configure(parser):
    parser.add_argument("case", help="a case's name (see `tux3nb cases`)")
    parser.add_argument("--policy", action="append", default=[], metavar="FEATURE=VALUE",
                        help="deviate from the base policy; may be given more than once")  # fmt: skip
    parser.add_argument("--named", metavar="NAME", help="a named policy to start from (default: the case's)")
    parser.add_argument("--family", action="store_true",
                        help="every policy of the case's family: SPIN chooses one first")  # fmt: skip
    parser.add_argument("-o", "--output", metavar="FILE", help="write there instead of to standard output")


def run(args) -> int:
    """Print the model. Compile it with ``spin -a FILE && cc -O2 -DSAFETY -o pan pan.c``, run it as ``./pan -E -n``."""
    case = find(args.case)
    base = named(args.named) if args.named else case.policy
    policy = parse_policy(FEATURES, base, args.policy)
    family = case.policies() if args.family else case.one(policy)
    text = promela(case.system, family)
    if args.output:
        write_whole(args.output, text)
    else:
        sys.stdout.write(text)
    return 0
