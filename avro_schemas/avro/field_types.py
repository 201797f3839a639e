"""What an Avro type is once it is read: a small tree, with logical types checked. type_reader.py makes it.

Nothing here knows a database; columns/column_types.py says how MySQL and MariaDB write these types.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

PRIMITIVES = ("null", "boolean", "int", "long", "float", "double", "string", "bytes")
#: Logical types, with the base types that the specification allows for each.
LOGICAL_TYPES = {
    "decimal": {"bytes", "fixed"},
    "big-decimal": {"bytes"},
    "date": {"int"},
    "time-millis": {"int"},
    "time-micros": {"long"},
    "timestamp-millis": {"long"},
    "timestamp-micros": {"long"},
    "timestamp-nanos": {"long"},
    "local-timestamp-millis": {"long"},
    "local-timestamp-micros": {"long"},
    "local-timestamp-nanos": {"long"},
    "duration": {"fixed"},
    "uuid": {"string", "fixed"},
}
_LOG10_OF_2 = 30_102_999_566_398_119_521  # in 10**-20
_FIXED_SIZE = {"uuid": 16, "duration": 12}

Warn = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class FieldType:
    """One type. `avro_type` is a primitive, fixed, enum, array, map or record; or `union`: several types beside null;
    or `recursive`: the record called `name`, used inside itself. `logical` is only there where it is valid.
    """

    avro_type: str
    logical: str | None = None
    nullable: bool = False
    precision: int = 0  #: of a decimal, in digits
    scale: int = 0  #: of a decimal: digits after the point
    size: int = 0  #: bytes of a fixed; `maxLength` of a string (characters) or of bytes; 0: unbounded
    name: str = ""  #: full name of a fixed, an enum or a record
    symbols: tuple[str, ...] = ()  #: of an enum
    items: FieldType | None = None  #: of an array; the values of a map
    fields: tuple[tuple[str, FieldType], ...] = ()  #: of a record
    branches: tuple[FieldType, ...] = ()  #: of the union that was written around the type, null included
    warnings: tuple[str, ...] = ()  #: what of a field was ignored, each with the field's name

    @property
    def inner(self) -> FieldType:
        """What an array or a map holds; TypeError of any other type."""
        if self.items is None:
            raise TypeError(f"{self.avro_type} holds no items")
        return self.items

    @property
    def called(self) -> str:
        """How a union's branch is told from the others: by its full name if it has one, else by its type."""
        return self.name or self.avro_type

    @property
    def words(self) -> str:
        """The type in the words of Avro."""
        if self.logical == "decimal":
            return f"decimal({self.precision},{self.scale})"
        return self.logical or self.avro_type

    @property
    def nested(self) -> bool:
        """Whether a value has parts, which JSON can show and a plain column cannot."""
        return self.avro_type in {"array", "map", "record", "union", "recursive"} or self.logical == "duration"


def with_logical(found: FieldType, schema: Mapping[str, Any], where: str, warn: Warn) -> FieldType:
    """`found` with the logical type of `schema`, or with a warning and without it, as the specification asks."""
    word, base = schema.get("logicalType"), found.avro_type
    if word is None:
        return found
    if not isinstance(word, str):
        warn(f"{where}: logical type {word!r} ignored, it is not a name; stored as {base}")
        return found
    fits = word not in _FIXED_SIZE or base != "fixed" or found.size == _FIXED_SIZE[word]
    if not fits or base not in LOGICAL_TYPES.get(word, ()):
        why = "not valid here" if word in LOGICAL_TYPES else "unknown"
        warn(f"{where}: logical type {word!r} ignored, {why}; stored as {base}")
        return found
    if word != "decimal":
        return replace(found, logical=word)
    precision, scale = schema.get("precision"), schema.get("scale", 0)
    if problem := _decimal_problem(found, precision, scale):
        warn(f"{where}: logical type decimal ignored, {problem}; stored as {base}")
        return found
    return replace(found, logical=word, precision=precision or 0, scale=scale)


def _decimal_problem(found: FieldType, precision: Any, scale: Any) -> str | None:
    if not is_count(precision):
        return f"precision {precision!r} is not a number of digits"
    if isinstance(scale, bool) or not isinstance(scale, int) or not 0 <= scale <= precision:
        return f"scale {scale!r} is not within 0 and the precision {precision}"
    if found.avro_type == "fixed":
        most = max(0, 8 * found.size - 1) * _LOG10_OF_2 // 10**20  # of a size that may have any number of digits
        if precision > most:
            return f"{found.size} bytes hold {most} digits, not {precision}"
    return None


def bounded(found: FieldType, holder: Mapping[str, Any], where: str, warn: Warn) -> FieldType:
    """`found` with the `maxLength` of `holder`, where there is a valid one."""
    length = holder.get("maxLength")
    if length is None or found.avro_type not in {"string", "bytes"}:
        return found
    if not is_count(length):
        warn(f"{where}: maxLength {length!r} ignored, it is not a number of at least 1")
        return found
    return replace(found, size=length)


def is_count(number: Any) -> TypeGuard[int]:
    """A whole number of at least 1."""
    return isinstance(number, int) and not isinstance(number, bool) and number >= 1
