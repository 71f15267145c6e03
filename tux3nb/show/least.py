"""What the notebooks ask of all policies at once, as tables: which are safe, which are least, why, and at what cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from tux3nb.answers import cost
from tux3nb.answers.least import BUILDERS, Answers, by_owner, changes, the_policy
from tux3nb.answers.worlds import recorded_worlds
from tux3nb.errors import UserError, nearest
from tux3nb.show.cells import Table

Policy = str | Mapping[str, str]


@cache
def _answers(worlds: tuple[str, ...] | None, properties: tuple[str, ...] | None, rounds: int, today: bool) -> Answers:
    known = recorded_worlds()
    if today:
        known = {name: w for name, w in known.items() if not w.unpinned}
    chosen = [w for w in known.values() if w.rounds <= rounds] if worlds is None else []
    for name in worlds or ():
        if name not in known:
            raise UserError(f"{name} is not in the record{nearest(name, known)}")
        chosen.append(known[name])
    return Answers(chosen, properties)


def answers(
    worlds: Iterable[str] | None = None,
    properties: Iterable[str] | None = None,
    rounds: int = 1,
    today: bool = False,
) -> Answers:
    """What the recorded worlds say of every policy there is: `safe`, `minimal` and `as_good_as_never_forking` as sets.

    worlds: names (None: all cases, and the free-running worlds of up to so many rounds). properties: those that count
    (None: all but advisory ones). today: without the worlds in which a holder has a plain reference, as in 2015, where
    kernels of today pin. Raises UserError for a world that is not recorded and a property that none judges.
    """
    return _answers(*(None if given is None else tuple(given) for given in (worlds, properties)), rounds, today)


def least(found: Answers | None = None) -> Table:
    """The minimal policies, one row each: what each owner has to build."""
    rows = {}
    for n, policy in enumerate((found or answers()).minimal.policies(), 1):
        rows[n] = {who: " ".join(built) for who, built in by_owner(policy).items()}
    return Table.from_dict(rows, orient="index").fillna("").rename_axis("policy")


def drops(policy: Policy, found: Answers | None = None) -> Table:
    """What breaks when a mechanism of a policy goes: one row a step down in a feature's order.

    Of several runs that of the shortest case is told, with the number of worlds in which something breaks.
    """
    rows = {}
    for d in (found or answers()).drops(the_policy(policy)):
        first = d.breaks[0] if d.breaks else None
        rows[f"{d.feature}={d.value}", d.lower] = {
            "breaks": first.property if first else d.impossible or "nothing",
            "in": first.world if first else "",
            "steps": first.depth if first else "",
            "worlds": len({b.world for b in d.breaks}),
        }
    told = [{"without": without, "instead": lower, **row} for (without, lower), row in rows.items()]
    heads = ["instead", "breaks", "in", "steps", "worlds"]
    return Table([[r[h] for h in heads] for r in told], columns=heads, index=[r["without"] for r in told]).rename_axis(
        "without"
    )


def why(policy: Policy, found: Answers | None = None) -> Table:
    """Where a policy fails: world, property and steps of the shortest run, cases first; empty for a safe one."""
    breaks = (found or answers()).breaks(the_policy(policy))
    rows = [[b.property, "unfinished" if b.depth is None else b.depth] for b in breaks]
    return Table(rows, columns=["violates", "steps"], index=[b.world for b in breaks]).rename_axis("world")


def needs(setting: str, found: Answers | None = None) -> Table:
    """The worlds that exclude policies without ``FEATURE=VALUE`` which would be safe with it, and how many each."""
    fid, _, value = setting.partition("=")
    need = (found or answers()).needs(fid, value)
    rows = [[n, "yes" if name in need.together else ""] for name, n in need.excluded.items()]
    heads = ["excludes", "enough together"]
    return Table(rows, columns=heads, index=list(need.excluded)).rename_axis(f"without {setting}")


def least_change(policy: Policy, found: Answers | None = None) -> Table:
    """The fewest features that a policy must change in to be safe, by who may have to build the new values."""
    base, rows = the_policy(policy), {}
    for who, builders in BUILDERS.items():
        change = (found or answers()).least_change(base, builders)
        ways = "\n".join(" ".join(changes(p, base)) for p in change.policies.policies())
        rows[who] = {"changes": "none is enough" if change.fewest is None else change.fewest, "ways": ways}
    return Table.from_dict(rows, orient="index", columns=["changes", "ways"]).rename_axis("built by")


def bounds(found: Answers | None = None) -> Table:
    """Every world with its bounds, and how many policies are safe in it and in all before it."""
    found = found or answers()
    rows, alone = {}, found.excluded_only_by()
    for world, safe in found.shrinking():
        finished = f"UNFINISHED({world.stopped})" if world.stopped else f"{world.states:,} states"
        rows[world.name] = {
            "bounds": world.bounds,
            "explored": finished,
            "still safe": f"{safe:,}",
            "fail here alone": f"{alone.get(world.name, 0):,}",
        }
    return Table.from_dict(rows, orient="index").rename_axis("world")


# ---- cost --------------------------------------------------------------------------------------------------------
def costs(
    policies: Iterable[Policy] | Mapping[str, Policy],
    delta_ms: int = cost.DEFAULT[0],
    device: str = cost.DEFAULT[1],
    workloads: Iterable[str] = tuple(cost.WORKLOADS),
) -> Table:
    """What policies cost on some workloads side by side: a row a policy, a column a cost, in its unit (`cost_units`).

    delta_ms, device: those of a recorded trace. Raises UserError for an unknown policy, workload, device or interval.
    """
    numbers, chosen = cost.parameters(delta_ms, device), tuple(workloads)
    if not chosen:
        raise UserError("name at least one workload")
    named = policies if isinstance(policies, Mapping) else {_label(p): p for p in policies}
    rows = {label: cost.costs_of(the_policy(p), numbers, chosen) for label, p in named.items()}
    return (
        Table.from_dict(rows, orient="index", columns=list(cost.COSTS))
        .rename_axis("policy")
        .shown_with(units=cost.UNIT)
    )


def _label(policy: Policy) -> str:
    return policy if isinstance(policy, str) else " ".join(changes(the_policy(policy))) or "tux3"


def cost_units() -> Table:
    """What each cost counts, and in which unit."""
    rows = [[cost.UNIT[name], text.removeprefix(f"{cost.UNIT[name]}: ")] for name, text in cost.COSTS.items()]
    return Table(rows, columns=["unit", "counts"], index=list(cost.COSTS)).rename_axis("cost")


def workloads() -> Table:
    """The numbers that scale the workloads, and where each comes from: a recorded trace, or assumed."""
    rows = [[r.parameter, r.value, r.unit, r.source] for r in cost.given()]
    heads = ["parameter", "value", "unit", "source"]
    return Table(rows, columns=heads, index=[r.workload for r in cost.given()]).rename_axis("workload")


def sensitivity(
    delta_ms: int = cost.DEFAULT[0],
    device: str = cost.DEFAULT[1],
    over: Iterable[str] = tuple(cost.COSTS),
    workloads: Iterable[str] = tuple(cost.WORKLOADS),
    found: Answers | None = None,
) -> Table:
    """Each number that is assumed, and how the front changes where it is none, a tenth or ten times as large."""
    numbers, safe = cost.parameters(delta_ms, device), (found or answers()).safe
    rows = {}
    for name, by_factor in cost.sensitivity(safe, numbers, tuple(over), tuple(workloads)).items():
        told = [f"x{f:g}: {joins} join, {leaves} leave" for f, (joins, leaves) in by_factor.items()]
        rows[name] = {"the front changes": "; ".join(told) or "not at all"}
    return Table.from_dict(rows, orient="index").rename_axis("assumed")


def cost_front(
    delta_ms: int = cost.DEFAULT[0],
    device: str = cost.DEFAULT[1],
    over: Iterable[str] = tuple(cost.COSTS),
    workloads: Iterable[str] = tuple(cost.WORKLOADS),
    found: Answers | None = None,
) -> Table:
    """The safe policies that no safe policy beats in every cost of `over`, with their costs, and the baselines.

    Rows are numbered in order of their mechanisms; `policy` tells each as changes of tux3, `front` whether it is safe
    and on the front (the baselines are there for comparison, safe or not).
    """
    chosen, safe = tuple(workloads), (found or answers()).safe
    best = cost.front_of(safe, cost.parameters(delta_ms, device), over, chosen)
    rows = {f"{n}": {"policy": " ".join(changes(p)), "front": "yes", **row} for n, (p, row) in enumerate(best, 1)}
    base = costs(cost.baselines(), delta_ms, device, chosen)
    for name, policy in cost.baselines().items():
        word = "safe" if policy in safe else "not safe"
        rows[name] = {"policy": " ".join(changes(policy)) or "-", "front": word, **base.loc[name]}
    return Table.from_dict(rows, orient="index").rename_axis("").shown_with(units=cost.UNIT)
