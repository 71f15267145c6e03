"""A run told in a few sentences: what somebody does as a whole, what it changes, and what is read in the end.

Neighbouring steps that do not touch each other may change places: the run stays one that the policy allows and ends in
the same state. So the steps of one operation are drawn together as far as nobody's step has to come between; each such
part is one sentence, and its steps keep the numbers that they have in the run.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby

from tux3nb.answers.follow import Schedules, Shown
from tux3nb.answers.story import actors
from tux3nb.answers.tours import Run
from tux3nb.cases.case import Case
from tux3nb.engine.compile import Compiled
from tux3nb.model.broken import Broken, broken, by_device
from tux3nb.model.operations import Op
from tux3nb.model.world import FLUSHER
from tux3nb.show.cells import Shown as Cell
from tux3nb.show.cells import several
from tux3nb.show.lanes import stopped
from tux3nb.show.places import Cell as Bytes
from tux3nb.show.places import Looker, Row, Scene
from tux3nb.show.steps import effect
from tux3nb.show.views import broken_at

say = html.escape
WRITE_OUT = "the write-out"  # the flusher and the disk, told as one

DOES = {  # kind of operation -> what its task does, in words; one without is told as its line says
    "store": "stores into {cells}",
    "load": "loads {cells}",
    "sibling_store": "has another thread store into {cells}",
    "sibling_load": "has another thread load {cells}",
    "mmap": "maps the file",
    "munmap": "unmaps the file",
    "write": "writes {cells} with write(2)",
    "read": "reads {cells} with read(2)",
    "punch": "punches a hole",
    "transition": "closes the delta",
    "crash": "sees the power fail",
    "migrate": "migrates the page",
    "migrate_ring": "migrates the page with its ring",
    "ring_setup": "keeps a reference, as on an AIO ring",
    "ring_event": "writes an event into {cells}",
    "odp_write": "writes {cells} through a translation of its own",
    "odp_read": "reads {cells} through a translation of its own",
    "poke": "pokes {cells}",
    "peek": "peeks at {cells}",
    "vm_write": "writes {cells} with process_vm_writev",
    "vm_read": "reads {cells} with process_vm_readv",
    "mr_register": "registers the page for the device",
    "mr_deregister": "deregisters it",
    "device_write": "writes {cells}, by the address that it was given",
    "device_read": "reads {cells}, by the address that it was given",
    "dio_read": "reads from a device into {cells} with O_DIRECT",
    "dio_read_get": "reads from a device into {cells} with O_DIRECT",
    "dio_write": "writes {cells} to a device with O_DIRECT",
    "dio_write_get": "writes {cells} to a device with O_DIRECT",
    "dio_write_sum": "writes {cells} to a device with O_DIRECT",
    "reclaim": "reclaims the page",
    "evict": "evicts the inode",
    "buffer_register": "registers the page as an io_uring buffer",
    "buffer_unregister": "unregisters the buffer",
    "vmsplice": "lends the page to a pipe",
    "splice": "puts the page into a pipe",
    "pipe_read": "reads the pipe",
    "pipe_close": "closes the pipe",
    "truncate": "truncates the page away",
    "truncate_tail": "truncates {cells} away",
    "uprobe": "sets a breakpoint",
    "unprobe": "takes the breakpoint out",
    "ref_ctr": "adds to its counter",
    "run": "executes {cells}",
}
WORDS = (  # what a lane says, and what a sentence says
    (r"(\w+)\.(\d) = (v\d)", r"cell \2 of \1 becomes \3"),
    (r"page( \d)? is empty", r"the page\1 is gone from the page cache"),
    (r"page( \d)? is (\w+)", r"the page\1 is \2 from now on"),
    (r"(\w) dirty (d\d)", r"\1 is dirty for \2"),
    (r"(\w) clean", r"\1 is clean"),
    (r"(\w) without a mapping", r"\1 is the file's no more"),
    (r"PTE of (\w+) → (\w) \((ro|rw)\)", r"\1 sees \2"),
    (r"PTE of (\w+) → its own copy", r"\1 sees a copy of its own"),
    (r"PTE of (\w+) empty", r"\1 maps nothing"),
    (r"bio submitted", r"the bio is submitted"),
    (r"reads (\w)\.(\d) \((v\d)\)", r"the disk reads cell \2 of \1 (\3)"),
    (r"reads (\w)\.(\d): (v\d)", r"it reads \3 from \1"),
    (r"holds (\w)", r"it takes a reference on \1"),
    (r"pins (\w)", r"it pins \1"),
    (r"translation of (\w+) → (\w) .*", r"its translation leads to \2"),
    (r"TLB of (\w+) → (\w) .*", r"the TLB of \1 leads to \2"),
    (r".*\bmigration entry of (\w+)", r"\1 has to wait"),
    (r"fork begins", "the fork begins"),
    (r"fork begins by unmapping", "the fork begins, by unmapping"),
    (r"waits for delta", "it waits until the older delta is on disk"),
    (r"older delta written", "the older delta is on disk, so it starts over"),
    (r"waits for holder", "it waits until the holder lets go"),
    (r"writes in place", "it writes in place"),
    (r"fork done", "the fork is done"),
    (r"fork refused", "the fork is refused"),
    (r"clone prepared", "nothing forbids the fork"),
    (r"reports: done", "this is reported done"),
)
SMALL = re.compile(
    r".* (read-only|writable|under write-out|write-out over|is for the disk)|·.*|no migration entry of .*"
    r"|\w+ (maps the file|does not map the file)"
)
CHOICES = re.compile(r"\b(forks?|forked|refused?s?|waits?|in place|retries|again)\b|written$")
COPY = re.compile(r"([\w' ]+)\.(\d) ← (\w+)\.(\d) \((v\d)\)")


def does(case: Case, op: Op) -> str:
    """An operation as its task does it: ``stores into cell 0``."""
    words = DOES.get(op.kind)
    if words is None:
        return f"does {op.text}"
    one = len(op.cells) == 1 and len(case.world.pages) == 1
    return words.format(cells=f"cell {op.cells[0]}" if one else f"page {op.page}")


@dataclass(frozen=True)
class Part:
    """What somebody does as a whole. steps: numbers of the run's steps, from 1; again: the operation has begun in an
    earlier part; effects: what the steps do, in the words of the lanes.
    """

    actor: str
    op: Op | None
    steps: tuple[int, ...]
    effects: tuple[tuple[str, ...], ...]
    again: bool

    @property
    def tells(self) -> bool:
        """Whether there is anything to see."""
        return any(not e.startswith("·") for step in self.effects for e in step)

    def sentence(self, case: Case, steps: int | None = None) -> str:
        """The part, or its first `steps`, in one sentence."""
        who = f"{self.actor} {does(case, self.op)}" if self.op else self.actor
        if self.again and self.op:
            who = f"{self.actor} goes on"
        found = [e for step in self.effects[:steps] for e in step]
        kept = [e for e in found if not SMALL.fullmatch(e)] or [e for e in found if not e.startswith("·")]
        told = ", ".join(sentences(kept))
        return f"{who}: {told}" if told else who

    @property
    def numbers(self) -> str:
        """Its steps in short: ``steps 12 to 15, 17``."""
        runs = [list(g) for _, g in groupby(enumerate(self.steps), lambda p: p[1] - p[0])]
        told = [f"{g[0][1]} to {g[-1][1]}" if len(g) > 1 else f"{g[0][1]}" for g in runs]
        return f"step{'s' if len(self.steps) > 1 else ''} {', '.join(told)}"


def split(text: str) -> tuple[str, ...]:
    """What a step does, one by one."""
    return tuple(re.split(r", (?![^(]*\))", text)) if text else ()


def sentences(effects: Sequence[str]) -> list[str]:
    """Effects in words, copies of the cells of one folio into another as one, and each thing once."""
    out: dict[str, None] = {}
    copied: dict[tuple[str, str], dict[str, str]] = {}
    for text in effects:
        if found := COPY.fullmatch(text):
            to, _, source, cell, version = found.groups()
            copied.setdefault((to, source), {})[cell] = version
            out.setdefault(f"copy {to} {source}")
            continue
        told = (re.sub(pattern, words, text) for pattern, words in WORDS if re.fullmatch(pattern, text))
        out.setdefault(next(told, text))
    for (to, source), cells in copied.items():
        out = {(_copied(to, source, cells) if key == f"copy {to} {source}" else key): None for key in out}
    return _together(list(out))


def _copied(to: str, source: str, cells: dict[str, str]) -> str:
    versions = " ".join(cells[c] for c in sorted(cells))
    if to == "saved":
        return f"it saves {versions}, which it reads in {source}"
    what = source if len(cells) > 1 else f"cell {next(iter(cells))} of {source}"
    return f"{what} is copied into {to} ({versions})"


def _together(told: list[str]) -> list[str]:
    """``app sees B`` and ``writer sees B`` as one."""
    out: list[str] = []
    for text in told:
        who, sep, what = text.partition(" sees ")
        before, same, seen = out[-1].partition(" see ") if out else ("", "", "")
        first, was, it = out[-1].partition(" sees ") if out else ("", "", "")
        if sep and same and seen == what:
            out[-1] = f"{before.replace(' and ', ', ')} and {who} see {what}"
        elif sep and was and it == what:
            out[-1] = f"{first} and {who} see {what}"
        else:
            out.append(text)
    return out


class Tale:
    """A run of one policy (by number), told for one property. breaks: it is the run that breaks it."""

    def __init__(self, case: Case, compiled: Compiled, policy: int, shown: Shown, prop: str, breaks: bool = True):
        self.case, self.compiled, self.policy, self.shown, self.prop = case, compiled, policy, shown, prop
        self.run, self.breaks = shown.run, breaks

    # ---- the order that is told -----------------------------------------------------------------------------------
    @cached_property
    def _told(self) -> tuple[list[int], list[int]]:
        """(steps by number from 0 in the order that is told, the states on the way)."""
        order, states = list(range(len(self.run))), list(self.run.states)
        moved = True
        while moved:
            moved = False
            blocks = [list(g) for _, g in groupby(range(len(order)), lambda n: self._key(order[n]))]
            for k, block in enumerate(blocks):
                later = next((b for b in blocks[k + 1 :] if self._key(order[b[0]]) == self._key(order[block[0]])), None)
                if later and later[0] > block[-1] + 1 and self._join(order, states, block, later):
                    moved = True
                    break
        return order, states

    def _key(self, n: int) -> tuple:
        step = self.run.steps[n]
        return (WRITE_OUT,) if step.actor in (FLUSHER, "disk") else (step.actor, step.args.get("op"))

    def _join(self, order: list[int], states: list[int], first: list[int], second: list[int]) -> bool:
        """Draw two blocks of positions together: the second to the left, else the first to the right."""
        last = len(order) - 1
        left = [(at, first[-1] + 1 + n) for n, at in enumerate(second)]
        right = [(at, second[0] - 1 - n) for n, at in enumerate(reversed(first))]
        for moves in ([] if second[-1] == last else left, right):
            trial, passed = list(order), list(states)
            if moves and all(self._moved(trial, passed, *move) for move in moves):
                order[:], states[:] = trial, passed
                return True
        return False

    def _moved(self, order: list[int], states: list[int], at: int, to: int) -> bool:
        """Move one step to another place, past others that it does not touch."""
        towards = -1 if to < at else 1
        while at != to:
            a = min(at, at + towards)  # the steps at a and a + 1 change places
            between = self._after(states[a], order[a + 1])
            if between is None or self._after(between, order[a]) != states[a + 2]:
                return False
            order[a], order[a + 1], states[a + 1] = order[a + 1], order[a], between
            at += towards
        return True

    def _after(self, state: int, n: int) -> int | None:
        step = self.run.steps[n]
        steps = self.case.system.steps
        return next((t for i, t, _ in self.compiled.steps(state, self.policy) if steps[i] is step), None)

    # ---- the parts ------------------------------------------------------------------------------------------------
    @cached_property
    def spans(self) -> list[tuple[Part, int, int]]:
        """The parts, each from which state to which, as numbers in `states`; one with nothing to see is told with the
        next of its operation, or with the one before.
        """
        order, states = self._told
        out: dict[int, tuple[Part, int, int]] = {}
        latest: dict[tuple, int] = {}
        waiting: dict[tuple, tuple[tuple, tuple]] = {}
        for key, group in groupby(range(len(order)), lambda n: self._key(order[n])):
            at = list(group)
            numbers, effects = waiting.pop(key, ((), ()))
            numbers += tuple(order[n] + 1 for n in at)
            effects += tuple(self._effects(order[n], states[n], states[n + 1]) for n in at)
            part = Part(key[0], key[1] if len(key) > 1 else None, numbers, effects, key in latest)
            if not part.tells and any(self._key(n) == key for n in order[at[-1] + 1 :]):
                waiting[key] = numbers, effects
            elif not part.tells and key in latest:
                told, first, last = out[latest[key]]
                out[latest[key]] = (
                    replace(told, steps=told.steps + numbers, effects=told.effects + effects),
                    first,
                    last,
                )
            else:
                latest[key] = at[0]
                out[at[0]] = part, at[0], at[-1] + 1
        return list(out.values())

    @property
    def parts(self) -> list[Part]:
        return [part for part, _, _ in self.spans]

    @property
    def states(self) -> list[int]:
        """The states in the order that is told."""
        return self._told[1]

    def _effects(self, n: int, before: int, after: int) -> tuple[str, ...]:
        step = self.run.steps[n]
        text = effect(self.case, step, before, after)
        if text == step.rule.name.replace("_", " ") and not CHOICES.search(text):
            return (f"· {text}",)  # a choice between rules that a sentence leaves out
        return split(text)

    # ---- the end --------------------------------------------------------------------------------------------------
    @cached_property
    def found(self) -> Broken | None:
        """What is broken on this run, and where it is seen last."""
        there = (b for n in range(len(self.run), -1, -1) if (b := broken_at(self.case, self.run, n, self.prop)))
        found = next(there, None)
        if found is None and self.breaks and self.case.system.property(self.prop).needs_graph:
            return stopped(self.case, self.compiled, self.policy, self.prop, self.run)
        return found

    def end(self) -> str:
        """What is broken in the end, and what somebody reads."""
        if not self.found:
            return ""
        said = self.found.sentence.removeprefix(f"{self.prop} is broken: ")
        *others, wrong = self.found.places
        still = broken(self.case.world, self.case.system, self.prop, self.run.states[-1])
        row, right = self._row(wrong.row), self._row(others[0].row) if others else None
        rows = [r for r in (row, right) if r]
        if (
            still
            and row
            and wrong.cell is not None
            and "should be" not in said
            and {r.kind for r in rows} <= {"folio", "anon"}
        ):
            who, cell = readers(row), row.cells[wrong.cell]
            good = right.cells[wrong.cell] if right else None
            wrote = self._wrote(wrong.cell, good) if good else ""
            said += f"; {several(who)} read{'s' if len(who) == 1 else ''} {cell.v}{wrote}" if who and cell else ""
        by_name = said.partition(" ")[0] in actors(self.case)
        return (said if by_name else said[0].upper() + said[1:]) + "."

    def _wrote(self, cell: int, good: Bytes) -> str:
        if whom := by_device(self.case.world, cell, int(good.v[1:])):
            return f", and the device wrote {good.v} for {whom}"
        return f", and {good.by} wrote {good.v}" if good.by else f", not {good.v}"

    def seen(self, cell: int) -> str:
        """What everybody reads in a cell in the end."""
        told: dict[tuple[str, str], list[str]] = {}
        for row in Scene(self.case, self.run.states[-1]).rows:
            if (who := readers(row)) and row.cells[cell] is not None:
                told.setdefault((row.title, _told(row.cells[cell])), []).extend(who)
        said = [f"{several(w)} read{'s' if len(w) == 1 else ''} {v} in cell {cell}" for (_, v), w in told.items()]
        return several(said)

    def _row(self, key: str) -> Row | None:
        return Scene(self.case, self.run.states[-1]).row(key)


def readers(row: Row) -> list[str]:
    """Who reads the bytes of a row, by name: a file's readers, processes, holders."""
    return list(dict.fromkeys(name for k in row.lookers if (name := _reader(k))))


