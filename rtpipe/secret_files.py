"""Secrets in files are read again at each new connection: a password that was changed needs no restart."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path


def current_url(known: str, path: str) -> str:
    """The database URL that the file holds by now; `known` without a file, or while it holds none.

    A file is replaced in an instant or in two steps; in between, the old password is as good as any.
    """
    if not path:
        return known
    from rtpipe.mysql.engine import mysql_url  # noqa: PLC0415 - half of the time that `rtpipe status` would take

    try:
        return mysql_url(current_text(known, path)).render_as_string(hide_password=False)
    except ValueError:
        return known


def current_text(known: str, path: str) -> str:
    """What the file holds by now; `known` without a file, or while it holds nothing."""
    try:
        return (Path(path).read_text(encoding="utf-8").strip() if path else "") or known
    except (OSError, ValueError):
        return known


def current_properties(known: dict[str, str], path: str) -> dict[str, str]:
    """`known` with the properties that the file holds by now, if they can be read."""
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8")) if path else {}
    except (OSError, ValueError):
        return known
    same = isinstance(found, dict) and all(isinstance(value, str) for value in found.values())
    return {**known, **found} if same else known


class FileWatch:
    """Whether files have changed since they were looked at; those that are not there may come."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = tuple(paths)
        self._found = self._seen = self._stamps()

    def changed(self) -> bool:
        """Look at them: since the last `seen`, or the beginning."""
        self._found = self._stamps()
        return self._found != self._seen

    def seen(self) -> None:
        """They are known as they were at the last look."""
        self._seen = self._found

    def _stamps(self) -> list[tuple[int, int, int] | None]:
        return [stamp(path) for path in self._paths]


def stamp(path: str) -> tuple[int, int, int] | None:
    """Tells a file from what it was before; None if there is none."""
    try:
        now = os.stat(path) if path else None  # noqa: PTH116 - "" is no path
    except OSError:
        return None
    return now and (now.st_mtime_ns, now.st_ino, now.st_size)
