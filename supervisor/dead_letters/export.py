"""Dead letters into files: what Kafka gave, to be looked at elsewhere or sent anew."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from rtpipe.errors import SettingsError
from supervisor.dead_letters.view import content_of, facts_of
from workers.retry.dead_letter import DeadLetter


def json_line(dead_letter: DeadLetter) -> str:
    """Everything of a dead letter in one line."""
    return json.dumps(facts_of(dead_letter) | content_of(dead_letter))


def write_lines(dead_letters: Iterable[DeadLetter], out: TextIO) -> int:
    """A line for each dead letter; how many there were."""
    count = 0
    for count, dead_letter in enumerate(dead_letters, 1):  # noqa: B007 - the last one is the number
        out.write(json_line(dead_letter) + "\n")
    return count


def write_file(dead_letters: Iterable[DeadLetter], path: Path) -> int:
    """The same into a file that only its owner may read, and that is there whole or not at all."""
    with _beside(path):
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "w") as out:
                count = write_lines(dead_letters, out)
                out.flush()
                os.fsync(out.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    return count


def write_directory(dead_letters: Iterable[DeadLetter], path: Path) -> int:
    """TOPIC-PARTITION-OFFSET.key, .value and .json for each dead letter, in a new directory."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise SettingsError(f"{path} is there already", hint="name a directory that is new or empty")
    with _beside(path):
        folder = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
        try:
            count = 0
            for count, dead_letter in enumerate(dead_letters, 1):  # noqa: B007
                _write_files_of(dead_letter, folder)
            folder.replace(path)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    return count


def _write_files_of(dead_letter: DeadLetter, folder: Path) -> None:
    name = f"{dead_letter.source.key.topic}-{dead_letter.source.key.partition}-{dead_letter.offset}"
    if (folder / f"{name}.json").exists():  # of another consumer group, or of a topic that was made again
        name += f"-{dead_letter.source.group.replace(os.sep, '_')}-{dead_letter.source.topic_id.replace(os.sep, '_')}"[
            :100
        ]
    for part, data in (("key", dead_letter.key), ("value", dead_letter.value)):
        if data is not None:
            (folder / f"{name}.{part}").write_bytes(data)
    facts: dict[str, Any] = facts_of(dead_letter) | content_of(dead_letter)
    del facts["key"], facts["value"]
    (folder / f"{name}.json").write_text(json.dumps(facts, indent=2) + "\n")


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[None]:
    """The errors of the operating system for this path, as SettingsError."""
    try:
        yield
    except OSError as exc:
        raise SettingsError(f"{path}: {exc.strerror}", hint="name another path with --output") from exc
