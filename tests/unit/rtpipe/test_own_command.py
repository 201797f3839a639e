"""Commands that are printed work as they are typed; and no client's own lines are printed beside ours."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest

from rtpipe.own_command import own_command
from workers.produce import producer


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an environment `.venv` whose rtpipe this is."""
    program = tmp_path / ".venv" / "bin" / "rtpipe"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program.parent / "python"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin")
    return program


def test_off_the_path_it_is_a_path(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert own_command() == ".venv/bin/rtpipe"
    monkeypatch.chdir("/usr")
    assert own_command() == str(environment)


def test_on_the_path_it_is_the_name(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{environment.parent}:/usr/bin")
    assert own_command() == "rtpipe"


def test_another_rtpipe_on_the_path_is_not_this_one(
    environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other" / "rtpipe"
    other.parent.mkdir()
    other.write_bytes(environment.read_bytes())
    other.chmod(0o755)
    monkeypatch.setenv("PATH", f"{other.parent}:/usr/bin")
    assert own_command() == ".venv/bin/rtpipe"


def test_lines_of_the_producers_client_go_nowhere_by_themselves() -> None:
    """Without any handler Python would print them: "Failed to acquire idempotence PID" at the first `produce`."""
    assert producer.log.handlers
    assert all(isinstance(handler, logging.NullHandler) for handler in producer.log.handlers)
