"""A command looks at all hosts, and asks those that have what is meant; the table is a fake."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from rtpipe.errors import SettingsError
from rtpipe.pause import PausePolicy
from supervisor.hosts import all_hosts, hosts_view
from supervisor.hosts.all_hosts import ask_hosts, forget_host, known_hosts
from supervisor.hosts.host_said import HostSaid
from supervisor.hosts.hosts_table import Asked
from supervisor.settings.settings import Settings
from supervisor.status.facts.pipeline_status import PipelineStatus
from tests.support.samples.statuses import partition_status

SETTINGS = Settings(membership_group="members", database_url=SecretStr("mysql+pymysql://u:p@h/bank"))
PLACES = ["orders/0", "payments"]
REPLY = {"done": ["orders/0"], "refused": {}, "unknown": ["payments"], "warning": ""}


def host(name: str, *numbers: int, age: float = 2.0, state: str = "running") -> HostSaid:
    partitions = tuple(
        dataclasses.replace(partition_status(), topic="orders", partition=number, state=state) for number in numbers
    )
    return HostSaid(name, f"{name}:1", age, PipelineStatus(1, 5.0, False, partitions))


class FakeTable:
    """`replies`: of each host that answers, after so many looks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *hosts: HostSaid) -> None:
        self.known = list(hosts)
        self.replies: dict[str, Any] = {}
        self.asked: list[tuple[str, Asked]] = []
        self.looks = 0
        self.forgotten: list[str] = []
        monkeypatch.setattr(all_hosts, "hosts_table", self._open)
        monkeypatch.setattr(all_hosts, "_LOOKS", PausePolicy.steady(0.0))
        monkeypatch.setattr(all_hosts, "_PATIENCE", 0.05)

    @contextlib.contextmanager
    def _open(self, *_: Any) -> Iterator[FakeTable]:
        yield self

    def hosts(self) -> list[HostSaid]:
        return self.known

    def ask(self, name: str, asked: Asked) -> None:
        self.asked.append((name, asked))

    def forget(self, name: str) -> None:
        self.forgotten.append(name)

    def answer_to(self, name: str, number: str) -> Any:
        assert number == self.asked[-1][1].number
        self.looks += 1
        return self.replies.get(name) if self.looks > 2 else None


def test_only_the_host_that_has_it_is_asked_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    table = FakeTable(monkeypatch, host("a", 0), host("b", 1))
    table.replies["a"] = REPLY
    monkeypatch.setenv("RTPIPE_PAGE_CLIENT", "10.0.0.7")
    replies = ask_hosts(SETTINGS, "pause", PLACES, {"dry_run": True})
    assert replies == [REPLY, {"done": [], "refused": {}, "unknown": PLACES}]
    [(name, asked)] = table.asked
    body = {"dry_run": True, "where": PLACES, "page_client": "10.0.0.7"}
    assert (name, asked.command, asked.body) == ("a", "pause", body)
    assert " on " in asked.by


@pytest.mark.parametrize(("age", "times"), [(60.0, 0), (1.0, 1)])
def test_a_host_that_is_silent_or_does_not_answer_refuses(
    monkeypatch: pytest.MonkeyPatch, age: float, times: int
) -> None:
    table = FakeTable(monkeypatch, host("a", 0, age=age))
    [reply] = ask_hosts(SETTINGS, "pause", PLACES, {})
    assert len(table.asked) == times
    assert "the host a (a:1) does not answer" in reply["refused"]["orders/0"]
    assert reply["unknown"] == ["payments"]


def test_a_topic_is_asked_of_all_that_have_some_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    table = FakeTable(monkeypatch, host("a", 0), host("b", 1))
    table.replies = {"a": REPLY, "b": REPLY}
    ask_hosts(SETTINGS, "pause", ["orders"], {})
    assert [name for name, _ in table.asked] == ["a", "b"]


def test_a_group_of_which_nothing_is_known_is_no_empty_one(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeTable(monkeypatch)
    with pytest.raises(SettingsError, match="no host of the group members"):
        known_hosts(SETTINGS)


def test_every_host_is_shown_and_a_silent_one_since_when(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    FakeTable(monkeypatch, host("a", 0), host("b", 1, 2, age=125))
    hosts = known_hosts(SETTINGS)
    hosts_view.print_hosts(hosts)
    said = capsys.readouterr().out
    assert "a  (a:1)  2 s ago" in said
    assert "b  (b:1)  silent for 2 min 5 s, since 20" in said
    assert "rtpipe status --all-hosts --forget b" in said
    assert "it had 2 partitions; others may have them by now" in said
    assert not hosts_view.are_well(hosts)
    assert hosts_view.are_well([host("a", 0)])
    assert not hosts_view.are_well([host("a", 0, state="halted")])
    shown = hosts_view.as_json(hosts)["hosts"]
    assert [(one["instance_id"], one["silent"], len(one["status"]["partitions"])) for one in shown] == [
        ("a", False, 1),
        ("b", True, 2),
    ]


def test_a_host_that_is_gone_is_forgotten_and_one_that_speaks_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    table = FakeTable(monkeypatch, host("a", 0), host("b", 1, age=3_600))
    for name, why in (("a", "the host a speaks"), ("c", "no host c is known")):
        with pytest.raises(SettingsError, match=why):
            forget_host(SETTINGS, name)
    forget_host(SETTINGS, "b")
    assert table.forgotten == ["b"]


def test_what_a_host_said_is_the_same_in_json_and_older_later() -> None:
    said = host("b", 1, 2, age=3.0)
    assert HostSaid.from_json(said.to_json(), 4.0) == dataclasses.replace(said, age=7.0)
