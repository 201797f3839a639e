"""docs/schemas.md gives each Avro type the column that the code gives it."""

from __future__ import annotations

import re

import pytest

from avro_schemas.avro.field_types import FieldType
from avro_schemas.columns.column_types import COLUMN_TYPES, column_type
from avro_schemas.columns.type_text import type_words
from tests.support.pages import DOCS

#: Pairs whose line in the table names no type: `a union of other types`, `a record inside itself`.
IN_WORDS = {("union", None), ("recursive", None)}


def documented() -> dict[str, set[str]]:
    """By the name of a type: the column types in its lines, without sizes that are letters."""
    section = (DOCS / "schemas.md").read_text().partition("## From Avro to a column")[2].partition("\n\n**")[0]
    found: dict[str, set[str]] = {}
    for line in re.findall(r"^\| (`.+?) \| (`.+?) \|", section, re.MULTILINE):
        avro, columns = (re.findall(r"`([a-zA-Z0-9-]+(?:\([\w,]+\))?)`", cell) for cell in line)
        for at, name in enumerate(avro):
            column = columns[at] if len(columns) == len(avro) else columns[0]
            found.setdefault(name.partition("(")[0], set()).add(
                re.sub(r"\([a-z,]+\)", "", column.replace("INTEGER", "INT")).lower()
            )
    return found


@pytest.mark.parametrize("pair", [pair for pair in COLUMN_TYPES if pair not in IN_WORDS], ids=str)
def test_schemas_md_has_the_column_of_each_type(pair: tuple[str, str | None]) -> None:
    avro_type, logical = pair
    of = FieldType(avro_type, logical, size=16 if avro_type == "fixed" else 0, precision=12, scale=2)
    words = type_words(column_type(of, nanos="bigint"))
    told = documented()[logical or avro_type]
    assert told & {words, words.partition("(")[0]}