def _reader(looker: Looker) -> str:
    name = looker.key.partition(".")[2]
    if looker.kind == "cache":
        return "read(2)"
    if looker.kind == "pte":
        return "" if "entry" in looker.text else name
    if looker.kind in ("tlb", "spte"):
        return f"{name}'s other thread" if looker.kind == "tlb" else name
    if looker.kind in ("pin", "ref"):
        return looker.text.partition(", by ")[0]
    return ""


def _told(cell: Bytes | None) -> str:
    """``v1 (device)``."""
    return f"{cell.v} ({cell.by})" if cell and cell.by else str(cell)


# ---- forms ----------------------------------------------------------------------------------------------------------
def told(
    tale: Tale, head: str, note: str = "", first: int = 1, parts: Sequence[Part] | None = None, end: str = ""
) -> Cell:
    """Sentences, numbered from `first`, that unfold to their steps, and how it ends."""
    chosen = tale.parts if parts is None else parts
    lines = [(part.sentence(tale.case), part.numbers) for part in chosen]
    text = [
        head,
        *filter(None, [note]),
        *(f"{n:2}. {said} ({numbers})" for n, (said, numbers) in enumerate(lines, first)),
    ]
    items = "".join(
        f"<li><details><summary>{say(said)} <small>({numbers})</small></summary>{_unfolded(tale, part)}</details></li>"
        for part, (said, numbers) in zip(chosen, lines, strict=True)
    )
    page = (
        f'<div class="tux-story"><p><b>{say(head)}</b>{note and f"<br>{say(note)}"}</p><ol start="{first}">{items}</ol>'
    )
    if end:
        text.append(f"    {end}")
        page += f"<p><b>{say(end)}</b></p>"
    return Cell("\n".join(text), page + "</div>")


