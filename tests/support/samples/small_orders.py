"""A topic of two numbers, for unit tests of what a writer does: messages, and schemas that are always there."""

from __future__ import annotations

from avro_schemas.tables.layout import table_layout
from avro_schemas.tables.rules import TableRules
from rtpipe.errors import ExitCode
from tests.support.samples.avro_values import number
from workers.contract.reports import Ended
from workers.contract.schema_answers import KeySchema, SchemaLayout
from workers.rows.schema_source import SchemaHaltError

SCHEMA = {
    "type": "record",
    "name": "orders",
    "fields": [{"name": "a", "type": "long"}, {"name": "b", "type": ["null", "long"]}],
}


def order(a: int, b: int | None = None, *, schema_id: int = 1) -> bytes:
    """A message with these numbers in its fields."""
    union = number(0) if b is None else number(1) + number(b)
    return b"\0" + schema_id.to_bytes(4, "big") + number(a) + union


class SmallSchemas:
    """Every id is that of SCHEMA, but for those that halt the partition."""

    def __init__(self, rules: TableRules) -> None:
        self.rules = rules
        self.halting: dict[int, int] = {}  #: how often an id is answered by a halt
        self.asked: list[int] = []
        self.asked_again: list[int] = []  #: those for which the table is to be looked at again

    def rows(self, schema_id: int, *, again: bool = False, also: tuple[int, ...] = ()) -> SchemaLayout:
        self.asked_again += [schema_id] if again else []
        assert schema_id >= min(also, default=0)
        self.asked.append(schema_id)
        if self.halting.get(schema_id, 0):
            self.halting[schema_id] -= 1
            raise SchemaHaltError(Ended(ExitCode.SCHEMA_REFUSED, "E_EVOLUTION", "does not fit"))
        return SchemaLayout(schema_id, SCHEMA, table_layout(SCHEMA, table="orders", rules=self.rules).rows())

    def newest(self, *, again: bool = False) -> SchemaLayout:
        return self.rows(1, again=again)

    def key(self, schema_id: int) -> KeySchema:
        raise AssertionError(schema_id)
