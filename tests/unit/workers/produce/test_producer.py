"""Orders, plans and processes; where a broker is needed, librdkafka's own mock of one (no services)."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from rtpipe.errors import ExitCode, RtpipeError, SchemaError, SettingsError, UnreachableError
from workers.contract.errors import SetupError
from workers.produce import producer
from workers.produce.order import (
    LANES,
    DeliveryError,
    ForcedStopError,
    ProduceOrder,
    ProduceProgress,
    ProducerDiedError,
    ProduceResult,
    TopicPlan,
)
from workers.produce.properties import kafka_properties
from workers.produce.topic_ends import TopicEnds, last_offsets

SCHEMA = {
    "type": "record",
    "name": "t",
    "fields": [
        {"name": "user", "type": "string"},
        {"name": "flag", "type": "boolean"},
        {"name": "nothing", "type": "null"},
    ],
}
#: Java: Utils.toPositive(Utils.murmur2(key)), from Kafka's own UtilsTest and librdkafka's rdmurmur2 test.
MURMUR2 = {
    b"kafka": 0xD067CF64,
    b"giberish123456789": 0x8F552B0C,
    b"1234": 0x9FC97B14,
    b"234": 0xE7C009CA,
    b"34": 0x873930DA,
    b"4": 0x5A4B5CA1,
    b"PreAmbleWillBeRemoved,ThePrePartThatIs": 0x78424F1C,
    b"": 0x106E08D9,
}


def murmur2(data: bytes) -> int:
    """Kafka's Java hash, for keys of any length: an unsigned 32-bit integer."""
    mask, factor = 0xFFFFFFFF, 0x5BD1E995
    state = (0x9747B28C ^ len(data)) & mask
    for start in range(0, len(data) & ~3, 4):
        k = int.from_bytes(data[start : start + 4], "little") * factor & mask
        state = (state * factor & mask) ^ ((k ^ k >> 24) * factor & mask)
    if tail := data[len(data) & ~3 :]:
        state = (state ^ int.from_bytes(tail, "little")) * factor & mask
    state = (state ^ state >> 13) * factor & mask
    return state ^ state >> 15


class FakeRegistry:
    """Registers everything as id 7; the newest of any subject is SCHEMA with id 9."""

    def __init__(self, url: str, config: Mapping[str, str]) -> None:
        pass

    def close(self) -> None:
        pass

    def register(self, subject: str, schema: Mapping[str, Any]) -> int:
        assert subject == "t-value"
        return 7

    def latest(self, subject: str) -> tuple[int, Mapping[str, Any]]:
        return 9, SCHEMA


@pytest.fixture(scope="module")
def broker() -> Iterator[str]:
    """The address of a mock broker with the topic t of four partitions."""
    mock = Producer({"test.mock.num.brokers": 1, "log_level": 0})
    brokers = mock.list_topics("t", timeout=10).brokers.values()
    yield ",".join(f"{each.host}:{each.port}" for each in brokers)
    mock.flush(1)


@pytest.fixture
def order(broker: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(producer, "Registry", FakeRegistry)

    def make(**settings: Any) -> ProduceOrder:
        common = {
            "kafka": {"bootstrap.servers": broker},
            "registry_url": "http://nowhere",
            "topics": ("t",),
            "count": 10,
        }
        return ProduceOrder(**{**common, **settings})

    return make


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"topics": ()}, "no topic"),
        ({"topics": ("a", "a")}, "named twice"),
        ({"kafka": {}}, "no Kafka address"),
        ({"count": None}, "neither --count nor --duration"),
        ({"count": 0}, "--count is 0"),
        ({"duration": 0.0}, "--duration is 0"),
        ({"rate": -1.5}, "--rate is -1.5"),
        ({"rate": float("nan")}, "--rate is nan"),
        ({"duration": float("inf")}, "--duration is inf"),
        ({"threads": 0}, "--threads is 0"),
        ({"threads": 1000}, "--threads is 1000"),
    ],
)
def test_settings_that_cannot_work(order: Any, settings: dict[str, Any], text: str) -> None:
    with pytest.raises(SettingsError, match=text) as caught:
        order(**settings)
    assert caught.value.hint
    assert caught.value.exit_code is ExitCode.USAGE


def test_secrets_do_not_show(order: Any) -> None:
    shown = repr(order(kafka={"bootstrap.servers": "x", "sasl.password": "secret"}, registry_url="http://u:secret@h"))
    assert "secret" not in shown


def test_plans_come_from_the_file_or_the_registry(order: Any) -> None:
    assert producer.plan_topics(order(schemas=(SCHEMA,)))["t"] == TopicPlan("t", SCHEMA, 7, "user", LANES)
    assert producer.plan_topics(order(key="flag"))["t"] == TopicPlan("t", SCHEMA, 9, "flag", 2)
    assert producer.plan_topics(order(key="nothing"))["t"].lanes == 1
    with pytest.raises(SettingsError, match="no such field") as caught:
        producer.plan_topics(order(key="else"))
    assert "user, flag, nothing" in caught.value.hint
    with pytest.raises(SetupError, match="topic tt does not exist") as missing:
        producer.plan_topics(order(topics=("tt",)))
    assert missing.value.hint == "did you mean t?"
    with pytest.raises(SchemaError, match="no field for the key"):
        producer.plan_topics(order(schemas=({**SCHEMA, "fields": []},)))


