"""The trial of one partition, and of a topic: where it begins, how far it goes, what stops it; nothing stays."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest

from rtpipe.errors import RtpipeError, UnreachableError
from supervisor.trial import trial
from supervisor.trial.outcome import PartitionTrial, TopicTrial
from supervisor.trial.partition_trial import OnePartition
from tests.support.fakes.memory_database import Fault, MemoryServer
from tests.support.fakes.writer_rig import SPEC, Rig, spec_with
from tests.support.samples.kafka_messages import message
from tests.support.samples.small_orders import SmallSchemas, order
from workers.commit.offsets.ledger_connection import LedgerConnection
from workers.contract.errors import SetupError, TopicChangedError
from workers.contract.partition_spec import PartitionKey, PartitionSpec


class Topic:
    """TopicConsumer: these values from offset 0 on, two a poll, then the end of the log."""

    def __init__(self, *values: bytes) -> None:
        self.values = values
        self.starts: list[int] = []
        self.closed = 0
        self._at = 0

    def made(self, _spec: PartitionSpec, start: Any) -> Topic:
        self.starts.append(start.offset)
        self._at = start.offset
        return self

    def poll(self, most: int, _timeout: float) -> tuple[list[Any], int | None]:
        end = min(len(self.values), self._at + min(most, 2))
        polled = [message(at, self.values[at], 0) for at in range(self._at, end)]
        self._at = end
        return polled, None if polled else len(self.values)

    def close(self) -> None:
        self.closed += 1


class Trials:
    """Trials on a database in memory."""

    def __init__(self, patch: pytest.MonkeyPatch, server: MemoryServer) -> None:
        self.server = server
        self.must_change = False
        self._patch = patch
        where = "supervisor.trial.trial_server"
        patch.setattr(f"{where}.LedgerConnection", lambda spec: LedgerConnection(spec, server.open))
        patch.setattr(f"{where}.open_session", server.open)

    def run(self, topic: Topic, *, spec: PartitionSpec = SPEC, most: int = 100) -> PartitionTrial:
        self._patch.setattr("supervisor.trial.partition_trial.TopicConsumer", topic.made)
        schemas = SmallSchemas(spec.rules)
        requests: Any = SimpleNamespace(answer=lambda _spec, wanted: (schemas.rows(wanted.schema_id),))
        preview: Any = SimpleNamespace(changes=lambda _table: self.must_change)
        before = self.everything()
        found = OnePartition(spec, requests, preview).run(len(topic.values), most)
        assert self.everything() == before
        assert topic.closed == len(topic.starts)
        return found

    def everything(self) -> list[Any]:
        tables = ("orders", "kafka_offsets", "rtpipe_dead_letters")
        return [self.server.rows(f"SELECT * FROM {table}") for table in tables]


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch) -> Trials:
    return Trials(monkeypatch, MemoryServer())


def test_a_partition_of_which_nothing_is_consumed(trials: Trials) -> None:
    found = trials.run(Topic(order(1), b"no avro", order(2), order(3)))
    assert (found.first, found.next_offset, found.messages, found.rows) == (0, 4, 4, 3)
    assert found.examples["E_WIRE_FORMAT"][0][0] == 1
    assert (found.stop, found.encoded_only, found.note) == (None, 0, "")
    assert found.seconds.encoding > 0


def test_no_more_messages_than_were_asked_for(trials: Trials) -> None:
    found = trials.run(Topic(*map(order, range(9))), most=3)
    assert (found.messages, found.next_offset) == (3, 3)


def test_it_begins_where_a_writer_would(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig()
    rig.write(order(1), order(2))
    topic = Topic(order(1), order(2), order(3))
    found = Trials(monkeypatch, rig.server).run(topic)
    assert (topic.starts, found.messages, found.rows, found.encoded_only) == ([2], 1, 1, 0)


def test_where_all_is_consumed_its_newest_messages_are_encoded_only(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig()
    rig.write(order(1), order(2), order(3))
    topic = Topic(order(1), order(2), order(3))
    found = Trials(monkeypatch, rig.server).run(topic, most=2)
    assert (topic.starts, found.messages, found.encoded_only) == ([1], 2, 2)
    assert "consumed already" in found.note


def test_offsets_of_another_topic_would_stop_it(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(spec_with(topic_id="old"))
    rig.write(order(1))
    found = Trials(monkeypatch, rig.server).run(Topic(order(1), order(2)), spec=spec_with(topic_id="new"))
    assert isinstance(found.stop, TopicChangedError)
    assert found.messages == 0


def test_a_table_that_cannot_take_rows_would_stop_it_and_messages_are_encoded_all_the_same(trials: Trials) -> None:
    trials.server.not_innodb.add("orders")
    found = trials.run(Topic(order(1), b"no avro"))
    assert isinstance(found.stop, SetupError)
    assert (found.messages, found.encoded_only, found.dead.total()) == (2, 2, 1)
    assert found.note == "a table is missing, or cannot take rows"


def test_a_table_that_must_change_first(trials: Trials) -> None:
    trials.must_change = True
    found = trials.run(Topic(order(1)))
    assert (found.stop, found.encoded_only, found.note) == (None, 1, "the table must change first")


def test_a_database_that_does_not_answer_ends_the_trial(trials: Trials) -> None:
    trials.server.faults.append(Fault("kafka_offsets", 2013))
    with pytest.raises(UnreachableError, match="orders/0"):
        trials.run(Topic(order(1)))


def test_a_broker_that_says_nothing_ends_the_trial(trials: Trials, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("supervisor.trial.partition_trial._SILENCE", -1.0)
    topic = Topic(order(1))
    with pytest.raises(UnreachableError, match=r"orders/0: no message for"):
        trials.run(topic)
    assert topic.closed == 1


# -- a topic -------------------------------------------------------------------------------------------------------


class OneTopic:
    """The topic orders of three partitions of ten messages each, and how its partitions are tried."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.specs = [dataclasses.replace(SPEC, key=PartitionKey("orders", number)) for number in range(3)]
        self.ends = {spec.key: 10 for spec in self.specs}
        self.there = dict.fromkeys(self.ends, 10)  #: messages of each
        self.asked: list[tuple[int, int]] = []
        self.missing = False
        self.plans: Any = [SimpleNamespace(statements=["CREATE TABLE orders"])]
        view = SimpleNamespace(log_ends=lambda _keys: SimpleNamespace(known=self.ends, silent={}))
        patch.setattr(trial, "ClusterView", lambda _kafka: view)
        patch.setattr("supervisor.partition_plan.plan", lambda *_: self.specs)
        patch.setattr(trial, "accounts", lambda _: SimpleNamespace(infra=None, database="bank"))
        patch.setattr(trial, "TablePreview", lambda _: self._preview())
        patch.setattr(trial, "OnePartition", self._partition)
        patch.setattr(trial, "targets", lambda *_: [])
        patch.setattr(trial, "plan_tables", lambda *_: self._planned())

    def run(self, rows: int) -> TopicTrial:
        [found] = trial.try_topics(SimpleNamespace(librdkafka=dict), ["orders"], rows)  # type: ignore[arg-type]
        return found

    def _preview(self) -> Any:
        missing = {"orders"} if self.missing else set()
        return SimpleNamespace(missing=missing, statements={"orders": ["ALTER TABLE orders"]})

    def _partition(self, spec: PartitionSpec, *_: object) -> Any:
        return SimpleNamespace(run=lambda end, most: self._run(spec, end, most))

    def _run(self, spec: PartitionSpec, end: int, most: int) -> PartitionTrial:
        self.asked.append((end, most))
        return PartitionTrial(spec.key, 0, 0, messages=min(most, self.there[spec.key]))

    def _planned(self) -> Any:
        if isinstance(self.plans, RtpipeError):
            raise self.plans
        return self.plans


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> OneTopic:
    return OneTopic(monkeypatch)


def test_the_messages_are_spread_over_the_partitions(topic: OneTopic) -> None:
    found = topic.run(10)
    assert [most for _, most in topic.asked] == [4, 3, 3]
    assert (found.missing, found.statements) == (False, ["ALTER TABLE orders"])


def test_what_one_partition_does_not_have_the_others_give(topic: OneTopic) -> None:
    topic.there[topic.specs[0].key] = 1
    topic.run(10)
    assert [most for _, most in topic.asked] == [4, 5, 4]


def test_of_a_table_that_is_missing_the_statements_that_make_it(topic: OneTopic) -> None:
    topic.missing = True
    assert topic.run(10).statements == ["CREATE TABLE orders"]
    topic.plans = UnreachableError("the registry is away")
    found = topic.run(10)
    assert (found.missing, found.statements, found.statements_note) == (True, [], "the registry is away")


def test_a_partition_without_a_leader_ends_it(topic: OneTopic) -> None:
    del topic.ends[topic.specs[1].key]
    with pytest.raises(UnreachableError, match=r"orders/1: Kafka does not say where its log begins"):
        topic.run(10)
