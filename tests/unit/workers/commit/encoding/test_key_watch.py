"""A tombstone deletes by its key only if that can be trusted; else it is a dead letter that says why."""

from __future__ import annotations

import io
import json
import struct
from typing import Any

import fastavro
import pytest

from avro_schemas.avro.wire_format import pack
from avro_schemas.tables.layout import table_layout
from avro_schemas.tables.rules import KeyFormat, TableRules
from tests.support.samples.batches import batch_of
from tests.support.samples.specs import default_spec
from workers.commit.encoding.batch_encoder import BatchEncoder
from workers.commit.encoding.encoded_batch import EncodedBatch
from workers.contract.partition_spec import PartitionKey
from workers.contract.refusal import Reason, Refusal
from workers.contract.schema_answers import KeySchema, SchemaLayout, SchemaRefused

VALUE, KEY, BARE, PROTOBUF = 1, 2, 3, 4
FIELDS = [{"name": "id", "type": "string"}, {"name": "v", "type": "int"}]
SCHEMAS: dict[int, Any] = {
    VALUE: {"type": "record", "name": "r", "fields": FIELDS},
    KEY: {"type": "record", "name": "k", "fields": FIELDS[:1]},
    BARE: "string",
}


def avro(schema_id: int, value: Any) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(SCHEMAS[schema_id]), value)
    return pack(schema_id) + out.getvalue()


def row(key: str) -> bytes:
    return avro(VALUE, {"id": key, "v": 1})


class Desk:
    """Schemas without a supervisor."""

    def __init__(self, rules: TableRules) -> None:
        self._rules = rules
        self.asked = 0

    def rows(self, schema_id: int, *, again: bool = False, also: tuple[int, ...] = ()) -> SchemaLayout | SchemaRefused:
        del again, also
        self.asked += 1
        return refusal_of(schema_id) or self._layout(schema_id)

    def newest(self, *, again: bool = False) -> SchemaLayout:
        del again
        self.asked += 1
        return self._layout(VALUE)

    def key(self, schema_id: int) -> KeySchema | SchemaRefused:
        self.asked += 1
        return refusal_of(schema_id) or KeySchema(schema_id, SCHEMAS[schema_id])

    def _layout(self, schema_id: int) -> SchemaLayout:
        schema = SCHEMAS[schema_id]
        return SchemaLayout(schema_id, schema, table_layout(schema, table="t", rules=self._rules).rows())


def refusal_of(schema_id: int) -> SchemaRefused | None:
    if schema_id == PROTOBUF:
        return SchemaRefused(schema_id, Refusal(Reason.WIRE_FORMAT, "schema id 4 is of the type PROTOBUF"))
    if schema_id not in SCHEMAS:
        return SchemaRefused(schema_id, Refusal(Reason.UNKNOWN_SCHEMA, f"schema id {schema_id} is unknown"))
    return None


class Topic:
    """One partition, batch by batch."""

    def __init__(self, key_format: KeyFormat = "text", **rules: Any) -> None:
        settings: dict[str, Any] = {"mode": "upsert", "key": ("id",), "tombstones": "delete"} | rules
        self.rules = TableRules(key_format=key_format, **settings)
        spec = default_spec(PartitionKey("t", 0), rules=self.rules)
        self.desk = Desk(self.rules)
        self.encoder = BatchEncoder(spec, self.desk)

    def encoded(self, *messages: tuple[bytes | None, bytes | None], **more: Any) -> EncodedBatch:
        """Of messages that are keys and values."""
        keys, values = zip(*messages, strict=True)
        return self.encoder.encode(batch_of(values, keys=keys, **more), 1 << 24)


#: What people's serializers make of the key `x`: how it looks, and the format that reads it.
FORMS: list[tuple[str, str, bytes]] = [
    ("plain text", "text", b"x"),
    ("JSON text", "json", b'"x"'),
    ("JSON text", "json", b'{"id":"x"}'),
    ("Connect's Struct text", "connect_struct", b"Struct{id=x}"),
    ("JSON with schema and payload", "json_schema", b'{"schema":{"type":"struct"},"payload":{"id":"x"}}'),
    ("JSON with schema and payload", "json_schema", b'{"schema":null,"payload":"x"}'),
    ("Avro with schema id 3", "avro", avro(BARE, "x")),
    ("Avro with schema id 2", "avro", avro(KEY, {"id": "x"})),
]


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.getMessage().startswith("W_KEY_FORMAT")]


