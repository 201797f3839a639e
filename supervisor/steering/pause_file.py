"""Pauses on disk, so that they outlive the supervisor: a small file for each consumer group of a database."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from rtpipe.log import get_logger

log = get_logger("supervisor")


class PauseFile:
    """Which partitions of a group are paused, and why. A disk that refuses is told, and harms nothing else."""

    def __init__(self, directory: Path | None = None, database: str = "") -> None:
        """`directory` None: nothing is kept. `database`: host, port and name; groups of others are not ours."""
        self._directory = directory
        self._database = database

    def read(self, group: str) -> dict[str, str]:
        """Partition -> why it is paused; nothing if that cannot be read."""
        path = self._path(group)
        if path is None or not path.exists():
            return {}
        try:
            kept = json.loads(path.read_text())["paused"]
            return {str(partition): str(reason) for partition, reason in kept.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
            text = "%s cannot be read, so no partition of %s starts paused: %s"
            log.warning(text, path, group, _words(exc), extra={"event": "pauses_not_read"})
            return {}

    def write(self, group: str, paused: Mapping[str, str]) -> str:
        """Keep these alone. Why they could not be kept; "" if they are."""
        path = self._path(group)
        if path is None:
            return ""
        try:
            if not paused:
                path.unlink(missing_ok=True)
                return ""
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            new = path.with_suffix(f".{os.getpid()}.new")
            new.write_text(json.dumps({"database": self._database, "group": group, "paused": dict(paused)}, indent=1))
            new.replace(path)
        except OSError as exc:
            why = f"pauses of {group} are forgotten when the supervisor ends: {path}: {_words(exc)}"
            log.warning(why, extra={"event": "pauses_not_kept"})
            return why
        return ""

    def _path(self, group: str) -> Path | None:
        if self._directory is None:
            return None
        name = hashlib.sha256(f"{self._database}\n{group}".encode()).hexdigest()[:16]
        return self._directory / f"paused-{name}.json"


def _words(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else "it is not as rtpipe writes it"
