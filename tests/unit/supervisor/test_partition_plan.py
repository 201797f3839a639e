"""The plan: one spec for each partition, from settings and from what Kafka says; Kafka is a fake."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import SecretStr

from rtpipe.errors import SettingsError
from supervisor.kafka.cluster_view import TopicFacts
from supervisor.kafka.log_offsets import Offsets
from supervisor.partition_plan import UNKNOWN, plan, supervisor_name
from supervisor.settings.fields.topic_settings import TopicBlock
from supervisor.settings.settings import Settings
from workers.contract.partition_spec import PartitionKey

KEYS = {"orders": [PartitionKey("orders", 0), PartitionKey("orders", 1)], "payments": [PartitionKey("payments", 0)]}


class FakeCluster:
    """Has two topics; one partition has no leader."""

    def topics(self, names: Sequence[str]) -> list[TopicFacts]:
        return [TopicFacts(name, f"id of {name}", tuple(KEYS[name])) for name in names]

    def cluster_id(self, _topic: str) -> str:
        return "c1"

    def log_begins(self, keys: Sequence[PartitionKey]) -> Offsets:
        dark = KEYS["orders"][1]
        return Offsets({key: 7 for key in keys if key != dark}, {dark: "no leader"})


def settings(**more: Any) -> Settings:
    return Settings.model_construct(
        bootstrap_servers="k:1", database_url=SecretStr("mysql+pymysql://u:p@h/bank"), kill_point="writer:begin", **more
    )


def planned(chosen: Settings, *topics: str) -> Any:
    cluster: Any = FakeCluster()
    return plan(chosen, topics, cluster, supervisor_name())


def test_every_partition_of_every_topic_in_order() -> None:
    specs = planned(settings(), "payments", "orders")
    assert [str(spec.key) for spec in specs] == ["payments/0", "orders/0", "orders/1"]
    assert [spec.first_offset for spec in specs] == [7, 7, UNKNOWN]
    assert [spec.topic_id for spec in specs] == ["id of payments", "id of orders", "id of orders"]
    assert {spec.cluster_id for spec in specs} == {"c1"}
    assert {spec.armed for spec in specs} == {"writer:begin"}
    assert [spec.table for spec in specs] == ["payments", "orders", "orders"]


@pytest.mark.parametrize("cores", [1, 2, 16])
def test_small_batches_of_all_writers_share_an_eighth_of_the_cores(monkeypatch: pytest.MonkeyPatch, cores: int) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    shares = [spec.limits.cpu_share for spec in planned(settings(), "payments", "orders")]
    assert shares == [pytest.approx(cores / 8 / 3)] * 3
    cluster: Any = FakeCluster()
    [beside] = plan(settings(), ["payments"], cluster, "", others=3)
    assert beside.limits.cpu_share == pytest.approx(cores / 8 / 4)


def test_all_workers_of_a_run_name_one_supervisor_and_those_of_another_run_another_one() -> None:
    [first], [second] = ({spec.supervisor for spec in planned(settings(), "orders")} for _ in range(2))
    assert first != second


def test_two_topics_for_one_table_are_refused_before_kafka_is_asked() -> None:
    chosen = settings(topics=(TopicBlock(match="payments", table="orders"),))
    with pytest.raises(SettingsError, match="topics orders, payments would all go to table orders"):
        plan(chosen, ["orders", "payments"], None, "")  # type: ignore[arg-type]
    shared = TopicBlock(match=".*", table="orders", shared_table=True)
    specs = planned(settings(topics=(shared,)), "orders", "payments")
    assert {spec.table for spec in specs} == {"orders"}
