"""What a policy does on a workload: one run of a case on the real rules, the same for every reader, counted.

A schedule is fixed and fair: actors take turns, one step each: of those that are possible the one taken least often so
far. `phase` says how far the write-out of a closed delta has come when the next write meets it: its PTEs are not
write-protected yet where they will be (``closed``), the flusher has had no other turn yet (``queued``), the disk has
had none (``submitted``), or both are done (``done``). A holder of unbounded life lets go when nobody else can do
anything. Whoever has its turn later has it as well when the others go round in circles, trying again and again; these
wait, then, as a task that is blocked does. All policies of a set walk at once, and part where they differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from tux3nb.answers.story import in_use
from tux3nb.cases.case import Case
from tux3nb.engine.compile import Compiled
from tux3nb.engine.family import Family
from tux3nb.errors import UserError, nearest
from tux3nb.model.world import FLUSHER

DISK = "disk"
SWEEP = "sweep_protects_pte"
SLOW = {"transition": 2, "dio_read_dma": 3}  # a delta closes, and then a direct read ends, when the CPUs are through
PHASES = {  # phase -> how soon an actor may act, or a rule that is named; others have 1, and lower goes first
    "closed": {FLUSHER: 4, DISK: 4},
    "queued": {SWEEP: 0, FLUSHER: 4, DISK: 4},
    "submitted": {FLUSHER: 0, DISK: 4},
    "done": {FLUSHER: 0, DISK: 0},
}
MARKS = {
    "forked": "forks",
    "snapshot_made": "snapshots",
    "bounced": "bounces",
    "longterm_refused": "refused",
    "submitted": "written",
    "submitted_together": "written",
}
RULES = {
    "faults": ("store_faults", "load_faults", "gup_slow_faults", "gup_slow_forks_first", "access_faults"),
    "flushes": (
        "flush_protects_pte",
        "clone_protects_pte",
        "fork_unmaps_pte",
        "fork_redirects_pte",
        SWEEP,
    ),
    "io": ("write_completes",),
    "commit": ("commits",),
}
WAITS = ("io", "commit", "release")
HELD = {"dma": "pause", "quiesce": "quiesce"}  # place of a task that quiescing holds back -> which of its two ways
LAST = 5  # a holder lets go when nobody else can do anything
MOST = 3000  # steps after which a walk counts as endless


@dataclass
class Walk:
    """What was counted on the way, and how it ended: "done", "stuck", "endless", "assertion", or a limit's name.

    counts: forks, snapshots (reverse forks), bounces, refused (long-term pins), faults, flushes (of a PTE), written
    (bios of a page), extra (those of a page that the disk has already), waits (that last until an I/O, a commit or a
    holder's release, or for the barrier or quiescing), and for how many of these: wait_io, wait_commit, wait_release,
    wait_sweep, wait_quiesce (of a transition), wait_pause (of a device). peak: folios beyond those of the file at once;
    orphans: forked folios among them.
    """

    counts: Counter = field(default_factory=Counter)
    peak: int = 0
    orphans: int = 0
    ends: str = "done"

    def copy(self) -> Walk:
        return Walk(Counter(self.counts), self.peak, self.orphans, self.ends)


@dataclass
class _Group:
    """Policies (by number) on their way together. turn: the actor that went last; blocked: tasks that wait, and whether
    that has been counted; met: the states, with the turn, since an actor that goes later went last; circling: one of
    these has come again, so that an actor that goes later goes next; taken: how often each step was; last: the step
    that was last.
    """

    state: int
    policies: int
    walk: Walk
    turn: int = 0
    steps: int = 0
    blocked: dict[str, bool] = field(default_factory=dict)
    met: frozenset[tuple[int, int]] = frozenset()
    circling: bool = False
    taken: Counter[int] = field(default_factory=Counter)
    last: int = -1


def walks(case: Case, family: Family, phase: str = "done", policies: Any = None) -> list[tuple[Any, Walk]]:
    """Each way in which policies of a family (or of the set `policies`) walk through a case, with those that do."""
    if phase not in PHASES:
        raise UserError(f"no phase {phase!r}{nearest(phase, PHASES)}")
    walker = _Walker(case, Compiled(case.system, family), PHASES[phase])
    found: dict[tuple, tuple[Any, Walk]] = {}
    for number, walk in walker.run(family.all if policies is None else policies):
        key = *sorted(walk.counts.items()), walk.peak, walk.orphans, walk.ends
        known, _ = found.get(key, (family.none, walk))
        found[key] = known | walker.numbers[number], walk
    return list(found.values())


class _Walker:
    def __init__(self, case: Case, compiled: Compiled, ranks: dict[str, int]):
        self.case, self.compiled, self.numbers = case, compiled, compiled.numbers
        self.layout, self.steps = case.system.layout, case.system.steps
        self.actors = list(dict.fromkeys([*case.world.tasks, *(s.actor for s in self.steps)]))
        named = {**SLOW, **ranks}
        self.rank = [LAST if s.rule.release else named.get(s.rule.name, ranks.get(s.actor, 1)) for s in self.steps]
        self.counted = {rule: name for name, rules in RULES.items() for rule in rules}
        self.ended = {t: max(op.next for op in case.world.ops if op.task == t) for t in case.world.tasks}

    def run(self, policies: Any) -> Iterator[tuple[int, Walk]]:
        todo = [_Group(self.case.system.start, self.numbers.number(policies), Walk())]
        while todo:
            group = todo.pop()
            found: list = []
            self.compiled.expand(group.state, group.policies, found)
            able: dict[tuple[str, int], int] = {}  # (actor, rank) -> policies
            for i, _, k in found:
                if i >= 0:
                    how = self.steps[i].actor, self.rank[i]
                    able[how] = self.numbers.union[able.get(how, 0)][k]
            for part in self._parted(group.policies, able.values()):
                here = {how for how, k in able.items() if self.numbers.common[part][k]}
                if here and group.steps < MOST:
                    todo += self._steps(group, part, here, found)
                else:
                    walk = group.walk.copy()
                    walk.ends = self._ends(group, part, found)
                    yield part, walk

    def _parted(self, policies: int, sets) -> list[int]:
        """The policies in parts such that each of the sets has all of a part or none of it."""
        parts = [policies]
        for k in sets:
            halves = [(self.numbers.common[p][k], self.numbers.minus[p][k]) for p in parts]
            parts = [half for both in halves for half in both if half]
        return parts

    def _ranks(self, here: set[tuple[str, int]], turn: int) -> dict[int, int]:
        """Actor that can act -> when: lower ranks first, and of one rank whoever comes next after the last turn."""
        n, first = len(self.actors), {}
        for actor, rank in here:
            first[actor] = min(rank, first.get(actor, rank))
        turns = (k % n for k in range(turn + 1, turn + 1 + n))
        return {k: first[self.actors[k]] for k in turns if self.actors[k] in first}

    def _steps(self, group: _Group, part: int, here: set[tuple[str, int]], found: list) -> Iterator[_Group]:
        """The groups that go on: the actor whose turn it is takes, of the steps that a policy allows, the first of
        those that it has taken least often.
        """
        ranks = self._ranks(here, group.turn)
        first, again = min(ranks.values()), (group.state, group.turn) in group.met
        if again and group.circling:
            yield _Group(group.state, part, replace(group.walk, ends="endless"), steps=MOST)
            return
        met, circling, spinning = (frozenset(), True, set()) if again else (group.met, group.circling, set())
        if circling and first < max(ranks.values()):
            spinning = {self.actors[k] for k, rank in ranks.items() if rank == first}
            ranks = {k: rank for k, rank in ranks.items() if rank > first}
            met, circling = frozenset(), False
        turn = min(ranks, key=ranks.__getitem__)
        waiting = self._waiting(group.state, {a for a, _ in here} - spinning, spinning)
        blocked = {t: group.blocked.get(t, False) for t in waiting}
        so_far = self._let_go(group, waiting)
        met |= {(group.state, group.turn)}
        left = part
        now = self.actors[turn], ranks[turn]
        steps = [f for f in found if f[0] >= 0 and (self.steps[f[0]].actor, self.rank[f[0]]) == now]
        for i, after, k in sorted(steps, key=lambda f: (group.taken[f[0]], f)):
            mine = self.numbers.common[left][k]
            if mine:
                left = self.numbers.minus[left][mine]
                walk, taken = so_far.copy(), group.taken + Counter([i])
                waits = self._count(walk, i, after, mine, found, blocked)
                yield _Group(after, mine, walk, turn, group.steps + 1, waits, met, circling, taken, i)

    def _let_go(self, group: _Group, waiting: list[str]) -> Walk:
        """The walk so far, with the waits that the last step has ended: of tasks that a barrier or quiescing held back.

        A device is held back on its way to memory, a transition at a place of its own; both wait for nothing else.
        """
        walk, pc = group.walk.copy(), self.layout.fields["pc"]
        for task, told in group.blocked.items():
            place = pc.names[self.layout.value(group.state, pc, self.case.world.tasks.index(task))]
            kind = HELD.get(place, "sweep" if self.steps[group.last].rule.name == SWEEP else None)
            if task not in waiting and kind and not told:
                walk.counts["waits"] += 1
                walk.counts[f"wait_{kind}"] += 1
        return walk

    def _waiting(self, state: int, able: set[str], spinning: set[str]) -> list[str]:
        """The tasks that have begun an operation and cannot go on, and those that go round in circles."""
        pc = self.layout.fields["pc"]
        tasks, idle = self.case.world.tasks, pc.names.index("idle")
        begun = {t for k, t in enumerate(tasks) if self.layout.value(state, pc, k) != idle}
        return [t for t in tasks if t in spinning or (t in begun and t not in able)]

    def _count(
        self, walk: Walk, i: int, after: int, mine: int, found: list, blocked: dict[str, bool]
    ) -> dict[str, bool]:
        """Count a step; returns the tasks that wait, and whether their waits are counted by now."""
        step, counts = self.steps[i], walk.counts
        marks = {self.compiled.events[~n].name for n, _, k in found if n < 0 and self._is_mark(~n, i, k, mine)}
        for mark in marks & MARKS.keys():
            counts[MARKS[mark]] += 1
        kind = self.counted.get(step.rule.name)
        if step.rule.release:
            kind = "release"
        if kind and kind not in WAITS:
            counts[kind] += 1
        elif kind:
            for told in blocked.values():
                counts["waits"] += not told
                counts[f"wait_{kind}"] += 1
            blocked = dict.fromkeys(blocked, True)
        if "submitted" in marks and self._known_to_disk(after):
            counts["extra"] += 1
        walk.peak = max(walk.peak, len(in_use(self.case, after)) - len(self.case.world.pages))
        forked = self.layout.fields["forked"]
        walk.orphans = max(walk.orphans, sum(self.layout.value(after, forked, f) for f in self.case.world.folios))
        return blocked

    def _is_mark(self, n: int, i: int, k: int, mine: int) -> bool:
        event = self.compiled.events[n]
        return event.kind == "mark" and event.step == i and bool(self.numbers.common[k][mine])

    def _known_to_disk(self, state: int) -> bool:
        """What the bio writes is on the disk already."""
        image, disk = self.layout.fields["image"], self.layout.fields["disk"]
        return all(self.layout.value(state, image, c) == self.layout.value(state, disk, c) for c in range(image.size))

    def _ends(self, group: _Group, part: int, found: list) -> str:
        if group.walk.ends != "done":
            return group.walk.ends
        limits = [self.compiled.events[~n] for n, _, k in found if n < 0 and self.numbers.common[k][part]]
        told = next((e.name for e in limits if e.kind == "limit"), None)
        if told or group.steps >= MOST:
            return told or "endless"
        if self.compiled.halted(group.state):
            return "assertion"
        line = self.layout.fields["line"]
        at = [self.layout.value(group.state, line, k) for k in range(line.size)]
        through = all(n >= self.ended[t] for n, t in zip(at, self.case.world.tasks, strict=True))
        return "done" if through and self.compiled.settled(group.state) else "stuck"
