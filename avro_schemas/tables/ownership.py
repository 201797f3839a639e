"""Whose a column is: rtpipe's, which made it for a version of the schema, or a person's, who chose what it is.

A table does not say who made it. So what is not as rtpipe's own CREATE TABLE or ALTER makes it counts as a person's:
a table of another default collation or primary key; a column whose type, collation or NOT NULL no version gives.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from avro_schemas.columns.column_types import ColumnShape
from avro_schemas.columns.found_table import FoundColumn, FoundTable
from avro_schemas.columns.type_text import OUR_COLLATION, type_words
from avro_schemas.tables.layout import TableLayout
from avro_schemas.tables.metadata_columns import POSITION
from avro_schemas.tables.rules import TableRules

_NUMBERED = re.compile(r"_v\d+$")


def is_persons(name: str, table: FoundTable, layouts: Sequence[TableLayout], rules: TableRules) -> bool:
    """Whether nobody but a person may change the column. `layouts`: all versions that are known; without any it is
    rtpipe's.
    """
    if not layouts:
        return False
    key = tuple(column for column in table.key if not table.of_the_server(column))
    if table.collation != OUR_COLLATION or key not in {(), POSITION, rules.key}:
        return True
    found = table.columns[name]
    given = [one for layout in layouts for one in layout.columns if _is_named(name, one)]
    is_typed = any(_is_made_so(found, one) for one in given)
    return not is_typed or (not found.nullable and all(one.nullable for one in given))


def _is_named(name: str, shape: ColumnShape) -> bool:
    """Whether the field's column, or a later one of another meaning, has this name."""
    return name == shape.name or (bool(_NUMBERED.search(name)) and shape.name.startswith(_NUMBERED.sub("", name)))


def _is_made_so(found: FoundColumn, shape: ColumnShape) -> bool:
    collation = getattr(shape.type, "collation", None) or OUR_COLLATION
    return found.type == type_words(shape.type) and found.collation in {None, collation}