@pytest.mark.parametrize(("looks", "key_format", "key"), FORMS)
@pytest.mark.parametrize("own", ["text", "avro", "json", "json_schema", "connect_struct", "int", "long"])
def test_a_key_of_another_format_is_told_and_deletes_nothing(
    own: KeyFormat, looks: str, key_format: str, key: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    encoded = Topic(own).encoded((key, row("x")), (key, row("x")), (key, None))
    if own == key_format:
        assert not encoded.refused
        assert encoded.tombstones.keys.keys() == {2}
        assert not told(caplog)
        return
    assert encoded.refused[2].reason == "E_KEY"
    assert looks in str(encoded.refused[2])
    assert set(encoded.refused) == {2}
    [said] = told(caplog)
    assert "t/0 offset 0" in said
    assert looks in said
    assert f'key_format = "{key_format}"' in said


@pytest.mark.parametrize(("looks", "key_format", "key"), FORMS[1:])
def test_a_tombstone_that_looks_like_another_serializers_is_refused_even_without_a_value_to_compare(
    looks: str, key_format: str, key: bytes
) -> None:
    encoded = Topic().encoded((key, None))
    assert encoded.refused[0].reason == "E_KEY"
    assert looks in encoded.refused[0].why
    assert f'key_format = "{key_format}"' in encoded.refused[0].why


@pytest.mark.parametrize(
    ("key", "words"),
    [(b"x\n", "newline"), (struct.pack(">i", 7), "4-byte int"), (struct.pack(">q", 7), "8-byte long"), (b"\x01x", "")],
)
def test_other_keys_that_pass_for_text_are_refused(key: bytes, words: str) -> None:
    refusal = Topic().encoded((key, None)).refused[0]
    assert refusal.reason == "E_KEY"
    assert words in refusal.why


def test_a_text_key_that_looks_like_json_deletes_where_rows_have_such_keys() -> None:
    topic, key = Topic(), '{"id":"x"}'
    assert topic.encoded((key.encode(), row(key)), (key.encode(), None)).tombstones.keys.keys() == {1}
    assert topic.encoded((b'["y"]', None), (b"Struct{id=y}", None)).tombstones.keys.keys() == {0}


def test_tombstones_are_refused_from_the_first_key_on_that_is_not_its_rows(caplog: pytest.LogCaptureFixture) -> None:
    topic = Topic()
    assert topic.encoded((b"x", row("x")), (b"x", None)).tombstones.keys.keys() == {1}
    encoded = topic.encoded((b"s3cret", row("y")), (b"y", None), (b"z", row("z")))
    assert {place: refusal.reason for place, refusal in encoded.refused.items()} == {1: "E_KEY"}
    said_of_others = "is not the key of its row, so the keys of this partition are not used for deletes; "
    assert encoded.refused[1].why.startswith("the key of offset 0 (it looks like ")
    assert said_of_others in encoded.refused[1].why
    assert set(topic.encoded((b"x", row("x")), (b"x", None)).refused) == {1}
    [said] = told(caplog)
    assert "keyed by something else" in said
    assert "s3cret" not in said + encoded.refused[1].why


def test_a_value_before_its_tombstone_is_compared_wherever_it_is_in_the_batch() -> None:
    good = [(f"k{n}".encode(), row(f"k{n}")) for n in range(100)]
    encoded = Topic().encoded(*good, (b"other", row("x")), (b"other", None))
    assert set(encoded.refused) == {101}


def test_a_value_without_a_key_is_told_and_says_nothing_of_tombstones(caplog: pytest.LogCaptureFixture) -> None:
    encoded = Topic().encoded((None, row("x")), (b"x", None), (None, None))
    assert encoded.tombstones.keys.keys() == {1}
    assert set(encoded.refused) == {2}
    [said] = told(caplog)
    assert "no key" in said


@pytest.mark.parametrize("rules", [{"tombstones": "ignore"}, {"tombstones": "dead_letter"}])
def test_who_never_deletes_hears_nothing(rules: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    assert not Topic(**rules).encoded((b"other", row("x"))).refused
    assert not told(caplog)


def test_a_key_that_its_header_tells_of_is_named() -> None:
    headers = {0: [("__key_schema_id", b"\1" + bytes(16))]}
    refusal = Topic("avro").encoded((b"\2x", None), headers=headers).refused[0]
    assert refusal.reason == "E_KEY"


FOREIGN = {
    "JSON text": json.dumps({"id": "s3cret"}).encode(),
    "AWS Glue": b"\3\0" + bytes(16) + b"s3cret",
    "id of 8 bytes": b"\0" + (1).to_bytes(8, "big") + b"\x0cs3cret\2",
    "plain text": b"s3cret",
}


def test_each_value_in_another_format_is_refused_by_its_own_name() -> None:
    """Also where several have the same first bytes."""
    values = [*FOREIGN.values(), b'{"id"\n', row("x")]
    encoded = Topic().encoded(*((b"x", value) for value in values))
    for place, words in enumerate(FOREIGN):
        assert encoded.refused[place].reason == "E_WIRE_FORMAT"
        assert words in encoded.refused[place].why
        assert "s3cret" not in encoded.refused[place].why
    assert "newline" in encoded.refused[4].why
    assert set(encoded.refused) == {0, 1, 2, 3, 4}


def test_the_registrys_word_stands_where_it_knows_the_id() -> None:
    encoded = Topic().encoded((b"x", pack(PROTOBUF) + b"\0s3cret"), (b"x", pack(99) + b"s3cret"))
    assert (encoded.refused[0].reason, "PROTOBUF" in encoded.refused[0].why) == ("E_WIRE_FORMAT", True)
    assert (encoded.refused[1].reason, "99 is unknown" in encoded.refused[1].why) == ("E_UNKNOWN_SCHEMA", True)


def test_a_value_whose_schema_id_is_in_a_header_is_refused_whatever_its_first_bytes_are() -> None:
    headers = {place: [("__value_schema_id", b"\1" + bytes(16))] for place in (0, 2)} | {1: [("trace", b"x")]}
    encoded = Topic().encoded((b"x", row("x")), (b"x", row("x")), (b"x", b"\2"), headers=headers)
    assert encoded.refused == {place: Refusal(Reason.WIRE_FORMAT, encoded.refused[place].why) for place in (0, 2)}
    assert all("__value_schema_id" in refusal.why for refusal in encoded.refused.values())


def test_tombstones_alone_that_find_no_row_are_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    topic = Topic()
    for found in (1, 0, 0):
        messages = [(b"x", None), (b"y", None)]
        encoded = topic.encoded(*messages)
        topic.encoder.committed(encoded, found)
        assert len(told(caplog)) == (not found)
    [said] = told(caplog)
    assert "2 tombstones" in said


def test_once_keys_are_known_for_good_a_tombstone_may_find_no_row(caplog: pytest.LogCaptureFixture) -> None:
    topic = Topic()
    topic.encoded((b"x", row("x")))
    encoded = topic.encoded((b"y", None))
    topic.encoder.committed(encoded, 0)
    assert not told(caplog)


@pytest.mark.parametrize(
    ("key", "headers", "words"),
    [
        (b"\3\0" + bytes(16) + b"x", [], "id in front"),
        (b"\2x", [("__key_schema_id", b"\1" + bytes(16))], "not into a header"),
        (b"x\n", [], "newline"),
    ],
)
def test_where_no_format_fits_it_says_what_the_producer_may_do(
    key: bytes, headers: list[tuple[str, bytes | None]], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    Topic().encoded((key, row("x")), headers={0: headers} if headers else {})
    [said] = told(caplog)
    assert words in said


def test_a_format_of_one_value_for_a_key_of_two_columns_stops_no_rows(caplog: pytest.LogCaptureFixture) -> None:
    key = json.dumps({"id": "x", "v": 1}).encode()
    encoded = Topic(key=("id", "v")).encoded((key, row("x")), (key, None))
    assert set(encoded.refused) == {1}
    assert "fills one column" in encoded.refused[1].why
    [said] = told(caplog)
    assert 'set key_format = "json"' in said


def test_a_schema_id_of_keys_that_nobody_knows_is_asked_for_once() -> None:
    topic, unknown = Topic("avro"), pack(99) + b"\2x"
    for _ in range(3):
        encoded = topic.encoded(*[(unknown, row("x"))] * 30, *[(unknown, None)] * 30)
        assert set(encoded.refused) == set(range(30, 60))
        assert "99 is unknown" in encoded.refused[30].why
    assert topic.desk.asked == 2  # once for the values


def test_what_is_wrong_with_keys_is_known_for_as_long_as_it_holds() -> None:
    topic = Topic()
    assert topic.encoder.key_warning is None  # nothing was compared
    topic.encoded((b"x", row("x")))
    assert topic.encoder.key_warning == ""
    topic.encoded((b'{"id":"y"}', row("y")))
    warning = topic.encoder.key_warning or ""
    assert warning.startswith("W_KEY_FORMAT: the key of a message looks like JSON text")
    assert 'set key_format = "json"' in warning
    topic.encoded((None, row("x")))
    topic.encoded((b"x", row("x")))
    assert topic.encoder.key_warning == warning


def test_tombstones_that_found_no_row_are_no_warning_any_more_once_keys_agree() -> None:
    topic = Topic()
    encoded = topic.encoded((b"x", None))
    topic.encoder.committed(encoded, 0)
    assert "found no row by their keys" in (topic.encoder.key_warning or "")
    topic.encoded((b"x", row("x")))
    assert topic.encoder.key_warning == ""
