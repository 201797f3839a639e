"""The session timeout of a group: asked for, changed where it may be, and told where it stays."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError

from supervisor.kafka import admin_link
from supervisor.membership.group_session import brokers_session, heartbeat_ms
from tests.support.fakes.fake_kafka import FakeAdmin, answered, failure
from tests.support.samples.member_start import START

SESSION, HEARTBEAT = "consumer.session.timeout.ms", "consumer.heartbeat.interval.ms"
OFFLOAD, INTERVAL = "consumer.assignor.offload.enable", "consumer.assignment.interval.ms"
AS_WANTED = {SESSION: "12000", HEARTBEAT: "1000", OFFLOAD: "false", INTERVAL: "0"}
BY_THEMSELVES = {SESSION: "45000", HEARTBEAT: "5000", OFFLOAD: "true", INTERVAL: "1000"}


class FakeGroups(FakeAdmin):
    """The brokers' settings of a group."""

    said: Any = None
    refused: dict[str, Any] = {}  # noqa: RUF012 - each test sets its own
    changed: dict[str, str] = {}  # noqa: RUF012

    def describe_configs(self, wanted: list[Any], request_timeout: float) -> Any:
        assert request_timeout > 0
        if isinstance(self.said, Exception):
            return {wanted[0]: answered(self.said)}
        return {wanted[0]: answered({name: SimpleNamespace(value=value) for name, value in self.said.items()})}

    def incremental_alter_configs(self, wanted: list[Any], request_timeout: float) -> Any:
        assert request_timeout > 0
        [one] = wanted[0].incremental_configs
        if one.name not in self.refused:
            FakeGroups.changed[one.name] = one.value
        return {wanted[0]: answered(self.refused.get(one.name))}


@pytest.fixture(autouse=True)
def _fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin_link, "AdminClient", FakeGroups)
    FakeGroups.said, FakeGroups.refused, FakeGroups.changed = BY_THEMSELVES, {}, {}


def test_one_that_is_as_wanted_is_left_alone() -> None:
    FakeGroups.said = AS_WANTED
    assert brokers_session(START) == (12.0, "")
    assert not FakeGroups.changed


def test_another_one_is_changed_and_so_is_what_delays_the_news() -> None:
    assert brokers_session(START) == (12.0, "")
    assert FakeGroups.changed == AS_WANTED


def test_what_the_brokers_do_not_know_is_not_asked_of_them() -> None:
    FakeGroups.said = {SESSION: "45000", HEARTBEAT: "5000"}
    assert brokers_session(START) == (12.0, "")
    assert FakeGroups.changed == {SESSION: "12000", HEARTBEAT: "1000"}


def test_one_that_may_not_be_changed_is_told_and_counts() -> None:
    FakeGroups.refused = {SESSION: failure(KafkaError.INVALID_CONFIG, "45000 at least")}
    seconds, why = brokers_session(START)
    assert seconds == 45
    assert "stays 45 s, and not session_seconds = 12: 45000 at least" in why


def test_slower_heartbeats_than_wanted_do_not_keep_the_session_from_being_set() -> None:
    FakeGroups.refused = {HEARTBEAT: failure(KafkaError.INVALID_CONFIG, "5000 at least")}
    assert brokers_session(START) == (12.0, "")
    assert FakeGroups.changed == {name: value for name, value in AS_WANTED.items() if name != HEARTBEAT}


@pytest.mark.parametrize(("session", "heartbeat"), [(6, 666), (9, 1_000), (45, 1_000)])
def test_a_session_has_room_for_several_heartbeats(session: int, heartbeat: int) -> None:
    assert heartbeat_ms(session) == heartbeat


@pytest.mark.parametrize("said", [failure(KafkaError.GROUP_AUTHORIZATION_FAILED, "not for you"), {SESSION: "?"}, {}])
def test_one_that_nobody_tells_is_taken_for_what_is_set(said: Any) -> None:
    FakeGroups.said = said
    seconds, why = brokers_session(START)
    assert seconds == 12
    assert "is not known" in why
