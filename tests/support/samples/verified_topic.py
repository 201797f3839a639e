"""A topic and its table for unit tests of `rtpipe verify`: real Avro bytes and the server's texts, no server."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import fastavro
import pytest

from avro_schemas.avro.wire_format import pack
from avro_schemas.columns.found_table import FoundTable
from avro_schemas.tables.layout import table_layout
from avro_schemas.tables.rules import PLAIN, TableRules
from supervisor.kafka.topic_reader import TopicMessage
from supervisor.schemas.shared_registry import SharedRegistry
from supervisor.verify import verify as module
from supervisor.verify.forms.values import Row
from supervisor.verify.outcome.report import TopicReport, VerifyProgress, VerifyReport
from supervisor.verify.table.row_reader import RowPackets, RowReader
from supervisor.verify.verify import VerifyOrder, verify
from tests.support.fakes.fake_registry import FakeRegistry
from tests.support.samples.found_tables import table_of
from tests.support.samples.row_packets import row_packet

SCHEMA = {
    "type": "record",
    "name": "orders",
    "fields": [{"name": "id", "type": "long"}, {"name": "name", "type": ["null", "string"]}],
}

#: Rows as the server sends them: every value as text.
Texts = Sequence[Sequence[str | None]]


def value(schema_id: int = 1, schema: Any = None, **fields: Any) -> bytes:
    """A message's value in the registry's wire format."""
    out = io.BytesIO()
    out.write(pack(schema_id))
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema or SCHEMA), fields)
    return out.getvalue()


def message(offset: int, number: int, name: str | None, *, partition: int = 0) -> TopicMessage:
    """The order of this number, whose key is the number as text."""
    return TopicMessage(partition, offset, value(id=number, name=name), str(number).encode())


def tombstone(offset: int, key: bytes | None) -> TopicMessage:
    """A message of partition 0 without a value."""
    return TopicMessage(0, offset, None, key)


@dataclass
class FakeTopic:
    """TopicReader: {partition: (first offset, end)} for one call each, the last for all that follow."""

    content: Sequence[TopicMessage]
    marks: list[dict[int, tuple[int, int]]]

    def watermarks(self, topic: str) -> dict[int, tuple[int, int]]:
        assert topic == "orders"
        return self.marks.pop(0) if len(self.marks) > 1 else self.marks[0]

    def messages(self, topic: str, ranges: Mapping[int, tuple[int, int]]) -> Iterator[list[TopicMessage]]:
        assert topic == "orders"
        for each in self.content:
            first, end = ranges.get(each.partition, (0, 0))
            if first <= each.offset < end:
                yield [each]


@dataclass
class FakeRows:
    """TableReader: rows are the texts that the server sends, of partition and offset first if `position`."""

    content: Texts
    stored: dict[int, tuple[int, int, int]]
    position: bool = False
    kept: dict[tuple[int, int], bytes | None] | None = field(default_factory=dict)

    def refresh(self) -> None: ...

    def offsets(self, topic: str, group: str) -> dict[int, tuple[int, int, int]]:
        assert (topic, group) == ("orders", "group-orders")
        return self.stored

    def dead_letters(self, topic: str, group: str) -> dict[tuple[int, int], bytes | None] | None:
        assert (topic, group) == ("orders", "group-orders")
        return self.kept

    def count(self, table: str) -> int:
        assert table == "orders"
        return len(self.content)

    def has_position(self, table: str) -> bool:
        assert table == "orders"
        return self.position

    def rows(self, table: str, rows: RowReader) -> Iterator[list[Row]]:
        return map(rows, self.packets(table, rows))

    def packets(self, table: str, rows: RowReader) -> Iterator[RowPackets]:
        assert table == "orders"
        texts = [True] * ((2 if rows.with_position else 0) + len(rows.columns))
        yield RowPackets(
            texts, [row_packet([None if one is None else one.encode() for one in row]) for row in self.content]
        )


class Verified:
    """The topic orders of one partition (more by `marks`), and its table; `report` is what verify says of them."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.registry = FakeRegistry({1: SCHEMA}, subjects={1: ["orders-value"]}, versions_of={"orders-value": [1]})
        self.found: FoundTable | None = table_of(table_layout(SCHEMA, table="orders"))
        self.progress: list[VerifyProgress] = []
        self._patch = patch
        patch.setattr(module, "account_of", lambda *_: self)
        patch.setattr(module, "connected", lambda *_: contextlib.nullcontext(self))

    database = "bank"

    def look(self) -> FoundTable | None:
        return self.found

    def all_of(
        self, topic: FakeTopic, rows: FakeRows, *, values: bool = True, rules: TableRules = PLAIN
    ) -> VerifyReport:
        self._patch.setattr(module, "TopicReader", lambda *_, **__: contextlib.nullcontext(topic))
        self._patch.setattr(module, "TableReader", lambda *_, **__: contextlib.nullcontext(rows))
        order = VerifyOrder(
            kafka={"bootstrap.servers": "k:1"},
            registry=SharedRegistry(lambda: cast("Any", self.registry)),
            database_url="mysql+pymysql://u@h/bank",
            topics=("orders",),
            values=values,
            rules={"orders": rules},
        )
        return verify(order, progress=self.progress.append)

    def report(
        self, messages: Sequence[TopicMessage], rows: Sequence[Sequence[str | None]], **more: Any
    ) -> TopicReport:
        """Of partition 0, consumed to its end, whose `rows` were all counted; `more`: of FakeRows and `rules`."""
        rules = more.pop("rules", PLAIN)
        low = more.pop("low", 0)
        end = messages[-1].offset + 1 if messages else low
        total = more.pop("rows_total", len(rows))
        topic = FakeTopic(messages, [{0: (low, end)}])
        return self.all_of(topic, FakeRows(rows, {0: (end, total, more.pop("dead", 0))}, **more), rules=rules).topics[0]
