"""``tux3nb policies``: what every policy does in every world at once: which are safe, which are least, and why."""

from __future__ import annotations

import itertools
import json
import os
import sys
from typing import Any

from tux3nb.answers.cost import (
    COSTS,
    DEFAULT,
    UNIT,
    Parameters,
    baselines,
    costs_of,
    front,
    front_of,
    parameters,
    sensitivity,
)
from tux3nb.answers.judge import Row, check
from tux3nb.answers.least import BUILDERS, LEFT_OUT, NEVER_FORK, Answers, Break, Drop, by_owner, changes, the_policy
from tux3nb.answers.parts import worlds_on
from tux3nb.answers.story import race
from tux3nb.answers.worlds import World, explore_worlds, find_world, free_names, recorded_worlds
from tux3nb.catalogue import catalogue
from tux3nb.commands import cluster, limits
from tux3nb.commands.matrix import follow
from tux3nb.commands.rows import steps_json
from tux3nb.commands.whole import lines_of
from tux3nb.engine.policy import Policy
from tux3nb.errors import UserError, WorkerDied, nearest, positive
from tux3nb.model.features import FEATURES, not_promised
from tux3nb.model.properties import PROPERTIES

SHOWN = 12  # worlds, or policies of a least change, that a person reads at once


def configure(parser):
    """Declare the command's arguments."""
    parser.add_argument("--worlds", nargs="*", metavar="WORLD",
                        help="only these: cases, free-running worlds such as free+rdma+1, cases, free, today (those "
                        "without the plain references of 2015)")  # fmt: skip
    parser.add_argument("--properties", nargs="*", metavar="ID", help="only these properties count")
    parser.add_argument("--minimal", action="store_true",
                        help="list the safe policies from which no mechanism can be dropped")  # fmt: skip
    parser.add_argument("--runs", action="store_true",
                        help="with --minimal: the run that breaks each drop, from the rules")  # fmt: skip
    parser.add_argument("--needs", action="append", default=[], metavar="FEATURE=VALUE",
                        help="what excludes the policies without it")  # fmt: skip
    parser.add_argument("--why", action="append", default=[], metavar="POLICY",
                        help="where a policy fails, or what it pays: NAME or FEATURE=VALUE,...")  # fmt: skip
    parser.add_argument("--least-change", action="append", default=[], metavar="POLICY",
                        help="the fewest mechanisms to change in it, by who has to build them")  # fmt: skip
    parser.add_argument("--as-good-as-never-forking", action="store_true",
                        help="which policies violate nothing that never forking keeps")  # fmt: skip
    parser.add_argument(
        "--bounds", action="store_true", help="every world, its bounds, and what is still safe after it"
    )
    parser.add_argument("--front", action="store_true",
                        help="what safe policies cost, those that none beats in every cost (seconds)")  # fmt: skip
    parser.add_argument("--delta-ms", type=positive(int), default=DEFAULT[0], metavar="MS",
                        help=f"with --front: the recorded delta interval (default: {DEFAULT[0]})")  # fmt: skip
    parser.add_argument("--device", default=DEFAULT[1], metavar="NAME",
                        help=f"with --front: the recorded device (default: {DEFAULT[1]})")  # fmt: skip
    parser.add_argument("--over", nargs="*", default=list(COSTS), metavar="COST",
                        help="with --front: only these costs are compared")  # fmt: skip
    parser.add_argument("--fresh", action="store_true", help="explore the worlds anew, and use no record (minutes)")
    parser.add_argument("--rounds", type=positive(int), default=1, metavar="N",
                        help="free-running worlds with up to N rounds (default: 1)")  # fmt: skip
    cluster.configure(parser, "with --fresh: in N processes of this machine (default: one a core)", "--jobs")
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    limits.configure(parser)


def run(args) -> int:
    """Exit code: 0, or 3 where a world is unfinished (130: interrupted)."""
    asked = [(f, v) for text in args.needs for f, v in [setting(text)]]
    policies = {text: the_policy(text) for text in (*args.why, *args.least_change)}
    front({}, args.over)  # unknown costs, intervals and devices are known before minutes have passed
    numbers = parameters(args.delta_ms, args.device)
    if args.runs and not args.minimal:
        raise UserError("--runs goes with --minimal: it shows what breaks each of its drops")
    try:
        answers = Answers(worlds(args), args.properties)
    except WorkerDied as died:
        print(died, file=sys.stderr)
        return 3
    if args.json:
        found = document(answers, args, asked, policies)
        print(json.dumps({**found, **({"front": front_json(answers, args, numbers)} if args.front else {})}))
    else:
        show(answers, args, asked, policies)
        if args.front:
            show_front(answers, args, numbers)
    return 3 if answers.unfinished else 0


