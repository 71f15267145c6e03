"""A state read by the names of its fields, as a rule reads it: ``look.cell(1, 0)``, ``look.pte("app")``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from tux3nb.engine.fields import WORD, Constant, Field, Layout
from tux3nb.errors import ModelError, nearest
from tux3nb.model.world import World


class Look:
    """One packed state. A field of a number or none gives None for none; one that this world lacks reads as absent."""

    def __init__(self, world: World, layout: Layout, state: int):
        self.world, self.layout, self.state = world, layout, state

    def __getattr__(self, name: str) -> Callable[..., Any]:  # None only from a field that may be none
        if name.startswith("_"):
            raise AttributeError(name)
        return partial(self.value, name)

    def value(self, name: str, *index) -> int | None:
        """The value of a field at an index; one that the world lacks is absent, at an index that it lacks none or 0.

        Raises ModelError for a name that no world has.
        """
        known = self.layout.known.get((name, index))
        if known is None:
            known = self.layout.known[name, index] = self._place(name, index)
        shift, mask, given, none = known
        number = (self.state >> shift & mask) + given
        if none is None:
            return number
        return None if number == none else number - (none == 0)

    def _place(self, name: str, index: tuple) -> tuple[int, int, int, int | None]:
        """(shift, mask, what is added, none) of a value in a packed state; of what is no cell only the third counts."""
        f = self.world.fields.get(name) or self.world.constants.get(name)
        if f is None:
            raise ModelError(f"no field {name!r}{nearest(name, [*self.world.fields, *self.world.constants])}")
        if isinstance(f, Constant):
            return 0, 0, f.value, f.none
        flat = _flat(f, index)
        if flat is None:
            return 0, 0, f.none or 0, f.none
        return f.word * WORD + f.shift(flat), f.mask, 0, f.none

    def at(self, task: str) -> str:
        """The place of a task (or of the flusher) in its routine; empty where it is in none."""
        number = self.value("pc", task) or 0
        return self.world.places[number] if number else ""

    def in_slot(self, folio: int) -> list[int]:
        """The pages whose slot holds a folio."""
        return [p for p in self.world.pages if self.value("slot", p) == folio]

    def has_cell(self, folio: int, c: int) -> bool:
        """Whether a cell is one of a folio's."""
        return len(self.world.pages) == 1 or self.value("index", folio) == self.world.page_of(c)


def _flat(f: Field, index: tuple) -> int | None:
    """The place of an index in a field; None where the field has no such index."""
    flat = 0
    for axis, label in zip(f.axes, index, strict=True):
        if label not in axis:
            return None
        flat = flat * len(axis) + list(axis).index(label)
    return flat
