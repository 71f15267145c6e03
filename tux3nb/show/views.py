"""The explorer's views as values for a reader's own cell, each with a text and an HTML form."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import pandas as pd

from tux3nb.answers.follow import Schedules, Shown
from tux3nb.answers.judge import judge
from tux3nb.answers.story import actors
from tux3nb.answers.tours import Run
from tux3nb.cases.case import Case
from tux3nb.engine.family import Listed
from tux3nb.engine.rule import Step
from tux3nb.model.broken import Broken, Place, broken
from tux3nb.model.features import FEATURES, NAMED, named_policy
from tux3nb.show.cells import Shown as Cell
from tux3nb.show.cells import Table, figure
from tux3nb.show.lanes import Told, stopped
from tux3nb.show.lattice import drops, least
from tux3nb.show.picture.ownership import broken_parts, in_words, ownership, words
from tux3nb.show.places import Scene, bytes_html, bytes_text

say = html.escape
COLOURS = {"HOLDS": "background:#e3f6e6;color:#1a6a2b", "VIOLATED": "background:#ffe9e6;color:#a40e1c"}
OTHER = "background:#fff1c2;color:#6b4400"


def broken_at(case: Case, run: Run, n: int, prop: str | None = None) -> Broken | None:
    """What is broken after n steps of a run: of `prop`, or of the first property that is."""
    system, world = case.system, case.world
    before, step = (run.states[n - 1], run.steps[n - 1]) if n else (None, None)
    for pid in [prop] if prop else [p.id for p in case.properties]:
        found = broken(world, system, pid, run.states[n], before, step)
        if found:
            return found
    return None


def at(run: Run, n: int) -> str:
    """A step in words: ``Step 20 of 24, writer: ...``."""
    if not n:
        return f"The start of a run of {len(run)} steps."
    return f"Step {n} of {len(run)}, {run.steps[n - 1].actor}: {run.steps[n - 1].rule.says}"


def bytes_of(case: Case, run: Run, n: int, prop: str | None = None) -> Cell:
    """Where the bytes are after n steps, who looks at them, and what is broken there."""
    scene, found = Scene(case, run.states[n]), broken_at(case, run, n, prop)
    places: Sequence[Place] = found.places if found else ()
    sentence = [found.sentence] if found else []
    notes = [note for note in scene.notes if note]
    text = "\n".join([at(run, n), *sentence, *(f"  {line}" for line in bytes_text(scene.rows, places)), *notes])
    said = "".join(f"<p><b>{say(s)}</b></p>" for s in sentence)
    page = f"<p>{say(at(run, n))}</p>{said}{bytes_html(scene.rows, places)}<p>{say('; '.join(notes))}</p>"
    return Cell(text, page)


def picture(case: Case, run: Run, n: int, prop: str | None = None) -> Cell:
    """The ownership graph after n steps; what the step changed and what is broken is marked."""
    scene, found = Scene(case, run.states[n]), broken_at(case, run, n, prop)
    now, before = words(scene), words(Scene(case, run.states[n - 1])) if n else None
    parts = broken_parts(found, now) if found else []
    svg = ownership(case).still(now, before, parts)
    caption = at(run, n) + (f" {found.sentence}." if found else "")
    return figure(svg, caption, in_words(scene))


# ---- lanes -----------------------------------------------------------------------------------------------------------
def lanes_of(case: Case, run: Run, since: int = 0) -> Cell:
    """A run as lanes from step number `since` on: a column an actor, what each step does, and the arrows in words."""
    told = Told(case, run)
    used = [a for a in actors(case) if any(s.actor == a for s in run.steps[since:])]
    head, rows, ops = ["step", *used], [], {}
    for n, (step, text) in enumerate(told.steps[since:], since + 1):
        op = _operation(step)
        begins = op and ops.get(step.actor) != op
        ops[step.actor] = op
        said = f"[{op}] {text}".rstrip() if begins else text or "·"
        rows.append([str(n), *(said if a == step.actor else "" for a in used)])
    arrows = [f"{a.begin} → {a.end}: {a.text}" for a in told.arrows if a.end > since]
    text = "\n".join([*_columns([head, *rows]), *(f"  {line}" for line in arrows)])
    page = _table(head, rows) + f"<p><small>{say('; '.join(arrows))}</small></p>"
    return Cell(text, page)


def _operation(step: Step) -> str:
    op = step.args.get("op")
    return op.text if op else ""


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    width = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return ["  ".join(f"{t:{w}}" for t, w in zip(row, width, strict=True)).rstrip() for row in rows]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], hot: int | None = None) -> str:
    """An HTML table; row number `hot` is marked."""
    top = "".join(f'<th scope="col">{say(h)}</th>' for h in head)
    mark = ' style="background:#fff1c2;color:#1f2328;font-weight:bold"'
    body = "".join(
        f"<tr{mark if n == hot else ''}>{''.join(f'<td>{say(c)}</td>' for c in row)}</tr>" for n, row in enumerate(rows)
    )
    return f"<div style='overflow-x:auto'><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"


# ---- two policies ----------------------------------------------------------------------------------------------------
def compared(case: Case, p: tuple[str, dict], q: tuple[str, dict], prop: str | None = None) -> Cell:
    """One schedule under two policies, side by side: (label, policy) each; the first step that differs is marked."""
    (left, one), (right, two) = p, q
    schedules = Schedules(judge(case, Listed(FEATURES, [one, two])))
    answers = [schedules.judged.answer(policy) for policy in (one, two)]
    prop = prop or next((v for a in answers for v in a.violated), None)
    owner = next((p for p, a in zip((one, two), answers, strict=True) if prop and a.row(prop).run), None)
    base = schedules.broken(owner, prop) if owner else schedules.plain()
    first, second = (base if policy is owner else schedules.follow(policy, base.run) for policy in (one, two))
    rows, hot = _aligned(case, base.run, first, second)
    heads = ["step", left, "", right, ""]
    ends = [_end(case, schedules, s.run, prop, policy) for s, policy in ((first, one), (second, two))]
    marked = [["", *heads[1:]], *rows]
    lines = _columns(marked)
    if hot is not None:
        lines[hot + 1] += "   <-- they part here"
    told = [f"{label}: {end}" for label, end in zip((left, right), ends, strict=True)]
    page = _table(heads, rows, hot) + "".join(f"<p><b>{say(line)}</b></p>" for line in told)
    return Cell("\n".join([*lines, *told]), page)


def _aligned(case: Case, base: Run, first: Shown, second: Shown) -> tuple[list[list[str]], int | None]:
    """Rows (number, actor and effect left, the same right), those of one step of the schedule together; the first row
    that differs.
    """
    sides = []
    for shown in (first, second):
        steps = Told(case, shown.run).steps
        mirrors = shown.mirrors if shown.mirrors is not None else tuple(range(len(shown.run)))
        last = max((n for n, k in enumerate(mirrors) if k >= 0), default=-1)
        by: dict[int, list[tuple[Step, str]]] = {}
        row = -1
        for n, (told, k) in enumerate(zip(steps, mirrors, strict=True)):
            row = len(base) if n > last else k if k >= 0 else row
            by.setdefault(row, []).append(told)
        sides.append(by)
    rows, hot = [], None
    for k in range(-1, len(base) + 1):
        a, b = (side.get(k, []) for side in sides)
        for n in range(max(len(a), len(b))):
            one, two = (s[n] if n < len(s) else None for s in (a, b))
            if hot is None and (one is None or two is None or one[0] is not two[0]):
                hot = len(rows)
            number = str(k + 1) if n == 0 and 0 <= k < len(base) else ""
            rows.append([number, *_side(one), *_side(two)])
    return rows, hot


def _side(told: tuple[Step, str] | None) -> tuple[str, str]:
    return (told[0].actor, told[1] or told[0].rule.name.replace("_", " ")) if told else ("", "")


def _end(case: Case, schedules: Schedules, run: Run, prop: str | None, policy: dict) -> str:
    """How a run ends for a property."""
    if prop is None:
        return "nothing is broken"
    found = next((b for n in range(len(run), -1, -1) if (b := broken_at(case, run, n, prop))), None)
    breaks = schedules.judged.row(policy, prop).run is not None
    if found is None and breaks and case.system.property(prop).needs_graph and run.steps:
        return stopped(case, schedules.run.compiled, schedules.run.number(policy), prop, run).sentence
    return found.sentence if found else f"{prop} is kept on this schedule"


# ---- all policies ----------------------------------------------------------------------------------------------------
def lattice_of(case: Case, most: int = 24) -> Cell:
    """The least safe policies of a case, and what each of their mechanisms keeps from happening."""
    judged = judge(case, case.product())
    named = {n: named_policy(n) for n in NAMED if n in case.expect}
    lines, rows = [], []
    for node in least(judged, named, case.policy, most):
        name = node.name or node.title
        more = f" and {node.count - 1} like it" if node.count > 1 else ""
        lines.append(f"{name}{more}" + (f": {node.title}" if node.name else ""))
        for f, value, to, _, breaks in drops(judged, node.policy):
            what = f"breaks {', '.join(breaks)}" if breaks else "breaks nothing"
            lines.append(f"    without {f.id}={value} ({to}): {what}")
            rows.append([name, f"{f.id}={value}", f.values[value], what])
    head = f"{case.name}: the least safe of {len(case.product()):,} policies"
    heads = ["policy", "mechanism", "which is", "without it"]
    return Cell("\n".join([head, *(f"  {line}" for line in lines)]), Table.html(heads, rows, caption=head))


def matrix_of(case: Case, policies: Mapping[str, dict[str, str]]):
    """Policies by properties as a pandas Styler, a word and a colour in each cell."""
    judged = judge(case, Listed(FEATURES, policies.values()))
    answers = {name: judged.answer(policy, runs=False) for name, policy in policies.items()}
    words_ = {p.id: {n: str(a.row(p.id)) for n, a in answers.items()} for p in case.properties}
    frame = pd.DataFrame(words_, index=list(answers)).rename_axis("policy")
    frame.insert(0, "all", {n: a.verdict for n, a in answers.items()})
    return frame.style.map(lambda word: COLOURS.get(word, OTHER)).set_caption(f"{case.name}: {case.title}")
