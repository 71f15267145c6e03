"""``tux3nb check CASE --all``: what a case says of every policy there is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tux3nb.answers.judge import HOLDS, REFUSED, UNFINISHED, UNREACHED, VIOLATED, Judged, Row, judge
from tux3nb.cases.case import Case, named
from tux3nb.commands import limits
from tux3nb.commands.rows import as_json, deviations, exit_code, steps_json
from tux3nb.engine.family import PolicySet
from tux3nb.model.features import FEATURES

if TYPE_CHECKING:
    from tux3nb.cluster.connect import Connection

SHOWN = 6  # lines of a set, or least safe policies, that a person reads at once
MORE = "and more"
MOST_LINES = 200  # of a set in the JSON document
FEW = 200  # policies that the document lists one by one; of a larger family it lists those named in the case
HEADS = {VIOLATED: "violated", UNFINISHED: "unfinished", UNREACHED: "unreached", REFUSED: "refused", HOLDS: "holds"}


def run(args, case: Case, at: Connection | None) -> int:
    """Explore the product of all features that the case reads (or of those in ``--vary``) and tell of it."""
    family = case.product(args.vary or None)
    judged = judge(case, family, limits.limits(args), limits.Progress(), True, at)
    if args.json:
        print(json.dumps(document(judged)))
    else:
        show(judged)
    return exit_code(judged, (v for v, policies in judged.overall().items() if policies))


def first_runs(judged: Judged) -> list[tuple[Row, PolicySet]]:
    """For each violated property the shortest run of all, with the policies whose shortest run it is."""
    return [found for p in judged.case.properties for found in judged.covers(p.id, most=1)]


def document(judged: Judged) -> dict[str, Any]:
    """The JSON document. A set is {"policies": how many, "cover": [{feature: values}], "diagram": text}."""
    case, family = judged.case, judged.run.family
    by_property = {p.id: judged.verdicts(p.id) for p in case.properties}
    overall = judged.overall()
    every = family.count(family.all) <= FEW
    listed = family.all.policies() if every else filter(lambda p: _inside(judged, p), map(named, case.expect))
    return {
        "case": case.name,
        "family": family.count(family.all),
        "varied": [f.id for f in family.vary],
        "fixed": {f: case.policy[f] for f in case.features_read if f not in {v.id for v in family.vary}},
        "states": judged.run.shared_states,
        "verdicts": {verdict: as_set(policies) for verdict, policies in overall.items() if policies},
        "by_property": {p: {v: k.count() for v, k in found.items()} for p, found in by_property.items()},
        "violated": {p: as_set(found[VIOLATED]) for p, found in by_property.items() if found[VIOLATED]},
        "least_safe": list(judged.safe().minimal().policies()),
        "runs": [
            {
                "property": row.property,
                "depth": row.depth,
                "reason": row.reason,
                "policies": as_set(policies),
                "run": steps_json(case, row),
            }
            for row, policies in first_runs(judged)
        ],
        "results_for": "every policy" if every else "the policies named in the case",
        "results": [row for policy in listed for row in as_json(judged.answer(policy, runs=False))],
    }


def _inside(judged: Judged, policy: Mapping[str, str]) -> bool:
    """Whether a named policy is one of the family: it differs from the case's base in what varies only."""
    read = judged.case.features_read
    fixed = set(read) - {f.id for f in judged.run.family.vary}
    return all(policy[f] == judged.case.policy[f] for f in fixed)


def as_set(policies: PolicySet) -> dict[str, Any]:
    """A set of policies as a JSON object: how many, a short cover, the diagram as text."""
    return {
        "policies": policies.count(),
        "cover": [{f: list(v) for f, v in line.items()} for line in policies.cover(MOST_LINES)],
        "diagram": policies.text(),
    }


def lines_of(policies: PolicySet, most: int = SHOWN) -> list[str]:
    """A set as lines of ``feature in {values}``, the first of them where there are many."""
    lines = [told(line) for line in policies.cover(most + 1)]
    return [*lines[:most], MORE] if len(lines) > most else lines


def told(line: Mapping[str, tuple[str, ...]]) -> str:
    """One line of a cover in words."""
    parts = []
    for fid, values in line.items():
        others = [v for v in FEATURES[fid].values if v not in values]
        if len(others) < len(values):
            parts.append(f"{fid} not {_values(others)}")
        else:
            parts.append(f"{fid} {'in ' if len(values) > 1 else '= '}{_values(values)}")
    return ", ".join(parts) or "every policy"


def _values(values) -> str:
    return next(iter(values)) if len(values) == 1 else "{" + ", ".join(values) + "}"


def show(judged: Judged) -> None:
    """Print the verdicts of the whole product, and a run of each property."""
    case, family = judged.case, judged.run.family
    everyone, overall = family.count(family.all), judged.overall()
    print(f"case    {case.name}: {case.asks}")
    print(f"family  {everyone:,} policies: every combination of {', '.join(f.id for f in family.vary) or 'nothing'}")
    fixed = [f"{f}={case.policy[f]}" for f in case.features_read if f not in {v.id for v in family.vary}]
    if fixed:
        print(f"        fixed: {', '.join(fixed)}")
    print(f"world   {judged.run.shared_states:,} states shared by all of them\n")
    heads = list(HEADS)
    print(f"  {'':12}" + "".join(f"{HEADS[v]:>13}" for v in heads))
    for p in case.properties:
        found = judged.verdicts(p.id)
        note = "  (reported apart)" if p.advisory else ""
        print(f"  {p.id:12}" + "".join(f"{found[v].count():13,}" for v in heads) + f"  {p.title}{note}")
    print(f"  {'the case':12}" + "".join(f"{overall[v].count():13,}" for v in heads))
    for row, policies in first_runs(judged):
        p = case.system.property(row.property)
        print(f"\n{p.id}, {p.title}: first broken after {row.depth} steps, under {policies.count():,} policies")
        print(f"  {row.reason}")
        for line in lines_of(judged.run.violated(p.id)):
            print(f"  {line if line == MORE else f'violated where {line}'}")
    least = judged.safe().minimal()
    print(f"\nThe least safe policies, from which nothing can be dropped: {least.count():,}")
    for n, policy in enumerate(least.policies()):
        if n == SHOWN:
            print(f"  {MORE}")
            break
        print(f"  {deviations(case, policy)}")
