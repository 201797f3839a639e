"""What librdkafka's log lines tell: the topic's id, and what a person is to see of the rest."""

from __future__ import annotations

import logging
import time

import pytest

from workers.contract.partition_spec import PartitionKey
from workers.intake import kafka_log
from workers.intake.kafka_log import KafkaLog

LINE = "%s [%s] %s"


def changed(topic: str, new: str) -> tuple[str, str, str]:
    return "METADATA", "rdkafka#consumer-1", f"[thrd:main]: Topic {topic} changed id from AAAA to {new}"


def test_the_id_of_its_own_topic_is_kept_even_where_the_line_is_not_shown() -> None:
    log = KafkaLog(PartitionKey("orders", 0), logging.WARNING)
    assert log.topic_id is None
    log.log(logging.DEBUG, LINE, *changed("orders", "CQ9k2z25S4G/VZiGs7OSEw"))
    assert log.topic_id == "CQ9k2z25S4G/VZiGs7OSEw"
    log.log(logging.DEBUG, LINE, *changed("orders2", "other"))
    log.log(logging.DEBUG, LINE, "TOPIC", "rdkafka#consumer-1", "New local topic: orders")
    assert log.topic_id == "CQ9k2z25S4G/VZiGs7OSEw"


@pytest.mark.parametrize(("level", "shown"), [(logging.DEBUG, 2), (logging.WARNING, 1)])
def test_lines_from_the_level_up_are_passed_on(level: int, shown: int, monkeypatch: pytest.MonkeyPatch) -> None:
    passed: list[int] = []
    monkeypatch.setattr(kafka_log.log, "log", lambda at, *_, **__: passed.append(at))
    log = KafkaLog(PartitionKey("orders", 0), level)
    log.log(logging.DEBUG, LINE, *changed("orders", "new"))
    log.log(logging.ERROR, LINE, "CRCFAIL", "rdkafka#consumer-1", "Batch is corrupt")
    assert passed == [logging.DEBUG, logging.WARNING][-shown:]
    assert log.topic_id == "new"


def test_a_kind_of_line_is_told_once_in_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(kafka_log.log, "log", lambda _level, _text, kind, *_, **__: told.append(kind))
    clock = iter([0.0, 1.0, 2.0, 11.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    log = KafkaLog(PartitionKey("orders", 0), logging.WARNING)
    for kind in ("BUFUNDERFLOW", "BUFUNDERFLOW", "CRCFAIL", "BUFUNDERFLOW"):
        log.log(logging.ERROR, LINE, kind, "rdkafka#consumer-1", "what happened")
    assert told == ["BUFUNDERFLOW", "CRCFAIL", "BUFUNDERFLOW"]


@pytest.mark.parametrize(("level", "shown"), [(logging.DEBUG, logging.WARNING), (logging.WARNING, logging.DEBUG)])
@pytest.mark.parametrize("kind", ["FAIL", "ERROR", "REQTMOUT"])
def test_a_broker_that_is_away_is_told_by_the_supervisor_unless_a_person_asked(
    kind: str, level: int, shown: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed: list[int] = []
    monkeypatch.setattr(kafka_log.log, "log", lambda at, *_, **__: passed.append(at))
    KafkaLog(PartitionKey("orders", 0), level).log(
        logging.ERROR, LINE, kind, "rdkafka#consumer-1", "Connection refused"
    )
    assert passed == [shown]
