"""A process beside the workers: real ones, which end, hang, and are started again."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path

import pytest

from supervisor.companions import companion as module
from supervisor.companions.companion import Companion
from tests.support.waits import eventually

#: Writes a line for each that it is told, and one at its end.
_ECHO = """
import sys
with open(sys.argv[1], "a") as out:
    for line in sys.stdin:
        if line == "die\\n":
            sys.exit(3)
        out.write(line)
        out.flush()
    out.write("end\\n")
"""


@pytest.fixture
def echo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Companion:
    (tmp_path / "echo_companion.py").write_text(_ECHO)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return Companion("echo", "echo_companion", str(tmp_path / "out"))


def until_dead(companion: Companion, now: float) -> None:
    deadline = time.monotonic() + 30
    while companion._process is not None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
        companion.look(now)


def test_it_is_told_lines_and_ends_with_its_input(echo: Companion, tmp_path: Path) -> None:
    assert not echo.tell(b"nobody hears\n")
    echo.look(1.0)
    assert echo.tell(b"one\n")
    assert echo.tell(b"two\n")
    echo.stop()
    assert (tmp_path / "out").read_text() == "one\ntwo\nend\n"
    echo.stop()


def test_one_that_dies_is_told_of_and_starts_again_after_growing_pauses(
    echo: Companion, caplog: pytest.LogCaptureFixture
) -> None:
    now, pauses = 1.0, []
    with caplog.at_level(logging.DEBUG, logger="rtpipe"):
        for _ in range(3):
            echo.look(now)
            echo.tell(b"die\n")
            until_dead(echo, now)
            pauses.append(echo._due - now)
            now = echo._due
    assert pauses == [1.0, 2.0, 4.0]
    assert echo.starts == 3
    assert "echo: ended with exit code 3" in caplog.text
    assert {record.__dict__["event"] for record in caplog.records} == {"companion_died"}
    assert [record.levelname for record in caplog.records] == ["WARNING", "DEBUG", "DEBUG"]


def test_one_that_lived_for_long_starts_again_at_once(echo: Companion) -> None:
    echo.look(1.0)
    echo.tell(b"die\n")
    until_dead(echo, 100.0)
    assert echo._due == 101.0


def test_one_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "deaf_companion.py").write_text("import time\ntime.sleep(600)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(module, "_GRACE", 0.1)
    deaf = Companion("deaf", "deaf_companion")
    deaf.look(1.0)
    process = deaf._process
    assert process is not None
    deaf.stop()
    assert process.returncode == -9


def test_one_that_does_not_read_holds_up_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "deaf_companion.py").write_text("import time\ntime.sleep(600)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(module, "_GRACE", 0.1)
    deaf = Companion("deaf", "deaf_companion")
    deaf.look(1.0)
    told = 0
    while deaf.tell(b"x" * 4_095 + b"\n"):
        told += 1
    assert told
    deaf.stop()


def test_a_line_that_is_longer_than_the_pipe_arrives_whole(echo: Companion, tmp_path: Path) -> None:
    echo.look(1.0)
    long = b"y" * 300_000 + b"\n"
    assert echo.tell(long)
    while not echo.tell(b"after\n"):
        time.sleep(0.01)
    echo.stop()
    assert (tmp_path / "out").read_bytes() == long + b"after\nend\n"


def test_the_rest_of_a_line_arrives_by_itself(echo: Companion, tmp_path: Path) -> None:
    line = b"x" * 1_000_000 + b"\n"
    echo.look(1.0)
    assert echo.tell(line)

    def arrived() -> bool:
        echo.look(1.0)
        return (tmp_path / "out").exists() and (tmp_path / "out").read_bytes() == line

    eventually(arrived)
    echo.stop()


def test_one_that_cannot_be_started_is_told_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    nobody = Companion("nobody", "nothing")
    nobody.look(1.0)
    assert "nobody: cannot be started: No such file or directory" in caplog.text
    assert nobody._due == 2.0


def test_what_it_says_is_heard_line_by_line_also_after_it_was_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "speaking_companion.py").write_text("print('one')\nprint('two', flush=True)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    heard: list[str] = []
    companion = Companion("speaking", "speaking_companion", hear=heard.append)
    for turn in range(2):
        companion.look(turn * 100.0)
        eventually(lambda: len(heard) == 2 * turn + 2, what="two lines more")  # noqa: B023
        until_dead(companion, 1.0)
    assert heard == ["one\n", "two\n"] * 2