def _unfolded(tale: Tale, part: Part) -> str:
    rows = "".join(
        f'<li value="{n}">{say(", ".join(effects) or "·")} <small>{say(tale.run.steps[n - 1].rule.says)}</small></li>'
        for n, effects in zip(part.steps, part.effects, strict=True)
    )
    return f"<ol>{rows}</ol>"


def broken_story(case: Case, label: str, tale: Tale) -> Cell:
    """The run that breaks a property, told."""
    head = f"{label}: {tale.shown.told(_title(case, tale.prop))}"
    return told(tale, head, end=tale.end())


def same_schedule(case: Case, schedules: Schedules, base: Tale, label: str, policy: dict[str, str]) -> Cell:
    """The schedule of a broken run under another policy: what is the same is summed up, the rest is told."""
    shown = schedules.follow(policy, base.run)
    number = schedules.run.number(policy)
    tale = Tale(case, schedules.run.compiled, number, shown, base.prop, breaks=False)
    at = shown.parts(base.run)
    if at is None:
        return told(tale, f"{label}: the same run, step by step", parts=(), end=tale.end())
    shared = min(len(base.run), len(shown.run))  # the same thing done by another step is no difference to a reader
    at = next((n for n in range(at, shared) if _decision(case, base.run, n) != _decision(case, shown.run, n)), shared)
    shortest = min(len(base.parts), len(tale.parts))
    pairs = enumerate(zip(base.parts, tale.parts, strict=False))
    same = next((n for n, (a, b) in pairs if a.sentence(case) != b.sentence(case)), shortest)
    rest = tale.parts[same:]
    head = f"{label}, on the same schedule"
    mine = f"{base.run.steps[at].actor} cannot go on" if _skipped(shown, at) else _decision(case, shown.run, at)
    note = f"{_as_before(same)} The runs part at step {at + 1}. Before: {_decision(case, base.run, at)}. Now: {mine}."
    note = note.strip()
    kept = f"{_title(case, base.prop)} is kept" if not tale.found else ""
    wrong = base.found.places[-1].cell if base.found and base.found.places else None
    seen = tale.seen(wrong) if kept and wrong is not None else ""
    end = tale.end() or f"{kept}{f': {seen}' if seen else ''}."
    return told(tale, head, note, same + 1, rest, end)


def _skipped(shown: Shown, n: int) -> bool:
    """Whether the actor of the schedule's step n (from 0) can take none there under the other policy."""
    return n < len(shown.run) and shown.mirrors is not None and shown.mirrors[n] > n


def _as_before(n: int) -> str:
    if n > 1:
        return f"Sentences 1 {'and' if n == 2 else 'to'} {n} are as before."
    return "Sentence 1 is as before." if n else ""


def _title(case: Case, prop: str) -> str:
    return f"“{case.system.property(prop).title}” ({prop})"


def _decision(case: Case, run: Run, n: int) -> str:
    """What happens in step n (from 0) of a run."""
    if n >= len(run):
        return "nothing more"
    step = run.steps[n]
    did = effect(case, step, run.states[n], run.states[n + 1]) or step.rule.name.replace("_", " ")
    return f"{step.actor}: {', '.join(sentences(split(did)))}"
