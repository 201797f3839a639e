"""A process of `rtpipe produce` without a broker: what it sends, what its parent hears, how it stops."""

from __future__ import annotations

import io
import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import fastavro
import pytest
from confluent_kafka import KafkaError, KafkaException

from rtpipe.kafka import renewal
from workers.produce import producer_process as module
from workers.produce.order import ProcessOrder, Tally, TopicPlan
from workers.produce.producer_process import READY, STOP

SCHEMA = {
    "type": "record",
    "name": "t",
    "fields": [{"name": "user", "type": "string"}, {"name": "number", "type": "long"}],
}


class FakeProducer:
    """librdkafka's producer: acknowledges at the next poll, or reports an error for a message's number."""

    made: FakeProducer
    all: ClassVar[list[FakeProducer]] = []

    def __init__(self, properties: dict[str, Any], **_: Any) -> None:
        assert properties["delivery.report.only.error"] is True
        self.taken: list[tuple[str, bytes, bytes]] = []
        self.reports: list[Callable[[], object]] = []
        self.errors: dict[int, KafkaError] = {}
        self.full_at: set[int] = set()  #: message numbers that find the queue full once
        self.refused_at: dict[int, KafkaError] = {}
        self.silent = self.deaf = False  #: no acknowledgement; not even of a purge
        self.purged = False
        self.properties, self.logins = properties, list[tuple[str, str]]()
        FakeProducer.made = self
        FakeProducer.all.append(self)

    def set_sasl_credentials(self, username: str, password: str) -> None:
        self.logins.append((username, password))

    def produce(self, topic: str, value: bytes, key: bytes, partition: int, on_delivery: Any) -> None:
        assert partition == -1
        number = len(self.taken)
        if number in self.full_at:
            self.full_at.remove(number)
            raise BufferError
        if number in self.refused_at:
            raise KafkaException(self.refused_at[number])
        self.taken.append((topic, value, key))
        self.reports.append(lambda: number in self.errors and on_delivery(self.errors[number], None))

    def poll(self, _seconds: float) -> None:
        if not self.silent:
            reports, self.reports = self.reports, []
            for report in reports:
                report()

    def flush(self, seconds: float) -> None:
        self.poll(seconds)

    def purge(self) -> None:
        self.purged, self.silent = True, self.deaf
        self.errors = dict.fromkeys(range(len(self.taken)), KafkaError(KafkaError._PURGE_QUEUE))

    def __len__(self) -> int:
        return len(self.reports)


class FakeParent:
    """The pipe to the parent: `words` are what the parent says, `after` how many tallies it hears before the next."""

    def __init__(self, *words: Any, after: int = 0) -> None:
        self.words = list(words)
        self.after = after
        self.heard: list[Any] = []
        self.gone = False

    def send(self, what: Any) -> None:
        if self.gone:
            raise BrokenPipeError
        self.heard.append(what)

    def recv(self) -> Any:
        if not self.words:
            raise EOFError
        return self.words.pop(0)

    def poll(self) -> bool:
        return bool(self.words) and len(self.tallies) > self.after

    @property
    def tallies(self) -> list[Tally]:
        return [one for one in self.heard if isinstance(one, Tally)]


@pytest.fixture(autouse=True)
def no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "Producer", FakeProducer)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    FakeProducer.all.clear()
    now = [0.0]

    def clock() -> float:
        now[0] += 0.01
        return now[0]

    monkeypatch.setattr(time, "monotonic", clock)


def order(*, lanes: tuple[int, ...] = (0, 1), of: int = 2, **changes: Any) -> ProcessOrder:
    facts: dict[str, Any] = {
        "kafka": {"bootstrap.servers": "k:1"},
        "topics": {"t": TopicPlan("t", SCHEMA, 7, "user", of)},
        "lanes": tuple(("t", lane) for lane in lanes),
        "count": 10,
        "duration": None,
        "rate": None,
        "first": 1.0,
        "seed": 5,
        "flush_timeout": 1.0,
    }
    return ProcessOrder(**facts | changes)


def run(what: ProcessOrder, parent: FakeParent, prepare: Callable[[FakeProducer], None] = lambda _: None) -> Tally:
    """The last tally that the parent hears."""
    real = parent.send

    def send(word: Any) -> None:
        if word == READY:
            prepare(FakeProducer.made)
        real(word)

    parent.send = send  # type: ignore[method-assign, assignment]
    module.main(what, parent)  # type: ignore[arg-type]  # as much of a pipe as it uses
    return parent.tallies[-1]


def records() -> list[Any]:
    schema = fastavro.parse_schema(SCHEMA)
    found: list[Any] = []
    for _, value, _ in FakeProducer.made.taken:
        assert value[:5] == b"\0\0\0\0\7"
        found.append(fastavro.schemaless_reader(io.BytesIO(value[5:]), schema, None))
    return found


def test_every_message_is_sent_and_counted_once_it_is_acknowledged() -> None:
    parent = FakeParent(READY)
    last = run(order(), parent)
    assert parent.heard[0] == READY
    assert (last.sent, last.failed, last.last, last.error) == (10, 0, True, None)
    assert last.size == sum(len(value) + len(key) for _, value, key in FakeProducer.made.taken)
    assert [record["user"].encode() for record in records()] == [key for _, _, key in FakeProducer.made.taken]


