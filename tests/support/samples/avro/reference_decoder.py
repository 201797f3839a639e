"""Avro's binary encoding by the letter of its specification, for schemas as parsed JSON; nothing of rtpipe's is used.

A value of a union of several types beside null is {"b1": value}, with the number of its branch; the others are plain.
"""

from __future__ import annotations

import struct
from typing import Any

#: Items of an array, which may take no byte: more are allowed, and nobody reads them.
MOST_ITEMS = 100_000


class NotAvro(Exception):  # noqa: N818 - what the bytes are
    """The specification does not allow these bytes."""


def decoded(schema: Any, body: bytes) -> Any:
    """The one value that these bytes are."""
    reader = _Reader(body)
    value = reader.value(schema)
    if reader.left:
        raise NotAvro("bytes left over")
    return value


class _Reader:
    def __init__(self, body: bytes) -> None:
        self.left = body
        self._named: dict[str, Any] = {}
        self._deep = 0

    def value(self, schema: Any) -> Any:
        if isinstance(schema, list):
            return self._union(schema)
        if isinstance(schema, str):
            schema = self._named.get(schema, {"type": schema})
        kind = schema["type"]
        if kind in {"record", "enum", "fixed"}:
            self._named[schema["name"]] = schema
        return getattr(self, f"_{kind}")(schema)

    def _bytes_of(self, count: int) -> bytes:
        if not 0 <= count <= len(self.left):
            raise NotAvro("too few bytes")
        taken, self.left = self.left[:count], self.left[count:]
        return taken

    def _zigzag(self) -> int:
        digits: list[int] = []
        while not digits or digits[-1] & 128:
            digits += self._bytes_of(1)
        total = sum((digit & 127) << 7 * place for place, digit in enumerate(digits))
        if len(digits) > 10 or total >= 2**64:
            raise NotAvro("a number of more than 64 bits")
        return total // 2 if total % 2 == 0 else -(total + 1) // 2

    def _index(self, count: int) -> int:
        at = self._zigzag()
        if not 0 <= at < count:
            raise NotAvro("an index that is not there")
        return at

    def _union(self, branches: list[Any]) -> Any:
        at = self._index(len(branches))
        value = self.value(branches[at])
        kinds = {branch["type"] if isinstance(branch, dict) else branch for branch in branches} - {"null"}
        plain = len([branch for branch in branches if branch != "null"]) < 2
        plain = plain or kinds in ({"int", "long"}, {"float", "double"})
        return value if plain or branches[at] == "null" else {f"b{at}": value}

    def _null(self, _: Any) -> None:
        return None

    def _boolean(self, _: Any) -> bool:
        [byte] = self._bytes_of(1)
        if byte not in (0, 1):
            raise NotAvro("neither true nor false")
        return byte == 1

    def _int(self, _: Any) -> int:
        value = self._zigzag()
        if not -(2**31) <= value < 2**31:
            raise NotAvro("more than 32 bits")
        return value

    def _long(self, _: Any) -> int:
        return self._zigzag()

    def _float(self, _: Any) -> float:
        return struct.unpack("<f", self._bytes_of(4))[0]  # type: ignore[no-any-return]

    def _double(self, _: Any) -> float:
        return struct.unpack("<d", self._bytes_of(8))[0]  # type: ignore[no-any-return]

    def _bytes(self, _: Any) -> bytes:
        return self._bytes_of(self._zigzag())

    def _string(self, _: Any) -> str:
        try:
            return self._bytes_of(self._zigzag()).decode()
        except UnicodeDecodeError as why:
            raise NotAvro("no UTF-8") from why

    def _fixed(self, schema: Any) -> bytes:
        return self._bytes_of(schema["size"])

    def _enum(self, schema: Any) -> str:
        return schema["symbols"][self._index(len(schema["symbols"]))]  # type: ignore[no-any-return]

    def _record(self, schema: Any) -> dict[str, Any]:
        return {field["name"]: self.value(field["type"]) for field in schema["fields"]}

    def _entries(self, entry: Any) -> list[Any]:
        found: list[Any] = []
        while count := self._zigzag():
            size = self._zigzag() if count < 0 else None
            before = len(self.left)
            if abs(count) > 2**63 - 1 or (size is not None and not 0 <= size <= before):
                raise NotAvro("a block of no size")
            for _ in range(abs(count)):
                found.append(entry())
                if len(found) > MOST_ITEMS:
                    raise NotAvro("more items than are read")
            if size is not None and size != before - len(self.left):
                raise NotAvro("a block of another size")
        return found

    def _array(self, schema: Any) -> list[Any]:
        return self._entries(lambda: self.value(schema["items"]))

    def _map(self, schema: Any) -> dict[str, Any]:
        return dict(self._entries(lambda: (self._string(None), self.value(schema["values"]))))
