"""Figures to tables: what `python -m benchmarks` prints and puts into README.md between its markers."""

from __future__ import annotations

from pathlib import Path

GOALS = {  # (world, scope, engine) -> how many times SPIN's speed the project asks for
    ("small", "family", "frontier"): 8,
    ("large", "family", "frontier"): 6,
    ("small", "family", "compiled"): 40,
    ("large", "family", "compiled"): 20,
    ("large", "one", "frontier"): 1,
    ("small", "one", "compiled"): 3,
    ("medium", "one", "compiled"): 3,
    ("large", "one", "compiled"): 3,
}


def seconds(figures: dict) -> str:
    if "error" in figures:
        return f"not measured: {figures['error']}"
    return f"{figures['seconds']:.3g} ({figures['low']:.3g}-{figures['high']:.3g}, n={figures['runs']})"


def fastest_spin(found: dict, what: str = "seconds") -> float | None:
    """The best of SPIN's ways to answer for the whole family (or the one policy)."""
    ways = [f for name, f in found.items() if name.startswith("spin") and "differ" not in name]
    return min((f[what] for f in ways if f.get(what)), default=None)


def ratio(base: float | None, figures: dict, what: str = "seconds") -> str:
    if base is None or not figures.get(what):
        return ""
    times = base / figures[what]
    return f"{times:.0f}x" if times >= 10 else f"{times:.2g}x"


def world_table(key: str, found: dict) -> list[str]:
    """One world and scope: an engine a row, with ratios to SPIN and the goal."""
    name, scope = key.split(", ")
    spin, differ = fastest_spin(found), found.get("spin, policies that differ", {}).get("seconds")
    cpu = fastest_spin(found, "cpu")
    ours = next((f for f in found.values() if "summed" in f), {})
    size = f"{ours['states']:,} shared states, {ours['summed']:,} summed, {ours['policies']} policies" if ours else ""
    if scope == "one":
        size = f"{ours.get('states', 0):,} states of the policy `tux3`"
    lines = [f"**{key}**: {size}", ""]
    columns = ("engine", "states", "seconds (low-high)", "before it", "MB", "than SPIN", "than SPIN, differing",
               "CPU s", "than SPIN, CPU", "goal")  # fmt: skip
    lines += [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for engine, f in found.items():
        own = not engine.startswith("spin")
        goal = GOALS.get((name, scope, engine))
        reached = spin is not None and "seconds" in f and goal is not None and spin / f["seconds"] >= goal
        cells = [engine, f"{f.get('states', 0):,}", seconds(f), f"{f.get('prepare', 0):.2f}"]
        cells += [f"{f.get('megabytes', 0):.0f}", ratio(spin, f) if own else "", ratio(differ, f) if own else ""]
        cells += [f"{f.get('cpu', 0):.3g}", ratio(cpu, f, "cpu") if own else ""]
        cells.append("" if goal is None or spin is None else f"{goal}x {'reached' if reached else 'NOT reached'}")
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def plain_table(title: str, found: dict) -> list[str]:
    lines = [f"**{title}**", "", "| | seconds (low-high) | |", "|---|---|---|"]
    for name, f in found.items():
        more = f"{f['states']:,} states" if "states" in f else ""
        if "worst" in f:
            more = f"worst: {f['worst']}, {more}"
        lines.append(f"| {name} | {seconds(f)} | {more} |")
    return [*lines, ""]


def profile_tables(found: dict) -> list[str]:
    if "error" in found:
        return [f"profile not measured: {found['error']}", ""]
    lines = []
    for engine, parts in found.items():
        whole = sum(parts.values()) or 1
        lines += [f"**where the time goes, {engine}** (small, family)", "", "| | seconds | share |", "|---|---|---|"]
        lines += [f"| `{name}` | {spent:.3f} | {spent / whole:.0%} |" for name, spent in parts.items()] + [""]
    return lines


def tables(found: dict) -> str:
    m = found["machine"]
    lines = [
        f"{found['when']}, {found['mode']}: {m['cpu']}, {m['cpus']} processors (load before the run: {m['load']}), "
        f"Python {m['python']}, {m['cc']}, {m['spin']}",
        "",
    ]
    for key, figures in found["worlds"].items():
        lines += world_table(key, figures)
    lines += plain_table("increment, 3 rounds of 4 threads", found["increment"])
    lines += plain_table("cold: process start to verdict, `rdma` under Tux3's policy (goal: 0.5 s)", found["cold"])
    toggles = "warm toggle: changed policy to verdicts and shortest runs (goal: worst 0.05 s)"
    lines += plain_table(toggles, found["toggles"])
    lines += profile_tables(found["profile"])
    return "\n".join(lines)


def write_readme(path: Path, found: dict, mode: str) -> str:
    """Replace the tables of this mode in the README, if it has a place for them; returns the tables."""
    text = tables(found)
    begin, end = f"<!-- {mode} begin -->\n", f"<!-- {mode} end -->"
    old = path.read_text() if path.exists() else ""
    if begin in old and end in old:
        head, rest = old.split(begin)
        path.write_text(head + begin + text + "\n" + end + rest.split(end)[1])
    return text
