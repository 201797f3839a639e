"""What the definition of a record, an enum or a fixed must have beside its name; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from avro_schemas.avro.names import RULE
from avro_schemas.naming import is_plain
from rtpipe.errors import SchemaError

#: How many names and how many problems an error tells: a schema may have a hundred thousand of either.
MOST_SHOWN = 50


def checked_size(schema: Mapping[str, Any], words: str) -> int:
    """The bytes of a fixed, which stands at `words`."""
    size = schema.get("size")
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise SchemaError(f"{words}: a fixed needs a `size` in bytes, not {size!r}")
    return size


def checked_symbols(schema: Mapping[str, Any], words: str) -> tuple[str, ...]:
    """The symbols of an enum, which stands at `words`: no one twice, the default among them."""
    symbols = schema.get("symbols")
    if not isinstance(symbols, list):
        raise SchemaError(f"{words}: an enum needs an array `symbols`, not {symbols!r}")
    for symbol in symbols:
        if not isinstance(symbol, str) or not is_plain(symbol):
            raise SchemaError(f"{words}: {symbol!r} is no symbol: {RULE}")
    if len(set(symbols)) < len(symbols):
        twice = next(symbol for symbol, times in Counter(symbols).items() if times > 1)
        raise SchemaError(f"{words}: the symbol {twice!r} is there twice")
    if "default" in schema and schema["default"] not in symbols:
        raise SchemaError(f"{words}: the default {schema['default']!r} is none of the symbols")
    return tuple(symbols)


def checked_fields(record: Mapping[str, Any], where: str = "") -> list[Mapping[str, Any]]:
    """The fields of a record, each an object with a name and a type, no name twice; SchemaError names all problems."""
    fields = record.get("fields")
    if not isinstance(fields, list):
        raise SchemaError(f"{where}the record needs an array `fields`")
    problems, seen = [], set()
    for number, field in enumerate(fields, 1):
        name = field.get("name") if isinstance(field, Mapping) else None
        if not isinstance(name, str) or not name:
            problems.append(f"{where}field {number} has no name")
        elif name in seen:
            problems.append(f"{where}field {name!r} is there twice")
        elif "type" not in field:
            problems.append(f"{where}field {name!r} has no type")
        seen.add(str(name))
    if problems:
        raise SchemaError("\n  ".join(problems[:MOST_SHOWN]))
    return fields