def setting(text: str) -> tuple[str, str]:
    """``feature=value``; UserError for what is none."""
    fid, sep, value = text.partition("=")
    if not sep:
        raise UserError(f"{text!r}: write FEATURE=VALUE{nearest(fid, [f.id for f in FEATURES])}")
    feature = FEATURES[fid]
    if feature.control:
        raise UserError(f"{fid} is a control, which never varies")
    return fid, feature.need(value)


# ---- the worlds --------------------------------------------------------------------------------------------------
def worlds(args) -> list[World]:
    """The worlds that are asked for, from the record or explored anew."""
    names = names_of(args.worlds, args.rounds)
    if args.fresh:
        bar = follow(len(names), "world")
        with cluster.connection(args) as at:
            count = args.workers or min(len(names), os.cpu_count() or 1)
            given = names, limits.limits(args)
            return worlds_on(at, *given, bar) if at else explore_worlds(*given, count, bar)
    if args.scheduler:
        raise UserError("--scheduler goes with --fresh: the record is read, not explored")
    known = recorded_worlds()
    if args.worlds is None:  # more rounds are recorded where they have been explored
        names = [n for n in names if n in known or n not in _free(range(2, args.rounds + 1))]
    for name in names:
        if name not in known:
            raise UserError(f"{name} is not in the record; --fresh explores it")
    return [known[name] for name in names]


def names_of(given: list[str] | None, rounds: int) -> list[str]:
    """The names of the worlds that are meant; None: all there are."""
    words = {"cases": list(catalogue()), "free": _free(range(1, rounds + 1))}
    every = [*words["cases"], *words["free"]]
    if given is None:
        return every
    if "today" in given:
        words["today"] = [n for n in every if not any(h.unpinned for h in find_world(n).world.holders)]
    names = list(dict.fromkeys(name for word in given for name in words.get(word, [word])))
    for name in names:
        find_world(name)
    return names


def _free(rounds) -> list[str]:
    return [name for n in rounds for name in free_names(n)]


# ---- as data -----------------------------------------------------------------------------------------------------
def document(answers: Answers, args, needs, policies) -> dict[str, Any]:
    """The JSON document; a set is {"policies": how many, "cover": [{feature: values}], "diagram": text}."""
    optional = [p.id for p in PROPERTIES if p.optional and p.id in answers.properties]
    promised = [p for p in answers.properties if p not in optional]
    without = answers.narrowed(promised) if optional and promised else answers
    return {
        "family": answers.family.all.count(),
        "worlds": list(answers.worlds),
        "unfinished": list(answers.unfinished),
        "properties": list(answers.properties),
        "safe": answers.safe.count(),
        "as_good_as_never_forking": answers.as_good_as_never_forking.count(),
        "shared": {f: list(v) for f, v in answers.shared().items()},
        "without_optional": {"left_out": optional, "safe": without.safe.count(), "minimal": without.minimal.count()},
        "minimal": [least_json(answers, p, args.runs) for p in answers.minimal.policies()],
        "excluded_by": {name: policies.count() for name, policies in answers.excluded.items()},
        "excluded_only_by": answers.excluded_only_by(),
        "not_modelled": list(LEFT_OUT),
        **({"bounds": [{**bounds_json(w), "safe": n} for w, n in answers.shrinking()]} if args.bounds else {}),
        **({"needs": {f"{f}={v}": vars(answers.needs(f, v)) for f, v in needs}} if needs else {}),
        **({"why": {t: why_json(answers, policies[t], args) for t in args.why}} if args.why else {}),
        **(
            {"least_change": {t: least_change_json(answers, policies[t]) for t in args.least_change}}
            if args.least_change
            else {}
        ),
    }


def bounds_json(world: World) -> dict[str, Any]:
    """The bounds of a world: everything but its rows."""
    return {k: v for k, v in vars(world).items() if k != "rows"}


