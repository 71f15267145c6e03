"""``tux3nb check CASE``: verdicts with their shortest runs."""

from __future__ import annotations

import json

from tux3nb.answers.judge import UNREACHED, Answer, judge
from tux3nb.answers.story import race
from tux3nb.cases.case import Case, named
from tux3nb.catalogue import find
from tux3nb.commands import cluster, limits
from tux3nb.commands.rows import as_json, deviations, exit_code, expected
from tux3nb.engine.policy import parse_policy
from tux3nb.errors import UserError, nearest
from tux3nb.model.features import FEATURES


def configure(parser):
    """Declare the command's arguments."""
    parser.add_argument("case", nargs="?", help="a case's name (see `tux3nb cases`), or a file that defines one")
    parser.add_argument("--free", metavar="FAMILY", help="instead: all that a family's actors can do, in any order")
    parser.add_argument("--ops", type=int, metavar="N", help="with --free: rounds that an actor has (default: 1)")
    parser.add_argument("--policy", action="append", default=[], metavar="FEATURE=VALUE",
                        help="deviate from the base policy; may be given more than once")  # fmt: skip
    parser.add_argument("--named", metavar="NAME", help="a named policy to start from (default: tux3)")
    parser.add_argument(
        "--all", action="store_true", help="every policy there is: every combination of what the case reads"
    )
    parser.add_argument("--vary", action="append", default=[], metavar="FEATURE",
                        help="with --all: only this feature varies; may be given more than once")  # fmt: skip
    parser.add_argument("--run", metavar="PROPERTY", help="show the run of this property")
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    parser.add_argument("--checkpoint", metavar="DIR",
                        help="with --scheduler or --workers: keep the search in DIR, and go on with it")  # fmt: skip
    cluster.configure(parser, "divide one world among N processes (needs tux3nb[cluster]; default: this process)")
    limits.configure(parser)


def run(args) -> int:
    """Exit code: 130 if interrupted, else 1 if anything is VIOLATED, else 3 if anything is UNFINISHED, else 0."""
    contradictory(args)
    case = asked_for(args)
    base = named(args.named) if args.named else case.policy
    policy = parse_policy(FEATURES, base, args.policy)
    if args.run and args.run not in {p.id for p in case.properties}:
        known = [p.id for p in case.properties]
        raise UserError(f"case {case.name} judges no property {args.run!r}{nearest(args.run, known)}")
    with cluster.connection(args, local=True) as at:
        if args.all:
            from tux3nb.commands import whole

            return whole.run(args, case, at)
        judged = judge(case, case.one(policy), limits.limits(args), limits.Progress(), True, at)
        answer = judged.answer(policy)
        if args.json:
            print(json.dumps({"results": as_json(answer)}))
        else:
            show(case, answer, args.run)
        return exit_code(judged, [answer.verdict])


def contradictory(args):
    """UserError for arguments of which one would silently have no effect."""
    if bool(args.case) == bool(args.free):
        raise UserError("name either a case (see `tux3nb cases`) or a family with --free FAMILY")
    if args.ops is not None and not args.free:
        raise UserError("--ops goes with --free: a case has its columns")
    if args.all and (args.policy or args.named or args.run):
        raise UserError("--all explores every policy; --policy, --named and --run speak of one")
    if args.vary and not args.all:
        raise UserError("--vary goes with --all: it says which policies are all")
    if args.checkpoint and not args.scheduler and (args.workers or 1) < 2:
        raise UserError("--checkpoint goes with --scheduler, or with more than one of --workers")
    if args.json and args.run:
        raise UserError("--json has every run; leave --run out")


def asked_for(args) -> Case:
    """The case named, or the free-running world of a family."""
    if args.case:
        return find(args.case)
    from tux3nb.catalogue.free import free

    return free(args.free, 1 if args.ops is None else args.ops)


def show(case: Case, answer: Answer, prop: str | None):
    """Print one policy's answer: its world, a line a property, the shortest run of `prop`."""
    print(f"case    {case.name}: {case.asks}")
    print(f"policy  {deviations(case, answer.policy)}")
    print(f"world   {answer.states:,} states, {answer.edges:,} edges, depth {answer.depth}")
    if case.bounds:
        print(f"bound   {case.bounds}")
    print(f"verdict {answer.verdict}")
    wanted, met = expected(answer)
    if wanted:
        print(f"expected {wanted}: {'as expected' if met else f'but it is {answer.told}'}")
    for line in answer.never_begin:
        print(f"never begins under this policy: {line}")
    print()
    for row in answer.rows:
        p = case.system.property(row.property)
        detail = f"after {row.depth} steps: {row.reason}" if row.run else ""
        title = f"{p.title} (advisory: makes no verdict)" if p.advisory else p.title
        print(f"  {p.id:4} {row!s:18} {title}{'  -- ' + detail if detail else ''}")
        if row.verdict == UNREACHED and not answer.never_begin:
            print(f"       nothing that {p.id} speaks of happened ({p.partner}): this case cannot judge it")
    unread = [f.id for f in FEATURES if f.id not in case.features_read]
    print(f"\n  this case never reads: {', '.join(unread) or 'nothing'}")
    shown = answer.row(prop) if prop else next((r for r in answer.rows if r.run), None)
    if shown and shown.run:
        p = case.system.property(shown.property)
        print(f"\n{p.id}, {p.title}: {p.sentence}\nbroken after {shown.depth} steps: {shown.reason}\n")
        print(race(case, shown.run))
        others = [r.property for r in answer.rows if r.run and r is not shown]
        if others and not prop:
            print(f"\nThe other runs: {', '.join('--run ' + o for o in others)}")
