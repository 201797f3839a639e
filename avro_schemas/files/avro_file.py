"""`schema_avro.json`: the Avro record schemas of a `schema_before.json`, beside it, for producers."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from avro_schemas.files.datasets import DatasetsError
from avro_schemas.files.json_file import json_kind, parsed, read_start, text_of
from rtpipe.errors import SettingsError

#: Name of the converted file, which lies beside its input.
AVRO_FILE = "schema_avro.json"
_HINT = "`rtpipe infra create` writes it from schema_before.json"


def avro_path(beside: Path) -> Path:
    """The path of the converted form of the file `beside`: `schema_avro.json` in the same folder."""
    return beside.with_name(AVRO_FILE)


def avro_text(schemas: Sequence[Mapping[str, Any]]) -> str:
    """What `dump_avro` writes: the same text for the same schemas."""
    return json.dumps(schemas, indent=2, ensure_ascii=False) + "\n"


def dump_avro(schemas: Sequence[Mapping[str, Any]], path: Path) -> Path:
    """Writes `schema_avro.json` into the folder of `path`, the file that was converted, and returns where it is.

    A reader sees the old file or the new one, never a part. SettingsError if the folder cannot be written.
    """
    target = avro_path(path)
    if path.name != target.name or not path.exists():
        _replace(target, avro_text(schemas))
        return target
    raise SettingsError(f"{path}: the converted schemas would replace their own input", hint="give it another name")


def load_avro(path: Path) -> list[dict[str, Any]]:
    """The Avro record schemas of a `schema_avro.json`, each with a `name` and `fields`.

    SettingsError if there is no such file, DatasetsError if it is not what `dump_avro` writes.
    """
    return _records(path, parsed(path, text_of(path, read_start(path, hint=_HINT))))


def _records(path: Path, document: Any) -> list[dict[str, Any]]:
    if not isinstance(document, list) or not document:
        raise DatasetsError(path, [f"it must be an array of Avro record schemas, not {json_kind(document)}"])
    problems = [
        f"schema {number} is no Avro record with a name and fields"
        for number, schema in enumerate(document, 1)
        if not isinstance(schema, dict)
        or schema.get("type") != "record"
        or not isinstance(schema.get("name"), str)
        or not isinstance(schema.get("fields"), list)
    ]
    if problems:
        raise DatasetsError(path, problems)
    return document


def _replace(target: Path, text: str) -> None:
    """Writes `target` in one step: a temporary file beside it, synced, then renamed over it."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o644)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        hint = "copy the schema file into a folder of yours and name it with --schemas"
        raise SettingsError(f"{target}: cannot be written: {error.strerror}", hint=hint) from error
