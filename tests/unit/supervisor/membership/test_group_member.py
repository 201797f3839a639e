"""A member holds what it is given paused, waits until the supervisor has given up what is revoked, and tells it all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from rtpipe.errors import SettingsError
from rtpipe.kafka import renewal
from supervisor.membership import group_member
from supervisor.membership.group_member import Fate, GroupMember
from supervisor.membership.member_words import MemberStart, Said, Word
from tests.support.samples.member_start import START
from workers.contract.partition_spec import PartitionKey

A, B = PartitionKey("orders", 0), PartitionKey("orders", 1)
Step = Callable[["FakeGroup"], Any]


def partitions(*keys: PartitionKey) -> list[TopicPartition]:
    return [TopicPartition(key.topic, key.partition) for key in keys]


def names(given: list[TopicPartition]) -> list[str]:
    return [f"{one.topic}/{one.partition}" for one in given]


class FakeGroup:
    """The client: each `poll` takes one step of the scene; at its end the supervisor is gone."""

    steps: ClassVar[list[Step]] = []
    made: ClassVar[list[FakeGroup]] = []

    def __init__(self, properties: Mapping[str, Any]) -> None:
        if "wrong" in properties:
            raise KafkaException(KafkaError(KafkaError._INVALID_ARG, "no such property"))
        self.properties = dict(properties)
        self.done: list[Any] = []
        self.silent = False
        self.at_close: Step = lambda _: None
        FakeGroup.made.append(self)

    def subscribe(self, topics: list[str], **callbacks: Any) -> None:
        self.done.append(("subscribe", topics))
        self.assign, self.revoke, self.lose = (callbacks[name] for name in ("on_assign", "on_revoke", "on_lost"))

    def unsubscribe(self) -> None:
        self.done.append("unsubscribe")

    def poll(self, _seconds: float) -> Any:
        if not FakeGroup.steps:
            ORDERS.ended = True
            return None
        return FakeGroup.steps.pop(0)(self)

    def incremental_assign(self, given: list[TopicPartition]) -> None:
        self.done.append(("assign", names(given)))

    def pause(self, given: list[TopicPartition]) -> None:
        self.done.append(("pause", names(given)))

    def incremental_unassign(self, given: list[TopicPartition]) -> None:
        self.done.append(("unassign", names(given)))

    def committed(self, asked: Any, timeout: float) -> None:
        assert timeout > 0
        self.asked = names(asked)
        if self.silent:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))

    def close(self) -> None:
        self.at_close(self)
        self.done.append("close")


class FakeOrders:
    """The supervisor: `looks`: what it tells at each look."""

    def __init__(self) -> None:
        self.ended = False
        self.topics: tuple[str, ...] = ("orders",)
        self.given_up: set[PartitionKey] = set()
        self.looks: list[Callable[[], None]] = []

    def look(self, _seconds: float = 0.0) -> None:
        if self.looks:
            self.looks.pop(0)()


ORDERS = FakeOrders()


class Scene:
    """One membership, and what it said."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.monkeypatch = monkeypatch
        monkeypatch.setattr(group_member, "Consumer", FakeGroup)
        monkeypatch.setattr(group_member, "time", SimpleNamespace(monotonic=lambda: self.now))
        FakeGroup.steps, FakeGroup.made = [], []
        ORDERS.__init__()  # type: ignore[misc]
        self.said: list[Said] = []

    def run(self, *steps: Step, protocol: str = "consumer", start: MemberStart = START) -> tuple[Fate, str]:
        FakeGroup.steps = list(steps)
        orders: Any = ORDERS
        self.member = GroupMember(start, 12.0, orders, self.said.append)
        return self.member.run(protocol)

    def words(self) -> list[tuple[str, list[str]]]:
        return [(said.word.value, list(map(str, said.keys))) for said in self.said if said.word is not Word.CONTACT]

    @property
    def group(self) -> FakeGroup:
        return FakeGroup.made[-1]


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(monkeypatch)


def fatal(code: int) -> Step:
    text = f"Fatal error: {KafkaError(code).str()}: and more"
    return lambda _: SimpleNamespace(error=lambda: KafkaError(KafkaError._FATAL, text))


def test_what_it_is_given_is_paused_and_told(scene: Scene) -> None:
    fate = scene.run(lambda group: group.assign(group, partitions(B, A)), lambda group: group.assign(group, []))
    assert fate == (Fate.ASKED, "")
    assert scene.group.done == [
        ("subscribe", ["orders"]),
        ("assign", ["orders/1", "orders/0"]),
        ("pause", ["orders/1", "orders/0"]),
        ("assign", []),
        ("pause", []),
        "close",
    ]
    assert scene.words() == [("assigned", ["orders/0", "orders/1"])]


def test_it_subscribes_to_what_the_supervisor_says_by_then(scene: Scene) -> None:
    def hears(*topics: str) -> Step:
        def step(_: FakeGroup) -> None:
            scene.now += 60
            ORDERS.topics = topics

        return step

    scene.run(lambda _: None, hears("bank", "orders"), lambda _: None, hears(), hears(), hears("shop"), hears("shop"))
    assert scene.group.done == [
        ("subscribe", ["orders"]),
        ("subscribe", ["bank", "orders"]),
        "unsubscribe",
        ("subscribe", ["shop"]),
        "close",
    ]
    assert scene.group.asked == ["shop/0"]
    assert [said.at for said in scene.said] == [100.0, 160.0, 220.0, 400.0], "nobody is asked about no topic"


