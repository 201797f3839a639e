"""Which values of a field a user column takes unchanged, in words; and for which pairs of field and column rtpipe can
know this at all. workers/rows/literals/user_literals.py checks the values.
"""

from __future__ import annotations

import enum
from collections.abc import Callable

from sqlalchemy.dialects.mysql import DATETIME

from avro_schemas.avro.field_types import FieldType
from avro_schemas.columns.column_types import ColumnShape
from avro_schemas.columns.type_text import type_words
from avro_schemas.columns.user_column import MOST_BYTES, UserColumn
from rtpipe.mysql.quoting import quoted


class Way(enum.Enum):
    """How the values of a field are compared with a column."""

    NUMBER = "number"
    CLOCK = "clock"  #: a day, a time of the day or a moment
    TEXT = "text"
    WRITTEN = "written"  #: a text whose column is of numbers or times: it must be what the column shows
    BYTES = "bytes"
    ENUM = "enum"
    SET = "set"
    BIT = "bit"
    YEAR = "year"
    JSON = "json"
    ADDRESS = "address"  #: a UUID or an IP address, which has more than one spelling


_NUMBERS = {**dict.fromkeys(("integer", "decimal", "float"), Way.NUMBER), "text": Way.TEXT, "enum": Way.ENUM}
_TIMES = {"integer": Way.NUMBER, "text": Way.TEXT}
_DAYS = {**_TIMES, "date": Way.CLOCK, "datetime": Way.CLOCK, "timestamp": Way.CLOCK}
#: Kind of a field's values -> the kinds of columns for which rtpipe knows what the server does with a value.
_WAYS: dict[str, dict[str, Way]] = {
    "integer": {**_NUMBERS, "bit": Way.BIT, "year": Way.YEAR},
    "float": _NUMBERS,
    "decimal": _NUMBERS,
    "date": _DAYS,
    "moment": _DAYS,
    "time": {**_TIMES, "time": Way.CLOCK},
    "text": {
        **dict.fromkeys(("text", "binary", "fixed"), Way.TEXT),
        **dict.fromkeys(("integer", "decimal", "date", "time", "datetime", "timestamp", "year"), Way.WRITTEN),
        **dict.fromkeys(("uuid", "inet4", "inet6"), Way.ADDRESS),
        "enum": Way.ENUM,
        "set": Way.SET,
        "json": Way.JSON,
    },
    "bytes": {"binary": Way.BYTES, "fixed": Way.BYTES, "bit": Way.BYTES, "text": Way.TEXT},
    "uuid": {"binary": Way.BYTES, "fixed": Way.BYTES, "text": Way.TEXT, "uuid": Way.ADDRESS},
    "parts": {"text": Way.TEXT},
}
#: The years of a TIMESTAMP, in seconds since 1970; 0 is no TIMESTAMP, since it stands for the date that is none.
TIMESTAMP_SECONDS = (1, (1 << 31) - 1)
_BMP_ONLY = frozenset({"utf8", "utf8mb3", "ucs2"})
_ALL_CHARACTERS = frozenset({None, "utf8mb4", "utf16", "utf16le", "utf32", "gb18030"})


def values_of(shape: ColumnShape) -> str:
    """What the values of the field are: integer, float, decimal, date, moment, time, text, bytes, uuid (its 16 bytes),
    parts.
    """
    of = shape.of
    if of.nested:
        return "parts"
    kind = (of.logical or "").removeprefix("local-").partition("-")[0]
    if kind == "timestamp":
        return "moment" if not _counts_nanos(of) or isinstance(shape.type, DATETIME) else "integer"
    if kind in {"decimal", "date", "time"}:
        return kind
    if kind == "uuid" and of.avro_type == "fixed":
        return "uuid"
    plain = {"boolean": "integer", "int": "integer", "long": "integer", "float": "float", "double": "float"}
    if kind == "big" or of.avro_type in {"string", "enum"}:
        return "text"
    return plain.get(of.avro_type, "bytes")


def _counts_nanos(of: FieldType) -> bool:
    return (of.logical or "").endswith("nanos")


def way_of(shape: ColumnShape, user: UserColumn) -> Way | None:
    """How the values are compared; None: rtpipe cannot know what the server does with them."""
    way = _WAYS[values_of(shape)].get(user.kind)
    unsure = way is Way.WRITTEN and user.zerofill  # which shows zeros that its number has not
    return None if unsure else way


