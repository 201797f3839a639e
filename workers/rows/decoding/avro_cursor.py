"""The bytes of an Avro value, read exactly by the specification; what is wrong with them in words, and where."""

from __future__ import annotations

from collections.abc import Iterator

#: Items of all arrays and maps of a message together, beside as many as it has bytes.
MOST_EMPTY = 100_000
#: Most parts of a path that are shown from either end: a value inside itself may have hundreds.
_SHOWN = 6
#: A number has at most 64 bits, seven in a byte.
_NUMBER_BYTES = 10
#: Counts and sizes that say nothing: one has no absolute value in 64 bits.
_LEAST = -(1 << 63)


class Malformed(ValueError):  # noqa: N818 - what the bytes are
    """Bytes that the specification does not allow; `what` never quotes a value."""

    def __init__(self, what: str, at: int) -> None:
        super().__init__(what)
        self.what = what
        self.at = at
        self._path: list[str] = []  # from the inside out

    def inside(self, part: str) -> Malformed:
        """The same, one level further out."""
        self._path.append(part)
        return self

    def in_message(self, before: int) -> str:
        """In words; `before` is how many bytes of the message come before those that were read."""
        path = self._path[::-1]
        if len(path) > 2 * _SHOWN:
            path = [*path[:_SHOWN], "...", *path[-_SHOWN:]]
        where = f", in {', '.join(path)}" if path else ""
        return f"{self.what}, at byte {self.at + before:,}{where}"


class Cursor:
    """Where in the bytes a reader is."""

    __slots__ = ("at", "body", "depth", "end", "items")

    def __init__(self, body: bytes) -> None:
        self.body, self.at, self.end = body, 0, len(body)
        self.items = MOST_EMPTY + len(body)
        self.depth = 0

    def take(self, size: int, what: str) -> bytes:
        """The next `size` bytes."""
        start, stop = self.at, self.at + size
        if stop > self.end:
            raise Malformed(f"the bytes end in the middle of {what}" if start < self.end else _ended(what), start)
        self.at = stop
        return self.body[start:stop]

    def number(self, what: str) -> int:
        """A whole number of up to 64 bits."""
        start = at = self.at
        folded = shift = 0
        while True:
            if at == self.end:
                raise Malformed(f"the bytes end in the middle of {what}" if at > start else _ended(what), start)
            byte = self.body[at]
            at += 1
            folded |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004 - the last byte of a number
                break
            shift += 7
            if at - start == _NUMBER_BYTES:
                raise Malformed(f"{what} of more than ten bytes", start)
        if folded >> 64:
            raise Malformed(f"{what} beyond 64 bits", start)
        self.at = at
        return (folded >> 1) ^ -(folded & 1)

    def sized(self, what: str) -> bytes:
        """Bytes with their length before them."""
        start = self.at
        length = self.number(f"the length of {what}")
        if length < 0:
            raise Malformed(f"{what} of {length:,} bytes", start)
        return self.take(length, f"{what} of {length:,} bytes") if length else b""

    def blocks(self) -> Iterator[int]:
        """The numbers of the items of an array or a map, from 1 on, each to be read before the next one."""
        number = 0
        while True:
            start = self.at
            count = self.number("the count of a block")
            if not count:
                return
            size = self.number("the size of a block") if count < 0 else None
            began = self.at
            if count == _LEAST or (size is not None and size < 0):
                raise Malformed(f"a block that says it has {size:,} bytes and {abs(count):,} items", start)
            for _ in range(abs(count)):
                number += 1
                self.items -= 1
                if self.items < 0:
                    raise Malformed(f"more than {MOST_EMPTY:,} items that take no byte", self.at)
                yield number
            if size is not None and self.at - began != size:
                raise Malformed(f"a block that says it has {size:,} bytes and has {self.at - began:,}", start)


def _ended(what: str) -> str:
    return f"the bytes end before {what}"