def least_json(answers: Answers, policy: Policy, runs: bool) -> dict[str, Any]:
    """A minimal policy with its owners, and what breaks without each of its mechanisms."""
    return {
        "policy": policy,
        "owners": by_owner(policy),
        "drops": [drop_json(policy, d, runs) for d in answers.drops(policy)],
    }


def drop_json(policy: Policy, drop: Drop, runs: bool) -> dict[str, Any]:
    """case, property and depth are those of the run that is easiest to read; in how many worlds something breaks."""
    first = drop.breaks[0] if drop.breaks else None
    found = {
        "feature": drop.feature,
        "from": drop.value,
        "to": drop.lower,
        "case": first and first.world,
        "property": first and first.property,
        "depth": first and first.depth,
        "worlds": len({b.world for b in drop.breaks}),
        "impossible": drop.impossible,
    }
    if runs and first:
        found["run"] = steps_json(find_world(first.world), row_of(policy, drop, first))
    return found


def row_of(policy: Policy, drop: Drop, found: Break) -> Row:
    """What the rules say of the policy without the mechanism, on the property that breaks, with its run."""
    return check(find_world(found.world), {**policy, drop.feature: drop.lower}).row(found.property)


def why_json(answers: Answers, policy: Policy, args) -> dict[str, Any]:
    """Where a policy fails, or what it pays."""
    safe = policy in answers.safe
    return {
        "policy": policy,
        "safe": safe,
        "costs": costs_of(policy, parameters(args.delta_ms, args.device)) if safe else None,
        "as_good_as_never_forking": policy in answers.as_good_as_never_forking,
        "owners": by_owner(policy),
        "not_promised": list(not_promised(policy)),
        "breaks": [vars(b) for b in answers.breaks(policy)],
        "qualified": answers.qualified(policy),
        "to_spare": [f"{d.feature}={d.value}" for d in spare(answers, policy)],
    }


def spare(answers: Answers, policy: Policy) -> list[Drop]:
    """The mechanisms of a safe policy that can be dropped."""
    if policy not in answers.safe:
        return []
    return [d for d in answers.drops(policy) if not d.breaks and not d.impossible]


def least_change_json(answers: Answers, policy: Policy) -> dict[str, Any]:
    """Builder -> the fewest changes that make a policy safe."""
    found = {}
    for who, builders in BUILDERS.items():
        change = answers.least_change(policy, builders)
        found[who] = {"fewest": change.fewest, "changes": [changes(p, policy) for p in change.policies.policies()]}
    return found


# ---- for a reader ------------------------------------------------------------------------------------------------
def show(answers: Answers, args, needs, policies) -> None:
    """Print what was asked for."""
    head(answers)
    if args.bounds:
        show_bounds(answers)
    if args.minimal:
        show_minimal(answers, args.runs)
    if args.as_good_as_never_forking:
        print(
            f"\nAs good as never forking ({', '.join(f'{f}={v}' for f, v in NEVER_FORK.items())}, the rest the same):"
        )
        for line in lines_of(answers.as_good_as_never_forking, SHOWN):
            print(f"  {line}")
        forking = answers.as_good_as_never_forking - answers.family.all.having("fork", "never")
        print(f"The least of those that fork, from which nothing can be dropped: {forking.minimal().count():,}")
        for policy in itertools.islice(forking.minimal().policies(), SHOWN):
            print(f"  tux3 with {', '.join(changes(policy)) or 'nothing changed'}")
    for fid, value in needs:
        show_needs(answers, fid, value)
    for text in args.why:
        show_why(answers, text, policies[text], args)
    for text in args.least_change:
        show_least_change(answers, text, policies[text])


