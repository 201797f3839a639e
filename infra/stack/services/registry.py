"""Apicurio Registry, which speaks the API of Confluent's, with its schemas in a file database (H2)."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING

from infra.stack.ports import HOST
from infra.stack.services.service import NotReadyError, Service, java, java_options

if TYPE_CHECKING:
    from pathlib import Path

    from infra.stack.layout import StackLayout

_HTTP_OK = 200
_HEAP = ["-Xmx320m", "-XX:+UseSerialGC"]


def registry_service(layout: StackLayout, program: Path) -> Service:
    """The one registry."""
    home = layout.directory / "registry"
    mark = f"-Drtpipe.service={home}"

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
        before_start=lambda: None,
        command=command,
        check=lambda timeout: _check(layout.registry_port, timeout),
    )


def _check(port: int, timeout: float) -> None:
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout)
    try:
        connection.request("GET", "/apis/ccompat/v7/subjects")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as exc:
        raise NotReadyError(f"GET /subjects: {exc}") from exc
    finally:
        connection.close()
    if status != _HTTP_OK:
        raise NotReadyError(f"GET /subjects: HTTP {status}")
