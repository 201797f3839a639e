"""Confluent's registry client, opened with our settings: what is wrong with them is told without a password."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from confluent_kafka.schema_registry import SchemaRegistryClient

from avro_schemas.registry.properties import FILES, for_client, problem_of
from rtpipe.credentials import without_credentials
from rtpipe.errors import SettingsError

_PROPERTIES_HINT = "the block `registry` in docs/settings.md lists the properties"


def open_client(url: str, config: Mapping[str, str]) -> tuple[SchemaRegistryClient, Any]:
    """The client, and the session that fetches its tokens, if there is one: both are to be closed. SettingsError."""
    shown = without_credentials(url)
    if problem := problem_of(config):
        raise SettingsError(f"the settings for the schema registry at {shown}: {problem}", hint=_PROPERTIES_HINT)
    _require_files(config)
    try:
        client: SchemaRegistryClient = SchemaRegistryClient({"url": url, **for_client(config)})
    except ssl.SSLError as error:
        raise SettingsError(
            f"the certificates for the schema registry at {shown} cannot be used: {error.reason or error}",
            hint="they are PEM files; is the key that of the certificate, and ssl.key.password its password?",
        ) from None
    except (ValueError, TypeError, OSError):  # whose texts may repeat the URL with its password
        raise SettingsError(
            f"the schema registry's settings are not valid for {shown}",
            hint=f"a registry URL is like http://host:8081; {_PROPERTIES_HINT}",
        ) from None
    return client, _issuer(client)


def _require_files(config: Mapping[str, str]) -> None:
    """The client's own words for a file that is not there name none."""
    for name in FILES:
        path = config.get(name)
        try:
            if path is not None and not Path(path).is_dir():
                with Path(path).open("rb"):
                    pass
        except OSError as error:
            raise SettingsError(f"{name} of the schema registry: {path}: {error.strerror}") from None


def _issuer(client: SchemaRegistryClient) -> Any:
    """The session that fetches tokens, if there is one: held to the same certificates as the registry's, for which the
    client itself has no property.
    """
    rest: Any = getattr(client, "_rest_client", None)  # nothing public leads there
    old: Any = getattr(rest.bearer_field_provider, "client", None)
    if not hasattr(old, "client_secret"):
        return None
    words = {name: getattr(old, name) for name in ("client_id", "client_secret", "scope")}
    rest.bearer_field_provider.client = old.__class__(**words, verify=rest.verify)
    return rest.bearer_field_provider.client
