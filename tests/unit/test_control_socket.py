from __future__ import annotations

import socketserver
import stat
import threading
from pathlib import Path

import pytest

from supervisor.control_socket import ControlServer, ask, ask_all, runtime_directory
from tests.waits import eventually


def test_a_question_is_answered_by_the_loop(tmp_path: Path) -> None:
    path = tmp_path / "run" / "supervisor-1.sock"
    woken = threading.Event()
    server = ControlServer(str(path))
    server.open(woken.set)
    try:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        replies: list[object] = []
        asking = threading.Thread(target=lambda: replies.extend([ask(path, "status"), ask(path, "nonsense")]))
        asking.start()

        def answered() -> bool:
            server.answer({"status": lambda _: {"well": True}})
            return not asking.is_alive()

        eventually(answered)
        assert woken.is_set()
        assert replies == [{"well": True}, {"error": "unknown command"}]
    finally:
        server.close()
    assert not path.exists()


def test_a_socket_left_behind_is_removed(tmp_path: Path) -> None:
    import socket  # noqa: PLC0415

    path = tmp_path / "supervisor-2.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert ask(path, "status") is None
    assert not path.exists()


def test_a_socket_that_does_not_listen_yet_is_not_taken_for_one_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run" / "supervisor-3.sock"
    activate = socketserver.ThreadingUnixStreamServer.server_activate

    def asked_meanwhile(server: socketserver.ThreadingUnixStreamServer) -> None:
        assert ask_all(path.parent, "status") == []
        activate(server)

    monkeypatch.setattr(socketserver.ThreadingUnixStreamServer, "server_activate", asked_meanwhile)
    server = ControlServer(str(path))
    server.open(lambda: None)
    try:
        assert [each.name for each in path.parent.iterdir()] == [path.name]
    finally:
        server.close()
    assert not list(path.parent.iterdir())


def test_the_directory_is_short_enough_for_a_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert runtime_directory(tmp_path / "r") == tmp_path / "r" or len(str(tmp_path)) > 70
    assert len(str(runtime_directory(tmp_path / ("x" * 120)))) < 80
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/rtpipe")
    assert runtime_directory(None) == Path("/run/rtpipe")
