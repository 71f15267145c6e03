"""Where a property is broken: the two places that differ, or the one that is wrong, and a sentence with their names.

A property is a predicate; what it failed on is read off the part of it that is false: the bytes that it read, the path
that led to them, and the set of versions that they should have been in. A property has its own words in `WORDS`; one
without gets its reason. Places are named as in the table of bytes: ``folio0``, ``anon.app``, ``bio``, ``disk``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tux3nb.engine.fields import Field, Layout
from tux3nb.engine.rule import Step
from tux3nb.engine.runs import evaluate
from tux3nb.engine.system import System
from tux3nb.engine.terms import Expr
from tux3nb.model.look import Look
from tux3nb.model.operations import CELLS
from tux3nb.model.world import FOLIO, OOPS, ORDER, VERSION, World

PATHS = ("slot", "pte", "tlb", "spte", "hold")  # fields by which somebody gets to a folio
ROWS = {
    "cell": "folio{0}",
    "disk": "disk",
    "image": "bio",
    "anon_cell": "anon.{0}",
    "saved": "saved.{0}",
    "summed": "sum.{0}",
}


def place_of(f: Field, flat: int, step: Step) -> tuple[str, int]:
    """The row and the cell of a field of bytes at a flat index."""
    index = f.index(flat)
    op = step.args.get("op")
    cell = op.cells[0] if f.name == "saved" and op and op.cells else index[-1]
    return ROWS[f.name].format(*index), cell


def reads(layout: Layout, step: Step, before: int) -> list[tuple[tuple[str, int], int]]:
    """The cells that somebody reads by a step, and the versions there: those that its checks look at."""
    out: dict[tuple[str, int], int] = {}
    for _, holds, _ in step.checks:
        for node in _reached(holds, layout, before):
            if node.op == "get" and node.args[0].kind is VERSION and node.args[0].name in ROWS:
                f, flat = node.args
                at = evaluate(flat, layout, before)
                if 0 <= at < f.size:
                    out.setdefault(place_of(f, at, step), layout.value(before, f, at))
    return list(out.items())


@dataclass(frozen=True)
class Place:
    """A row of bytes (with `cell`: one of its cells), somebody who looks at a row, or an actor."""

    row: str = ""
    cell: int | None = None
    looker: str = ""
    actor: str = ""


@dataclass(frozen=True)
class Broken:
    """One property broken in one state, or by one step into it; two places are cells that should be one."""

    property: str
    sentence: str
    places: tuple[Place, ...]


@dataclass(frozen=True)
class _Bytes:
    """A cell that was read: its row, its number, the version found."""

    row: str
    cell: int
    version: int

    @property
    def place(self) -> Place:
        return Place(self.row, self.cell)


class Found:
    """What a predicate that is false has read, in the state that it was false for; `now` is the state to show."""

    def __init__(self, failed: Expr, reason: str, at: Look, then: Look, now: Look, step: Step | None):
        self.world, self.reason, self.step, self.then, self.now = now.world, reason, step, then, now
        self.cells: list[_Bytes] = []
        self.paths: list[str] = []
        self.folios: list[int] = []
        self.should: list[tuple[str, int, int]] = []  # (ghost, cell, set of versions)
        for f, flat, value in _read(failed, at):
            index = f.index(flat)
            if f.ghost and f.kind.many:
                kind, _, cell = f.name.rpartition("_")
                order = kind in ORDER.values()  # such a field has a cell's number in its name
                self.should.append((kind, int(cell), value) if order else (f.name, index[-1], value))
            elif f.kind is VERSION and f.name in ROWS:
                cell = index[-1] if f.axes and f.axes[-1] == CELLS else self._cell()
                found = _Bytes(ROWS[f.name].format(*index), cell, value)
                self.cells += [] if found in self.cells else [found]
            elif f.name in PATHS and at.value(f.name, *index) is not None:
                self.paths.append(f"{f.name}.{index[0]}")
            if f.by and f.by[0] is FOLIO and index[0] not in self.folios:
                self.folios.append(index[0])

    def _cell(self) -> int:
        """The cell that the step is about."""
        op = self.step.args.get("op") if self.step else None
        return op.cells[0] if op and op.cells else 0

    @property
    def actor(self) -> str:
        return self.step.actor if self.step else ""

    def set_of(self, *ghosts: str) -> tuple[int, int]:
        """(cell, versions allowed) of the first of these sets that was read."""
        return next(((c, v) for g in ghosts for name, c, v in self.should if name == g), (self._cell(), 0))

    def right(self, cell: int, allowed: int, wrong: Place | None) -> Place | None:
        """A row that has one of the allowed versions in a cell: a folio before a private copy."""
        now, w = self.now, self.world
        rows = [(f"folio{f}", now.cell(f, cell)) for f in w.folios if now.private(f) and now.has_cell(f, cell)]
        rows += [(f"anon.{m}", now.anon_cell(m, cell)) for m in w.mappings if now.anon(m)]
        there = (Place(row, cell) for row, version in rows if allowed >> version & 1)
        return next((place for place in there if place != wrong), None)

    def folio(self) -> int | None:
        """The folio that the step is about."""
        if self.folios:
            return self.folios[0]
        for guard in self.step.guard if self.step else ():
            for f, flat, _ in _read(guard, self.then):
                if f.by and f.by[0] is FOLIO:
                    return f.index(flat)[0]
        op = self.step.args.get("op") if self.step else None
        held = self.then.hold(op.holder) if op and op.holder else None
        return self.then.folio(self.actor) if held is None else held

    # ---- words ------------------------------------------------------------------------------------------------
    def writer(self, cell: int, version: int) -> str:
        """Who writes a version of a cell."""
        return writer(self.world, cell, version)

    def versions(self, cell: int, allowed: int) -> str:
        """A set of versions in words, each with its writer."""
        told = [f"v{v} ({by})" if (by := self.writer(cell, v)) else f"v{v}" for v in _bits(allowed)]
        return " or ".join(told) or "nothing"

    def where(self, place: Place) -> str:
        """A place in words: ``cell 1 of B``, ``cell 1 on disk``."""
        said = {"disk": "cell {} on disk", "bio": "cell {} of the bio"}.get(place.row)
        if place.row.startswith("folio"):
            said = f"cell {{}} of {FOLIO.word(int(place.row[5:]))}"
        kind, _, name = place.row.partition(".")
        said = (
            said
            or {
                "anon": f"cell {{}} of {name}'s private copy",
                "saved": f"what {name} saved",
                "sum": f"{name}'s sum of cell {{}}",
            }[kind]
        )
        return said.format(place.cell)

    def path(self) -> str:
        """The path that led to the bytes, in words: ``the page is folio B``."""
        paths = [p for p in self.paths if not p.startswith("slot")] or self.paths
        name, _, who = (paths or ["cell."])[0].partition(".")
        who = {"pte": "the PTE of {}", "tlb": "the TLB of {}'s other thread", "spte": "the translation of {}"}.get(
            name, "{}"
        ).format(who)
        value = (
            self.now.value(name, *([int(who)] if name == "slot" else [paths[0].partition(".")[2]])) if paths else None
        )
        if value is None:
            return ""
        if name == "slot":
            return f"the page is folio {FOLIO.word(value)}"
        return f"{who} {'holds' if name == 'hold' else 'leads to'} folio {FOLIO.word(value)}"


def _bits(many: int) -> Iterator[int]:
    return (v for v in range(many.bit_length()) if many >> v & 1)


def writer(world: World, cell: int, version: int) -> str:
    """The task that writes a version of a cell; nobody wrote version 0."""
    found = [op.task for op in world.ops if op.version.get(cell) == version]
    return found[0] if version and found else ""


def by_device(world: World, cell: int, version: int) -> str:
    """The task that reads this version with O_DIRECT into its memory; empty for what a task writes itself."""
    found = [op.task for op in world.ops if op.version.get(cell) == version and op.kind.startswith("dio_read")]
    return found[0] if found else ""


def _read(e: Expr, look: Look) -> Iterator[tuple]:
    """(field, index, value) of all that an expression reads in a state, of a choice the branch taken; each once."""
    seen = set()
    for node in _reached(e, look.layout, look.state):
        if node.op == "get":
            f, flat = node.args[0], evaluate(node.args[1], look.layout, look.state)
            if 0 <= flat < f.size and (f.name, flat) not in seen:
                seen.add((f.name, flat))
                yield f, flat, look.layout.value(look.state, f, flat)


def _reached(e: Expr, layout: Layout, state: int) -> Iterator[Expr]:
    """The nodes of an expression, without the branches that a choice does not take."""
    yield e
    below = e.below
    if e.op == "where":
        test, yes, no = below
        below = (test, yes if evaluate(test, layout, state) else no)
    for b in below:
        yield from _reached(b, layout, state)


def _false(e: Expr, look: Look) -> Expr:
    """The part of a false expression to blame: of a conjunction the first part that is false, down to the last."""
    while e.op == "and":
        e = e.args[1] if evaluate(e.args[0], look.layout, look.state) else e.args[0]
    return e


# ---- the words of each property -----------------------------------------------------------------------------------
def _pair(found: Found, wrong: Place | None, right: Place | None) -> tuple[Place, ...]:
    """The two cells that should be one, or the one that is wrong, else the folio, else whoever took the step."""
    if wrong:
        return (right, wrong) if right else (wrong,)
    folio = found.folio()
    return (Place(f"folio{folio}"),) if folio is not None else (Place(actor=found.actor),)


def coherent(found: Found) -> tuple[str, tuple[Place, ...]]:
    """I1, I1p: a CPU path shows what has been overwritten, or not what another one shows."""
    if len(found.cells) > 1:
        a, b = found.cells[:2]
        says = f"{found.where(a.place)} has v{a.version} and {found.where(b.place)} has v{b.version}"
        return f"{says}, and CPUs read both", (a.place, b.place)
    if not found.cells:
        return found.reason, _pair(found, None, None)
    cell = found.cells[0]
    _, allowed = found.set_of("cand_cpu", "cand")
    right = found.right(cell.cell, allowed, cell.place)
    says = f"{found.path()}, where cell {cell.cell} is v{cell.version}"
    if found.step:
        says = f"{found.actor} reads v{cell.version} from {found.where(cell.place)}"
    return f"{says}; it should be {found.versions(cell.cell, allowed)}", _pair(found, cell.place, right)


def held(found: Found) -> tuple[str, tuple[Place, ...]]:
    """I2: a holder's write is lost to the process, or the process's to a holder."""
    if not found.cells:
        return found.reason, _pair(found, None, None)
    cell = found.cells[0]
    c, allowed = found.set_of("cand", "legal", "superseded_then")
    if found.step:
        if found.should and found.should[0][0] == "superseded_then":
            allowed = found.now.cand(c)
        right = found.right(c, allowed, cell.place)
        told = f"{found.actor} takes v{cell.version} from {found.where(cell.place)}"
        return f"{told}; it should be {found.versions(c, allowed)}", _pair(found, cell.place, right)
    theirs = [op.version[c] for op in found.world.writing(c, "holder") if allowed >> op.version[c] & 1]
    lost = max(theirs or _bits(allowed), default=0)
    right = found.right(c, allowed, cell.place)
    whom = by_device(found.world, c, lost)
    what = (
        f"what the device wrote for {whom} in cell {c}" if whom else f"the {found.writer(c, lost)}'s write of cell {c}"
    )
    done = f"{what} (v{lost}) was reported done"
    still = "still has" if cell.version < lost else "has"
    told = f"{done}, yet {found.path()} and {found.where(cell.place)} {still} v{cell.version}"
    return told, _pair(found, cell.place, right)


def stable(found: Found) -> tuple[str, tuple[Place, ...]]:
    """I3: the bytes changed under the disk."""
    if len(found.cells) < 2:
        return found.reason, _pair(found, found.cells[0].place if found.cells else None, None)
    image, cell = sorted(found.cells[:2], key=lambda b: b.row.startswith("folio"))
    by = found.writer(cell.cell, cell.version)
    wrote = f"{by} made it v{cell.version}" if by else f"it became v{cell.version}"
    if image.row.startswith("sum"):
        return f"{found.where(image.place)} was of v{image.version}, and the device found v{cell.version}", (
            image.place,
            cell.place,
        )
    sent = f"{found.where(cell.place)} was sent to the disk as v{image.version}"
    return f"{sent}, and before the disk was done {wrote}", (image.place, cell.place)


def on_disk(found: Found) -> tuple[str, tuple[Place, ...]]:
    """I4a, I4b, I6, I6m: what a commit has left on disk."""
    if not found.step:
        image, disk = (found.cells + found.cells)[:2]
        cell = disk.cell
        said = f"the superblock is ahead of its data: recovery would find v{disk.version} in cell {cell}"
        return f"{said}, not v{image.version}", (Place("bio", cell), Place("disk", cell))
    ghost = [name for name, _, _ in found.should]
    order = next((cell for name, cell, _ in found.should if name in ORDER.values()), None)
    c, allowed = found.set_of("ok_back", "told_back", "reaped_back")
    c = c if order is None else 1 - order
    wrong = Place("disk", c)
    version, delta = found.now.disk(c), found.now.committed() - 1
    has = f"delta d{delta} is on disk with {found.versions(c, 1 << version)} in cell {c}"
    if "told_back" in ghost or "reaped_back" in ghost:
        told = "told_back" in ghost
        c, allowed = found.set_of("told_back", "reaped_back")
        promise = "reported dirty" if told else "done"
        must = f"{found.versions(c, allowed & ~1 or allowed)} had been {promise} before it closed"
    elif order is not None:
        later = found.versions(order, 1 << (found.now.disk(order) or 0))
        must = f"it has {later} in cell {order}, which came after what is lost"
    else:
        must = f"its cut allows {found.versions(c, allowed)}" if allowed else "nothing fits its cut"
    return f"{has}; {must}", (wrong,)


def parted(found: Found) -> tuple[str, tuple[Place, ...]]:
    """I2p, I2t: a holder's page is not the process's, or not the file's."""
    now, w = found.now, found.world
    holder = next((p.partition(".")[2] for p in found.paths if p.startswith("hold.")), "")
    op = found.step.args.get("op") if found.step else None
    holder = holder or (op.holder if op and op.holder else "")
    folio = now.hold(holder) if holder in [h.name for h in w.holders] else None
    if folio is None:
        return found.reason, _pair(found, None, None)
    held_ = f"{holder} holds folio {FOLIO.word(folio)}"
    via = next((p.partition(".")[2] for p in found.paths if p.startswith("pte.")), "")
    if via and now.pte(via) is not None:
        return f"{held_}, and the process {via} has folio {FOLIO.word(now.pte(via))}", (Place(f"folio{folio}"),)
    return f"{held_}, which has been cut off the file, and {found.actor} works on it", (Place(f"folio{folio}"),)


