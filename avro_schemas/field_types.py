"""What the type of one Avro field is: unions resolved, named types found, logical types checked.

Nothing here knows a database; column_types.py says how MySQL and MariaDB write these types.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

from avro_schemas.errors import SchemaError

PRIMITIVES = ("null", "boolean", "int", "long", "float", "double", "string", "bytes")
#: Logical types that have a column, with the base types that the specification allows for each.
LOGICAL_TYPES = {
    "decimal": {"bytes", "fixed"},
    "date": {"int"},
    "time-millis": {"int"},
    "time-micros": {"long"},
    "timestamp-millis": {"long"},
    "timestamp-micros": {"long"},
    "local-timestamp-millis": {"long"},
    "local-timestamp-micros": {"long"},
    "uuid": {"string", "fixed"},
}
#: Types and logical types of the specification that no column exists for yet: refused by name.
WITHOUT_COLUMN = frozenset({"enum", "array", "map", "record", "error"})
LOGICAL_WITHOUT_COLUMN = {
    "timestamp-nanos": {"long"},
    "local-timestamp-nanos": {"long"},
    "big-decimal": {"bytes"},
    "duration": {"fixed"},
}
ALLOWED = (
    f"allowed are {', '.join(PRIMITIVES)}, fixed, the logical types {', '.join(LOGICAL_TYPES)}, "
    'and ["null", T] with one of these'
)
_FIXED_SIZE = {"uuid": 16, "duration": 12}


@dataclass(frozen=True, slots=True)
class FieldType:
    """One field's type: `avro_type` is a primitive or "fixed", `logical` only there where it is valid."""

    avro_type: str
    logical: str | None = None
    nullable: bool = False
    branches: int = 0  #: of the union around the type; 0: there is none, so no branch number precedes the value
    null_index: int | None = None  #: which branch of the union is null
    precision: int = 0  #: of a decimal, in digits
    scale: int = 0  #: of a decimal: digits after the point
    size: int = 0  #: bytes of a fixed; `maxLength` of a string (characters) or of bytes; 0: unbounded
    warnings: tuple[str, ...] = ()  #: what was ignored, each with the field's name


