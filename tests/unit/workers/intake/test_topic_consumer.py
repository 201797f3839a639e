"""One assigned partition: what is fetched, what ends it by name, and what librdkafka mends by itself."""

from __future__ import annotations

import logging
import os
import select
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException

from rtpipe.credentials import AccessDeniedError
from rtpipe.kafka import renewal
from tests.support.fakes.fake_reader import FakeEvent, FakeReader
from tests.support.samples.kafka_messages import message
from tests.support.samples.specs import default_spec
from workers.bell import Bell
from workers.contract.errors import (
    DataError,
    OffsetGoneError,
    SetupError,
    TopicChangedError,
    TruncatedError,
    WorkerError,
)
from workers.contract.partition_spec import PartitionKey
from workers.contract.reports import Position
from workers.intake import partition_client, topic_consumer
from workers.intake.topic_consumer import TopicConsumer

KEY = PartitionKey("orders", 0)
END = KafkaError._PARTITION_EOF


class Clock:
    """`time.monotonic` of the module, moved by hand."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(topic_consumer, "time", SimpleNamespace(monotonic=made))
    return made


@pytest.fixture
def bell() -> Iterator[Bell]:
    made = Bell()
    yield made
    os.close(made.fileno())


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partition_client, "Consumer", FakeReader)


def reading(position: Position | None = None, *polls: list[Any], **spec: Any) -> tuple[TopicConsumer, Any]:
    """A consumer with these polls before it, and the fake inside."""
    topic = TopicConsumer(default_spec(KEY, topic_id="id", **spec), position or Position(1, 5))
    kafka: Any = topic._client.current()
    kafka.polls = list(polls)
    return topic, kafka


def polled(event: FakeEvent, **spec: Any) -> None:
    """One poll that gives this event alone."""
    topic, _ = reading(None, [event], **spec)
    assert topic.poll(10, 0) == ([], None)


def test_it_begins_at_the_stored_offset_with_its_leader_epoch_if_that_is_known() -> None:
    _, kafka = reading(Position(1, 5, leader_epoch=3))
    [start] = kafka.assigned
    assert (start.topic, start.partition, start.offset, start.leader_epoch) == ("orders", 0, 5, 3)
    [start] = reading(Position(1, 7))[1].assigned
    assert (start.offset, start.leader_epoch) == (7, None)


def test_what_exactly_once_rests_on_is_no_setting_and_what_may_be_tuned_is_one() -> None:
    own = {"enable.auto.commit": "true", "auto.offset.reset": "latest", "fetch.wait.max.ms": "7", "debug": "fetch"}
    config = reading(kafka=own)[1].config
    assert str(config["enable.auto.commit"]).lower() == "false"
    assert config["auto.offset.reset"] == "error"
    assert config["isolation.level"] == "read_committed"
    assert config["fetch.wait.max.ms"] == "7"
    assert config["debug"] == "fetch,topic"


def test_it_waits_for_the_first_message_and_takes_the_others_that_are_here() -> None:
    messages = [message(offset, b"x", 1) for offset in range(5, 9)]
    topic, kafka = reading(None, messages)
    assert topic.poll(3, 0.25) == (messages[:3], None)
    assert kafka.asked == [(1, 0.25), (2, 0)]
    assert topic.poll(1, 0) == (messages[3:], None)
    assert topic.poll(1, 0) == ([], None)


def test_at_rest_a_thread_waits_and_rings_and_the_next_poll_gives_what_has_come(bell: Bell) -> None:
    messages = [message(offset, b"x", 1) for offset in range(5, 8)]
    topic = TopicConsumer(default_spec(KEY, topic_id="id"), Position(1, 5), bell.ring)
    kafka: Any = topic._client.current()
    kafka.polls, kafka.gate = [messages], threading.Event()
    topic.rest(7.0)
    assert topic.rests
    kafka.watermarks = (0, 12)
    assert topic.refreshed_end() == -1, "the client is the thread's alone"
    kafka.gate.set()
    assert select.select([bell], [], [], 60)[0]
    bell.hear()
    assert not topic.rests
    assert topic.poll(10, 0) == (messages, None)
    assert kafka.asked == [(1, 7.0), (9, 0)]
    assert topic.refreshed_end() == 12


def test_a_rest_in_which_nothing_came_ends_and_another_one_may_begin(bell: Bell) -> None:
    topic = TopicConsumer(default_spec(KEY, topic_id="id"), Position(1, 5), bell.ring)
    for _ in range(2):
        topic.rest(0.0)
        assert select.select([bell], [], [], 60)[0]
        bell.hear()
        assert topic.poll(10, 0) == ([], None)


def test_what_the_client_raises_at_rest_is_raised_by_the_next_poll(bell: Bell) -> None:
    topic = TopicConsumer(default_spec(KEY, topic_id="id"), Position(1, 5), bell.ring)
    kafka: Any = topic._client.current()
    kafka.trouble = KafkaException(KafkaError(KafkaError._FATAL))
    topic.rest(0.0)
    assert select.select([bell], [], [], 60)[0]
    with pytest.raises(KafkaException):
        topic.poll(10, 0)


def test_a_client_in_which_a_thread_waits_is_not_closed(bell: Bell) -> None:
    topic = TopicConsumer(default_spec(KEY, topic_id="id"), Position(1, 5), bell.ring)
    kafka: Any = topic._client.current()
    kafka.gate = threading.Event()
    topic.rest(7.0)
    topic.close()
    assert not kafka.closed
    kafka.gate.set()
    assert select.select([bell], [], [], 60)[0]


def test_the_end_of_the_partition_is_told_beside_the_messages_before_it() -> None:
    first = message(5, b"x", 1)
    topic, _ = reading(None, [first, FakeEvent(END, 6), FakeEvent(END, 9), FakeEvent(END)])
    assert topic.poll(10, 0) == ([first], 9)
    assert topic.end_offset == 9


def test_the_end_of_the_log_grows_by_what_librdkafka_knows_and_is_unknown_before() -> None:
    topic, kafka = reading()
    for high, known in ((OFFSET_INVALID, -1), (-1, -1), (12, 12), (11, 12)):
        kafka.watermarks = (0, high)
        assert topic.refreshed_end() == known


def test_another_topic_of_the_same_name_is_refused_before_its_first_message() -> None:
    topic, kafka = reading(None, [message(5, b"x", 1)], [message(6, b"other", 1)])
    kafka.logger.log(logging.DEBUG, "%s", "Topic orders changed id from AAAA to id")
    topic.poll(1, 0)
    kafka.logger.log(logging.DEBUG, "%s", "Topic orders changed id from id to new")
    with pytest.raises(TopicChangedError, match="orders/0: topic id changed id -> new"):
        topic.poll(1, 0)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, AccessDeniedError),
        (KafkaError._BAD_MSG, DataError),
    ],
)
def test_what_no_wait_mends_ends_the_partition_by_name(code: int, error: type[Exception]) -> None:
    with pytest.raises(error, match="orders/0: Kafka: why"):
        polled(FakeEvent(code))


def test_a_fatal_error_of_the_client_ends_the_process() -> None:
    with pytest.raises(WorkerError, match="orders/0: Kafka: why"):
        polled(FakeEvent(KafkaError._FATAL, fatal=True))


@pytest.mark.parametrize(("code", "level"), [(KafkaError._TRANSPORT, "DEBUG"), (KafkaError.REQUEST_TIMED_OUT, "INFO")])
def test_what_librdkafka_mends_is_a_line_in_the_log(code: int, level: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="rtpipe")
    polled(FakeEvent(code))
    assert [(entry.levelname, entry.message) for entry in caplog.records] == [(level, "why")]


def test_a_topic_that_stays_unknown_is_a_matter_for_a_person(clock: Clock) -> None:
    unknown = [FakeEvent(KafkaError.UNKNOWN_TOPIC_OR_PART)]
    topic, _ = reading(None, list(unknown), list(unknown), list(unknown))
    assert topic.poll(1, 0) == ([], None)
    clock.now += 59
    assert topic.poll(1, 0) == ([], None)
    clock.now += 2
    with pytest.raises(SetupError, match="orders/0: Kafka has no such partition"):
        topic.poll(1, 0)


@pytest.mark.parametrize("sign", [message(5, b"x", 1), FakeEvent(END, 5)], ids=["a message", "the end of the log"])
def test_a_topic_that_was_unknown_for_two_moments_is_read_on(clock: Clock, sign: Any) -> None:
    """Two restarts of a broker, an hour apart: what came between says that the topic is there."""
    unknown = [FakeEvent(KafkaError.UNKNOWN_TOPIC_OR_PART)]
    topic, _ = reading(None, list(unknown), [sign], list(unknown))
    topic.poll(1, 0)
    topic.poll(1, 0)
    clock.now += 3_600
    assert topic.poll(1, 0) == ([], None)


@pytest.mark.parametrize(
    ("said", "watermarks", "error", "text"),
    [
        (
            "fetch failed: broker end offset is 90 (offset leader epoch 4)",
            None,
            TruncatedError,
            r"orders/0: stored 95, log ends at 90 \(leader epoch 4\)",
        ),
        ("why", None, OffsetGoneError, "orders/0: stored 95 is not in the log"),
        ("why", (0, 80), TruncatedError, "orders/0: stored 95, log ends at 80"),
        ("why", (100, 200), OffsetGoneError, r"orders/0: stored 95, log is \[100,200\): 5 records gone"),
        ("why", (10, 200), OffsetGoneError, r"log is \[10,200\): 0 records gone"),
    ],
)
def test_an_offset_that_is_gone_halts_with_what_became_of_it(
    said: str, watermarks: tuple[int, int] | None, error: type[Exception], text: str
) -> None:
    topic, kafka = reading(None, [FakeEvent(KafkaError._AUTO_OFFSET_RESET, text=said)])
    topic.stored, kafka.watermarks = 95, watermarks
    with pytest.raises(error, match=text) as refused:
        topic.poll(1, 0)
    assert type(refused.value) is error
    assert "rtpipe offsets set orders/0 OFFSET" in refused.value.hint  # type: ignore[attr-defined]


def test_closing_commits_nothing_and_leaves() -> None:
    topic, kafka = reading()
    topic.close()
    assert kafka.closed


def test_new_certificates_are_read_by_a_new_client_that_goes_on_where_the_old_one_was(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(renewal, "EVERY", 0.0)
    file = tmp_path / "client.pem"
    topic, old = reading(Position(1, 5), [message(5, b"x", 1)], kafka={"ssl.certificate.location": str(file)})
    topic.poll(1, 0)
    old.reached = 6
    file.write_text("a certificate")
    topic.poll(1, 0)
    new: Any = topic._client.current()
    assert (new is old, old.closed, new.assigned[0].offset) == (False, True, 6)
    old = new
    file.write_text("another certificate")
    topic.poll(1, 0)  # before its first message
    new = topic._client.current()
    assert (new is old, new.assigned[0].offset) == (False, 5)


def test_certificates_that_cannot_be_used_yet_leave_the_client_as_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(renewal, "EVERY", 0.0)
    file = tmp_path / "client.pem"
    topic, old = reading(Position(1, 5), kafka={"ssl.certificate.location": str(file)})

    def refuses(*_: object, **__: object) -> None:
        raise ValueError("no key for the certificate")

    monkeypatch.setattr(partition_client, "Consumer", refuses)
    file.write_text("a certificate without its key")
    assert topic.poll(1, 0) == ([], None)
    assert (topic._client.current() is old, old.closed) == (True, False)
    monkeypatch.setattr(partition_client, "Consumer", FakeReader)
    assert topic._client.current() is not old
