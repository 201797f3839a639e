"""The keys of a topic whose values have a schema made of few words."""

from __future__ import annotations

from typing import Any

from avro_schemas.tables.layout import table_layout
from avro_schemas.tables.rules import TableRules
from workers.rows.keys.message_key import MessageKey
from workers.rows.literals.sql_literals import literal_of

Schema = dict[str, Any] | str | list[Any]


def record(*fields: tuple[str, Any], name: str = "r") -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": [{"name": one, "type": kind} for one, kind in fields]}


def keys_of(value: Schema, rules: dict[str, Any], schemas: dict[int, Any] | None = None) -> MessageKey:
    """The keys of a topic whose values have this schema."""
    settings = TableRules(mode="upsert", tombstones="delete", **{"key": ("id",)} | rules)
    layout = table_layout(value, table="t", rules=settings)
    return MessageKey(settings, layout, lambda schema_id: (schemas or {})[schema_id], literal_of)
