"""Thousands of byte strings as one block: no object for each, on their way from consumer to writer."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any


class PackedBytes:
    """A sequence of bytes or None that only grows. Each element is made when it is asked for."""

    __slots__ = ("_data", "_ends")

    def __init__(self, values: Sequence[bytes | None] = ()) -> None:
        self._data: bytes | bytearray = bytearray()
        self._ends = array("q")  # where each element ends; of a None, the same as ~end
        self.extend(values)

    def extend(self, values: Sequence[bytes | None]) -> None:
        """Add several elements."""
        try:
            joined = b"".join(values)  # type: ignore[arg-type]  # a None among them is seen here
        except TypeError:
            for value in values:
                self._data += value or b""
                self._ends.append(~len(self._data) if value is None else len(self._data))
            return
        ends = accumulate(map(len, values), initial=len(self._data))  # type: ignore[arg-type]
        next(ends)
        self._ends.extend(ends)
        self._data += joined

    @property
    def size(self) -> int:
        """Bytes of all elements."""
        return len(self._data)

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

    def heads(self, size: int) -> list[bytes | None]:
        """The first `size` bytes of each element."""
        data, start, found = bytes(self._data), 0, list[bytes | None]()
        for end in self._ends:
            if end < 0:
                found.append(None)
            else:
                found.append(data[start : min(end, start + size)])
                start = end
        return found

    def some(self, places: Sequence[int], after: int = 0) -> Iterator[bytes]:
        """The elements at these places, none of them None, without their first bytes."""
        data, ends = bytes(self._data), self._ends
        for at in places:
            start, end = ends[at - 1] if at else 0, ends[at]
            yield data[min(end, (start if start >= 0 else ~start) + after) : end]

    def part(self, start: int, stop: int) -> PackedBytes:
        """Elements [start, stop)."""
        return PackedBytes([self[at] for at in range(start, stop)])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PackedBytes | list) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # it may grow

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (bytes(self._data), self._ends.tobytes())


def _unpickled(data: bytes, ends: bytes) -> PackedBytes:
    packed = PackedBytes()
    packed._data = data  # noqa: SLF001 - the other half of __reduce__
    packed._ends.frombytes(ends)  # noqa: SLF001
    return packed
