"""Whether a column of the primary key keeps different keys apart. A column that ignores case, accents or spaces, or
that changes values, takes two keys for one: an upsert or a tombstone then hits the row of another key.
"""

from __future__ import annotations

from avro_schemas.columns.column_types import KEY_COLLATION, ColumnShape
from avro_schemas.columns.found_table import FoundColumn, FoundTable
from avro_schemas.columns.type_text import type_words
from avro_schemas.columns.user_column import user_column
from avro_schemas.columns.user_limits import Way, values_of, way_of
from rtpipe.mysql.quoting import quoted

#: MariaDB takes KEY_COLLATION, too, but for a collation that pads.
MARIADB_KEY_COLLATION = "utf8mb4_nopad_bin"
#: What helps against a key of a part of a column.
WHOLE_KEY = "make the key of the whole column; rtpipe changes no primary key"


def key_collation(*, mariadb: bool) -> str:
    """The server's name for the collation that compares texts exactly, with case and spaces."""
    return MARIADB_KEY_COLLATION if mariadb else KEY_COLLATION


def folds(collation: str | None) -> bool:
    """Whether a collation takes texts for equal that differ in more than spaces at their ends."""
    return collation is not None and collation != "binary" and not collation.endswith("_bin")


def pads(collation: str | None, *, mariadb: bool) -> bool:
    """Whether a collation ignores spaces at the end of a text. All of MySQL's do, except the `0900` ones."""
    if collation is None or collation == "binary" or "nopad" in collation:
        return False
    return mariadb or "_0900_" not in collation


def folding_problem(column: str, prefix: int | None, collation: str | None) -> str:
    """Why two keys may be one to a key column, whatever its field: the key has only the first `prefix` of it, or its
    collation folds; "" if neither.
    """
    if prefix is not None:
        return f"the primary key compares only the first {prefix} of key column {column}"
    if folds(collation):
        return f"key column {column} has the collation {collation}, which takes different keys for the same"
    return ""


def key_problem(shape: ColumnShape, column: str, table: FoundTable, name: str, *, holds: bool) -> str:
    """Why the column cannot be a key column for the field, with the ALTER that repairs it; "" if it can.

    `holds`: the column takes each value of the field, or is one that a version of the schema gave.
    """
    found = table.columns[column]
    hint = f"repair it by: {_mended(shape, found, name, column, mariadb=table.mariadb)}"
    if column in table.prefixes:
        return f"{folding_problem(column, table.prefixes[column], None)}; {WHOLE_KEY}"
    if found.type.startswith("char(") and may_end_in_space(shape):
        return f"key column {column} is {found.type}, which drops spaces at the end of a key; {hint}"
    if not holds and not keeps_apart(shape, found):
        return f"key column {column} is {found.type}, which may change a value of {type_words(shape.type)}; {hint}"
    if problem := folding_problem(column, None, found.collation):
        return f"{problem}; {hint}"
    if pads(found.collation, mariadb=table.mariadb) and may_end_in_space(shape):
        return (
            f"key column {column} has the collation {found.collation}, which does not see spaces at the end of a key;"
            f" {hint}"
        )
    return ""


def keeps_apart(shape: ColumnShape, found: FoundColumn) -> bool:
    """Whether a column of another type than the field's own takes keys as they are, or refuses them: whole numbers of
    any range, shorter texts, shorter bytes.
    """
    user = user_column(found)
    way, values = way_of(shape, user), values_of(shape)
    if way is Way.NUMBER:
        return values == "integer" and user.kind == "integer"
    if way is Way.TEXT:
        return values == "text" and user.name in {"varchar", "varbinary"}
    return way is Way.BYTES and user.name == "varbinary"


def may_end_in_space(shape: ColumnShape) -> bool:
    """Symbols of an enum and UUIDs never do."""
    return shape.of.avro_type != "enum" and shape.of.logical is None


def apart_sql(table: str, column: str, kind: str, *, mariadb: bool) -> str:
    """The ALTER that gives a column of text the collation that keeps keys apart."""
    words = "varchar" + kind.removeprefix("char") if kind.startswith("char(") else kind
    return (
        f"ALTER TABLE {quoted(table)} MODIFY {quoted(column)} {words} CHARACTER SET utf8mb4"
        f" COLLATE {key_collation(mariadb=mariadb)} NOT NULL"
    )


def _mended(shape: ColumnShape, found: FoundColumn, table: str, column: str, *, mariadb: bool) -> str:
    """The ALTER after which the column takes the field's keys."""
    if found.type.startswith(("varchar(", "char(")):
        return apart_sql(table, column, found.type, mariadb=mariadb)
    if values_of(shape) == "text":
        return apart_sql(table, column, type_words(shape.type), mariadb=mariadb)
    return f"ALTER TABLE {quoted(table)} MODIFY {quoted(column)} {type_words(shape.type)} NOT NULL"