def bug(found: Found) -> tuple[str, tuple[Place, ...]]:
    """I5, I5w: an assertion or a warning."""
    oops = found.now.oops()
    folio = found.folio()
    about = f" at folio {FOLIO.word(folio)}" if folio is not None else ""
    says = f"fails an assertion{about}: {OOPS[oops]}" if oops else f"prints a warning{about}: {found.reason}"
    return f"{found.actor or 'the kernel'} {says}", _pair(found, None, None)


def freed(found: Found) -> tuple[str, tuple[Place, ...]]:
    """I8: a translation leads to a freed folio, or a folio that nobody uses is kept."""
    now, w = found.now, found.world
    devices = [h for h, _ in w.secondary]
    for name, where, said in (("tlb", w.siblings, "the TLB of {}"), ("spte", devices, "the translation of {}")):
        for who in where:
            if not found.step and now.value(f"{name}_freed", who):
                folio = now.value(name, who)
                leads = f"folio {FOLIO.word(folio)}" if folio is not None else "a folio"
                return f"{said.format(who)} still leads to {leads}, which has been freed", (
                    Place(looker=f"{name}.{who}"),
                )
    folio = next((f for f in w.folios if now.orphan(f)), found.folio())
    place = (Place(f"folio{folio}"),) if folio is not None else (Place(actor=found.actor),)
    return f"folio {FOLIO.word(folio)}: {found.reason}" if folio is not None else found.reason, place