def test_every_lane_goes_to_one_process(order: Any) -> None:
    plans = {name: TopicPlan(name, SCHEMA, 1, "user", LANES) for name in ("a", "b")}
    plans["c"] = TopicPlan("c", SCHEMA, 1, "flag", 2)
    shares = producer.share_out(order(count=1_000, rate=340.0, threads=3), plans)
    lanes = [lane for share in shares for lane in share.lanes]
    assert len(lanes) == len(set(lanes)) == 34
    assert sum(share.rate or 0 for share in shares) == pytest.approx(340)
    assert [round(share.first, 2) for share in shares] == [0.33, 0.67, 1.0]
    assert len(producer.share_out(order(count=1, threads=9), plans)) == 3, "no process without a message"


def test_partitions_are_those_of_java_clients(order: Any, broker: str) -> None:
    assert {key: murmur2(key) for key in MURMUR2} == MURMUR2
    properties = kafka_properties(order(kafka={"bootstrap.servers": broker, "partitioner": "random"}))
    client = Producer(properties)
    went: dict[bytes, int | None] = {}
    for key in MURMUR2:
        client.produce("t", b"", key, on_delivery=lambda _, told: went.update({told.key() or b"": told.partition()}))
    client.flush(10)
    partitions = len(client.list_topics("t", timeout=10).topics["t"].partitions)
    assert went == {key: (hashed & 0x7FFFFFFF) % partitions for key, hashed in MURMUR2.items()}


def test_what_is_told_is_what_arrived(order: Any, broker: str) -> None:
    consumer = Consumer({"bootstrap.servers": broker, "group.id": "g"})
    partitions = consumer.list_topics("t", timeout=10).topics["t"].partitions
    ends = {p: consumer.get_watermark_offsets(TopicPartition("t", p), timeout=10)[1] for p in partitions}
    progress: list[ProduceProgress] = []
    result = producer.produce(order(count=1_000, threads=2), progress=progress.append)
    grown = {p: consumer.get_watermark_offsets(TopicPartition("t", p), timeout=10)[1] for p in partitions}
    consumer.close()
    assert sum(grown.values()) - sum(ends.values()) == result.sent == 1_000
    assert {p: offset + 1 for p, offset in result.last_offsets["t"].items()} == grown
    assert (progress[-1].sent, progress[-1].total) == (1_000, 1_000)
    result.raise_for_failures()
    assert result.to_json()["messages_per_second"] > 0


def test_last_offsets_are_of_partitions_that_grew_and_are_known() -> None:
    before, after = {"t": {0: 5, 1: 5, 3: 0}, "u": {}}, {"t": {0: 7, 1: 5, 2: 9, 3: 1}, "u": {}}
    assert last_offsets(before, after) == {"t": {0: 6, 3: 0}, "u": {}}
    assert TopicEnds({"bootstrap.servers": "127.0.0.1:1"}, "", ["t"], 0.2).read() == {"t": {}}


def test_a_broker_that_is_not_there(order: Any) -> None:
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:1"):
        producer.produce(order(kafka={"bootstrap.servers": "127.0.0.1:1"}, connect_timeout=0.5))


@pytest.mark.parametrize(
    ("code", "error"), [("_MSG_TIMED_OUT", UnreachableError), ("MSG_SIZE_TOO_LARGE", DeliveryError)]
)
def test_failed_deliveries_are_an_error(code: str, error: type[RtpipeError]) -> None:
    result = ProduceResult(sent=8, failed=2, seconds=1.0, size=0, last_offsets={}, error=(code, "the reason"))
    with pytest.raises(error, match="2 of 10 messages were not delivered; the first: the reason"):
        result.raise_for_failures()
    assert result.to_json()["error"] == "the reason"


def test_a_message_that_is_too_large_fails_and_is_counted(order: Any) -> None:
    wide = {
        "type": "record",
        "name": "t",
        "fields": [{"name": "x", "type": {"type": "fixed", "name": "f", "size": 3000}}],
    }
    settings = {"bootstrap.servers": order().kafka["bootstrap.servers"], "message.max.bytes": "2000"}
    result = producer.produce(order(schemas=(wide,), kafka=settings, count=4, threads=1))
    assert (result.sent, result.failed) == (0, 1)
    with pytest.raises(DeliveryError, match="too large"):
        result.raise_for_failures()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_and_a_second_one_forces_it(order: Any, number: signal.Signals) -> None:
    before = signal.getsignal(number)
    once = iter([number])

    def stop_once(_: ProduceProgress) -> None:
        for each in once:
            signal.raise_signal(each)

    result = producer.produce(order(count=None, duration=600, rate=200, threads=2), progress=stop_once)
    assert result.stopped
    assert result.failed == 0
    assert signal.getsignal(number) is before
    with pytest.raises(ForcedStopError) as caught:
        producer.produce(order(count=None, duration=600, rate=200), progress=lambda _: signal.raise_signal(number))
    assert caught.value.exit_code is ExitCode.FORCED
    assert multiprocessing.active_children() == []


def test_a_signal_before_the_start_sends_nothing(order: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(producer, "signals_counted", lambda: contextlib.nullcontext([signal.SIGINT]))
    result = producer.produce(order(count=None, duration=600))
    assert (result.sent, result.stopped) == (0, True)


def test_a_process_that_dies_is_named(order: Any) -> None:
    def kill(_: ProduceProgress) -> None:
        multiprocessing.active_children()[0].kill()

    with pytest.raises(ProducerDiedError, match=r"producer-\d \(pid \d+\) ended with exit code -9"):
        producer.produce(order(count=None, duration=600, rate=200, threads=2), progress=kill)
    assert multiprocessing.active_children() == []
