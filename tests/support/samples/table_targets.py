"""Targets of one topic's table, by field types as people write them."""

from __future__ import annotations

from typing import Any

from avro_schemas.tables.lineage import lineage_of
from avro_schemas.tables.rules import TableRules
from infra.provision.accounts import Accounts, accounts_of
from supervisor.schemas.table_plans.table_plan import TableTarget

OPTIONAL = ["null", "string"]


def record(**fields: Any) -> dict[str, Any]:
    """A schema; a field whose type is a list that begins with null has null as its default."""
    made = []
    for name, kind in fields.items():
        optional = isinstance(kind, list) and kind[0] == "null"
        made.append({"name": name, "type": kind} | ({"default": None} if optional else {}))
    return {"type": "record", "name": "r", "fields": made}


def target_of(
    schema: Any, *versions: Any, schema_id: int | None = 1, by_record: bool = False, **rules: Any
) -> TableTarget:
    """Of topic and table `t`; `versions` are those before the schema."""
    chosen = TableRules(**rules)
    return TableTarget(
        "t", "t", schema_id, schema, chosen, lambda: lineage_of([*versions, schema], "t", chosen), by_record
    )


def two_accounts(admin: bool = False) -> Accounts:
    """Of consumer and infra, in the database `bank`."""
    url = "mysql+pymysql://{}:a@h/bank"
    return accounts_of(url.format("app"), url.format("infra"), url.format("root") if admin else None)