def probe(found: Found) -> tuple[str, tuple[Place, ...]]:
    """U1 to U4: the breakpoint is not where it should be, or the saved instruction is another's."""
    if len(found.cells) > 1 and any(b.row.startswith("saved") for b in found.cells):
        saved = next(b for b in found.cells if b.row.startswith("saved"))
        other = next(b for b in found.cells if b is not saved)
        says = f"{found.actor} saved v{saved.version}, and the instruction it replaced was v{other.version}"
        return says, (saved.place, other.place)
    if found.cells:
        cell = found.cells[0]
        said = f"{found.where(cell.place)} has {found.versions(cell.cell, 1 << cell.version)}"
        return f"{said}: {found.reason}", (cell.place,)
    return found.reason, _pair(found, None, None)


WORDS: dict[str, Callable[[Found], tuple[str, tuple[Place, ...]]]] = {
    "I1": coherent,
    "I1p": coherent,
    "I2": held,
    "I2p": parted,
    "I2t": parted,
    "I3": stable,
    "I4a": on_disk,
    "I4b": on_disk,
    "I5": bug,
    "I5w": bug,
    "I6": on_disk,
    "I6d": on_disk,
    "I6m": on_disk,
    "I8": freed,
    "U1": probe,
    "U2": probe,
    "U3": probe,
    "U4": probe,
}
#: The properties that say what somebody finds who reads; the others are about the disk, an assertion, a count.
FOUND = frozenset(p for p, words in WORDS.items() if words in (coherent, held, probe))


def other(found: Found) -> tuple[str, tuple[Place, ...]]:
    """A property without words of its own: its reason, and the bytes that it read."""
    return found.reason, tuple(b.place for b in found.cells[:1]) or _pair(found, None, None)


def broken(
    world: World, system: System, prop: str, after: int, before: int | None = None, step: Step | None = None
) -> Broken | None:
    """How a property is broken in the state `after`, or by `step`, which led there from `before`; None: it is not.

    Progress is not judged here: whether a state is stuck is known only to who has the whole graph.
    """
    now = Look(world, system.layout, after)
    then = now if before is None else Look(world, system.layout, before)
    if step is not None and before is not None:
        for pid, holds, reason in step.checks:
            if pid == prop and not evaluate(holds, system.layout, before):
                return _told(prop, Found(_false(holds, then), reason, then, then, now, step))
    for pid, reason, holds in system.clauses:
        if pid == prop and not evaluate(holds, system.layout, after):
            by = step if prop.startswith("I5") else None
            return _told(prop, Found(_false(holds, now), reason, now, then, now, by))
    return None


def _told(prop: str, found: Found) -> Broken:
    sentence, places = WORDS.get(prop, other)(found)
    return Broken(prop, f"{prop} is broken: {sentence}", places)