def head(answers: Answers) -> None:
    """Print how many worlds and policies there are, how many are safe, and what these share."""
    scripted = sum(not w.rounds for w in answers.worlds.values())
    rounds = [w.rounds for w in answers.worlds.values() if w.rounds]
    told = [f"{scripted} case{'s' if scripted != 1 else ''}"] if scripted else []
    for n in sorted(set(rounds)):
        told.append(f"{rounds.count(n)} free-running world{'s' * (rounds.count(n) != 1)} of {n} round{'s' * (n != 1)}")
    print(f"family   {answers.family.all.count():,} policies: every combination of {len(answers.family.vary)} features")
    print(f"worlds   {' and '.join(told)} (--bounds tells of each)")
    if answers.unfinished:
        print(f"         UNFINISHED, and no part of what is said: {', '.join(answers.unfinished)}")
    print(f"judged   {', '.join(answers.properties)}, each where a world judges it")
    print(f"safe     {answers.safe.count():,} policies violate none of these in any of these worlds")
    optional = [p.id for p in PROPERTIES if p.optional and p.id in answers.properties]
    if optional and len(optional) < len(answers.properties):
        without = answers.narrowed([p for p in answers.properties if p not in optional])
        print(f"         without {', '.join(optional)}, which nobody promises: {without.safe.count():,}")
    if answers.safe:
        one = {f: v for f, v in answers.shared().items() if len(v) == 1}
        some = {f: v for f, v in answers.shared().items() if len(v) > 1}
        if one:
            print(f"         all have {', '.join(f'{f}={v[0]}' for f, v in one.items())}")
        for fid, values in some.items():
            print(f"         none has {fid}={'|'.join(v for v in FEATURES[fid].values if v not in values)}")
    print(
        f"minimal  {answers.minimal.count():,} of them, from which no mechanism can be dropped (--minimal lists them)"
    )
    print(f"as good  {answers.as_good_as_never_forking.count():,} policies violate nothing that never forking keeps")
    print("assumed  " + "; ".join(LEFT_OUT))


def show_bounds(answers: Answers) -> None:
    """Print how the safe set shrinks, a world a line."""
    print("\nEvery world, and how many policies are safe in it and in all before it:")
    width, alone = max(map(len, answers.worlds)), answers.excluded_only_by()
    for world, safe in answers.shrinking():
        only = f"  {alone[world.name]:,} fail here alone" if world.name in alone else ""
        stopped = f"  UNFINISHED({world.stopped})" if world.stopped else ""
        print(f"  {world.name:{width}} {safe:13,}{only}{stopped}")
        print(f"  {'':{width}} {world.bounds}; {world.states:,} states")


def show_minimal(answers: Answers, runs: bool) -> None:
    """Print each minimal policy, its owners, and what breaks without each mechanism."""
    for n, policy in enumerate(answers.minimal.policies(), 1):
        print(f"\n{n}. tux3 with {', '.join(changes(policy)) or 'nothing changed'}")
        for owner, built in by_owner(policy).items():
            print(f"   {owner:12} {', '.join(built)}")
        for drop in answers.drops(policy):
            print(f"   without {drop.feature}={drop.value} ({drop.lower}): {breaks(drop)}")
            if runs and drop.breaks:
                row = row_of(policy, drop, drop.breaks[0])
                print(f"\n   {row.property} is broken after {row.depth} steps: {row.reason}")
                told = race(find_world(drop.breaks[0].world), row.run) if row.run else ""
                print("\n".join(f"   {line}" for line in told.splitlines()) + "\n")


def breaks(drop: Drop) -> str:
    """What happens without a mechanism, in words."""
    if drop.impossible:
        return f"there is no such policy: {drop.impossible}"
    first, worlds = drop.breaks[0], {b.world for b in drop.breaks}
    more = f", and in {len(worlds) - 1} more world{'s' * (len(worlds) > 2)}" if len(worlds) > 1 else ""
    return f"{told(first)}{more}"


def told(found: Break) -> str:
    """One break in words: property, world and steps."""
    return f"{found.property} in {found.world} " + ("unfinished" if found.depth is None else f"({found.depth} steps)")


def show_needs(answers: Answers, fid: str, value: str) -> None:
    """Print what excludes the policies that do without a value."""
    need = answers.needs(fid, value)
    print(f"\n{fid}={value}: {need.safe:,} safe policies have it, {need.without:,} have not.")
    if not need.safe:
        print("  No safe policy has it, so none needs it.")
        return
    print(f"  {need.otherwise_safe:,} policies have it not, and would be safe with it. Excluded of these by:")
    for name, n in list(need.excluded.items())[:SHOWN]:
        print(f"  {n:13,}  {name}")
    if len(need.excluded) > SHOWN:
        print(f"  {'':13}  and {len(need.excluded) - SHOWN} more worlds")
    if need.together:
        print(f"  Together these exclude all of them: {', '.join(need.together)}")
    elif need.otherwise_safe:
        print("  Some of these are safe: the value is needed with some other values only.")


