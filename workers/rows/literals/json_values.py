"""Decoded Avro values as JSON, for columns whose values have parts: arrays, maps, records, unions of several types.

A union's value is {"branch": value} with the name of its branch; null is null. Bytes are base64, decimals strings,
dates and times ISO 8601 (a timestamp with Z, a local one without), a duration {"months", "days", "millis"}; the rest
is what JSON has. The form for each type is made once for a schema.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from avro_schemas.avro.field_types import FieldType
from avro_schemas.avro.wire_schema import branch_key
from avro_schemas.columns.column_types import ColumnShape
from avro_schemas.columns.json_depth import WAY_OUT, depths
from workers.rows.literals.avro_texts import (
    big_decimal_text,
    date_text,
    decimal_text,
    time_text,
    timestamp_text,
    uuid_of_bytes,
)
from workers.rows.literals.avro_texts import uuid_text as checked_uuid

#: Makes a decoded value what json can write. None: it is already.
Convert = Callable[[Any], Any]
_DURATION = struct.Struct("<III")

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class TooDeep(ValueError):  # noqa: N818 - no error of the value
    """The server's JSON ends before the value does."""


def json_text(column: ColumnShape) -> Callable[[Any], str]:
    """A function that writes the column's decoded values. It raises ValueError for one that JSON cannot hold."""
    plain = plain_value(column)

    def text(value: Any) -> str:
        try:
            return _encode(plain(value))
        except ValueError as exc:
            if "JSON compliant" in str(exc):
                raise ValueError("NaN or infinity inside it, which JSON cannot hold") from None
            raise

    return text


def plain_value(column: ColumnShape) -> Convert:
    """A function that makes the column's decoded values dicts, lists, text, numbers, True, False and None."""
    converters = _Converters(column.records)
    convert = _of_parts(column.parts, converters) if column.parts else converters.of(column.of) or _same

    most = column.json_depth

    def checked(value: Any) -> Any:
        plain = convert(value)
        if _depth_beyond(plain, most):
            text = f"arrays and objects {_depth(plain)} deep, and JSON of this server ends at {most}: {WAY_OUT}"
            raise TooDeep(text)
        return plain

    return checked if most and depths(column)[1] > most else convert


def _of_parts(parts: Sequence[ColumnShape], converters: _Converters) -> Convert:
    """An object of several fields of the whole record, by the names of their columns."""
    made = [(part, converters.of(part.of) or _same) for part in parts]

    def convert(record: Any) -> Any:
        found = {}
        for part, plain in made:
            value = record
            for name in part.path:
                value = None if value is None else value[name]
            try:
                found[part.name] = None if value is None else plain(value)
            except ValueError as exc:
                raise ValueError(f"{part.field}: {exc}") from None
        return found

    return convert


def _same(value: Any) -> Any:
    return value


class _Converters:
    """Makes and keeps the converter of each type of one schema."""

    def __init__(self, records: Mapping[str, FieldType]) -> None:
        self._records = records
        self._made: dict[str, Convert | None] = {}

    def of(self, found: FieldType) -> Convert | None:
        """The converter of a type, null included."""
        convert = self._plain(found)
        if convert is None or not found.nullable or found.avro_type == "union":
            return convert
        return lambda value: None if value is None else convert(value)

    def _plain(self, found: FieldType) -> Convert | None:
        if found.logical:
            return _logical(found)
        match found.avro_type:
            case "bytes" | "fixed":
                return _base64
            case "array":
                return self._array(found)
            case "map":
                return self._map(found)
            case "record":
                if found.name not in self._made:
                    self._made[found.name] = self._record(found)
                return self._made[found.name]
            case "union":
                return self._union(found)
            case "recursive":
                return self._recursive(found.name)
        return None

    def _array(self, found: FieldType) -> Convert | None:
        convert = self.of(found.inner)
        return convert and (lambda values: [convert(value) for value in values])

    def _map(self, found: FieldType) -> Convert | None:
        convert = self.of(found.inner)
        return convert and (lambda values: {key: convert(value) for key, value in values.items()})

    def _record(self, found: FieldType) -> Convert | None:
        converters = {name: convert for name, inner in found.fields if (convert := self.of(inner))}
        if not converters:
            return None
        return lambda record: record | {name: convert(record[name]) for name, convert in converters.items()}

    def _union(self, found: FieldType) -> Convert:
        branches = {
            branch_key(number): (branch.called, self.of(branch) or _same)
            for number, branch in enumerate(found.branches)
        }

        def tagged(value: dict[str, Any] | None) -> dict[str, Any] | None:
            if value is None:
                return None
            [(key, inner)] = value.items()
            called, convert = branches[key]
            return {called: convert(inner)}

        return tagged

    def _recursive(self, name: str) -> Convert:
        def convert(value: Any) -> Any:
            made = self._plain(self._records[name])
            return made(value) if made else value

        return convert


def _depth(value: Any) -> int:
    if not isinstance(value, (dict, list)):
        return 0
    return 1 + max(map(_depth, value.values() if isinstance(value, dict) else value), default=0)


def _depth_beyond(value: Any, most: int) -> bool:
    if not isinstance(value, (dict, list)):
        return False
    parts = value.values() if isinstance(value, dict) else value
    return most == 0 or any(_depth_beyond(part, most - 1) for part in parts)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _duration(value: bytes) -> dict[str, int]:
    months, days, millis = _DURATION.unpack(value)
    return {"months": months, "days": days, "millis": millis}


def _logical(found: FieldType) -> Convert | None:
    kind, _, unit = (found.logical or "").rpartition("-")
    if kind.endswith("timestamp"):
        if unit == "nanos":
            return None
        moment, zone = timestamp_text(unit, "T"), "" if kind.startswith("local") else "Z"
        return lambda value: moment(value) + zone
    if kind == "time":
        return time_text(unit)
    if found.logical == "decimal":
        return decimal_text(found.precision, found.scale)
    if found.logical == "uuid":
        return checked_uuid if found.avro_type == "string" else uuid_of_bytes
    return _UNITLESS[found.logical or ""]


_UNITLESS: dict[str, Convert] = {"big-decimal": big_decimal_text, "date": date_text, "duration": _duration}
