"""Acts of people on disk, so that they outlive the supervisor: a small file for each consumer group of a database."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtpipe.log import get_logger

log = get_logger("supervisor")


@dataclass(frozen=True, slots=True)
class Kind:
    """What is kept, by the name of its subject: a partition, or a topic."""

    key: str  #: in the file, and the begin of its name
    words: str  #: for people
    of_json: Callable[[Any], Any]  #: raises ValueError, TypeError or KeyError if it is not as it was written
    if_unread: str  #: what follows for a group whose file cannot be read


#: Why a partition is paused.
PAUSES = Kind("paused", "pauses", str, "no partition of %s starts paused")


class ActFile:
    """What holds in a group. A disk that refuses is told, and harms nothing else."""

    def __init__(self, kind: Kind, directory: Path | None = None, database: str = "") -> None:
        """`directory` None: nothing is kept. `database`: host, port and name; groups of others are not ours."""
        self._kind = kind
        self._directory = directory
        self._database = database

    def read(self, group: str) -> dict[str, Any]:
        """By subject; nothing if that cannot be read."""
        path = self._path(group)
        if path is None or not path.exists():
            return {}
        try:
            kept = json.loads(path.read_text())[self._kind.key]
            return {str(subject): self._kind.of_json(said) for subject, said in kept.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
            text = f"%s cannot be read, so {self._kind.if_unread}: %s"
            log.warning(
                text,
                path,
                group,
                _words(exc),
                extra={"event": "pauses_not_read" if self._kind is PAUSES else "limits_not_read"},
            )
            return {}

    def write(self, group: str, kept: Mapping[str, Any]) -> str:
        """Keep these alone. Why they could not be kept; "" if they are."""
        path = self._path(group)
        if path is None:
            return ""
        try:
            if not kept:
                path.unlink(missing_ok=True)
                return ""
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            new = path.with_suffix(f".{os.getpid()}.new")
            said = {"database": self._database, "group": group, self._kind.key: dict(kept)}
            new.write_text(json.dumps(said, indent=1))
            new.replace(path)
        except OSError as exc:
            why = f"{self._kind.words} of {group} are forgotten when the supervisor ends: {path}: {_words(exc)}"
            log.warning(why, extra={"event": "pauses_not_kept" if self._kind is PAUSES else "limits_not_kept"})
            return why
        return ""

    def _path(self, group: str) -> Path | None:
        if self._directory is None:
            return None
        name = hashlib.sha256(f"{self._database}\n{group}".encode()).hexdigest()[:16]
        return self._directory / f"{self._kind.key}-{name}.json"


def _words(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else "it is not as rtpipe writes it"
