"""Settings from files: what systemd's credentials and mounted secrets look like.

`RTPIPE_DATABASE_URL_FILE=/run/…` gives database_url; so does the file `database_url` in `$CREDENTIALS_DIRECTORY`, and
`database_url_file = "/run/…"` in rtpipe.toml. Of several the first one counts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rtpipe.errors import SettingsError
from supervisor.settings.environment import file_variable, variable
from supervisor.settings.settings_file import settings_from_toml, settings_path

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
_CREDENTIALS = "CREDENTIALS_DIRECTORY"
_MODE_OF_OTHERS = 0o077


def files_of_secrets() -> dict[str, str]:
    """The file of each secret that comes from one: of those that no variable gives itself."""
    in_toml = settings_from_toml()
    named = {name: str(file_outside(name) or _file_in(in_toml, name) or "") for name in SECRET}
    return {name: path for name, path in named.items() if path and not os.environ.get(variable(name))}


def settings_from_files(names: Iterable[str]) -> dict[str, Any]:
    """The settings of these names that have a file by a variable or by systemd. SettingsError for one that cannot be
    read, or by too many.
    """
    found = {name: file_outside(name) for name in names}
    return {name: _content(name, path, _source(name)) for name, path in found.items() if path}


def settings_from_toml_and_its_files() -> dict[str, Any]:
    """What rtpipe.toml says, and what the files hold that it names. SettingsError."""
    said = settings_from_toml()
    found = {name: value for name, value in said.items() if name.removesuffix("_file") not in SECRET - {name}}
    for name in SECRET:
        if path := _file_in(said, name):
            content = _content(name, path, f"{name}_file")
            if name not in BLOCKS and name in found:
                raise SettingsError(f"{settings_path()}: both {name} and {name}_file", hint="take one of them out")
            same = isinstance(content, dict) and isinstance(found.get(name), dict)
            found[name] = {**found[name], **content} if same else content
    return found


def file_outside(name: str) -> Path | None:
    """The file of a setting that its variable names, else the one that systemd keeps; None if there is neither."""
    if named := os.environ.get(file_variable(name)):
        return Path(named)
    inside = os.environ.get(_CREDENTIALS)
    kept = Path(inside, name) if inside and name in SECRET else None
    return kept if kept is not None and kept.is_file() else None


def _source(name: str) -> str:
    return file_variable(name) if os.environ.get(file_variable(name)) else f"${_CREDENTIALS}/{name}"


def _file_in(said: dict[str, Any], name: str) -> Path | None:
    """Beside rtpipe.toml, if the name does not begin at the root."""
    path, settings = said.get(f"{name}_file"), settings_path()
    if path is None or settings is None:
        return None
    if not isinstance(path, str):
        raise SettingsError(f"{settings}: {name}_file takes the name of a file")
    return settings.parent / path


def _content(name: str, path: Path, source: str) -> Any:
    where = f"{source}: {path}"
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
    inside = os.environ.get(_CREDENTIALS)
    if path.stat().st_mode & _MODE_OF_OTHERS and not (inside and path.resolve().is_relative_to(Path(inside).resolve())):
        raise SettingsError(f"{where} can be read by other users", hint=f"chmod 600 {path}")
