"""What ClusterView makes of each answer of the admin client, which is a fake."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

import pytest
from confluent_kafka import OFFSET_INVALID, KafkaError

from rtpipe.credentials import AccessDeniedError, LoginRefusedError
from rtpipe.errors import RtpipeError, UnreachableError
from rtpipe.kafka import error_codes
from supervisor.kafka import admin_link, cluster_view
from supervisor.kafka.cluster_view import ClusterView, TopicFacts
from tests.support.fakes.fake_kafka import FakeAdmin, failure
from workers.contract.errors import SetupError
from workers.contract.partition_spec import PartitionKey

ORDERS = [PartitionKey("orders", number) for number in range(3)]
TIMED_OUT = failure(KafkaError._TIMED_OUT, "Failed while waiting for response")


@pytest.fixture
def admin(monkeypatch: pytest.MonkeyPatch) -> FakeAdmin:
    """The client of the view that `view` is."""
    monkeypatch.setattr(admin_link, "AdminClient", FakeAdmin)
    monkeypatch.setattr(cluster_view, "_NEW_TOPIC", 0.0)
    FakeAdmin.made = []
    ClusterView({"bootstrap.servers": "k:1", "socket.timeout.ms": "7"})
    return FakeAdmin.made[0]


@pytest.fixture
def view(admin: FakeAdmin, monkeypatch: pytest.MonkeyPatch) -> ClusterView:
    monkeypatch.setattr(admin_link, "AdminClient", lambda properties, **_: take(admin, properties))
    return ClusterView({"bootstrap.servers": "k:1"}, timeout=4)


def take(admin: FakeAdmin, properties: Mapping[str, Any]) -> FakeAdmin:
    admin.properties = properties
    return admin


def test_the_users_own_properties_win_over_those_of_the_view(admin: FakeAdmin) -> None:
    assert admin.properties["socket.timeout.ms"] == "7"
    assert admin.properties["allow.auto.create.topics"] == "false"


class TestTopics:
    def test_facts_are_in_the_order_of_the_question(self, view: ClusterView, admin: FakeAdmin) -> None:
        admin.topics = {"a": ("id-a", 1), "b": ("id-b", 2)}
        assert view.topics(["b", "a"]) == [
            TopicFacts("b", "id-b", (PartitionKey("b", 0), PartitionKey("b", 1))),
            TopicFacts("a", "id-a", (PartitionKey("a", 0),)),
        ]

    def test_topics_that_are_not_there_are_all_named(self, view: ClusterView, admin: FakeAdmin) -> None:
        gone = failure(KafkaError.UNKNOWN_TOPIC_OR_PART)
        admin.topics = {"a": gone, "b": ("id", 1), "c": gone}
        with pytest.raises(SetupError, match="Kafka at k:1 has no topic a, c"):
            view.topics(["a", "b", "c"])

    def test_a_topic_that_was_just_made_is_asked_for_again(
        self, view: ClusterView, admin: FakeAdmin, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(cluster_view, "_NEW_TOPIC", 60.0)
        admin.topics = {"a": failure(KafkaError.UNKNOWN_TOPIC_OR_PART)}

        def made(_seconds: float) -> None:
            admin.topics["a"] = ("id", 1)

        monkeypatch.setattr("supervisor.kafka.cluster_view.time.sleep", made)
        assert view.topics(["a"])[0].topic_id == "id"
        assert admin.asked == ["describe", "describe"]

    def test_a_future_that_never_ends_is_no_answer(self, view: ClusterView, admin: FakeAdmin) -> None:
        admin.topics = {"a": TimeoutError()}
        with pytest.raises(UnreachableError, match=r"no broker of Kafka answers at k:1 \(no answer\)"):
            view.topics(["a"])


class TestClusterId:
    def test_it_is_in_the_metadata(self, view: ClusterView, admin: FakeAdmin) -> None:
        admin.metadata = ["c-1"]
        assert view.cluster_id("a") == "c-1"
        admin.metadata = [None]
        assert view.cluster_id("a") == ""

    @pytest.mark.parametrize("code", sorted(error_codes.DENIED))
    def test_whatever_means_denied_is_told_as_denied(self, view: ClusterView, admin: FakeAdmin, code: int) -> None:
        admin.metadata = [failure(code, "no right")]
        with pytest.raises(AccessDeniedError, match="Kafka at k:1: no right"):
            view.cluster_id("a")

    def test_time_that_runs_out_is_told_with_what_the_client_said_meanwhile(
        self, view: ClusterView, admin: FakeAdmin
    ) -> None:
        said = "k:1/bootstrap: Connect to ipv4#10.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT)"
        admin.told = [
            KafkaError(KafkaError._TRANSPORT, said),
            KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down"),
        ]
        admin.metadata = [TIMED_OUT]
        with pytest.raises(UnreachableError, match=r"answers at k:1 \(Connection refused\)$"):
            view.cluster_id("a")

    def test_a_password_that_is_refused_is_told_as_that_and_not_as_a_broker_that_is_down(
        self, view: ClusterView, admin: FakeAdmin
    ) -> None:
        admin.told = [
            KafkaError(KafkaError._AUTHENTICATION, "sasl_ssl://k:1/1: SASL authentication error: wrong (after 3ms)"),
            KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down"),
        ]
        admin.metadata = [TIMED_OUT]
        with pytest.raises(LoginRefusedError, match=r"refuses the login \(SASL authentication error: wrong\)"):
            view.cluster_id("a")
        admin.told = [KafkaError(KafkaError._TRANSPORT, "k:1/1: Disconnected")]  # and later it is down
        with pytest.raises(UnreachableError, match="Disconnected"):
            view.cluster_id("a")


class TestTopicNames:
    def test_all_that_the_account_may_see(self, view: ClusterView, admin: FakeAdmin) -> None:
        admin.topics = {"orders": ("id-a", 1), "bank.a": ("id-b", 2)}
        assert view.topic_names() == ["orders", "bank.a"]

    def test_no_answer_is_told_as_that(self, view: ClusterView, admin: FakeAdmin) -> None:
        admin.metadata = [TIMED_OUT]
        with pytest.raises(UnreachableError, match="no broker of Kafka answers at k:1"):
            view.topic_names()


class TestOffsets:
    """Each partition on its own; metadata says whether any broker answers at all."""

    def test_one_for_each_partition(self, view: ClusterView, admin: FakeAdmin) -> None:
        admin.offsets = [{("orders", 0): 4, ("orders", 1): 5}]
        assert view.log_begins(ORDERS[:2]).known == {ORDERS[0]: 4, ORDERS[1]: 5}
        assert view.log_ends(ORDERS[:2]).known == {ORDERS[0]: 4, ORDERS[1]: 5}
        assert admin.asked == ["offsets", "offsets"]

    def test_no_partition_is_no_question(self, view: ClusterView, admin: FakeAdmin) -> None:
        assert not view.log_ends([]).known
        assert not admin.asked

    def test_a_partition_without_a_leader_is_asked_once_more(self, view: ClusterView, admin: FakeAdmin) -> None:
        away = failure(KafkaError.LEADER_NOT_AVAILABLE)
        admin.offsets = [{("orders", 0): 4, ("orders", 1): away}, {("orders", 1): 6}]
        found = view.log_ends(ORDERS[:2])
        assert (found.known, found.silent) == ({ORDERS[0]: 4, ORDERS[1]: 6}, {})
        admin.offsets = [{("orders", 0): 4, ("orders", 1): away}, {("orders", 1): away}]
        assert view.log_ends(ORDERS[:2]).silent == {ORDERS[1]: "Kafka: the partition has no leader"}

    def test_a_leader_that_is_silent_keeps_no_other_from_its_offset(self, view: ClusterView, admin: FakeAdmin) -> None:
        strange = failure(KafkaError.NOT_LEADER_FOR_PARTITION, "moved")
        admin.offsets = [
            {("orders", 0): 4, ("orders", 1): OFFSET_INVALID, ("orders", 2): strange},
            {("orders", 2): strange},
        ]
        found = view.log_ends(ORDERS)
        assert found.known == {ORDERS[0]: 4}
        assert found.silent == {
            ORDERS[1]: "Kafka: the partition's leader does not answer",
            ORDERS[2]: "Kafka: moved",
        }

    def test_who_asked_a_broker_that_is_down_asks_another_before_it_says_so(
        self, view: ClusterView, admin: FakeAdmin
    ) -> None:
        admin.offsets = [{("orders", 0): TIMED_OUT}, {("orders", 0): 4}]
        assert view.log_ends(ORDERS[:1]).known == {ORDERS[0]: 4}
        assert admin.asked == ["offsets", "metadata orders", "offsets"]
        admin.offsets = [{("orders", 0): TIMED_OUT}]
        assert view.log_ends(ORDERS[:1]).silent == {ORDERS[0]: "Kafka: the partition's leader does not answer"}

    def test_no_broker_at_all(self, view: ClusterView, admin: FakeAdmin) -> None:
        admin.offsets = [{("orders", 0): TIMED_OUT}]
        admin.metadata = [TIMED_OUT]
        with pytest.raises(UnreachableError, match="no broker of Kafka answers"):
            view.log_ends(ORDERS[:1])
        admin.offsets = [{("orders", 0): OFFSET_INVALID}]  # the client's answer where it was never connected
        with pytest.raises(UnreachableError, match=r"\(no answer\)"):
            view.log_ends(ORDERS[:1])

    def test_a_question_that_never_ends(
        self, view: ClusterView, admin: FakeAdmin, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        endless: Any = Future()
        monkeypatch.setattr(endless, "result", lambda _timeout: raise_timeout())
        monkeypatch.setattr(admin, "list_offsets", lambda wanted, **_: dict.fromkeys(wanted, endless))
        admin.metadata = [TIMED_OUT]
        with pytest.raises(UnreachableError, match="no answer"):
            view.log_ends(ORDERS[:1])

    def test_denied_is_of_all_partitions(self, view: ClusterView, admin: FakeAdmin) -> None:
        admin.offsets = [{("orders", 0): failure(KafkaError.TOPIC_AUTHORIZATION_FAILED, "no right")}]
        with pytest.raises(RtpipeError) as caught:
            view.log_ends(ORDERS[:1])
        assert caught.value.name == "E_AUTH"


def raise_timeout() -> None:
    raise TimeoutError
