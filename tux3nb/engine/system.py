"""A system: what an exploration runs. Fields, start state, steps, properties; nothing of page caches in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tux3nb.engine.fields import Constant, Field, Layout
from tux3nb.engine.policy import Features
from tux3nb.engine.rule import Rule, Step, bind, predicate
from tux3nb.engine.terms import FALSE, TRUE, Expr, shared, walk
from tux3nb.errors import ModelError


def everywhere(world) -> bool:  # noqa: ARG001  (a property's `applies` takes the world)
    """Any world."""
    return True


@dataclass(eq=False)
class Property:
    """A name, a short title, one sentence, and the clauses whose failure violates it.

    `clauses` are (reason, predicate over the state); a property may also be checked by steps (``s.ensure``).
    `partner` names the sometimes-events of which one must be REACHED for HOLDS to mean anything.
    `needs_graph` marks progress, which is computed on the whole graph instead of state by state. `advisory` ones are
    reported apart and never make a policy VIOLATED. `optional` ones are judged by cases that name them, and by no
    other; there they count like any property. `applies` is asked of a world; its docstring names what the property is
    about. No other world judges it.
    """

    id: str
    title: str
    sentence: str
    partner: str
    clauses: tuple[tuple[str, Callable], ...] = ()
    needs_graph: bool = False
    advisory: bool = False
    optional: bool = False
    applies: Callable = everywhere


@dataclass(eq=False)
class System:
    """Everything traced: a layout, a packed start state, bound steps, and predicates as expressions.

    clauses: (property id, reason, expression that must hold). halted: states with no successors (a failed kernel
    assertion). settled: the goal states of progress.
    """

    layout: Layout
    start: int
    steps: list[Step]
    features: Features
    properties: tuple[Property, ...] = ()
    clauses: list[tuple[str, str, Expr]] = field(default_factory=list)
    halted: Expr = FALSE
    settled: Expr = TRUE

    @property
    def guards(self) -> list[Expr]:
        """Every policy set that a step mentions."""
        return [g for step in self.steps for g in step.allowed]

    def features_read(self) -> set[str]:
        """The ids of the features that some step reads: no other can change an answer."""
        return {e.args[0].id for g in self.guards for e in walk(g) if e.op == "feature"}

    def property(self, pid: str) -> Property:
        found = next((p for p in self.properties if p.id == pid), None)
        if found is None:
            raise ModelError(f"no property {pid!r}")
        return found


def build(
    world,
    rules: Iterable[Rule],
    features: Features,
    properties: Iterable[Property] = (),
    start: dict[str, int] | None = None,
    halted: Callable | None = None,
    settled: Callable | None = None,
) -> System:
    """Trace `rules` and `properties` for `world` (which has `fields`, `constants`, `default_actor`)."""
    with shared():
        return _build(world, rules, features, properties, start, halted, settled)


def _build(world, rules, features, properties, start, halted, settled) -> System:
    layout = Layout(list(world.fields.values()))
    steps = bind(rules, world, features)
    known = {p.id for p in properties}
    for step in steps:
        for pid, _, _ in step.checks:
            if pid not in known:
                raise ModelError(f"rule {step.rule.name} checks {pid!r}, which is no property")
    return System(
        layout,
        layout.pack(start or {}),
        steps,
        features,
        tuple(properties),
        [(p.id, reason, predicate(f, world)) for p in properties for reason, f in p.clauses],
        predicate(halted, world) if halted else FALSE,
        predicate(settled, world) if settled else TRUE,
    )


@dataclass(eq=False)
class Event:
    """Something to report beside a step: kind is "check", "mark", "limit", "overflow" or "index".

    step: index of the step, None for a predicate of the state. name: property, sometimes-event, limit, or the field at
    fault. detail: the reason of a check, or the field that a property reads.
    """

    kind: str
    step: int | None
    name: str
    detail: str = ""

    def error(self, system: System, state: int) -> ModelError:
        """The error for an "overflow" or "index", naming rule, field and state."""
        pairs = zip(system.layout.labels, system.layout.unpack(state), strict=True)
        nonzero = {label: value for label, value in pairs if value}
        if self.step is None:
            return ModelError(f"{self.name} reads {self.detail} outside its array, in state {nonzero}")
        what = "writes {} outside its range" if self.kind == "overflow" else "reads {} outside its array"
        return ModelError(f"rule {system.steps[self.step].name} {what.format(self.name)}, from state {nonzero}")


@dataclass(eq=False)
class World:
    """The smallest world a system can be built on: fields, constants and a default actor."""

    fields: dict[str, Field]
    constants: dict[str, Constant] = field(default_factory=dict)
    default_actor: str = "system"
