"""The file of a bundle: complete or not there, for its owner alone, and without a secret."""

from __future__ import annotations

import io
import json
import os
import tarfile
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rtpipe.errors import SettingsError
from supervisor.bundle.parts import Parts
from supervisor.settings.masking import MASK

#: Characters of a secret from which on it is looked for inside of longer texts.
_FINDABLE = 4


def write_bundle(path: Path, parts: Parts, secrets: Iterable[str]) -> list[tuple[str, int]]:
    """Write a .tar.gz of these parts; the name and the bytes of each. SettingsError for a file that is there already.

    The secrets are taken out of every text once more, whoever has let one in.
    """
    if path.exists():
        raise SettingsError(f"{path} is there already", hint="name another file: -o FILE")
    known = sorted(set(secrets), key=len, reverse=True)
    folder = path.name.removesuffix(".tar.gz")
    written = []
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 600
    try:
        with os.fdopen(handle, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
            for name, part in parts.items():
                content = json.dumps(without(part, known), indent=2, default=str).encode()
                entry = tarfile.TarInfo(f"{folder}/{name}")
                entry.size, entry.mtime, entry.mode = len(content), int(time.time()), 0o600
                archive.addfile(entry, io.BytesIO(content))
                written.append((name, len(content)))
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return written


def without(value: Any, secrets: Iterable[str]) -> Any:
    """The same facts, *** in the place of each secret."""
    if isinstance(value, dict):
        return {without(str(name), secrets): without(one, secrets) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [without(one, secrets) for one in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    for secret in secrets:
        if text == secret:
            return MASK
        if len(secret) >= _FINDABLE:
            text = text.replace(secret, MASK)
    return text
