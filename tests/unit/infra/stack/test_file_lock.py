from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from infra.stack.file_lock import file_lock

if TYPE_CHECKING:
    from pathlib import Path


def never() -> None:
    raise AssertionError("nobody else holds the lock")


def test_second_waits_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "new" / "lock"
    events: list[str] = []
    waits = threading.Event()

    def second() -> None:
        with file_lock(path, waits.set):
            events.append("second")

    other = threading.Thread(target=second)
    with file_lock(path, never):
        other.start()
        assert waits.wait(10)
        events.append("first")
    other.join()
    assert events == ["first", "second"]


def test_deleted_lock_is_made_anew(tmp_path: Path) -> None:
    """A purge deletes the file while another waits for it: the lock of a deleted file protects nobody."""
    path = tmp_path / "lock"
    waits = threading.Event()
    seen: list[bool] = []

    def second() -> None:
        with file_lock(path, waits.set):
            seen.append(path.exists())

    other = threading.Thread(target=second)
    with file_lock(path, never):
        other.start()
        assert waits.wait(10)
        path.unlink()
    other.join()
    assert seen == [True]
