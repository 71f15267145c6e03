"""Named fields with ranges, packed into 64-bit words.

A field is an array of equal cells (an array of one for a plain field). All cells of a field stand side by side in
one word, so that an index computed from the state is a shift; no field straddles two words. The packed state is a
tuple of words, or the same words side by side in one Python int.

A field says what it is where it is declared: the kind of its values, whether only properties read it (a ghost), and
how a value is told in words. Whatever prints a state, a change or a reason asks the field.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tux3nb.errors import ModelError

WORD = 64
GUARD = 8  # unused bits at the bottom, so that reading index -1 (guarded or not) never shifts by less than 0


@dataclass(frozen=True)
class Kind:
    """What a number in a field means.

    word: the number in words (``0`` -> ``"v0"``). many: a value is a set of numbers, number n being bit n. content: a
    reason for a violation tells it.
    """

    name: str
    word: Callable[[int], str] = str
    many: bool = False
    content: bool = False


NUMBER = Kind("number")
FLAG = Kind("flag")
SILENT = ""  # `says` of a field that is never told


@dataclass(eq=False)
class Named:
    """A name with its index labels: one tuple of labels per dimension, none for a plain field.

    `none` is the value that means none, in a field of a number or none: where it is 0, number n is stored as n + 1,
    else as n. It is None in a field that always has a number.
    """

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
    none: int | None = None
    names: tuple[str, ...] = ()


@dataclass(eq=False)
class Field(Named):
    """One named field with its range 0..hi.

    `names` gives words to values; `start` gives the start value by label, 0 where it says nothing.

    A value is told by a subject and what is said of it. `of` is the subject, in which ``{0}`` is the first index (told
    by the kind in `by` if it has one there). `says` is the rest: one text, or one for each value, of which the last
    one serves all higher values; in a field of a number or none the first is for none and the second for a number.
    ``{value}`` stands for the value in words. A text that is empty says nothing. None: the label, and "is" the value.
    """

    hi: int = 1
    names: tuple[str, ...] = ()
    start: dict = field(default_factory=dict)
    kind: Kind = NUMBER
    none: int | None = None
    ghost: bool = False
    of: str = ""
    says: str | tuple[str, ...] | None = None
    by: tuple[Kind | None, ...] = ()
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
        return f"{self.name}[{','.join(map(str, self.index(flat)))}]"

    def shift(self, flat: int) -> int:
        """Bit position of one cell inside its word."""
        return self.base + flat * self.width

    def index(self, flat: int) -> tuple:
        """The index labels of one cell."""
        return list(itertools.product(*self.axes))[flat]

    def in_words(self, value: int) -> str:
        """A value in words: ``B``, ``v1 or v2``, ``idle``, ``none``."""
        if self.names:
            return self.names[value]
        if self.kind.many:
            return " or ".join(self.kind.word(n) for n in range(self.width) if value >> n & 1) or "none"
        if value == self.none:
            return "none"
        return self.kind.word(value - 1 if self.none == 0 else value)

    def told(self, flat: int, value: int) -> tuple[str, str]:
        """(subject, what is said of it) of one cell with a value; the second is empty where nothing is to be said."""
        if self.says is None:
            return self.label(flat), f"is {self.in_words(value)}"
        if isinstance(self.says, str):
            said = self.says
        else:
            said = self.says[min(value, len(self.says) - 1) if self.none is None else int(value != self.none)]
        kinds = itertools.chain(self.by, itertools.repeat(None))
        words = [kind.word(n) if kind else str(n) for n, kind in zip(self.index(flat), kinds, strict=False)]
        value_word = self.in_words(value) if "{value}" in said else ""
        return self.of.format(*words), said.format(*words, value=value_word)


def sentences(told: Iterable[tuple[Field, int, int]]) -> list[str]:
    """Values (field, cell, value) in words, those with one subject together: ``PTE of app -> B, writable``."""
    by_subject: dict[str, list[str]] = {}
    for f, flat, value in told:
        subject, said = f.told(flat, value)
        if said:
            by_subject.setdefault(subject, []).append(said)
    return [f"{subject} {', '.join(said)}" for subject, said in by_subject.items()]


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
        self.known: dict = {}  # where `tux3nb.model.look` has found cells

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

    def differences(self, before: int, after: int) -> list[tuple[tuple[Field, int], int, int]]:
        """((field, cell), old, new) of all that differs."""
        pairs = zip(self.cells, self.unpack(before), self.unpack(after), strict=True)
        return [(cell, a, b) for cell, a, b in pairs if a != b]

    def changed(self, before: int, after: int) -> dict[str, tuple[int, int]]:
        """{label: (old, new)} of all that differs."""
        return {f.label(i): (a, b) for (f, i), a, b in self.differences(before, after)}

    def to_words(self, packed: int) -> tuple[int, ...]:
        return tuple(packed >> (k * WORD) & (1 << WORD) - 1 for k in range(self.words))

    def from_words(self, words) -> int:
        packed = 0
        for k, w in enumerate(words):
            packed |= int(w) << k * WORD
        return packed

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
