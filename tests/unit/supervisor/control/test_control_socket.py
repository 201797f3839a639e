from __future__ import annotations

import os
import pwd
import shutil
import socket
import socketserver
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from supervisor.control.control_socket import ControlServer, ask, ask_all, runtime_directory
from supervisor.control.peer import Peer, peer_of
from supervisor.status.before_plan import StatusBeforePlan
from supervisor.status.facts.pipeline_status import PipelineStatus
from supervisor.status.supervisors_elsewhere import describe, find_elsewhere, how_to_look
from tests.support.waits import eventually


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


def test_one_that_may_ask_may_ask_for_somebody_else(tmp_path: Path) -> None:
    path = tmp_path / "run" / "supervisor-1.sock"
    server = ControlServer(str(path))
    server.open(lambda: None)
    replies: list[object] = []
    try:
        asking = threading.Thread(target=lambda: replies.append(ask(path, "who", by="alice on host-2")))
        asking.start()

        def answered() -> bool:
            server.answer({"who": lambda request: {"who": request.peer.user, "may": request.peer.may_ask}})
            return not asking.is_alive()

        eventually(answered)
    finally:
        server.close()
    assert replies == [{"who": "alice on host-2", "may": True}]


def test_only_the_own_user_and_root_are_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run" / "supervisor-1.sock"
    server = ControlServer(str(path))
    server.open(lambda: None)
    own = Peer(os.getpid(), os.getuid())
    try:
        found: list[Peer] = []

        def of_another_user(link: socket.socket) -> Peer:
            found.append(peer_of(link))
            return Peer(7, os.geteuid() + 1)

        monkeypatch.setattr("supervisor.control.control_socket.peer_of", of_another_user)
        said = ask(path, "status")
        assert said is not None
        assert "is another user's" in said["error"]
        assert found == [own]
    finally:
        server.close()
    assert own.may_ask
    assert own.user == pwd.getpwuid(os.getuid()).pw_name
    assert Peer(7, 0).may_ask
    assert Peer(7, 4_000_000_000).user == "#4000000000"


def test_a_socket_left_behind_is_removed(tmp_path: Path) -> None:
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


def test_supervisors_elsewhere_are_found_by_their_sockets_and_told_with_the_way_to_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = f"{tmp_path}/mine/supervisor-{os.getpid()}.sock"
    theirs = f"/run/rt pipe/supervisor-{os.getpid()}.sock"
    rows = [
        "Num       RefCount Protocol Flags    Type St Inode Path",
        f"0000000000000000: 00000002 00000000 00010000 0001 01 123 {mine}",
        f"0000000000000000: 00000002 00000000 00010000 0001 01 123 {theirs}.new",
        f"0000000000000000: 00000003 00000000 00000000 0001 03 124 {theirs}.new",
        "0000000000000000: 00000002 00000000 00010000 0001 01 125 /run/gone/supervisor-4194305.sock.new",
        "0000000000000000: 00000002 00000000 00010000 0001 01 126 @/tmp/something",
        "0000000000000000: 00000003 00000000 00000000 0001 03 127",
    ]
    listing = tmp_path / "unix"
    listing.write_text("\n".join(rows))
    [found] = find_elsewhere(tmp_path / "mine", str(listing))
    assert (found.pid, found.user_id, found.directory) == (os.getpid(), os.getuid(), "/run/rt pipe")
    assert describe([found] * 5).count("(pid ") == 3
    monkeypatch.setattr(sys, "argv", ["/opt/rtpipe/.venv/bin/rtpipe"])
    command = "RTPIPE_RUNTIME_DIR='/run/rt pipe' /opt/rtpipe/.venv/bin/rtpipe status"
    assert how_to_look(found) == command
    monkeypatch.setattr(os, "geteuid", lambda: found.user_id + 1)
    assert how_to_look(found) == f"sudo -u {pwd.getpwuid(found.user_id).pw_name} env {command}"
    assert find_elsewhere(tmp_path, str(tmp_path / "no such file")) == []


def test_a_supervisor_that_really_listens_elsewhere_is_found(tmp_path: Path) -> None:
    server = ControlServer(str(tmp_path / "run" / f"supervisor-{os.getpid()}.sock"))
    server.open(lambda: None)
    try:
        found = [one for one in find_elsewhere(tmp_path / "here") if one.pid == os.getpid()]
        assert [(one.user_id, one.directory) for one in found] == [(os.getuid(), str(tmp_path / "run"))]
    finally:
        server.close()


@pytest.mark.parametrize("said", ["", "not JSON", "[1]", "null"])
def test_an_answer_that_is_none(tmp_path: Path, said: str) -> None:
    path = tmp_path / "supervisor-4.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()

        def answer() -> None:
            with listening.accept()[0] as link:
                link.recv(1_000)
                link.sendall(f"{said}\n".encode())

        threading.Thread(target=answer, daemon=True).start()
        assert ask(path, "status") is None
    assert path.exists()


def test_a_request_that_nests_too_deep_is_no_crash(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "supervisor-6.sock"
    server = ControlServer(str(path))
    server.open(lambda: None)
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(str(path))
            link.sendall(b"[" * 60_000 + b"\n")
            assert link.recv(1) == b""
    finally:
        server.close()
    assert "RecursionError" not in capfd.readouterr().err


def test_status_is_told_while_there_is_no_plan_yet(tmp_path: Path) -> None:
    path = tmp_path / "supervisor-5.sock"
    with StatusBeforePlan(str(path), ["orders", "payments"], "no broker answers") as room:
        room.reason = "no broker answers at k:1"
        [told] = ask_all(tmp_path, "status")
        why = "its partitions are not known yet: no broker answers at k:1"
        assert ask(path, "pause", where=["orders/0", "refunds"]) == {
            "done": [],
            "refused": {"orders/0": why},
            "unknown": ["refunds"],
            "warning": "",
        }
    status = PipelineStatus.from_json(told)
    assert [(one.key, one.state, one.reason, one.lag) for one in status.partitions] == [
        ("orders", "waiting", "no broker answers at k:1", None),
        ("payments", "waiting", "no broker answers at k:1", None),
    ]
    assert not path.exists()


_ASK = """import socket, sys
link = socket.socket(socket.AF_UNIX)
link.connect(sys.argv[1])
link.sendall(b'{"command": "status", "by": "root"}\\n')
print(link.makefile().readline())"""


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root, and setpriv of util-linux")
def test_another_user_is_refused_even_where_the_files_let_him_in() -> None:
    python = Path(sys.executable).resolve()
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        path = Path(name) / "supervisor-1.sock"
        Path(name).chmod(0o755)
        server = ControlServer(str(path))
        server.open(lambda: None)
        try:
            path.chmod(0o666)
            nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", str(python), "-I", "-c", _ASK]
            told = subprocess.run([*nobody, str(path)], check=False, capture_output=True, text=True)
            assert "another user's, and root" not in told.stdout, "whoever may not ask speaks for nobody"
            assert "another user's" in told.stdout, told.stderr
        finally:
            server.close()
