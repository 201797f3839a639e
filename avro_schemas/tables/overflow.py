"""`overflow = "json"`: the fields that a row has no room for go together into one JSON column; pure.

Which ones is decided once for each table, and a field never moves: those that a table has a column for stay there, and
once it has `_overflow`, every other field is in it, whatever the schema's next version looks like.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy.dialects.mysql import JSON, LONGTEXT

from avro_schemas.avro.field_types import FieldType
from avro_schemas.columns.column_types import ColumnShape
from avro_schemas.columns.found_table import FoundTable
from avro_schemas.columns.type_text import found_type
from avro_schemas.tables import row_budget
from avro_schemas.tables.rules import TableRules
from rtpipe.errors import SchemaError, SettingsError

OVERFLOW_COLUMN = "_overflow"
#: Most fields that a warning names.
_SHOWN = 10


def overflowing(
    shapes: Sequence[ColumnShape], rules: TableRules, require_room: Callable[[Sequence[ColumnShape]], object]
) -> list[ColumnShape]:
    """The columns of a new table: all if there is room for them, else as many as fit in the order of the fields, and
    the overflow. `require_room` raises SchemaError where columns do not fit.
    """
    if rules.overflow != "json" or _fits(shapes, require_room):
        return list(shapes)
    free = [shape for shape in shapes if not is_named_by_rules(shape, rules)]
    fewest, most = 0, len(free)  # of them that certainly have room, and that certainly have none
    while most - fewest > 1:
        middle = (fewest + most) // 2
        if _fits(with_overflow(shapes, free[middle:]), require_room):
            fewest = middle
        else:
            most = middle
    return with_overflow(shapes, free[fewest:])


def is_named_by_rules(shape: ColumnShape, rules: TableRules) -> bool:
    """Whether the settings name the column, so that it is one in any case."""
    return shape.name in rules.key or shape.field in rules.columns


def with_overflow(shapes: Sequence[ColumnShape], parts: Sequence[ColumnShape]) -> list[ColumnShape]:
    """The columns but `parts`, and the overflow with these, if there are any."""
    if not parts:
        return list(shapes)
    if any(shape.name.lower() == OVERFLOW_COLUMN for shape in shapes):
        raise SettingsError(
            f"a field becomes the column {OVERFLOW_COLUMN}, which is the one of the fields without room",
            hint="give it another name by `rename`",
        )
    within = {shape.name for shape in parts}
    overflow = ColumnShape(
        field=OVERFLOW_COLUMN,
        path=(),
        name=OVERFLOW_COLUMN,
        of=FieldType("record", nullable=True),
        type=JSON(),
        nullable=True,
        comment="the fields that a row has no room for, by the names of their columns",
        records=parts[0].records,
        parts=tuple(parts),
    )
    return [*(shape for shape in shapes if shape.name not in within), overflow]


def columns_in_table(
    shapes: Sequence[ColumnShape], table: FoundTable, rules: TableRules, is_there: Callable[[ColumnShape], bool]
) -> Sequence[ColumnShape]:
    """The columns of a schema in a table that is there. Those that it has not are in its overflow, once it has one, or
    needs one since there is no room for them. `is_there`: whether the table has a field's column.
    """
    if rules.overflow != "json":
        return shapes
    every = single(shapes)
    new = [one for one in every if not is_there(one)]
    if OVERFLOW_COLUMN not in table.columns and _has_room(table, new):
        return every
    return with_overflow(every, [one for one in new if not is_named_by_rules(one, rules)])


def _has_room(table: FoundTable, new: Sequence[ColumnShape]) -> bool:
    """For the columns as they are. One of the table whose type rtpipe never makes counts as a long one."""
    has = [found_type(one.type, one.charset, one.collation) or LONGTEXT() for one in table.columns.values()]
    types = [*has, *(one.type for one in new)]
    return _fits(new, lambda _: row_budget.fit("", types, nullable=len(types), keep=frozenset(range(len(types)))))


def single(shapes: Sequence[ColumnShape]) -> list[ColumnShape]:
    """Each field as a column of its own, as if there were room."""
    return [one for shape in shapes for one in (shape.parts or (shape,))]


def warnings_of(shapes: Sequence[ColumnShape]) -> list[str]:
    """What whoever plans the table should know."""
    return [
        f"{len(shape.parts):,} fields have no room in a row and are in the JSON column {shape.name}: "
        + ", ".join([*(part.field for part in shape.parts[:_SHOWN]), *(["..."] if shape.parts[_SHOWN:] else [])])
        for shape in shapes
        if shape.parts
    ]


def _fits(shapes: Sequence[ColumnShape], require_room: Callable[[Sequence[ColumnShape]], object]) -> bool:
    try:
        require_room(shapes)
    except SchemaError:
        return False
    return True
