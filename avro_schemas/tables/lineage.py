"""What the versions of a topic's schema tell of one another: the columns that each has, and what fields were called."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from avro_schemas.tables.layout import TableLayout, table_layout
from avro_schemas.tables.rules import TableRules
from rtpipe.errors import SchemaError, SettingsError


@dataclass(frozen=True, slots=True)
class Lineage:
    """All versions that are known."""

    layouts: tuple[TableLayout, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)  #: former field -> the field of today


def lineage_of(schemas: Iterable[Any], table: str, rules: TableRules) -> Lineage:
    """The lineage of schemas, the oldest first. One that gives no table for these rules has no part in it."""
    every_field = dataclasses.replace(rules, include=(), exclude=())
    layouts, names = [], dict[str, str]()
    for schema in schemas:
        try:
            layouts.append(table_layout(schema, table=table, rules=every_field))
        except (SchemaError, SettingsError):
            continue
        names |= dict(_aliases(schema))
    return Lineage(tuple(layouts), {old: _today(old, names) for old in names})


def _aliases(schema: Any) -> Iterable[tuple[str, str]]:
    """Former and present name of the fields of a record."""
    fields = schema.get("fields") if isinstance(schema, Mapping) else None
    for one in fields if isinstance(fields, list) else ():
        aliases = one.get("aliases")
        yield from ((alias, one["name"]) for alias in aliases or () if isinstance(alias, str) and alias != one["name"])


def _today(old: str, names: Mapping[str, str]) -> str:
    """Follows `a`, then `b`, then `c`; names that go round end where they began."""
    seen = {old}
    name = names[old]
    while name in names and name not in seen:
        seen.add(name)
        name = names[name]
    return name
