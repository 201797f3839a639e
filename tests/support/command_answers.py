"""A command in this process, which has all modules already, and what every refusal looks like."""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from supervisor.cli import main

CANARY = "hunter2-canary"
Command = Callable[..., subprocess.CompletedProcess[str]]
ADDRESSES = {
    "RTPIPE_BOOTSTRAP_SERVERS": "k:1",
    "RTPIPE_SCHEMA_REGISTRY_URL": "http://r:1",
    "RTPIPE_DATABASE_URL": "mysql+pymysql://u:p@db:1/bank",
}


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


class Spy:
    """A function that keeps what it was called with, and answers."""

    def __init__(self, answer: Any = None) -> None:
        self.answer = answer
        self.calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def __call__(self, *given: Any, **named: Any) -> Any:
        self.calls.append((given, named))
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer

    @property
    def only(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        [call] = self.calls
        return call


@pytest.fixture
def addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses of services, which nobody asks."""
    for name, value in ADDRESSES.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts a spy in the place of a name."""

    def put(where: str, answer: Any = None) -> Spy:
        found = Spy(answer)
        monkeypatch.setattr(where, found)
        return found

    return put


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the person at the terminal answers; off a terminal without."""

    def answer(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True, readline=lambda *_: text + "\n"))
        monkeypatch.setattr("click.termui.visible_prompt_func", lambda _prompt: text)
        with contextlib.suppress(AttributeError, ModuleNotFoundError):
            monkeypatch.setattr("typer._click.termui.visible_prompt_func", lambda _prompt: text)

    return answer
