"""Sizes and member offsets of kernel structures, from /sys/kernel/btf/vmlinux.

Format: Documentation/bpf/btf.rst.
"""

import struct
from pathlib import Path

_STRUCT, _UNION, _ENUM = 4, 5, 6
_MODIFIERS = (8, 9, 10, 11, 18)  # typedef, volatile, const, restrict, type tag
# Bytes after a type's 12-byte header, by kind: a constant, or so many for each element.
_FIXED = {1: 4, 3: 12, 14: 4, 17: 4}
_PER_ELEMENT = {_STRUCT: 12, _UNION: 12, _ENUM: 8, 13: 8, 15: 12, 19: 12}


class TypeInformation:
    """Parses the type table once (some 0.2 s)."""

    def __init__(self, path: str = "/sys/kernel/btf/vmlinux"):
        self._data = Path(path).read_bytes()
        header = struct.unpack_from("<HBBIIIII", self._data)
        _, _, _, header_length, types_at, types_length, strings_at, _ = header
        self._strings = header_length + strings_at
        self._types = [None]  # type 0 is void
        self._structures, self._enums = {}, {}
        self._walk(header_length + types_at, types_length)

    def size(self, structure: str) -> int:
        """Bytes of a structure; KeyError when the kernel has none of that name."""
        return self._types[self._structures[structure]][4]

    def offset(self, structure: str, member: str) -> int:
        """Byte offset of a member, also inside anonymous unions and structures; KeyError when missing."""
        found = self._find(self._structures[structure], member)
        if found is None:
            raise KeyError(f"struct {structure} has no member {member}")
        return found

    def enum_value(self, enum: str, name: str) -> int:
        """The value of an enumeration's constant; KeyError when missing."""
        at, _, count, _, _ = self._types[self._enums[enum]]
        for index in range(count):
            text, value = struct.unpack_from("<Ii", self._data, at + 12 + 8 * index)
            if self._name(text) == name:
                return value
        raise KeyError(f"enum {enum} has no constant {name}")

    def _walk(self, at: int, length: int) -> None:
        end = at + length
        while at < end:
            name, information, size = struct.unpack_from("<III", self._data, at)
            kind, count, bitfields = information >> 24 & 31, information & 0xFFFF, bool(information >> 31)
            if kind in (_STRUCT, _ENUM) and count and name:
                table = self._structures if kind == _STRUCT else self._enums
                table.setdefault(self._name(name), len(self._types))
            self._types.append((at, kind, count, bitfields, size))
            at += 12 + _FIXED.get(kind, 0) + _PER_ELEMENT.get(kind, 0) * count

    def _name(self, offset: int) -> str:
        start = self._strings + offset
        return self._data[start : self._data.index(b"\0", start)].decode()

    def _find(self, number: int, member: str) -> int | None:
        at, _, count, bitfields, _ = self._types[number]
        for index in range(count):
            name, kind, position = struct.unpack_from("<III", self._data, at + 12 + 12 * index)
            offset = (position & 0xFFFFFF if bitfields else position) // 8
            if name and self._name(name) == member:
                return offset
            if not name and (inner := self._anonymous(kind)) is not None:
                found = self._find(inner, member)
                if found is not None:
                    return offset + found
        return None

    def _anonymous(self, number: int) -> int | None:
        while self._types[number][1] in _MODIFIERS:
            number = self._types[number][4]
        return number if self._types[number][1] in (_STRUCT, _UNION) else None
