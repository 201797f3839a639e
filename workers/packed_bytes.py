"""Thousands of byte strings as one block: no object for each, on their way from consumer to writer."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from typing import Any


class PackedBytes:
    """A sequence of bytes or None that only grows. Each element is made when it is asked for."""

    __slots__ = ("_data", "_ends")

    def __init__(self, values: Iterable[bytes | None] = ()) -> None:
        self._data = bytearray()
        self._ends = array("q")  # where each element ends; of a None, the same as ~end
        for value in values:
            self.append(value)

    def append(self, value: bytes | None) -> None:
        """Add one element."""
        if value is None:
            self._ends.append(~len(self._data))
        else:
            self._data += value
            self._ends.append(len(self._data))

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, at: int) -> bytes | None:
        end = self._ends[at]
        if end < 0:
            return None
        before = self._ends[at - 1] if at else 0
        return bytes(self._data[(before if before >= 0 else ~before) : end])

    def __iter__(self) -> Iterator[bytes | None]:
        data, start = bytes(self._data), 0
        for end in self._ends:
            if end < 0:
                yield None
            else:
                yield data[start:end]
                start = end

    def part(self, start: int, stop: int) -> PackedBytes:
        """Elements [start, stop)."""
        return PackedBytes(self[at] for at in range(start, stop))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PackedBytes | list) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # it may grow

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (bytes(self._data), self._ends.tobytes())


def _unpickled(data: bytes, ends: bytes) -> PackedBytes:
    packed = PackedBytes()
    packed._data = bytearray(data)  # noqa: SLF001 - the other half of __reduce__
    packed._ends.frombytes(ends)  # noqa: SLF001
    return packed
