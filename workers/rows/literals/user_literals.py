"""Values for the column of a table that people made: what it stores as it is goes in, all else is refused.

The rule: what the server gives back must be the value, or the text by which the value is written here. Neither server
refuses what its column rounds, cuts, pads or spells anew, in strict mode neither, so this is seen to before it sees the
value. Triggers and what else the server computes are out of reach.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from avro_schemas.columns.column_types import ColumnShape
from avro_schemas.columns.user_column import UserColumn
from avro_schemas.columns.user_limits import Way, counts, values_of, way_of
from rtpipe.mysql.quoting import hexadecimals, quoted_texts
from workers.rows.literals.avro_texts import uuid_of_bytes
from workers.rows.literals.exact_fit import Literals
from workers.rows.literals.json_values import json_text
from workers.rows.literals.text_literals import decoded
from workers.rows.literals.user_numbers import bits, numbers, years
from workers.rows.literals.user_texts import addresses, byte_strings, json_texts, members, sets, texts
from workers.rows.literals.user_times import clocks
from workers.rows.literals.written_texts import written

#: One raw value -> its literal. ValueError, in words that do not quote the value, for one that the column would change.
Literal = Callable[[Any], str]


def user_literals(column: ColumnShape, user: UserColumn, plain: Literals) -> Literals:
    """The renderer of a column that people made. `plain`: of one that rtpipe would have made.

    Where the settings allow losses, all values go in, as the server takes them.
    """
    if column.lossy:
        return _as_they_are(column, user, plain)
    one = exact_literal(column, user, plain)
    return lambda values: list(map(one, values))


def loses(column: ColumnShape, user: UserColumn, plain: Literals) -> Callable[[Any], bool]:
    """Whether a value is one that the column would change; where nobody can tell, each counts as such."""
    one = exact_literal(column, user, plain)

    def changed(value: Any) -> bool:
        try:
            return value is not None and not one(value)
        except ValueError:
            return True

    return changed


def exact_literal(column: ColumnShape, user: UserColumn, plain: Literals) -> Literal:
    """The literal of one value that the column stores as it is; of none where nobody can tell which ones that are."""
    way = way_of(column, user)
    if way is None:
        return _unknown
    if way in _OF_TEXTS:
        return _OF_TEXTS[way](user, _text(column, values_of(column), plain))
    return _OF_VALUES[way](column, user)


def _text(column: ColumnShape, values: str, plain: Literals) -> Callable[[Any], str]:
    """The text by which a value is written."""
    if values == "text" and column.of.logical is None:
        return lambda value: value
    if values == "bytes":
        return decoded
    if values == "uuid":
        return uuid_of_bytes
    if values == "parts":
        return json_text(column)
    return lambda value: plain([value])[0].strip("'")


def _as_they_are(column: ColumnShape, user: UserColumn, plain: Literals) -> Literals:
    if counts(column, user):
        return lambda values: list(map(str, values))
    if column.of.avro_type in {"string", "enum"} and column.of.logical is None:
        return quoted_texts
    if column.of.avro_type in {"bytes", "fixed"} and column.of.logical is None:
        return hexadecimals
    return plain


def _unknown(_: Any) -> str:
    raise ValueError("a column of which nobody can tell what it stores")


_OF_TEXTS: dict[Way, Callable[[UserColumn, Callable[[Any], str]], Literal]] = {
    Way.TEXT: texts,
    Way.ENUM: members,
    Way.ADDRESS: addresses,
}
_OF_VALUES: dict[Way, Callable[[ColumnShape, UserColumn], Literal]] = {
    Way.NUMBER: numbers,
    Way.CLOCK: clocks,
    Way.YEAR: lambda _, __: years(),
    Way.BIT: lambda _, user: bits(user),
    Way.BYTES: lambda _, user: byte_strings(user),
    Way.WRITTEN: lambda _, user: written(user),
    Way.SET: lambda _, user: sets(user),
    Way.JSON: lambda _, user: json_texts(user),
}
