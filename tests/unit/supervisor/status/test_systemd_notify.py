"""What systemd hears, through a socket of the test's own."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from supervisor.status.systemd_notify import SystemdNotifier

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield listener


def test_ready_alive_and_stopping(systemd: socket.socket) -> None:
    notifier = SystemdNotifier()
    notifier.ready("2 of 2 partitions running")
    notifier.alive("1 of 2 partitions running; halted: orders/1")
    notifier.stopping()
    heard = [systemd.recv(4_096).decode().splitlines() for _ in range(3)]
    assert heard == [
        ["READY=1", "STATUS=2 of 2 partitions running"],
        ["WATCHDOG=1", "STATUS=1 of 2 partitions running; halted: orders/1"],
        ["STOPPING=1", "STATUS=draining"],
    ]


def test_no_worker_speaks_for_the_service(systemd: socket.socket) -> None:
    SystemdNotifier()
    assert "NOTIFY_SOCKET" not in os.environ


def test_a_sign_of_life_three_times_as_often_as_asked_for(
    systemd: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    assert SystemdNotifier().watchdog_every == 10


@pytest.mark.parametrize("limit", ["", "soon"])
def test_without_a_watchdog(systemd: socket.socket, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", limit)
    assert SystemdNotifier().watchdog_every is None


def test_abstract_addresses_and_nobody_who_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"rtpipe-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}")
        listener.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        notifier = SystemdNotifier()
        notifier.ready("x")
        assert listener.recv(4_096) == b"READY=1\nSTATUS=x"
    notifier.stopping()  # systemd went away: not our trouble
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    SystemdNotifier().ready("nobody asked")
