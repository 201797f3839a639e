"""A host's process says what its supervisor says, and has done what is asked; socket and table are fakes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from supervisor.companions import companion_process
from supervisor.control.control_socket import Request
from supervisor.control.peer import Peer
from supervisor.hosts import host_process
from supervisor.hosts.host_process import HostProcess, HostStart
from supervisor.hosts.host_said import HostSaid
from supervisor.hosts.hosts_heard import HostsHeard
from supervisor.hosts.hosts_table import Asked
from tests.support.samples.statuses import pipeline_status
from workers.database.errors import DatabaseTrouble

START = HostStart("/run/s.sock", "members", "host-1", "mysql+pymysql://u:p@h/bank", "", 9, "json", "INFO")
STATUS = {"partitions": [{"topic": "orders", "partition": 0}]}
GONE, NO_TABLE = 2013, 1146


class Scene:
    """What the supervisor answers, and what the table has."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers: dict[str, Any] = {"status": STATUS, "pause": {"done": ["orders/0"]}}
        self.questions: list[tuple[str, dict[str, Any]]] = []
        self.published: list[Any] = []
        self.wanted: list[Asked] = []
        self.replies: list[Any] = []
        self.troubles: list[Exception] = []
        self.opened, self.closed = 0, 0
        monkeypatch.setattr(host_process, "ask", self._ask)
        monkeypatch.setattr(host_process, "open_session", self._open)
        monkeypatch.setattr(host_process, "HostsTable", lambda *_: self)
        self.process = HostProcess(START)

    def _ask(self, path: Path, command: str, **more: Any) -> Any:
        assert path == Path("/run/s.sock")
        self.questions.append((command, more))
        return self.answers.get(command)

    def _open(self, url: str, silence: int) -> Any:
        assert (url, silence) == (START.database_url, 9)
        self.opened += 1
        return SimpleNamespace(connection=None, close=self._close)

    def _close(self) -> None:
        self.closed += 1

    def hosts(self) -> list[HostSaid]:
        return [HostSaid("host-1", "h:1", 2.0, pipeline_status({}))]

    def publish(self, *said: Any) -> None:
        if self.troubles:
            raise self.troubles.pop(0)
        self.published.append(said)

    def asked(self, instance_id: str) -> Asked | None:
        assert instance_id == "host-1"
        return self.wanted.pop(0) if self.wanted else None

    def answer(self, *said: Any) -> None:
        self.replies.append(said)


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(monkeypatch)


def test_what_the_supervisor_says_is_published_by_one_connection(scene: Scene) -> None:
    for _ in range(2):
        scene.process.look()
    assert [(name, status) for name, _, status in scene.published] == [("host-1", STATUS)] * 2
    assert scene.published[0][1].endswith(f":{os.getppid()}")
    assert scene.questions == [("status", {"processes": False})] * 2
    assert scene.opened == 1


@pytest.mark.parametrize("tells", [False, True])
def test_a_supervisor_with_a_page_is_told_of_all_hosts(
    scene: Scene, tells: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.process = HostProcess(replace(START, tells=tells))
    scene.process.look()
    heard = HostsHeard()
    for line in capsys.readouterr().out.splitlines():
        heard.hear(line)
    answer = heard.answer(Request({}, Peer(1, 0)))
    assert [one["instance_id"] for one in answer["hosts"]] == ["host-1"] * tells
    assert answer["seconds"] >= 0


@pytest.mark.parametrize("answer", [None, {"error": "it ends"}])
def test_of_a_supervisor_that_says_nothing_nothing_is_said(scene: Scene, answer: Any) -> None:
    scene.answers["status"] = answer
    scene.process.look()
    assert not scene.published


def test_what_is_asked_is_done_in_the_name_of_whoever_asked(scene: Scene) -> None:
    scene.wanted = [
        Asked("1", "pause", {"where": ["orders/0"], "dry_run": False}, "alice on host-2"),
        Asked("2", "resume", {"where": ["orders/0"]}, "alice on host-2"),
    ]
    for _ in range(3):
        scene.process.look()
    assert scene.questions[1] == ("pause", {"where": ["orders/0"], "dry_run": False, "by": "alice on host-2"})
    assert scene.replies == [
        ("host-1", "1", {"done": ["orders/0"]}),
        ("host-1", "2", {"error": "the supervisor does not answer"}),
    ]


def test_nothing_else_than_pause_resume_restart_and_drain_is_done_for_another_host(scene: Scene) -> None:
    scene.wanted = [Asked("1", "step-over", {"where": ["orders/0"]}, "alice on host-2")]
    scene.process.look()
    assert [command for command, _ in scene.questions] == ["status"]
    assert scene.replies == [("host-1", "1", {"error": "step-over: not to be asked of another host"})]


def test_a_database_that_is_away_is_told_once_until_it_answers(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    for troubles in ([GONE, GONE], [], [NO_TABLE]):
        scene.troubles = [DatabaseTrouble(number) for number in troubles]
        for _ in range(len(troubles) or 1):
            scene.process.look()
    assert [vars(record)["event"] for record in caplog.records] == ["host_not_published"] * 2
    assert "rtpipe setup" in caplog.text
    assert (scene.opened, scene.closed, len(scene.published)) == (3, 3, 1)


def test_it_begins_with_what_it_is_told_and_ends_with_its_input(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[HostStart] = []
    plain: Callable[..., Any] = host_process.HostProcess

    def process(start: HostStart) -> Any:
        made.append(start)
        return plain(start)

    monkeypatch.setattr(companion_process, "begin", lambda: None)
    monkeypatch.setattr(host_process, "log_to_stderr", lambda *_: None)
    monkeypatch.setattr(host_process, "HostProcess", process)
    for line in (b"", START.line()):
        monkeypatch.setattr(companion_process, "first_line", lambda line=line: line)
        reader, writer = os.pipe()
        os.close(writer)
        with os.fdopen(reader, "rb") as heard:
            monkeypatch.setattr(sys, "stdin", heard)
            host_process.main()
    assert made == [START]
