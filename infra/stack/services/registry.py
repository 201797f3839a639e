"""Apicurio Registry, which speaks the API of Confluent's, with its schemas in a file database (H2)."""

from __future__ import annotations

import base64
import http.client
import ssl
from typing import TYPE_CHECKING

from infra.stack.ports import HOST
from infra.stack.security.certificates import AUTHORITY, SERVER
from infra.stack.security.passwords import CLIENT
from infra.stack.services.service import NotReadyError, Service, java, java_options
from infra.stack.state import write_private_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from infra.stack.layout import StackLayout

_HTTP_OK = 200
_HEAP = ["-Xmx320m", "-XX:+UseSerialGC"]


def registry_service(layout: StackLayout, program: Path) -> Service:
    """The one registry."""
    home = layout.directory / "registry"
    mark = f"-Drtpipe.service={home}"
    private = home / "application.properties"

    def write_private_settings() -> None:
        """Not among the arguments, which everybody sees."""
        if layout.secure:
            lines = [f"{key}={value}\n" for key, value in _security(layout).items()]
            write_private_bytes(private, "".join(lines).encode())

    def command() -> list[str]:
        settings = {
            "quarkus.http.host": HOST,
            "quarkus.http.port": layout.registry_port,
            "quarkus.http.access-log.enabled": "false",
            "quarkus.management.host-enabled": "false",  # else a second server listens on every interface, port 9000
            "quarkus.banner.enabled": "false",
            "apicurio.storage.kind": "sql",
            "apicurio.storage.sql.kind": "h2",
            # relative to the stack, where it is started; an acknowledged schema is on disk, whatever happens next
            "apicurio.datasource.url": "jdbc:h2:file:./registry/schemas;WRITE_DELAY=0",
            **({"smallrye.config.locations": private.relative_to(layout.directory)} if layout.secure else {}),
        }
        flags = [f"-D{key}={value}" for key, value in settings.items()]
        scratch = layout.directory / "tmp" / "registry"
        return [java(), mark, *_HEAP, *java_options(scratch), *flags, "-jar", str(program / "quarkus-run.jar")]

    return Service(
        name="registry",
        port=layout.registry_port,
        ports={layout.registry_port: "choose another one: rtpipe infra up --registry-port N"},
        mark=mark,
        directory=home,
        program=program,
        prepare=lambda _draft: None,
        before_start=write_private_settings,
        command=command,
        check=lambda timeout: _check(layout, timeout),
    )


def _security(layout: StackLayout) -> dict[str, object]:
    """TLS and an account. This registry cannot ask its clients for certificates."""
    server = layout.certificates.relative_to(layout.directory) / SERVER
    return {
        "quarkus.http.insecure-requests": "disabled",
        "quarkus.http.ssl-port": layout.registry_port,
        "quarkus.http.ssl.certificate.files": server,
        "quarkus.http.ssl.certificate.key-files": server,
        "quarkus.http.auth.basic": "true",
        "quarkus.security.users.embedded.plain-text": "true",
        f"quarkus.security.users.embedded.users.{CLIENT}": layout.passwords.registry,
        f"quarkus.security.users.embedded.roles.{CLIENT}": "sr-admin",
    }


def _login(layout: StackLayout) -> dict[str, str]:
    if not layout.secure:
        return {}
    words = f"{CLIENT}:{layout.passwords.registry}"
    return {"Authorization": f"Basic {base64.b64encode(words.encode()).decode()}"}


def _check(layout: StackLayout, timeout: float) -> None:
    connection = http.client.HTTPConnection(HOST, layout.registry_port, timeout=timeout)
    if layout.secure:
        trusted = ssl.create_default_context(cafile=layout.certificates / AUTHORITY)
        connection = http.client.HTTPSConnection(HOST, layout.registry_port, timeout=timeout, context=trusted)
    try:
        connection.request("GET", "/apis/ccompat/v7/subjects", headers=_login(layout))
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as exc:
        raise NotReadyError(f"GET /subjects: {exc}") from exc
    finally:
        connection.close()
    if status != _HTTP_OK:
        raise NotReadyError(f"GET /subjects: HTTP {status}")
