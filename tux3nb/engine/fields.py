"""Named fields with ranges, packed into 64-bit words.

A field is an array of equal cells (an array of one for a plain field). All cells of a field stand side by side in
one word, so that an index computed from the state is a shift; no field straddles two words. The packed state is a
tuple of words, or the same words side by side in one Python int.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field

from tux3nb.errors import ModelError

WORD = 64
GUARD = 8  # unused bits at the bottom, so that reading index -1 (guarded or not) never shifts by less than 0


@dataclass(eq=False)
class Named:
    """A name with its index labels: one tuple of labels per dimension, none for a plain field."""

    name: str
    axes: tuple[tuple, ...] = ()

    def position(self, axis: int, label) -> int:
        """The place of an index label on one axis; ModelError names the field and its labels."""
        try:
            return self.axes[axis].index(label)
        except ValueError:
            raise ModelError(f"field {self.name} has no index {label!r}; it has {self.axes[axis]}") from None


@dataclass(eq=False)
class Constant(Named):
    """A field that this case does not have: it reads as `value`, and writing anything else is an error."""

    value: int = 0


@dataclass(eq=False)
class Field(Named):
    """One named field with its range 0..hi.

    `names` gives words to values; `start` gives the start value by label, 0 where it says nothing.
    """

    hi: int = 1
    names: tuple[str, ...] = ()
    start: dict = field(default_factory=dict)
    word: int = -1
    base: int = -1

    @property
    def size(self) -> int:
        n = 1
        for axis in self.axes:
            n *= len(axis)
        return n

    @property
    def width(self) -> int:
        return max(1, self.hi.bit_length())

    @property
    def mask(self) -> int:
        return (1 << self.width) - 1

    def label(self, flat: int) -> str:
        """``dirty[0]``, ``pte[app]``, ``cur``."""
        if not self.axes:
            return self.name
        index = list(itertools.product(*self.axes))[flat]
        return f"{self.name}[{','.join(map(str, index))}]"

    def shift(self, flat: int) -> int:
        """Bit position of one cell inside its word."""
        return self.base + flat * self.width


class Layout:
    """Where every field lives; packs and unpacks states.

    Raises ModelError for a field wider than a word, a name used twice or a value outside its range.
    """

    def __init__(self, fields: list[Field]):
        self.fields = {f.name: f for f in fields}
        if len(self.fields) != len(fields):
            raise ModelError("two fields have the same name")
        used: list[int] = [GUARD]
        for f in sorted(fields, key=lambda f: (-f.size * f.width, f.name)):
            bits = f.size * f.width
            if bits > WORD:
                raise ModelError(f"field {f.name} needs {bits} bits; one word has {WORD}")
            f.word = next((i for i, u in enumerate(used) if u + bits <= WORD), len(used))
            if f.word == len(used):
                used.append(0)
            f.base = used[f.word]
            used[f.word] += bits
        self.words = len(used)
        self.bits = sum(used) - GUARD
        self.cells = [(f, i) for f in fields for i in range(f.size)]
        self.labels = [f.label(i) for f, i in self.cells]

    def pack(self, values: dict[str, int]) -> int:
        """One Python int from {label: value}; labels left out take the field's start value (0 if none)."""
        unknown = set(values) - set(self.labels)
        if unknown:
            raise ModelError(f"no such field: {', '.join(sorted(unknown))}")
        packed = 0
        for (f, i), label in zip(self.cells, self.labels, strict=True):
            v = values.get(label, f.start.get(label, 0))
            if not 0 <= v <= f.hi:
                raise ModelError(f"{label} = {v} is outside its range 0..{f.hi}")
            packed |= v << (f.word * WORD + f.shift(i))
        return packed

    def value(self, packed: int, f: Field, flat: int = 0) -> int:
        return packed >> (f.word * WORD + f.shift(flat)) & f.mask

    def unpack(self, packed: int) -> tuple[int, ...]:
        """The values in the order of `labels`."""
        return tuple(packed >> (f.word * WORD + f.shift(i)) & f.mask for f, i in self.cells)

    def changed(self, before: int, after: int) -> dict[str, tuple[int, int]]:
        """{label: (old, new)} of the fields that differ."""
        pairs = zip(self.labels, self.unpack(before), self.unpack(after), strict=True)
        return {label: (a, b) for label, a, b in pairs if a != b}

    def to_words(self, packed: int) -> tuple[int, ...]:
        return tuple(packed >> (k * WORD) & (1 << WORD) - 1 for k in range(self.words))

    def from_words(self, words) -> int:
        return sum(int(w) << (k * WORD) for k, w in enumerate(words))

    def check(self, seed: int = 0):
        """Assert that no two cells share a bit and that random states survive packing; used by tests."""
        taken: set[tuple[int, int]] = set()
        for f, i in self.cells:
            bits = {(f.word, f.shift(i) + b) for b in range(f.width)}
            assert not bits & taken, f"{f.label(i)} overlaps"
            assert max(b for _, b in bits) < WORD, f"{f.label(i)} straddles"
            taken |= bits
        rng = random.Random(seed)
        values = {label: rng.randint(0, f.hi) for (f, _), label in zip(self.cells, self.labels, strict=True)}
        packed = self.pack(values)
        assert dict(zip(self.labels, self.unpack(packed), strict=True)) == values
        assert self.from_words(self.to_words(packed)) == packed
