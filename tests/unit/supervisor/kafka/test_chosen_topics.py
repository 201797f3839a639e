"""Which topics a command is for; Kafka is a fake that is asked only for patterns."""

from __future__ import annotations

from typing import Any

import pytest

from rtpipe.errors import SettingsError, UnreachableError
from supervisor.kafka import chosen_topics as module
from supervisor.kafka.chosen_topics import chosen_topics, known_topics
from supervisor.settings.settings import Settings
from workers.contract.errors import SetupError


class FakeCluster:
    address = "k:1"
    away = False

    def __init__(self, _properties: object, *, file: str) -> None:
        """Asked for nothing yet."""

    def topic_names(self) -> list[str]:
        if self.away:
            raise UnreachableError("no broker answers at k:1")
        return ["orders", "bank.b", "bank.a", "__offsets"]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> type[FakeCluster]:
    class Cluster(FakeCluster):
        """Of one test."""

    monkeypatch.setattr(module, "ClusterView", Cluster)
    return Cluster


def settings(*serve: str) -> Settings:
    return Settings.model_construct(bootstrap_servers="k:1", serve=serve)


def test_the_option_wins_over_the_settings(cluster: Any) -> None:
    assert chosen_topics(settings("orders"), ["a,b"]) == ["a", "b"]
    assert chosen_topics(settings("orders", "^bank"), None) == ["orders", "bank.a", "bank.b"]
    with pytest.raises(SettingsError, match="no topic given"):
        chosen_topics(settings(), None)


def test_a_pattern_that_fits_nothing_is_named(cluster: Any) -> None:
    with pytest.raises(SetupError, match=r"Kafka at k:1 has no topic that fits \^shop"):
        chosen_topics(settings(), ["^shop"])


def test_kafka_is_asked_for_patterns_alone_and_what_is_known_without_it_is_its_names(cluster: Any) -> None:
    cluster.away = True
    assert chosen_topics(settings(), ["a"]) == ["a"]
    assert known_topics(settings(), ["a,^bank"]) == ["a"]
    with pytest.raises(UnreachableError):
        chosen_topics(settings(), ["^bank"])
