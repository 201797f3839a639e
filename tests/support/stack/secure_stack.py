"""A secure embedded stack of a test's own, what can be wrong with its certificates and passwords, and raw clients."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import io
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fastavro
from confluent_kafka import Producer
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy.engine import make_url

from infra.stack.artifacts.cache import artifact_paths, cache_directory
from infra.stack.layout import StackLayout, load_layout
from infra.stack.security.certificates import AUTHORITY, AUTHORITY_KEY, Authority, new_authority
from infra.stack.security.client_files import write_client_files
from infra.stack.services import control as service_control
from infra.stack.services import start as service_start
from infra.stack.services.kafka import kafka_services
from infra.stack.services.mariadb import mariadb_service
from infra.stack.services.registry import registry_service
from infra.stack.state import Addresses, write_private_bytes
from rtpipe.mysql.engine import bare_connection
from tests.support.waits import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.stack.services.service import Service

HOST = "127.0.0.1"


class SecureStack:
    """Up already."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @property
    def layout(self) -> StackLayout:
        found = load_layout(self.directory)
        assert found is not None
        return found

    @property
    def addresses(self) -> Addresses:
        return self.layout.addresses

    def issue(self, fault: str = "") -> bytes:
        """A certificate for its servers; `fault`: what is wrong with it."""
        authority = read_authority(self.layout.certificates)
        match fault:
            case "expired":
                return authority.issue("server", [HOST], life=-dt.timedelta(hours=1))
            case "name":
                return authority.issue("server", ["elsewhere.example"])
            case "authority":
                return new_authority("somebody else").issue("server", [HOST])
        return authority.issue("server", [HOST])

    def services(self) -> dict[str, Service]:
        """By name, of the newest layout."""
        layout, programs = self.layout, artifact_paths(cache_directory())
        found = [mariadb_service(layout, programs.mariadb), *kafka_services(layout, programs.kafka)]
        return {one.name: one for one in [*found, registry_service(layout, programs.registry)]}

    def restart(self, *names: str) -> None:
        """Stop and start these services; returns when they answer those who log in rightly."""
        self.start_anew(*(self.services()[name] for name in names))

    def start_anew(self, *chosen: Service) -> None:
        """The same for services that may differ from those that run."""
        running = service_control.find(chosen)
        service_control.stop({running[one.name]: one for one in chosen if one.name in running}, grace=20)
        for service in chosen:
            started = service_start.start(service, lambda _: None)
            service_start.await_ready(service, started, threading.Event())

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """As root."""
        with contextlib.closing(bare_connection(make_url(self.addresses.admin_database_url), autocommit=True)) as one:
            cursor = one.cursor()
            cursor.execute(sql)
            return list(cursor.fetchall())

    def send(self, topic: str, schema: dict[str, Any], records: list[dict[str, Any]]) -> None:
        """Registered, encoded and sent by raw clients."""
        url, properties = self.addresses.schema_registry_url, self.addresses.registry
        with SchemaRegistryClient({"url": url, **properties}) as registry:
            schema_id = registry.register_schema(f"{topic}-value", Schema(json.dumps(schema), "AVRO"))
        producer = Producer({"bootstrap.servers": self.addresses.bootstrap_servers, **self.addresses.kafka})
        for record in records:
            body = io.BytesIO()
            fastavro.schemaless_writer(body, fastavro.parse_schema(schema), record)
            producer.produce(topic, b"\0" + schema_id.to_bytes(4, "big") + body.getvalue())
        assert producer.flush(60) == 0


class Client:
    """Settings of one client in files of its own, which a test may change."""

    def __init__(self, stack: SecureStack, directory: Path, **others: Any) -> None:
        """`others`: addresses in the place of the stack's."""
        self.stack, self.directory = stack, directory
        self.addresses = dataclasses.replace(stack.addresses, **others)
        self.write()

    def write(self) -> None:
        """The files, by `addresses`."""
        write_client_files(self.directory, self.addresses)

    @property
    def env(self) -> dict[str, str]:
        own = {name: text for name, text in os.environ.items() if not name.startswith("RTPIPE_")}
        folders = {name: str(self.directory) for name in ("XDG_RUNTIME_DIR", "RTPIPE_STATE_DIR")}
        return own | folders | {"RTPIPE_CONFIG": str(self.directory / "rtpipe.toml"), "RTPIPE_LOG_FORMAT": "json"}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command, to its end."""
        command = [sys.executable, "-m", "rtpipe", *words]
        return subprocess.run(command, env=self.env, capture_output=True, text=True, check=False, timeout=120)

    @contextlib.contextmanager
    def supervising(self, *words: str) -> Iterator[Supervising]:
        """`rtpipe supervise`, ended at the end, which must be a clean one."""
        log = self.directory / "log"
        command = [sys.executable, "-m", "rtpipe", "supervise", *words]
        with log.open("wb") as file:
            process = subprocess.Popen(command, env=self.env, stdout=file, stderr=file)
        try:
            yield Supervising(process, log)
            assert process.poll() is None, log.read_text()
            process.terminate()
            assert process.wait(60) == 0, log.read_text()
        except BaseException:
            print(log.read_text())
            raise
        finally:
            process.kill()
            process.wait()


@dataclasses.dataclass(frozen=True)
class Supervising:
    """A supervisor that runs, and its log."""

    process: subprocess.Popen[bytes]
    log: Path

    def lines(self, event: str) -> list[str]:
        """What it said with this event."""
        found = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [one["msg"] for one in found if one.get("event") == event]

    def says(self, event: str, words: str) -> None:
        """Wait until it does."""
        what = f"{event} with {words!r}"
        eventually(lambda: any(words in line for line in self.lines(event)), within=90, what=what)


@contextlib.contextmanager
def secure_stack(directory: Path) -> Iterator[SecureStack]:
    """Up, and deleted afterwards."""
    from infra.stack.layout import StackOptions  # noqa: PLC0415
    from tests.support.stack.stack import running_stack  # noqa: PLC0415

    with running_stack(directory, StackOptions(secure=True)):
        yield SecureStack(directory)


@contextlib.contextmanager
def handshakes(pem: bytes, folder: Path, port: int = 0) -> Iterator[int]:
    """The port of a server that shows this certificate and says nothing else."""
    file = folder / "shown.pem"
    write_private_bytes(file, pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    listener = socket.create_server((HOST, port))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as shown:
                    shown.recv(1)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def read_authority(folder: Path) -> Authority:
    key = serialization.load_pem_private_key((folder / AUTHORITY_KEY).read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return Authority(x509.load_pem_x509_certificate((folder / AUTHORITY).read_bytes()), key)
