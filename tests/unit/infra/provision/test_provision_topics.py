"""Topics are looked at and made through an AdminClient that stands in for the real one."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from infra.provision import topics
from infra.provision.topics import FoundTopic, TopicAdmin, TopicSetupError, copies_for
from rtpipe.credentials import AccessDeniedError, LoginRefusedError
from rtpipe.errors import RtpipeError, SettingsError, UnreachableError


class FakeClient:
    """Three brokers and one topic; fails as it is told to."""

    fails: KafkaError | None = None
    also: KafkaError | None = None  #: what the error callback hears before
    made: tuple[str, ...] = ()

    def __init__(self, settings: dict[str, Any]) -> None:
        if settings.get("bad"):
            raise KafkaException(KafkaError(KafkaError._INVALID_ARG))
        if self.also is not None:
            settings["error_cb"](self.also)

    def list_topics(self, timeout: float) -> Any:
        self._fail()
        parts = {0: SimpleNamespace(replicas=[1, 2]), 1: SimpleNamespace(replicas=[1])}
        return SimpleNamespace(brokers={1: 1, 2: 2, 3: 3}, topics={"orders": SimpleNamespace(partitions=parts)})

    def poll(self, timeout: float) -> None: ...

    def create_topics(self, wanted: list[Any], **_: object) -> dict[str, Future[None]]:
        type(self).made = tuple(one.topic for one in wanted)
        return {one.topic: self._answer() for one in wanted}

    def _answer(self) -> Future[None]:
        future = Future[None]()
        if self.fails is None:
            future.set_result(None)
        else:
            future.set_exception(KafkaException(self.fails))
        return future

    def _fail(self) -> None:
        if self.fails is not None:
            raise KafkaException(self.fails)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> type[FakeClient]:
    class Client(FakeClient): ...

    monkeypatch.setattr(topics, "AdminClient", Client)
    return Client


def admin(**more: str) -> TopicAdmin:
    return TopicAdmin({"bootstrap.servers": "h:1", **more})


def test_what_the_cluster_has(client: type[FakeClient]) -> None:
    cluster = admin().describe()
    assert cluster.brokers == 3
    assert cluster.topics == {"orders": FoundTopic(partitions=2, copies=1)}
    assert (cluster.neighbour("Orders"), cluster.neighbour("orders")) == ("orders", None)
    assert not client.made


def test_topics_are_made_and_one_that_is_there_by_now_is_no_error(client: type[FakeClient]) -> None:
    admin().create([], partitions=1, copies=1)
    assert not client.made
    admin().create(["a", "b"], partitions=1, copies=1)
    assert client.made == ("a", "b")
    client.fails = KafkaError(KafkaError.TOPIC_ALREADY_EXISTS)
    admin().create(["a"], partitions=1, copies=1)


@pytest.mark.parametrize(
    ("number", "also", "kind", "word"),
    [
        (KafkaError._TRANSPORT, None, UnreachableError, "no Kafka broker answers at h:1"),
        (KafkaError._TIMED_OUT, KafkaError.SASL_AUTHENTICATION_FAILED, LoginRefusedError, "refuses the login"),
        (KafkaError.CLUSTER_AUTHORIZATION_FAILED, None, AccessDeniedError, "making the topic a"),
        (KafkaError.INVALID_REPLICATION_FACTOR, None, TopicSetupError, "making the topic a"),
    ],
)
def test_what_the_cluster_refuses(
    client: type[FakeClient], number: int, also: int | None, kind: type[RtpipeError], word: str
) -> None:
    client.fails, client.also = KafkaError(number), None if also is None else KafkaError(also)
    with pytest.raises(kind):
        admin().describe()
    with pytest.raises(kind, match=word):
        admin().create(["a"], partitions=1, copies=1)


@pytest.mark.usefixtures("client")
def test_settings_that_are_none() -> None:
    with pytest.raises(SettingsError, match="Kafka settings: "):
        admin(bad="1")
    with pytest.raises(SettingsError, match="replication factor 4"):
        copies_for(3, 4)
    assert (copies_for(2, None), copies_for(5, None), copies_for(3, 2)) == (2, 3, 2)