def cannot_tell(shape: ColumnShape, column: str, user: UserColumn, table: str) -> str:
    """Why the field does not go into the column, and what would help."""
    what = shape.of.logical or shape.of.avro_type
    alter = f"ALTER TABLE {quoted(table)} MODIFY {quoted(column)} {type_words(shape.type)}"
    return (
        f"{what} does not go into column {column} {user.words}: rtpipe cannot tell which values it would change;"
        f' {alter}, or exclude the field, or let the server do what it does: lossy = ["{column}"]'
    )


def counts(shape: ColumnShape, user: UserColumn) -> bool:
    """Whether a date or a time goes in as the number that it is in the message."""
    return user.kind == "integer" and values_of(shape) in {"date", "moment", "time"}


def limits(shape: ColumnShape, user: UserColumn) -> str:
    """What the column refuses of the field's values: "values of more than 2 decimal places"; "" if nothing."""
    way = way_of(shape, user)
    return " and ".join(_LIMITS[way](shape, user)) if way else ""


def _number_limits(shape: ColumnShape, user: UserColumn) -> list[str]:
    found, values = [], values_of(shape)
    fractions = values == "float" or (values == "decimal" and shape.of.scale > 0)
    if user.kind == "integer":
        low, high = user.bounds
        return [*(["fractions"] if fractions else []), f"numbers below {low:,} or above {high:,}"]
    if (precision := user.precision) is not None:
        whole, scale = precision
        if fractions:
            found.append(f"values of more than {scale} decimal places")
        found.append(f"values of more than {whole - scale} digits before the point")
    if user.kind == "float" and (user.name, values) != ("double", "float"):
        size = 4 if user.name == "float" else 8
        found.append(f"numbers that {size} bytes do not hold exactly")
    if user.unsigned:
        found.append("numbers below 0")
    return found


def _clock_limits(shape: ColumnShape, user: UserColumn) -> list[str]:
    found, has = [], 0 if values_of(shape) == "date" else 3 if (shape.of.logical or "").endswith("millis") else 6
    if user.kind == "date" and has:
        found.append("moments but midnight")
    elif user.digits < has:
        more = f" of more than {user.digits} digits" if user.digits else ""
        found.append(f"fractions of a second{more}")
    if user.kind == "timestamp":
        found.append("times before 1970-01-01 00:00:01 or after 2038-01-19 03:14:07 UTC")
    return found


def _length_limits(shape: ColumnShape, user: UserColumn) -> list[str]:
    found = []
    if user.kind in {"fixed", "bit"}:
        return [f"values of other than {user.length if user.kind == 'fixed' else (user.length + 7) // 8} bytes"]
    if user.name in {"char", "varchar"}:
        found.append(f"texts of more than {user.length:,} characters")
    elif user.kind == "binary" or MOST_BYTES.get(user.name, 0) <= MOST_BYTES["mediumtext"]:
        found.append(f"values of more than {user.length or MOST_BYTES[user.name]:,} bytes")
    if user.name == "char":
        found.append("spaces at the end")
    if values_of(shape) == "bytes" and user.kind == "text":
        found.append("bytes that are no UTF-8")
    if user.kind == "text" and user.charset in _BMP_ONLY:
        found.append(f"characters beyond U+FFFF, which {user.charset} has not")
    elif user.kind == "text" and user.charset not in _ALL_CHARACTERS:
        found.append(f"characters that {user.charset} has not")
    return found


def _member_limits(_: ColumnShape, user: UserColumn) -> list[str]:
    if user.kind == "set":
        return ["texts that are not some of its members, in their order"]
    return ["texts that are none of its members"]


def _spelling_limits(_: ColumnShape, user: UserColumn) -> list[str]:
    return [f"texts that are not written as {user.words} shows them"]


_LIMITS: dict[Way, Callable[[ColumnShape, UserColumn], list[str]]] = {
    Way.NUMBER: _number_limits,
    Way.CLOCK: _clock_limits,
    Way.TEXT: _length_limits,
    Way.BYTES: _length_limits,
    Way.ENUM: _member_limits,
    Way.SET: _member_limits,
    Way.BIT: lambda _, user: [f"numbers below 0 or of more than {user.length or 1} bits"],
    Way.YEAR: lambda _, __: ["numbers but 0 and 1901 to 2155"],
    Way.WRITTEN: _spelling_limits,
    Way.ADDRESS: _spelling_limits,
    Way.JSON: lambda _, __: ["texts that are no JSON, or of which it keeps another value"],
}
