"""Settings of a client of a secure stack: rtpipe.toml, and files with the secrets that it names."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

from infra.stack.state import Addresses, write_private_bytes

SETTINGS = "rtpipe.toml"
_FOLDER = "client"
#: Of the blocks, what is secret; it goes to a file, and the rest to rtpipe.toml.
_SECRET = ("sasl.username", "sasl.password", "sasl.oauthbearer.client.secret", "basic.auth.user.info")
_HEAD = "# Made by `rtpipe infra up --secure`. Each file is read again at the next connection.\n"


def write_client_files(directory: Path, addresses: Addresses) -> None:
    """For the owner alone; files that say the same already stay as they are."""
    lines = [f"bootstrap_servers = {json.dumps(addresses.bootstrap_servers)}"]
    lines.append(f"schema_registry_url = {json.dumps(addresses.schema_registry_url)}")
    blocks: list[str] = []
    for name, value in dataclasses.asdict(addresses).items():
        if name.endswith("database_url"):
            lines.append(_named_file(directory, name, value))
        elif isinstance(value, dict):
            secret = {key: text for key, text in value.items() if key in _SECRET}
            if secret:
                lines.append(_named_file(directory, name, json.dumps(secret)))
            blocks += ["", f"[{name}]", *_block({key: text for key, text in value.items() if key not in secret})]
    _write(directory / SETTINGS, _HEAD + "\n".join([*lines, *blocks]) + "\n")


def _named_file(directory: Path, name: str, text: str) -> str:
    path = directory / _FOLDER / name
    _write(path, text + "\n")
    return f"{name}_file = {json.dumps(str(path))}"


def _block(properties: Mapping[str, str]) -> list[str]:
    return [f"{json.dumps(key)} = {json.dumps(text)}" for key, text in properties.items()]


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_private_bytes(path, text.encode())
