"""Thousands of byte strings as one block: no object for each, on their way from consumer to writer."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise, repeat
from operator import sub
from typing import Any

#: Bytes, bounds, and which are None: those between two indexes, or those in a set.
PackedContent = tuple[bytes, bytes, tuple[int, int] | set[int]]


class PackedBytes:
    """A sequence of bytes or None that only grows. Each element is made when asked for, by its index from 0 on."""

    __slots__ = ("_bounds", "_data", "_nulls")

    def __init__(self, values: Sequence[bytes | None] = ()) -> None:
        self._data: bytes | bytearray = bytearray()
        self._bounds = array("q", [0])  # element `at` lies between bounds `at` and `at + 1`
        self._nulls: range | set[int] = range(0)  # those that are None: as of keys, all of them or few
        self.extend(values)

    def extend(self, values: Sequence[bytes | None]) -> None:
        """Add several elements."""
        nulls = values.count(None)
        if nulls == len(values):
            self._note_nulls(range(len(self), len(self) + nulls))
            self._bounds += self._bounds[-1:] * nulls
            return
        if nulls:
            self._note_nulls({at for at, value in enumerate(values, len(self)) if value is None})
        some: Any = [value or b"" for value in values] if nulls else values
        bounds = accumulate(map(len, some), initial=self._bounds.pop())
        self._bounds += array("q", list(bounds))  # an array grows faster by a list than by an iterator
        self._data += b"".join(some)

    def _note_nulls(self, more: range | set[int]) -> None:
        known = self._nulls
        if isinstance(known, range) and isinstance(more, range) and known.stop == more.start:
            self._nulls = range(known.start, more.stop)
        else:
            self._nulls = {*known, *more}

    @property
    def size(self) -> int:
        """Bytes of all elements."""
        return len(self._data)

    @property
    def longest(self) -> int:
        """Bytes of the longest element."""
        return max(map(sub, self._bounds[1:], self._bounds), default=0) if self._data else 0

    def __len__(self) -> int:
        return len(self._bounds) - 1

    def __getitem__(self, at: int) -> bytes | None:
        return None if at in self._nulls else bytes(self._data[self._bounds[at] : self._bounds[at + 1]])

    def __iter__(self) -> Iterator[bytes | None]:
        return map(self.__getitem__, range(len(self)))

    def head_of_all(self, size: int) -> bytes | None:
        """The first `size` bytes of each element, if they are the same of all; None if not, or if there are none."""
        data, bounds = bytes(self._data), self._bounds.tolist()
        head = data[:size]
        if len(head) < size or self._nulls:
            return None
        return head if all(map(data.startswith, repeat(head), bounds[:-1], bounds[1:])) else None

    def heads(self, size: int) -> list[bytes | None]:
        """The first `size` bytes of each element."""
        data = bytes(self._data)
        found: list[bytes | None] = [data[start:end][:size] for start, end in pairwise(self._bounds.tolist())]
        for at in self._nulls:
            found[at] = None
        return found

    def some(self, indexes: Sequence[int], after: int = 0) -> list[bytes]:
        """The elements at these indexes, none of them None, without their first bytes."""
        data, bounds = bytes(self._data), self._bounds
        return [data[bounds[at] + after : bounds[at + 1]] for at in indexes]

    def joined(self, indexes: Sequence[int]) -> tuple[bytes, array[int]]:
        """The elements at these indexes, which grow, none of them None, one after the other; and where each begins, and
        the last ends, counted from anywhere. If no element is between them they cost hardly more than one.
        """
        if indexes and indexes[-1] - indexes[0] + 1 == len(indexes):
            bounds = self._bounds[indexes[0] : indexes[-1] + 2]
            return bytes(self._data[bounds[0] : bounds[-1]]), bounds
        some = self.some(indexes)
        return b"".join(some), array("q", accumulate(map(len, some), initial=0))

    def part(self, start: int, stop: int) -> PackedBytes:
        """Elements [start, stop)."""
        return PackedBytes([self[at] for at in range(start, stop)])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PackedBytes | list) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # it may grow

    @property
    def content(self) -> PackedContent:
        """All of it as what pickles fastest; `of` makes another one of that."""
        nulls = self._nulls
        some = (nulls.start, nulls.stop) if isinstance(nulls, range) else nulls
        return bytes(self._data), self._bounds.tobytes(), some

    @classmethod
    def of(cls, content: PackedContent) -> PackedBytes:
        """The one that has this content."""
        packed = cls.__new__(cls)
        packed._data, bounds, nulls = content  # noqa: SLF001 - its own
        packed._bounds = array("q", bounds)  # noqa: SLF001
        packed._nulls = range(*nulls) if isinstance(nulls, tuple) else nulls  # noqa: SLF001
        return packed
