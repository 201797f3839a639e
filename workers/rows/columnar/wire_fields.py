"""The fields of a schema as its bytes have them, one after the other: what a table of plain columns can hold of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from avro_schemas.avro.field_types import FieldType
from avro_schemas.avro.type_reader import RecordSchema

_INT = (-(1 << 31), (1 << 31) - 1)
_LONG = (-(1 << 63), (1 << 63) - 1)
#: Fields, and records among them, that one table may have, and more.
_MOST = 5_000
#: Bytes of a value, where they are always as many.
_SIZES = {"float": 4, "double": 8}


class NotFlatError(Exception):
    """The schema has something that is no plain column: an array, a map, a union of several types."""


@dataclass(frozen=True, slots=True)
class WireField:
    """One value in a body. What is written like a long is read as one, since polars wraps and bends the others."""

    name: str  #: of its column: f0, f1 and so on
    path: tuple[str, ...]  #: names of the fields that lead to it
    of: FieldType
    null: int | None  #: which branch of its union is null; None: it is no union

    @property
    def bounds(self) -> tuple[int, int] | None:
        """The least and the largest number that the bytes may hold; None if they hold no number."""
        match self.of.avro_type:
            case "boolean":  # the byte 1 is the number -1
                return -1, 0
            case "enum":
                return 0, len(self.of.symbols) - 1
            case "int":
                return _INT
            case "long":
                return _LONG
        return None

    @property
    def size(self) -> int | None:
        """Bytes of a value without its union's index, if they are always as many and it is no number."""
        return self.of.size if self.of.avro_type == "fixed" else _SIZES.get(self.of.avro_type)

    @property
    def schema(self) -> Any:
        """The type for polars."""
        kind: Any = "long" if self.bounds else self.of.avro_type
        if kind == "fixed":
            kind = {"type": "fixed", "name": f"{self.name}_", "size": self.of.size}
        if self.null is None:
            return kind
        return ["null", kind] if self.null == 0 else [kind, "null"]


def wire_fields(record: RecordSchema) -> list[WireField]:
    """All of them. NotFlatError if one is none of which polars can be trusted to read it, or there are too many.

    A record that is always there has no byte of its own, and a null has none at all.
    """
    waiting: list[tuple[tuple[str, ...], FieldType]] = [
        ((field["name"],), kind) for field, kind in reversed(record.fields)
    ]
    found: list[WireField] = []
    looks = 0
    while waiting:
        path, of = waiting.pop()
        looks += 1
        if looks > _MOST:  # a record may be used twice in one that is used twice, and so on
            raise NotFlatError
        if of.avro_type == "record" and not of.branches:
            waiting += [((*path, name), inner) for name, inner in reversed(of.fields)]
        elif of.avro_type != "null" or of.branches:
            found.append(WireField(f"f{len(found)}", path, of, _null_of(of)))
    if not found:
        raise NotFlatError
    return found


def _null_of(of: FieldType) -> int | None:
    is_empty = (of.avro_type == "fixed" and not of.size) or (of.avro_type == "enum" and not of.symbols)
    if of.avro_type not in _PLAIN or is_empty:
        raise NotFlatError
    if not of.branches:
        return None
    kinds = [branch.avro_type for branch in of.branches]
    if len(kinds) != 2 or "null" not in kinds:  # noqa: PLR2004 - null and another one
        raise NotFlatError
    return kinds.index("null")


_PLAIN = frozenset({"boolean", "int", "long", "float", "double", "string", "bytes", "fixed", "enum"})
