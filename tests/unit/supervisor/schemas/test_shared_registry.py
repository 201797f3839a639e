"""The one registry client of a pipeline: when it is opened, and when one that was dropped is closed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rtpipe.errors import SettingsError
from supervisor.schemas.shared_registry import SharedRegistry


class Client:
    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


class Opener:
    """Opens clients and remembers them; raises `trouble` instead while there is one."""

    def __init__(self) -> None:
        self.made: list[Client] = []
        self.trouble: Exception | None = None

    def __call__(self) -> Any:
        if self.trouble is not None:
            raise self.trouble
        self.made.append(Client())
        return self.made[-1]

    def closed(self) -> list[int]:
        return [client.closed for client in self.made]


def test_it_is_opened_once_and_by_whoever_needs_it() -> None:
    opener = Opener()
    shared = SharedRegistry(opener)
    assert opener.made == []
    assert shared.current() is shared.current()
    assert opener.closed() == [0]


def test_an_opening_that_fails_is_tried_again_by_the_next_one() -> None:
    opener = Opener()
    opener.trouble = SettingsError("no certificate")
    shared = SharedRegistry(opener)
    with pytest.raises(SettingsError):
        shared.current()
    opener.trouble = None
    shared.current()
    assert opener.closed() == [0]


def test_what_is_dropped_is_closed_once_and_another_one_opened() -> None:
    opener = Opener()
    shared = SharedRegistry(opener)
    shared.drop()
    first = shared.current()
    shared.drop()
    shared.drop()
    assert opener.closed() == [1]
    assert shared.current() is not first
    assert opener.closed() == [1, 0]


def test_what_is_dropped_stays_open_as_long_as_another_thread_may_use_it() -> None:
    """A topic whose account is refused took the client away from a topic that was just asking."""
    opener = Opener()
    shared = SharedRegistry(opener)
    with shared.in_use():
        shared.current()
        with shared.in_use():
            shared.drop()
        assert opener.closed() == [0]
        shared.current()
    assert opener.closed() == [1, 0]


def test_what_breaks_a_use_does_not_keep_it_in_use() -> None:
    opener = Opener()
    shared = SharedRegistry(opener)
    shared.current()

    def breaks() -> None:
        with shared.in_use():
            shared.drop()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        breaks()
    assert opener.closed() == [1]


def test_another_is_opened_once_a_file_has_changed_and_the_old_one_is_closed_when_nobody_uses_it(
    tmp_path: Path,
) -> None:
    opener, file = Opener(), tmp_path / "ca.pem"
    shared = SharedRegistry(opener, [str(file)])
    with shared.in_use():
        first = shared.current()
        file.write_text("a certificate")
        assert shared.current() is not first
        assert shared.current() is shared.current()
    assert opener.closed() == [1, 0]
