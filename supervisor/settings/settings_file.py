"""The file rtpipe.toml."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

from rtpipe.errors import SettingsError
from supervisor.settings.environment import PREFIX

_NAME = "rtpipe.toml"
_LARGEST = 1 << 20  #: bytes


def settings_path() -> Path | None:
    """The file of the settings: that of `$RTPIPE_CONFIG`, else rtpipe.toml in the working directory, if it is there."""
    named = os.environ.get(f"{PREFIX}CONFIG")
    path = Path(named or _NAME)
    return path if named or path.exists() else None


def settings_from_toml() -> dict[str, Any]:
    """What the file of the settings holds. Raises SettingsError."""
    path = settings_path()
    if path is None:
        return {}
    try:
        if path.stat().st_size > _LARGEST:
            raise SettingsError(f"{path}: larger than 1 MB", hint="is this the right file?")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise SettingsError(f"{path}: {exc.strerror}", hint="RTPIPE_CONFIG names the settings file") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise SettingsError(f"{path}: not valid TOML: {exc}", hint="see docs/settings.md for an example") from exc
