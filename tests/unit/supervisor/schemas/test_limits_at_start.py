"""What is told of tables at the start, by a registry and a fitter that stand in for the real ones."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from avro_schemas.columns.found_table import FoundColumn, FoundTable
from avro_schemas.tables.lineage import lineage_of
from avro_schemas.tables.rules import PLAIN
from rtpipe.credentials import AccessDeniedError
from rtpipe.errors import SettingsError, UnreachableError
from rtpipe.pause import PausePolicy
from supervisor.schemas import limits_at_start
from supervisor.schemas.column_limits import ColumnLimits
from supervisor.schemas.limits_at_start import tell_at_start
from supervisor.schemas.shared_registry import SharedRegistry
from supervisor.schemas.table_plans.table_plan import TableTarget, plan_existing
from tests.support.samples.specs import default_spec
from workers.contract.partition_spec import PartitionKey, PartitionSpec

SCHEMA = {"type": "record", "name": "r", "fields": [{"name": "id", "type": "double"}]}


def spec(topic: str, partition: int = 0) -> PartitionSpec:
    return default_spec(PartitionKey(topic, partition), group="g")


class FakeRegistry:
    def newest(self, subject: str) -> tuple[int, Any] | None:
        return None if subject == "empty-value" else (7, SCHEMA)


class FakeFitter:
    """`troubles`: what a table's look raises first, the last one first."""

    def __init__(self, **troubles: list[Exception]) -> None:
        self.troubles = troubles
        self.asked = Counter[str]()
        self.told: list[tuple[str, int | None]] = []

    def tell_limits(self, target: TableTarget) -> None:
        name = target.table
        self.asked[name] += 1
        if self.troubles.get(name):
            raise self.troubles[name].pop()
        self.told.append((name, target.schema_id))


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits_at_start, "_PAUSES", PausePolicy.steady(0.001))


def run(fitter: Any, *specs: PartitionSpec, registry: Any = FakeRegistry) -> None:
    thread = tell_at_start(specs, SharedRegistry(registry), fitter)
    thread.join(30)
    assert not thread.is_alive()


def test_each_topic_is_told_once_whatever_its_partitions() -> None:
    fitter = FakeFitter()
    run(fitter, spec("a"), spec("a", 1), spec("empty"), spec("b"))
    assert fitter.told == [("a", 7), ("b", 7)]


def test_a_service_that_does_not_answer_is_asked_again_and_holds_up_no_other_topic() -> None:
    fitter = FakeFitter(a=[UnreachableError("away"), UnreachableError("away")])
    answers: list[Any] = [UnreachableError("away"), SettingsError("no certificate")]

    def registry() -> FakeRegistry:
        if answers:
            raise answers.pop(0)
        return FakeRegistry()

    run(fitter, spec("a"), spec("lost"), spec("b"), registry=registry)
    assert fitter.told == [("b", 7), ("a", 7)]


def test_what_another_try_does_not_mend_is_left_to_the_first_message() -> None:
    fitter = FakeFitter(a=[AccessDeniedError("no privilege")])
    run(fitter, spec("a"), spec("b"))
    assert fitter.told == [("b", 7)]
    assert fitter.asked["a"] == 1


def test_a_line_for_each_column_once(caplog: pytest.LogCaptureFixture) -> None:
    limits = ColumnLimits()
    found = FoundTable({"id": FoundColumn("float", False)})
    for schema_id in (1, 2):
        target = TableTarget("orders", "t", schema_id, SCHEMA, PLAIN, lambda: lineage_of([SCHEMA], "t", PLAIN))
        limits.tell(plan_existing(target, found, "bank"))
    [said] = [record.getMessage() for record in caplog.records]
    assert said.startswith("orders: table t, column id float: refuses ")
