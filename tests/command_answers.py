"""A command in this process, which has all modules already, and what every refusal looks like."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from supervisor.cli import main

CANARY = "hunter2-canary"
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def rtpipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """One command in an empty folder, off a terminal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "argv", ["rtpipe", *arguments])
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as left:
            main()
        return subprocess.CompletedProcess(arguments, int(left.value.code or 0), *capfd.readouterr())

    return run


def refused(answer: subprocess.CompletedProcess[str], code: int, name: str, *words: str) -> None:
    """The shape of every error: one line that names it, what to do, nothing on stdout, no secret, no traceback."""
    said = answer.stderr
    assert answer.returncode == code, said
    errors = [line for line in said.splitlines() if line.startswith("error ")]
    assert len(errors) == 1, said
    assert re.match(rf"error {name}  \S", errors[0]), said
    assert len([line for line in said.splitlines() if line.startswith("  what to do  ")]) == 1, said
    for word in words:
        assert word in said
    for unwanted in (CANARY, "Traceback", "\x1b", "FAIL [", "this is a bug"):
        assert unwanted not in said + answer.stdout
    assert answer.stdout == "" or json.loads(answer.stdout)