def test_what_is_revoked_is_given_back_once_the_supervisor_has_given_it_up(scene: Scene) -> None:
    ORDERS.looks = [lambda: None, lambda: None, lambda: ORDERS.given_up.update({A})]

    def revoke(group: FakeGroup) -> None:
        group.revoke(group, partitions(A))
        assert not ORDERS.looks  # it has looked until it was told

    scene.run(lambda group: group.assign(group, partitions(A, B)), revoke)
    assert scene.words() == [("assigned", ["orders/0", "orders/1"]), ("revoked", ["orders/0"])]
    assert ("unassign", ["orders/0"]) in scene.group.done
    assert not ORDERS.given_up


def test_a_supervisor_that_gives_up_nothing_holds_up_the_others_no_longer_than_it_may(scene: Scene) -> None:
    def revoke(group: FakeGroup) -> None:
        FakeDeadline.patience = 3
        group.revoke(group, partitions(A))

    class FakeDeadline:
        patience = 0

        @classmethod
        def after(cls, seconds: float) -> FakeDeadline:
            assert seconds == 30
            return cls()

        def passed(self) -> bool:
            FakeDeadline.patience -= 1
            return FakeDeadline.patience < 0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(group_member, "Deadline", FakeDeadline)
        scene.run(revoke)
    assert ("unassign", ["orders/0"]) in scene.group.done


def test_at_its_end_nobody_is_asked(scene: Scene) -> None:
    def prepare(group: FakeGroup) -> None:
        group.at_close = lambda group: (group.revoke(group, partitions(A)), group.lose(group, partitions(B)))

    scene.run(lambda group: group.assign(group, partitions(A, B)), prepare)
    assert scene.words() == [("assigned", ["orders/0", "orders/1"])]


def test_what_is_lost_is_told_at_once(scene: Scene) -> None:
    scene.run(lambda group: group.assign(group, partitions(A)), lambda group: group.lose(group, partitions(A)))
    [_, lost] = [said for said in scene.said if said.word is not Word.CONTACT]
    assert (lost.word, lost.keys, lost.at) == (Word.LOST, (A,), 100.0)
    assert "session timeout" in lost.text


@pytest.mark.parametrize(
    ("code", "fate"),
    [
        (KafkaError.UNSUPPORTED_VERSION, Fate.UNSUPPORTED),
        (KafkaError.UNRELEASED_INSTANCE_ID, Fate.UNRELEASED),
        (KafkaError.FENCED_INSTANCE_ID, Fate.FENCED),
        (KafkaError.INVALID_GROUP_ID, Fate.OTHER),
    ],
)
def test_after_a_fatal_error_all_is_lost_and_it_ends(scene: Scene, code: int, fate: Fate) -> None:
    ended, why = scene.run(lambda group: group.assign(group, partitions(A, B)), fatal(code))
    assert ended is fate
    assert KafkaError(code).str() in why
    assert scene.words()[1:] == [("lost", ["orders/0", "orders/1"])]
    assert scene.group.done[-1] == "close"


def test_that_the_coordinator_answers_is_told_and_that_it_does_not_is_remembered(scene: Scene) -> None:
    def later(group: FakeGroup, *, silent: bool = False) -> None:
        scene.now += 1.0  # a twelfth of the session
        group.silent = silent

    scene.run(lambda _: None, later, lambda group: later(group, silent=True), later)
    assert [said.at for said in scene.said] == [100.0, 101.0, 103.0]
    assert scene.member.silent_at == 102.0


def test_an_error_that_is_not_fatal_is_told_once(scene: Scene) -> None:
    def error(_: FakeGroup) -> Any:
        return SimpleNamespace(error=lambda: KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED, "not for you"))

    assert scene.run(error, error, lambda _: SimpleNamespace(error=lambda: None))[0] is Fate.ASKED
    assert [(said.word, said.text) for said in scene.said if said.text] == [(Word.TROUBLE, "not for you")]


def test_its_properties_are_those_of_the_protocol(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.run()
    consumer = scene.group.properties
    assert consumer["group.protocol"] == "consumer"
    assert (consumer["group.id"], consumer["group.instance.id"]) == ("members", "host-1")
    assert consumer["max.poll.interval.ms"] == 50_000
    assert (consumer["sasl.username"], consumer["enable.auto.commit"]) == ("me", "false")
    assert "session.timeout.ms" not in consumer
    scene = Scene(monkeypatch)
    scene.run(protocol="classic")
    classic = scene.group.properties
    assert classic["partition.assignment.strategy"] == "cooperative-sticky"
    assert (classic["session.timeout.ms"], classic["heartbeat.interval.ms"]) == (12_000, 1_000)


def test_a_property_that_is_none_is_a_wrong_setting(scene: Scene) -> None:
    with pytest.raises(SettingsError, match="no such property"):
        scene.run(start=MemberStart(**{**_fields(START), "kafka": {"bootstrap.servers": "k:1", "wrong": "1"}}))


def _fields(start: MemberStart) -> dict[str, Any]:
    return {name: getattr(start, name) for name in MemberStart.__slots__}


def test_new_certificates_end_the_member_and_its_partitions_are_not_lost(scene: Scene, tmp_path: Path) -> None:
    file = tmp_path / "client.pem"
    start = MemberStart(**{**_fields(START), "kafka": {"bootstrap.servers": "k:1", "ssl.key.location": str(file)}})

    def change(group: FakeGroup) -> None:
        group.assign(group, partitions(A))
        file.write_text("a certificate")

    scene.monkeypatch.setattr(renewal, "EVERY", 0.0)
    assert scene.run(change, start=start) == (Fate.RENEWED, "")
    assert scene.words() == [("assigned", ["orders/0"])]
    assert FakeGroup.made[0].done[-1] == "close"
