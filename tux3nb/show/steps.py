"""What a step does, in a few words with the names that the picture has, and where the bytes that it moves come from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from tux3nb.answers.story import in_use
from tux3nb.cases.case import Case
from tux3nb.engine.fields import WORD, Layout
from tux3nb.engine.rule import Step
from tux3nb.engine.runs import evaluate
from tux3nb.engine.terms import Expr, walk
from tux3nb.model.broken import ROWS, place_of, reads
from tux3nb.model.look import Look
from tux3nb.model.world import FOLIO, VERSION
from tux3nb.show.places import Scene, scene

SAYS = {  # sometimes-event -> what its step does, where nothing else shows it
    "refused": "fork refused",
    "longterm_refused": "pin refused",
    "snapshot_made": "the copy goes to the disk",
    "forked": "fork done",
    "migration_refused": "migration refused",
    "uprobe_retried": "starts over",
    "crashed": "crash",
    "holder_op": "reports: done",
}
TOLD = ("locked", "private", "index", "tag", "orphan", "own", "forked")  # flags that the notes of the rows show
#: The fields by which others hold one up.
HELD_UP = {"locked", "line", "pc", "section", "writeback", "hold", "frozen", "committed", "migrating", "moving"}
OVER = ("bio_folio", "image", "bounced", "fetched", "written")  # the bio's own fields: its stage is told


@dataclass(frozen=True)
class Flow:
    """One cell written: its place (row, cell), the place that it was copied from (none: new bytes), the version."""

    to: tuple[str, int]
    source: tuple[str, int] | None
    version: int


def flows(case: Case, step: Step, before: int) -> list[Flow]:
    """The cells that a step writes, copies of the same bytes included; a cell that it clears is none."""
    layout, out = case.system.layout, []
    for f, flat, value in step.writes:
        if f.kind is not VERSION or f.name not in ROWS:
            continue
        at = evaluate(flat, layout, before)
        if not 0 <= at < f.size:
            continue
        to, version = place_of(f, at, step), evaluate(value, layout, before)
        sources = list(_sources(value, layout, before, step))
        source = sources[0] if sources else None
        if source == to or (source is None and version == 0):
            continue
        out.append(Flow(to, source, version))
    return out


def _sources(e: Expr, layout, state: int, step: Step) -> Iterator[tuple[str, int]]:
    """The places of bytes that a value is read from, of the branches that are taken."""
    if e.op == "where":
        chosen = e.args[1] if evaluate(e.args[0], layout, state) else e.args[2]
        yield from _sources(chosen, layout, state, step)
    elif e.op == "get":
        f, flat = e.args
        at = evaluate(flat, layout, state)
        if f.kind is VERSION and f.name in ROWS and 0 <= at < f.size:
            yield place_of(f, at, step)


def short(place: tuple[str, int]) -> str:
    """A place in few letters: ``A.1``, ``disk.0``, ``app's copy.0``."""
    row, cell = place
    kind, _, name = row.partition(".")
    others = {"anon": f"{name}'s copy", "sum": f"{name}'s sum"}
    said = FOLIO.word(int(row[5:])) if row.startswith("folio") else others.get(kind, kind)
    return f"{said}.{cell}"


@lru_cache(maxsize=1 << 16)
def effect(case: Case, step: Step, before: int, after: int) -> str:
    """What a step does, for a lane: ``A.1 = v1``, ``page is B``, ``PTE of app read-only``; empty: nothing to see."""
    return ", ".join(filter(None, _effects(case, step, before, after)))


def _effects(case: Case, step: Step, before: int, after: int) -> Iterator[str]:
    layout, now, then = case.system.layout, Look(case.world, case.system.layout, after), None
    changed = dict(_changed(layout, before, after))
    names = {key[0] for key in changed}
    moved = [m for m in flows(case, step, before) if m.to[0] != "bio" or now.bounced() or step.actor == "disk"]
    said = 0
    for text in _bytes(step, moved, names):
        said += 1
        yield text
    freed = in_use(case, before) - in_use(case, after)
    for text in filter(None, dict.fromkeys(_changes(case, changed, names, now, freed))):
        said += 1
        yield text
    for f in sorted(freed):
        said += 1
        yield f"{FOLIO.word(f)} freed"
    got = [] if moved or "committed" in names else reads(layout, step, before)
    if got and not names & {"oops"}:
        yield "reads " + ", ".join(f"{short(place)}: v{version}" for place, version in got)
        return
    then = [SAYS[name] for name, where in step.marks if name in SAYS and where.is_const and where.value]
    if not said and then:
        yield then[0]
    elif not said and _decides(case, step):
        yield step.rule.name.replace("_", " ")