def test_the_same_seed_gives_the_same_messages_however_the_lanes_are_shared() -> None:
    run(order(), FakeParent(READY))
    together = sorted(FakeProducer.made.taken)
    apart = []
    for lane in (0, 1):
        run(order(lanes=(lane,)), FakeParent(READY))
        apart += FakeProducer.made.taken
    assert together == sorted(apart)
    assert len(together) == 10


def test_an_uneven_count_is_shared_out_over_the_lanes() -> None:
    assert run(order(lanes=(0,), count=5), FakeParent(READY)).sent == 3
    assert run(order(lanes=(1,), count=5), FakeParent(READY)).sent == 2


def test_a_full_queue_loses_nothing() -> None:
    assert run(order(), FakeParent(READY), lambda made: made.full_at.update({0, 4})).sent == 10


def test_a_message_that_is_refused_ends_the_sending_and_is_counted() -> None:
    refused = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE, "too large")
    last = run(order(), FakeParent(READY), lambda made: made.refused_at.update({4: refused}))
    assert (last.sent, last.failed, last.error) == (4, 1, ("MSG_SIZE_TOO_LARGE", "too large"))


def test_the_first_failed_delivery_is_the_one_that_is_told() -> None:
    errors = {2: KafkaError(KafkaError._MSG_TIMED_OUT, "first"), 5: KafkaError(KafkaError._TRANSPORT, "second")}
    last = run(order(), FakeParent(READY), lambda made: made.errors.update(errors))
    assert (last.sent, last.failed, last.error) == (8, 2, ("_MSG_TIMED_OUT", "first"))


def test_a_parent_that_says_stop_before_the_start_gets_a_tally_of_nothing() -> None:
    last = run(order(), FakeParent(STOP))
    assert (last.sent, last.last, FakeProducer.made.taken) == (0, True, [])


def test_a_parent_that_says_stop_gets_what_was_sent_until_then() -> None:
    parent = FakeParent(READY, STOP, after=2)
    last = run(order(count=None, duration=1e9), parent)
    assert last.last
    assert last.sent == len(FakeProducer.made.taken) > 0


def test_a_duration_ends_it() -> None:
    last = run(order(count=None, duration=1.0), FakeParent(READY))
    assert last.sent == len(FakeProducer.made.taken) > 0


def test_a_rate_holds_back_what_is_too_early() -> None:
    last = run(order(count=None, duration=2.0, rate=20.0), FakeParent(READY))
    assert 0 < last.sent <= 1 + 2 * 20


def test_what_is_not_acknowledged_in_time_is_given_up_and_has_failed() -> None:
    def silence(made: FakeProducer) -> None:
        made.silent = True

    last = run(order(), FakeParent(READY), silence)
    assert FakeProducer.made.purged
    assert (last.sent, last.failed, last.error and last.error[0]) == (0, 10, "_PURGE_QUEUE")


def test_what_nobody_knows_any_more_has_failed() -> None:
    def silence(made: FakeProducer) -> None:
        made.silent = made.deaf = True

    assert (last := run(order(), FakeParent(READY), silence)).failed == 10
    assert (last.sent, last.error) == (0, None)


def test_a_parent_that_is_gone_ends_it_without_a_word() -> None:
    parent = FakeParent(READY)
    parent.gone = True
    module.main(order(), parent)  # type: ignore[arg-type]
    assert (parent.heard, FakeProducer.made.taken) == ([], [])
    module.main(order(), FakeParent())  # type: ignore[arg-type]
    assert FakeProducer.made.taken == []


def changing(secret: Path, parent: FakeParent, after: int, **properties: str) -> None:
    """Once the parent has heard so many tallies, the file holds these properties."""
    real = parent.send

    def send(word: Any) -> None:
        real(word)
        if len(parent.tallies) == after:
            secret.write_text(json.dumps({name.replace("_", "."): text for name, text in properties.items()}))

    parent.send = send  # type: ignore[method-assign, assignment]


def test_another_password_is_told_to_the_client_and_other_secrets_need_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewal, "EVERY", 0.0)
    secret, parent = tmp_path / "kafka", FakeParent(READY)
    secret.write_text(json.dumps({"sasl.username": "u", "sasl.password": "old"}))
    changing(secret, parent, 1, sasl_username="u", sasl_password="new")
    last = run(order(count=3_000, kafka_file=str(secret)), parent)
    [client] = FakeProducer.all
    assert (client.logins, last.sent, last.failed) == ([("u", "new")], 3_000, 0)
    FakeProducer.all.clear()
    parent = FakeParent(READY)
    changing(secret, parent, 1, ssl_key_password="other")
    last = run(order(count=3_000, kafka_file=str(secret)), parent)
    old, new = FakeProducer.all
    assert (old.logins, new.properties["ssl.key.password"], new.properties["acks"]) == ([], "other", "all")
    assert (last.sent, len(old.taken) + len(new.taken)) == (3_000, 3_000)
    assert not len(old), "what was under way has arrived before the new client sends"