def show_why(answers: Answers, text: str, policy: Policy, args) -> None:
    """Print where a policy fails, or what it pays."""
    found = answers.breaks(policy)
    good = policy in answers.as_good_as_never_forking
    print(f"\n{text}: tux3 with {', '.join(changes(policy)) or 'nothing changed'}")
    for owner, built in by_owner(policy).items():
        print(f"  {owner:12} {', '.join(built)}")
    print(f"  as good as never forking: {'yes' if good else 'no'}")
    if spared := [p for p in not_promised(policy) if p in answers.properties]:
        print(f"  does not promise {', '.join(spared)}, which are judged all the same")
    if found:
        print(f"  violates {len(found)} properties in {len({b.world for b in found})} of {len(answers.worlds)} worlds:")
        for b in found:
            print(f"    {told(b)}")
        return
    print("  safe in all of these worlds")
    for verdict, names in answers.qualified(policy).items():
        print(f"  {verdict} in {len(names)} worlds: {', '.join(names)}")
    for drop in spare(answers, policy):
        print(f"  to spare: {drop.feature}={drop.value} ({drop.lower} is enough)")
    print(f"  pays, with a delta each {args.delta_ms} ms on the {args.device} disk:")
    for cost, value in costs_of(policy, parameters(args.delta_ms, args.device)).items():
        print(f"    {value:12,.5g}  {cost}, {COSTS[cost]}")


def show_least_change(answers: Answers, text: str, policy: Policy) -> None:
    """Print the fewest changes that make a policy safe, for each builder."""
    print(f"\nThe fewest changes that make {text} safe:")
    for who, builders in BUILDERS.items():
        change = answers.least_change(policy, builders)
        if change.fewest is None:
            print(f"  {who}: no change is enough")
            continue
        print(f"  {who}: {change.fewest}, in {change.policies.count():,} ways")
        for p in itertools.islice(change.policies.policies(), SHOWN):
            print(f"    {', '.join(changes(p, policy)) or 'none: it is safe'}")
        if change.policies.count() > SHOWN:
            print("    and more")


# ---- costs -------------------------------------------------------------------------------------------------------
def front_json(answers: Answers, args, numbers: Parameters) -> dict[str, Any]:
    """The policies of the front with their costs."""
    best = front_of(answers.safe, numbers, args.over)
    return {
        "delta_ms": args.delta_ms,
        "device": args.device,
        "costs": COSTS,
        "assumed": list(numbers.assumed),
        "front": [{"policy": policy, "costs": found} for policy, found in best],
        "baselines": {name: costs_of(policy, numbers) for name, policy in baselines().items()},
        "sensitive": {
            name: [{"factor": f, "joins": joins, "leaves": leaves} for f, (joins, leaves) in by_factor.items()]
            for name, by_factor in sensitivity(answers.safe, numbers, args.over).items()
        },
    }


def show_front(answers: Answers, args, numbers: Parameters) -> None:
    """Print the policies of the front with their costs."""
    print(f"\nSafe policies that none beats in every cost; a delta each {args.delta_ms} ms, {args.device} disk:")
    rows = {str(n): row for n, row in enumerate(front_of(answers.safe, numbers, args.over), 1)}
    for n, (policy, _) in rows.items():
        print(f"  {n}. tux3 with {', '.join(changes(policy))}")
    rows.update({name: (policy, costs_of(policy, numbers)) for name, policy in baselines().items()})
    width = max(map(len, rows))
    print("\n  " + " " * width + "".join(f"{cost:>12}" for cost in COSTS))
    print("  " + " " * width + "".join(f"{UNIT[cost]:>12}" for cost in COSTS))
    for name, (_, found) in rows.items():
        print(f"  {name:{width}}" + "".join(f"{found[cost]:12,.5g}" for cost in COSTS))
    print()
    for cost, says in COSTS.items():
        print(f"  {cost:12} {says}")
    print("\nAssumed and not recorded, and how this front changes where the number is so many times as large:")
    for name, by_factor in sensitivity(answers.safe, numbers, args.over).items():
        changed = (f"x{f:g}: {joins} join, {leaves} leave" for f, (joins, leaves) in by_factor.items())
        print(f"  {name:18} {'; '.join(changed) or 'not at all, from none to ten times'}")
