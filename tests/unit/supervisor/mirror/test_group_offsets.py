"""Offsets written to a consumer group: one request, and each refusal with what to do. The admin client is a fake."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import KafkaError

from rtpipe.credentials import AccessDeniedError, LoginRefusedError
from rtpipe.errors import RtpipeError, UnreachableError
from supervisor.kafka import admin_link
from supervisor.mirror.group_offsets import GroupOffsets
from tests.support.fakes.fake_kafka import FakeAdmin, failure
from workers.contract.errors import SetupError
from workers.contract.partition_spec import PartitionKey

OFFSETS = {PartitionKey("orders", 0): 7, PartitionKey("orders", 2): 0}


@pytest.fixture(autouse=True)
def _fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin_link, "AdminClient", FakeAdmin)
    FakeAdmin.made = []


def test_all_partitions_go_in_one_request_by_one_client() -> None:
    groups = GroupOffsets({"bootstrap.servers": "k:1"})
    assert not FakeAdmin.made  # nothing is connected that nobody needs
    groups.write("group-orders", OFFSETS)
    groups.write("group-orders", {PartitionKey("orders", 2): 1})
    [admin] = FakeAdmin.made
    assert admin.written == [
        ("group-orders", {("orders", 0): 7, ("orders", 2): 0}),
        ("group-orders", {("orders", 2): 1}),
    ]


def of_all(code: int) -> Any:
    return failure(code, "no")


@pytest.mark.parametrize("say", [of_all, KafkaError], ids=["the whole request", "one partition"])
@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        (KafkaError.GROUP_AUTHORIZATION_FAILED, AccessDeniedError, "--operation Read --group 'group-orders'"),
        (KafkaError.UNKNOWN_MEMBER_ID, SetupError, "another group than group-orders"),
        (KafkaError.COORDINATOR_LOAD_IN_PROGRESS, UnreachableError, ""),
        (KafkaError._TIMED_OUT, UnreachableError, "RTPIPE_BOOTSTRAP_SERVERS"),
    ],
)
def test_a_refusal_says_what_to_do(say: Any, code: int, error: type[RtpipeError], words: str) -> None:
    groups = GroupOffsets({"bootstrap.servers": "k:1"})
    groups.write("group-orders", OFFSETS)
    FakeAdmin.made[0].refusals = [say(code)]
    with pytest.raises(error, match="k:1") as caught:
        groups.write("group-orders", OFFSETS)
    assert type(caught.value) is error
    assert words in caught.value.hint


def test_a_login_that_is_refused_is_told_as_such() -> None:
    groups = GroupOffsets({"bootstrap.servers": "k:1"})
    groups.write("group-orders", OFFSETS)
    [admin] = FakeAdmin.made
    admin.told = [KafkaError(KafkaError._AUTHENTICATION, "wrong password")]
    admin.refusals = [failure(KafkaError._TIMED_OUT)]
    with pytest.raises(LoginRefusedError, match="wrong password"):
        groups.write("group-orders", OFFSETS)