class FieldReader:
    """Reads the fields of one record in order, so that a named type may be used again by its name."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        self._namespace = _namespace(record, "")
        self._record = _full_name(str(record.get("name", "")), self._namespace)
        self._fixed: dict[str, Mapping[str, Any]] = {}

    def read(self, field: Mapping[str, Any]) -> FieldType:
        """The type of `field`, which has a `name` and a `type`. SchemaError says what is invalid or has no column."""
        name = field["name"]
        found = self._union(field["type"], name)
        if "logicalType" in field and isinstance(field["type"], str):
            right = f'"type": {{"type": "{field["type"]}", "logicalType": "{field["logicalType"]}"}}'
            found = _warn(found, f"field {name!r}: a logicalType beside the type means nothing; it must be {right}")
        if "maxLength" in field and not found.size:
            found = _bounded(found, field, name)
        return found

    def _union(self, schema: Any, name: str) -> FieldType:
        if not isinstance(schema, list):
            found = self._branch(schema, name)
            return replace(found, nullable=found.avro_type == "null")
        if not schema:
            raise SchemaError(f"field {name!r}: a union needs at least one branch")
        if any(isinstance(branch, list) for branch in schema):
            raise SchemaError(f"field {name!r}: a union may not stand directly inside a union")
        words = [_word(branch) for branch in schema]
        if len(set(words)) < len(words):
            raise SchemaError(f"field {name!r}: the union [{', '.join(words)}] names a branch twice")
        null_index = words.index("null") if "null" in words else None
        values = [branch for branch in schema if _word(branch) != "null"]
        if len(values) > 1:
            raise SchemaError(f"field {name!r}: the union [{', '.join(words)}] has no column yet; {ALLOWED}")
        found = self._branch(values[0] if values else "null", name)
        return replace(found, nullable=null_index is not None, branches=len(schema), null_index=null_index)

    def _branch(self, schema: Any, name: str) -> FieldType:
        while isinstance(schema, Mapping) and isinstance(schema.get("type"), Mapping):
            schema = schema["type"]
        if isinstance(schema, str):
            return self._named(schema, name)
        if not isinstance(schema, Mapping) or "type" not in schema:
            raise SchemaError(f"field {name!r}: a type is a name, an object with a `type`, or a union, not {schema!r}")
        inner = schema["type"]
        if inner == "fixed":
            return self._fixed_type(schema, name)
        if not isinstance(inner, str):
            raise SchemaError(f"field {name!r}: a type object's `type` must be a name, not {inner!r}")
        if inner in WITHOUT_COLUMN:
            called = f" {schema['name']!r}" if "name" in schema else ""
            raise SchemaError(f"field {name!r}: the type {inner}{called} has no column yet; {ALLOWED}")
        return _logical(_bounded(self._named(inner, name), schema, name), schema, name)

    def _named(self, word: str, name: str) -> FieldType:
        if word in PRIMITIVES:
            return FieldType(word)
        full = _full_name(word, self._namespace)
        if full == self._record:
            raise SchemaError(f"field {name!r}: the recursive type {word!r} has no column yet; {ALLOWED}")
        if full in self._fixed:
            return self._fixed_type(self._fixed[full], name)
        raise SchemaError(f"field {name!r}: unknown type {word!r}; {ALLOWED}")

    def _fixed_type(self, schema: Mapping[str, Any], name: str) -> FieldType:
        size = schema.get("size")
        if not _is_count(size) or not isinstance(schema.get("name"), str):
            raise SchemaError(f"field {name!r}: a fixed needs a `name` and a `size` in bytes of at least 1")
        self._fixed[_full_name(schema["name"], _namespace(schema, self._namespace))] = schema
        return _logical(FieldType("fixed", size=size), schema, name)


def _logical(found: FieldType, schema: Mapping[str, Any], name: str) -> FieldType:
    """`found` with the logical type of `schema`, or with a warning and without it, as the specification asks."""
    word = schema.get("logicalType")
    base = found.avro_type
    if word is None:
        return found
    if not isinstance(word, str):
        return _warn(found, f"field {name!r}: logical type {word!r} ignored, it is not a name; stored as {base}")
    fits = word not in _FIXED_SIZE or base != "fixed" or found.size == _FIXED_SIZE[word]
    if fits and base in LOGICAL_WITHOUT_COLUMN.get(word, ()):
        raise SchemaError(f"field {name!r}: the logical type {word} has no column yet; {ALLOWED}")
    if word == "decimal" and base in LOGICAL_TYPES[word]:
        precision: Any = schema.get("precision")
        scale: Any = schema.get("scale", 0)
        problem = _decimal_problem(found, precision, scale)
        if not problem:
            return replace(found, logical=word, precision=precision, scale=scale)
        return _warn(found, f"field {name!r}: logical type decimal ignored, {problem}; stored as {base}")
    if fits and base in LOGICAL_TYPES.get(word, ()):
        return replace(found, logical=word)
    why = "not valid here" if word in LOGICAL_TYPES or word in LOGICAL_WITHOUT_COLUMN else "unknown"
    return _warn(found, f"field {name!r}: logical type {word!r} ignored, {why}; stored as {base}")


def _decimal_problem(found: FieldType, precision: Any, scale: Any) -> str | None:
    if not _is_count(precision):
        return f"precision {precision!r} is not a number of digits"
    if isinstance(scale, bool) or not isinstance(scale, int) or not 0 <= scale <= precision:
        return f"scale {scale!r} is not within 0 and the precision {precision}"
    if found.avro_type == "fixed":
        most = len(str(2 ** (8 * found.size - 1) - 1)) - 1
        if precision > most:
            return f"{found.size} bytes hold {most} digits, not {precision}"
    return None


def _bounded(found: FieldType, holder: Mapping[str, Any], name: str) -> FieldType:
    """`found` with the `maxLength` of `holder`, where there is a valid one."""
    length = holder.get("maxLength")
    if length is None or found.avro_type not in {"string", "bytes"}:
        return found
    if not _is_count(length):
        return _warn(found, f"field {name!r}: maxLength {length!r} ignored, it is not a number of at least 1")
    return replace(found, size=length)


def _warn(found: FieldType, warning: str) -> FieldType:
    return replace(found, warnings=(*found.warnings, warning))


def _is_count(number: Any) -> TypeGuard[int]:
    return isinstance(number, int) and not isinstance(number, bool) and number >= 1


def _word(branch: Any) -> str:
    """How a union branch is told from the others: its name if it has one, else its type."""
    if isinstance(branch, Mapping):
        return str(branch.get("name") or branch.get("type"))
    return str(branch)


def _namespace(schema: Mapping[str, Any], outer: str) -> str:
    name = str(schema.get("name", ""))
    return name.rpartition(".")[0] if "." in name else str(schema.get("namespace", outer))


def _full_name(name: str, namespace: str) -> str:
    return name if "." in name or not namespace else f"{namespace}.{name}"
