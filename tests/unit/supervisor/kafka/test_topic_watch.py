"""What has changed in topics, by what Kafka says now and said before; the cluster and the questions are fakes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from rtpipe.credentials import AccessDeniedError
from rtpipe.errors import RtpipeError, UnreachableError
from supervisor.kafka.cluster_view import TopicFacts
from supervisor.kafka.log_offsets import Offsets
from supervisor.kafka.log_watch import LogFacts, LogWatch
from supervisor.kafka.topic_watch import TopicChanges, TopicWatch
from tests.support.samples.specs import default_spec
from workers.contract.errors import SetupError
from workers.contract.partition_spec import PartitionKey

ORDERS = [PartitionKey("orders", number) for number in range(3)]
PATIENCE = 60.0


class AtOnce:
    """A background question that is answered in the same call."""

    def __init__(self, _name: str, every: float) -> None:
        self.next_look = every

    def take(self, _now: float, ask: Callable[[], Any]) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(ask())
        except RtpipeError as exc:
            future.set_exception(exc)
        return future


class Cluster:
    """Topic `orders`; a test changes what it is."""

    def __init__(self) -> None:
        self.facts = [TopicFacts("orders", "t", (ORDERS[0],))]
        self.id = "c"
        self.error: RtpipeError | None = None

    def describe(self, _names: object) -> tuple[list[TopicFacts], list[str]]:
        if self.error:
            raise self.error
        return self.facts, []

    def cluster_id(self, _topic: str) -> str:
        return self.id

    def log_ends(self, keys: list[PartitionKey]) -> Offsets:
        if self.error:
            raise self.error
        return Offsets({key: 9 for key in keys if key != ORDERS[1]}, {ORDERS[1]: "no leader"})

    def log_begins(self, keys: list[PartitionKey]) -> Offsets:
        return Offsets(dict.fromkeys(keys, 4), {})


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("supervisor.kafka.topic_watch.BackgroundQuestion", AtOnce)
    monkeypatch.setattr("supervisor.kafka.log_watch.BackgroundQuestion", AtOnce)


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def watch_of(cluster: Cluster, topic_id: str, cluster_id: str) -> TopicWatch:
    view: Any = cluster
    found = TopicWatch(view, 10.0)
    found.add(default_spec(ORDERS[0], topic_id=topic_id, cluster_id=cluster_id))
    return found


@pytest.fixture
def watch(cluster: Cluster) -> TopicWatch:
    return watch_of(cluster, "t", "c")


def test_nothing_has_changed(watch: TopicWatch) -> None:
    assert watch.changes(0.0) == TopicChanges()
    assert watch.next_look() == 10.0


def test_partitions_that_were_added_are_named_once(watch: TopicWatch, cluster: Cluster) -> None:
    cluster.facts = [TopicFacts("orders", "t", tuple(ORDERS))]
    assert watch.changes(0.0).added == tuple(ORDERS[1:])
    assert watch.changes(1.0) == TopicChanges()


def test_a_topic_that_was_made_again_is_told_once_with_both_ids(watch: TopicWatch, cluster: Cluster) -> None:
    cluster.facts = [TopicFacts("orders", "u", tuple(ORDERS))]
    assert watch.changes(0.0) == TopicChanges({"orders": "topic id changed t -> u"}, ())
    assert watch.topic_id("orders") == "u"
    assert not watch.changes(1.0).gone


def test_a_topic_may_be_missing_for_a_moment_while_it_is_made_again(watch: TopicWatch, cluster: Cluster) -> None:
    there, cluster.facts = cluster.facts, []
    assert watch.changes(0.0) == TopicChanges()
    assert watch.changes(PATIENCE) == TopicChanges()
    assert watch.changes(PATIENCE + 1).gone == {"orders": "the topic was deleted"}
    cluster.facts = there
    assert watch.changes(PATIENCE + 2) == TopicChanges()
    cluster.facts = []
    assert watch.changes(PATIENCE + 3) == TopicChanges()  # counted anew


def test_another_cluster_behind_the_address_concerns_every_topic(watch: TopicWatch, cluster: Cluster) -> None:
    cluster.id, cluster.facts = "other", [TopicFacts("orders", "u", (ORDERS[0],))]
    assert watch.changes(0.0).gone == {"orders": "cluster id changed c -> other"}
    assert (watch.cluster_id, watch.topic_id("orders")) == ("other", "u")
    assert watch.changes(1.0) == TopicChanges(), "told once, or what is adopted were halted again"
    cluster.id = ""  # it does not say
    assert watch.changes(2.0) == TopicChanges()
    cluster.id = "c"  # the address is correct again
    assert watch.changes(3.0).gone == {"orders": "cluster id changed other -> c"}


def test_an_id_that_was_not_known_before_is_no_change(cluster: Cluster) -> None:
    watch = watch_of(cluster, "", "")
    assert watch.changes(0.0) == TopicChanges()
    assert (watch.cluster_id, watch.topic_id("orders")) == ("c", "t")
    cluster.facts = [TopicFacts("orders", "", (ORDERS[0],))]  # it does not say
    assert watch.changes(1.0) == TopicChanges()
    cluster.facts = [TopicFacts("orders", "u", (ORDERS[0],))]
    assert watch.changes(2.0).gone == {"orders": "topic id changed t -> u"}
    cluster.id = "other"
    assert watch.changes(3.0).gone == {"orders": "cluster id changed c -> other"}


@pytest.mark.parametrize("error", [UnreachableError("away"), AccessDeniedError("no"), SetupError("deleted meanwhile")])
def test_no_answer_is_no_change(watch: TopicWatch, cluster: Cluster, error: RtpipeError) -> None:
    cluster.error = error
    assert watch.changes(0.0) == TopicChanges()


def test_ends_of_logs_and_where_those_begin_that_nobody_has_read(cluster: Cluster) -> None:
    view: Any = cluster
    logs = LogWatch(view, 2.0)
    assert logs.next_look() == 2.0
    assert logs.facts(0.0, ORDERS, ORDERS[1:]) == LogFacts(
        ends={ORDERS[0]: 9, ORDERS[2]: 9}, silent={ORDERS[1]: "no leader"}, begins={ORDERS[2]: 4}
    )
    cluster.error = UnreachableError("away")
    assert logs.facts(1.0, ORDERS[:1], ()) == LogFacts(silent={ORDERS[0]: "away"}, away=True)
