"""Secrets in files are read again at each new connection: a password that was changed needs no restart."""

from __future__ import annotations

import json
import os
from pathlib import Path


def current_url(known: str, path: str) -> str:
    """The database URL that the file holds by now; `known` without a file, or while it holds none.

    A file is replaced in an instant or in two steps; in between, the old password is as good as any.
    """
    if not path:
        return known
    from rtpipe.mysql.engine import mysql_url  # noqa: PLC0415 - half of the time that `rtpipe status` would take

    try:
        text = Path(path).read_text(encoding="utf-8").strip()
        return mysql_url(text).render_as_string(hide_password=False) if text else known
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


def stamp(path: str) -> tuple[int, int, int] | None:
    """Tells a file from what it was before; None if there is none."""
    try:
        now = os.stat(path) if path else None  # noqa: PTH116 - "" is no path
    except OSError:
        return None
    return now and (now.st_mtime_ns, now.st_ino, now.st_size)
