"""Every type of Avro arrives unchanged through a whole pipeline."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avro_schemas.tables.layout import table_layout
from tests.support.pipeline.supervision import supervised
from tests.support.pipeline.typed_topic import create_typed, typed_pipeline, wire
from tests.support.samples.schema_parts import logical, plain

if TYPE_CHECKING:
    from infra.stack.state import Addresses


def at(*parts: int) -> dt.datetime:
    """What a DATETIME column gives back."""
    return dt.datetime(*parts)  # type: ignore[arg-type,unused-ignore]  # noqa: DTZ001 - it has no zone


LAST = at(9999, 12, 31, 23, 59, 59, 999_999)


ID = "AbcdEF01-2345-4678-89ab-cdef01234567"


#: Field -> its Avro type, and pairs of a value as produced (below the logical type) and as the server gives it back.
TYPES: dict[str, tuple[Any, list[tuple[Any, Any]]]] = {
    "nothing": ("null", [(None, None), (None, None)]),
    "flag": ("boolean", [(True, 1), (False, 0)]),
    "small": ("int", [(2**31 - 1, 2**31 - 1), (-(2**31), -(2**31))]),
    "big": ("long", [(2**63 - 1, 2**63 - 1), (-(2**63), -(2**63))]),
    "ratio": ("float", [(0.15625, 0.15625), (-1024.5, -1024.5)]),
    "exact": ("double", [(1.7976931348623157e308, 1.7976931348623157e308), (0.1 + 0.2, 0.1 + 0.2)]),
    "word": ("string", [("ä€𝄞 '\\\"%s%%\0\r\n\x1a`", "ä€𝄞 '\\\"%s%%\0\r\n\x1a`"), ("", "")]),
    "bound": ({"type": "string", "maxLength": 3}, [("𝄞𝄞𝄞", "𝄞𝄞𝄞"), ("a  ", "a  ")]),
    "raw": ("bytes", [(bytes(range(256)), bytes(range(256))), (b"", b"")]),
    "code": ({"type": "fixed", "name": "code_t", "size": 3}, [(b"\0'\xff", b"\0'\xff"), (b"abc", b"abc")]),
    "amount": (
        logical("bytes", "decimal", precision=65, scale=30),
        [
            ((-(10**65) + 1).to_bytes(28, "big", signed=True), Decimal("-" + "9" * 35 + "." + "9" * 30)),
            (b"\1", Decimal("0." + "0" * 29 + "1")),
        ],
    ),
    "wide": (
        logical("bytes", "decimal", precision=70, scale=2),
        [((10**69).to_bytes(30, "big", signed=True), "1" + "0" * 67 + ".00"), (b"\xff", "-0.01")],
    ),
    "price": (
        {"type": "fixed", "name": "price_t", "size": 4, "logicalType": "decimal", "precision": 9, "scale": 2},
        [((-123_456_789).to_bytes(4, "big", signed=True), Decimal("-1234567.89")), (bytes(4), Decimal("0.00"))],
    ),
    "day": (logical("int", "date"), [(-719_162, dt.date(1, 1, 1)), (2_932_896, dt.date(9999, 12, 31))]),
    "clock_ms": (
        logical("int", "time-millis"),
        [(86_399_999, dt.timedelta(hours=24, milliseconds=-1)), (0, dt.timedelta(0))],
    ),
    "clock_us": (
        logical("long", "time-micros"),
        [(86_399_999_999, dt.timedelta(hours=24, microseconds=-1)), (1, dt.timedelta(microseconds=1))],
    ),
    "at_ms": (
        logical("long", "timestamp-millis"),
        [
            (-1, at(1969, 12, 31, 23, 59, 59, 999_000)),
            (253_402_300_799_999, LAST.replace(microsecond=999_000)),
        ],
    ),
    "at_us": (
        logical("long", "timestamp-micros"),
        [(-1, at(1969, 12, 31, 23, 59, 59, 999_999)), (253_402_300_799_999_999, LAST)],
    ),
    "local_ms": (
        logical("long", "local-timestamp-millis"),
        [(4_000_000_000_123, at(2096, 10, 2, 7, 6, 40, 123_000)), (0, at(1970, 1, 1))],
    ),
    "local_us": (
        logical("long", "local-timestamp-micros"),
        [(1, at(1970, 1, 1, 0, 0, 0, 1)), (0, at(1970, 1, 1))],
    ),
    "id": (
        logical("string", "uuid"),
        [(ID, ID), ("00000000-0000-4000-8000-000000000000", "00000000-0000-4000-8000-000000000000")],
    ),
    "id16": (
        {"type": "fixed", "name": "id_t", "size": 16, "logicalType": "uuid"},
        [(uuid.UUID(ID).bytes, uuid.UUID(ID).bytes), (bytes(16), bytes(16))],
    ),
    "maybe": (["null", "string"], [(None, None), ("null", "null")]),
    "perhaps": (
        [logical("bytes", "decimal", precision=4, scale=1), "null"],
        [(b"\x7b", Decimal("12.3")), (None, None)],
    ),
    "select": ("int", [(1, 1), (2, 2)]),  # a reserved word
    "_kafka_offset": ("int", [(7, 7), (8, 8)]),  # named like a column of rtpipe's own
}


def test_every_type_arrives_unchanged(database: Addresses, tmp_path: Path) -> None:
    with typed_pipeline(database, tmp_path, partitions=1) as pipeline:
        topic = pipeline.topics[0]
        fields = [{"name": name, "type": kind} for name, (kind, _) in TYPES.items()]
        schema = {"type": "record", "name": topic, "namespace": "com.exam", "fields": fields}
        schema_id = create_typed(pipeline, schema)
        wired = plain(schema)
        for number in (0, 1):
            record = {name: pairs[number][0] for name, (_, pairs) in TYPES.items()}
            pipeline.send(topic, wire(schema_id, wired, record))
        assert supervised(pipeline) == 0, pipeline.log.read_text()
        layout = table_layout(schema, table=topic)
        assert len(layout.columns) == len(TYPES)
        columns = ", ".join(f"`{shape.name}`" for shape in layout.columns)
        rows = pipeline.query(f"SELECT {columns} FROM `{topic}` ORDER BY _kafka_offset")
        for number in (0, 1):
            expected = {shape.field: TYPES[shape.field][1][number][1] for shape in layout.columns}
            assert dict(zip([shape.field for shape in layout.columns], rows[number], strict=True)) == expected
        assert pipeline.query(f"SELECT _kafka_partition, _kafka_offset FROM `{topic}` ORDER BY 2") == [(0, 0), (0, 1)]
        assert pipeline.offsets(topic) == {0: 2}
