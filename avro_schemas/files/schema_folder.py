"""A folder that was given in the place of schema files -> the files in it that may hold schemas."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from rtpipe.errors import SettingsError

#: How the names of schema files end; a file that is given by its name may be called anything.
SUFFIXES = (".avsc", ".avro", ".json", ".jsons", ".jsonschema", ".yaml", ".yml")
#: Most files of a folder.
MAX_FILES = 1_000


def files_of(paths: Sequence[Path]) -> list[Path]:
    """The files among `paths`, and for each folder those in and below it, by name; links to folders are not followed.

    SettingsError for a folder without schema files, or with too many.
    """
    return [file for path in paths for file in (_below(path) if path.is_dir() else [path])]


def _below(folder: Path) -> list[Path]:
    found: list[Path] = []
    for directory, inner, names in os.walk(folder):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        found += [Path(directory) / name for name in sorted(names) if name.lower().endswith(SUFFIXES)]
        if len(found) > MAX_FILES:
            raise SettingsError(f"{folder}: more than {MAX_FILES:,} schema files", hint="give a folder within it")
    if not found:
        raise SettingsError(f"{folder}: no schema file in it", hint=f"their names end with {', '.join(SUFFIXES)}")
    return found
