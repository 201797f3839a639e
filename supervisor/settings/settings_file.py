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


def settings_from_toml() -> dict[str, Any]:
    """What `$RTPIPE_CONFIG` holds, else rtpipe.toml in the working directory, if it is there. Raises SettingsError."""
    named = os.environ.get(f"{PREFIX}CONFIG")
    path = Path(named or _NAME)
    if not named and not path.exists():
        return {}
    try:
        if path.stat().st_size > _LARGEST:
            raise SettingsError(f"{path}: larger than 1 MB", hint="is this the right file?")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise SettingsError(f"{path}: {exc.strerror}", hint="RTPIPE_CONFIG names the settings file") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise SettingsError(f"{path}: not valid TOML: {exc}", hint="see docs/settings.md for an example") from exc