@cache
def _decides(case: Case, step: Step) -> bool:
    """Whether other policies take another step from the same place; what is switched off on purpose is no decision."""
    mine = _asked(step)
    place = next((frozenset(map(id, p)) for s, p, _ in _guards(case)[step.actor] if s is step), None)
    others = [s for s, p, _ in _guards(case)[step.actor] if frozenset(map(id, p)) == place and s.rule is not step.rule]
    return any(mine & _asked(s) for s in others)


def _asked(step: Step) -> set[str]:
    """The features that a step asks for, controls left out."""
    found = (e.args[0] for allowed in step.allowed for e in walk(allowed) if e.op == "feature")
    return {f.id for f in found if not f.control}


@cache
def _words(layout: Layout) -> list[tuple[int, int, tuple]]:
    """(shift, mask, (field, index...)) of every cell of a state that is no ghost."""
    cells = ((f, k) for f, k in layout.cells if not f.ghost)
    return [(f.word * WORD + f.shift(k), f.mask, (f.name, *f.index(k))) for f, k in cells]


def _changed(layout: Layout, before: int, after: int) -> Iterator[tuple[tuple, int]]:
    """((field, index...), new value) of all that differs."""
    differ = before ^ after
    for shift, mask, key in _words(layout):
        if differ >> shift & mask:
            yield key, after >> shift & mask


def _bytes(step: Step, moved: list[Flow], names: set[str]) -> Iterator[str]:
    """The bytes that a step moves."""
    if "committed" in names:
        return
    for m in moved:
        if m.source is None:
            yield f"{short(m.to)} = v{m.version}"
        elif step.actor == "disk":
            yield f"reads {short(m.source)} (v{m.version})"
        else:
            target = short(m.to).replace("bio", "bounce") if m.to[0] == "bio" else short(m.to)
            yield f"{target} ← {short(m.source)} (v{m.version})"


def _changes(case: Case, changed: dict, names: set[str], now: Look, freed: set[int]) -> Iterator[str]:  # noqa: C901, PLR0912
    """What else a step changed, without what only the rows' notes tell."""
    w, seen = case.world, scene(case, now.state)
    for key in changed:
        name, *index = key
        who = index[0] if index else ""
        if name in TOLD or name in OVER or (name in _OF_FOLIO and who in freed):
            continue
        if name == "slot":
            value = now.slot(who)
            page = "page" if len(w.pages) == 1 else f"page {who}"
            yield f"{page} is {FOLIO.word(value)}" if value is not None else f"{page} is empty"
        elif name in ("pte", "pte_write", "pte_dirty", "migrating"):
            yield _entry(f"PTE of {who}", names, now, who)
        elif name in ("tlb", "tlb_write", "spte", "spte_write"):
            kind = name.partition("_")[0]
            what = f"TLB of {who}" if kind == "tlb" else f"translation of {who}"
            value = now.value(kind, who)
            access = "rw" if now.value(f"{kind}_write", who) else "ro"
            yield f"{what} empty" if value is None else f"{what} → {FOLIO.word(value)} ({access})"
        elif name == "hold":
            value = now.hold(who)
            verb = "pins" if w.holder(who).pin else "holds"
            yield f"{verb} {FOLIO.word(value)}" if value is not None else "lets go"
        elif name == "dirty":
            yield f"{FOLIO.word(who)} dirty d{now.tag(who)}" if now.dirty(who) else f"{FOLIO.word(who)} clean"
        elif name in ("writeback", "frozen", "snapshot"):
            yield _flag(case, name, who, changed[key])
        elif name == "bio_stage":
            if now.bio_stage() == 2:
                yield "bio submitted"
        elif name == "cur":
            yield f"delta d{now.cur()} begins"
        elif name == "committed":
            yield f"d{now.committed() - 1} is on disk"
        elif name == "disk":
            yield f"disk.{who} = v{changed[key]}" if "committed" not in names else ""
        elif name == "anon":
            yield f"PTE of {who} → its own copy" if now.anon(who) else f"PTE of {who} empty"
        elif name == "moving":
            yield f"migration entry of {who}" if now.moving(who) else f"no migration entry of {who}"
        elif name in ("oops", "detached", "vma", "dirty_work", "ahead"):
            yield _told(seen, name, index)


_OF_FOLIO = ("dirty", "writeback", "frozen", "snapshot", "detached")


def _entry(what: str, names: set[str], now: Look, m: str) -> str:
    """A PTE that has changed: where it leads now, or only what it allows."""
    folio = now.pte(m)
    if folio is None:
        return f"{what} empty" if not now.anon(m) and not now.moving(m) else ""
    if "pte" not in names:
        if now.migrating(m):
            return f"{what} is a migration entry"
        return f"{what} {'writable' if now.pte_write(m) else 'read-only'}" if "pte_write" in names else ""
    return f"{what} → {FOLIO.word(folio)} ({'rw' if now.pte_write(m) else 'ro'})"


