"""Figures to tables: what `python -m benchmarks` prints and puts into README.md between its markers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

GOALS = {  # (world, scope, engine) -> how many times SPIN's speed the project asks for
    ("small", "family", "frontier"): 8,
    ("medium", "family", "frontier"): 8,
    ("wide", "family", "frontier"): 6,
    ("large", "family", "frontier"): 6,
    ("huge", "family", "frontier"): 6,
    ("small", "family", "compiled"): 40,
    ("medium", "family", "compiled"): 40,
    ("wide", "family", "compiled"): 20,
    ("large", "family", "compiled"): 20,
    ("huge", "family", "compiled"): 20,
    ("huge", "one", "frontier"): 1,
    ("medium", "one", "compiled"): 3,
    ("large", "one", "compiled"): 3,
    ("huge", "one", "compiled"): 3,
    ("deep", "one", "compiled"): 3,
}
BEST_PYTHON = 10  # times the best Python checker
MEMORY = 2  # times the packed state with its share of policy sets
LARGE = 10**6  # states from which on what a search takes anyway does not count
STATES, ROOM = 10**8, 16 << 30
COLD, MATRIX, TOGGLE = 0.5, 20, 0.05


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


def bytes_a_state(f: dict) -> tuple[float, float]:
    """(bytes that a stored state takes, what it takes packed with its share of policy sets)."""
    return f["bytes"] / f["states"], f["packed"] + f["set_share"]


def memory_table(worlds: dict) -> list[str]:
    lines = ["**memory of the compiled search**, at its peak, growth reserves and message boxes included", ""]
    lines += ["| | | states | MB | bytes a state | packed state + sets | ratio |", "|---|---|---|---|---|---|---|"]
    for key, engines in worlds.items():
        for engine, f in engines.items():
            if "bytes" in f:
                each, least = bytes_a_state(f)
                lines.append(f"| {key} | {engine} | {f['states']:,} | {f['bytes'] / 1e6:,.1f} | {each:.1f} | "
                             f"{f['packed']} + {f['set_share']:.1f} | {each / least:.2f} |")  # fmt: skip
    return [*lines, ""]


def growth_table(found: dict, mode: str) -> list[str]:
    if "error" in found:
        return [f"growth not measured: {found['error']}", ""]
    base = ", ".join(f"{name} {value}" for name, value in found["base"].items())
    lines = [f"**growth of the free-running world `{found['kind']}`** with each bound, the others at {base}", ""]
    columns = ("bound", "", "shared states", "of the policy `tux3`", "policies", "too small for some")
    lines += [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for bound, points in found["points"].items():
        for value, p in points.items():
            more = "more than " if p["more"] else ""
            lines.append(f"| {bound} | {value} | {more}{p['shared']:,} | {more}{p['tux3']:,} | {p['policies']} | "
                         f"{', '.join(p['short'])} |")  # fmt: skip
    return [*lines, "", f"![States by bound](results/growth-{mode}.svg)", ""]


# ---- goals -----------------------------------------------------------------------------------------------
Goal = tuple[str, str, str, bool]  # what, what was asked for, what was measured, whether that is enough


def goals(found: dict) -> list[str]:
    """One line a goal that this run has measured."""
    lines = ["| goal | asked | measured | |", "|---|---|---|---|"]
    kinds = (speed_goals, answer_goals, increment_goals, latency_goals, memory_goals)
    for what, asked, measured, reached in (goal for kind in kinds for goal in kind(found)):
        lines.append(f"| {what} | {asked} | {measured} | {'reached' if reached else 'NOT reached'} |")
    return [*lines, ""]


def speed_goals(found: dict) -> Iterator[Goal]:
    for (name, scope, engine), goal in GOALS.items():
        engines = found["worlds"].get(f"{name}, {scope}", {})
        spin, f = fastest_spin(engines), engines.get(engine, {})
        if spin and "seconds" in f:
            what = f"{name}, {scope}, {f['states']:,} states: {engine} against SPIN"
            yield what, f"{goal}x", ratio(spin, f), spin / f["seconds"] >= goal


def answer_goals(found: dict) -> Iterator[Goal]:
    """What one gets without choosing an engine; the other ways stand in the tables."""
    for name, ways in found["answers"].items():
        ours = ways.get("default engines", {}).get("seconds")
        spin = min((f["seconds"] for way, f in ways.items() if way.startswith("spin") and "seconds" in f), default=None)
        if spin and ours:
            what = f"{name}: verdicts and shortest runs from nothing"
            yield what, f"before spin + cc + pan, {spin:.2f} s", f"{ours:.2f} s", ours < spin


def increment_goals(found: dict) -> Iterator[Goal]:
    figures = found["increment"]
    peer = min((figures[c]["seconds"] for c in ("minicheck", "musil") if "seconds" in figures.get(c, {})), default=None)
    for engine in ("frontier", "compiled"):
        f = figures.get(engine, {})
        if peer and "seconds" in f:
            what = f"increment: {engine} against the best Python checker"
            yield what, f"{BEST_PYTHON}x", ratio(peer, f), peer / f["seconds"] >= BEST_PYTHON


def latency_goals(found: dict) -> Iterator[Goal]:
    for command, most in (("tux3nb check rdma", COLD), ("tux3nb matrix", MATRIX)):
        cold = found["cold"].get(command, {})
        if "seconds" in cold:
            yield f"cold `{command}`", f"{most} s", f"{cold['seconds']:.2f} s", cold["seconds"] < most
    for engine, f in found["toggles"].items():
        if "high" in f:
            yield f"worst warm toggle, {engine}", f"{TOGGLE} s", f"{f['high']:.3f} s", f["high"] < TOGGLE


def memory_goals(found: dict) -> Iterator[Goal]:
    worlds = {key: engines for key, engines in found["worlds"].items() if key.endswith("family")}
    kept = {key: engines["compiled"] for key, engines in worlds.items() if "bytes" in engines.get("compiled", {})}
    if any(f["states"] >= LARGE for f in kept.values()):
        key, f = max(kept.items(), key=lambda item: item[1]["states"])
        each, least = bytes_a_state(f)
        asked = f"{MEMORY}x of {least:.1f} bytes"
        yield f"memory of a state, {key}: compiled, all kept", asked, f"{each:.1f} bytes", each <= MEMORY * least
    vast = worlds.get("vast, family", {}).get("forgetting", {})
    if "bytes" in vast:
        fits = vast["states"] >= STATES and vast["megabytes"] * (1 << 20) <= ROOM
        measured = f"{vast['states']:,} states, {vast['megabytes'] / 1024:.2f} GiB, {vast['seconds']:.0f} s"
        yield f"10^8 shared states, {vast['policies']} policies: forgetting", "16 GiB", measured, fits


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
        f"Python {m['python']}, {m['cc']}, {m['spin']}; {found['minutes']:.1f} minutes",
        "",
    ]
    lines += goals(found)
    for key, figures in found["worlds"].items():
        lines += world_table(key, figures)
    for name, figures in found["answers"].items():
        title = f"{name}: from nothing to every verdict and shortest run under Tux3's policy, whole processes"
        lines += plain_table(title, figures)
    lines += memory_table(found["worlds"])
    lines += growth_table(found["growth"], found["mode"])
    lines += plain_table("increment, 3 rounds of 4 threads", found["increment"])
    lines += plain_table("cold: process start to the verdict of `rdma` with its run; to all verdicts", found["cold"])
    lines += plain_table("warm toggle: changed policy to verdicts and shortest runs", found["toggles"])
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
