"""Reading a topic once more; the consumer is a fake."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError

from avro_schemas.avro.wire_format import schema_id_of
from rtpipe.credentials import AccessDeniedError
from rtpipe.deadline import Deadline
from rtpipe.errors import RtpipeError, SchemaError, SettingsError, UnreachableError
from rtpipe.kafka import error_codes, renewal
from rtpipe.kafka.properties import EXACT_READER
from supervisor.kafka import topic_reader, topic_sample
from supervisor.kafka.topic_reader import MessagesGoneError, TopicReader
from tests.support.fakes.fake_kafka import FakeConsumer, FakeMessage, failure
from workers.contract.errors import SetupError


@pytest.fixture(autouse=True)
def no_kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topic_reader, "Consumer", FakeConsumer)
    monkeypatch.setattr(FakeConsumer, "refuse", None)
    FakeConsumer.made = []


@pytest.fixture
def reader() -> Iterator[TopicReader]:
    with TopicReader({"bootstrap.servers": "k:1", "isolation.level": "read_uncommitted"}, timeout=1) as made:
        yield made
    assert FakeConsumer.made[0].closed


def consumer() -> FakeConsumer:
    return FakeConsumer.made[0]


def event(partition: int, offset: int, code: int, text: str = "") -> FakeMessage:
    return FakeMessage(partition, offset, wrong=KafkaError(code, text))


def read(reader: TopicReader, **ranges: tuple[int, int]) -> list[tuple[int, int]]:
    found = reader.messages("t", {int(number.removeprefix("p")): both for number, both in ranges.items()})
    return [message.position for batch in found for message in batch]


def test_what_exactness_rests_on_is_not_the_users(reader: TopicReader) -> None:
    assert consumer().properties.items() >= EXACT_READER.items()
    assert consumer().properties["bootstrap.servers"] == "k:1"


def test_it_reads_on_with_the_secrets_of_now(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(renewal, "EVERY", 0.0)
    secret = tmp_path / "kafka"
    secret.write_text(json.dumps({"sasl.username": "u", "sasl.password": "old"}))
    with TopicReader({"bootstrap.servers": "k:1"}, timeout=1, file=str(secret)) as made:
        first = consumer()
        batches = made.whole_messages("t", {0: (0, 3), 1: (5, 9), 2: (0, 1)})
        first.batches = [[FakeMessage(2, 0), FakeMessage(0, 0)], [FakeMessage(0, 1)]]
        next(batches)
        secret.write_text(json.dumps({"sasl.username": "u", "sasl.password": "new"}))
        next(batches)
        assert first.logins == [("u", "new")]
        first.reached = {0: 2}
        secret.write_text(json.dumps({"ssl.key.password": "p"}))
        assert next(batches) == []
    assert first.closed
    _, second = FakeConsumer.made
    assert second.properties["ssl.key.password"] == "p"
    assert second.assigned == [("t", 0, 2), ("t", 1, 5)]


def test_properties_that_the_client_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeConsumer, "refuse", failure(KafkaError._INVALID_ARG, "No such property"))
    with pytest.raises(SettingsError, match="Kafka settings: No such property"):
        TopicReader({}, timeout=1)


def test_messages_below_the_end_of_each_range_and_no_further(reader: TopicReader) -> None:
    consumer().batches = [
        [FakeMessage(0, 0), FakeMessage(1, 7), FakeMessage(0, 1)],
        [FakeMessage(0, 2), FakeMessage(1, 8), FakeMessage(2, 0)],  # of a partition that nobody asked for
        [event(1, 12, error_codes.END_OF_PARTITION)],
    ]
    assert read(reader, p0=(0, 2), p1=(7, 20), p3=(5, 5)) == [(0, 0), (1, 7), (0, 1), (1, 8)]
    assert not consumer().assigned


def test_an_end_that_transaction_markers_moved_is_no_message(reader: TopicReader) -> None:
    consumer().batches = [[FakeMessage(0, 0), FakeMessage(0, 5)]]
    assert read(reader, p0=(0, 3)) == [(0, 0)]


def test_what_the_client_mends_itself_is_waited_for(reader: TopicReader) -> None:
    passing = FakeMessage(0, 0, wrong=KafkaError(KafkaError._TRANSPORT, "down", retriable=True))
    consumer().batches = [[passing], [event(0, 0, KafkaError._MSG_TIMED_OUT, "hm")], [FakeMessage(0, 0)]]
    assert read(reader, p0=(0, 1)) == [(0, 0)]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        *((code, AccessDeniedError) for code in sorted(error_codes.DENIED)),
        *((code, MessagesGoneError) for code in sorted(error_codes.OFFSET_GONE)),
        *((code, UnreachableError) for code in sorted(error_codes.NO_TOPIC)),
    ],
)
def test_what_ends_the_reading(reader: TopicReader, code: int, kind: type[RtpipeError]) -> None:
    consumer().batches = [[event(0, 0, code, "why")]]
    with pytest.raises(kind, match="why"):
        read(reader, p0=(0, 1))


def test_silence_is_no_answer(reader: TopicReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topic_reader, "SILENCE_SECONDS", -1.0)
    with pytest.raises(UnreachableError, match="no message of t"):
        read(reader, p0=(0, 1))


class TestWatermarks:
    def test_of_each_partition(self, reader: TopicReader) -> None:
        consumer().watermarks = {"t": {1: (2, 9), 0: (0, 4)}}
        assert reader.watermarks("t") == {0: (0, 4), 1: (2, 9)}

    def test_of_one_while_another_has_no_leader(self, reader: TopicReader) -> None:
        consumer().watermarks = {"t": {0: failure(KafkaError.LEADER_NOT_AVAILABLE, "no leader"), 1: (2, 9)}}
        assert reader.watermarks("t", only=1) == {1: (2, 9)}
        assert reader.watermarks("t", only=2) == {}

    def test_of_a_topic_that_is_not_there(self, reader: TopicReader) -> None:
        with pytest.raises(SetupError, match="topic t does not exist"):
            reader.watermarks("t")

    def test_that_do_not_come(self, reader: TopicReader) -> None:
        consumer().watermarks = {"t": {0: None}}
        with pytest.raises(UnreachableError, match="no watermarks of t/0 within 1 s"):
            reader.watermarks("t")

    @pytest.mark.parametrize("code", sorted(error_codes.LEADER_CHANGES))
    def test_while_a_leader_changes(self, reader: TopicReader, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
        elected: dict[str, dict[int, object]] = {"t": {0: (0, 4)}}
        monkeypatch.setattr(time, "sleep", lambda _: setattr(consumer(), "watermarks", elected))
        consumer().watermarks = {"t": {0: failure(code, "not yet")}}
        assert reader.watermarks("t") == {0: (0, 4)}

    def test_of_a_leader_that_does_not_come(self, reader: TopicReader, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(topic_reader, "Deadline", SimpleNamespace(after=lambda _: Deadline(0.0)))
        consumer().watermarks = {"t": {0: failure(KafkaError.LEADER_NOT_AVAILABLE, "no leader")}}
        with pytest.raises(UnreachableError, match="no leader"):
            reader.watermarks("t")

    def test_that_are_refused_are_no_broker_that_is_down(self, reader: TopicReader) -> None:
        consumer().watermarks = {"t": {0: failure(KafkaError.TOPIC_AUTHORIZATION_FAILED, "no right")}}
        with pytest.raises(AccessDeniedError, match="no right"):
            reader.watermarks("t")
        consumer().trouble = failure(KafkaError._TRANSPORT, "down")
        with pytest.raises(UnreachableError, match="does not answer: down"):
            reader.watermarks("t")


def value(schema_id: int) -> bytes:
    found = b"\x00" + schema_id.to_bytes(4, "big") + b"body"
    assert schema_id_of(found) == schema_id
    return found


class TestSample:
    def test_ids_of_the_newest_messages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Prepared(FakeConsumer):
            def __init__(self, properties: dict[str, str], **more: object) -> None:
                super().__init__(properties, **more)
                self.watermarks = {"t": {0: (0, 1_000), 1: (5, 6)}}
                self.batches = [
                    [FakeMessage(0, 800, value(7)), FakeMessage(0, 998, None), FakeMessage(0, 999, value(3))],
                    [FakeMessage(1, 5, b"text")],
                ]

        monkeypatch.setattr(topic_reader, "Consumer", Prepared)
        assert topic_sample.sampled_ids({"bootstrap.servers": "k:1"}, "t") == [3, 7]
        assert consumer().closed

    def test_ids_that_are_not_the_topics_are_left_out(self) -> None:
        class Schemas:
            def value(self, schema_id: int) -> str:
                if schema_id == 3:
                    raise SchemaError("another topic's")
                return f"schema {schema_id}"

        schemas: object = Schemas()
        assert topic_sample.known_schemas(schemas, [3, 7]) == {7: "schema 7"}  # type: ignore[arg-type]
