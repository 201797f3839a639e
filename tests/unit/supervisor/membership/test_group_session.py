"""The session timeout of a group: asked for, changed where it may be, and told where it stays."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError

from supervisor.kafka import admin_link
from supervisor.membership.group_session import brokers_session
from tests.support.fakes.fake_kafka import FakeAdmin, answered, failure
from tests.support.samples.member_start import START


class FakeGroups(FakeAdmin):
    """The brokers' settings of a group."""

    session: Any = "45000"
    refusal: Any = None
    changed: dict[str, str] = {}  # noqa: RUF012 - each test sets its own

    def describe_configs(self, wanted: list[Any], request_timeout: float) -> Any:
        assert request_timeout > 0
        if isinstance(self.session, Exception):
            return {wanted[0]: answered(self.session)}
        return {wanted[0]: answered({"consumer.session.timeout.ms": SimpleNamespace(value=self.session)})}

    def incremental_alter_configs(self, wanted: list[Any], request_timeout: float) -> Any:
        assert request_timeout > 0
        FakeGroups.changed = {one.name: one.value for one in wanted[0].incremental_configs}
        return {wanted[0]: answered(self.refusal)}


@pytest.fixture(autouse=True)
def _fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin_link, "AdminClient", FakeGroups)
    FakeGroups.session, FakeGroups.refusal, FakeGroups.changed = "45000", None, {}


def test_one_that_is_as_wanted_is_left_alone() -> None:
    FakeGroups.session = "12000"
    assert brokers_session(START) == (12.0, "")
    assert not FakeGroups.changed


def test_another_one_is_changed_with_heartbeats_that_it_has_room_for() -> None:
    assert brokers_session(START) == (12.0, "")
    assert FakeGroups.changed == {"consumer.session.timeout.ms": "12000", "consumer.heartbeat.interval.ms": "1333"}


def test_one_that_may_not_be_changed_is_told_and_counts() -> None:
    FakeGroups.refusal = failure(KafkaError.INVALID_CONFIG, "45000 at least")
    seconds, why = brokers_session(START)
    assert seconds == 45
    assert "stays 45 s, and not session_seconds = 12: 45000 at least" in why


@pytest.mark.parametrize("said", [failure(KafkaError.GROUP_AUTHORIZATION_FAILED, "not for you"), "?"])
def test_one_that_nobody_tells_is_taken_for_what_is_set(said: Any) -> None:
    FakeGroups.session = said
    seconds, why = brokers_session(START)
    assert seconds == 12
    assert "is not known" in why
