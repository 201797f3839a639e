"""Where the embedded stack is and at which addresses it answers. Light to import, because every command asks."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

_FILE = "addresses.json"


@dataclasses.dataclass(frozen=True, slots=True)
class Addresses:
    """What a client needs to reach the stack; the three accounts are those of infra/mysql/init.sql."""

    bootstrap_servers: str
    schema_registry_url: str
    database_url: str  #: consumer: writes rows
    infra_database_url: str  #: infra: creates and alters tables
    admin_database_url: str  #: admin: creates databases and users; names no database
    kafka: dict[str, str] = dataclasses.field(default_factory=dict)  #: properties for TLS and a login
    registry: dict[str, str] = dataclasses.field(default_factory=dict)


def default_directory() -> Path:
    """`RTPIPE_STACK_DIR`, else the user's data directory."""
    if named := os.environ.get("RTPIPE_STACK_DIR"):
        return Path(named).expanduser()
    return user_directory("XDG_DATA_HOME", ".local/share") / "stack"


def user_directory(variable: str, below_home: str) -> Path:
    """Our own directory of one XDG kind; a relative or empty XDG variable does not count, as its standard says."""
    base = Path(os.environ.get(variable, ""))
    if not base.is_absolute():
        base = _home() / below_home
    return base / "rtpipe"


def _home() -> Path:
    """The user's home; `/`, as Docker says, too, for a user without one and without a name, which containers have."""
    try:
        return Path.home()
    except RuntimeError:
        return Path("/")


def read_addresses(directory: Path) -> Addresses | None:
    """The addresses of the stack in `directory`; None if it is down."""
    try:
        stored = json.loads((directory / _FILE).read_text(encoding="utf-8"))
        return Addresses(**stored)
    except (OSError, ValueError, TypeError):
        return None


def write_addresses(directory: Path, addresses: Addresses) -> None:
    """Write the addresses for the owner alone, because they contain passwords."""
    write_private(directory / _FILE, dataclasses.asdict(addresses))


def forget_addresses(directory: Path) -> None:
    """Delete the addresses: the stack is down, and commands can say so at once."""
    (directory / _FILE).unlink(missing_ok=True)


def write_private(path: Path, content: dict[str, Any]) -> None:
    """Replace a JSON file in one step."""
    write_private_bytes(path, (json.dumps(content, indent=2) + "\n").encode())


def write_private_bytes(path: Path, content: bytes) -> None:
    """Replace a file in one step, so that a reader sees the old or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
