"""The schema that the key columns of a table stand for, where no schema of its topic is known yet."""

from __future__ import annotations

import re
from typing import Any

from avro_schemas.columns.found_table import FoundTable
from avro_schemas.tables.rules import TableRules

_NUMBERS = re.compile(r"\d+")
#: First word of a column's type -> the Avro type whose values it was made for.
_TYPES: dict[str, Any] = {
    "tinyint": "boolean",
    "smallint": "int",
    "mediumint": "int",
    "int": "int",
    "bigint": "long",
    "date": {"type": "int", "logicalType": "date"},
    "binary": "bytes",
    "varbinary": "bytes",
}


def key_schema(found: FoundTable, rules: TableRules) -> Any:
    """A record of the fields that fill the key columns, as far as the columns tell; None if one is not there."""
    fields_of = {column: field for field, column in rules.rename.items()}
    columns = [(name, found.name_of(name)) for name in rules.key]
    fields = []
    for name, there in columns:
        if there is None:
            return None
        # A flattened field's name has a dot; the key itself may call it as the column is.
        field = fields_of.get(name, name)
        fields.append({"name": name if "." in field else field, "type": _avro(found.columns[there].type)})
    return {"type": "record", "name": "key", "fields": fields}


def _avro(written: str) -> Any:
    word = re.split(r"[ (]", written, maxsplit=1)[0]
    numbers = [int(number) for number in _NUMBERS.findall(written)]
    if word == "decimal":
        precision, scale = (*numbers, 0)[:2]
        return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}
    if word == "time":
        return (
            {"type": "long", "logicalType": "time-micros"}
            if numbers == [6]
            else {"type": "int", "logicalType": "time-millis"}
        )
    if word == "datetime":
        unit = "micros" if numbers == [6] else "millis"
        return {"type": "long", "logicalType": f"local-timestamp-{unit}"}
    if word in {"char", "varchar"}:
        return {"type": "string", "maxLength": numbers[0]}
    return _TYPES.get(word, "string")
