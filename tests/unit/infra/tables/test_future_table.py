"""Tables that are planned: what the server will say of them is known before they are there."""

from __future__ import annotations

from sqlalchemy.dialects.mysql import BIGINT, VARCHAR

from avro_schemas.columns.verdict import Cost
from avro_schemas.tables.changes import AddColumn, DropColumn, MakeNullable, Rename, Widen
from avro_schemas.tables.layout import table_layout
from avro_schemas.tables.rules import TableRules
from infra.tables.future_table import table_changed, table_made

SCHEMA = {
    "type": "record",
    "name": "r",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "n", "type": "int", "doc": "it's"},
        {"name": "t", "type": "int"},
    ],
}
RULES = TableRules(mode="upsert", key=("id",), tombstones="soft_delete")


def test_a_table_that_is_made() -> None:
    for mariadb, collation in ((True, "utf8mb4_nopad_bin"), (False, "utf8mb4_0900_bin")):
        made = table_made(table_layout(SCHEMA, table="t", rules=RULES).table, mariadb=mariadb, json_depth=31)
        assert (made.key, made.json_depth, list(made.columns)) == (("id",), 31, ["id", "n", "t", "_deleted"])
        key, number, deleted = made.columns["id"], made.columns["n"], made.columns["_deleted"]
        assert (key.type, key.charset, key.collation, key.nullable) == ("varchar(255)", "utf8mb4", collation, False)
        assert (number.type, number.collation, number.definition) == ("int", None, "INTEGER NOT NULL COMMENT 'it''s'")
        assert deleted.fills_itself


def test_a_table_that_is_altered() -> None:
    made = table_made(table_layout(SCHEMA, table="t", rules=RULES).table, mariadb=False, json_depth=31)
    changes = (
        Widen("n", "", Cost.COPY, "int", BIGINT()),
        MakeNullable("n", "", Cost.IN_PLACE),
        AddColumn("more", "", Cost.INSTANT, VARCHAR(9)),
        Rename("t", "", Cost.INSTANT, "u"),
        DropColumn("_deleted", "", Cost.INSTANT),
    )
    found = table_changed(made, changes).columns
    assert list(found) == ["id", "n", "u", "more"]
    assert (found["n"].type, found["n"].nullable, found["n"].definition) == (
        "bigint",
        True,
        "BIGINT NULL COMMENT 'it''s'",
    )
    assert (found["more"].type, found["more"].collation, found["more"].nullable) == ("varchar(9)", "utf8mb4_bin", True)
    assert list(made.columns) == ["id", "n", "t", "_deleted"]
