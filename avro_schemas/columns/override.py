"""Which column types the settings may name for a field: those that store a value unchanged or refuse it."""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects import mysql
from sqlalchemy.types import BINARY, CHAR, DATE, DECIMAL, VARBINARY, VARCHAR, Integer, String, TypeEngine

from avro_schemas.avro.field_types import FieldType
from avro_schemas.columns.type_text import mysql_type
from rtpipe.errors import SettingsError

_TEXT = (VARCHAR, CHAR, mysql.TINYTEXT, mysql.TEXT, mysql.MEDIUMTEXT, mysql.LONGTEXT)
_BLOB = (mysql.TINYBLOB, mysql.BLOB, mysql.MEDIUMBLOB, mysql.LONGBLOB)
_BYTES = (VARBINARY, *_BLOB)
#: Digits after a second that a logical type's unit has.
_DIGITS = {"millis": 3, "micros": 6, "nanos": 6}
_ALLOWED: dict[str, tuple[type[Any], ...]] = {
    "boolean": (Integer,),
    "int": (Integer, DECIMAL, mysql.DOUBLE, *_TEXT),
    "long": (Integer, DECIMAL, *_TEXT),
    "float": (mysql.FLOAT, mysql.DOUBLE, *_TEXT),
    "double": (mysql.DOUBLE, *_TEXT),
    "string": (*_TEXT, mysql.ENUM, mysql.JSON, *_BYTES),
    "enum": (*_TEXT, mysql.ENUM),
    "bytes": (*_BYTES, *_TEXT),
    "fixed": (*_BYTES, *_TEXT, BINARY),
}
_LOGICAL: dict[str, tuple[type[Any], ...]] = {
    "date": (DATE, Integer, *_TEXT),
    "time": (mysql.TIME, Integer, *_TEXT),
    "timestamp": (mysql.DATETIME, Integer, *_TEXT),
    "decimal": (DECIMAL, *_TEXT),
    "uuid": _TEXT,
    "big": _TEXT,
}


def override_type(field: str, of: FieldType, written: str) -> TypeEngine[Any]:
    """The type that `written` names. SettingsError if it cannot store the field's values unchanged."""
    chosen = mysql_type(written)
    if problem := _problem(of, chosen):
        raise SettingsError(f"columns.{field}: {written} {problem}", hint="docs/schemas.md says which type holds what")
    return chosen


def _problem(of: FieldType, chosen: TypeEngine[Any]) -> str:
    if of.nested:
        return "" if isinstance(chosen, (mysql.JSON, *_TEXT[2:])) else "is no JSON and no text of any length"
    logical = (of.logical or "").removeprefix("local-")
    kind, _, unit = logical.partition("-")
    allowed = _LOGICAL.get(kind, _ALLOWED.get(of.avro_type, ()))
    if kind == "uuid" and of.avro_type == "fixed":
        allowed = (*allowed, *_BYTES, BINARY)
    if not isinstance(chosen, allowed) or (isinstance(chosen, mysql.ENUM) and mysql.ENUM not in allowed):
        return f"does not hold {of.logical or of.avro_type} unchanged"
    if isinstance(chosen, mysql.DATETIME | mysql.TIME) and (chosen.fsp or 0) < _DIGITS[unit]:
        return f"has fewer digits after the second than {of.logical}"
    if isinstance(chosen, DECIMAL):
        return _decimal_problem(of, chosen)
    if isinstance(chosen, BINARY) and chosen.length != of.size:
        return f"is not of {of.size} bytes, and would be filled up"
    if kind == "uuid" and isinstance(chosen, String) and 0 < (getattr(chosen, "length", None) or 36) < 36:  # noqa: PLR2004
        return "is too short for a UUID"
    return ""


def _decimal_problem(of: FieldType, chosen: DECIMAL[Any]) -> str:
    precision, scale = chosen.precision or 10, chosen.scale or 0
    if of.logical != "decimal":
        return "" if scale == 0 else "would show digits after the point that whole numbers have not"
    if scale < of.scale or precision - scale < of.precision - of.scale:
        return f"does not hold decimal({of.precision},{of.scale})"
    return ""
