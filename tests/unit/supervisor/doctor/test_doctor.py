"""`rtpipe doctor`: what each check makes of the answers that it gets, and that no check disturbs another."""

from __future__ import annotations

import json
import resource
from importlib import metadata
from types import SimpleNamespace
from typing import Any

import pytest

from rtpipe.errors import ExitCode
from supervisor.doctor import (
    diagnosis,
    host_checks,
)
from supervisor.doctor.examination import Examined, examine
from supervisor.doctor.finding import Verdict, failure, fine, warning
from supervisor.doctor.host_checks import HostChecks
from supervisor.settings.settings import Settings
from tests.support.command_answers import Command

OK, WARN, FAIL = Verdict


def test_this_machine(examined: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def found(partitions: int = 3) -> dict[str, Verdict]:
        [area] = examine([HostChecks(examined, partitions).area()])
        return {finding.name: finding.verdict for finding in area.findings}

    def no_stranger(_: str) -> str:
        raise metadata.PackageNotFoundError

    monkeypatch.setattr(f"{host_checks.__name__}.metadata.version", no_stranger)
    monkeypatch.setattr(f"{host_checks.__name__}.resource.getrlimit", lambda _: (1_000, 1_000))
    monkeypatch.setattr(f"{host_checks.__name__}.psutil.virtual_memory", lambda: SimpleNamespace(available=1 << 30))
    monkeypatch.setattr(f"{host_checks.__name__}.shutil.disk_usage", lambda _: SimpleNamespace(free=1 << 30))
    assert set(found().values()) == {OK}
    many = found(100)
    assert (many["open files"], many["processes"], many["memory"]) == (FAIL, FAIL, WARN)
    monkeypatch.setattr(f"{host_checks.__name__}.shutil.disk_usage", lambda _: SimpleNamespace(free=1))
    monkeypatch.setattr(f"{host_checks.__name__}.metadata.version", lambda _: "4.3.0")
    assert (found()["disk"], found()["packages"]) == (FAIL, FAIL)
    assert host_checks.limit("open files", resource.RLIM_INFINITY, 9, "").found == "no limit"


EXAMINED = [
    Examined(
        "database",
        [fine("version", "8.4"), warning("sync_binlog", "0", "why", "SET [x] = 1"), failure("clock", "a", "b", "c")],
    )
]


def test_the_command(rtpipe: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def diagnose(_: Settings, topics: Any) -> list[Examined]:
        asked.append(topics)
        return EXAMINED

    monkeypatch.setattr(diagnosis, "diagnose", diagnose)
    answer = rtpipe("doctor", "-t", "a,b")
    assert answer.returncode == ExitCode.DIFFERENT
    assert asked == [["a", "b"]]
    assert [line.rstrip() for line in answer.stdout.splitlines()] == [
        "database",
        "  OK   version  8.4",
        "  WARN sync_binlog  0",
        "       why",
        "       fix: SET [x] = 1",
        "  FAIL clock  a",
        "       b",
        "       fix: c",
        "1 OK, 1 WARN, 1 FAIL",
    ]
    told = json.loads(rtpipe("doctor", "--json").stdout)
    assert told["counts"] == {"OK": 1, "WARN": 1, "FAIL": 1}
    assert told["checks"][1] == {
        "area": "database",
        "name": "sync_binlog",
        "verdict": "WARN",
        "found": "0",
        "meaning": "why",
        "fix": "SET [x] = 1",
    }
    EXAMINED[0] = Examined("database", [warning("a", "b", "c", "d")])
    assert rtpipe("doctor").returncode == 0


def test_with_no_address_at_all(rtpipe: Command) -> None:
    told = json.loads(rtpipe("doctor", "-t", "orders", "--json").stdout)["checks"]
    missing = [one["found"] for one in told if one["name"] == "connection"]
    assert len(missing) == 3
    assert all("no value for RTPIPE_" in one for one in missing)
    assert {one["area"] for one in told} == {"settings", "kafka", "registry", "database", "tables", "machine"}
