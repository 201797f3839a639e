"""A command in this process, which has all modules already, and what every refusal looks like."""

from __future__ import annotations

import gc
import json
import logging
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from supervisor.cli import main

CANARY = "hunter2-canary"
Command = Callable[..., subprocess.CompletedProcess[str]]


def exit_code() -> int:
    """What the command in sys.argv ends with."""
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


@pytest.fixture
def rtpipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """One command in an empty folder, off a terminal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    log = logging.getLogger("rtpipe")
    for name in ("handlers", "level", "propagate"):  # which a command sets for its whole process
        monkeypatch.setattr(log, name, getattr(log, name))
    monkeypatch.setattr(logging, "raiseExceptions", logging.raiseExceptions)

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "argv", ["rtpipe", *arguments])
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return subprocess.CompletedProcess(arguments, exit_code(), *capfd.readouterr())

    yield run
    with warnings.catch_warnings():  # a command's process would have ended, and taken along what it left open
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


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