def _flag(case: Case, name: str, f: int, value: int) -> str:
    words = {"writeback": ("write-out over", "under write-out"), "snapshot": ("", "is for the disk")}
    off, on = words.get(name) or case.world.fields[name].says
    said = on if value else off
    return f"{FOLIO.word(f)} {said}" if said else ""


def _told(scene: Scene, name: str, index: list) -> str:
    """A field in its own words."""
    f = scene.world.fields[name]
    flat = next(k for k in range(f.size) if list(f.index(k)) == index)
    subject, said = f.told(flat, scene.case.system.layout.value(scene.state, f, flat))
    return f"{subject} {said}" if said else ""


# ---- what comes next ------------------------------------------------------------------------------------------------
def conjuncts(e: Expr) -> Iterator[Expr]:
    """The parts of a conjunction, in order."""
    if e.op == "and":
        yield from conjuncts(e.args[0])
        yield from conjuncts(e.args[1])
    else:
        yield e


@cache
def _guards(case: Case) -> dict[str, list[tuple[Step, list[Expr], list[Expr]]]]:
    """Actor -> its steps, each with the conditions about where the actor is itself, and the others."""
    out: dict[str, list[tuple[Step, list[Expr], list[Expr]]]] = {}
    for step in case.system.steps:
        parts: tuple[list[Expr], list[Expr]] = ([], [])
        for c in (c for g in step.guard for c in conjuncts(g)):
            parts[not _is_place(c, step.actor)].append(c)
        out.setdefault(step.actor, []).append((step, *parts))
    return out


@lru_cache(maxsize=1 << 15)
def held_back(case: Case, actor: str, state: int) -> tuple[tuple[Step, str], ...]:
    """What an actor would do next, and a condition that says no, in words.

    What another one holds up, if anything; else, of a task, what the fewest conditions say no to.
    """
    found: list[tuple[bool, int, Step, str]] = []
    layout = case.system.layout
    known: dict[int, bool] = {}  # conditions are shared by many steps

    def holds(c: Expr) -> bool:
        if id(c) not in known:
            known[id(c)] = bool(evaluate(c, layout, state))
        return known[id(c)]

    for step, places, others in _guards(case).get(actor, ()):
        if all(map(holds, places)):
            failed = [c for c in others if not holds(c)]
            if failed and (said := _why(case, failed[0], state)):
                found.append((not _read_by(failed[0]) & HELD_UP, len(failed), step, said))
    found.sort(key=lambda f: f[:2])
    task = actor in case.world.tasks
    return tuple((step, said) for own, _, step, said in found if own == found[0][0] and (task or not own))


def _read_by(c: Expr) -> set[str]:
    return {node.args[0].name for node in walk(c) if node.op == "get"}


def _is_place(c: Expr, actor: str) -> bool:
    """Whether a condition is about where the actor is itself in its routine."""
    for node in walk(c):
        place = node.op == "get" and node.args[0].name in ("pc", "line") and node.args[1].is_const
        if place and node.args[0].index(node.args[1].value)[0] == actor:
            return True
    return False


def _why(case: Case, c: Expr, state: int) -> str:
    """A condition that fails, by what it finds: ``A locked``, ``after dirty: store p0:0 of app``."""
    layout, told = case.system.layout, {}
    for node in walk(c):
        if node.op != "get":
            continue
        f, flat = node.args
        at = evaluate(flat, layout, state)
        if not 0 <= at < f.size or f.ghost:
            continue
        index, value = f.index(at), layout.value(state, f, at)
        if f.name == "line":
            op = next((o for o in case.world.ops if o.task == index[0] and o.line == value), None)
            told[f"{index[0]} is not done with {op.text}" if op else ""] = 1
        elif f.name == "pc":
            op = _operation(case, index[0], state)
            told[f"{index[0]} is at work{f' on {op.text}' if op else ''}" if value else ""] = 1
        else:
            subject, said = f.told(at, value)
            told[f"{subject} {said}".replace("->", "→") if said else ""] = 1
    if any(node.op == "get" and node.args[0].name == "committed" for node in walk(c)):
        return f"d{Look(case.world, layout, state).committed()} is not on disk"
    return ", ".join(list(filter(None, told))[:3])


def _operation(case: Case, task: str, state: int):
    """The operation that a task is at; none for the flusher, and behind the last one."""
    line = Look(case.world, case.system.layout, state).line(task)
    return next((op for op in case.world.ops if op.task == task and op.line == line), None)
