"""Settings from files that variables name: what systemd's credentials and mounted secrets look like.

`RTPIPE_DATABASE_URL_FILE=/run/…` gives database_url.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rtpipe.errors import SettingsError
from supervisor.settings.environment import file_variable, variable

#: Settings that hold a password, or may.
SECRET = frozenset(
    {
        "schema_registry_url",
        "database_url",
        "infra_database_url",
        "admin_database_url",
        "kafka",
        "registry",
        "page_token",
    }
)
#: Settings that are a block of properties: JSON in a variable and in a file.
BLOCKS = frozenset({"kafka", "registry"})
_MODE_OF_OTHERS = 0o077


def files_of_secrets() -> dict[str, str]:
    """The file of each secret that comes from one: of those that no variable gives itself."""
    named = {name: os.environ.get(file_variable(name), "") for name in SECRET}
    return {name: path for name, path in named.items() if path and not os.environ.get(variable(name))}


def settings_from_files(names: Iterable[str]) -> dict[str, Any]:
    """The settings of these names that have a file. SettingsError for one that cannot be read, or by too many."""
    found: dict[str, Any] = {}
    for name in names:
        if path := os.environ.get(file_variable(name)):
            found[name] = _content(name, Path(path))
    return found


def _content(name: str, path: Path) -> Any:
    where = f"{file_variable(name)}: {path}"
    try:
        if name in SECRET:
            _require_private(where, path)
        text = path.read_text().strip()
        return json.loads(text) if name in BLOCKS else text
    except OSError as exc:
        raise SettingsError(f"{where}: {exc.strerror}", hint="is it readable for this user?") from exc
    except ValueError:  # its text may hold a password
        raise SettingsError(f"{where}: takes JSON", hint='such as {"sasl.password": "…"}') from None


def _require_private(where: str, path: Path) -> None:
    """SettingsError for a secret that others can read. Nobody else may enter the directory of systemd's credentials."""
    inside = os.environ.get("CREDENTIALS_DIRECTORY")
    if path.stat().st_mode & _MODE_OF_OTHERS and not (inside and path.resolve().is_relative_to(Path(inside).resolve())):
        raise SettingsError(f"{where} can be read by other users", hint=f"chmod 600 {path}")
