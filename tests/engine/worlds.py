"""Small systems for the engine's tests."""

from __future__ import annotations

import itertools

from tux3nb.engine.family import Listed, Product
from tux3nb.engine.fields import Field
from tux3nb.engine.policy import Feature, Features
from tux3nb.engine.rule import rule
from tux3nb.engine.system import Property, System, World, build
from tux3nb.engine.terms import count, every, has, some, union, where, without

NO_FEATURES = Features([])


def world(*fields: Field, **constants) -> World:
    return World({f.name: f for f in fields}, constants)


def increments(threads: int, times: int) -> System:
    """Threads that each load a shared counter, then store one more, `times` times."""
    ids = tuple(range(threads))
    most = threads * times
    w = world(
        Field("shared", (), most),
        Field("local", (ids,), most),
        Field("pc", (ids,), 1),
        Field("left", (ids,), times, start={f"left[{i}]": times for i in ids}),
    )

    @rule(kernel="-", t=ids)
    def load(s, policy, t):
        s.require(s.pc[t] == 0, s.left[t] > 0)
        s.local[t] = s.shared
        s.pc[t] = 1

    @rule(kernel="-", t=ids)
    def store(s, policy, t):
        s.require(s.pc[t] == 1)
        s.shared = s.local[t] + 1
        s.pc[t] = 0
        s.local[t] = 0
        s.left[t] = s.left[t] - 1

    return build(w, [load, store], NO_FEATURES)


def alone(system: System) -> Listed:
    """The family of the one policy of a system without features; its number is 1."""
    return Listed(system.features, [{}])


# ---- a world with everything in it ----------------------------------------------------------------------
LOCKS = Features(
    [
        Feature("lock", "how to lock", "-", {"none": "", "spin": "", "try": ""}, {"spin": ("none",), "try": ("none",)}),
        Feature("order", "order of locks", "-", {"any": "", "address": ""}),
        Feature("colour", "nothing reads it", "-", {"red": "", "green": ""}),
        Feature("keep", "keep the slot after work", "-", {"no": "", "yes": ""}),
    ]
)
TASKS, SLOTS = ("a", "b"), (0, 1)
IDLE, PICK, LOCK, WORK, DONE, BROKEN = range(6)


def _fields() -> World:
    return world(
        Field("pc", (TASKS,), 5, names=("idle", "pick", "lock", "work", "done", "broken")),
        Field("mine", (TASKS,), len(SLOTS)),  # slot + 1, 0 for none
        Field("owner", (SLOTS,), len(TASKS)),
        Field("value", (SLOTS, TASKS), 2),
        Field("tries", (TASKS,), 2, start={"tries[b]": 1}),
        Field("members", (), (1 << 4) - 1, start={"members": 1}),
        Field("oops", (), 1),
    )


def _me(t: str) -> int:
    return TASKS.index(t) + 1


@rule(kernel="-", t=TASKS, slot=SLOTS)
def pick(s, policy, t, slot):
    other = TASKS[1 - TASKS.index(t)]
    in_order = some(s.mine[other] <= n for n in range(slot + 2)) | (s.mine[other] == 0)
    s.require(s.pc[t] == IDLE, s.tries[t] < 2, (policy.order == "any") | in_order)
    s.mark("picked", slot == 1)
    s.mine[t] = slot + 1
    s.pc[t] = PICK


@rule(kernel="-", t=TASKS)
def lock(s, policy, t):
    free = s.owner[s.mine[t] - 1] == 0
    s.require((s.pc[t] == PICK) & (s.mine[t] > 0), (policy.lock == "none") | free)
    s.ensure("exclusive", free, "takes a slot that is taken")
    s.owner[s.mine[t] - 1] = _me(t)
    s.pc[t] = LOCK


@rule(kernel="-", t=TASKS)
def lock_fails(s, policy, t):
    s.require(s.pc[t] == PICK, s.owner[s.mine[t] - 1] != 0, policy.lock == "try")
    s.mine[t] = where(s.oops == 0, 0, s.mine[t])
    s.tries[t] = s.tries[t] + 1
    s.pc[t] = IDLE
    s.mark("retried")


@rule(kernel="-", t=TASKS)
def work(s, policy, t):
    s.require(s.pc[t] == LOCK, s.mine[t] != 0)
    more = s.value[s.mine[t] - 1, t] + where(s.tries[t] > 0, 2, 1)
    s.limit("value", more > 2)
    s.mark("both", has(s.members, 1) | has(s.members, 2))
    s.value[s.mine[t] - 1, t] = more
    s.members = union(s.members, 1 << _me(t))
    s.pc[t] = WORK


@rule(kernel="-", t=TASKS)
def unlock(s, policy, t):
    s.require(s.pc[t] == WORK, policy.keep == "no")
    s.owner[s.mine[t] - 1] = 0
    s.members = without(s.members, where(s.tries[t] == 1, 1 << _me(t), 0))
    s.mine[t] = 0
    s.pc[t] = where(s.tries[t] == 1, DONE, IDLE)
    s.tries[t] = where(s.tries[t] < 2, s.tries[t] + 1, 2)


@rule(kernel="-", t=TASKS)
def keeps(s, policy, t):
    s.require(s.pc[t] == WORK, policy.keep == "yes")
    s.pc[t] = DONE


@rule(kernel="-", t=TASKS, release=True)
def lets_go(s, policy, t):
    s.require(s.pc[t] == DONE, s.mine[t] > 0)
    s.owner[s.mine[t] - 1] = 0
    s.mine[t] = 0


@rule(kernel="-", t=TASKS)
def again(s, policy, t):
    spins = (policy.keep == "yes") & (s.value[0, t] < 2) | (policy.lock == "spin")
    s.require(s.pc[t] == DONE, s.mine[t] == 0, s.tries[t] == 2, spins)
    s.tries[t] = 1
    s.pc[t] = IDLE


@rule(kernel="-", t=TASKS)
def breaks(s, policy, t):
    s.require(s.pc[t] == IDLE, has(s.members, _me(t)), count(s.value[n, t] > 0 for n in SLOTS) > 0)
    s.oops = 1
    s.pc[t] = BROKEN


def locks() -> System:
    """Two tasks that pick slots and lock them or not; policies race, give up, retry for ever, or deadlock."""
    properties = (
        Property("exclusive", "", "", "picked"),
        Property("own", "", "", "both", (("works on a slot that another owns", _own),)),
        Property("small", "", "", "both", (("two", _small),)),
        Property("progress", "", "", "picked", needs_graph=True),
    )
    rules = [pick, lock, lock_fails, work, unlock, keeps, lets_go, again, breaks]
    return build(_fields(), rules, LOCKS, properties, None, lambda s: s.oops == 1, _settled)


def _own(s):
    return every((s.pc[t] != WORK) | (s.owner[s.mine[t] - 1] == _me(t)) for t in TASKS)


def _small(s):
    return every((s.mine[t] == 0) | (s.value[s.mine[t] - 1, t] < 2) for t in TASKS)


def _settled(s):
    return every((s.pc[t] == IDLE) | (s.pc[t] == DONE) for t in TASKS)


BASE = {"lock": "none", "order": "any", "colour": "red", "keep": "no"}
POLICIES = [dict(zip(BASE, values, strict=True)) for values in itertools.product(*(f.values for f in LOCKS))]


def all_locks() -> Listed:
    """All policies of the lock world, one by one."""
    return Listed(LOCKS, POLICIES)


def whole_locks() -> Product:
    """The same as a product."""
    return Product(LOCKS, BASE, BASE)
