"""One rule for each pair of types: that which a field's column should have, and that of the existing column."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.dialects.mysql import (
    CHAR,
    DOUBLE,
    ENUM,
    INTEGER,
    LONGTEXT,
    MEDIUMBLOB,
    MEDIUMTEXT,
    VARCHAR,
)
from sqlalchemy.types import BINARY, VARBINARY, TypeEngine

from avro_schemas.columns.column_types import ColumnShape
from avro_schemas.columns.found_table import FoundColumn
from avro_schemas.columns.verdict import Cost, Fit, Verdict

_INTEGERS = {"TINYINT": 3, "SMALLINT": 5, "MEDIUMINT": 7, "INTEGER": 10, "BIGINT": 19}  # digits, in order of size
_TEXTS = {"TINYTEXT": 255, "TEXT": 65_535, "MEDIUMTEXT": (1 << 24) - 1, "LONGTEXT": (1 << 32) - 1}  # bytes
_BLOBS = {"TINYBLOB": 255, "BLOB": 65_535, "MEDIUMBLOB": (1 << 24) - 1, "LONGBLOB": (1 << 32) - 1}
_FAMILIES = {
    **dict.fromkeys(_INTEGERS, "integer"),
    **dict.fromkeys(("FLOAT", "DOUBLE"), "float"),
    **dict.fromkeys(("CHAR", "VARCHAR", *_TEXTS), "text"),
    **dict.fromkeys(("VARBINARY", *_BLOBS), "binary"),
    **{name: name.lower() for name in ("DECIMAL", "DATE", "TIME", "DATETIME", "BINARY", "JSON", "ENUM")},
}
_UUID, _MILLIS = 36, 3
#: Most bytes of a text whose length takes one byte. To make it two bytes, the server copies the table.
_ONE_BYTE = 255


def family(column_type: TypeEngine[Any]) -> str:
    """Types that hold the same kind of values: `integer`, `text`, `binary`, ..."""
    name = type(column_type).__name__
    if name == "TINYINT" and _of(column_type, "display_width") == 1:
        return "boolean"
    return "fixed" if name == "BINARY" else _FAMILIES[name]


def _of(column_type: TypeEngine[Any], attribute: str) -> int:
    """A number in the brackets of a type, 0 if it has none."""
    return getattr(column_type, attribute, None) or 0


def beyond_ascii(shape: ColumnShape, found: FoundColumn) -> bool:
    """Whether values of the field may have characters that the column does not have."""
    return found.charset == "ascii" and getattr(shape.type, "charset", None) != "ascii"


def _rank(column_type: TypeEngine[Any]) -> int:
    return list(_INTEGERS).index(type(column_type).__name__)


def _integer(shape: ColumnShape, _: FoundColumn, there: TypeEngine[Any]) -> Verdict:
    holds = _rank(there) >= _rank(shape.type)
    return Verdict(Fit.HOLDS, there) if holds else Verdict(Fit.NARROW, there, shape.type)


def _integer_in_float(shape: ColumnShape, _: FoundColumn, there: TypeEngine[Any]) -> Verdict:
    """A DOUBLE has 53 bits for digits."""
    holds = isinstance(there, DOUBLE) and _rank(shape.type) <= _rank(INTEGER())
    return Verdict(Fit.HOLDS if holds else Fit.APART, there)


def _integer_in_decimal(shape: ColumnShape, _: FoundColumn, there: TypeEngine[Any]) -> Verdict:
    room = _of(there, "precision") - _of(there, "scale")
    return Verdict(Fit.HOLDS if room >= _INTEGERS[type(shape.type).__name__] else Fit.REFUSED, there)


def _boolean_in_integer(_: ColumnShape, __: FoundColumn, there: TypeEngine[Any]) -> Verdict:
    return Verdict(Fit.HOLDS if type(there).__name__ == "TINYINT" else Fit.REFUSED, there)


def _float(shape: ColumnShape, _: FoundColumn, there: TypeEngine[Any]) -> Verdict:
    return Verdict(Fit.HOLDS, there) if isinstance(there, DOUBLE) else Verdict(Fit.NARROW, there, shape.type)


def _float_in_integer(shape: ColumnShape, _: FoundColumn, there: TypeEngine[Any]) -> Verdict:
    exact = isinstance(shape.type, DOUBLE) and _rank(there) <= _rank(INTEGER())
    return Verdict(Fit.NARROW, there, shape.type) if exact else Verdict(Fit.APART, there)


def _decimal(shape: ColumnShape, _: FoundColumn, there: TypeEngine[Any]) -> Verdict:
    if _of(there, "scale") != _of(shape.type, "scale"):
        return Verdict(Fit.REFUSED, there)
    holds = _of(there, "precision") >= _of(shape.type, "precision")
    return Verdict(Fit.HOLDS, there) if holds else Verdict(Fit.NARROW, there, shape.type)


def _clock(shape: ColumnShape, _: FoundColumn, there: TypeEngine[Any]) -> Verdict:
    """TIME and DATETIME. Three digits are milliseconds, six are microseconds: two different types of Avro."""
    has = _of(there, "fsp")
    if has >= _of(shape.type, "fsp"):
        return Verdict(Fit.HOLDS, there)
    return Verdict(Fit.APART, there) if has == _MILLIS else Verdict(Fit.NARROW, there, shape.type)


def _text(shape: ColumnShape, found: FoundColumn, there: TypeEngine[Any]) -> Verdict:
    """By characters, which only the TEXT types count in bytes."""
    if isinstance(there, CHAR) and _of(there, "length") == _UUID and beyond_ascii(shape, found):
        return Verdict(Fit.APART, there)  # it was a UUID
    need = _most_characters(shape)
    if isinstance(there, CHAR | VARCHAR):
        holds = need is not None and _of(there, "length") >= need
    else:
        wanted = _TEXTS.get(type(shape.type).__name__, 0)
        width = 1 if getattr(shape.type, "charset", None) == "ascii" else 4
        holds = _TEXTS[type(there).__name__] >= (wanted if need is None else need * width)
    if holds and not beyond_ascii(shape, found):
        return Verdict(Fit.HOLDS, there)
    return Verdict(Fit.NARROW, there, shape.type, _cost_of_longer(found, there, shape.type))


def _most_characters(shape: ColumnShape) -> int | None:
    if isinstance(shape.type, ENUM):
        return max(map(len, shape.type.enums))
    return _of(shape.type, "length") or (shape.of.size if shape.of.avro_type == "string" else 0) or None


def _cost_of_longer(found: FoundColumn, there: TypeEngine[Any], wider: TypeEngine[Any]) -> Cost:
    """The cost of a longer VARCHAR or VARBINARY; every other change copies the table."""
    if type(there).__name__ != type(wider).__name__ or type(there).__name__ not in {"VARCHAR", "VARBINARY"}:
        return Cost.COPY
    if found.charset != (getattr(wider, "charset", None) or ("utf8mb4" if isinstance(wider, VARCHAR) else None)):
        return Cost.COPY
    width = 4 if found.charset == "utf8mb4" else 1
    same = (_of(there, "length") * width > _ONE_BYTE) is (_of(wider, "length") * width > _ONE_BYTE)
    return Cost.IN_PLACE if same else Cost.COPY


def _binary(shape: ColumnShape, found: FoundColumn, there: TypeEngine[Any]) -> Verdict:
    """Bytes or a fixed, in VARBINARY or a BLOB."""
    need = _of(shape.type, "length") or shape.of.size or _BLOBS[type(shape.type).__name__]
    if (_of(there, "length") or _BLOBS.get(type(there).__name__, 0)) >= need:
        return Verdict(Fit.HOLDS, there)
    wider = VARBINARY(need) if isinstance(shape.type, BINARY) else shape.type
    return Verdict(Fit.NARROW, there, wider, _cost_of_longer(found, there, wider))


def _bytes_in_fixed(shape: ColumnShape, _: FoundColumn, there: TypeEngine[Any]) -> Verdict:
    """A BINARY pads shorter values, so it takes only values of its own size."""
    need, has = _of(shape.type, "length") or _BLOBS.get(type(shape.type).__name__, 0), _of(there, "length")
    if shape.of.avro_type == "fixed" and shape.of.size == has:  # in a new table a row would be too wide by it
        return Verdict(Fit.HOLDS, there)
    return Verdict(Fit.NARROW, there, shape.type if need >= has else VARBINARY(has))


def _bytes_in_text(shape: ColumnShape, found: FoundColumn, there: TypeEngine[Any]) -> Verdict:
    """The server takes bytes as text if they are valid characters. There are never more characters than bytes."""
    if shape.of.avro_type != "bytes" or shape.of.logical:
        return Verdict(Fit.REFUSED, there)
    need = _of(shape.type, "length") or shape.of.size or _BLOBS[type(shape.type).__name__]
    if (_of(there, "length") or _TEXTS.get(type(there).__name__, 0)) >= need:
        return Verdict(Fit.HOLDS, there)
    return Verdict(Fit.NARROW, there, MEDIUMTEXT(charset=found.charset, collation=found.collation))


def _text_in_binary(shape: ColumnShape, _: FoundColumn, there: TypeEngine[Any]) -> Verdict:
    need = 4 * (_most_characters(shape) or 0) or _TEXTS[type(shape.type).__name__]
    if (_of(there, "length") or _BLOBS.get(type(there).__name__, 0)) >= need:
        return Verdict(Fit.HOLDS, there)
    return Verdict(Fit.NARROW, there, MEDIUMBLOB())


def _enum(shape: ColumnShape, _: FoundColumn, there: TypeEngine[Any]) -> Verdict:
    """An ENUM that a person chose. New members at its end are instant."""
    has = list(there.enums) if isinstance(there, ENUM) else []
    wanted = list(shape.type.enums) if isinstance(shape.type, ENUM) else list(shape.of.symbols)
    if wanted and set(wanted) <= set(has):
        return Verdict(Fit.HOLDS, there)
    if isinstance(shape.type, ENUM) and wanted[: len(has)] == has:
        return Verdict(Fit.NARROW, there, shape.type, Cost.INSTANT)
    return Verdict(Fit.REFUSED, there)


def _json_in_text(_: ColumnShape, __: FoundColumn, there: TypeEngine[Any]) -> Verdict:
    """A LONGTEXT, which rtpipe never makes: a person wants JSON as text."""
    return Verdict(Fit.HOLDS if isinstance(there, LONGTEXT) else Fit.REFUSED, there)


def _text_in_json(shape: ColumnShape, _: FoundColumn, there: TypeEngine[Any]) -> Verdict:
    """The settings ask for text, which stores JSON of any depth."""
    return Verdict(Fit.NARROW, there, shape.type) if shape.of.nested else Verdict(Fit.REFUSED, there)


Rule = Callable[[ColumnShape, FoundColumn, TypeEngine[Any]], Verdict]
#: (family of the field's own column type, family of the column that is there). All other pairs are user columns.
RULES: dict[tuple[str, str], Rule] = {
    ("integer", "integer"): _integer,
    ("integer", "float"): _integer_in_float,
    ("integer", "decimal"): _integer_in_decimal,
    ("boolean", "integer"): _boolean_in_integer,
    ("float", "float"): _float,
    ("float", "integer"): _float_in_integer,
    ("decimal", "decimal"): _decimal,
    ("time", "time"): _clock,
    ("datetime", "datetime"): _clock,
    ("text", "text"): _text,
    ("text", "enum"): _enum,
    ("text", "binary"): _text_in_binary,
    ("enum", "enum"): _enum,
    ("enum", "text"): _text,
    ("binary", "binary"): _binary,
    ("binary", "fixed"): _bytes_in_fixed,
    ("binary", "text"): _bytes_in_text,
    ("fixed", "binary"): _binary,
    ("json", "text"): _json_in_text,
    ("text", "json"): _text_in_json,
}
