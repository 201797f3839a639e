"""What a shell is offered: the topics of running supervisors, at once, and no word if there is none."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from supervisor.commands.parts import completion
from supervisor.commands.parts.completion import (
    complete_listed_partitions,
    complete_topics,
    complete_topics_and_partitions,
)
from supervisor.control.control_socket import ControlServer
from tests.support.pages import PROJECT

PARTITIONS = [{"topic": topic, "partition": at} for topic in ("orders", "offers", "payments") for at in (0, 1)]


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A supervisor's socket that answers with its status."""
    directory = tmp_path / "run"
    monkeypatch.setenv("RTPIPE_RUNTIME_DIR", str(directory))
    server = ControlServer(str(directory / "supervisor-1.sock"))
    asked, over = threading.Event(), threading.Event()

    def serve() -> None:
        while not over.is_set():
            if asked.wait(0.01):
                asked.clear()
                server.answer(ANSWERS)

    server.open(asked.set)
    thread = threading.Thread(target=serve)
    thread.start()
    yield directory
    over.set()
    thread.join()
    server.close()


ANSWERS: Any = {"status": lambda _: {"partitions": PARTITIONS}}


@pytest.mark.usefixtures("running")
def test_topics_and_partitions() -> None:
    assert complete_topics("o") == ["offers", "orders"]
    assert complete_topics("orders,") == ["orders,offers", "orders,payments"]
    assert complete_topics("orders,p") == ["orders,payments"]
    assert complete_topics_and_partitions("pay") == ["payments"]
    assert complete_topics_and_partitions("payments/") == ["payments/0", "payments/1"]
    assert complete_listed_partitions("orders/0,offers/1") == ["orders/0,offers/1"]


def offered(words: str) -> str:
    """What bash is told, by the console script's own way."""
    environment = os.environ | {
        "_RTPIPE_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
        "PYTHONPATH": str(PROJECT),
    }
    answer = subprocess.run(
        [sys.executable, "-m", "rtpipe"], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert answer.stderr == ""
    return answer.stdout


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("rtpipe supervise --topics o", ["offers", "orders"]),
        ("rtpipe peek orders/", ["orders/0", "orders/1"]),
        ("rtpipe dead-letters list -t pay", ["payments"]),
        ("rtpipe offsets set pay", ["payments/0", "payments/1"]),
    ],
)
def test_a_shell_is_offered_them(words: str, expected: list[str]) -> None:
    assert offered(words).split() == expected


def test_nothing_runs_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RTPIPE_RUNTIME_DIR", str(tmp_path / "none"))
    assert complete_topics("") == []
    monkeypatch.delenv("RTPIPE_RUNTIME_DIR")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rtpipe.toml").write_text("no toml")
    assert complete_topics("") == []


def test_a_supervisor_that_hangs_holds_up_nobody_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = tmp_path / "run"
    directory.mkdir(mode=0o700)
    monkeypatch.setenv("RTPIPE_RUNTIME_DIR", str(directory))
    with socket.socket(socket.AF_UNIX) as hung:
        hung.bind(str(directory / "supervisor-1.sock"))
        hung.listen()
        assert complete_topics("") == []  # ends long before the test's own limit
    assert completion._PATIENCE <= 0.2
