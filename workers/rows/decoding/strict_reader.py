"""A message body -> its record, exactly by the Avro specification; what is wrong with it in words, and where.

For bodies that the fast reader does not vouch for, and for schemas whose messages may be larger than their bytes:
recursive ones, and arrays of items that take no byte. The values are the ones that the fast reader gives.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

from avro_schemas.avro.field_types import FieldType
from avro_schemas.avro.type_reader import RecordSchema
from avro_schemas.avro.wire_schema import branch_key
from workers.rows.decoding.avro_cursor import Cursor, Malformed

#: Records inside one another in a value of a recursive type: twice as many as JSON may have, and few enough to follow.
MOST_DEEP = 200
_FLOATS = {"float": struct.Struct("<f"), "double": struct.Struct("<d")}


Read = Callable[[Cursor], Any]


class StrictReader:
    """Reads bodies of one schema; `before` is how many bytes of a message come before its body."""

    def __init__(self, record: RecordSchema, before: int = 0) -> None:
        self._before = before
        self._read = _Readers(record).record(record.records[record.name])

    def __call__(self, body: bytes) -> dict[str, Any]:
        """The record. ValueError says what is wrong, at which byte of the message, and where in the record."""
        cursor = Cursor(body)
        try:
            record: dict[str, Any] = self._read(cursor)
        except Malformed as why:
            raise ValueError(f"the body does not decode: {why.in_message(self._before)}") from None
        except RecursionError:
            place = f"at byte {cursor.at + self._before:,}"
            raise ValueError(
                f"the body does not decode: values inside one another too deep to follow, {place}"
            ) from None
        if cursor.at < cursor.end:
            place = f"which ends at byte {cursor.at + self._before:,}"
            raise ValueError(f"{cursor.end - cursor.at:,} bytes left over after the record, {place}")
        return record


class _Readers:
    """Makes and keeps the reader of each record of a schema."""

    def __init__(self, schema: RecordSchema) -> None:
        self._schema = schema
        self._made: dict[str, Read] = {}

    def record(self, found: FieldType) -> Read:
        if found.name not in self._made:
            self._made[found.name] = self._record(found)
        return self._made[found.name]

    def _record(self, found: FieldType) -> Read:
        fields = [(name, self._of(inner)) for name, inner in found.fields]

        def read(cursor: Cursor) -> dict[str, Any]:
            record = {}
            for name, inner in fields:
                try:
                    record[name] = inner(cursor)
                except Malformed as why:
                    raise why.inside(f"field {name}")  # noqa: B904 - the same one
            return record

        return read

    def _of(self, found: FieldType) -> Read:
        if not found.branches:
            return self._single(found)
        tagged = found.avro_type == "union"
        return _union([self._branch(number, one, tagged) for number, one in enumerate(found.branches)])

    def _branch(self, number: int, found: FieldType, tagged: bool) -> Read:
        read = self._single(found)
        if not tagged or found.avro_type == "null":
            return read
        key = branch_key(number)
        return lambda cursor: {key: read(cursor)}

    def _single(self, found: FieldType) -> Read:
        match found.avro_type:
            case "record":
                return self.record(found)
            case "recursive":
                return self._recursive(found.name)
            case "array":
                return _array(self._inside(found))
            case "map":
                return _map(self._inside(found))
            case "enum":
                return _enum(found.symbols)
            case "fixed":
                what = f"a fixed of {found.size:,} bytes"
                return lambda cursor: cursor.take(found.size, what)
        return _PLAIN[found.avro_type]

    def _inside(self, found: FieldType) -> Read:
        return self._of(found.inner)

    def _recursive(self, name: str) -> Read:
        def read(cursor: Cursor) -> Any:
            cursor.depth += 1
            if cursor.depth > MOST_DEEP:
                raise Malformed(f"more than {MOST_DEEP} records inside one another", cursor.at)
            value = self.record(self._schema.records[name])(cursor)
            cursor.depth -= 1
            return value

        return read


def _index(cursor: Cursor, of: str, things: str, last: int) -> int:
    start = cursor.at
    index = cursor.number(f"the index of {'an' if of == 'enum' else 'a'} {of}")
    if not 0 <= index <= last:
        raise Malformed(f"{of} index {index}, where the {things} are 0 to {last}", start)
    return index


def _union(branches: Sequence[Read]) -> Read:
    last = len(branches) - 1

    def read(cursor: Cursor) -> Any:
        return branches[_index(cursor, "union", "branches", last)](cursor)

    return read


def _enum(symbols: Sequence[str]) -> Read:
    last = len(symbols) - 1

    def read(cursor: Cursor) -> str:
        return symbols[_index(cursor, "enum", "symbols", last)]

    return read


def _array(items: Read) -> Read:
    def read(cursor: Cursor) -> list[Any]:
        found = []
        for number in cursor.blocks():
            try:
                found.append(items(cursor))
            except Malformed as why:
                raise why.inside(f"item {number:,}")  # noqa: B904 - the same one
        return found

    return read


def _map(values: Read) -> Read:
    def read(cursor: Cursor) -> dict[str, Any]:
        found = {}
        for number in cursor.blocks():
            try:
                key = _string(cursor)
                found[key] = values(cursor)
            except Malformed as why:
                raise why.inside(f"entry {number:,}")  # noqa: B904 - the same one
        return found

    return read


def _boolean(cursor: Cursor) -> bool:
    byte = cursor.take(1, "a boolean")
    if byte > b"\1":
        raise Malformed("a boolean whose byte is neither 0 nor 1", cursor.at - 1)
    return byte == b"\1"


def _int(cursor: Cursor) -> int:
    start = cursor.at
    value = cursor.number("an int")
    if not -(1 << 31) <= value < 1 << 31:
        raise Malformed("an int beyond 32 bits", start)
    return value


def _string(cursor: Cursor) -> str:
    raw = cursor.sized("a string")
    try:
        return raw.decode()
    except UnicodeDecodeError as why:
        raise Malformed("a string that is no UTF-8", cursor.at - len(raw) + why.start) from None


def _float(word: str) -> Read:
    layout = _FLOATS[word]
    return lambda cursor: layout.unpack(cursor.take(layout.size, f"a {word}"))[0]


_PLAIN: dict[str, Read] = {
    "null": lambda _: None,
    "boolean": _boolean,
    "int": _int,
    "long": lambda cursor: cursor.number("a long"),
    "float": _float("float"),
    "double": _float("double"),
    "bytes": lambda cursor: cursor.sized("bytes"),
    "string": _string,
}
