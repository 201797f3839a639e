"""How MySQL and MariaDB write an Avro type: one line for each pair of type and logical type.

A type is chosen so that every value of the Avro type is stored unchanged or refused by the server in strict mode,
never cut or rounded: hence MEDIUMTEXT and not VARCHAR(256) for a string, DATETIME and not TIMESTAMP (which ends in
2038) for a time, BIGINT for nanoseconds, and text for a decimal with more digits than DECIMAL has. A value with parts
is JSON, which needs no DDL for the next version of a schema.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.dialects.mysql import (
    BIGINT,
    CHAR,
    DATETIME,
    DECIMAL,
    DOUBLE,
    FLOAT,
    INTEGER,
    JSON,
    MEDIUMBLOB,
    MEDIUMTEXT,
    TIME,
    TINYINT,
    VARCHAR,
)
from sqlalchemy.types import BINARY, DATE, VARBINARY, TypeEngine

from avro_schemas.avro.field_types import FieldType
from avro_schemas.columns.type_text import found_type, type_words
from avro_schemas.columns.user_column import UserColumn
from rtpipe.errors import SettingsError

#: Most characters of a VARCHAR in utf8mb4 (65,535 bytes in four-byte characters, less its length).
MAX_VARCHAR = 16_383
#: Most bytes of a VARBINARY or of an ASCII VARCHAR that leaves room for a null bit and its length.
MAX_VARBINARY = 65_532
MAX_BINARY = 255
#: Fewest characters of an enum's column, and all of a big-decimal's.
MIN_ENUM, BIG_DECIMAL = 64, 255
MAX_DECIMAL_PRECISION, MAX_DECIMAL_SCALE = 65, 30
#: Characters of a key's text column if the schema gives no bound; and at most (an index has 3,072 bytes).
MAX_KEY_TEXT, MAX_KEY = 255, 768
#: MySQL's collation that compares exactly, with case and spaces; key_columns.py has MariaDB's.
KEY_COLLATION = "utf8mb4_0900_bin"

#: How the comment of a BIGINT that counts nanoseconds begins.
NANOS_COMMENT = "nanoseconds since 1970-01-01 00:00:00"


@dataclass(frozen=True, slots=True)
class ColumnShape:
    """One column and the Avro field that fills it. To another process its type goes in words, so all of it is plain."""

    field: str  #: name in the Avro schema; `a.b`: field b of the record in field a
    path: tuple[str, ...]  #: the same, one name for each level
    name: str  #: name of the column
    of: FieldType  #: the type of the field's values
    type: TypeEngine[Any]  #: a type of SQLAlchemy's MySQL dialect
    nullable: bool  #: whether the column takes NULL
    comment: str | None  #: of the column: the field's `doc`, and what its values need to be told
    records: Mapping[str, FieldType] = dataclasses.field(
        repr=False, compare=False
    )  #: by full name; `recursive` types refer to it
    default: Any = None  #: the field's default, as the schema's JSON has it; null is none
    parts: tuple[ColumnShape, ...] = ()  #: of the overflow: the columns that the fields in it would be
    required: str = ""  #: the column is NOT NULL by a person's choice, and the field may be null; and what would help
    json_depth: int = 0  #: most arrays and objects inside one another that the column takes; 0: any number
    narrow: str = ""  #: the column does not hold every value of the field, so each is looked at; and what would help
    user_column: UserColumn | None = None  #: the column is one that people made, of a type that no schema asked for
    lossy: bool = False  #: a user column may change values

    def __reduce__(self) -> tuple[Callable[..., ColumnShape], tuple[dict[str, Any]]]:
        plain = {one.name: getattr(self, one.name) for one in dataclasses.fields(self)}
        charset, collation = getattr(self.type, "charset", None), getattr(self.type, "collation", None)
        return _from_plain, (plain | {"type": (type_words(self.type), charset, collation)},)


def _from_plain(plain: dict[str, Any]) -> ColumnShape:
    return ColumnShape(**plain | {"type": found_type(*plain["type"])})


def _string(of: FieldType) -> TypeEngine[Any]:
    return VARCHAR(of.size) if 0 < of.size <= MAX_VARCHAR else MEDIUMTEXT()


def _bytes(of: FieldType) -> TypeEngine[Any]:
    return VARBINARY(of.size) if 0 < of.size <= MAX_VARBINARY else MEDIUMBLOB()


def _fixed(of: FieldType) -> TypeEngine[Any]:
    return BINARY(of.size) if 0 < of.size <= MAX_BINARY else _bytes(of)


def _decimal(of: FieldType) -> TypeEngine[Any]:
    if of.precision <= MAX_DECIMAL_PRECISION and of.scale <= MAX_DECIMAL_SCALE:
        return DECIMAL(of.precision, of.scale)
    length = of.precision + 3  # a sign, a zero and a point
    return ascii_text(length) if length <= MAX_VARBINARY else MEDIUMTEXT(charset="ascii", collation="ascii_bin")


def _enum(of: FieldType) -> TypeEngine[Any]:
    """Text, so that a new symbol needs no DDL."""
    return ascii_text(max([MIN_ENUM, *map(len, of.symbols)]))


def _json(_: FieldType) -> TypeEngine[Any]:
    return JSON()


def ascii_text(length: int) -> VARCHAR:
    """VARCHAR of one byte a character."""
    return VARCHAR(length, charset="ascii", collation="ascii_bin")


#: (Avro type, logical type) -> its column type.
COLUMN_TYPES: dict[tuple[str, str | None], Callable[[FieldType], TypeEngine[Any]]] = {
    ("null", None): lambda _: TINYINT(),
    ("boolean", None): lambda _: TINYINT(display_width=1),
    ("int", None): lambda _: INTEGER(),
    ("long", None): lambda _: BIGINT(),
    ("float", None): lambda _: FLOAT(),
    ("double", None): lambda _: DOUBLE(),
    ("string", None): _string,
    ("bytes", None): _bytes,
    ("fixed", None): _fixed,
    ("bytes", "decimal"): _decimal,
    ("fixed", "decimal"): _decimal,
    ("int", "date"): lambda _: DATE(),
    ("int", "time-millis"): lambda _: TIME(fsp=3),
    ("long", "time-micros"): lambda _: TIME(fsp=6),
    ("long", "timestamp-millis"): lambda _: DATETIME(fsp=3),
    ("long", "timestamp-micros"): lambda _: DATETIME(fsp=6),
    ("long", "local-timestamp-millis"): lambda _: DATETIME(fsp=3),
    ("long", "local-timestamp-micros"): lambda _: DATETIME(fsp=6),
    ("string", "uuid"): lambda _: CHAR(36, charset="ascii", collation="ascii_bin"),
    ("fixed", "uuid"): _fixed,
    ("enum", None): _enum,
    ("bytes", "big-decimal"): lambda _: ascii_text(BIG_DECIMAL),
    ("long", "timestamp-nanos"): lambda _: BIGINT(),
    ("long", "local-timestamp-nanos"): lambda _: BIGINT(),
    ("fixed", "duration"): _json,
    ("array", None): _json,
    ("map", None): _json,
    ("record", None): _json,
    ("recursive", None): _json,
    ("union", None): _json,
}


def column_type(of: FieldType, *, nanos: str) -> TypeEngine[Any]:
    """The column type for a field's type; a fresh object each time. `nanos`: what nanoseconds become."""
    if nanos == "datetime6" and (of.logical or "").endswith("timestamp-nanos"):
        return DATETIME(fsp=6)
    return COLUMN_TYPES[of.avro_type, of.logical](of)


def key_type(of: FieldType) -> TypeEngine[Any]:
    """The type of a column in a primary key: bounded, and with a collation that takes no two texts for equal.

    SettingsError for types that cannot be a key: values with parts, and values that may be equal but not the same.
    """
    if of.nested or of.avro_type in {"null", "float", "double"} or of.logical == "big-decimal":
        raise SettingsError(f"a field of type {of.logical or of.avro_type} cannot be a key")
    if of.avro_type == "string" and of.logical is None:
        return VARCHAR(min(of.size or MAX_KEY_TEXT, MAX_KEY), charset="utf8mb4", collation=KEY_COLLATION)
    if of.avro_type == "bytes" and of.logical is None:
        return VARBINARY(min(of.size or MAX_KEY_TEXT, 4 * MAX_KEY))
    return column_type(of, nanos="bigint")  # a key keeps every digit
