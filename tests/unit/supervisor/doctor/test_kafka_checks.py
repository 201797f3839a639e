"""What is said of topics, their settings and their retention, and of the registry."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from avro_schemas.tables.rules import PLAIN, TableRules
from infra.provision.topics import Cluster, FoundTopic
from supervisor.admin.offset_work import KnownOffset
from supervisor.admin.offsets import StoredOffset
from supervisor.doctor import (
    kafka_checks,
    topic_settings,
)
from supervisor.doctor.examination import examine
from supervisor.doctor.finding import Verdict
from supervisor.doctor.kafka_checks import KafkaChecks, RegistryChecks
from supervisor.settings.settings import Settings, load
from tests.support.fakes.fake_kafka import answered
from workers.contract.partition_spec import PartitionKey

OK, WARN, FAIL = Verdict


def verdicts(values: dict[str, str], copies: int = 3, rules: TableRules = PLAIN) -> dict[str, Verdict]:
    found = topic_settings.judged("orders", values, copies, rules)
    return {finding.name.removeprefix("orders "): finding.verdict for finding in found}


def test_settings_of_topics() -> None:
    assert verdicts({}) == {"replication": OK, "cleanup.policy": OK}
    assert verdicts({"min.insync.replicas": "3"})["replication"] is WARN
    assert verdicts({}, copies=1)["replication"] is WARN
    assert verdicts({"cleanup.policy": "compact,delete"}) == {
        "replication": OK,
        "cleanup.policy": WARN,
        "tombstones": WARN,
    }
    upsert = TableRules(mode="upsert", key=("id",), tombstones="delete")
    assert verdicts({"cleanup.policy": "compact"}, rules=upsert) == {"replication": OK, "cleanup.policy": OK}


def stored(offset: int, begins: int | None, ends: int | None) -> KnownOffset:
    return KnownOffset(StoredOffset(PartitionKey("orders", 0), "g", offset, 1, 0, "", ""), begins, ends)


@pytest.mark.parametrize(
    ("offset", "begins", "ends", "verdict"),
    [
        (99, 100, 200, FAIL),
        (100, 100, 200, WARN),
        (109, 100, 200, WARN),
        (110, 100, 200, OK),
        (200, 200, 200, OK),
        (0, 0, 200, OK),  # nothing was ever deleted
        (5, None, None, OK),  # no leader: nobody knows
    ],
)
def test_retention_beside_what_was_read(offset: int, begins: int | None, ends: int | None, verdict: Verdict) -> None:
    found = topic_settings.retention("orders", {"retention.ms": "3600000"}, [stored(offset, begins, ends)])
    assert found.verdict is verdict
    assert found.found.startswith("1 hours")


def test_how_long_messages_are_kept() -> None:
    both = {"retention.ms": "7200000", "retention.bytes": "1000"}
    assert topic_settings.retention("a", both, []).found == "2 hours or 1,000 bytes a partition"
    assert topic_settings.retention("a", {}, []).found == "without end"


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Kafka with one topic; its examined, or the error in their place."""
    values: dict[str, Any] = {"orders": {"cleanup.policy": SimpleNamespace(value="delete")}}
    admin = SimpleNamespace(
        describe_configs=lambda asked, **_: {one: answered(values[one.name]) for one in asked},
        describe=lambda: Cluster(1, {"orders": FoundTopic(6, 3)}),
    )
    monkeypatch.setattr(kafka_checks, "AdminClient", lambda _: admin)
    monkeypatch.setattr(kafka_checks, "TopicAdmin", lambda _: admin)
    monkeypatch.setattr(kafka_checks, "OffsetWork", lambda _: SimpleNamespace(known=lambda _: [stored(5, 9, 10)]))
    return values


def test_what_kafka_has(examined: Settings, cluster: dict[str, Any]) -> None:
    checks = KafkaChecks(examined, ["orders", "lost"])
    assert checks.partitions == 0
    [found] = examine([checks.area()])
    assert {finding.name: finding.verdict for finding in found.findings} == {
        "connection": OK,
        "orders topic": OK,
        "orders replication": OK,
        "orders cleanup.policy": OK,
        "lost topic": FAIL,
        "orders retention": FAIL,
    }
    assert checks.partitions == 6
    [none] = examine([KafkaChecks(examined, ["lost"]).area()])
    assert [finding.verdict for finding in none.findings] == [OK, FAIL]


def test_settings_of_topics_that_may_not_be_read(examined: Settings, cluster: dict[str, Any]) -> None:
    cluster["orders"] = KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))
    [found] = examine([KafkaChecks(examined, ["orders"]).area()])
    assert "DESCRIBE_CONFIGS" in found.findings[1].fix


def test_what_the_registry_has(examined: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = {"orders-value": 4, "lost-value": 0}
    registry = SimpleNamespace(url="http://r:1", check=lambda: None, newest_version=numbers.__getitem__)
    monkeypatch.setattr(kafka_checks, "open_registry", lambda _: registry)
    [found] = examine([RegistryChecks(examined, ["orders", "lost"]).area()])
    assert [finding.verdict for finding in found.findings] == [OK, OK, WARN]
    monkeypatch.setenv("RTPIPE_DEFAULTS", '{"subject": "{record}"}')
    assert RegistryChecks(load(), ["orders"]).subjects()[0].verdict is OK
